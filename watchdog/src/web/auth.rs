//! Who is asking: HTTP Basic authentication (RFC 7617) against bcrypt hashes.
//!
//! Not here: how often somebody may try (`throttle`) and where from (`answer`).

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::Login;
use super::password::LONGEST;

/// Passwords looked at at once: bcrypt is meant to be slow, and must not take all CPUs.
const AT_ONCE: usize = 2;

/// A name and a password as they came.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Login name; any text.
    pub name: String,
    password: String,
}

impl Credentials {
    /// From an `Authorization` header; `None` where it is not a readable Basic one.
    pub fn read(header: &HeaderValue) -> Option<Self> {
        let (scheme, coded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(coded.trim()).ok()?).ok()?;
        let (name, password) = text.split_once(':')?;
        Some(Self { name: name.to_owned(), password: password.to_owned() })
    }
}

/// The users, and who of them has been recognised.
pub struct Auth {
    users: Vec<Login>,
    /// Looked at where there is no such user, so that the answer takes as long.
    nobody: String,
    key: [u8; 32],
    // A std mutex: held for one look-up, never over an await.
    recognised: Mutex<HashSet<[u8; 32]>>,
    work: Arc<Semaphore>,
}

impl Auth {
    /// With a fresh random key.
    ///
    /// # Errors
    /// Where the kernel's random numbers cannot be read.
    pub fn new(users: Vec<Login>) -> io::Result<Self> {
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let cost = users.iter().filter_map(|user| cost_of(&user.hash)).max().unwrap_or(12);
        Ok(Self {
            users,
            // Salt and digest of a right form; no password is known for it.
            nobody: format!(
                "$2y${cost:02}${}",
                "abcdefghijklmnopqrstuu".to_owned() + &"e".repeat(31)
            ),
            key,
            recognised: Mutex::new(HashSet::new()),
            work: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    /// Whether these very credentials were found right before. Costs next to nothing.
    pub fn recognises(&self, credentials: &Credentials) -> bool {
        self.user(&credentials.name).is_some_and(|user| {
            let mark = self.mark(user, credentials);
            self.recognised.lock().unwrap_or_else(PoisonError::into_inner).contains(&mark)
        })
    }

    /// Looks at the password; an unknown name takes as long as a known one.
    pub async fn verify(&self, credentials: &Credentials) -> bool {
        let user = self.user(&credentials.name);
        let hash = user.map_or_else(|| self.nobody.clone(), |user| user.hash.clone());
        let password = credentials.password.clone();
        let Ok(place) = Arc::clone(&self.work).acquire_owned().await else { return false };
        let looked = tokio::task::spawn_blocking(move || {
            // Kept in the thread: a client that goes away does not make room for another one.
            let _place = place;
            // bcrypt would cut a longer one, and end one at a NUL: neither is the password meant.
            let meant = password.len() <= LONGEST && !password.contains('\0');
            bcrypt::verify(&password, &hash).unwrap_or(false) && meant
        })
        .await;
        let right = looked.unwrap_or(false);
        if let (true, Some(user)) = (right, user) {
            // At most one per user: no two passwords have the same hash.
            let mark = self.mark(user, credentials);
            self.recognised.lock().unwrap_or_else(PoisonError::into_inner).insert(mark);
        }
        right && user.is_some()
    }

    /// The user of this name, looking at all of them either way.
    fn user(&self, name: &str) -> Option<&Login> {
        let mut found = None;
        for user in &self.users {
            if bool::from(user.name.as_bytes().ct_eq(name.as_bytes())) {
                found = Some(user);
            }
        }
        found
    }

    /// What stands for credentials in memory: a keyed hash (the key in front of an inner hash, so
    /// no part can be lengthened) of fields with their lengths, so that no two triples are one.
    fn mark(&self, user: &Login, credentials: &Credentials) -> [u8; 32] {
        let mut inner = Sha256::new_with_prefix(self.key);
        for field in [&credentials.name, &user.hash, &credentials.password] {
            inner.update((field.len() as u64).to_be_bytes());
            inner.update(field.as_bytes());
        }
        Sha256::new_with_prefix(self.key).chain_update(inner.finalize()).finalize().into()
    }
}

/// The work factor of a hash: `$2y$12$…`.
fn cost_of(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(name: &str, password: &str) -> Credentials {
        Credentials { name: name.into(), password: password.into() }
    }

    fn auth() -> Auth {
        let login = |name: &str, password: &str| Login {
            name: name.into(),
            hash: crate::web::password::hash(password, 4).expect("a hash"),
            operator: false,
        };
        Auth::new(vec![login("ann", "secret"), login("bob", "other")]).expect("random numbers")
    }

    #[test]
    fn headers_are_read() {
        let read = |text: &str| {
            Credentials::read(&HeaderValue::from_str(text).expect("a header value"))
                .map(|found| (found.name, found.password))
        };
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(read("Basic YW5uOnNlOmNyZXQ="), pair("ann", "se:cret"));
        assert_eq!(read("bAsIc YW5uOg=="), pair("ann", ""));
        for bad in ["Basic", "Basic YW5u", "Basic !!!", "Bearer YW5uOg==", "Basic /zo=", ""] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn only_the_right_pair_is_let_in_and_remembered() {
        let auth = auth();
        for (name, password) in
            [("ann", "other"), ("ann", ""), ("eve", "secret"), ("", ""), ("ann", "secret\0secret")]
        {
            let wrong = credentials(name, password);
            assert!(!auth.verify(&wrong).await, "{name} {password}");
            assert!(!auth.recognises(&wrong));
        }
        let right = credentials("ann", "secret");
        assert!(!auth.recognises(&right));
        assert!(auth.verify(&right).await);
        assert!(auth.recognises(&right));
        assert!(!auth.recognises(&credentials("bob", "secret")));
        assert!(!auth.recognises(&credentials("ann", "secre")));
    }

    #[tokio::test]
    async fn a_password_longer_than_bcrypts_is_wrong() {
        let hash = crate::web::password::hash(&"x".repeat(72), 4).expect("a hash");
        let user = Login { name: "ann".into(), hash, operator: false };
        let auth = Auth::new(vec![user]).expect("random numbers");
        assert!(auth.verify(&credentials("ann", &"x".repeat(72))).await);
        assert!(!auth.verify(&credentials("ann", &"x".repeat(73))).await);
    }

    #[test]
    fn the_stand_in_hash_makes_bcrypt_work_as_hard() {
        let auth = auth();
        assert_eq!(cost_of(&auth.nobody), Some(4));
        // An error would be an answer without the work.
        assert_eq!(bcrypt::verify("x", &auth.nobody).ok(), Some(false));
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let auth = auth();
        let user = &auth.users[0];
        let one = auth.mark(user, &credentials("ab", "c"));
        let other = auth.mark(user, &credentials("a", "bc"));
        assert_ne!(one, other);
    }
}
