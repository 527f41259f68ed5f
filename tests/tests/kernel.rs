//! The kernel side against the running kernel. Needs root; a kernel that cannot load it fails.

use ebpf_watchdog::source::Source;
use ebpf_watchdog::source::kernel::{KernelSource, Options};

#[test]
fn the_programs_load() {
    let source = KernelSource::open(&Options::default()).unwrap();
    assert_eq!(source.health().missing, []);
}
