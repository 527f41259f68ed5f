//! `refuse ERRNO COMMAND PROGRAM [ARGUMENT…]`: runs a program for which bpf(2) answers with an error.
//!
//! COMMAND is a number of `enum bpf_cmd`, or `all`. Linux has no other way to look like a kernel
//! that lacks one of them. By a seccomp filter, as a container's profile would do it.

#![expect(unsafe_code, reason = "libc is the only way to a seccomp filter here")]

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const FIRST_ARGUMENT: u32 = 16;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("refuse ERRNO COMMAND PROGRAM");
    let errno: u32 = next().parse().expect("a number");
    let command: Option<u32> = next().parse().ok();
    let program = next();
    filter(errno, command);
    let error = Command::new(&program).args(arguments).exec();
    panic!("{program}: {error}");
}

fn filter(errno: u32, command: Option<u32>) {
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let equal = |to, otherwise| statement(libc::BPF_JMP | libc::BPF_JEQ, 0, otherwise, to);
    let answer = |answer| statement(libc::BPF_RET, 0, 0, answer);
    let bpf = u32::try_from(libc::SYS_bpf).expect("a small number");
    let mut steps = vec![load(NUMBER)];
    match command {
        None => steps.push(equal(bpf, 1)),
        // Little-endian: the low half of the argument comes first.
        Some(command) => steps.extend([equal(bpf, 3), load(FIRST_ARGUMENT), equal(command, 1)]),
    }
    steps.push(answer(libc::SECCOMP_RET_ERRNO | errno));
    steps.push(answer(libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog {
        len: u16::try_from(steps.len()).expect("a few"),
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: `program` and the steps that it points to live during the call.
    let done =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(done, 0, "a seccomp filter: {}", std::io::Error::last_os_error());
}

fn statement(code: u32, then: u8, otherwise: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).expect("small"), jt: then, jf: otherwise, k }
}
