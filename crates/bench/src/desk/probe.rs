//! One look at one service, from outside: over a socket, as a client comes.
//!
//! A probe says its name (`EHLO`, `ID`) wherever the protocol lets it, and leaves politely before any login, so that
//! no run takes it for its client and [`is_probe`] can tell it from strangers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rules::{Connection, Protocol};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tls::{ClientTrust, Lab};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use wire::{Direction, Fact};

/// The name that probes give themselves.
const NAME: &str = "sonde.banc.invalid";
/// How long a service has to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Octets of a line, and of everything read after a farewell.
const MOST: usize = 8 * 1024;

/// Whether a connection is one of the bench's own looks at its services, or only the end of an earlier connection:
/// neither is a client's doing.
pub fn is_probe(connection: &Connection<'_>) -> bool {
    let named = |fact: &Fact| matches!(fact, Fact::Greeting { name, .. } if name == NAME);
    let ending =
        |fact: &Fact| matches!(fact, Fact::Closed { .. } | Fact::Line { direction: Direction::Server, .. });
    connection.events.iter().any(|event| named(&event.fact))
        || connection.events.iter().all(|event| ending(&event.fact))
}

/// What one fact says of the connection it happens on: `Some(true)` one of the bench's own looks, `Some(false)` a client,
/// `None` not yet known. For whoever follows a connection while it goes on.
pub fn tells_probe(fact: &Fact) -> Option<bool> {
    match fact {
        Fact::Greeting { name, .. } => Some(name == NAME),
        Fact::Auth { .. } | Fact::TlsFailed { .. } | Fact::Mail { .. } | Fact::Closed { .. } => Some(false),
        Fact::Line { direction: Direction::Client, text } => {
            let own = ["STARTTLS", "QUIT", "ID", "LOGOUT"];
            let mut words = text.split_ascii_whitespace().take(2);
            let known = *text == format!("EHLO {NAME}")
                || words.any(|word| own.iter().any(|own| own.eq_ignore_ascii_case(word)));
            (!known).then_some(false)
        }
        _ => None,
    }
}

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    /// Of an object such as `imap` of `up`, with the name of the port.
    pub(super) fn of(object: &serde_json::Value, port: &str) -> Option<Self> {
        let host = object["host"].as_str()?.to_owned();
        Some(Self { host, port: u16::try_from(object[port].as_u64()?).ok()? })
    }

    /// Of an `http` or `https` address; and its path.
    pub(super) fn of_url(url: &str) -> Option<(Self, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let usual = if scheme == "https" { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, usual),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        (!host.is_empty()).then_some((Self { host, port }, if path.is_empty() { "/" } else { path }))
    }

    /// The addresses behind the name.
    pub(super) async fn resolve(&self) -> Result<Vec<SocketAddr>, String> {
        let found = timeout(PATIENCE, lookup_host((self.host.as_str(), self.port))).await;
        let found: Vec<_> = found.map_err(|_| late())?.map_err(|error| told(&error))?.collect();
        if found.is_empty() { Err("aucune adresse derrière ce nom".into()) } else { Ok(found) }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What a client of this lab trusts, with the CRLs of the moment.
pub(super) fn trust(lab: &Lab, clock: &kernel::Clock) -> Result<Arc<ClientConfig>, tls::Error> {
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    ClientTrust::new(lab.ca_pem(), &crls)?.with_clock(clock).config()
}

/// Connects to the first address that accepts.
pub(super) async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let stream = timeout(PATIENCE, TcpStream::connect(addresses)).await.map_err(|_| late())?;
    let stream = stream.map_err(|error| told(&error))?;
    // Small commands, each waited for: without this each costs a delayed acknowledgement.
    stream.set_nodelay(true).map_err(|error| told(&error))?;
    Ok(stream)
}

/// TLS towards `host`, whose certificate must be one of the lab's.
pub(super) async fn secure<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    config: Arc<ClientConfig>,
) -> Result<tokio_rustls::client::TlsStream<S>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let handshake = TlsConnector::from(config).connect(name, stream);
    timeout(PATIENCE, handshake).await.map_err(|_| late())?.map_err(|error| told(&error))
}

/// A line-by-line conversation.
#[derive(Debug)]
pub(super) struct Talk<S> {
    stream: S,
    kept: Vec<u8>,
    protocol: Protocol,
    /// When the whole conversation must be over.
    end: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(super) fn new(stream: S, protocol: Protocol) -> Self {
        Self { stream, kept: Vec::new(), protocol, end: Instant::now() + PATIENCE }
    }

    /// The server's greeting, its last line.
    pub(super) async fn greeting(&mut self) -> Result<String, String> {
        let line = self.answer("* ").await?;
        let welcome = match self.protocol {
            Protocol::Smtp => line.starts_with("220"),
            _ => line.starts_with("* OK") || line.starts_with("* PREAUTH"),
        };
        if welcome { Ok(line) } else { Err(format!("accueil inattendu : {line}")) }
    }

    /// Asks for TLS and gives the stream back, ready for the handshake.
    pub(super) async fn starttls(mut self) -> Result<S, String> {
        let line = match self.protocol {
            Protocol::Smtp => {
                self.say(&format!("EHLO {NAME}\r\n")).await?;
                self.answer("").await?;
                self.say("STARTTLS\r\n").await?;
                self.answer("").await?
            }
            _ => {
                // Its name first, so that whoever follows the wire knows it from the start.
                self.say(&format!("s0 ID (\"name\" \"{NAME}\")\r\n")).await?;
                self.answer("s0 ").await?;
                self.say("s1 STARTTLS\r\n").await?;
                self.answer("s1 ").await?
            }
        };
        let accepted = line.starts_with("220") || line.starts_with("s1 OK");
        match (accepted, self.kept.is_empty()) {
            (true, true) => Ok(self.stream),
            (true, false) => Err("le serveur a parlé avant la négociation TLS".into()),
            (false, _) => Err(format!("STARTTLS refusé : {line}")),
        }
    }

