//! Why: what programs, mails and the log are told of a judgement besides its words.
//!
//! Not here: the words (`wording`), what is found out beside the engine (`crate::survey`).

use crate::clock::BootTime;
use crate::engine::Engine;
use crate::engine::judge::{Finding, limit_number};
use crate::engine::wording;
use crate::message::{Context, Level};
use crate::metric::Metric;
use crate::service::{Rule, Test, Way};

impl Engine {
    /// Why: for programs' environments, mails and the log.
    pub(super) fn context(
        &self,
        i: usize,
        rule: &Rule,
        lead: &Finding,
        title: &str,
        text: &str,
        at: BootTime,
    ) -> Context {
        let state = &self.services[i];
        let metrics = state.levels.shown(self.host.cpus());
        let (value, limit) = match &lead.test {
            Test::Level(level) => (
                lead.value.map(|value| wording::number(value, level.limit, level.metric)),
                Some(wording::number(limit_number(level.limit), level.limit, level.metric)),
            ),
            Test::Trend(trend) => wording::trend_numbers(trend, lead.value),
            Test::Restarts { count, .. } => {
                (lead.value.map(|value| format!("{value:.0}")), Some(count.to_string()))
            }
            _ => match &lead.told {
                Some(told) => (told.value.clone(), told.limit.clone()),
                None => (None, None),
            },
        };
        Context {
            event: title.to_owned(),
            description: text.to_owned(),
            action: String::new(),
            rule: rule.text.clone(),
            value: value.unwrap_or_default(),
            limit: limit.unwrap_or_default(),
            pid: state.main().map(|main| main.pid),
            memory_kb: metrics.memory_bytes.map(|bytes| bytes / 1024),
            children: metrics.children,
            cpu_percent: metrics.cpu.map(|cpu| cpu * 100.0),
            program_status: state.observed.now().and_then(|seen| seen.facts.program_status()),
            at,
        }
    }

    /// What did it: logged as a line and sent with the alert.
    pub(super) fn detail(&mut self, i: usize, test: &Test, at: BootTime) -> Vec<String> {
        let state = &self.services[i];
        let metric = match test {
            Test::Level(level) => Some(level.metric),
            Test::Trend(trend) => Some(trend.metric),
            _ => None,
        };
        match test {
            Test::Level(_) | Test::Trend(_) => {
                let by = match metric {
                    Some(Metric::Cpu | Metric::TotalCpu) => wording::By::Cpu,
                    Some(Metric::Disk { direction, .. }) => wording::By::Disk(direction),
                    Some(Metric::FileDescriptors | Metric::TotalFileDescriptors) => {
                        wording::By::Descriptors
                    }
                    // Who forked most is not told by memory.
                    Some(Metric::Forks { .. }) => {
                        let by = self.crossed_by(i);
                        if let Some(text) = &by {
                            self.log(i, Level::Info, None, text.clone(), at);
                        }
                        return by.into_iter().collect();
                    }
                    // Nobody's doing.
                    Some(Metric::Uptime) => return Vec::new(),
                    Some(metric) if metric.is_of_host() => return Vec::new(),
                    _ => wording::By::Memory,
                };
                let mut culprits = wording::culprits(state.levels.members(), by);
                if let Some(first) = culprits.first() {
                    let text = format!("{} {first}", by.lead());
                    self.log(i, Level::Info, None, text, at);
                }
                if let Some(text) = metric.and_then(|metric| self.proportional(i, metric)) {
                    culprits.push(text);
                }
                if let Some(text) = self.crossed_by(i) {
                    self.log(i, Level::Info, None, text.clone(), at);
                    culprits.insert(0, text);
                }
                culprits
            }
            Test::DoesNotExist => {
                let again = "it has ended within a minute of its start: until it has lived for one, or is \
                             given up, further ends are in the log only";
                let again = (state.retry.fell() > 0).then(|| again.to_owned());
                state.last_death.iter().cloned().chain(again).collect()
            }
            Test::Death(death) if death.way == Way::OomKilled => {
                wording::culprits(state.levels.members(), wording::By::Memory)
            }
            _ => Vec::new(),
        }
    }
}
