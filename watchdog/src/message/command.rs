//! What an operator asks for.
//!
//! Not here: who may ask (`crate::status`), obeying (`crate::engine`).

/// Number of an operator's request, for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A request of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Its number.
    pub id: RequestId,
    /// What.
    pub verb: CommandVerb,
    /// To which service. One request per service: the control socket takes a list apart.
    pub service: String,
}

/// What an operator may ask of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommandVerb {
    /// Start and monitor.
    Start,
    /// Stop and unmonitor.
    Stop,
    /// Restart and monitor.
    Restart,
    /// Watch again; clears `given_up`.
    Monitor,
    /// Watch no longer; processes keep running.
    Unmonitor,
}

impl CommandVerb {
    /// All, for the command line and the routes.
    pub const ALL: [Self; 5] =
        [Self::Start, Self::Stop, Self::Restart, Self::Monitor, Self::Unmonitor];

    /// As typed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Monitor => "monitor",
            Self::Unmonitor => "unmonitor",
        }
    }
}
