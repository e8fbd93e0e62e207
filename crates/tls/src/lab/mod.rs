//! The lab's public key infrastructure, shaped like IGC-Santé and unmistakably a lab.
//!
//! Why files and not the database: the anchor outlives a reset of the data, since people have put it into their
//! software's test trust store; and a person can look at the files with any tool. Why nothing damaged is ever
//! replaced: a new root under the old path would make every client fail with no visible cause.
//!
//! The healthy half is here; what is wrong on purpose is in `bad`, made at its first use and kept in memory.

mod authority;
mod bad;
mod crl;
mod files;
mod leaf;
mod ocsp;

use std::path::Path;
use std::sync::Arc;
use std::thread;

use kernel::{Clock, Secret, Timestamp};
use rcgen::{KeyPair, RsaKeySize};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use wire::CertificateFacts;
use x509_parser::num_bigint::BigUint;

pub use self::bad::{BadClient, BadServer, Expected, Text};
pub use self::ocsp::OcspAnswer;

use self::authority::{Authority, certificate_pem, key_from_pem, new_key, read_certificate};
use self::bad::Workshop;
use self::crl::Crl;
use self::files::Directory;
use self::leaf::ServerNames;
use crate::acceptor::Live;
use crate::{Acceptor, ClientTrust, Error, facts, policy};

const ROOT_CRL: &str = "ACR-EL-LAB.crl";
const ORGANISATIONS_CRL: &str = "ACI-EL-ORG-LAB.crl";
const ROOT_CERTIFICATE: &str = "ACR-EL-LAB.cer";
const ORGANISATIONS_CERTIFICATE: &str = "ACI-EL-ORG-LAB.cer";

/// The lab's certificate authorities, made at first start and kept in a directory (keys 0600).
pub struct Lab {
    directory: Directory,
    clock: Clock,
    root: Authority,
    organisations: Authority,
    server_key: KeyPair,
    server_names: ServerNames,
    /// Without a slash at its end.
    base_url: String,
    organisations_crl_url: String,
    ca_pem: String,
    acceptor: Acceptor,
    workshop: Workshop,
}

/// What the lab needs to know to issue its server certificate.
#[derive(Clone, Debug)]
pub struct LabNames {
    /// DNS names for the server certificate besides localhost, 127.0.0.1 and ::1. Each brings its wildcard.
    pub domains: Vec<String>,
    /// Base of the CRL distribution points, such as `http://127.0.0.1:8804`; `/CRL/<file>` is put behind it.
    pub crl_base: String,
}

/// A certificate and its key as files' contents.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Leaf and intermediate, PEM.
    pub chain_pem: String,
    /// PKCS#8 PEM.
    pub key_pem: Secret<String>,
    /// The leaf as a judge sees it.
    pub facts: CertificateFacts,
}

