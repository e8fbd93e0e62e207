//! *Diagnostic de connexion*: what stands between a mailbox and its mail, step by step, each with one cause that a screen
//! can put in words.
//!
//! The order is that of a connection, and the first step that fails ends it: what comes behind cannot be known. A step says
//! what was seen, never what is supposed: "filtered" is silence, "closed" is a refusal, "intercepted" is a certificate of an
//! authority that is not the trust space's.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Failure, RetryClass, Stage, Timestamp};
use mss::Address;
use practice::Mailbox;
use rustls::{CertificateError, ClientConfig};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use tls::Refusal;
use tokio::net::TcpStream;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Shared;
use super::account::{AccountSettings, Login, imap_servers, read_text};
use super::idle::INBOX;
use crate::imap_session::{Probe, Unprobed};
use crate::{Credentials, DiscoveryError, Endpoint, ImapSession, MailProtocol, Resolver};

/// Days before the end of a certificate at which people are warned, the most urgent first.
const WARNINGS: [i64; 3] = [7, 30, 60];

/// One step of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What the mailbox's settings say, files included.
    Settings,
    /// Where its servers are (SC.MSS/CONF.04).
    Dns,
    /// Whether one can be reached.
    Port,
    /// Whether what answers is a mail server that speaks TLS (SC.MSS/CONF.01, CONF.06).
    Tls,
    /// Whether its certificate is the trust space's, and in force (SC.MSS/CONF.27).
    Certificate,
    /// Whether its revocation can be checked (SC.MSS/CONF.22).
    Revocation,
    /// The mailbox's own client certificate (SC.MSS/CONF.12).
    OwnCertificate,
    /// Whether the login is accepted (SC.MSS/CONF.07, CONF.12).
    Login,
    /// Whether the inbox opens.
    Mailbox,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should.
    Good,
    /// It works, and will not for ever.
    Warning,
    /// It does not, and what comes behind was not tried.
    Bad,
}

/// What was found, in one word that a screen puts into a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// Nothing to say.
    Fine,
    /// The settings cannot be read, or name a file that cannot.
    SettingsUnreadable,
    /// No DNS server answers.
    DnsSilent,
    /// The domain does not say where its servers are.
    NoService,
    /// The domain says that it has none.
    NotOffered,
    /// The records lead out of the domain.
    OutsideDomain,
    /// The servers' names have no address.
    NoAddress,
    /// Nothing answers: *port filtré*, most often by the practice's own firewall.
    PortFiltered,
    /// The connection is refused: nothing listens there.
    PortClosed,
    /// No way there: no network, or no route.
    Unreachable,
    /// What answers is no IMAP server, or does not want anybody now.
    NotMail,
    /// STARTTLS is not offered: somebody in between may have taken it away.
    NoStartTls,
    /// No version or suite in common.
    TlsIncompatible,
    /// *Un antivirus intercepte TLS*: the certificate is of an authority that is not IGC-Santé's.
    Intercepted,
    /// The server's certificate has expired.
    CertificateExpired,
    /// It is not in force yet: whose clock is wrong?
    CertificateNotYetValid,
    /// It carries another name.
    WrongName,
    /// It is revoked.
    Revoked,
    /// No revocation list is at hand, or it is past its date.
    NoRevocationList,
    /// The server refuses the mailbox's own certificate.
    OwnCertificateRefused,
    /// A certificate ends soon: [`Finding::days`].
    EndsSoon,
    /// The mailbox's own certificate has expired.
    OwnCertificateExpired,
    /// Nobody is logged in: *connectez-vous à Pro Santé Connect*.
    NobodyLoggedIn,
    /// The Pro Santé Connect session is over.
    SessionOver,
    /// Pro Santé Connect does not answer.
    PscAway,
    /// The server refuses the token, or the person for this mailbox.
    LoginRefused,
    /// The server does not offer the login that the mailbox needs.
    LoginNotOffered,
    /// The server cannot now.
    ServerBusy,
    /// The inbox does not open.
    InboxRefused,
    /// The connection broke.
    Broken,
}

/// What one step found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which step.
    pub step: Step,
    /// How it went.
    pub grade: Grade,
    /// Why, in one word.
    pub cause: Cause,
    /// The place or the words that were met, in English: for whoever is asked for help. No secret.
    pub detail: String,
    /// Days until a certificate's end, for [`Cause::EndsSoon`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

