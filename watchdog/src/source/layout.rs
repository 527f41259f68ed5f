//! Which kernel fields the programs need, and where this kernel has them.

use watchdog_common::fields::{ABSENT, Fields};

use super::btf::Btf;

/// The kernel's offsets, and what it does not have.
pub(super) struct Layout {
    pub(super) fields: Fields,
    pub(super) absent: Vec<Absent>,
}

/// A field that this kernel does not have.
pub(super) struct Absent {
    /// As in `task_struct.mm`.
    pub(super) field: String,
    /// The programs that cannot be loaded without it; none where they can do without.
    pub(super) programs: &'static [&'static str],
}

struct Row {
    structure: &'static str,
    path: &'static str,
    place: fn(&mut Fields) -> &mut u64,
    programs: &'static [&'static str],
}

const fn row(
    structure: &'static str,
    path: &'static str,
    place: fn(&mut Fields) -> &mut u64,
    programs: &'static [&'static str],
) -> Row {
    Row { structure, path, place, programs }
}

const EVERY: &[&str] = &["fork", "exec", "exit", "free", "signal", "oom", "sample", "faults"];

const LEADER: &[&str] = &["fork", "exit", "sample", "faults"];

/// One row per field: structure, path, where it goes, and who cannot do without it.
const TABLE: &[Row] = &[
    row("task_struct", "pid", |f| &mut f.task_pid, &["fork", "free", "sample"]),
    row("task_struct", "tgid", |f| &mut f.task_tgid, EVERY),
    row("task_struct", "flags", |f| &mut f.task_flags, &["sample"]),
    row("task_struct", "signal", |f| &mut f.task_signal, EVERY),
    row("task_struct", "mm", |f| &mut f.task_mm, &["exit", "sample", "faults"]),
    row("task_struct", "start_boottime", |f| &mut f.task_start, &["fork", "free", "sample"]),
    row("task_struct", "real_parent", |f| &mut f.task_parent, &["exit", "sample", "faults"]),
    row("task_struct", "group_leader", |f| &mut f.task_leader, LEADER),
    row("task_struct", "se.sum_exec_runtime", |f| &mut f.task_runtime, &["exit", "free", "sample"]),
    row("task_struct", "exit_code", |f| &mut f.task_exit_code, &["exit"]),
    row("task_struct", "exit_state", |f| &mut f.task_exit_state, &["sample"]),
    row("task_struct", "real_cred", |f| &mut f.task_cred, &[]),
    row("task_struct", "comm", |f| &mut f.task_comm, &[]),
    row("task_struct", "ioac.read_bytes", |f| &mut f.task_read, &[]),
    row("task_struct", "ioac.write_bytes", |f| &mut f.task_write, &[]),
    row("signal_struct", "ioac.read_bytes", |f| &mut f.signal_read, &[]),
    row("signal_struct", "ioac.write_bytes", |f| &mut f.signal_write, &[]),
    row("cred", "uid", |f| &mut f.cred_uid, &[]),
    row("signal_struct", "live", |f| &mut f.signal_live, &["exit", "sample"]),
    row("signal_struct", "flags", |f| &mut f.signal_flags, &["exit"]),
    row("signal_struct", "group_exit_code", |f| &mut f.signal_exit_code, &["exit"]),
    row("signal_struct", "sigcnt", |f| &mut f.signal_tasks, &["free"]),
    row("signal_struct", "sum_sched_runtime", |f| &mut f.signal_runtime, &["exit", "sample"]),
    row("kernel_siginfo", "si_code", |f| &mut f.info_code, &["signal"]),
    row("linux_binprm", "file", |f| &mut f.program_file, &[]),
    row("file", "f_inode", |f| &mut f.file_inode, &[]),
    row("inode", "i_ino", |f| &mut f.inode_number, &[]),
    row("inode", "i_sb", |f| &mut f.inode_super, &[]),
    row("super_block", "s_dev", |f| &mut f.super_device, &[]),
    row("task_struct", "cgroups", |f| &mut f.task_cgroups, &[]),
    row("css_set", "dfl_cgrp", |f| &mut f.cgroups_unified, &[]),
    row("cgroup", "kn", |f| &mut f.cgroup_node, &[]),
    row("kernfs_node", "id", |f| &mut f.node_id, &[]),
];

/// Finds every field of the table. `daemon` is our own pid.
pub(super) fn resolve(btf: &Btf, daemon: u32) -> Layout {
    let mut fields: Fields = bytemuck::Zeroable::zeroed();
    let mut absent = Vec::new();
    for row in TABLE {
        let found = btf.structure(row.structure).and_then(|id| btf.member(id, row.path));
        *(row.place)(&mut fields) = found.map_or(ABSENT, |member| member.offset);
        if found.is_none() {
            let field = format!("{}.{}", row.structure, row.path);
            absent.push(Absent { field, programs: row.programs });
        }
    }
    if memory(btf, &mut fields).is_none() {
        fields.mm_rss = ABSENT;
        absent.push(Absent { field: "mm_struct.rss_stat".to_owned(), programs: &[] });
    }
    match btf.argument_is_pointer("mark_victim", 0) {
        Some(task) => fields.oom_task = u64::from(task),
        None => absent
            .push(Absent { field: "the arguments of mark_victim".to_owned(), programs: &["oom"] }),
    }
    fields.daemon = u64::from(daemon);
    Layout { fields, absent }
}

/// `mm->rss_stat`: an array of `percpu_counter` since 6.2, before a structure with an array of
/// atomics, which a typed load may not touch on 6.1.
fn memory(btf: &Btf, fields: &mut Fields) -> Option<()> {
    let mm = btf.structure("mm_struct")?;
    if let Some(array) = btf.member(mm, "rss_stat.count") {
        let element = btf.element(array.of)?;
        (fields.mm_rss, fields.mm_rss_stride) = (array.offset, btf.size(element)?);
        return Some(());
    }
    let array = btf.member(mm, "rss_stat")?;
    let element = btf.element(array.of)?;
    let count = btf.member(element, "count")?;
    fields.mm_rss = array.offset.checked_add(count.offset)?;
    fields.mm_rss_stride = btf.size(element)?;
    fields.mm_rss_typed = u64::from(btf.is_structure(element));
    Some(())
}
