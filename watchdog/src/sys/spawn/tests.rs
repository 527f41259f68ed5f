//! Tests of the order in which a child is noted and begins.

use super::*;
use std::sync::atomic::{AtomicU32, Ordering};

fn touch(at: &Path, noted: &(dyn Fn(u32) -> bool + Sync)) -> io::Result<Child> {
    let account = super::super::account::account(None, None).expect("ourselves");
    let argv = ["/usr/bin/touch".to_owned(), at.display().to_string()];
    launch_noted(
        &Launch {
            argv: &argv,
            env: &[],
            cwd: Path::new("/"),
            account: &account,
            output: File::open("/dev/null").expect("a null device"),
            errors: File::open("/dev/null").expect("a null device"),
            baseline: &Baseline::read(),
        },
        noted,
    )
}

#[test]
fn nothing_runs_before_it_is_noted_and_nothing_that_is_not_wanted() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ran");
    let (told, seen) = (AtomicU32::new(0), file.clone());
    let note = |pid| {
        told.store(pid, Ordering::SeqCst);
        !seen.exists()
    };
    let mut child = touch(&file, &note).expect("started");
    assert_eq!(child.id(), told.load(Ordering::SeqCst));
    assert!(child.wait().expect("waited").success() && file.exists());
    // The second is refused, because the file is there; it must not run.
    let error = touch(&file, &note).expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    assert_ne!(told.load(Ordering::SeqCst), child.id());
}