/// All of them, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The mailbox's address.
    pub address: String,
    /// When.
    pub at: Timestamp,
    /// Step by step, up to the first that fails.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// Whether mail can be read.
    pub fn is_good(&self) -> bool {
        self.findings.iter().all(|finding| finding.grade != Grade::Bad)
    }
}

/// Tries a connection of its own.
pub(super) async fn diagnose(shared: &Shared, mailbox: &Mailbox, login: Option<Login>) -> Diagnosis {
    let mut findings = Vec::new();
    if let Err(bad) = walk(shared, mailbox, login, &mut findings).await {
        findings.push(bad);
    }
    Diagnosis { address: mailbox.address.clone(), at: shared.settings.clock.now(), findings }
}

async fn walk(
    shared: &Shared,
    mailbox: &Mailbox,
    login: Option<Login>,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let unreadable = |failure: Failure| bad(Step::Settings, Cause::SettingsUnreadable, failure.message);
    let settings = AccountSettings::of(mailbox).map_err(unreadable)?;
    let address = Address::parse(&mailbox.address)
        .map_err(|error| bad(Step::Settings, Cause::SettingsUnreadable, error.to_string()))?;
    findings.extend(own_certificate(&settings, shared.settings.clock.now()).await?);
    let servers = dns(shared, &settings, &address).await?;
    let places: Vec<String> = servers.iter().map(Endpoint::to_string).collect();
    findings.push(good(Step::Dns, places.join(", ")));
    let server = port(shared, &servers).await?;
    findings.push(good(Step::Port, server.to_string()));
    let tls = shared.trust.config(&settings).await.map_err(|failure| match failure.stage {
        Stage::Tls => bad(Step::Revocation, Cause::NoRevocationList, failure.message),
        _ => unreadable(failure),
    })?;
    let patience = shared.settings.patience;
    let probe = ImapSession::probe(server, &tls, patience).await.map_err(|unprobed| shaken(&unprobed))?;
    findings.push(good(Step::Tls, format!("{server} speaks TLS")));
    findings.push(server_certificate(&probe, shared.settings.clock.now()));
    findings.push(good(Step::Revocation, "the chain is checked against current lists"));
    let Some(login) = login else {
        return Err(bad(Step::Login, Cause::NobodyLoggedIn, "nobody is logged in for this mailbox"));
    };
    let mut session = log_in(server, &address, &login, &tls, &probe, shared).await?;
    findings.push(good(Step::Login, format!("accepted as {}", mailbox.address)));
    let selected = session.select(INBOX).await;
    let done = match &selected {
        Ok(selected) => Ok(good(Step::Mailbox, format!("{} message(s) in the inbox", selected.exists))),
        Err(failure) if session.is_broken() => {
            Err(bad(Step::Mailbox, Cause::Broken, failure.message.clone()))
        }
        Err(failure) => Err(bad(Step::Mailbox, Cause::InboxRefused, failure.message.clone())),
    };
    session.logout().await;
    findings.push(done?);
    Ok(())
}

/// Where the servers are, asked anew: what is kept may be what is wrong.
async fn dns(
    shared: &Shared,
    settings: &AccountSettings,
    address: &Address,
) -> Result<Vec<Endpoint>, Finding> {
    let patience = shared.settings.patience;
    if settings.imap.is_some() {
        let named = imap_servers(address, settings, &shared.settings.resolver, patience).await;
        return named.map_err(|failure| bad(Step::Dns, Cause::NoService, failure.message));
    }
    let own = settings.dns.map(Resolver::new);
    let resolver = own.as_ref().unwrap_or(&shared.settings.resolver);
    resolver.forget();
    resolver.discover(address.domain(), MailProtocol::Imap, patience).await.map_err(|error| {
        let cause = match &error {
            DiscoveryError::NoAnswer { .. } => Cause::DnsSilent,
            DiscoveryError::NotOffered { .. } => Cause::NotOffered,
            DiscoveryError::Outside { .. } => Cause::OutsideDomain,
            DiscoveryError::NoAddress { .. } => Cause::NoAddress,
            DiscoveryError::Domain(_) | DiscoveryError::NoService { .. } => Cause::NoService,
        };
        bad(Step::Dns, cause, error.to_string())
    })
}

