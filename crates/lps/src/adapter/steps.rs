use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Failure, Limits, RetryClass, Secret, Stage};
use mss::{Address, Document, Draft, Parent, answer_subject, compose_noted};
use rustls::ClientConfig;
use tls::ClientTrust;
use tokio::time::Instant;

use super::again::again;
use super::psc_login;
use super::request::{Auth, Message, RefreshGrant, Request, Step};
use super::search;
use super::{Outcome, Response};
use crate::smtp_session::Outcome as Submitted;
use crate::{
    Credentials, CrlStore, DiscoveryError, Endpoint, ImapSession, MailProtocol, Patience, Refresh, Resolver,
    SmtpSession, TokenSource,
};

/// The subject of a mail whose request gives none.
const DEFAULT_SUBJECT: &str = "Message de test";
/// Kept back from the deadline, so that the outcome is out before the bench ends the process.
const MARGIN: Duration = Duration::from_millis(500);
/// How many of the newest messages are listed by `fetch`.
const NEWEST: usize = 20;

pub(super) async fn perform(request: Request, work_dir: &Path) -> Response {
    match request.step {
        Step::Search => return search::search(&request).await,
        Step::Unknown => return Response::new(Outcome::Unsupported, "this step is unknown here"),
        _ => {}
    }
    let deadline = Instant::now() + Duration::from_millis(request.deadline_ms).saturating_sub(MARGIN);
    let request = match search::address(request).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    // Not to go where the DNS leads is this client's decision, and final; all else is what the DNS does not say.
    let found = again(deadline, async || match Servers::of(&request).await {
        Ok(servers) => Ok(Ok(servers)),
        Err(error @ DiscoveryError::Outside { .. }) => Ok(Err(Failure::from(error))),
        Err(error) => Err(Failure::from(error)),
    });
    let servers = match found.await {
        Ok(Ok(servers)) => servers,
        Ok(Err(outside)) => return Response::new(Outcome::Refused, outside.to_string()),
        Err(failure) => return Response::new(Outcome::Error, failure.to_string()),
    };
    let client = match Client::prepare(&request, servers, work_dir).await {
        Ok(client) => client,
        Err(failure) => return ended(failure),
    };
    let done = match request.step {
        // Where a refusal is expected, one try tells.
        Step::Login | Step::Logout if request.expect_refusal => client.login().await,
        Step::Login | Step::Logout => again(deadline, async || client.login().await).await,
        Step::Fetch => again(deadline, async || client.fetch(work_dir).await).await,
        Step::Append => client.append(&request).await,
        Step::Reply => client.reply(&request).await,
        _ => client.send(&request).await,
    };
    Response { token_used_sha256: client.token_used(), ..done.unwrap_or_else(ended) }
}

/// The servers of each protocol, in the order in which to try them.
struct Servers {
    imap: Vec<Endpoint>,
    smtp: Vec<Endpoint>,
}

impl Servers {
    /// Those that the request names; where it names none but a DNS server, those that the step needs, found by DNS SRV
    /// (SC.MSS/CONF.04).
    async fn of(request: &Request) -> Result<Self, DiscoveryError> {
        let (Some(server), None, None) = (request.dns, &request.imap, &request.smtp) else {
            let named = |endpoint: &Option<Endpoint>| endpoint.iter().cloned().collect();
            return Ok(Self { imap: named(&request.imap), smtp: named(&request.smtp) });
        };
        let (resolver, patience) = (Resolver::new(server), patience(request));
        let domain = request.mailbox.address.domain();
        let mut found = Self { imap: Vec::new(), smtp: Vec::new() };
        if !matches!(request.step, Step::Send) {
            found.imap = resolver.discover(domain, MailProtocol::Imap, patience).await?;
        }
        if matches!(request.step, Step::Login | Step::Logout | Step::Send | Step::Reply) {
            found.smtp = resolver.discover(domain, MailProtocol::Submission, patience).await?;
        }
        Ok(found)
    }
}

fn patience(request: &Request) -> Patience {
    let deadline = Duration::from_millis(request.deadline_ms).saturating_sub(MARGIN);
    Patience::default().until(Instant::now() + deadline)
}

