//! Kernels that were told something else at boot: what the daemon must do without on some hosts.

use std::fmt;

use clap::ValueEnum;

/// A kernel command line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// As Debian boots; restored, not booted
    #[default]
    Plain,
    /// Control groups in their first version, no pressure figures, no BPF among the security modules
    Old,
    /// Lockdown: the kernel lets nobody read its memory, root neither
    Lockdown,
}

impl Variant {
    pub(crate) fn all() -> Vec<Self> {
        vec![Self::Plain, Self::Old, Self::Lockdown]
    }

    /// What is added to the kernel's command line.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Old => "systemd.unified_cgroup_hierarchy=0 psi=0 lsm=landlock,yama,apparmor",
            Self::Lockdown => "lockdown=confidentiality",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Old => "old",
            Self::Lockdown => "lockdown",
        })
    }
}
