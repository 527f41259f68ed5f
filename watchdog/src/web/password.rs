//! What a password is kept as in the rule file: its bcrypt hash.
//!
//! Not here: asking for one (`cli::hash_password`), and comparing one (`auth`).

/// bcrypt takes no more bytes; a longer password would be cut without a word.
pub const LONGEST: usize = 72;

/// The hash as `htpasswd -B` writes it (`$2y$`). `cost`: bcrypt's work factor, 4 to 31; each more
/// doubles the work.
///
/// # Errors
/// In words: a password that is empty or that bcrypt would cut; a cost that it does not take.
pub fn hash(password: &str, cost: u32) -> Result<String, String> {
    if password.is_empty() {
        return Err("the password is empty".to_owned());
    }
    if password.len() > LONGEST {
        let length = password.len();
        return Err(format!("the password has {length} bytes; bcrypt takes {LONGEST} at most"));
    }
    if password.contains('\0') {
        return Err("the password has a NUL byte; bcrypt would end there".to_owned());
    }
    bcrypt::hash_with_result(password, cost)
        .map(|parts| parts.format_for_version(bcrypt::Version::TwoY))
        .map_err(|error| error.to_string())
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