/// What is left of the step's time when it begins.
pub(super) fn patience_left(request: &Request) -> Duration {
    Duration::from_millis(request.deadline_ms).saturating_sub(MARGIN)
}

/// The outcome that a failure is. A refusal is final and by decision, of the server or of this client (TLS);
/// whatever may be different next time is an error.
pub(super) fn ended(failure: Failure) -> Response {
    let refusal = match failure.stage {
        Stage::Tls => failure.retry == RetryClass::Never,
        Stage::Authenticate => matches!(failure.retry, RetryClass::Never | RetryClass::NewCredential),
        _ => false,
    };
    Response::new(if refusal { Outcome::Refused } else { Outcome::Error }, failure.to_string())
}

pub(super) struct Client {
    address: Address,
    servers: Servers,
    credentials: Credentials,
    tls: Arc<ClientConfig>,
    patience: Patience,
    deadline: Instant,
    clock: Clock,
}

impl Client {
    async fn prepare(request: &Request, servers: Servers, work_dir: &Path) -> Result<Self, Failure> {
        let patience = patience(request);
        let clock = Clock::system();
        let ca_pem = read_text("ca_file", &request.ca_file).await?;
        let store = CrlStore::new(&work_dir.join("crl"), &ca_pem, clock.clone())?;
        let crls = store.load(&request.crl_urls).await?;
        let trust = || ClientTrust::new(&ca_pem, &crls).map_err(|error| trust_failure(&error));
        let (tls, credentials, address) = match &request.auth {
            Auth::External { cert_file, key_file } => {
                let chain = read_text("cert_file", cert_file).await?;
                let key = Secret::new(read_text("key_file", key_file).await?);
                let trust = trust()?.with_certificate(&chain, &key).map_err(|error| trust_failure(&error))?;
                (trust, Credentials::External, request.mailbox.address.clone())
            }
            Auth::Xoauth2 { user, access_token, refresh, psc: login } => {
                let address = match user.as_str() {
                    "" => request.mailbox.address.clone(),
                    user => Address::parse(user).map_err(|error| {
                        Failure::permanent(Stage::Input, format!("auth.user is no mailbox: {error}"))
                    })?,
                };
                let psc = trust()?.config().map_err(|error| trust_failure(&error))?;
                let trusted = Arc::clone(&psc);
                let renewable = |grant: &&RefreshGrant| {
                    !request.expect_refusal && !grant.refresh_token.reveal().is_empty()
                };
                let refresh = refresh.as_ref().filter(renewable).map(|grant| Refresh {
                    token_endpoint: grant.token_endpoint.clone(),
                    client_id: grant.client_id.clone(),
                    client_secret: grant.client_secret.clone(),
                    refresh_token: grant.refresh_token.clone(),
                    tls: psc,
                });
                let credentials = match login {
                    Some(login) => psc_login::log_in(login, trusted, clock.clone()).await?.credentials(),
                    None => {
                        let source = TokenSource::new(access_token.clone(), refresh, clock.clone());
                        Credentials::Xoauth2(source)
                    }
                };
                (trust()?, credentials, address)
            }
        };
        let tls = tls.config().map_err(|error| trust_failure(&error))?;
        let deadline = Instant::now() + Duration::from_millis(request.deadline_ms).saturating_sub(MARGIN);
        Ok(Self { address, servers, credentials, tls, patience, deadline, clock })
    }

    fn token_used(&self) -> Option<String> {
        match &self.credentials {
            Credentials::Xoauth2(source) => source.presented(),
            Credentials::External => None,
        }
    }

    pub(super) async fn imap(&self) -> Result<Option<ImapSession>, Failure> {
        let mut unreachable = None;
        for endpoint in &self.servers.imap {
            match ImapSession::open(endpoint, &self.address, &self.credentials, &self.tls, self.patience)
                .await
            {
                Err(failure) if failure.stage == Stage::Connect => unreachable = Some(failure),
                opened => return opened.map(Some),
            }
        }
        unreachable.map_or(Ok(None), Err)
    }

