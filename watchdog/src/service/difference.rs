//! What one configuration has that another has not, in one line for people: what a reload brought.
//!
//! Not here: what becomes of it (`engine::keep`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Config, Service};

/// So many names of each sort; the rest is counted.
const NAMED: usize = 10;

/// How many services there are in `new`, and what is otherwise than in `old`, by name. Services that are
/// the same have the same number in both.
pub fn difference(old: &Config, new: &Config) -> String {
    let mut gone: BTreeMap<&str, &Arc<Service>> =
        old.services.iter().map(|service| (service.name.as_str(), service)).collect();
    let (mut came, mut changed) = (Vec::new(), Vec::new());
    for service in &new.services {
        match gone.remove(service.name.as_str()) {
            None => came.push(quoted(&service.name)),
            // What has not changed is mostly one object.
            Some(before) if !Arc::ptr_eq(before, service) && before != service => {
                changed.push(quoted(&service.name));
            }
            Some(_) => {}
        }
    }
    let lost: Vec<String> = old
        .services
        .iter()
        .filter(|service| gone.contains_key(service.name.as_str()))
        .map(|service| quoted(&service.name))
        .collect();
    let count = new.services.len();
    let mut text = format!("{count} service{}", if count == 1 { "" } else { "s" });
    let parts =
        [("new", came), ("gone", lost), ("changed", changed), ("settings", settings(old, new))];
    let mut same = true;
    for (word, names) in parts.iter().filter(|(_, names)| !names.is_empty()) {
        same = false;
        text.push_str(&format!("; {word}: {}", names[..names.len().min(NAMED)].join(", ")));
        if names.len() > NAMED {
            text.push_str(&format!(" and {} more", names.len() - NAMED));
        }
    }
    if same {
        text.push_str("; nothing has changed");
    }
    text
}

/// The keys of the file besides `services` that mean something else now.
fn settings(old: &Config, new: &Config) -> Vec<String> {
    // Each by name, so that no key is forgotten here.
    let Config {
        cycle,
        sample,
        start_delay,
        log_file,
        log_level,
        state_dir,
        socket,
        require_ebpf,
        memory,
        protect,
        mail,
        alerts,
        queue_slots,
        http,
        limits,
        services: _,
    } = new;
    let same = [
        ("cycle", *cycle == old.cycle),
        ("sample", *sample == old.sample),
        ("start_delay", *start_delay == old.start_delay),
        ("log", *log_file == old.log_file && *log_level == old.log_level),
        ("state_dir", *state_dir == old.state_dir),
        ("control", *socket == old.socket),
        ("require_ebpf", *require_ebpf == old.require_ebpf),
        ("memory", *memory == old.memory),
        ("protect", *protect == old.protect),
        ("mail", *mail == old.mail),
        ("alerts", *alerts == old.alerts),
        ("queue", *queue_slots == old.queue_slots),
        ("http", *http == old.http),
        ("limits", *limits == old.limits),
    ];
    same.iter().filter(|(_, same)| !same).map(|(key, _)| (*key).to_owned()).collect()
}

fn quoted(name: &str) -> String {
    format!("'{name}'")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::identity::ServiceId;
    use crate::service::{Control, ServiceKind};

    fn config(names: &[&str]) -> Config {
        let service = |(id, name): (usize, &&str)| {
            Arc::new(Service {
                id: ServiceId(u32::try_from(id).expect("few")),
                name: (*name).to_owned(),
                groups: Vec::new(),
                kind: ServiceKind::System,
                control: Control::default(),
                rules: Vec::new(),
            })
        };
        Config { services: names.iter().enumerate().map(service).collect(), ..Config::default() }
    }

    #[test]
    fn what_came_went_and_changed_is_named() {
        let old = config(&["a", "b", "c"]);
        assert_eq!(difference(&old, &old.clone()), "3 services; nothing has changed");
        assert_eq!(difference(&old, &config(&["a", "b", "c"])), "3 services; nothing has changed");
        let mut new = config(&["a", "d", "c"]);
        new.cycle = Duration::from_secs(7);
        Arc::make_mut(&mut new.services[2]).groups.push("g".to_owned());
        assert_eq!(
            difference(&old, &new),
            "3 services; new: 'd'; gone: 'b'; changed: 'c'; settings: cycle"
        );
    }

    #[test]
    fn many_are_counted() {
        let names: Vec<String> = (0..13).map(|number| format!("n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let said = difference(&config(&names), &config(&["n0"]));
        assert!(said.starts_with("1 service; gone: 'n1', 'n2'"), "{said}");
        assert!(said.ends_with("'n10' and 2 more"), "{said}");
    }
}
