//! The environment of every program we run. It is all that tells the program what happened: event
//! data never reaches an argument or a shell.

use jiff::tz::TimeZone;

use super::output::printable;
use crate::check::Check;
use crate::clock::wall_of;
use crate::message::Context;
use crate::service::{Program, Service, ServiceKind};
use crate::sys::account::Account;

/// Where programs are looked for by what we run: root's folders only.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// Longest value in bytes.
const VALUE_MAX: usize = 4096;

/// All variables, in the order in which a later one wins: ours cannot be replaced by the file's.
pub(super) fn environment(
    service: &Service,
    program: &Program,
    account: &Account,
    context: &Context,
    host: &str,
) -> Vec<(String, String)> {
    let mut all =
        vec![("PATH".to_owned(), PATH.to_owned()), ("HOME".to_owned(), account.home.clone())];
    if !account.name.is_empty() {
        all.push(("USER".to_owned(), account.name.clone()));
        all.push(("LOGNAME".to_owned(), account.name.clone()));
    }
    all.extend(program.env.iter().cloned());
    let at = wall_of(context.at);
    let local = at.to_zoned(TimeZone::system()).strftime("%a, %d %b %Y %H:%M:%S").to_string();
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let pid = context.pid.map(|pid| pid.to_string());
    let mut set = |name: &str, value: &str| {
        all.push((name.to_owned(), printable(value.as_bytes(), VALUE_MAX)));
    };
    let both = [
        ("SERVICE", service.name.as_str()),
        ("EVENT", &context.event),
        ("DESCRIPTION", &context.description),
        ("HOST", host),
    ];
    for (name, value) in both {
        set(&format!("WATCHDOG_{name}"), value);
        set(&format!("MONIT_{name}"), value);
    }
    set("WATCHDOG_DATE", &at.to_string());
    set("MONIT_DATE", &local);
    set("WATCHDOG_ACTION", &context.action);
    set("WATCHDOG_RULE", &context.rule);
    set("WATCHDOG_VALUE", &context.value);
    set("WATCHDOG_LIMIT", &context.limit);
    set("WATCHDOG_PID", pid.as_deref().unwrap_or(""));
    if matches!(service.kind, ServiceKind::Process(_)) {
        // As Monit: a number always; 0 where there is no process.
        let cpu = context.cpu_percent.map(|percent| format!("{percent:.1}"));
        let monit = [
            ("PID", pid),
            ("MEMORY", number(context.memory_kb)),
            ("CHILDREN", number(context.children)),
            ("CPU_PERCENT", cpu),
        ];
        for (name, value) in monit {
            set(&format!("MONIT_PROCESS_{name}"), value.as_deref().unwrap_or("0"));
        }
    }
    if let Some(Check::Program(_)) = service.checked().map(|checked| &checked.check) {
        let status = context.program_status.unwrap_or_default().to_string();
        set("MONIT_PROGRAM_STATUS", &status);
    }
    all
}
