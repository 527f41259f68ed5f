//! What is played before both tools: the thing that is watched, the rules, and what happens to it.
//!
//! Data. Not here: playing it (`play`), and what the logs are compared by (`story`).

/// One situation. In its texts `{dir}` is the folder of the tool that is played to: each tool has
/// things of its own, for both act.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// What it is called in the table and for `--only`.
    pub name: &'static str,
    /// What each tool has for itself.
    pub apart: Apart,
    /// Run by a shell in each tool's folder before the tool starts.
    pub before: &'static str,
    /// Monit's global statements, besides its files.
    pub monit_head: &'static str,
    /// Monit's services.
    pub monit: &'static str,
    /// Our settings, besides the files.
    pub ours_head: &'static str,
    /// Our services, as items of `services`.
    pub ours: &'static str,
    /// What happens, and what must be said about it.
    pub play: &'static [Step],
    /// Why ours is another story than Monit's, and the better one; none: the stories are the same.
    pub better: Option<&'static str>,
    /// How far a measured number may be from the other tool's, as a share of the larger one.
    pub tolerance: f64,
}

/// What the entries leave out.
pub(super) const PLAIN: Situation = Situation {
    name: "",
    apart: Apart::Folder,
    before: "",
    monit_head: "",
    monit: "",
    ours_head: "",
    ours: "",
    play: &[],
    better: None,
    tolerance: 0.2,
};

/// What each tool has for itself besides a folder; commands of the play see the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Apart {
    /// Nothing.
    Folder,
    /// Mounts.
    Mounts,
    /// Networks: of interfaces only `lo`, which is up.
    Networks,
}

/// Which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Monit,
    Ours,
}

/// One step. A text that must be said is looked for behind the one before it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// A shell command, in each tool's folder. `./actor` is the program with the loads.
    Do(&'static str),
    /// A command of both command lines.
    Order(&'static str),
    /// A command of one of them, where they are worded otherwise.
    Orders(Who, &'static str),
    /// What a shell finds true in each tool's folder, at once or after a while.
    Holds(&'static str),
    /// The signal to read the rules anew.
    Reload,
    /// One of them has ended, or does so now.
    Dies(Who),
    /// One of them still runs.
    Lives(Who),
    /// Both must say it next: a part of a line.
    Say(&'static str),
    /// One of them must say it next.
    Says(Who, &'static str),
    /// Both must have sent a mail with this subject, after the one before.
    Mail(&'static str),
    /// So many cycles pass.
    Cycles(u64),
    /// So often one of them has said it by now.
    Count(Who, &'static str, usize),
}
