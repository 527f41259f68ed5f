//! The kernel object: the hash of its sources, and how it is built from them.
//!
//! Shared by the build script and by `cargo xtask ebpf`, so that both mean the same object. The
//! hash depends on contents and names only: not on the folder, nor on line endings.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use sha2::{Digest, Sha256};

/// Where the committed object and the account of its making are, below the repository.
pub(super) const PREBUILT: &str = "watchdog-ebpf/prebuilt/bpfel-x86_64.o";
/// See [`PREBUILT`].
pub(super) const BUILDINFO: &str = "watchdog-ebpf/prebuilt/BUILDINFO";

/// What the object is made of. Folders count with every `.rs` file in them.
pub(super) const SOURCES: [&str; 5] = [
    "watchdog-common/Cargo.toml",
    "watchdog-common/src",
    "watchdog-ebpf/Cargo.lock",
    "watchdog-ebpf/Cargo.toml",
    "watchdog-ebpf/src",
];

/// Compiler flags; debug information is what the linker makes BTF of.
const FLAGS: [&str; 6] = [
    "-Clink-arg=--btf",
    "-Cdebuginfo=2",
    "-Ctarget-cpu=v3",
    "--cfg=bpf_target_arch=\"x86_64\"",
    "-Aunknown-lints",
    "-Coverflow-checks=off",
];
const TARGET: &str = "bpfel-unknown-none";

/// The hash of everything that the object is made of, in hexadecimal.
pub(super) fn source_hash(repository: &Path) -> io::Result<String> {
    let mut files = BTreeMap::new();
    for source in SOURCES {
        collect(repository, source, &mut files)?;
    }
    let mut hash = Sha256::new();
    for flag in FLAGS {
        part(&mut hash, flag.as_bytes());
    }
    for (name, bytes) in files {
        part(&mut hash, name.as_bytes());
        let text: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'\r').collect();
        part(&mut hash, &text);
    }
    Ok(hex(&hash.finalize()))
}

/// The hash of an object's bytes, in hexadecimal.
pub(super) fn bytes_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A length before each part: no two lists of parts give one stream.
fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn collect(root: &Path, name: &str, into: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let path = root.join(name);
    if !path.is_dir() {
        into.insert(name.to_owned(), fs::read(path)?);
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let inner = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() || inner.ends_with(".rs") {
            collect(root, &inner, into)?;
        }
    }
    Ok(())
}

/// The line `key: value` of a BUILDINFO.
pub(super) fn info<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

/// The programs that make the object.
pub(super) struct Tools {
    cargo: PathBuf,
    rustc: PathBuf,
    linker: PathBuf,
    strip: PathBuf,
}

