//! Extractions by URL: the State's own server, its mirror, or a file server of one's own.
//!
//! The State's server presents a certificate of IGC-Santé, which no system knows: its root is a setting, added to the
//! system's own, and verification is never turned off (spec of the directory, §1.1). A download is a file beside the base
//! under the name that the server gives, because that name carries the date; what was cut short is a failure, never a file.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kernel::{Failure, Stage};
use reqwest::header::CONTENT_DISPOSITION;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Response, StatusCode, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use crate::import::date_in;

/// Octets of one download, at most: the largest extraction packs to under 200 MB, and unpacks to under 2 GB.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;

/// Redirections that are followed: the mirror's stable address leads to a dated one.
const REDIRECTIONS: usize = 5;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest silence of a server.
const SILENCE: Duration = Duration::from_secs(30);

/// Where the State publishes the MSSanté extraction, once a day.
pub const MAILBOXES: &str = "https://service.annuaire.sante.fr/annuaire-sante-webservices/V300/services/extraction/Extraction_Correspondance_MSSante";

/// Fetches extractions; cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher(reqwest::Client);

/// A download; removed from the disk when dropped.
#[derive(Debug)]
pub struct Downloaded {
    path: PathBuf,
}

impl Downloaded {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Downloaded {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(dir) = self.path.parent() {
            // Removed with its last download; not empty before.
            let _ = std::fs::remove_dir(dir);
        }
    }
}

impl Fetcher {
    /// Trusts the system's roots and those of `roots`, one or several certificates in PEM.
    ///
    /// # Errors
    /// When `roots` holds no certificate, or one that cannot be read.
    pub fn new(roots: Option<&[u8]>) -> Result<Self, Failure> {
        let unusable = |text: String| Failure::permanent(Stage::Input, text);
        let mut store = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::debug!(%error, "a root of the system cannot be read");
        }
        store.add_parsable_certificates(system.certs);
        if let Some(pem) = roots {
            let mut count = 0;
            for root in CertificateDer::pem_slice_iter(pem) {
                let root =
                    root.map_err(|error| unusable(format!("the root certificates are no PEM: {error}")))?;
                store
                    .add(root)
                    .map_err(|error| unusable(format!("a root certificate cannot be read: {error}")))?;
                count += 1;
            }
            if count == 0 {
                return Err(unusable("no certificate is in the PEM of the roots".to_owned()));
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let set_up = |error: &dyn std::fmt::Display| {
            Failure::permanent(Stage::Input, format!("the HTTP client cannot be set up: {error}"))
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| set_up(&error))?
            .with_root_certificates(store)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(Policy::custom(redirect))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .build()
            .map_err(|error| set_up(&error))?;
        Ok(Self(client))
    }

    /// The date of the extraction at this address, by the name that the server gives it; none where it does not tell.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub async fn date(&self, url: &str) -> Result<Option<String>, Failure> {
        let url = address(url)?;
        let response = self.0.head(url).send().await.map_err(unreachable)?;
        match response.status() {
            status if status.is_success() => Ok(date_in(&name(&response))),
            // Some file servers answer GET alone.
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Ok(None),
            status => Err(refused(status)),
        }
    }

    /// Downloads the extraction at this address into a directory of its own under `dir`.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or ends before the whole is there; when the disk is full.
    pub async fn download(&self, url: &str, dir: &Path) -> Result<Downloaded, Failure> {
        let url = address(url)?;
        let mut response = self.0.get(url).send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(refused(response.status()));
        }
        let dir = dir.join(format!("incoming-{}", kernel::random::mark()));
        let stored = |error: std::io::Error| {
            Failure::temporary(
                Stage::Storage,
                format!("the download cannot be written in {}: {error}", dir.display()),
            )
        };
        tokio::fs::create_dir_all(&dir).await.map_err(stored)?;
        let downloaded = Downloaded { path: dir.join(name(&response)) };
        let mut file = File::create(&downloaded.path).await.map_err(stored)?;
        let mut octets = 0;
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            octets += chunk.len() as u64;
            if octets > LARGEST {
                let text = format!("the download is longer than {LARGEST} octets: this is no extraction");
                return Err(Failure::permanent(Stage::Command, text));
            }
            file.write_all(&chunk).await.map_err(stored)?;
        }
        file.flush().await.map_err(stored)?;
        tracing::info!(octets, file = %downloaded.path.display(), "an extraction was downloaded");
        Ok(downloaded)
    }
}

/// Only https, or this machine.
fn address(url: &str) -> Result<Url, Failure> {
    let wrong = |what: &str| Err(Failure::permanent(Stage::Input, format!("{url}: {what}")));
    match Url::parse(url) {
        Ok(url) if is_safe(&url) => Ok(url),
        Ok(_) => wrong("only https addresses are read"),
        Err(error) => wrong(&error.to_string()),
    }
}

fn is_safe(url: &Url) -> bool {
    url.scheme() == "https"
        || url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

fn redirect(attempt: Attempt<'_>) -> Action {
    if attempt.previous().len() > REDIRECTIONS {
        attempt.error("too many redirections")
    } else if is_safe(attempt.url()) {
        attempt.follow()
    } else {
        attempt.error("redirected to an address that is not https")
    }
}

/// The name of the answer's file, made of plain letters only.
fn name(response: &Response) -> String {
    let header = response.headers().get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
    let given = header.and_then(|value| value.split("filename=").nth(1));
    let given =
        given.map(|name| name.split(';').next().unwrap_or_default().trim().trim_matches('"').to_owned());
    let last = || response.url().path_segments().and_then(|mut parts| parts.next_back()).map(str::to_owned);
    let name = given.filter(|name| !name.is_empty()).or_else(last).unwrap_or_default();
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '_' };
    let name: String = name.chars().map(plain).take(120).collect();
    // Neither hidden nor a way out of the directory.
    match name.trim_start_matches('.') {
        "" => "extraction".to_owned(),
        name => name.to_owned(),
    }
}

fn refused(status: StatusCode) -> Failure {
    let text = format!("the server of the extraction answered {status}");
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Failure::permanent(Stage::Command, text)
        }
        _ => Failure::temporary(Stage::Command, text),
    }
}

fn unreachable(error: reqwest::Error) -> Failure {
    let what = match &error {
        error if error.is_timeout() => "did not answer in time",
        error if error.is_connect() => "cannot be reached",
        error if error.is_redirect() => "leads elsewhere",
        _ => "ended before everything was there",
    };
    let error = error.without_url();
    let mut text = format!("the server of the extraction {what}: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Failure::temporary(Stage::Connect, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_or_of_this_machine() {
        assert!(address(MAILBOXES).is_ok());
        for url in ["http://127.0.0.1:8000/x", "http://localhost/x", "http://[::1]/x"] {
            assert!(address(url).is_ok(), "{url}");
        }
        for url in [
            "http://annuaire.sante.fr/x",
            "http://127.0.0.1.example.org/",
            "ftp://x/",
            "file:///etc/passwd",
            "x",
        ] {
            let failure = address(url).unwrap_err();
            assert!(!failure.is_retryable() && failure.stage == Stage::Input, "{url}");
        }
    }

    #[test]
    fn roots_that_are_none_are_refused() {
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(Fetcher::new(Some(pem.as_bytes())).unwrap_err().stage, Stage::Input, "{pem}");
        }
        assert!(Fetcher::new(None).is_ok());
    }
}
