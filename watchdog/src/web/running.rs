//! The front as the configuration in force wants it: none, one, or another one after a reload.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Settings;
use super::spawn::{Keeper, LogSink};
use crate::message::Level;
use crate::service::Http;
use crate::status::Core;

/// Keeps what is needed to start a front, and the one that runs.
pub struct Running {
    handle: Handle,
    host: String,
    core: Arc<Core>,
    log: Arc<LogSink>,
    http: Option<Http>,
    front: Option<(watch::Sender<bool>, JoinHandle<()>)>,
}

impl Running {
    /// No front yet. It will run on `handle`, which needs its input, output and time drivers.
    pub fn new(handle: Handle, host: String, core: Arc<Core>, log: Arc<LogSink>) -> Self {
        Self { handle, host, core, log, http: None, front: None }
    }

    /// Starts, ends or replaces the front, where `http` is not what it is already. Does not wait.
    pub fn configure(&mut self, http: Option<&Http>) {
        if self.http.as_ref() == http {
            return;
        }
        self.http = http.cloned();
        let before = self.front.take().map(|(stop, task)| {
            stop.send_replace(true);
            task
        });
        let Some(http) = http else { return };
        (self.log)(Level::Info, format!("status page: http://{}/", http.listen));
        let keeper = Keeper {
            program: "/proc/self/exe".into(),
            settings: Settings::of(http, &self.host),
            core: Arc::clone(&self.core),
            log: Arc::clone(&self.log),
        };
        let (stop, stopped) = watch::channel(false);
        let task = self.handle.spawn(async move {
            // The port may be the same one.
            if let Some(before) = before {
                let _ = before.await;
            }
            keeper.run(stopped).await;
        });
        self.front = Some((stop, task));
    }

    /// Ends the front; the future is done when its process is gone (2 s at most).
    pub fn finish(&mut self) -> impl Future<Output = ()> + use<> {
        self.http = None;
        let front = self.front.take();
        async move {
            if let Some((stop, task)) = front {
                stop.send_replace(true);
                let _ = task.await;
            }
        }
    }
}
