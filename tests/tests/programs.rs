//! Program services: real scripts that fail, recover, hang, talk too much and are not there.

use std::fs;
use std::time::Duration;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

const PATIENCE: Duration = Duration::from_secs(60);

/// Writes a file so that nobody reads half of it.
fn put(scratch: &Scratch, name: &str, text: &str) {
    let new = scratch.write("new", text, 0o644);
    fs::rename(new, scratch.at(name)).expect("the file is put in its place");
}

#[test]
fn a_program_fails_recovers_and_is_told_in_monits_words() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    put(&scratch, "code", "3");
    let check = scratch.script(
        "check",
        &format!(
            "echo 'disk ok, value 42'\necho 'bad thing happened' >&2\nexit $(cat {dir}/code)\n"
        ),
    );
    let hook = scratch.script(
        "hook",
        &format!("echo \"$MONIT_PROGRAM_STATUS $MONIT_EVENT\" > {dir}/hook.new && mv {dir}/hook.new {dir}/hooked\n"),
    );
    let rules = format!(
        "cycle: 200ms\nservices:\n\
         - program: prog\n  path: {}\n  rules:\n\
         \x20 - {{ if: 'status != 0 for 2 cycles', then: {{ exec: {} }} }}\n\
         \x20 - {{ if: 'changed status', then: alert }}\n\
         \x20 - {{ if: 'content = \"value 4[0-9]$\"', then: alert }}\n",
        check.display(),
        hook.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    let said = "bad thing happened; disk ok, value 42";
    let line = daemon.wait_log(&format!("'prog' status failed (3) -- {said}"), PATIENCE);
    assert!(line.contains("warning") || line.contains("error"), "{line}");
    daemon.wait_log(&format!("'prog' content match on program output: {said}"), PATIENCE);
    let hooked = until(PATIENCE, || fs::read_to_string(scratch.at("hooked")).ok());
    assert_eq!(hooked.as_deref(), Some("3 Status failed\n"), "{}", daemon.said());
    let seen = daemon.service("prog");
    assert_eq!(seen["observed"]["program_status"], 3, "{seen}");
    assert_eq!(seen["observed"]["output"], "bad thing happened\ndisk ok, value 42", "{seen}");

    put(&scratch, "code", "0");
    daemon.wait_log(&format!("'prog' status succeeded (0) -- {said}"), PATIENCE);
    daemon.wait_log(&format!("'prog' status changed (3 -> 0) -- {said}"), PATIENCE);
    daemon.wait_log(&format!("'prog' status didn't change (0) -- {said}"), PATIENCE);

    fs::remove_file(&check).expect("the script is removed");
    daemon.wait_log(&format!("'prog' status failed (-1) -- '{}': ", check.display()), PATIENCE);
    let seen = daemon.wait_for("prog", PATIENCE, |seen| seen["observed"]["trouble"].is_string());
    assert!(seen["observed"]["program_status"].is_null(), "{seen}");
}

#[test]
fn a_program_that_hangs_is_ended_with_all_it_started_and_others_go_on() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    // Its child neither has its parent nor obeys TERM.
    let hang = scratch.script(
        "hang",
        &format!(
            "[ -e {dir}/first ] || echo $$ > {dir}/first\n\
             (trap '' TERM; while :; do sleep 1; done) &\nwait\n"
        ),
    );
    let quick = scratch.script("quick", "exit 1\n");
    let rules = format!(
        "cycle: 200ms\nservices:\n\
         - {{ program: hang, path: {{ program: {}, timeout: 1s }}, rules: [] }}\n\
         - {{ program: quick, path: {}, rules: [{{ if: status != 0, then: alert }}] }}\n",
        hang.display(),
        quick.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("'quick' status failed (1) -- no output", PATIENCE);
    let timed_out =
        format!("'hang' status failed (-1) -- Program '{}' timed out after 1 s", hang.display());
    daemon.wait_log(&timed_out, PATIENCE);
    // The run that timed out is gone; whoever is there now belongs to a later one.
    // It may be there and not be written yet.
    let first = until(PATIENCE, || {
        fs::read_to_string(scratch.at("first")).ok()?.trim().parse::<u32>().ok()
    });
    let first = first.expect("it ran");
    let left = until(PATIENCE, || {
        let all = ebpf_watchdog::process::snapshot().expect("proc");
        (!all.iter().any(|one| one.session == first && !one.dead)).then_some(())
    });
    assert!(left.is_some(), "processes of the first run are left:\n{}", daemon.said());
}

