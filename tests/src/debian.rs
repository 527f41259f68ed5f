//! Servers of Debian that are not installed: each runs in a mount namespace of its own, where its
//! packages lie over the system's folders and its users exist.
//!
//! Not here: fetching the packages (`cargo xtask setup --tests`), and what a test says to a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::need;
use crate::scratch::Scratch;

/// Users that the packages would have made; from this id on.
const USERS: [&str; 7] =
    ["Debian-exim", "clamav", "dovecot", "dovenull", "postgres", "postgrey", "sshd"];
const FIRST_ID: usize = 61_800;

/// Read-only overlays: the packages before the system. `/run` is the server's own.
const LAY: &str = r#"etc=$1 root=$2; shift 2
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" /usr &&
mount -t overlay overlay -o "lowerdir=$etc:$root/etc:/etc" /etc &&
mount -t tmpfs tmpfs /run && mkdir /run/sshd || exit 99
"$@"
exit $?"#;

/// Where `cargo xtask setup --tests` has unpacked the packages. None: it has not, the test is skipped.
pub fn unpacked() -> Option<PathBuf> {
    let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/servers");
    // It names the tree that was unpacked as a whole.
    let root = fs::read_to_string(servers.join("done")).map(|name| servers.join(name));
    let root = root.and_then(|root| root.canonicalize()).ok();
    if root.is_none() {
        need::skip("no servers are unpacked (cargo xtask setup --tests)");
    }
    root
}

/// A server that runs. Dropped, it is ended with all that it has started.
#[derive(Debug)]
pub struct Server {
    child: Child,
    output: PathBuf,
}

impl Server {
    /// Runs a program of the packages with these arguments; it must stay in the foreground. None: the
    /// packages are not here, the test is skipped.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn start(scratch: &Scratch, argv: &[&str]) -> Option<Self> {
        let root = unpacked()?;
        let etc = scratch.at("etc");
        fs::create_dir_all(&etc).expect("a folder for users");
        for (file, rest) in [("passwd", "::/nonexistent:/usr/sbin/nologin"), ("group", "")] {
            let mut text = fs::read_to_string(Path::new("/etc").join(file)).expect("the system's");
            for (id, name) in (FIRST_ID..).zip(USERS) {
                let group = if file == "passwd" { format!(":{id}") } else { ":".to_owned() };
                text.push_str(&format!("{name}:x:{id}{group}{rest}\n"));
            }
            scratch.write(&format!("etc/{file}"), &text, 0o644);
        }
        let output = scratch.at("server.out");
        let file = fs::File::create(&output).expect("a file for its output");
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--pid", "--mount-proc"])
            // Whoever ends `unshare` ends all of them.
            .args(["--fork", "--kill-child", "sh", "-c", LAY, "sh"])
            .args([&etc, &root])
            .args(argv)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env_remove("LD_LIBRARY_PATH")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("its output twice"))
            .stderr(file)
            .spawn()
            .expect("unshare");
        Some(Self { child, output })
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the server printed:\n{}", self.output());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
