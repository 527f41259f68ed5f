//! The seed's file system: rights, owner, space and inodes, on a small one in memory.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::Path;

use watchdog_tests::daemon::Daemon;
use watchdog_tests::mounted::Mounted;
use watchdog_tests::need;
use watchdog_tests::scratch::Scratch;
use watchdog_tests::until::until;

use super::{LONG, item, mode, unmonitors};

/// Waits until the stop program ran and the service is unmonitored, and watches it again.
fn stopped(daemon: &Daemon, mark: &Path, mend: impl Fn()) {
    assert!(until(LONG, || mark.exists().then_some(())).is_some(), "{}", daemon.said());
    daemon.wait_for("datafs", LONG, |status| status["status"] == "unmonitored");
    mend();
    fs::remove_file(mark).expect("it is there");
    assert!(daemon.command(&["monitor", "datafs"]).status.success(), "{}", daemon.said());
    daemon.wait_for("datafs", LONG, |status| status["status"] == "ok");
}

#[test]
fn datafs_is_unmonitored_told_of_and_stopped() {
    if !need::root() {
        return;
    }
    let scratch = Scratch::new();
    let (place, mark) = (scratch.at("data"), scratch.at("unmounted"));
    fs::create_dir(&place).expect("a folder");
    // With the rights that the seed wants its device to have.
    let options = "size=8m,nr_inodes=31000,mode=660,uid=0,gid=disk";
    let _mounted = Mounted::tmpfs(&place, options);
    let stop = scratch.script("umount", &format!("touch {}\n", mark.display()));
    let start = scratch.script("mount", "exit 0\n");
    let [path, start, stop] = [&place, &start, &stop].map(|path| path.to_str().expect("a path"));
    let instead = [("/dev/sdb1", path), ("/bin/mount /data", start), ("/bin/umount /data", stop)];
    let services = item("filesystem: datafs", &instead);
    let daemon = Daemon::start(&scratch, &format!("cycle: 200ms\nservices:\n{services}"));
    let seen = daemon.wait_for("datafs", LONG, |status| status["status"] == "ok");
    let gid = u32::try_from(seen["observed"]["gid"].as_u64().expect("a group")).expect("a gid");

    let words = format!("'datafs' permission test failed for {path} [current permission 0700]");
    unmonitors(&daemon, "datafs", &words, || mode(&place, 0o700), || mode(&place, 0o660));
    let own = |uid, gid| {
        let place = &place;
        move || chown(place, uid, gid).expect("chown")
    };
    let words = format!("'datafs' uid test failed for {path} -- current uid is 1");
    unmonitors(&daemon, "datafs", &words, own(Some(1), None), own(Some(0), None));
    let words = format!("'datafs' gid test failed for {path} -- current gid is 1");
    unmonitors(&daemon, "datafs", &words, own(None, Some(1)), own(None, Some(gid)));

    let filling = place.join("filling");
    fs::write(&filling, vec![1; 7 << 20]).expect("there is room");
    // A cycle may see it while it is still being filled.
    let line = daemon.wait_log("error    : 'datafs' space usage 8", LONG);
    assert!(line.ends_with("% matches resource limit [space usage > 80.0%]"), "{line}");
    fs::remove_file(&filling).expect("it is there");
    daemon.wait_log("info     : 'datafs' space usage test succeeded [current space usage = ", LONG);
    // As much as there is room for.
    let _full = fs::write(&filling, vec![1; 9 << 20]);
    daemon.wait_log("matches resource limit [space usage > 99.0%]", LONG);
    stopped(&daemon, &mark, || fs::remove_file(&filling).expect("it is there"));

    let files = |from: usize, to: usize| {
        (from..to).map(|n| File::create(place.join(n.to_string()))).filter(Result::is_ok).count()
    };
    let made = files(0, 30_100);
    assert_eq!(made, 30_100);
    daemon.wait_log("matches resource limit [inode usage > 30000]", LONG);
    fs::remove_file(place.join("0")).expect("it is there");
    let few =
        || (1..200).for_each(|n| fs::remove_file(place.join(n.to_string())).expect("it is there"));
    few();
    daemon.wait_log("info     : 'datafs' inode usage test succeeded [current inode usage = ", LONG);
    files(0, 200);
    files(made, 31_100);
    daemon.wait_log("matches resource limit [inode usage > 99.0%]", LONG);
    stopped(&daemon, &mark, || {
        for entry in fs::read_dir(&place).expect("a folder").flatten() {
            fs::remove_file(entry.path()).expect("it is there");
        }
    });
}