/// The first server that takes a connection.
async fn port<'a>(shared: &Shared, servers: &'a [Endpoint]) -> Result<&'a Endpoint, Finding> {
    let mut worst = bad(Step::Port, Cause::Unreachable, "the mailbox has no server");
    for server in servers {
        let sockets: Vec<SocketAddr> = server.sockets();
        let attempt = async {
            if sockets.is_empty() {
                TcpStream::connect((server.host.as_str(), server.port)).await
            } else {
                TcpStream::connect(&sockets[..]).await
            }
        };
        let wait: Duration = shared.settings.patience.connect;
        worst = match timeout(wait, attempt).await {
            Ok(Ok(_)) => return Ok(server),
            Ok(Err(error)) => bad(Step::Port, unreached(&error), format!("{server}: {error}")),
            Err(_) => {
                bad(Step::Port, Cause::PortFiltered, format!("{server} does not answer within {wait:?}"))
            }
        };
    }
    Err(worst)
}

fn unreached(error: &io::Error) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::PortClosed,
        io::ErrorKind::TimedOut => Cause::PortFiltered,
        _ => Cause::Unreachable,
    }
}

/// Why there is no TLS, or none that is trusted.
fn shaken(unprobed: &Unprobed) -> Finding {
    let detail = unprobed.failure.message.clone();
    let Some(error) = &unprobed.tls else {
        let cause = match unprobed.failure.stage {
            Stage::Tls if detail.contains("STARTTLS") => Cause::NoStartTls,
            Stage::Tls => Cause::TlsIncompatible,
            Stage::Connect => return bad(Step::Port, Cause::Unreachable, detail),
            _ => Cause::NotMail,
        };
        return bad(Step::Tls, cause, detail);
    };
    use CertificateError as E;
    let (step, cause) = match error {
        rustls::Error::InvalidCertificate(E::Other(other)) => match other.0.downcast_ref::<Refusal>() {
            Some(Refusal::NoCrl { .. }) => (Step::Revocation, Cause::NoRevocationList),
            _ => (Step::Certificate, Cause::Intercepted),
        },
        rustls::Error::InvalidCertificate(problem) => match problem {
            E::Expired | E::ExpiredContext { .. } => (Step::Certificate, Cause::CertificateExpired),
            E::NotValidYet | E::NotValidYetContext { .. } => {
                (Step::Certificate, Cause::CertificateNotYetValid)
            }
            E::NotValidForName | E::NotValidForNameContext { .. } => (Step::Certificate, Cause::WrongName),
            E::Revoked => (Step::Revocation, Cause::Revoked),
            E::UnknownRevocationStatus
            | E::ExpiredRevocationList
            | E::ExpiredRevocationListContext { .. } => (Step::Revocation, Cause::NoRevocationList),
            _ => (Step::Certificate, Cause::Intercepted),
        },
        rustls::Error::AlertReceived(_) => (Step::Tls, Cause::OwnCertificateRefused),
        _ => (Step::Tls, Cause::TlsIncompatible),
    };
    bad(step, cause, detail)
}

/// The server's certificate, and how long it lasts.
fn server_certificate(probe: &Probe, now: Timestamp) -> Finding {
    let end = probe.chain.first().and_then(|der| end_of(der));
    let Some(end) = end else { return good(Step::Certificate, "of the trust space") };
    lasting(Step::Certificate, end, now)
}

/// The mailbox's own certificate, where it has one.
async fn own_certificate(settings: &AccountSettings, now: Timestamp) -> Result<Option<Finding>, Finding> {
    let Some(files) = &settings.certificate else { return Ok(None) };
    let unreadable = |failure: Failure| bad(Step::OwnCertificate, Cause::SettingsUnreadable, failure.message);
    let pem = read_text("the client certificate", &files.chain).await.map_err(unreadable)?;
    let first = CertificateDer::pem_slice_iter(pem.as_bytes()).next().and_then(Result::ok);
    let end = first.as_ref().and_then(|der| end_of(der)).ok_or_else(|| {
        let what = format!("{} holds no certificate", files.chain.display());
        bad(Step::OwnCertificate, Cause::SettingsUnreadable, what)
    })?;
    if end <= now {
        return Err(bad(Step::OwnCertificate, Cause::OwnCertificateExpired, format!("it ended on {end}")));
    }
    Ok(Some(lasting(Step::OwnCertificate, end, now)))
}