    async fn smtp(&self) -> Result<Option<SmtpSession>, Failure> {
        let mut unreachable = None;
        for endpoint in &self.servers.smtp {
            match SmtpSession::open(endpoint, &self.address, &self.credentials, &self.tls, self.patience)
                .await
            {
                Err(failure) if failure.stage == Stage::Connect => unreachable = Some(failure),
                opened => return opened.map(Some),
            }
        }
        unreachable.map_or(Ok(None), Err)
    }

    async fn login(&self) -> Result<Response, Failure> {
        let mut done = Vec::new();
        if let Some(session) = self.imap().await? {
            session.logout().await;
            done.push("IMAP");
        }
        if let Some(session) = self.smtp().await? {
            session.quit().await;
            done.push("SMTP");
        }
        if done.is_empty() {
            return Err(Failure::permanent(
                Stage::Input,
                "the request gives neither an IMAP nor an SMTP server",
            ));
        }
        Ok(Response::new(Outcome::Done, format!("logged in and out: {}", done.join(", "))))
    }

    async fn fetch(&self, work_dir: &Path) -> Result<Response, Failure> {
        let Some(mut session) = self.imap().await? else { return Err(missing("imap")) };
        let folder = session.select("INBOX").await?;
        let mut uids = session.uid_search("ALL").await?;
        uids.sort_unstable();
        let detail = match uids.last().copied() {
            None => "the inbox is empty".to_owned(),
            Some(newest) => {
                let first = uids[uids.len().saturating_sub(NEWEST)];
                let listed = session
                    .uid_fetch(&format!("{first}:*"), "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER])")
                    .await?;
                let size = read_newest(&mut session, newest, folder.uid_validity, work_dir).await?;
                format!(
                    "{} message(s) in the inbox, {} listed, UID {newest} read ({size} octets)",
                    uids.len(),
                    listed.len()
                )
            }
        };
        session.logout().await;
        Ok(Response::new(Outcome::Done, detail))
    }

    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        let outgoing = self.outgoing(request, None).await?;
        // The same bytes at each try, so the same Message-ID.
        again(self.deadline, async || self.submit(&outgoing).await).await
    }

    /// Hands a mail to the SMTP server.
    pub(super) async fn submit(&self, mail: &Outgoing) -> Result<Response, Failure> {
        let Some(mut session) = self.smtp().await? else { return Err(missing("smtp")) };
        let outcome = session.submit(&self.address, &mail.recipients, &mail.bytes).await?;
        let response = match outcome {
            Submitted::Accepted { queue_id } => {
                let id = queue_id.unwrap_or_else(|| "no queue identifier".into());
                Response::new(Outcome::Done, format!("accepted by the server ({id}){}", mail.notes))
            }
            Submitted::Refused(refusal) if refusal.retry() == RetryClass::Later => {
                session.quit().await;
                let stage = refusal.stage;
                return Err(Failure::temporary(stage, format!("refused for now: {refusal}")));
            }
            Submitted::Refused(refusal) => Response::new(Outcome::Refused, refusal.to_string()),
            Submitted::Unknown(failure) => return Ok(Response::new(Outcome::Error, failure.to_string())),
        };
        session.quit().await;
        Ok(response)
    }

    async fn append(&self, request: &Request) -> Result<Response, Failure> {
        let mail = self.outgoing(request, None).await?;
        let Some(mut session) = self.imap().await? else { return Err(missing("imap")) };
        let Some(folder) = session.special_use("\\Sent").await? else {
            return Err(Failure::permanent(
                Stage::Command,
                "no folder is marked \\Sent (RFC 6154); none is guessed",
            ));
        };
        let place = session.append(&folder, "(\\Seen)", &mail.bytes).await?;
        session.logout().await;
        let place =
            place.map_or_else(String::new, |(validity, uid)| format!(" (UIDVALIDITY {validity}, UID {uid})"));
        Ok(Response::new(Outcome::Done, format!("kept in the folder of sent mails{place}")))
    }

    /// The mail to send: ready bytes, or composed from the facts; an answer to `parent`, where there is one.
    pub(super) async fn outgoing(
        &self,
        request: &Request,
        parent: Option<&Parent>,
    ) -> Result<Outgoing, Failure> {
        let message = request.message.as_ref().ok_or_else(|| missing("message"))?;
        if let Some(path) = &message.eml_file {
            let bytes = read_bytes("eml_file", path).await?;
            return Ok(Outgoing { recipients: message.to.clone(), bytes, notes: String::new() });
        }
        let mut draft = self.draft(request, message)?;
        if let Some(parent) = parent {
            answer(&mut draft, message, parent);
        }
        for path in &message.documents {
            draft.documents.push(Document::new(read_bytes("message.documents", path).await?));
        }
        let mail =
            compose_noted(&draft).map_err(|error| Failure::permanent(Stage::Input, error.to_string()))?;
        let recipients = draft.recipients().into_iter().cloned().collect();
        let notes = mail.notes.iter().map(|note| format!("; {note}")).collect();
        Ok(Outgoing { recipients, bytes: mail.bytes, notes })
    }

    fn draft(&self, request: &Request, message: &Message) -> Result<Draft, Failure> {
        let nil = request.nil.clone().ok_or_else(|| missing("nil"))?;
        let mut draft = Draft::new(self.address.clone(), message.to.clone(), nil, self.clock.now());
        draft.subject = message.subject.clone().unwrap_or_else(|| DEFAULT_SUBJECT.into());
        draft.text = message.text.clone().unwrap_or_default();
        draft.patient_close = message.facts.close;
        draft.to_patient = message.facts.to_patient;
        Ok(draft)
    }
}

