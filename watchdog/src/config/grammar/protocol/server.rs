//! Options of logins, and of protocols with a few: `mysql`, `pgsql`, `mqtt`, `radius`, `websocket`,
//! `apache-status`.
//!
//! Not here: those of HTTP (`http`).

use std::path::PathBuf;

use super::{Parser, SentenceError};
use crate::config::grammar::token::Kind;
use crate::protocol::{ApacheStatus, Login, Pgsql, WORKER_STATES, Websocket, WorkerLimit};

impl Parser<'_> {
    /// `username ann password file PATH`
    pub(super) fn login(&mut self) -> Result<Option<Login>, SentenceError> {
        self.pgsql_words(&["username", "password"], Pgsql::PLAIN).map(|pgsql| pgsql.login)
    }

    /// The same, and `database NAME`.
    pub(super) fn pgsql(&mut self, pgsql: Pgsql) -> Result<Pgsql, SentenceError> {
        self.pgsql_words(&["username", "password", "database"], pgsql)
    }

    fn pgsql_words(&mut self, words: &[&str], mut pgsql: Pgsql) -> Result<Pgsql, SentenceError> {
        while let Some(word) = self.option(words) {
            match (word, &mut pgsql.login) {
                ("database", _) => pgsql.database = Some(self.given("the name of a database")?),
                ("username", _) => {
                    let username = self.given("a user")?;
                    pgsql.login = Some(Login { username, password: None });
                }
                (_, Some(login)) => login.password = Some(self.secret()?),
                (_, None) => {
                    let start = self.behind();
                    return Err(SentenceError::new(
                        start..start,
                        "a `password` without a `username` before it",
                    ));
                }
            }
        }
        Ok(pgsql)
    }

    /// `secret file PATH`
    pub(super) fn radius(&mut self) -> Result<Option<PathBuf>, SentenceError> {
        match self.option(&["secret"]) {
            Some(_) => self.secret().map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn websocket(
        &mut self,
        mut websocket: Websocket,
    ) -> Result<Websocket, SentenceError> {
        let start = self.behind();
        while let Some(word) = self.option(&["host", "origin", "request", "version"]) {
            match word {
                "host" => websocket.host = Some(self.given("the name of a host")?),
                "origin" => websocket.origin = Some(self.given("an origin")?),
                "request" => websocket.request = self.path()?,
                _ => websocket.version = self.whole(255)? as u8,
            }
        }
        match websocket.possible() {
            Err(error) => Err(SentenceError::new(start..self.behind(), error.0)),
            Ok(()) => Ok(websocket),
        }
    }

    /// What is known of HTTP's options, and limits; Monit has `or` between them.
    pub(super) fn apache_status(
        &mut self,
        mut status: ApacheStatus,
    ) -> Result<ApacheStatus, SentenceError> {
        let start = self.behind();
        let limits = WORKER_STATES.map(|(word, _)| word);
        let words = [&["path", "request", "username", "password"], limits.as_slice()].concat();
        loop {
            let or = self.at;
            let _ = !status.limits.is_empty() && self.word("or");
            let Some(word) = self.option(&words) else {
                self.at = or;
                break;
            };
            match word {
                "path" | "request" => status.http.request = self.path()?,
                "username" => status.http.username = Some(self.given("a user")?),
                "password" => status.http.password = Some(self.secret()?),
                word => {
                    let operator = self.operator()?;
                    let percent = self.whole(100)?;
                    let _ = self.any(&["%", "percent"]);
                    status.limits.push(WorkerLimit { word, operator, percent });
                }
            }
        }
        let http = &status.http;
        let wrong = |text: &str| Err(SentenceError::new(start..self.behind(), text));
        if http.username.is_some() != http.password.is_some() {
            return wrong("`username` and `password file` belong together");
        }
        match http.possible() {
            Err(error) => wrong(&error.0),
            Ok(()) => Ok(status),
        }
    }

    /// A path; without its first `/` too.
    pub(super) fn path(&mut self) -> Result<String, SentenceError> {
        let mut path = self.given("a path such as `/index.html`")?;
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        Ok(path)
    }

    /// A whole number of at most `most`.
    pub(super) fn whole(&mut self, most: u16) -> Result<u16, SentenceError> {
        match self.peek().map(|token| &token.kind) {
            Some(Kind::Number(number)) if number.fract() == 0.0 && *number <= f64::from(most) => {
                let number = *number as u16;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.expected(&format!("a whole number up to {most}"))),
        }
    }
}