    /// Says its name, takes leave, and waits for the end, so that nothing of the probe is left in the next window.
    pub(super) async fn leave(mut self) {
        let _ = self.farewell().await;
    }

    async fn farewell(&mut self) -> Result<(), String> {
        match self.protocol {
            Protocol::Smtp => {
                self.say(&format!("EHLO {NAME}\r\n")).await?;
                self.answer("").await?;
                self.say("QUIT\r\n").await?;
            }
            _ => self.say(&format!("s8 ID (\"name\" \"{NAME}\")\r\ns9 LOGOUT\r\n")).await?,
        }
        let mut rest = Vec::new();
        let mut bounded = (&mut self.stream).take(MOST as u64);
        let _ = tokio::time::timeout_at(self.end, bounded.read_to_end(&mut rest)).await;
        let _ = self.stream.shutdown().await;
        Ok(())
    }

    async fn say(&mut self, text: &str) -> Result<(), String> {
        let sent = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        tokio::time::timeout_at(self.end, sent).await.map_err(|_| late())?.map_err(|error| told(&error))
    }

    /// The first line that starts with `tag`; in SMTP the last line of a reply.
    async fn answer(&mut self, tag: &str) -> Result<String, String> {
        loop {
            let line = self.line().await?;
            let last = match self.protocol {
                Protocol::Smtp => line.as_bytes().get(3) != Some(&b'-'),
                _ => line.starts_with(tag),
            };
            if last {
                return Ok(line);
            }
        }
    }

    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.kept.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.kept.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.kept.len() > MOST {
                return Err("une ligne sans fin".into());
            }
            let mut some = [0; 1024];
            let read = tokio::time::timeout_at(self.end, self.stream.read(&mut some)).await;
            match read.map_err(|_| late())?.map_err(|error| told(&error))? {
                0 => return Err("connexion fermée sans réponse".into()),
                count => self.kept.extend_from_slice(&some[..count]),
            }
        }
    }
}

/// The status line of a `GET`.
pub(super) async fn get<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    place: &Place,
    path: &str,
) -> Result<String, String> {
    // The protocol is of no consequence here: a status line has no continuation.
    let mut talk = Talk::new(stream, Protocol::Imap);
    let host = if place.host.contains(':') { format!("[{}]", place.host) } else { place.host.clone() };
    talk.say(&format!("GET {path} HTTP/1.1\r\nHost: {host}:{}\r\nConnection: close\r\n\r\n", place.port))
        .await?;
    let status = talk.line().await?;
    match status.split(' ').nth(1) {
        Some("200") => Ok(status),
        _ => Err(format!("réponse inattendue : {status}")),
    }
}

pub(super) fn late() -> String {
    format!("pas de réponse en {} s", PATIENCE.as_secs())
}

/// An error of the network or of TLS, in French where it is a usual one.
fn told(error: &io::Error) -> String {
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return match tls {
            rustls::Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. },
            ) => "le certificat du serveur a expiré".into(),
            rustls::Error::InvalidCertificate(CertificateError::Revoked) => {
                "le certificat du serveur est révoqué".into()
            }
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => "le certificat du serveur n’est pas à ce nom".into(),
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                "le certificat du serveur ne remonte pas à l’autorité du banc".into()
            }
            other => tls::explain(other),
        };
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connexion refusée : rien n’écoute sur ce port".into(),
        io::ErrorKind::ConnectionReset => "connexion coupée par le serveur".into(),
        io::ErrorKind::UnexpectedEof => "connexion fermée avant la fin".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_a_port() {
        let place = |host: &str, port| Place { host: host.into(), port };
        assert_eq!(
            Place::of_url("https://localhost:8802/auth/x"),
            Some((place("localhost", 8802), "/auth/x"))
        );
        assert_eq!(Place::of_url("http://127.0.0.1"), Some((place("127.0.0.1", 80), "/")));
        assert_eq!(Place::of_url("https://[::1]:8802/a"), Some((place("::1", 8802), "/a")));
        assert_eq!(Place::of_url("http://[::1]/"), Some((place("::1", 80), "/")));
        for bad in ["", "localhost:1", "http://:80/", "http://x:99999/"] {
            assert_eq!(Place::of_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_client_is_told_from_a_probe_by_what_it_says_first() {
        let says = |text: &str| tells_probe(&Fact::Line { direction: Direction::Client, text: text.into() });
        let greets = |name: &str| tells_probe(&Fact::Greeting { verb: "EHLO".into(), name: name.into() });
        for text in [
            "EHLO sonde.banc.invalid",
            "STARTTLS",
            "s1 STARTTLS",
            "s0 ID (\"name\" \"x\")",
            "s9 LOGOUT",
            "QUIT",
        ] {
            assert_eq!(says(text), None, "{text}");
        }
        for text in [
            "a1 CAPABILITY",
            "AUTH XOAUTH2",
            "a2 AUTHENTICATE XOAUTH2",
            "MAIL FROM:<a@b>",
            "a3 LOGIN x y",
            "",
        ] {
            assert_eq!(says(text), Some(false), "{text}");
        }
        assert_eq!((greets(NAME), greets("lps.example")), (Some(true), Some(false)));
    }
}
