//! `failed url https://www.example.org/path and content = "…"`: a port, HTTP and its options in one.

use url::Url;

use super::{Draft, Parser, SentenceError};
use crate::check::connection::{Talk, Tls};
use crate::protocol::Http;

impl Parser<'_> {
    /// Behind `url`.
    pub(super) fn url(&mut self, draft: &mut Draft) -> Result<bool, SentenceError> {
        let Some((text, span)) = self.raw() else { return Err(self.expected("a URL")) };
        let wrong = |text: &str| SentenceError::new(span.clone(), text);
        let url = Url::parse(&text).map_err(|error| wrong(&format!("this is no URL: {error}")))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(wrong("a URL begins with `http://` or `https://`")),
        };
        if url.password().is_some() {
            return Err(wrong("a password does not stand in the configuration")
                .help("write `username NAME password file PATH` behind the URL"));
        }
        let Some(host) = url.host_str().and_then(crate::config::check::address) else {
            return Err(wrong("the URL names no host"));
        };
        let mut request = url.path().to_owned();
        if let Some(query) = url.query() {
            request = format!("{request}?{query}");
        }
        let mut http = Http { request, ..Http::PLAIN };
        if !url.username().is_empty() {
            http.username = Some(url.username().to_owned());
        }
        let protocol = self.options(http.protocol(tls))?;
        if tls {
            draft.tls.get_or_insert_with(Tls::default);
        }
        let port = url.port_or_known_default().filter(|port| *port > 0);
        let port = port.ok_or_else(|| wrong("the URL names no port"))?;
        let twice = draft.host.replace(host).is_some() | draft.port.replace(port).is_some();
        Ok(draft.talk.replace(Talk::Protocol(protocol)).is_some() || twice)
    }
}