fn end_of(der: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// A certificate that is in force, with a warning at 60, 30 and 7 days.
fn lasting(step: Step, end: Timestamp, now: Timestamp) -> Finding {
    let days = (end.as_second() - now.as_second()).div_euclid(86_400);
    let detail = format!("in force until {end}");
    if WARNINGS.iter().any(|warning| days <= *warning) {
        return Finding { step, grade: Grade::Warning, cause: Cause::EndsSoon, detail, days: Some(days) };
    }
    good(step, detail)
}

async fn log_in(
    server: &Endpoint,
    address: &Address,
    login: &Login,
    tls: &Arc<ClientConfig>,
    probe: &Probe,
    shared: &Shared,
) -> Result<ImapSession, Finding> {
    let offered = match &login.credentials {
        Credentials::Xoauth2(_) => "AUTH=XOAUTH2",
        Credentials::External => "AUTH=EXTERNAL",
    };
    let opened = ImapSession::open(server, address, &login.credentials, tls, shared.settings.patience).await;
    opened.map_err(|failure| {
        let has = probe.capabilities.iter().any(|word| word == offered);
        let cause = match (failure.stage, failure.retry) {
            (Stage::Authenticate, _) if login.is_over() => Cause::SessionOver,
            (Stage::Authenticate, RetryClass::Never) if !has => Cause::LoginNotOffered,
            (Stage::Authenticate, RetryClass::Never) if failure.message.contains("Pro Santé Connect") => {
                Cause::SessionOver
            }
            (Stage::Authenticate, RetryClass::Later) if failure.message.contains("Pro Santé Connect") => {
                Cause::PscAway
            }
            (Stage::Authenticate, RetryClass::Later) => Cause::ServerBusy,
            (Stage::Authenticate, _) => Cause::LoginRefused,
            (Stage::Tls, _) => Cause::OwnCertificateRefused,
            _ => Cause::Broken,
        };
        bad(Step::Login, cause, failure.message)
    })
}

fn good(step: Step, detail: impl Into<String>) -> Finding {
    Finding { step, grade: Grade::Good, cause: Cause::Fine, detail: detail.into(), days: None }
}

fn bad(step: Step, cause: Cause, detail: impl Into<String>) -> Finding {
    Finding { step, grade: Grade::Bad, cause, detail: detail.into(), days: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_at_60_30_and_7_days() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let after = |days: i64| {
            let end = Timestamp::from_second(now.as_second() + days * 86_400 + 3_600).unwrap();
            let finding = lasting(Step::OwnCertificate, end, now);
            (finding.grade, finding.days)
        };
        assert_eq!(after(61), (Grade::Good, None));
        assert_eq!(after(60), (Grade::Warning, Some(60)));
        assert_eq!(after(7), (Grade::Warning, Some(7)));
        assert_eq!(after(0), (Grade::Warning, Some(0)));
    }

    #[test]
    fn what_tls_says_is_a_cause_that_a_person_understands() {
        let of = |error: rustls::Error| {
            let failure = Failure::permanent(Stage::Tls, "x");
            let finding = shaken(&Unprobed { failure, tls: Some(error) });
            (finding.step, finding.cause)
        };
        let antivirus = Refusal::WrongAuthority { issuer: "Some Antivirus Root".into() };
        assert_eq!(of(antivirus.into()), (Step::Certificate, Cause::Intercepted));
        let no_list = Refusal::NoCrl { issuer: "x".into(), url: None };
        assert_eq!(of(no_list.into()), (Step::Revocation, Cause::NoRevocationList));
        assert_eq!(of(CertificateError::Revoked.into()), (Step::Revocation, Cause::Revoked));
        assert_eq!(of(CertificateError::Expired.into()), (Step::Certificate, Cause::CertificateExpired));
        let silence = Unprobed { failure: Failure::temporary(Stage::Greeting, "x"), tls: None };
        assert_eq!(shaken(&silence).cause, Cause::NotMail);
    }
}
