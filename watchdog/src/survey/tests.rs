//! Alerts on their way through a survey: in order, and never held up for long.

use std::io;
use std::sync::mpsc::{Receiver, channel};

use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::*;
use crate::identity::{ProcessKey, ServiceId};
use crate::service::{EventWord, Severity};
use crate::{message, notify};

/// Answers when the other end is dropped, as a lookup that hangs.
struct Hanging(Mutex<Receiver<()>>);

impl Membership for Hanging {
    fn members(&self, _: ServiceId) -> io::Result<Vec<ProcessKey>> {
        Ok(Vec::new())
    }
    fn service_of(&self, _: ProcessKey) -> io::Result<Option<ServiceId>> {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Ok(Some(ServiceId(0)))
    }
    fn spawning(&self, _: ServiceId, spawn: &mut dyn FnMut()) -> io::Result<()> {
        spawn();
        Ok(())
    }
}

fn alert(number: u64, service: &str, survey: Option<SurveyBy>) -> Alert {
    Alert {
        number,
        at: boot_now(),
        service: service.to_owned(),
        event: EventWord::Resource,
        title: "Resource limit matched".to_owned(),
        action: "alert".to_owned(),
        description: "mem usage".to_owned(),
        detail: Vec::new(),
        severity: Severity::Warning,
        to: vec![message::Receiver { mail: "ops@example.org".to_owned(), format: None }],
        survey,
    }
}

fn until_true(what: impl Fn() -> bool) -> bool {
    let limit = boot_now() + Duration::from_secs(30);
    while !what() && boot_now() < limit {
        std::thread::sleep(Duration::from_millis(5));
    }
    what()
}

#[test]
fn a_survey_that_hangs_delays_its_services_alerts_only_and_not_for_long() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("runtime");
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let _ = runtime.block_on(stopped);
        runtime.shutdown_background();
    });
    let folder = tempfile::tempdir().expect("a folder");
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let log: LogSink = Arc::new({
        let lines = Arc::clone(&lines);
        move |line: LogLine| lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.text)
    });
    let notifier = Arc::new(Notifier::start(
        notify::Parts {
            host: "host".into(),
            mail: None,
            state_dir: folder.path().to_owned(),
            slots: 100,
            log: log.clone(),
        },
        &handle,
    ));
    let (hanging, answers) = channel();
    let parts = Parts {
        membership: Arc::new(Hanging(Mutex::new(answers))),
        notifier: Arc::clone(&notifier),
        log,
        users: Arc::default,
    };
    let (surveys, task) = Surveys::start(parts, &handle);
    let config = Arc::new(Config::default());
    let queued = |count| assert!(until_true(|| notifier.stats().queued == count), "{count}");
    let began = boot_now();
    surveys.send(alert(1, "host", Some(SurveyBy::Memory)), &config);
    surveys.send(alert(2, "host", None), &config);
    surveys.send(alert(3, "web", None), &config);
    queued(3);
    assert!(boot_now().since(began) >= LONGEST, "the first two waited for an answer");
    // By the order in which they came to the mail, not by the clock: this machine may be slow.
    let letters = || {
        let files = std::fs::read_dir(folder.path().join("queue")).into_iter().flatten().flatten();
        let paths = files.map(|file| file.path());
        let mut letters: Vec<_> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "letter")).collect();
        letters.sort();
        letters
    };
    assert!(until_true(|| letters().len() == 3), "{:?}", letters());
    let first = std::fs::read(&letters()[0]).expect("a letter");
    let first = String::from_utf8_lossy(&first);
    assert!(first.contains("\"service\":\"web\""), "another service's alert did not wait: {first}");
    let said = lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
    assert!(said.contains("who did it was not found out in time"), "{said}");

    // Answered now; the end waits for what is under way.
    drop(hanging);
    surveys.send(alert(4, "host", Some(SurveyBy::Memory)), &config);
    drop(surveys);
    queued(4);
    assert!(until_true(|| task.is_finished()), "it ends with the last alert");
    let said = lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
    assert!(said.contains("most memory is held by ") && said.contains("(pid "), "{said}");
    drop(stop);
    thread.join().expect("ends");
}

#[test]
fn lines_name_the_process_its_user_and_its_service() {
    let named = |pid, number, service: Option<&str>| Named {
        worst: look::Worst {
            key: ProcessKey { pid, start: 1 },
            comm: "mysqld".into(),
            uid: Some(27),
            number,
        },
        user: Some("user mysql".into()),
        service: service.map(str::to_owned),
        pss: None,
    };
    let two = [named(812, 1_288_490_189, Some("db")), named(9, 1 << 20, None)];
    let lines = |by, partly| words::lines(by, &two, partly, Duration::from_millis(200));
    assert_eq!(
        lines(SurveyBy::Memory, false),
        [
            "most memory is held by mysqld (pid 812, user mysql, service 'db'): 1.2 GB",
            "mysqld (pid 9, user mysql): 1 MB"
        ]
    );
    let ticks = [named(7, 19, None)];
    assert_eq!(
        words::lines(SurveyBy::Cpu, &ticks, true, Duration::from_millis(200)),
        [
            "most CPU is used by mysqld (pid 7, user mysql): 95% of a core (not all processes were looked at)"
        ]
    );
    assert_eq!(words::lines(SurveyBy::Cpu, &[], false, Duration::ZERO), [""; 0]);
}
