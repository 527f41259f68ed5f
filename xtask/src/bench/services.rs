//! Ten thousand services with a rule each, two thousand of them running processes: what it takes to
//! read the file, to begin, to go on, to show a page, to find one death, and to reload.

mod mix;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::account::Account;
use super::cost::Ended;
use super::crash::{kill, service};
use super::stamps::now;
use super::table::Table;
use super::tool::{Bed, Kind, Tool};
use super::{Extent, median, percentile};
use mix::{CYCLE, Ground, Mix};

/// Until every service is known; what is not known then is left out.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one tool has shown.
#[derive(Debug, Default)]
struct Figures {
    /// CPU seconds of reading the file and nothing else.
    parse: f64,
    /// Seconds until every service is known; CPU seconds used for it.
    known: (f64, f64),
    /// Of one processor, in percent.
    share: f64,
    mib: f64,
    /// Milliseconds until the first byte of the page.
    page: f64,
    /// Milliseconds from deaths to start programs, and of one at the moment of a reload.
    deaths: Vec<f64>,
    during: Vec<f64>,
    /// Seconds of a reload.
    reload: f64,
}

pub(super) fn measure(bed: &Bed, extent: &Extent, table: &mut Table) -> Result<()> {
    let mix = Mix::WHOLE;
    let folder = bed.at("services");
    fs::create_dir(&folder)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    // Ends with us; a connection that nobody takes would fill the queue.
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let mut herd = Ended(
        Command::new(bed.load())
            .arg("herd")
            .arg(&folder)
            .arg(mix.running().to_string())
            .stdin(Stdio::null())
            .spawn()?,
    );
    for n in mix.running()..mix.services() {
        let file = folder.join(format!("{n}.file"));
        fs::write(&file, "something")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644))?;
        fs::create_dir(folder.join(format!("{n}.dir")))?;
    }
    let last = folder.join(format!("{}.pid", mix.running() - 1));
    for _ in 0..1_200 {
        if last.exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    ensure!(last.exists(), "the herd is not complete after a minute");
    let mut figures = [Figures::default(), Figures::default()];
    for kind in bed.turns(0) {
        eprintln!("{} services: {kind:?}", mix.services());
        // A port that was free a moment ago; nothing else on this host asks for one.
        let page = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let ground = Ground { folder: &folder, load: &bed.load(), port, page };
        figures[kind as usize] = one(bed, kind, &mix, &ground, extent)?;
    }
    herd.end();
    rows(table, &mix, &figures);
    Ok(())
}

