//! Rules' programs.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use crate::bed::{Bed, DAEMON, LONG, millis, no_zombies};
use ebpf_watchdog::clock::boot_now;
use ebpf_watchdog::message::{ActionId, Context, Outcome, Part, RunProgram};
use ebpf_watchdog::service::{Program, Service};
use watchdog_tests::need;

fn run(bed: &Bed, service: &Service, program: Program) -> ActionId {
    let id = ActionId(boot_now().0);
    let context = Context {
        event: "Resource limit matched".to_owned(),
        description: "x\n$(touch /tmp/x);`id`".to_owned(),
        action: "exec".to_owned(),
        rule: "totalmem > 1 MB".to_owned(),
        value: "2 MB".to_owned(),
        limit: "y".repeat(9000),
        pid: Some(812),
        memory_kb: Some(4),
        children: Some(5),
        cpu_percent: Some(6.25),
        program_status: None,
        at: boot_now(),
    };
    let service = Arc::new(service.clone());
    bed.runner.exec(RunProgram { id, service, program, context });
    id
}

#[test]
fn a_rules_program_gets_exactly_what_is_promised() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let service = bed.service(1, DAEMON, LONG);
    let out = bed.scratch.at("out");
    std::fs::create_dir(&out).unwrap();
    std::os::unix::fs::chown(&out, Some(65_534), None).unwrap();
    let lines = format!(
        "cd {out}; tr '\\0' '\\n' </proc/$$/environ >environ; \
         umask >umask; cat /proc/$$/stat >stat; echo hello",
        out = out.display()
    );
    let mut program = bed.outside(1, "dump", &lines, LONG);
    program.env = vec![("MINE".to_owned(), "1".to_owned())];
    program.user = Some("nobody".to_owned());
    // Something that must not be inherited.
    let _open = std::fs::File::open("/etc/passwd").unwrap();
    let id = run(&bed, &service, program);
    assert_eq!(bed.outcome(id), Outcome::Ran);
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let environ = read("environ");
    let names: HashSet<&str> =
        environ.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected = "PATH HOME USER LOGNAME MINE WATCHDOG_SERVICE WATCHDOG_EVENT \
        WATCHDOG_DESCRIPTION WATCHDOG_DATE WATCHDOG_HOST WATCHDOG_ACTION WATCHDOG_RULE \
        WATCHDOG_VALUE WATCHDOG_LIMIT WATCHDOG_PID MONIT_SERVICE MONIT_EVENT MONIT_DESCRIPTION \
        MONIT_DATE MONIT_HOST MONIT_PROCESS_PID MONIT_PROCESS_MEMORY MONIT_PROCESS_CHILDREN \
        MONIT_PROCESS_CPU_PERCENT";
    assert_eq!(names, expected.split_whitespace().collect());
    let has = |line: &str| assert!(environ.lines().any(|found| found == line), "{line}");
    has("WATCHDOG_SERVICE=service 1");
    has("WATCHDOG_DESCRIPTION=x\\x0a$(touch /tmp/x);`id`");
    has("MONIT_PROCESS_CPU_PERCENT=6.2");
    has("HOME=/nonexistent");
    has(&format!("WATCHDOG_LIMIT={}", "y".repeat(4096)));
    assert_eq!(read("umask").trim(), "0022");
    let stat = read("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let pid = stat.split(' ').next().unwrap();
    assert_eq!(fields[3], pid, "a session of its own");
    let kept = std::fs::read_to_string(bed.scratch.at("state/output/service%201%exec0.log"));
    assert_eq!(kept.unwrap(), "hello\n");
    // A shell keeps descriptors and blocks signals of its own; `ls` has but the folder it lists.
    let mut program = bed.outside(2, "none", "", LONG);
    program.argv = ["/bin/ls", "-l", "/proc/self/fd"].map(str::to_owned).to_vec();
    let id = run(&bed, &bed.service(2, DAEMON, LONG), program);
    assert_eq!(bed.outcome(id), Outcome::Ran);
    let path = bed.scratch.at("state/output/service%202%exec0.log");
    let fds = std::fs::read_to_string(path).unwrap();
    let targets: Vec<&str> = fds.lines().filter_map(|l| Some(l.split_once(" -> ")?.1)).collect();
    assert_eq!(targets.len(), 4, "{fds}");
    assert_eq!(targets[0], "/dev/null");
    assert!(targets[1] == targets[2] && targets[1].ends_with("%exec0.log"), "{fds}");
    assert!(targets[3].starts_with("/proc/"), "{fds}");
    let mut program = bed.outside(3, "none", "", LONG);
    program.argv = ["/bin/cat", "/proc/self/status"].map(str::to_owned).to_vec();
    program.user = Some("nobody".to_owned());
    let id = run(&bed, &bed.service(3, DAEMON, LONG), program);
    assert_eq!(bed.outcome(id), Outcome::Ran);
    let path = bed.scratch.at("state/output/service%203%exec0.log");
    let status = std::fs::read_to_string(path).unwrap();
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("Uid:"), ["65534"; 4]);
    assert_eq!(line("Gid:"), ["65534"; 4]);
    assert_eq!(line("Groups:"), ["65534"]);
    assert_eq!(line("SigBlk:"), ["0000000000000000"]);
    assert_eq!(line("SigIgn:"), ["0000000000000000"], "SIGPIPE above all");
    assert_eq!(line("CapEff:"), ["0000000000000000"]);
}

#[test]
fn rules_programs_are_bounded_in_time_and_number() {
    if !need::root() {
        return;
    }
    let mut bed = Bed::new();
    let service = bed.service(1, DAEMON, LONG);
    let mut program = bed.program(1, "hang", "sleep 1000 & echo busy; sleep 1000", millis(2_500));
    let ids: Vec<ActionId> = (0..5).map(|_| run(&bed, &service, program.clone())).collect();
    let refused = bed.outcome(ids[4]);
    assert!(
        matches!(&refused, Outcome::Failed { message, .. } if message.starts_with("too many running")),
        "{refused:?}"
    );
    let Outcome::Failed { part: Part::Exec, message } = bed.outcome(ids[3]) else { panic!() };
    assert!(message.ends_with("timed out after 2.5 s: busy"), "{message}");
    bed.nothing_left(1);
    no_zombies();
    program.user = Some("no-such-user".to_owned());
    let id = run(&bed, &service, program.clone());
    let Outcome::Failed { message, .. } = bed.outcome(id) else { panic!() };
    assert!(message.ends_with("user 'no-such-user' does not exist"), "{message}");
    program.user = None;
    std::os::unix::fs::chown(Path::new(&program.argv[0]), Some(65_534), None).unwrap();
    let id = run(&bed, &service, program.clone());
    let Outcome::Failed { message, .. } = bed.outcome(id) else { panic!() };
    assert!(message.contains("not run as root: "), "{message}");
    program.argv = vec!["/no/such/program".to_owned()];
    let id = run(&bed, &service, program);
    assert!(matches!(bed.outcome(id), Outcome::Failed { part: Part::Exec, .. }));
}
