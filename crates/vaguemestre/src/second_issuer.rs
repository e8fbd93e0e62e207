//! Another Pro Santé Connect whose tokens the operator accepts besides the sandbox's own: `up --also-issuer URL --also-jwks
//! FILE|URL`.
//!
//! For an LPS that is wired to the ANS's sandbox and runs here without rewiring. Off unless it is asked for, at each start:
//! whoever holds those keys opens mailboxes. Its keys come from a file or an address; the last good set of an address is
//! kept, so that an outage over there closes nothing here.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bench::{Code, Error, write_private};
use oidc::Jwks;
use operator::SecondIssuer;
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How long the other service has to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often its keys are looked at again.
const AGAIN: Duration = Duration::from_secs(600);
/// How soon at the earliest where a token names an unknown key: forged tokens must not make us besiege anybody.
const SOONEST: Duration = Duration::from_secs(10);
/// Longest key set, in octets.
const LONGEST: usize = 256 * 1024;
/// Where systems keep the authorities that they trust; `SSL_CERT_FILE` comes first.
const AUTHORITIES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Also {
    /// The issuer, as its tokens spell it.
    pub(crate) issuer: String,
    /// A file, or an address.
    pub(crate) jwks: String,
}

/// Where keys come from.
#[derive(Clone, Debug)]
enum Source {
    File(PathBuf),
    Address(Url, reqwest::Client),
}

/// A second issuer and what keeps its keys fresh.
pub(crate) struct Second {
    pub(crate) issuer: SecondIssuer,
    source: Source,
    /// Where the last good set is kept.
    kept: PathBuf,
}

impl Second {
    /// Reads the keys once. An address that does not answer is no reason not to start where a set was kept, and without one
    /// no token of that issuer is accepted until it answers.
    ///
    /// # Errors
    /// `bad_input`: the issuer is no https address, the file cannot be read or holds no RSA key, the address is neither https
    /// nor of this machine.
    pub(crate) async fn open(also: &Also, data: &Path) -> Result<Self, Error> {
        if !also.issuer.starts_with("https://") || Url::parse(&also.issuer).is_err() {
            let message = format!("{:?} is no https address", also.issuer);
            let next = "Give the issuer exactly as its tokens spell it (claim iss).";
            return Err(Error::new(Code::BadInput, message, next).field("also_issuer"));
        }
        let source = Source::of(&also.jwks)?;
        let kept = data.join("psc/also-jwks.json");
        let keys = match (&source, source.read().await) {
            (_, Ok(keys)) => keys,
            (Source::File(_), Err(why)) => return Err(unusable(&why)),
            (Source::Address(..), Err(why)) => {
                tracing::warn!("the second issuer's keys cannot be fetched: {why}");
                fs::read(&kept).ok().and_then(|bytes| parse(&bytes).ok()).unwrap_or_default()
            }
        };
        let second = Self { issuer: SecondIssuer::new(&also.issuer, keys.clone()), source, kept };
        second.keep(&keys);
        tracing::info!(
            issuer = also.issuer,
            keys = keys.keys.len(),
            "tokens of a second issuer are accepted"
        );
        Ok(second)
    }

    /// Looks at the keys again from time to time, and where a token names one that is not known.
    pub(crate) async fn stay_fresh(self, mut stop: watch::Receiver<bool>) {
        let mut last = Instant::now();
        loop {
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                _ = timeout(AGAIN, self.issuer.keys_wanted()) => {}
            }
            tokio::select! {
                _ = stop.wait_for(|stopped| *stopped) => return,
                () = sleep_until(last + SOONEST) => {}
            }
            last = Instant::now();
            match self.source.read().await {
                Ok(keys) => {
                    self.keep(&keys);
                    self.issuer.set_keys(keys);
                }
                Err(why) => tracing::warn!("the second issuer's keys stay as they are: {why}"),
            }
        }
    }

    fn keep(&self, keys: &Jwks) {
        if matches!(self.source, Source::File(_)) || keys.keys.is_empty() {
            return;
        }
        let text = serde_json::to_vec(keys).expect("a key set serialises");
        if let Err(error) = write_private(&self.kept, &text) {
            tracing::warn!(%error, "the second issuer's keys could not be kept");
        }
    }
}