/// A mail that is ready to go.
pub(super) struct Outgoing {
    recipients: Vec<Address>,
    bytes: Vec<u8>,
    /// What it lacks, each note after a semicolon.
    notes: String,
}

/// Makes a draft an answer: its thread, and what the request leaves open.
fn answer(draft: &mut Draft, message: &Message, parent: &Parent) {
    draft.in_reply_to.clone_from(&parent.message_id);
    draft.references.clone_from(&parent.references);
    if draft.to.is_empty() {
        draft.to.extend(parent.reply_to.clone());
    }
    if message.subject.is_none() {
        draft.subject = answer_subject(&parent.subject);
    }
}

/// Reads a message whole, keeps it as a file, marks it as seen.
async fn read_newest(
    session: &mut ImapSession,
    uid: u32,
    validity: u32,
    dir: &Path,
) -> Result<usize, Failure> {
    let found = session.uid_fetch(&uid.to_string(), "(UID BODY.PEEK[])").await?;
    let body = found
        .iter()
        .find(|message| message.uid == Some(uid))
        .and_then(|message| message.body(""))
        .ok_or_else(|| Failure::temporary(Stage::Command, format!("UID {uid} is gone")))?;
    let path = dir.join(format!("{validity}-{uid}.eml"));
    tokio::fs::write(&path, body).await.map_err(|error| {
        Failure::temporary(Stage::Storage, format!("{} cannot be written: {error}", path.display()))
    })?;
    session.uid_store(&uid.to_string(), "+FLAGS.SILENT (\\Seen)").await?;
    Ok(body.len())
}

pub(super) fn missing(field: &str) -> Failure {
    Failure::permanent(Stage::Input, format!("this step needs \"{field}\", which the request does not give"))
}

fn trust_failure(error: &tls::Error) -> Failure {
    Failure::permanent(Stage::Input, error.to_string())
}

async fn read_bytes(field: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::permanent(Stage::Input, format!("{field}: {} cannot be read: {error}", path.display()))
    };
    let size = tokio::fs::metadata(path).await.map_err(|error| unreadable(&error))?.len();
    let limit = Limits::default().message;
    if size > limit {
        return Err(unreadable(&format!("it has {size} octets, the limit is {limit}")));
    }
    tokio::fs::read(path).await.map_err(|error| unreadable(&error))
}

async fn read_text(field: &str, path: &Path) -> Result<String, Failure> {
    String::from_utf8(read_bytes(field, path).await?)
        .map_err(|_| Failure::permanent(Stage::Input, format!("{field}: {} is not PEM text", path.display())))
}
