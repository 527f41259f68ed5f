//! Any inputs in any order, with reloads, crashes and wakes between them: what the engine keeps about its
//! services from step to step is what it would find anew (it looks itself where assertions are on), what
//! it notes bit by bit is what it would note whole (`play`), and nobody has two actions at a time.
//!
//! The numbers come from seeds: the same each time. Nothing here waits.

use crate::play::Play;

const SERVICES: &str = "
cycle: 10s
alerts: [ops@example.org]
services:
- process: web
  pidfile: /run/web.pid
  start: { program: /bin/web, timeout: 5s }
  stop: /bin/web-stop
  depends_on: [db, conf]
  rules:
  - { if: totalmem > 100 MB, then: restart }
  - { if: children > 3 for 2 cycles, then: alert }
  - { if: forks > 50 per second, then: { brake: { how: stop, for: 20s } } }
  - { if: 3 restarts within 5 cycles, then: unmonitor }
- process: db
  pidfile: /run/db.pid
  start: /bin/db
  rules:
  - { if: totalmem > 200 MB for 20s, then: [{ brake: { how: stop, for: 5s } }, restart] }
  - { if: does not exist, then: [restart, { exec: /bin/tell }] }
- process: own
  start: { program: /bin/own, timeout: 5s }
  every: 2 cycles
- process: night
  pidfile: /run/night.pid
  start: /bin/night
  every: '* 8 * * *'
  rules: [{ if: memory > 10 MB, then: alert }]
- process: asked
  pidfile: /run/asked.pid
  mode: passive
  rules: [{ if: changed pid, then: alert }, { if: 'failed port 80', then: restart }]
- file: conf
  path: /etc/conf
  start: /bin/make-conf
  rules: [{ if: changed size, then: alert }, { if: does not exist, then: start }]
- file: log
  path: /var/log/x
  depends_on: [web]
  every: { not: '* 9 * * *' }
  rules: [{ if: size > 1 KB, then: alert }]
- system: here
  rules: [{ if: memory > 50%, then: alert }, { if: 'loadavg (1min) > 4', then: alert }]
";

const PROCESSES: [&str; 5] = ["web", "db", "own", "night", "asked"];
const FILES: [&str; 2] = ["conf", "log"];

struct Random(u64);

impl Random {
    fn draw(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below.max(1)
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.draw(all.len())]
    }
}

/// One line of a journal; none where there is nothing to be said of it yet.
fn line(random: &mut Random, play: &Play) -> Option<String> {
    let process = random.of(&PROCESSES);
    let file = random.of(&FILES);
    let any = if random.draw(3) == 0 { file } else { process };
    let pid = 100 + random.draw(4);
    let acted = play.actions.contains_key(any).then_some(());
    let braked = play.brakes.contains_key(process).then_some(());
    let mb = [5, 50, 150, 300][random.draw(4)];
    Some(match random.draw(30) {
        0..=3 => format!("found {process} {pid}"),
        4 => format!("found {process} absent no pidfile"),
        5 => format!("found-late {process} {pid}"),
        6 => format!("found {process} untrusted whose"),
        7 => format!("exit {process} {pid} signal=9"),
        8 => format!("member-exit {process} {pid} code=1"),
        9..=10 => format!("tick {process} {pid}* rss={mb} 200 201 202 203 rss=1"),
        11 => "tick".to_owned(),
        12 => format!("sample {process} {pid}* rss={mb}"),
        13 => format!("look {process} {pid}* rss={mb}"),
        14 => format!("crossed {process} {} {mb}", random.of(&["totalmem", "children", "forks"])),
        15 | 16 => {
            let (exists, size) = (random.draw(4) > 0, [10, 5000][random.draw(2)]);
            let began = (play.at.0 / 1_000_000_000).saturating_sub(random.draw(3) as u64);
            format!("observed {file} {began} {}", observation(exists, size))
        }
        17 if any == file => acted.map(|()| format!("acted {any} ran"))?,
        17 => acted.map(|()| format!("acted {any} started {pid}"))?,
        18 => acted.map(|()| format!("acted {any} stopped"))?,
        19 => acted.map(|()| format!("acted {any} failed-start (exit status 1)"))?,
        20 => acted.map(|()| format!("spawned {any} {pid}"))?,
        21 => braked.map(|()| format!("{} {process} {pid}", random.of(&["braked", "released"])))?,
        22 => format!("host available={}", [3000, 1000][random.draw(2)]),
        23 | 24 => {
            let verb = random.of(&["start", "stop", "restart", "monitor", "unmonitor"]);
            format!("command {verb} {any}")
        }
        25 | 26 => {
            let all: Vec<&str> = PROCESSES.iter().chain(&FILES).copied().collect();
            // What others depend on stays.
            let gone = all.iter().filter(|name| !["web", "db", "conf"].contains(*name));
            let gone: Vec<String> =
                gone.filter(|_| random.draw(3) == 0).map(|name| format!("-{name}")).collect();
            let other = if random.draw(3) == 0 { " conf@/etc/other" } else { "" };
            format!("reload {}{other}", gone.join(" "))
        }
        27 => format!("minute {:02}:{:02} 23 1", 7 + random.draw(4), random.draw(60)),
        28 => match random.draw(4) {
            0 => "crash".to_owned(),
            1 => format!("begun {process} {pid}"),
            2 => format!("stirred {any}"),
            _ => "lost".to_owned(),
        },
        _ => "wake".to_owned(),
    })
}

fn observation(exists: bool, size: u64) -> String {
    format!(r#"{{"facts":{{"file":{{"exists":{exists},"size":{size}}}}}}}"#)
}

#[test]
fn whatever_comes_what_is_kept_is_what_would_be_found_anew() {
    for seed in 1..400_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut play = Play::new(crate::load(SERVICES));
        let mut time = 1.0;
        for _ in 0..150 {
            time += [0.0, 0.1, 1.0, 10.0][random.draw(4)];
            let Some(line) = line(&mut random, &play) else { continue };
            play.line(&format!("{time}s {line}"));
            // As the loop asks before it sleeps: what was kept is looked at.
            let _ = play.engine.next_wake();
        }
    }
}
