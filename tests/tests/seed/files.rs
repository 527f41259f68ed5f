//! The seed's files and directories: rights, owners, sums, sizes and ages, changed and set right.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::chown;
use std::process::Command;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::mounted::{Mounted, run};
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

use super::{LONG, item, mode, unmonitors};

#[test]
fn apache_bin_and_bin_are_unmonitored_when_somebody_changes_them() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let httpd = scratch.write("httpd", "program\n", 0o755);
    let bin = scratch.at("bin");
    fs::create_dir(&bin).expect("a folder");
    mode(&bin, 0o755);
    let services =
        item("file: apache_bin", &[("/usr/sbin/httpd", httpd.to_str().expect("a path"))])
            + &item("directory: bin", &[("path: /bin\n", &format!("path: {}\n", bin.display()))]);
    let daemon = Daemon::start(&scratch, &format!("cycle: 200ms\nservices:\n{services}"));
    daemon.wait_for("apache_bin", LONG, |status| status["status"] == "ok");
    // The sums of both texts.
    let words = "'apache_bin' checksum failed, expected 014ad490257f1757f32f4c106284b1e1 got \
                 3740570a423feec44c2a759225a9fcf9";
    let text = |text: &'static str| {
        let (httpd, scratch) = (&httpd, &scratch);
        // Renamed: between the two steps of writing over it, it would be empty, and be seen so.
        move || fs::rename(scratch.write("httpd.new", text, 0o755), httpd).expect("httpd")
    };
    unmonitors(&daemon, "apache_bin", words, text("another\n"), text("program\n"));
    for (name, path) in [("apache_bin", &httpd), ("bin", &bin)] {
        daemon.wait_for(name, LONG, |status| status["status"] == "ok");
        let shown = path.display();
        let words =
            format!("'{name}' permission test failed for {shown} [current permission 0700]");
        unmonitors(&daemon, name, &words, || mode(path, 0o700), || mode(path, 0o755));
        let own = |uid, gid| move || chown(path, uid, gid).expect("chown");
        let words = format!("'{name}' uid test failed for {shown} -- current uid is 1");
        unmonitors(&daemon, name, &words, own(Some(1), None), own(Some(0), None));
        let words = format!("'{name}' gid test failed for {shown} -- current gid is 1");
        unmonitors(&daemon, name, &words, own(None, Some(1)), own(None, Some(0)));
    }
}

#[test]
fn the_database_is_told_of_and_cleaned_up() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let database = scratch.write("mydatabase.db", "rows\n", 0o700);
    // Debian's user and group `daemon` for users that only the seed's machine has.
    let own = |uid, gid| chown(&database, Some(uid), Some(gid)).expect("chown");
    own(1, 1);
    let done = scratch.at("done");
    fs::create_dir(&done).expect("a folder");
    chown(&done, Some(1), Some(1)).expect("chown");
    let script = scratch
        .script("cleanup", &format!("id -un > {0}/new; mv {0}/new {0}/user\n", done.display()));
    let [path, script] = [&database, &script].map(|path| path.to_str().expect("a path"));
    let services = item(
        "file: database",
        &[
            ("/data/mydatabase.db", path),
            ("/my/cleanup/script", script),
            ("uid data", "uid daemon"),
            ("gid data", "gid daemon"),
            ("user: dba, group: dba", "user: daemon, group: daemon"),
        ],
    );
    let daemon = Daemon::start(&scratch, &format!("cycle: 200ms\nservices:\n{services}"));
    daemon.wait_for("database", LONG, |status| status["status"] == "ok");
    mode(&database, 0o600);
    daemon.wait_log(
        &format!(
            "error    : 'database' permission test failed for {path} [current permission 0600]"
        ),
        LONG,
    );
    mode(&database, 0o700);
    daemon.wait_log(
        "info     : 'database' permission test succeeded [current permission 0700]",
        LONG,
    );
    own(0, 0);
    for what in ["uid", "gid"] {
        daemon.wait_log(
            &format!("error    : 'database' {what} test failed for {path} -- current {what} is 0"),
            LONG,
        );
    }
    own(1, 1);
    for what in ["uid", "gid"] {
        daemon.wait_log(
            &format!("info     : 'database' {what} test succeeded [current {what} = 1]"),
            LONG,
        );
    }
    let file = File::options().write(true).open(&database).expect("the database");
    // Holes only.
    file.set_len(101 << 20).expect("a size");
    daemon.wait_log(
        &format!("error    : 'database' size test failed for {path} -- current size is 101 MB"),
        LONG,
    );
    daemon.wait_log(&format!("info     : 'database' exec: '{script}'"), LONG);
    let user = until(LONG, || fs::read_to_string(done.join("user")).ok());
    assert_eq!(user.as_deref(), Some("daemon\n"), "{}", daemon.said());
    file.set_len(5).expect("a size");
    daemon.wait_log("info     : 'database' size check succeeded [current size = 5 B]", LONG);
}

/// No call sets a time of change back: the file was made in a disk's image.
#[test]
fn a_database_that_was_not_written_for_a_quarter_of_an_hour_is_told_of() {
    let needed = ["losetup", "mkfs.ext4", "debugfs"];
    if !need::root() || !needed.iter().all(|name| need::program(name).is_some()) {
        return;
    }
    if !Command::new("losetup").arg("--find").output().is_ok_and(|found| found.status.success()) {
        return need::skip("no loop devices");
    }
    let scratch = Scratch::new();
    let (image, place) = (scratch.at("image"), scratch.at("data"));
    fs::create_dir(&place).expect("a folder");
    File::create(&image).and_then(|file| file.set_len(8 << 20)).expect("an image");
    run(Command::new("/sbin/mkfs.ext4").args(["-q", "-F"]).arg(&image));
    let rows = scratch.write("rows", "rows\n", 0o700);
    let set = |what: &str| format!("set_inode_field mydatabase.db {what}\n");
    let orders = format!("write {} mydatabase.db\n", rows.display())
        + &set("mode 0100700")
        + &set("uid 1")
        + &set("gid 1")
        + &set("mtime @1700000000")
        + &set("ctime @1700000000");
    let orders = scratch.write("orders", &orders, 0o644);
    run(Command::new("/sbin/debugfs").args(["-w", "-f"]).arg(&orders).arg(&image));
    let image = image.display().to_string();
    let _mounted = Mounted::by(&["-o", "loop", &image], &place);
    let database = place.join("mydatabase.db");
    let path = database.to_str().expect("a path");
    let services = item(
        "file: database",
        &[
            ("/data/mydatabase.db", path),
            ("/my/cleanup/script", "/bin/true"),
            ("uid data", "uid daemon"),
            ("gid data", "gid daemon"),
            ("user: dba, group: dba", "user: daemon, group: daemon"),
        ],
    );
    let daemon = Daemon::start(&scratch, &format!("cycle: 200ms\nservices:\n{services}"));
    let time = "modify/change time";
    let words = format!("error    : 'database' {time} for {path} failed -- current {time} is ");
    let line = daemon.wait_log(&words, LONG);
    assert!(line.contains(" Nov 2023 "), "{line}");
    let open = File::options().append(true).open(&database);
    open.and_then(|mut file| file.write_all(b"more\n")).expect("it is written");
    let words =
        format!("info     : 'database' {time} test succeeded for {path} [current {time} is ");
    daemon.wait_log(&words, LONG);
    daemon.wait_for("database", LONG, |status| status["status"] == "ok");
}
