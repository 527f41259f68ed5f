//! The end, in order: nobody stays held, and services keep running.

use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Core;
use crate::clock;
use crate::inbox::Message;
use crate::message::Input;

/// How long letting go of what is braked may take at the end.
const FAREWELL: Duration = Duration::from_secs(5);

impl Core {
    /// Nobody stays held behind us. The kernel stops nobody from here on.
    pub(super) fn let_go(&mut self) {
        let decisions = self.parts.engine.farewell();
        self.carry(decisions);
        self.settle();
        let until = clock::boot_now() + FAREWELL;
        while self.parts.engine.holds() && clock::boot_now() < until {
            let inbox = self.parts.inbox.fd();
            let mut fds = [PollFd::new(&inbox, PollFlags::IN)];
            let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 100_000_000 }));
            for message in self.parts.inbox.take() {
                // Nothing else is begun now.
                if let Message::Input(input @ (Input::Released(_) | Input::Braked(_))) = message {
                    self.step(input);
                }
            }
        }
    }

    /// Stops in order; services keep running.
    pub(super) fn finish(&mut self) {
        self.let_go();
        let decisions =
            self.parts.engine.alert_instance("ebpf-watchdog stopped", clock::boot_now());
        self.carry(decisions);
        // The alerts are waited for below.
        self.save_last();
        self.parts.store.sync();
        if let Some(reply) = self.quit.take() {
            let _ = reply.send(Ok("stopped; services keep running".into()));
        }
        self.parts.io.finish();
        self.parts.log.finish();
    }
}