impl Tools {
    /// Finds them: a compiler with the standard library's sources, the linker, llvm-strip.
    ///
    /// `EBPF_WATCHDOG_RUSTC` and `EBPF_WATCHDOG_CARGO` name another compiler, a rustup nightly with
    /// `rust-src` for example. The error names what is missing.
    pub(super) fn find() -> Result<Self, String> {
        let named =
            |variable, usual| env::var_os(variable).map_or(PathBuf::from(usual), Into::into);
        let cargo: PathBuf = named("EBPF_WATCHDOG_CARGO", "/usr/bin/cargo");
        let rustc: PathBuf = named("EBPF_WATCHDOG_RUSTC", "/usr/bin/rustc");
        let sysroot = output(Command::new(&rustc).args(["--print", "sysroot"]))?;
        if !Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core").exists() {
            return Err(format!("{} has no sources of the standard library", rustc.display()));
        }
        let linker = on_path("bpf-linker").ok_or("bpf-linker is not installed")?;
        // Of the linker's LLVM where it is there: another one may lay the sections out differently.
        let strip = Some(PathBuf::from("/usr/lib/llvm-22/bin/llvm-strip"))
            .filter(|path| path.exists())
            .or_else(|| on_path("llvm-strip"))
            .ok_or("llvm-strip is not installed")?;
        Ok(Self { cargo, rustc, linker, strip })
    }

    /// Their versions: with the same the object comes out byte for byte the same.
    pub(super) fn versions(&self) -> Result<String, String> {
        let rustc = output(Command::new(&self.rustc).arg("--version"))?;
        let linker = output(Command::new(&self.linker).arg("--version"))?;
        let strip = output(Command::new(&self.strip).arg("--version"))?;
        let llvm = strip.lines().find(|line| line.contains("version")).unwrap_or("").trim();
        Ok(format!("{}, {}, {llvm}", rustc.trim(), linker.trim()))
    }

    /// Builds the object from the sources into `target` and returns its bytes.
    pub(super) fn build(&self, repository: &Path, target: &Path) -> Result<Vec<u8>, String> {
        let home = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")))
            .unwrap_or_default();
        let sysroot = output(Command::new(&self.rustc).args(["--print", "sysroot"]))?;
        let mut flags: Vec<OsString> = FLAGS.iter().map(Into::into).collect();
        flags.push(format!("-Clinker={}", self.linker.display()).into());
        for (path, name) in [
            (repository, "/src"),
            (home.as_path(), "/cargo"),
            (Path::new(&format!("{}/lib/rustlib/src", sysroot.trim())), "/rust"),
        ] {
            flags.push(format!("--remap-path-prefix={}={name}", path.display()).into());
        }
        // The folder of a registry is named after its host: the last of the prefixes that fit wins.
        for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten() {
            let path = registry.path();
            flags.push(format!("--remap-path-prefix={}=/crates", path.display()).into());
        }
        let mut command = Command::new(&self.cargo);
        for (name, _) in env::vars_os() {
            // What an outer cargo or rustup has set is for the host's compiler.
            let text = name.to_string_lossy();
            if (text.starts_with("CARGO") && text != "CARGO_HOME")
                || text.starts_with("RUST")
                || ["TARGET", "HOST", "OUT_DIR", "PROFILE", "OPT_LEVEL", "DEBUG"].contains(&&*text)
            {
                command.env_remove(&name);
            }
        }
        let status = command
            .current_dir(repository.join("watchdog-ebpf"))
            .env("RUSTC", &self.rustc)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join(std::ffi::OsStr::new("\u{1f}")))
            .args(["build", "--quiet", "--release", "--locked", "--target", TARGET])
            .args(["-Zbuild-std=core", "--target-dir"])
            .arg(target)
            .status()
            .map_err(|error| format!("{}: {error}", self.cargo.display()))?;
        if !status.success() {
            return Err(format!("building the kernel programs failed ({status})"));
        }
        let built = target.join(TARGET).join("release/watchdog-ebpf");
        let object = target.join("programs.o");
        // Debug information goes, BTF stays: a tenth of the size, and no path of this machine.
        output(Command::new(&self.strip).arg("-g").arg("-o").arg(&object).arg(&built))?;
        let read = || fs::read(&object).map_err(|error| format!("{}: {error}", object.display()));
        // The two are one program under two names.
        let mut rename = Command::new(self.strip.with_file_name("llvm-objcopy"));
        for name in mangled(&read()?) {
            let plain = without_hash(&name);
            rename.arg("--redefine-sym").arg(format!("{name}={plain}"));
        }
        output(rename.arg(&object))?;
        read()
    }
}

/// The mangled names in an object.
fn mangled(object: &[u8]) -> Vec<String> {
    let strings = object.split(|byte| *byte == 0).filter(|name| name.starts_with(b"_R"));
    strings.map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// A mangled name without the crate's hash (`Cs4orLs6N2EXS_13watchdog_ebpf` becomes
/// `C13watchdog_ebpf`), which depends on the folder of the build.
fn without_hash(name: &str) -> String {
    let Some((head, rest)) = name.split_once("Cs") else { return name.to_owned() };
    match rest.split_once('_') {
        Some((_, tail)) => format!("{head}C{tail}"),
        None => name.to_owned(),
    }
}

fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo/bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(home).map(|folder| folder.join(name)).find(|file| file.exists())
}
