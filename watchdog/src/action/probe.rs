//! Running a program to be judged: how it ended, and the beginning of what it said.
//!
//! It is listened to by pipes, not by the service's file: what it says is for a rule, and standard
//! error comes first, as in Monit. Only the beginning is kept; the rest is read and thrown away, so
//! that no program stalls on a full pipe, and slowly, so that one that never stops talking costs us
//! next to nothing. Not here: what its end means (`check::program`).

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe::Receiver;

use super::output::Sink;
use super::program::{Birth, GRACE};
use super::{Deed, text};
use crate::event::ExitStatus;
use crate::secrets::command;
use crate::service::Program;

/// Read at once.
const CHUNK: usize = 4096;
/// Between two readings of what is thrown away.
const PAUSE: Duration = Duration::from_millis(10);

/// Between TERM and KILL where the daemon is ending.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// What became of a program.
#[derive(Debug)]
pub(crate) struct Probed {
    /// How it ended; or in one line why it could not be run, or not to its end.
    pub(crate) end: Result<ExitStatus, String>,
    /// The beginning of standard error, and of standard output behind that.
    pub(crate) output: Vec<u8>,
}

/// Runs it to its end, or to its timeout or the daemon's end: then it is ended with all that it
/// started. Of what it says `most` bytes are kept.
pub(crate) async fn probe(deed: &Deed, program: &Program, most: usize) -> Probed {
    let not_run = |why: String| Probed { end: Err(why), output: Vec::new() };
    let ending = || text::not_run(&command(program), "the daemon is ending");
    let Some(_counted) = deed.tools.probes.enter() else { return not_run(ending()) };
    let (ears, mouths) = (Ear::open(most), Ear::open(most));
    let ((mut errors, to_errors), (mut output, to_output)) = match (ears, mouths) {
        (Ok(errors), Ok(output)) => (errors, output),
        (Err(error), _) | (_, Err(error)) => {
            return not_run(text::not_run(&command(program), &error.to_string()));
        }
    };
    let sink = Sink::Pipes { output: to_output, errors: to_errors };
    let running = match deed.launch(program, sink, Birth::Apart).await {
        Ok(running) => running,
        Err(why) => return not_run(why),
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(program.timeout, running.ended()) => ended,
        () = deed.tools.probes.ending() => {
            running.end_family(deed, LAST_GRACE).await;
            return not_run(ending());
        }
        never = errors.listen() => match never {},
        never = output.listen() => match never {},
    };
    errors.hear_out();
    output.hear_out();
    let mut said = errors.kept;
    said.extend(output.kept);
    said.truncate(most);
    let end = match ended {
        Ok(status) => Ok(status),
        Err(_) => {
            running.end_family(deed, GRACE).await;
            Err(text::timed_out(&command(program), program.timeout, ""))
        }
    };
    Probed { end, output: said }
}

/// Our end of a pipe, with the beginning of what came through it.
struct Ear {
    pipe: Receiver,
    kept: Vec<u8>,
    most: usize,
}

impl Ear {
    /// With the program's end.
    fn open(most: usize) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok((Self { pipe: Receiver::from_owned_fd(ours)?, kept: Vec::new(), most }, theirs))
    }

    /// Reads for ever.
    async fn listen(&mut self) -> Infallible {
        loop {
            if self.pipe.readable().await.is_err() {
                // The runtime is ending.
                return pending().await;
            }
            match self.hear() {
                // Nobody holds the other end; the program may still run.
                Ok(0) => return pending().await,
                Ok(_) if self.kept.len() < self.most => {}
                Ok(_) => tokio::time::sleep(PAUSE).await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return pending().await,
            }
        }
    }

    /// Takes what is left behind by a program that has ended. Others may go on writing.
    fn hear_out(&mut self) {
        let mut chunk = [0; CHUNK];
        while self.kept.len() < self.most {
            // Not by the runtime: it says that there is nothing until it has been told of what came
            // just now. The pipe itself knows, and does not block.
            match rustix::io::retry_on_intr(|| rustix::io::read(&self.pipe, &mut chunk)) {
                Ok(0) | Err(_) => return,
                Ok(length) => self.keep(&chunk, length),
            }
        }
    }

    fn hear(&mut self) -> io::Result<usize> {
        let mut chunk = [0; CHUNK];
        let length = self.pipe.try_read(&mut chunk)?;
        self.keep(&chunk, length);
        Ok(length)
    }

    fn keep(&mut self, chunk: &[u8], length: usize) {
        let wanted = length.min(self.most.saturating_sub(self.kept.len()));
        self.kept.extend(chunk.iter().take(wanted));
    }
}
