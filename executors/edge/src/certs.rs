//! Certificates: the user's own, those of an authority, and self-signed ones until there is a real one.

use arc_swap::ArcSwap;
use haloy_ledger::files::{self, Readers};
use haloy_ledger::ids::Timestamp;
use haloy_ledger::locks::locked;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName};

/// A certificate and its own statements.
#[derive(Debug)]
pub struct Cert {
    /// What TLS needs.
    pub key: Arc<CertifiedKey>,
    /// Names that it is for.
    pub names: Vec<String>,
    /// Serial number, in hex.
    pub serial: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// Until when.
    pub not_after: Timestamp,
    /// The user brought it.
    pub own: bool,
    /// Key identifier of its authority and serial number, as its authority names it.
    pub identifier: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why a file holds no certificate that can be served.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{path}: {why}")]
pub struct BadCert {
    path: String,
    why: String,
}

impl Cert {
    /// Reads a chain and its key, in PEM, from one file.
    pub fn read(path: &Path, own: bool) -> Result<Self, BadCert> {
        let bad = |why: String| BadCert { path: path.display().to_string(), why };
        let pem = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain = chain.map_err(|error| bad(error.to_string()))?;
        let key =
            PrivateKeyDer::from_pem_slice(&pem).map_err(|_| bad("it holds no private key".to_owned()))?;
        Self::new(chain, key, own).map_err(bad)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        own: bool,
    ) -> Result<Self, String> {
        let first = chain.first().ok_or("it holds no certificate")?;
        let parsed = x509_cert::Certificate::from_der(first).map_err(|error| error.to_string())?;
        let tbs = parsed.tbs_certificate();
        let named = tbs.get_extension::<SubjectAltName>().map_err(|error| error.to_string())?;
        let names = named.into_iter().flat_map(|(_, named)| named.0).filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            _address => None,
        });
        let names: Vec<String> = names.collect();
        let validity = tbs.validity();
        let nanos = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_nanos()).map_or(Timestamp(i64::MAX), Timestamp)
        };
        let serial = hex::encode(tbs.serial_number().as_bytes());
        let (not_before, not_after) = (nanos(validity.not_before), nanos(validity.not_after));
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider());
        let key = Arc::new(key.map_err(|error| error.to_string())?);
        let authority = tbs.get_extension::<AuthorityKeyIdentifier>().ok().flatten();
        let authority = authority.and_then(|(_, found)| Some(found.key_identifier?.as_bytes().to_vec()));
        let identifier = authority.map(|authority| (authority, tbs.serial_number().as_bytes().to_vec()));
        Ok(Self { key, names, serial, not_before, not_after, own, identifier })
    }

    /// Two thirds of its life are over.
    pub fn due(&self, now: Timestamp) -> bool {
        let life = self.not_after.0.saturating_sub(self.not_before.0);
        now.0 >= self.not_before.0.saturating_add(life / 3 * 2)
    }
}

/// Every certificate, by the names that it is for.
pub struct Certs {
    folder: PathBuf,
    by_name: ArcSwap<HashMap<String, Arc<Cert>>>,
    self_signed: Mutex<HashMap<String, Arc<CertifiedKey>>>,
    unreadable: Mutex<Vec<String>>,
}

/// Most self-signed certificates kept; names beyond that make room.
const SELF_SIGNED: usize = 1000;

