//! The worst processes in words. Names are hostile text: the sinks escape them.
//!
//! Not here: who is the worst (`look`).

use std::time::Duration;

use super::look::{Worst, YOUNG};
use crate::message::SurveyBy;
use crate::metric::bytes;

/// A process with all that is said of it.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub worst: Worst,
    /// `user mysql`, or `uid 1000`.
    pub user: Option<String>,
    /// The service that it belongs to.
    pub service: Option<String>,
    /// Bytes, where they were read.
    pub pss: Option<u64>,
}

/// A line each; the first is a sentence.
pub(super) fn lines(by: SurveyBy, named: &[Named], partly: bool, elapsed: Duration) -> Vec<String> {
    let lead = match by {
        SurveyBy::Memory => "most memory is held by",
        SurveyBy::Swap => "most swap is held by",
        SurveyBy::Cpu => "most CPU is used by",
        SurveyBy::Read => "most is read by",
        SurveyBy::Written => "most is written by",
        SurveyBy::ReadOrWritten => "most is read and written by",
        SurveyBy::Children => "most young processes are children of",
        SurveyBy::Descriptors => "most descriptors are open in",
    };
    let mut lines: Vec<String> = named.iter().map(|named| line(by, named, elapsed)).collect();
    if let Some(first) = lines.first_mut() {
        let partly = if partly { " (not all processes were looked at)" } else { "" };
        *first = format!("{lead} {first}{partly}");
    }
    lines
}

fn line(by: SurveyBy, named: &Named, elapsed: Duration) -> String {
    let worst = &named.worst;
    let user = named.user.as_ref().map(|user| format!(", {user}")).unwrap_or_default();
    let service =
        named.service.as_ref().map(|name| format!(", service '{name}'")).unwrap_or_default();
    format!("{} (pid {}{user}{service}): {}", worst.comm, worst.key.pid, number(by, named, elapsed))
}

fn number(by: SurveyBy, named: &Named, elapsed: Duration) -> String {
    let number = named.worst.number;
    // A look takes some time, however fast the clock: never divided by nothing.
    let seconds = elapsed.as_secs_f64().max(0.01);
    match by {
        SurveyBy::Memory => {
            let pss = named.pss.map(|pss| format!(" (PSS {})", bytes(pss as f64)));
            format!("{}{}", bytes(number as f64), pss.unwrap_or_default())
        }
        SurveyBy::Swap => bytes(number as f64),
        SurveyBy::Cpu => format!("{:.0}% of a core", number as f64 / seconds),
        SurveyBy::Read | SurveyBy::Written | SurveyBy::ReadOrWritten => {
            format!("{}/s", bytes(number as f64 / seconds))
        }
        SurveyBy::Children => format!("{number} begun within {} s", YOUNG.as_secs()),
        SurveyBy::Descriptors => number.to_string(),
    }
}
