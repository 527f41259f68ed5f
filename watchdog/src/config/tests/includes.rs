//! Several files: order, circles, own paths in errors, trust.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
    fs::write(&path, text).expect("write");
    path
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.config.services.iter().map(|service| service.name.as_str()).collect()
}

#[test]
fn files_are_taken_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = write(
        folder.path(),
        "main.yaml",
        "include: [conf.d/*.yaml]\nservices: [{ process: z, pidfile: /run/z.pid }]\n",
    );
    write(folder.path(), "conf.d/b.yaml", "services: [{ process: b, pidfile: /run/b.pid }]\n");
    write(
        folder.path(),
        "conf.d/a.yaml",
        "services: [{ process: a, pidfile: /run/a.pid }]\ninclude: deeper/*.yaml\n",
    );
    write(folder.path(), "conf.d/deeper/c.yaml", "services: [{ system: c }]\n");
    write(folder.path(), "conf.d/.hidden.yaml", "nonsense\n");
    let loaded = load(&main, lenient()).expect("loads");
    assert_eq!(names(&loaded), ["z", "a", "c", "b"]);
    assert_eq!(loaded.files.len(), 4);
    assert!(loaded.config.services.iter().enumerate().all(|(at, each)| each.id.index() == at));
}

#[test]
fn errors_name_the_file_they_are_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = write(
        folder.path(),
        "main.yaml",
        "include: [a.yaml, b.yaml, absent.yaml]\nservices: [{ process: web, pidfile: /run/a.pid }]\n",
    );
    write(
        folder.path(),
        "a.yaml",
        "cycle: 5s\nservices: [{ process: WEB, pidfile: /run/b.pid }]\n",
    );
    write(folder.path(), "b.yaml", "services: [\n");
    let text = load(&main, lenient()).expect_err("is refused").to_string();
    assert!(
        text.contains("a.yaml:1:1") && text.contains("an included file has no key `cycle`"),
        "{text}"
    );
    assert!(text.contains("a.yaml:2:23") && text.contains("main.yaml:2:23"), "both places: {text}");
    assert!(text.contains("b.yaml:1:11"), "{text}");
    assert!(text.contains("absent.yaml") && text.contains("does not exist"), "{text}");
}

#[test]
fn circles_and_depth_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = write(folder.path(), "main.yaml", "include: [a.yaml]\n");
    write(folder.path(), "a.yaml", "include: [main.yaml]\n");
    let text = load(&main, lenient()).expect_err("is refused").to_string();
    assert!(text.contains("a.yaml:1:11") && text.contains("in a circle"), "{text}");

    for at in 0..20 {
        write(folder.path(), &format!("n{at}.yaml"), &format!("include: [n{}.yaml]\n", at + 1));
    }
    let text = load(&folder.path().join("n0.yaml"), lenient()).expect_err("is refused").to_string();
    assert!(text.contains("nested deeper"), "{text}");
}

#[test]
fn a_file_that_others_could_have_written_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let main = write(folder.path(), "main.yaml", "cycle: 5s\n");
    let strict = LoadOptions { trust: Trust::Enforce, ..lenient() };
    // A temporary folder is below one that everybody may write.
    let found = load(&main, strict).expect_err("is refused");
    assert!(found.to_string().contains("may be written by others"), "{found}");
    let loaded = load(&main, lenient()).expect("loads");
    assert!(loaded.warnings.to_string().contains("the daemon will refuse this file"));
}

#[test]
fn a_readable_hash_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "http:\n  listen: 127.0.0.1:2812\n  users: [{ name: a, password_hash: \
                \"$2y$12$......................0123456789abcdefghijklmnopqrstu\" }]\n";
    let main = write(folder.path(), "main.yaml", text);
    fs::set_permissions(&main, fs::Permissions::from_mode(0o644)).expect("chmod");
    let loaded = load(&main, lenient()).expect("loads");
    assert!(loaded.warnings.to_string().contains("chmod 0600"), "{}", loaded.warnings);
}

#[test]
fn unreadable_files_are_said_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let found = load(&folder.path().join("absent.yaml"), lenient()).expect_err("is refused");
    assert!(found.to_string().contains("does not exist"), "{found}");
    assert_eq!(found.to_json()[0]["line"], serde_json::Value::Null);
    let main = write(folder.path(), "main.yaml", "include: [absent/one.yaml]\n");
    let found = load(&main, lenient()).expect_err("is refused").to_string();
    assert!(found.contains("absent/one.yaml does not exist: there is no "), "{found}");
    assert!(!found.contains("trusted"), "{found}");
    let wide = folder.path().join("wide.yaml");
    fs::write(&wide, b"\xff\xfea\0:\0").expect("write");
    let found = load(&wide, lenient()).expect_err("is refused").to_string();
    assert!(found.contains("is UTF-16 text: save it as UTF-8"), "{found}");
    let binary = folder.path().join("binary.yaml");
    fs::write(&binary, b"a: 1\nb: \xff\n").expect("write");
    let found = load(&binary, lenient()).expect_err("is refused");
    assert!(
        found.to_string().contains("not UTF-8 text (line 2, column 4: the byte 0xff)"),
        "{found}"
    );
    let found = load(folder.path(), lenient()).expect_err("is refused");
    assert!(found.to_string().contains("not a regular file"), "{found}");
    let large = folder.path().join("large.yaml");
    fs::File::create(&large).and_then(|file| file.set_len(50 << 20)).expect("a sparse file");
    let found = load(&large, lenient()).expect_err("is refused");
    assert!(found.to_string().contains("larger than 16 MiB"), "{found}");
}

#[test]
fn programs_of_others_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = write(folder.path(), "program", "#!/bin/sh\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("chmod");
    let service = |more: &str| {
        format!("services:\n- process: a\n  start: {{ program: {}{more} }}\n", program.display())
    };
    let strict = || LoadOptions { trust: Trust::Enforce, ..lenient() };
    let found = load_str("/etc/x.yaml", &service(""), strict()).expect_err("is refused");
    assert!(found.to_string().contains("root must not run this: /tmp may be written"), "{found}");
    let loaded = load_str("/etc/x.yaml", &service(""), lenient()).expect("loads");
    assert!(loaded.warnings.to_string().contains("root must not run this"));
    let other = load_str("/etc/x.yaml", &service(", user: nobody"), strict()).expect("loads");
    assert!(other.warnings.is_empty(), "{}", other.warnings);
}

#[test]
fn a_file_named_without_a_folder_includes_from_where_we_are() {
    let options =
        LoadOptions { trust: Trust::Skip, host_checks: HostChecks::Warn, host: "here".to_owned() };
    let text = "include: [nowhere/a.yaml]\nservices: [{ process: z, pidfile: /run/z.pid }]\n";
    let errors = load_str("main.yaml", text, options).expect_err("it is not there").render(false);
    assert!(errors.contains("./nowhere/a.yaml"), "{errors}");
}