impl Certs {
    /// Certificates of a folder: `certs/*.pem` of authorities, `certs/own/*.pem` of the user.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        let folder = folder.join("certs");
        files::private_folder(&folder.join("own"))?;
        Ok(Self {
            folder,
            by_name: ArcSwap::default(),
            self_signed: Mutex::new(HashMap::new()),
            unreadable: Mutex::new(Vec::new()),
        })
    }

    /// Reads all files again; unreadable ones are reported and passed over. Returns the user's own.
    pub fn load(&self) -> Vec<Arc<Cert>> {
        let mut by_name: HashMap<String, Arc<Cert>> = HashMap::new();
        let (mut own, mut unreadable) = (Vec::new(), Vec::new());
        // The user's own come last: they take precedence over an authority's.
        for (folder, is_own) in [(self.folder.clone(), false), (self.folder.join("own"), true)] {
            let files = files::list_if_there(&folder).unwrap_or_else(|error| {
                // Every certificate of the folder is missing, so that is reported.
                unreadable.push(format!("{}: {error}", folder.display()));
                Vec::new()
            });
            let files = files.into_iter().map(|file| file.path());
            let mut files: Vec<_> =
                files.filter(|path| path.extension().is_some_and(|e| e == "pem")).collect();
            files.sort();
            for path in files {
                match Cert::read(&path, is_own) {
                    Ok(cert) => {
                        let cert = Arc::new(cert);
                        for name in &cert.names {
                            // A domain that became an alias has an older file: the newer one is used.
                            let known = by_name.get(name);
                            if is_own || known.is_none_or(|known| known.not_before <= cert.not_before) {
                                by_name.insert(name.clone(), Arc::clone(&cert));
                            }
                        }
                        own.extend(Some(cert).filter(|_| is_own));
                    }
                    Err(error) => {
                        eprintln!("haloy edge: {error}");
                        unreadable.push(error.to_string());
                    }
                }
            }
        }
        self.by_name.store(Arc::new(by_name));
        *locked(&self.unreadable) = unreadable;
        own
    }

    /// The certificate for a name, by itself or by a wildcard.
    pub fn get(&self, name: &str) -> Option<Arc<Cert>> {
        let all = self.by_name.load();
        let wildcard = || all.get(&format!("*.{}", name.split_once('.')?.1));
        all.get(name).or_else(wildcard).cloned()
    }

    /// Files that hold no certificate that can be served, and why.
    pub fn unreadable(&self) -> Vec<String> {
        locked(&self.unreadable).clone()
    }

    /// Every certificate, once.
    pub fn all(&self) -> Vec<Arc<Cert>> {
        let mut all: Vec<_> = self.by_name.load().values().cloned().collect();
        all.sort_by(|a, b| (&a.names, &a.serial).cmp(&(&b.names, &b.serial)));
        all.dedup_by(|a, b| Arc::ptr_eq(a, b));
        all
    }

    /// Keeps a certificate that an authority issued, key first, readable by this user only.
    pub fn keep(&self, domain: &str, key: &str, chain: &str) -> std::io::Result<()> {
        let pem = format!("{}\n{}\n", key.trim(), chain.trim());
        let path = self.folder.join(format!("{domain}.pem"));
        files::write_whole(&path, pem.as_bytes(), Readers::Owner)
    }

    /// Self-signed and not trusted by any client: better than no answer while there is no other.
    pub fn self_signed(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let mut known = locked(&self.self_signed);
        if let Some(found) = known.get(name) {
            return Some(Arc::clone(found));
        }
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).ok()?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).ok()?;
        let chain = vec![made.cert.der().clone()];
        let key = Arc::new(CertifiedKey::from_der(chain, key, &ring::default_provider()).ok()?);
        if known.len() >= SELF_SIGNED {
            known.clear();
        }
        known.insert(name.to_owned(), Arc::clone(&key));
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_certificates_for_a_name_the_newer_counts_and_the_users_own_before_both() {
        let folder = tempfile::tempdir().expect("a folder");
        let certs = Certs::open(folder.path()).expect("opened");
        let write = |file: &str, year: i32| {
            let mut asked = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).expect("names");
            asked.not_before = rcgen::date_time_ymd(year, 1, 1);
            asked.not_after = rcgen::date_time_ymd(2099, 1, 1);
            let key = rcgen::KeyPair::generate().expect("a key");
            let cert = asked.self_signed(&key).expect("made");
            let pem = format!("{}{}", key.serialize_pem(), cert.pem());
            std::fs::write(folder.path().join("certs").join(file), pem).expect("written");
        };
        write("www.a.example.pem", 2024);
        write("a.example.pem", 2025);
        certs.load();
        let counts = || certs.get("a.example").expect("there");
        let year = |cert: &Cert| 1970 + cert.not_before.0 / (365 * 86_400 * 1_000_000_000);
        assert_eq!(year(&counts()), 2025);
        write("own/mine.pem", 2020);
        certs.load();
        assert!(counts().own);
    }
}
