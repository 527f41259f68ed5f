//! `hash-password`: a bcrypt hash for `http: users:` in the rule file, of a password that is asked for.

use std::io::{self, BufRead as _, IsTerminal as _};

use super::print::output;
use super::{Done, Exit, Failure};
use crate::web::password::hash;

/// bcrypt's work factor: a quarter of a second on a small machine.
const COST: u32 = 12;

/// Reads a password (twice from a terminal, one line from a pipe) and prints its hash.
pub fn run() -> Done {
    let password = if io::stdin().is_terminal() { typed()? } else { piped()? };
    output(hash(&password, COST).map_err(Failure::failed)? + "\n")?;
    Ok(Exit::Ok)
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