impl Source {
    fn of(text: &str) -> Result<Self, Error> {
        let Some(address) = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
        else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if address.scheme() == "http" && !is_here {
            return Err(unusable("over http anybody on the way could give keys of their own"));
        }
        let client = client().map_err(|why| unusable(&why))?;
        Ok(Self::Address(address, client))
    }

    async fn read(&self) -> Result<Jwks, String> {
        match self {
            Self::File(path) => {
                let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
                parse(&bytes).map_err(|why| format!("{}: {why}", path.display()))
            }
            Self::Address(address, client) => {
                let told = |error: reqwest::Error| error.without_url().to_string();
                let mut answer = client.get(address.clone()).send().await.map_err(told)?;
                if answer.status().as_u16() != 200 {
                    return Err(format!("HTTP {}", answer.status().as_u16()));
                }
                let mut bytes = Vec::new();
                while let Some(chunk) = answer.chunk().await.map_err(told)? {
                    bytes.extend_from_slice(&chunk);
                    if bytes.len() > LONGEST {
                        return Err(format!("the answer is longer than {LONGEST} octets"));
                    }
                }
                parse(&bytes)
            }
        }
    }
}

/// A key set with at least one RSA key in it.
fn parse(bytes: &[u8]) -> Result<Jwks, String> {
    if bytes.len() > LONGEST {
        return Err(format!("longer than {LONGEST} octets"));
    }
    let keys: Jwks = serde_json::from_slice(bytes).map_err(|error| format!("no key set (JWKS): {error}"))?;
    let is_usable = |key: &oidc::Jwk| key.kty == "RSA" && !key.kid.is_empty() && !key.n.is_empty();
    if keys.keys.iter().any(is_usable) { Ok(keys) } else { Err("no RSA key with a name (kid) in it".into()) }
}

/// Trusts what the system trusts; no proxy from the environment, no redirection.
fn client() -> Result<reqwest::Client, String> {
    let mut roots = rustls::RootCertStore::empty();
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let bundle = named.into_iter().chain(AUTHORITIES.map(PathBuf::from)).find(|path| path.is_file());
    if let Some(bundle) = bundle {
        let certificates = CertificateDer::pem_file_iter(&bundle).map_err(|error| error.to_string())?;
        roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .map_err(|error| error.to_string())
}

fn unusable(why: &str) -> Error {
    let message = format!("the second issuer's keys cannot be used: {why}");
    let next = "Give --also-jwks a file with its key set (JWKS), or its https address.";
    Error::new(Code::BadInput, message, next).field("also_jwks")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(issuer: &str, jwks: &str) -> Result<Second, Error> {
        let data = tempfile::tempdir().unwrap();
        Second::open(&Also { issuer: issuer.into(), jwks: jwks.into() }, data.path()).await
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let issuer = "https://auth.example/realms/r";
        for (issuer, jwks, field, part) in [
            ("http://auth.example", file("a", "{}"), "also_issuer", "no https address"),
            (issuer, "/nowhere/keys.json".into(), "also_jwks", "/nowhere/keys.json"),
            (issuer, file("b", "{\"keys\":[]}"), "also_jwks", "no RSA key"),
            (issuer, file("c", "keys"), "also_jwks", "no key set"),
            (issuer, "http://auth.example/certs".into(), "also_jwks", "anybody on the way"),
        ] {
            let error = opened(issuer, &jwks).await.err().expect(part);
            assert_eq!(error.field.as_deref(), Some(field));
            assert!(error.message.contains(part), "{}", error.message);
        }
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_keeps_nothing_from_starting() {
        let second = opened("https://auth.example/realms/r", "http://127.0.0.1:9/certs").await.unwrap();
        assert!(!second.kept.exists(), "nothing good to keep");
    }
}
