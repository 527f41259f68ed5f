//! `hash-password`: a bcrypt hash for `http: users:` in the rule file.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::print::output;
use super::{Done, Exit, Failure};

/// bcrypt's work factor: a quarter of a second on a small machine.
const COST: u32 = 12;

/// bcrypt takes no more; a longer password would be cut without a word.
pub const LONGEST: usize = 72;

/// Reads a password (twice from a terminal, one line from a pipe) and prints its hash.
pub fn run() -> Done {
    let password = if io::stdin().is_terminal() { typed()? } else { piped()? };
    output(hash(&password, COST)? + "\n")?;
    Ok(Exit::Ok)
}

/// The hash as `htpasswd -B` writes it (`$2y$`).
pub fn hash(password: &str, cost: u32) -> Result<String, Failure> {
    if password.is_empty() {
        return Err(Failure::failed("the password is empty"));
    }
    if password.len() > LONGEST {
        return Err(Failure::failed(format!(
            "the password has {} bytes; bcrypt takes {LONGEST} at most",
            password.len()
        )));
    }
    if password.contains('\0') {
        return Err(Failure::failed("the password has a NUL byte; bcrypt would end there"));
    }
    bcrypt::hash_with_result(password, cost)
        .map(|parts| parts.format_for_version(bcrypt::Version::TwoY))
        .map_err(|error| Failure::failed(error.to_string()))
}

fn typed() -> Result<String, Failure> {
    let ask = |prompt| {
        rpassword::prompt_password(prompt).map_err(|error| Failure::failed(error.to_string()))
    };
    let password = ask("Password: ")?;
    if ask("Again: ")? == password {
        Ok(password)
    } else {
        Err(Failure::failed("the two are not the same"))
    }
}

fn piped() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::failed(format!("cannot read the password: {error}")))?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_verifies_its_password() {
        let made = hash("correct horse", 4).expect("a hash");
        assert!(made.starts_with("$2y$04$"), "{made}");
        assert_eq!(bcrypt::verify("correct horse", &made).ok(), Some(true));
    }

    #[test]
    fn what_bcrypt_would_cut_is_refused() {
        assert!(hash(&"x".repeat(72), 4).is_ok());
        assert!(hash(&"x".repeat(73), 4).is_err());
        assert!(hash("a\0b", 4).is_err());
        assert!(hash("", 4).is_err());
    }
}