impl Lab {
    /// Opens the lab in `dir`, making what is missing; re-issues the server certificate where `names` changed or it is
    /// near its end, and the CRLs where half of their life is behind. Blocks: making the keys takes a second or so, and
    /// another process at work in `dir` is waited for.
    ///
    /// # Errors
    /// [`Error::Damaged`] where a file is broken, or missing while others depend on it; [`Error::Input`] for a name that
    /// is none; [`Error::Storage`] where `dir` cannot be read or written.
    pub fn open(dir: &Path, names: &LabNames, clock: &Clock) -> Result<Self, Error> {
        let server_names = ServerNames::new(&names.domains)?;
        let crl_base = names.crl_base.trim_end_matches('/');
        if !crl_base.starts_with("http://") || !crl_base.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Input(format!("“{crl_base}” is not an http address for the CRLs")));
        }
        let root_crl_url = format!("{crl_base}/CRL/{ROOT_CRL}");
        let organisations_crl_url = format!("{crl_base}/CRL/{ORGANISATIONS_CRL}");

        let now = clock.now();
        let directory = Directory::open(dir)?;
        let _guard = directory.lock()?;
        directory.sweep()?;
        refuse_gaps(&directory)?;
        let [root_key, organisations_key, server_key] = keys(&directory)?;
        let root = Authority::root(&directory, root_key, now)?;
        let organisations =
            Authority::organisations(&directory, organisations_key, &root, &root_crl_url, now)?;
        let root_crl = current_crl(&directory, ROOT_CRL, &root, None, now)?;
        let revoked = bad::revoked_serial(&organisations);
        let mut organisations_crl =
            current_crl(&directory, ORGANISATIONS_CRL, &organisations, Some(&revoked), now)?;
        let server = server_chain(
            &directory,
            &organisations,
            &server_key,
            &server_names,
            &organisations_crl_url,
            now,
        )?;

        let key = PrivateKeyDer::from_pem_slice(server_key.serialize_pem().as_bytes())
            .map_err(|error| directory.damaged("server.key", error.to_string()))?;
        let server = CertifiedKey::from_der(server, key, &policy::provider())
            .map_err(|error| directory.damaged("server.key", error.to_string()))?;
        let ca_pem = format!("{}{}", root.pem, organisations.pem);
        ClientTrust::new(&ca_pem, &[root_crl.der.clone(), organisations_crl.der.clone()])?
            .with_clock(clock)
            .check(&server.cert, "localhost")
            .map_err(|why| directory.damaged("", format!("the lab's files do not fit together: {why}")))?;
        if organisations_crl.revoked_at(&revoked).is_none() {
            // A lab that is older than its faults.
            organisations_crl = organisations_crl.revoking(revoked, &organisations, now)?;
            directory.write(ORGANISATIONS_CRL, &organisations_crl.der)?;
        }
        let crls = [root_crl.der, organisations_crl.der];
        let live = Live::new(&root.der, &organisations.der, Arc::new(server), crls, clock)?;
        let acceptor = Acceptor::new(live);
        Ok(Self {
            directory,
            clock: clock.clone(),
            root,
            organisations,
            server_key,
            server_names,
            base_url: crl_base.to_owned(),
            organisations_crl_url,
            ca_pem,
            acceptor,
            workshop: Workshop::default(),
        })
    }

    /// The server side of handshakes, with the lab's server certificate.
    pub fn acceptor(&self) -> Acceptor {
        self.acceptor.clone()
    }

    /// Root and intermediate, PEM, in this order: what a client trusts.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// `(file name, DER)` of each CRL, as served over HTTP under `/CRL/`: `ACR-EL-LAB.crl`, `ACI-EL-ORG-LAB.crl`.
    pub fn crls(&self) -> Vec<(String, Vec<u8>)> {
        let live = self.acceptor.live();
        [ROOT_CRL, ORGANISATIONS_CRL].into_iter().map(String::from).zip(live.crls.clone()).collect()
    }

    /// `(file name, DER)` of each CA certificate, as served over HTTP: `ACR-EL-LAB.cer`, `ACI-EL-ORG-LAB.cer`.
    pub fn ca_certificates(&self) -> Vec<(String, Vec<u8>)> {
        vec![
            (ROOT_CERTIFICATE.to_owned(), self.root.der.to_vec()),
            (ORGANISATIONS_CERTIFICATE.to_owned(), self.organisations.der.to_vec()),
        ]
    }

    /// The server certificate in use, as a judge sees it.
    ///
    /// # Errors
    /// None in practice: the certificate was read when the lab was opened.
    pub fn server_certificate(&self) -> Result<CertificateFacts, Error> {
        let key = self.acceptor.live().key();
        let leaf = key.cert.first().ok_or_else(|| Error::Input(String::from("no server certificate")))?;
        facts::certificate_facts(leaf)
    }

    /// Makes a new RSA key and an AUTH_CLI certificate for a structure: CN = OU = `identity`, O = `organisation` cut at
    /// 64 characters. Blocks for some tenths of a second.
    ///
    /// # Errors
    /// [`Error::Input`] where a name is empty, holds control characters, or the identity is longer than 64 characters.
    pub fn issue_auth_cli(&self, identity: &str, organisation: &str) -> Result<Issued, Error> {
        self.auth_cli(&new_key(RsaKeySize::_2048)?, identity, organisation)
    }

    /// A further certificate, with a serial number of its own, on the key of an earlier one: how a run is recognised.
    ///
    /// # Errors
    /// Those of [`Self::issue_auth_cli`], and [`Error::Input`] where the key is not RSA in PKCS#8 PEM.
    pub fn renew_auth_cli(
        &self,
        identity: &str,
        organisation: &str,
        key_pem: &Secret<String>,
    ) -> Result<Issued, Error> {
        let key = key_from_pem(key_pem.reveal())
            .map_err(|what| Error::Input(format!("the key of the earlier certificate: {what}")))?;
        self.auth_cli(&key, identity, organisation)
    }

    /// Puts a serial number on the intermediate's CRL, publishes a new CRL and swaps the acceptor's configuration:
    /// from the next handshake on, everywhere in this process. Blocks for a signature and a write.
    ///
    /// # Errors
    /// [`Error::Input`] where `serial` is not hexadecimal; [`Error::Damaged`] or [`Error::Storage`] where the CRL cannot
    /// be read or written: nothing is revoked then.
    pub fn revoke(&self, serial: &str) -> Result<(), Error> {
        let serial = crl::parse_serial(serial)?;
        let now = self.clock.now();
        let _guard = self.directory.lock()?;
        let crl = read_crl(&self.directory, ORGANISATIONS_CRL)?
            .ok_or_else(|| self.directory.damaged(ORGANISATIONS_CRL, "the CRL is missing"))?
            .revoking(serial, &self.organisations, now)?;
        self.directory.write(ORGANISATIONS_CRL, &crl.der)?;
        let root = current_crl(&self.directory, ROOT_CRL, &self.root, None, now)?;
        self.publish([root.der, crl.der])
    }

    /// Publishes new CRLs where the present ones are past half of their life. Called daily.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Storage`] where a CRL cannot be read or written; the old ones stay in force.
    pub fn refresh(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let _guard = self.directory.lock()?;
        let root = current_crl(&self.directory, ROOT_CRL, &self.root, None, now)?;
        let organisations = current_crl(&self.directory, ORGANISATIONS_CRL, &self.organisations, None, now)?;
        self.publish([root.der, organisations.der])
    }

    fn publish(&self, crls: [Vec<u8>; 2]) -> Result<(), Error> {
        let key = self.acceptor.live().key();
        let live = Live::new(&self.root.der, &self.organisations.der, key, crls, &self.clock)?;
        self.acceptor.swap(live);
        Ok(())
    }

    fn auth_cli(&self, key: &KeyPair, identity: &str, organisation: &str) -> Result<Issued, Error> {
        let leaf = leaf::auth_cli(
            &self.organisations,
            key,
            identity,
            organisation,
            &self.organisations_crl_url,
            self.clock.now(),
        )?;
        Ok(Issued {
            chain_pem: format!("{}{}", certificate_pem(&leaf), self.organisations.pem),
            key_pem: Secret::new(key.serialize_pem()),
            facts: facts::certificate_facts(&leaf)?,
        })
    }
}

