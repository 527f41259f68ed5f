//! Which conversation is whose: before TLS, and inside it.
//!
//! Not here: what is said, which stands in each protocol's file.

use std::path::Path;

use super::{
    Peer, Protocol, ProtocolError, Stream, apache_status, clamav, dns, dwp, fail2ban, ftp, gps,
    http, imap, ldap, lmtp, memcache, mongodb, mqtt, mysql, nntp, ntp, pgsql, pop, postfix_policy,
    radius, rdate, redis, rsync, sieve, sip, smtp, spamassassin, ssh, tns, websocket,
};

impl Protocol {
    /// The file of root's with the password to be said. Who makes the connection reads it at each one, and
    /// gives it as [`Peer::password`].
    pub fn password_file(&self) -> Option<&Path> {
        match self {
            Self::ApacheStatus(status) => status.http.password_file(),
            Self::Http(http) | Self::Https(http) => http.password_file(),
            Self::Mqtt(login) | Self::Mysql(login) | Self::Mysqls(login) => {
                login.as_ref().and_then(|login| login.password.as_deref())
            }
            Self::Pgsql(pgsql) => pgsql.login.as_ref().and_then(|login| login.password.as_deref()),
            Self::Radius(secret) => secret.as_deref(),
            Self::Smtp { login } | Self::Smtps { login } => {
                login.as_ref().and_then(|login| login.password.as_deref())
            }
            _ => None,
        }
    }

    /// Talks until TLS may begin, where the server wants to be asked for TLS. Most are not: then nothing is
    /// said, and nothing comes back.
    ///
    /// # Errors
    /// The server says something wrong, does not want TLS, or hangs up.
    pub async fn before_tls(
        &self,
        stream: &mut dyn Stream,
        _peer: &Peer<'_>,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        match self {
            Self::Mysql(_) | Self::Mysqls(_) => mysql::before_tls(stream).await.map(Some),
            Self::Pgsql(_) => pgsql::before_tls(stream).await.map(|()| None),
            _ => Ok(None),
        }
    }

    /// Talks until it is clear that the server is alive.
    ///
    /// # Errors
    /// The server says something wrong, or hangs up.
    pub async fn talk(
        &self,
        stream: &mut dyn Stream,
        peer: &Peer<'_>,
    ) -> Result<(), ProtocolError> {
        match self {
            Self::Clamav => clamav::talk(stream).await,
            Self::Fail2ban => fail2ban::talk(stream).await,
            Self::Ftp => ftp::talk(stream).await,
            Self::ApacheStatus(status) => apache_status::talk(status, stream, peer).await,
            Self::Dns => dns::talk(stream, peer).await,
            Self::Dwp => dwp::talk(stream).await,
            Self::Gps => gps::talk(stream).await,
            Self::Http(http) | Self::Https(http) => http::talk(http, stream, peer).await,
            Self::Ldap2 => ldap::talk(2, stream).await,
            Self::Ldap3 => ldap::talk(3, stream).await,
            Self::Memcache => memcache::talk(stream).await,
            Self::Mongodb => mongodb::talk(stream).await,
            Self::Mqtt(login) => mqtt::talk(login.as_ref(), stream, peer).await,
            Self::Mysql(login) | Self::Mysqls(login) => {
                mysql::talk(login.as_ref(), stream, peer).await
            }
            Self::Ntp3 => ntp::talk(stream, peer).await,
            Self::Pgsql(pgsql) => pgsql::talk(pgsql, stream, peer).await,
            Self::Radius(_) => radius::talk(stream, peer).await,
            Self::Rdate => rdate::talk(stream, peer).await,
            Self::Redis => redis::talk(stream).await,
            Self::Tns => tns::talk(stream).await,
            Self::Websocket(websocket) => websocket::talk(websocket, stream, peer).await,
            Self::Imap | Self::Imaps => imap::talk(stream).await,
            Self::Lmtp => lmtp::talk(stream).await,
            Self::Nntp => nntp::talk(stream).await,
            Self::Pop | Self::Pops => pop::talk(stream).await,
            Self::PostfixPolicy => postfix_policy::talk(stream).await,
            Self::Rsync => rsync::talk(stream).await,
            Self::Sieve => sieve::talk(stream).await,
            Self::Sip { target, max_forward } => {
                sip::talk(stream, peer, target.as_deref(), *max_forward).await
            }
            Self::Smtp { login } | Self::Smtps { login } => {
                smtp::talk(stream, peer, login.as_ref()).await
            }
            Self::Spamassassin => spamassassin::talk(stream).await,
            Self::Ssh => ssh::talk(stream).await,
        }
    }
}
