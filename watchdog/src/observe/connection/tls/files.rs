//! Files of authorities and of our own certificate. Read anew for each connection: who changes them
//! need not tell us. Not the host's authorities, which are many.

use std::fmt::Display;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::verify::Authorities;
use crate::check::connection::Tls;
use crate::clock::{BootTime, boot_now};
use crate::trust::{open_authorities, open_secret, open_trusted};

/// The host's authorities are read anew after this: they are some hundred files.
const FRESH: Duration = Duration::from_secs(600);
/// No certificate and no key of ours is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// A certificate, those between it and its authority, and the key.
type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What the options name.
pub(super) struct Files {
    /// None: each certificate is good.
    pub(super) authorities: Option<Authorities>,
    pub(super) own: Option<Own>,
}

impl Files {
    /// One name for all of them.
    pub(super) fn named(options: &Tls) -> String {
        let all = [&options.ca_file, &options.ca_path, &options.client_cert, &options.client_key];
        let all = all.map(|path| path.as_deref().unwrap_or(Path::new("")).to_string_lossy());
        format!("tls {}", all.join(" "))
    }

    /// Reads them; may hang.
    ///
    /// # Errors
    /// One line with the file's name.
    pub(super) fn read(options: &Tls) -> Result<Self, String> {
        let authorities = if options.verify { Some(authorities(options)?) } else { None };
        let own = match (&options.client_cert, options.key_file()) {
            (Some(certificates), Some(key)) => Some(own(certificates, key)?),
            _ => None,
        };
        Ok(Self { authorities, own })
    }
}

/// Those of the host, of a file and of a folder.
fn authorities(options: &Tls) -> Result<Authorities, String> {
    let (mut roots, mut known) = (hosts_roots(), Vec::new());
    if let Some(path) = &options.ca_file {
        let file = open_authorities(path).map_err(|error| error.to_string())?;
        known = some(path, CertificateDer::pem_reader_iter(BufReader::new(file)))?;
        let store = Arc::make_mut(&mut roots);
        for certificate in &known {
            store.add(certificate.clone()).map_err(|error| wrong(path, &error))?;
        }
    }
    if let Some(path) = &options.ca_path {
        let all = rustls_native_certs::load_certs_from_paths(None, Some(path));
        match all.errors.first() {
            // Single files that cannot be read do not spoil the rest.
            _ if !all.certs.is_empty() => {}
            Some(error) => return Err(wrong(path, error)),
            None => {
                return Err(wrong(path, &"no certificate in it that `openssl rehash` has named"));
            }
        }
        Arc::make_mut(&mut roots).add_parsable_certificates(all.certs.iter().cloned());
        known.extend(all.certs);
    }
    if roots.is_empty() && !options.self_signed {
        return Err("this host knows no certificate authorities".to_owned());
    }
    let verifier = match roots.is_empty() {
        true => None,
        false => Some(
            WebPkiServerVerifier::builder_with_provider(roots, Arc::new(ring::default_provider()))
                .build()
                .map_err(|error| error.to_string())?,
        ),
    };
    Ok(Authorities { verifier, known, self_signed: options.self_signed })
}

/// A certificate of ours, in a file that nobody else can change, with a key that nobody else can read.
fn own(certificates: &Path, key: &Path) -> Result<Own, String> {
    let open = |path| if certificates == key { open_secret(path) } else { open_trusted(path) };
    let file = open(certificates).map_err(|error| error.to_string())?;
    let file = BufReader::new(file.take(LONGEST));
    let chain = some(certificates, CertificateDer::pem_reader_iter(file))?;
    let file = open_secret(key).map_err(|error| error.to_string())?;
    let secret = PrivateKeyDer::from_pem_reader(BufReader::new(file.take(LONGEST)));
    Ok((chain, secret.map_err(|error| wrong(key, &error))?))
}

fn wrong(path: &Path, error: &dyn Display) -> String {
    format!("{}: {error}", path.display())
}

/// At least one certificate, or what is wrong.
fn some<E: Display>(
    path: &Path,
    all: impl Iterator<Item = Result<CertificateDer<'static>, E>>,
) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|error| wrong(path, &error))?;
    if all.is_empty() { Err(wrong(path, &"no certificate in it")) } else { Ok(all) }
}

/// What the host trusts, read now and then.
fn hosts_roots() -> Arc<RootCertStore> {
    static KNOWN: Mutex<Option<(BootTime, Arc<RootCertStore>)>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((read, roots)) = &*known
        && boot_now().since(*read) < FRESH
    {
        return Arc::clone(roots);
    }
    let mut roots = RootCertStore::empty();
    // Single files that cannot be read do not spoil the rest.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let roots = Arc::new(roots);
    *known = Some((boot_now(), Arc::clone(&roots)));
    roots
}
