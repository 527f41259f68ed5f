//! bpf(2) where aya has no call: iterators bound to one process, whole-table reads, plain values.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use bytemuck::{Pod, Zeroable};

/// Commands of `enum bpf_cmd` (include/uapi/linux/bpf.h).
const MAP_LOOKUP_ELEM: libc::c_int = 1;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const PROG_LOAD: libc::c_int = 5;
const MAP_LOOKUP_BATCH: libc::c_int = 24;
const LINK_CREATE: libc::c_int = 28;
const ITER_CREATE: libc::c_int = 33;
/// `BPF_TRACE_ITER` of `enum bpf_attach_type`.
const TRACE_ITER: u32 = 28;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct LinkAttr {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    info: u64,
    info_len: u32,
    reserved: u32,
}

/// The `task` arm of `union bpf_iter_link_info`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct TaskInfo {
    tid: u32,
    pid: u32,
    pid_fd: u32,
    reserved: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ElementAttr {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    element_flags: u64,
    flags: u64,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct LoadAttr {
    program_type: u32,
    instructions: u32,
    code: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
}

/// One bpf(2) call. Addresses inside the attributes must be valid for what the command does.
fn call<A: Pod>(command: libc::c_int, attributes: &mut A) -> io::Result<libc::c_long> {
    // SAFETY: the attributes are a live, initialised structure of the size given. The addresses in
    // it are made in this module, of buffers that outlive the call and have the map's sizes.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attributes), size_of::<A>())
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just handed this descriptor to us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn raw(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// Loads the smallest program that there is (`return 0`, of type BPF_PROG_TYPE_TRACEPOINT) and
/// forgets it: whether this process may load programs at all, and if not, the kernel's own answer.
pub fn trial() -> io::Result<()> {
    const TRACEPOINT: u32 = 5;
    // `r0 = 0` and `exit`.
    let code: [u64; 2] = [0xb7, 0x95];
    let mut attributes = LoadAttr {
        program_type: TRACEPOINT,
        instructions: 2,
        code: code.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        ..LoadAttr::zeroed()
    };
    owned(call(PROG_LOAD, &mut attributes)?).map(drop)
}

/// A link of an iterator program over every task, or over the threads of one process.
///
/// Kernel 5.8; with `pid` 6.1 (`EINVAL` before). A pid that nobody has is no error: such an
/// iterator finds nothing.
pub fn iterator_link(program: BorrowedFd<'_>, pid: Option<u32>) -> io::Result<OwnedFd> {
    let info = TaskInfo { pid: pid.unwrap_or(0), ..TaskInfo::zeroed() };
    let mut attributes =
        LinkAttr { prog_fd: raw(program), attach_type: TRACE_ITER, ..LinkAttr::zeroed() };
    if pid.is_some() {
        attributes.info = std::ptr::from_ref(&info) as u64;
        attributes.info_len = size_of::<TaskInfo>() as u32;
    }
    call(LINK_CREATE, &mut attributes).and_then(owned)
}

/// Runs the linked iterator once over all it has to show. Kernel 5.8.
pub fn iterate(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes: [u32; 2] = [raw(link), 0];
    let run = owned(call(ITER_CREATE, &mut attributes)?)?;
    let mut buffer = [0; 64];
    loop {
        match rustix::io::read(&run, &mut buffer) {
            Ok(0) => return Ok(()),
            // After a million tasks without output the kernel takes a breath.
            Ok(_) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The value of a key. `NotFound` where there is none. `V` must have the map's value size.
pub fn lookup<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<V> {
    let mut value = V::zeroed();
    let mut attributes = ElementAttr {
        map_fd: raw(map),
        key: std::ptr::from_ref(key) as u64,
        value: std::ptr::from_mut(&mut value) as u64,
        ..ElementAttr::zeroed()
    };
    call(MAP_LOOKUP_ELEM, &mut attributes)?;
    Ok(value)
}

/// Sets the value of a key. `V` must have the map's value size.
pub fn update<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K, value: &V) -> io::Result<()> {
    let mut attributes = ElementAttr {
        map_fd: raw(map),
        key: std::ptr::from_ref(key) as u64,
        value: std::ptr::from_ref(value) as u64,
        ..ElementAttr::zeroed()
    };
    call(MAP_UPDATE_ELEM, &mut attributes).map(drop)
}

/// Removes a key. `NotFound` where there is none.
pub fn delete<K: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<()> {
    let mut attributes = ElementAttr {
        map_fd: raw(map),
        key: std::ptr::from_ref(key) as u64,
        ..ElementAttr::zeroed()
    };
    call(MAP_DELETE_ELEM, &mut attributes).map(drop)
}

/// Every key and value of a hash map, a thousand per call. Kernel 5.6.
///
/// Keys that come or go meanwhile may be in it or not; none is in it twice.
pub fn entries<K: Pod, V: Pod>(map: BorrowedFd<'_>) -> io::Result<Vec<(K, V)>> {
    let mut chunk: usize = 1024;
    let mut found = Vec::new();
    let mut keys = vec![K::zeroed(); chunk];
    let mut values = vec![V::zeroed(); chunk];
    let (mut cursor, mut next) = (0_u32, 0_u32);
    let mut first = true;
    loop {
        let mut attributes = BatchAttr {
            in_batch: if first { 0 } else { std::ptr::from_ref(&cursor) as u64 },
            out_batch: std::ptr::from_mut(&mut next) as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: chunk as u32,
            map_fd: raw(map),
            ..BatchAttr::zeroed()
        };
        let last = match call(MAP_LOOKUP_BATCH, &mut attributes) {
            Ok(_) => false,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
            // One bucket holds more than a chunk.
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && chunk < 1 << 20 => {
                chunk *= 2;
                keys.resize(chunk, K::zeroed());
                values.resize(chunk, V::zeroed());
                continue;
            }
            Err(error) => return Err(error),
        };
        let count = (attributes.count as usize).min(chunk);
        found.extend(keys.iter().copied().zip(values.iter().copied()).take(count));
        if last {
            return Ok(found);
        }
        (cursor, first) = (next, false);
    }
}