#[test]
fn one_run_at_a_time_as_somebody_else_and_never_more_output_than_is_kept() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let dir = scratch.path().display().to_string();
    // Longer than a cycle; a second run would find the first one's folder.
    let slow = scratch.script(
        "slow",
        &format!(
            "mkdir {dir}/running || echo twice >> {dir}/runs\nsleep 0.5\nrmdir {dir}/running\n\
             echo once >> {dir}/runs\n"
        ),
    );
    let nobody =
        scratch.script("nobody", "id -u; id -G; ls /proc/self/fd | wc -l; env | grep -c SECRET\n");
    let loud = scratch.script("loud", "yes 0123456789 | head -c 300000; echo end >&2; exit 7\n");
    let rules = format!(
        "cycle: 50ms\nlimits: {{ program_output: 1000 B }}\nservices:\n\
         - {{ program: slow, path: {}, rules: [] }}\n\
         - {{ program: loud, path: {}, rules: [{{ if: status = 7, then: alert }}] }}\n\
         - {{ program: nobody, path: {{ program: {}, user: nobody }}, rules: [{{ if: status > 9, then: alert }}] }}\n",
        slow.display(),
        loud.display(),
        nobody.display(),
    );
    let daemon = Daemon::start(&scratch, &rules);
    daemon.wait_log("'loud' status failed (7) -- end; 0123456789; ", PATIENCE);
    let seen = daemon.wait_for("loud", PATIENCE, |seen| seen["observed"]["output"].is_string());
    assert_eq!(seen["observed"]["output"].as_str().map(str::len), Some(1000), "{seen}");
    let seen = daemon.wait_for("nobody", PATIENCE, |seen| seen["observed"]["output"].is_string());
    let said = seen["observed"]["output"].as_str().expect("text").to_owned();
    let lines: Vec<&str> = said.lines().collect();
    let (uid, descriptors, secrets) = (lines[0], lines[2], lines[3]);
    let ours = rustix::process::geteuid().as_raw().to_string();
    assert!(uid != ours && !lines[1].split(' ').any(|gid| gid == "0"), "{said}");
    // Input, output, errors, and the folder that is listed.
    assert_eq!((descriptors, secrets), ("4", "0"), "{said}");
    let runs = || fs::read_to_string(scratch.at("runs")).unwrap_or_default();
    until(PATIENCE, || (runs().lines().count() >= 4).then_some(()))
        .expect("it is run again and again");
    assert!(!runs().contains("twice"), "{}", runs());
}

#[test]
fn what_a_program_says_last_is_heard() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let mut rules = "cycle: 200ms\nservices:\n".to_owned();
    for n in 0..8 {
        rules += &format!(
            "  - program: echo{n}\n    path: /bin/echo fine\n    rules:\n      \
             - {{ if: \"content changed\", then: alert }}\n"
        );
    }
    let mut daemon = Daemon::start(&scratch, &rules);
    let cycles = || daemon.try_status()?["cycles"].as_u64().filter(|cycles| *cycles > 40);
    // Some eight seconds, where a machine has time.
    assert!(until(3 * PATIENCE, cycles).is_some(), "{}", daemon.log());
    assert!(!daemon.log().contains("content changed"), "{}", daemon.log());
    daemon.end();
}