fn one(bed: &Bed, kind: Kind, mix: &Mix, ground: &Ground<'_>, extent: &Extent) -> Result<Figures> {
    let mut figures = Figures::default();
    let text = |dir: &str| match kind {
        Kind::Ours => mix::ours(mix, ground, dir),
        Kind::Monit => mix::monit(mix, ground, dir),
    };
    let begun = now();
    let tool = bed.start_on(kind, text, false)?;
    let _account = tool.account();
    if await_all(&tool, mix)? {
        figures.known = (now() - begun, tool.cpu_seconds()?);
    } else {
        eprintln!("{kind:?} does not know them all after {} s", PATIENCE.as_secs());
        figures.known = (f64::NAN, f64::NAN);
    }
    figures.parse = parse(&tool, extent.runs)?;
    // What the beginning has left to be done is over.
    std::thread::sleep(Duration::from_secs(5));
    let before = (tool.cpu_seconds()?, now());
    let window = if extent.runs > 1 { 2 * CYCLE } else { CYCLE };
    std::thread::sleep(Duration::from_secs(window));
    figures.share = (tool.cpu_seconds()? - before.0) / (now() - before.1) * 100.0;
    figures.mib = tool.rss_bytes()? / f64::from(1 << 20);
    let pages: Vec<f64> = (0..5).map(|_| first_byte(ground.page)).collect::<Result<_>>()?;
    figures.page = median(&pages);
    if kind == Kind::Ours {
        for n in 0..extent.full.min(mix.startable as usize / 2) {
            figures.deaths.push(death(bed, ground, n)?);
        }
        for n in mix.startable as usize / 2..mix.startable as usize / 2 + extent.runs {
            let begun = now();
            let mut reload = tool.command().arg("reload").stdout(Stdio::null()).spawn()?;
            // In the middle of it.
            std::thread::sleep(Duration::from_millis(n as u64 * 40 % 200));
            figures.during.push(death(bed, ground, n)?);
            ensure!(reload.wait()?.success(), "reload failed");
            let begun_alone = now();
            ensure!(tool.command().arg("reload").stdout(Stdio::null()).status()?.success());
            figures.reload = now() - begun_alone;
            ensure!(now() - begun < 60.0, "a reload takes more than a minute");
        }
    }
    drop(tool);
    // What was started again is no child of the herd.
    for n in 0..mix.startable {
        if let Ok(pid) = service(bed, &ground.folder.join(format!("{n}.pid"))) {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }
    Ok(figures)
}

/// Milliseconds from the death of a service to its start program.
fn death(bed: &Bed, ground: &Ground<'_>, n: usize) -> Result<f64> {
    let pidfile = ground.folder.join(format!("{n}.pid"));
    let stamp = mix::stamp(ground.folder, n as u64);
    Ok(kill(bed, &pidfile, stamp.as_ref())? * 1e3)
}

/// Waits until the tool has seen every service; whether it has.
fn await_all(tool: &Tool<'_>, mix: &Mix) -> Result<bool> {
    let begun = now();
    // What was seen last, should it be the last: it was once too late, and nobody could say why.
    let mut last = String::new();
    while now() - begun < PATIENCE.as_secs_f64() {
        std::thread::sleep(Duration::from_millis(500));
        let known = match tool.kind {
            Kind::Ours => {
                let status =
                    tool.status().unwrap_or_else(|error| Value::from(format!("{error:#}")));
                let services = status["services"].as_array().map_or(&[][..], Vec::as_slice);
                let unknown =
                    |one: &&Value| one["status"] == "unknown" || one["status"] == "pending";
                let mut missing = services.iter().filter(unknown).peekable();
                last = match missing.peek() {
                    Some(first) => first.to_string(),
                    None if services.is_empty() => status.to_string(),
                    None => String::new(),
                };
                services.len() - missing.count()
            }
            Kind::Monit => {
                let said = tool.command().args(["-B", "summary"]).output()?;
                let text = String::from_utf8_lossy(&said.stdout).into_owned();
                text.lines().filter(|line| line.contains(" OK ")).count()
            }
        };
        // A process that is not there is no `OK` of Monit's; and each has one of the host itself.
        let wanted = match tool.kind {
            Kind::Ours => mix.services(),
            Kind::Monit => mix.services() - mix.forbidden,
        };
        if known as u64 >= wanted {
            return Ok(true);
        }
        if tool.kind == Kind::Monit {
            std::thread::sleep(Duration::from_secs(2));
        }
    }
    ensure!(tool.kind == Kind::Monit, "not every service is known after {PATIENCE:?}: {last}");
    Ok(false)
}

/// CPU seconds of `check`, or of Monit's `-t`.
fn parse(tool: &Tool<'_>, runs: usize) -> Result<f64> {
    let mut all = Vec::new();
    for _ in 0..runs {
        let account = Account::new()?;
        let mut command = tool.command();
        command.arg(if tool.kind == Kind::Ours { "check" } else { "-t" });
        ensure!(account.run(&command)?.success(), "{:?} refuses its file", tool.kind);
        all.push(account.seconds()?);
    }
    Ok(median(&all))
}

/// Milliseconds until the first byte of the page.
fn first_byte(port: u16) -> Result<f64> {
    let begun = now();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("the page")?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    // admin:admin
    stream.write_all(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\n\
          Connection: close\r\n\r\n",
    )?;
    let mut first = [0; 12];
    stream.read_exact(&mut first)?;
    let took = now() - begun;
    ensure!(first.ends_with(b" 200"), "the page answers {}", String::from_utf8_lossy(&first));
    stream.read_to_end(&mut Vec::new())?;
    Ok(took * 1e3)
}

fn rows(table: &mut Table, mix: &Mix, figures: &[Figures; 2]) {
    let name = |what: &str| format!("{} services: {what}", mix.services());
    let of = |figure: fn(&Figures) -> f64| figures.each_ref().map(figure);
    let mut both = |what: &str, unit, figure, goal| {
        let [ours, monit] = of(figure);
        table.row(&name(what), unit, ours, monit).goal(goal);
    };
    both("CPU time to read the file", "s", |f| f.parse, "≤ 1 s");
    both("start until all are known", "s", |f| f.known.0, "");
    both("CPU time of that", "s", |f| f.known.1, "");
    both("of one processor", "%", |f| f.share, "≤ 3 %");
    both("resident memory", "MiB", |f| f.mib, "≤ 60 MiB");
    both("first byte of the page", "ms", |f| f.page, "≤ 100 ms");
    let ours = &figures[Kind::Ours as usize];
    let worst = |all: &[f64]| percentile(all, 1.0);
    let mut alone = |what: &str, unit, ours, goal| {
        table.alone(&name(what), unit, ours).goal(goal);
    };
    alone("death to start program, worst", "ms", worst(&ours.deaths), "≤ 100 ms");
    alone("reload", "s", ours.reload, "");
    alone("death during a reload, worst", "ms", worst(&ours.during), "≤ 200 ms");
}