/// Files are made in this order; one that is missing although a later one exists was lost, and cannot be made again
/// without changing what depends on it. (`server.key` and `server.pem` can: nobody keeps the server's certificate.)
fn refuse_gaps(directory: &Directory) -> Result<(), Error> {
    const ORDER: [(&str, &[&str]); 6] = [
        ("root.key", &["root.pem", ROOT_CRL]),
        ("root.pem", &["organisations.pem", ROOT_CRL]),
        ("organisations.key", &["organisations.pem", ORGANISATIONS_CRL]),
        ("organisations.pem", &["server.pem", ORGANISATIONS_CRL]),
        (ROOT_CRL, &["server.pem"]),
        (ORGANISATIONS_CRL, &["server.pem"]),
    ];
    for (name, dependents) in ORDER {
        if directory.read(name)?.is_some() {
            continue;
        }
        for dependent in dependents {
            if directory.read(dependent)?.is_some() {
                return Err(
                    directory.damaged(name, format!("the file is missing, and {dependent} depends on it"))
                );
            }
        }
    }
    Ok(())
}

/// The keys of the root, of Organisations and of the server: read where they exist, else made, all at once.
fn keys(directory: &Directory) -> Result<[KeyPair; 3], Error> {
    const KEYS: [(&str, RsaKeySize); 3] = [
        ("root.key", RsaKeySize::_3072),
        ("organisations.key", RsaKeySize::_3072),
        ("server.key", RsaKeySize::_2048),
    ];
    let [root, organisations, server] = thread::scope(|scope| {
        KEYS.map(|(name, size)| scope.spawn(move || key(directory, name, size)))
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    Ok([root?, organisations?, server?])
}

fn key(directory: &Directory, name: &str, size: RsaKeySize) -> Result<KeyPair, Error> {
    match directory.read(name)? {
        Some(bytes) => {
            let text = Secret::new(String::from_utf8_lossy(&bytes).into_owned());
            key_from_pem(text.reveal()).map_err(|what| directory.damaged(name, what))
        }
        None => {
            let key = new_key(size)?;
            directory.write(name, key.serialize_pem().as_bytes())?;
            Ok(key)
        }
    }
}

fn read_crl(directory: &Directory, name: &str) -> Result<Option<Crl>, Error> {
    let Some(bytes) = directory.read(name)? else { return Ok(None) };
    Crl::read(&bytes).map(Some).map_err(|what| directory.damaged(name, what))
}

/// The CRL that is published, renewed where half of its life is behind; the first one has `revoked` on it.
fn current_crl(
    directory: &Directory,
    name: &str,
    authority: &Authority,
    revoked: Option<&BigUint>,
    now: Timestamp,
) -> Result<Crl, Error> {
    let crl = match read_crl(directory, name)? {
        Some(crl) if !crl.is_due(now) => return Ok(crl),
        Some(crl) => crl.next(authority, now)?,
        None => match revoked {
            Some(serial) => Crl::first(authority, now)?.revoking(serial.clone(), authority, now)?,
            None => Crl::first(authority, now)?,
        },
    };
    directory.write(name, &crl.der)?;
    Ok(crl)
}

fn server_chain(
    directory: &Directory,
    organisations: &Authority,
    key: &KeyPair,
    names: &ServerNames,
    crl_url: &str,
    now: Timestamp,
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let kept = match read_certificate(directory, "server.pem")? {
        // A key that was just made, or a certificate past its use: a new certificate, which nobody has to be told of.
        Some(der)
            if authority::belongs(&der, key)? && leaf::server_is_current(&der, names, crl_url, now)? =>
        {
            Some(der)
        }
        _ => None,
    };
    let leaf = match kept {
        Some(der) => der,
        None => {
            let der = leaf::server(organisations, key, names, crl_url, now)?;
            let pem = format!("{}{}", certificate_pem(&der), organisations.pem);
            directory.write("server.pem", pem.as_bytes())?;
            der
        }
    };
    Ok(vec![leaf, organisations.der.clone()])
}
