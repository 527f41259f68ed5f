//! How a service is treated: `mode`, `every`, `onreboot`; and `limits` of the file.
//!
//! Not here: `depends_on` (`depends`), and keeping to it (`engine`).

use std::time::Duration;

use crate::service::every::{Cron, Every};
use crate::service::{Bounds, Control, OnReboot, Sizes};

use super::diagnostic::Diagnostic;
use super::grammar::LONGEST_CONNECTION as LONGEST;
use super::raw::{Node, Value};
use super::reader::{Entry, Reader, Table};
use super::source::Place;
use super::vocabulary::{EVERY, LIMITS};

impl Reader {
    /// The keys that every kind takes, but for names and rules.
    pub(super) fn control(&mut self, table: &mut Table) -> Control {
        let mut control =
            Control { onreboot: self.onreboot, sizes: self.limits.sizes, ..Control::default() };
        if let Some(entry) = table.take("mode") {
            if let Value::Scalar(text) = &entry.value.value
                && text.eq_ignore_ascii_case("manual")
            {
                let help = "write `onreboot: laststate` in its place";
                self.error_help(entry.value.place, "there is no mode `manual`", help);
            } else {
                control.passive = self
                    .choice(&entry, &[("active", false), ("passive", true)])
                    .unwrap_or_default();
            }
        }
        control.every = table.take("every").and_then(|entry| self.every(entry));
        control.alert = table.take("alert").map(|e| self.recipients(e)).unwrap_or_default();
        let noalert = table.take("noalert").map(|e| self.placed_names(e)).unwrap_or_default();
        for (address, place) in noalert {
            let Some(address) = self.address(&address, place) else { continue };
            if !self.alerted.iter().any(|known| known.eq_ignore_ascii_case(&address)) {
                let text =
                    format!("`alerts` does not name `{address}`: it is told of nothing anyway");
                self.out.push(Diagnostic::warning(place, text));
            }
            control.noalert.push(address);
        }
        if let Some(entry) = table.take("onreboot") {
            control.onreboot = self.on_reboot(&entry).unwrap_or_default();
        }
        control
    }

    /// `onreboot:`.
    pub(super) fn on_reboot(&mut self, entry: &Entry) -> Option<OnReboot> {
        let words = [
            ("start", OnReboot::Start),
            ("nostart", OnReboot::NoStart),
            ("laststate", OnReboot::LastState),
        ];
        self.choice(entry, &words)
    }

    /// `every:` of a service or a rule.
    pub(super) fn every(&mut self, entry: Entry) -> Option<Every> {
        if let Value::Map(_) = entry.value.value {
            let not = self.table(entry.value, entry.key, &EVERY)?.take("not");
            let Some(not) = not else {
                self.error_help(
                    entry.key,
                    "`every` names no minutes",
                    "write `every: { not: \"* 0-5 * * *\" }`",
                );
                return None;
            };
            return self.cron(&not.value, not.key).map(|cron| Every::NotMinutes(Box::new(cron)));
        }
        let text = self.text(&entry.value, entry.key)?;
        if text.trim().bytes().all(|byte| byte.is_ascii_digit()) && !text.trim().is_empty() {
            let help = format!("write `every: {} cycles`", text.trim());
            self.error_help(entry.value.place, "`every` needs its unit: cycles", help);
            return None;
        }
        if text.trim_end().to_ascii_lowercase().ends_with(['e', 's']) {
            return self.cycles(&entry).map(Every::Cycles);
        }
        self.cron(&entry.value, entry.key).map(|cron| Every::Minutes(Box::new(cron)))
    }

    fn cron(&mut self, node: &Node, at: Place) -> Option<Cron> {
        let text = self.line(node, at)?;
        match Cron::parse(&text) {
            Ok(cron) => Some(cron),
            Err(why) => {
                self.error_help(
                    node.place,
                    why,
                    "write `3 cycles`, or the five fields of a crontab: `*/5 8-18 * * 1-5`",
                );
                None
            }
        }
    }

    /// `limits:`.
    pub(super) fn limits(&mut self, entry: Entry) -> Bounds {
        let (mut limits, at) = (Bounds::default(), entry.key);
        let Some(mut table) = self.table(entry.value, entry.key, &LIMITS) else { return limits };
        let network = table.entries.iter().find(|entry| entry.name == "network_timeout");
        let network = network.map(|entry| entry.value.place);
        let times: [(&str, &mut Duration); 6] = [
            ("program_timeout", &mut limits.program_timeout),
            ("start_timeout", &mut limits.start_timeout),
            ("stop_timeout", &mut limits.stop_timeout),
            ("restart_timeout", &mut limits.restart_timeout),
            ("exec_timeout", &mut limits.exec_timeout),
            ("network_timeout", &mut limits.network_timeout),
        ];
        for (name, slot) in times {
            if let Some(time) = table.take(name).and_then(|entry| self.time_limit(&entry)) {
                *slot = time;
            }
        }
        // As where a sentence says it: who waits for long keeps the places of others.
        if limits.network_timeout > LONGEST {
            self.error(network.unwrap_or(at), "`network_timeout` is an hour at most");
            limits.network_timeout = LONGEST;
        }
        let sizes = &mut limits.sizes;
        let longest = Sizes::LONGEST_FILE;
        if let Some(size) = table.take("checksum_size").and_then(|entry| self.size(&entry, longest))
        {
            sizes.checksum_size = size;
        }
        let (text, page) = (Sizes::LONGEST_TEXT, Sizes::LONGEST_PAGE);
        let sizes: [(&str, &mut usize, usize); 4] = [
            ("program_output", &mut sizes.program_output, text),
            ("send_expect_buffer", &mut sizes.send_expect_buffer, text),
            ("file_content_buffer", &mut sizes.file_content_buffer, text),
            ("http_content_buffer", &mut sizes.http_content_buffer, page),
        ];
        for (name, slot, most) in sizes {
            if let Some(size) = table.take(name).and_then(|entry| self.size(&entry, most as u64)) {
                *slot = usize::try_from(size).unwrap_or(most);
            }
        }
        limits
    }
}
