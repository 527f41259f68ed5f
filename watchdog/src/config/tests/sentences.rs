//! The grammar: Monit's sentences, ours, and how they are printed. Any of them: `conditions`.

use crate::config::grammar::{Subject, parse, print};

fn normal(subject: Subject, text: &str) -> String {
    match parse(text, subject) {
        Ok(sentence) => print(&sentence.condition, sentence.qualifier),
        Err(error) => panic!("{text}: {error:?}"),
    }
}

#[test]
fn sentences_of_a_process() {
    for (text, printed) in [
        ("cpu > 60% for 2 cycles", "cpu > 60% for 2 cycles"),
        ("CPU usage is greater than 60 percent for 1 cycle", "cpu > 60% for 1 cycles"),
        ("total cpu usage gt 80.5%", "totalcpu > 80.5%"),
        ("total mem amount is greater than 1800 megabytes", "totalmem > 1800 MB"),
        ("total memory usage > 10%", "totalmem > 10%"),
        (
            "totalmem>1GiB for 5 times within 15 cycles",
            "totalmem > 1 GB for 5 times within 15 cycles",
        ),
        ("mem < 512 kb", "memory < 512 KB"),
        ("memory usage >= 1.5 GB", "memory >= 1536 MB"),
        ("children more than 250", "children > 250"),
        ("threads != 1 for 30s", "threads != 1 for 30s"),
        ("uptime is less than 3 minutes", "uptime < 3 minutes"),
        ("loadavg(5min) greater than 10 for 8 cycles", "loadavg (5min) > 10 for 8 cycles"),
        ("loadavg (15) per core > 0.5", "loadavg (15min) per core > 0.5"),
        ("loadavg > 4", "loadavg (1min) > 4"),
        ("does not exist", "does not exist"),
        ("not exist for 3 cycles", "does not exist for 3 cycles"),
        ("does exist", "exists"),
        ("not (exists)", "not (exists)"),
        ("exits", "exits"),
        ("exits with code 3", "exits with code = 3"),
        (
            "exits with code != 0 3 times within 1 hour",
            "exits with code != 0 for 3 times within 1h",
        ),
        ("killed", "killed"),
        (
            "killed by signal sigterm within 10 minutes",
            "killed by signal 15 for 1 times within 10m",
        ),
        (
            "killed by signal 64 2 within 5 cycles",
            "killed by signal 64 for 2 times within 5 cycles",
        ),
        ("3 restarts within 5 cycles", "3 restarts within 5 cycles"),
        ("1 restart within 90 seconds", "1 restarts within 90s"),
        (
            "(cpu > 60% and totalmem > 1 GB) or children > 250",
            "cpu > 60% and totalmem > 1 GB or children > 250",
        ),
        (
            "cpu > 1% and (cpu < 5% or not threads = 1)",
            "cpu > 1% and (cpu < 5% or not threads = 1)",
        ),
        ("cpu > 1% or cpu > 2% and cpu > 3%", "cpu > 1% or cpu > 2% and cpu > 3%"),
        ("not not exists", "not does not exist"),
        ("filedescriptors > 500", "filedescriptors > 500"),
        ("changed pid or changed ppid", "changed pid or changed ppid"),
        ("security attribute !=~ ':c[0-9]+$'", "security attribute !=~ \":c[0-9]+$\""),
        ("security attribute is = x_t", "security attribute = \"x_t\""),
        ("filedescriptors >= 80%", "filedescriptors >= 80%"),
        ("total filedescriptors > 5000 for 2 cycles", "total filedescriptors > 5000 for 2 cycles"),
        ("filedescriptors grows > 10 per minute", "filedescriptors grows > 10 per minute over 10m"),
        ("filedescriptors reaches 90% within 1h", "filedescriptors reaches 90% within 1h"),
        ("disk read activity > 10 MB/s", "disk read > 10 MB/s"),
        ("total disk write rate > 1 GB per second", "total disk write > 1 GB/s"),
        ("forks > 200 per second", "forks > 200 per second"),
        ("forks > 1000 per 60 s", "forks > 1000 per minute"),
        ("forks gt 5 per 90 seconds for 2 cycles", "forks > 5 per 90s for 2 cycles"),
        (
            "total memory grows > 50 MB per minute over 10 minutes",
            "totalmem grows > 50 MB per minute over 10m",
        ),
        ("memory grows > 10% per hour", "memory grows > 10% per hour over 1h"),
        ("children grows > 2 per minute", "children grows > 2 per minute over 10m"),
        ("threads grows >= 200 percent per day", "threads grows >= 200% per day over 1d"),
        ("totalmem reaches 1800 MB within 15 minutes", "totalmem reaches 1800 MB within 15m"),
        (
            "cpu > 5% and totalmem reaches 80% within 1h for 2 minutes",
            "cpu > 5% and totalmem reaches 80% within 1h for 2m",
        ),
    ] {
        assert_eq!(normal(Subject::Process, text), printed, "{text}");
    }
}

