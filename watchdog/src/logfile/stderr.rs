//! Standard error behind a thread of its own: a pipe that nobody reads, or a terminal that is stopped,
//! must not stop the watching.
//!
//! A bounded queue; what does not fit is lost and counted. Not here: the shape of a line.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Lines that may wait.
const ROOM: usize = 1024;
/// How long [`Writer::flush`] waits for a reader.
const PATIENCE: Duration = Duration::from_millis(500);

enum Order {
    Line(String),
    /// Answer when all before it is written.
    Barrier(SyncSender<()>),
}

/// The queue's end. The thread ends with it.
#[derive(Debug)]
pub(super) struct Writer {
    orders: Option<SyncSender<Order>>,
    lost: AtomicU64,
}

impl Writer {
    /// Writes to standard error.
    pub(super) fn start() -> Self {
        Self::onto(io::stderr())
    }

    fn onto(sink: impl Write + Send + 'static) -> Self {
        let (orders, taken) = sync_channel(ROOM);
        let thread = std::thread::Builder::new().name("watchdog-log".into());
        let started = thread.spawn(move || carry(&taken, sink));
        Self { orders: started.is_ok().then_some(orders), lost: AtomicU64::new(0) }
    }

    /// Takes a line; never waits.
    pub(super) fn write(&self, line: String) {
        let sent = self.orders.as_ref().map(|orders| orders.try_send(Order::Line(line)));
        if !matches!(sent, Some(Ok(()))) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until what was taken is written, half a second at most.
    pub(super) fn flush(&self) {
        let Some(orders) = &self.orders else { return };
        let (done, answer) = sync_channel(1);
        match orders.try_send(Order::Barrier(done)) {
            Ok(()) => drop(answer.recv_timeout(PATIENCE)),
            // Nobody reads: waiting would not help.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Lines that did not fit.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn carry(orders: &Receiver<Order>, mut sink: impl Write) {
    for order in orders {
        match order {
            // It may be closed, and then there is nobody left to tell.
            Order::Line(line) => drop(sink.write_all(line.as_bytes())),
            Order::Barrier(done) => drop(done.try_send(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_does_not_read_stops_nobody() {
        let (reader, pipe) = io::pipe().expect("a pipe");
        let writer = Writer::onto(pipe);
        let line = "x".repeat(1000) + "\n";
        // A pipe holds 64 KiB, the queue 1024 lines: the rest is lost, and none of it waits.
        for _ in 0..3000 {
            writer.write(line.clone());
        }
        assert!(writer.lost() >= 1500, "{}", writer.lost());
        writer.flush();
        drop(reader);
    }

    #[test]
    fn what_was_taken_is_written_before_the_end() {
        let (mut reader, pipe) = io::pipe().expect("a pipe");
        let writer = Writer::onto(pipe);
        writer.write("one\n".into());
        writer.write("two\n".into());
        writer.flush();
        drop(writer);
        let mut text = String::new();
        io::Read::read_to_string(&mut reader, &mut text).expect("the pipe");
        assert_eq!(text, "one\ntwo\n");
    }
}
