use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kernel::{Clock, Failure, Stage, random, sha256_hex};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::http;

const PATIENCE: Duration = Duration::from_secs(5);
const MAX_CRL: usize = 16 * 1024 * 1024;

/// The certificate revocation lists of the trust space, kept in a directory (SC.MSS/CONF.22, ECO.1.1.7).
///
/// A list is fetched over HTTP, checked (its signature, by an authority that we trust; its dates), and kept. Where
/// the fetch fails, the kept list serves until its nextUpdate; past that, nothing is trusted: the connection is
/// refused. There is no grace. A fetched list older than the kept one, or one that is not signed by a trusted
/// authority, never replaces it: else anybody on the way to a plain HTTP server could cut a practice off its mail.
#[derive(Debug)]
pub struct CrlStore {
    dir: PathBuf,
    issuers: Vec<CertificateDer<'static>>,
    clock: Clock,
}

impl CrlStore {
    /// A store in `dir`, made at the first list kept. `ca_pem` holds the authorities whose lists are taken.
    ///
    /// # Errors
    /// `ca_pem` is not PEM or holds no certificate.
    pub fn new(dir: &Path, ca_pem: &str, clock: Clock) -> Result<Self, Failure> {
        let issuers: Vec<_> =
            CertificateDer::pem_slice_iter(ca_pem.as_bytes()).collect::<Result<_, _>>().map_err(|error| {
                Failure::permanent(Stage::Input, format!("the authorities' file is not PEM: {error}"))
            })?;
        if issuers.is_empty() {
            return Err(Failure::permanent(Stage::Input, "the authorities' file holds no certificate"));
        }
        Ok(Self { dir: dir.to_owned(), issuers, clock })
    }

    /// The lists at `urls`, DER, in the same order: fetched now, or kept.
    ///
    /// # Errors
    /// [`Stage::Tls`], naming the first address for which there is neither a fresh list nor a kept one that is still
    /// in force.
    pub async fn load(&self, urls: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
        let client = http::plain_client(PATIENCE)?;
        futures_util::future::try_join_all(urls.iter().map(|url| self.one(&client, url))).await
    }

    async fn one(&self, client: &reqwest::Client, url: &str) -> Result<Vec<u8>, Failure> {
        let path = self.dir.join(format!("{}.crl", &sha256_hex(url.as_bytes())[..32]));
        let kept = tokio::fs::read(&path).await.ok().and_then(|der| Some((self.check(&der).ok()?, der)));
        let now = self.clock.now().as_second();
        match self.fetch(client, url).await {
            Ok((dates, der)) if kept.as_ref().is_none_or(|(old, _)| old.this_update <= dates.this_update) => {
                if let Err(error) = keep(&self.dir, &path, &der).await {
                    tracing::warn!(%url, %error, "the revocation list cannot be kept for later");
                }
                in_force(url, dates, now)?;
                Ok(der)
            }
            fetched => {
                let why = fetched.err().unwrap_or_else(|| "it is older than the one kept".to_owned());
                tracing::warn!(%url, %why, "revocation list not fetched; looking at the one kept");
                let Some((dates, der)) = kept else {
                    return Err(Failure::temporary(
                        Stage::Tls,
                        format!(
                            "no revocation list from {url} ({why}) and none kept: nothing is trusted without it"
                        ),
                    ));
                };
                in_force(url, dates, now)?;
                Ok(der)
            }
        }
    }

    async fn fetch(&self, client: &reqwest::Client, url: &str) -> Result<(Dates, Vec<u8>), String> {
        let mut why = String::new();
        for _ in 0..2 {
            match http::fetch(client.get(url), MAX_CRL).await {
                Ok((200, der)) => return Ok((self.check(&der)?, der)),
                Ok((status, _)) => return Err(format!("HTTP {status}")),
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    /// Reads a list and checks its signature by one of the authorities.
    fn check(&self, der: &[u8]) -> Result<Dates, String> {
        let (_, crl) =
            CertificateRevocationList::from_der(der).map_err(|_| "it is not a DER revocation list")?;
        let signed = self.issuers.iter().any(|issuer| {
            X509Certificate::from_der(issuer).is_ok_and(|(_, issuer)| {
                issuer.subject() == crl.issuer() && crl.verify_signature(issuer.public_key()).is_ok()
            })
        });
        if !signed {
            return Err("it is not signed by a trusted authority".into());
        }
        let next_update = crl.next_update().ok_or("it has no nextUpdate")?.timestamp();
        Ok(Dates { this_update: crl.last_update().timestamp(), next_update })
    }
}

#[derive(Clone, Copy, Debug)]
struct Dates {
    this_update: i64,
    next_update: i64,
}

fn in_force(url: &str, dates: Dates, now: i64) -> Result<(), Failure> {
    if now < dates.next_update {
        return Ok(());
    }
    Err(Failure::permanent(
        Stage::Tls,
        format!(
            "the revocation list of {url} is past its nextUpdate: no certificate is trusted until a new one comes"
        ),
    ))
}

/// Writes beside, then renames: a reader sees the old list or the new one, whole.
async fn keep(dir: &Path, path: &Path, der: &[u8]) -> io::Result<()> {
    tokio::fs::create_dir_all(dir).await?;
    let beside = dir.join(format!(".{}.tmp", random::mark()));
    tokio::fs::write(&beside, der).await?;
    match tokio::fs::rename(&beside, path).await {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = tokio::fs::remove_file(&beside).await;
            Err(error)
        }
    }
}