#[test]
fn sentences_of_a_system() {
    for (text, printed) in [
        ("cpu usage (user) > 70%", "cpu (user) > 70%"),
        ("cpu(wait) is greater than 20%", "cpu (wait) > 20%"),
        ("cpu > 95%", "cpu > 95%"),
        ("memory usage > 75%", "memory > 75%"),
        ("swap usage > 25% for 4 cycles", "swap > 25% for 4 cycles"),
        ("uptime > 90 days", "uptime > 90 days"),
        ("cpu (guestnice) > 1%", "cpu (guestnice) > 1%"),
        ("forks > 200 per second", "forks > 200 per second"),
        ("pressure memory > 20%", "pressure (memory) some > 20%"),
        ("pressure (io) full > 5% for 30s", "pressure (io) full > 5% for 30s"),
        ("filedescriptors > 90%", "filedescriptors > 90%"),
        ("disk write > 500 operations/s", "disk write > 500 operations/s"),
        ("disk read rate > 1.5 MB / s", "disk read > 1536 KB/s"),
        ("pagein > 10 pages/s", "pagein > 10 per second"),
        (
            "pageout is greater than 50 per second for 20 cycles",
            "pageout > 50 per second for 20 cycles",
        ),
        ("swap reaches 50% within 15 min", "swap reaches 50% within 15m"),
        ("memory usage grows > 1 GB per hour over 2h", "memory grows > 1 GB per hour over 2h"),
    ] {
        assert_eq!(normal(Subject::System, text), printed, "{text}");
    }
}

#[test]
fn sentences_of_a_file_system() {
    for (text, printed) in [
        ("space usage is greater than 80 percent", "space > 80%"),
        ("space > 500 MB for 2 cycles", "space > 500 MB for 2 cycles"),
        ("space free < 5 GB", "space free < 5 GB"),
        ("inode usage > 30000", "inodes > 30000"),
        ("inodes free less than 10%", "inodes free < 10%"),
        ("changed fsflags", "changed fsflags"),
        ("read rate > 1.5 MB/s", "read > 1536 KB/s"),
        ("write > 500 operations per second", "write > 500 operations/s"),
        ("service time > 10 milliseconds for 3 cycles", "service time > 10 ms for 3 cycles"),
        ("service time > 5.2 ms", "service time > 5.2 ms"),
        ("does not answer", "does not answer"),
        ("does not exist or space > 90%", "does not exist or space > 90%"),
    ] {
        assert_eq!(normal(Subject::Filesystem, text), printed, "{text}");
    }
    for text in [
        "space > 5",
        "space > 101%",
        "inodes > 5 MB",
        "read > 5 operations",
        "read > 5 MB",
        "write > 5/s",
        "service time > 5",
        "changed flags",
    ] {
        assert!(parse(text, Subject::Filesystem).is_err(), "{text}");
    }
}

#[test]
fn sentences_of_an_interface() {
    assert_eq!(normal(Subject::Network, "failed link for 2 cycles"), "link down for 2 cycles");
    for (text, printed) in [
        ("link down", "link down"),
        ("link up for 2 cycles", "link up for 2 cycles"),
        ("changed link capacity", "changed link"),
        ("saturation is greater than 90 percent for 2 cycles", "saturation > 90% for 2 cycles"),
        ("download rate > 1.5 MB/s", "download > 1536 KB/s"),
        ("upload > 500 packets per second", "upload > 500 packets/s"),
        ("total downloaded > 1 GB in last 2 hours", "total downloaded > 1 GB in last 2 hours"),
        (
            "total uploaded > 10000 packets in 60 minutes",
            "total uploaded > 10000 packets in last 1 hour",
        ),
        ("total uploaded < 1 MB in last day", "total uploaded < 1 MB in last 1 day"),
    ] {
        assert_eq!(normal(Subject::Network, text), printed, "{text}");
    }
    for text in [
        "link",
        "saturation > 5",
        "saturation > 101%",
        "download > 5 MB",
        "download > 5/s",
        "total downloaded > 5 MB",
        "total downloaded > 5 MB in last 25 hours",
        "total downloaded > 5 MB in last 30 seconds",
        "total download > 5 MB in last hour",
    ] {
        assert!(parse(text, Subject::Network).is_err(), "{text}");
    }
}

