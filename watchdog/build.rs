//! Puts the kernel object where the crate includes it from.
//!
//! In this order: the object that `EBPF_WATCHDOG_BPF_OBJECT` names; the committed one, if it was
//! made from these very sources; one built here, where the tools are; else an error that says how
//! to get them. So building needs no BPF tools as long as nobody touches the kernel programs.

use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "build/programs.rs"]
#[expect(dead_code, reason = "shared with xtask, which records versions and hashes too")]
mod programs;

const NAMED: &str = "EBPF_WATCHDOG_BPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-env-changed={NAMED}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    let folder = |name| PathBuf::from(env::var_os(name).unwrap_or_default());
    let root = folder("CARGO_MANIFEST_DIR").join("..");
    let root = root.canonicalize().unwrap_or(root);
    for source in programs::SOURCES.into_iter().chain([programs::PREBUILT, programs::BUILDINFO]) {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let out = folder("OUT_DIR");
    let put = object(&root, &out).and_then(|bytes| {
        let target = out.join("programs.o");
        fs::write(&target, bytes).map_err(|error| format!("{}: {error}", target.display()))
    });
    if let Err(error) = put {
        println!("cargo::error={error}");
    }
}

fn object(root: &Path, out: &Path) -> Result<Vec<u8>, String> {
    if let Some(path) = env::var_os(NAMED) {
        let path = PathBuf::from(path);
        println!("cargo::rerun-if-changed={}", path.display());
        return fs::read(&path).map_err(|error| format!("{NAMED}={}: {error}", path.display()));
    }
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if arch != "x86_64" {
        return Err(format!("the kernel programs are not ported to {arch} yet"));
    }
    let hash = programs::source_hash(root).map_err(|error| format!("kernel sources: {error}"))?;
    let info = fs::read_to_string(root.join(programs::BUILDINFO)).unwrap_or_default();
    if programs::info(&info, "sources") == Some(&hash) {
        let path = root.join(programs::PREBUILT);
        return fs::read(&path).map_err(|error| format!("{}: {error}", path.display()));
    }
    let built = programs::Tools::find().and_then(|tools| tools.build(root, &out.join("ebpf")));
    built.map_err(|error| {
        format!(
            "the kernel programs have changed since the committed object was built, and it cannot \
             be built here: {error}. `cargo xtask setup` installs the tools, `cargo xtask ebpf \
             build` makes the object."
        )
    })
}