#[test]
fn sentences_of_a_program() {
    for (text, printed) in [
        ("status != 0", "status != 0"),
        ("Status is greater than 2 for 3 cycles", "status > 2 for 3 cycles"),
        ("changed status", "changed status"),
        ("does not run for 2 cycles", "does not run for 2 cycles"),
        ("content = error", "content = \"error\""),
        ("content != \"all \\\"well\\\"\" for 2 cycles", "content != 'all \"well\"' for 2 cycles"),
        ("content changed", "content changed"),
        ("content not changed for 5 cycles", "content not changed for 5 cycles"),
        ("not content == \"ok\" and status = 0", "not content = \"ok\" and status = 0"),
    ] {
        assert_eq!(normal(Subject::Program, text), printed, "{text}");
    }
    for text in [
        "status",
        "status != 256",
        "status != -1",
        "content > \"x\"",
        "content = \"(\"",
        "changed",
        "cpu > 5%",
    ] {
        assert!(parse(text, Subject::Program).is_err(), "{text}");
    }
}

#[test]
fn sentences_of_files() {
    let sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (text, printed) in [
        ("failed permission 755", "failed permission 0755"),
        ("failed perm 4755 for 2 cycles", "failed permission 4755 for 2 cycles"),
        ("changed permission", "changed permission"),
        ("failed uid root", "failed uid \"root\""),
        ("failed uid \"www-data\"", "failed uid \"www-data\""),
        ("failed gid 33", "failed gid 33"),
        ("size > 100 MB", "size > 100 MB"),
        ("size is greater than 1.5 kilobytes", "size > 1536 B"),
        ("size less than 100", "size < 100 B"),
        ("changed size", "changed size"),
        ("timestamp > 15 minutes", "timestamp > 15 minutes"),
        ("timestamp is older than 3 days", "timestamp > 3 days"),
        ("timestamp was older than 90", "timestamp > 90 seconds"),
        ("time newer than 1 hour", "timestamp < 1 hours"),
        ("access time > 1 day", "atime > 1 days"),
        ("ctime > 90 seconds", "ctime > 90 seconds"),
        ("modification time > 2 hours for 3 cycles", "mtime > 2 hours for 3 cycles"),
        ("changed change time", "changed ctime"),
        ("changed timestamp", "changed timestamp"),
        ("changed access time", "changed atime"),
        ("failed checksum", "failed sha256 checksum"),
        ("failed md5 checksum", "failed md5 checksum"),
        ("changed sha1 checksum", "changed sha1 checksum"),
        ("changed checksum", "changed sha256 checksum"),
        (
            "failed checksum and expect the sum B1946AC92492D2347C6235B4D2611184",
            "failed md5 checksum expect b1946ac92492d2347c6235b4d2611184",
        ),
        (
            "failed sha1 checksum expect da39a3ee5e6b4b0d3255bfef95601890afd80709 for 2 cycles",
            "failed sha1 checksum expect da39a3ee5e6b4b0d3255bfef95601890afd80709 for 2 cycles",
        ),
        (
            &format!("failed checksum and expect \"{sum}\" and size > 1 MB"),
            &format!("failed sha256 checksum expect {sum} and size > 1 MB"),
        ),
        ("hardlink > 1", "hardlink > 1"),
        ("changed hardlink", "changed hardlink"),
        ("content = \"ERROR [0-9]+\"", "content = \"ERROR [0-9]+\""),
        (
            "content == ERROR for 3 times within 5 cycles",
            "content = \"ERROR\" for 3 times within 5 cycles",
        ),
        ("content != '^(INFO|DEBUG)'", "content != \"^(INFO|DEBUG)\""),
        ("content = 'say \"no\"' and size > 0", "content = 'say \"no\"' and size > 0 B"),
        ("content = \"it's \\\"x\\\"\"", "content = \"it's \\\"x\\\"\""),
        ("failed type", "failed type"),
        ("not exist", "does not exist"),
    ] {
        assert_eq!(normal(Subject::File, text), printed, "{text}");
    }
    for text in [
        "failed permission 888",
        "failed",
        "changed",
        "changed uid",
        "size > 10%",
        "size > 10 minutes",
        "timestamp > 10 MB",
        "hardlink > 1.5",
        "content > \"x\"",
        "content = \"(\"",
        "content =",
        "failed checksum expect 1234",
        "failed sha256 checksum expect b1946ac92492d2347c6235b4d2611184",
        "failed md5 size",
        "space > 80%",
    ] {
        assert!(parse(text, Subject::File).is_err(), "{text}");
    }
    for text in
        ["failed permission 755", "failed uid root", "timestamp > 5 minutes", "changed mtime"]
    {
        for subject in [Subject::Directory, Subject::Fifo] {
            assert!(parse(text, subject).is_ok(), "{text}");
        }
    }
    for text in ["size > 1 MB", "failed checksum", "changed size", "content = \"x\""] {
        let error = parse(text, Subject::Directory).unwrap_err();
        assert!(error.message.contains("a test of a file, not of a directory"), "{error:?}");
    }
}

#[test]
fn noise_words_stand_only_where_monit_has_them() {
    for text in
        ["cpu than > 5%", "is cpu > 5%", "cpu > is 5%", "children usage > 5", "cpu > than 5%"]
    {
        assert!(parse(text, Subject::Process).is_err(), "{text}");
    }
}
