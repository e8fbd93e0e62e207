mod idle;
mod probe;
mod sync;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use imap::client::{
    Code, Command, Fetched, Folder, Notice, NoticeKind, Outgoing, Response, ResponseReader, Status, Tagged,
    Tags, Untagged,
};
use kernel::{Failure, RetryClass, Secret, Stage};
use mss::Address;
use rustls::ClientConfig;

use crate::auth::{Exchange, quoted};
use crate::credentials::Presented;
use crate::transport::Transport;
use crate::{Credentials, Endpoint, Patience, Security};

/// Most untagged responses kept for one command.
const MAX_RESPONSES: usize = 200_000;
/// Longest AUTHENTICATE line with its initial response; longer ones wait for the server's `+`.
const MAX_INITIAL: usize = 8_000;

pub use idle::Idled;
pub(crate) use probe::{Probe, Unprobed};
pub use sync::{Listed, Streamed};

/// A session that is logged in.
pub struct ImapSession {
    transport: Transport,
    reader: ResponseReader,
    pending: VecDeque<Untagged>,
    tags: Tags,
    capabilities: Vec<String>,
    preauthenticated: bool,
    /// Tags of the commands that were sent and are answered by [`Self::next_streamed`].
    asked: VecDeque<String>,
    /// The selected folder changed, and the caller does not know yet.
    stirred: bool,
    selected: Option<String>,
    /// Nothing more can be asked.
    broken: bool,
}

/// What SELECT says of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// How many messages it holds.
    pub exists: u32,
    /// With the folder and a UID, what names a message; UIDs of another UIDVALIDITY are worth nothing.
    pub uid_validity: u32,
    /// The next UID, where the server says it.
    pub uid_next: Option<u32>,
    /// HIGHESTMODSEQ (RFC 7162 §3.1.2.1), where the folder has mod-sequences.
    pub modseq: Option<u64>,
}

impl ImapSession {
    /// Connects, raises TLS, logs in. A refused token is renewed and presented once more, on a new connection.
    ///
    /// # Errors
    /// With its stage: [`Stage::Connect`], [`Stage::Greeting`], [`Stage::Tls`] (no STARTTLS, bytes injected in clear,
    /// a certificate that is not trusted: no credential was sent), [`Stage::Authenticate`].
    pub async fn open(
        endpoint: &Endpoint,
        address: &Address,
        credentials: &Credentials,
        tls: &Arc<ClientConfig>,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let mut presented = credentials.present().await?;
        loop {
            let mut session = Self::connect(endpoint, tls, patience).await?;
            match session.log_in(address, credentials, &presented).await {
                Ok(()) => return Ok(session),
                Err(failure) => presented = credentials.after(presented, failure).await?,
            }
        }
    }

    /// Whether the connection is of no use any more; a command that was merely refused leaves it whole.
    pub fn is_broken(&self) -> bool {
        self.broken || !self.asked.is_empty()
    }

    /// What the server offers, in upper case.
    pub fn capabilities(&self) -> &[String] {
        &self.capabilities
    }

    /// Folders that match `pattern` (`*` for all).
    pub async fn list(&mut self, pattern: &str) -> Result<Vec<Folder>, Failure> {
        let tag = self.tags.next_tag();
        let command = Command::new(&tag, "LIST").string("").string(pattern).finish();
        let (_, data) = self.run(&tag, &command).await?;
        Ok(data
            .into_iter()
            .filter_map(|item| if let Untagged::List(folder) = item { Some(folder) } else { None })
            .collect())
    }

    /// The folder of this special use (RFC 6154), such as `\Sent`. Never guessed from a name.
    pub async fn special_use(&mut self, attribute: &str) -> Result<Option<String>, Failure> {
        let folders = self.list("*").await?;
        let marked =
            |folder: &Folder| folder.attributes.iter().any(|found| found.eq_ignore_ascii_case(attribute));
        Ok(folders.into_iter().find(marked).map(|folder| folder.name))
    }

    /// Opens a folder for reading and writing.
    pub async fn select(&mut self, folder: &str) -> Result<Selected, Failure> {
        let tag = self.tags.next_tag();
        let command =
            Command::new(&tag, "SELECT").literal_plus(self.offers("LITERAL+")).mailbox(folder).finish();
        self.selected = None; // whatever comes of it (RFC 3501 §6.3.1)
        let (_, data) = self.run(&tag, &command).await?;
        self.selected = Some(folder.to_owned());
        self.stirred = false;
        let mut selected = Selected::default();
        for item in data {
            match item {
                Untagged::Exists(count) => selected.exists = count,
                Untagged::Notice(Notice { code: Some(Code::UidValidity(value)), .. }) => {
                    selected.uid_validity = value
                }
                Untagged::Notice(Notice { code: Some(Code::UidNext(value)), .. }) => {
                    selected.uid_next = Some(value)
                }
                Untagged::Notice(Notice { code: Some(Code::HighestModSeq(value)), .. }) => {
                    selected.modseq = Some(value)
                }
                _ => {}
            }
        }
        Ok(selected)
    }

    /// UIDs of the messages that match, such as `UNSEEN` or `HEADER Message-ID x`; `criteria` is IMAP already.
    pub async fn uid_search(&mut self, criteria: &str) -> Result<Vec<u32>, Failure> {
        let tag = self.tags.next_tag();
        let (_, data) = self.run(&tag, &Command::new(&tag, "UID SEARCH").raw(criteria).finish()).await?;
        let found = data
            .into_iter()
            .filter_map(|item| if let Untagged::Search(uids) = item { Some(uids) } else { None });
        Ok(found.flatten().collect())
    }

    /// `items` (such as `(UID FLAGS BODY.PEEK[])`) of the messages of `set` (such as `4` or `4:9,12`). Fetch whole
    /// messages one at a time: all that is asked for is in memory at the end.
    pub async fn uid_fetch(&mut self, set: &str, items: &str) -> Result<Vec<Fetched>, Failure> {
        let tag = self.tags.next_tag();
        let (_, data) = self.run(&tag, &Command::new(&tag, "UID FETCH").raw(set).raw(items).finish()).await?;
        Ok(data
            .into_iter()
            .filter_map(|item| if let Untagged::Fetch(found) = item { Some(*found) } else { None })
            .collect())
    }

    /// Changes flags: `change` such as `+FLAGS.SILENT (\Seen)`.
    pub async fn uid_store(&mut self, set: &str, change: &str) -> Result<(), Failure> {
        let tag = self.tags.next_tag();
        self.run(&tag, &Command::new(&tag, "UID STORE").raw(set).raw(change).finish()).await.map(drop)
    }

    /// Adds a message to a folder. Gives its UIDVALIDITY and UID where the server says them (UIDPLUS, RFC 4315).
    pub async fn append(
        &mut self,
        folder: &str,
        flags: &str,
        message: &[u8],
    ) -> Result<Option<(u32, u32)>, Failure> {
        let tag = self.tags.next_tag();
        let literal_plus = self.offers("LITERAL+");
        let head = imap::client::append(&tag, folder, flags, message.len() as u64, literal_plus);
        if let Some(refusal) = self.send(&tag, &head).await? {
            return Err(refused(&refusal));
        }
        if !literal_plus && let Some(refusal) = self.wait_for_go(&tag).await? {
            return Err(refused(&refusal));
        }
        self.transport.write(Stage::Command, message).await?;
        self.transport.write(Stage::Command, b"\r\n").await?;
        let (end, _) = self.finish(&tag).await?;
        Ok(if let Some(Code::AppendUid { validity, uid }) = end.code { Some((validity, uid)) } else { None })
    }

    /// Ends the session properly. Once logged out nothing can fail any more, so that nothing is returned.
    pub async fn logout(mut self) {
        let tag = self.tags.next_tag();
        let outcome = self.run(&tag, &Command::new(&tag, "LOGOUT").finish()).await;
        if let Err(failure) = outcome {
            tracing::debug!(%failure, "LOGOUT was not answered");
        }
        self.transport.close().await;
    }

    async fn connect(
        endpoint: &Endpoint,
        tls: &Arc<ClientConfig>,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let transport = Transport::connect(endpoint, tls, patience).await?;
        let mut session = Self {
            transport,
            reader: ResponseReader::default(),
            pending: VecDeque::new(),
            tags: Tags::new(),
            capabilities: Vec::new(),
            preauthenticated: false,
            asked: VecDeque::new(),
            stirred: false,
            selected: None,
            broken: false,
        };
        session.greeting().await?;
        if endpoint.security == Security::StartTls {
            session = session.start_tls().await?;
        }
        session.ask_capabilities().await?;
        Ok(session)
    }

    async fn greeting(&mut self) -> Result<(), Failure> {
        match self.next(Stage::Greeting).await? {
            Response::Untagged(Untagged::Notice(notice)) => match notice.kind {
                NoticeKind::Ok => {
                    if let Some(Code::Capability(offered)) = notice.code {
                        self.keep_capabilities(offered);
                    }
                    Ok(())
                }
                NoticeKind::PreAuth if !self.transport.is_tls() => Err(Failure::permanent(
                    Stage::Tls,
                    "the server says that we are logged in already, in clear: STARTTLS is out of reach",
                )),
                NoticeKind::PreAuth => {
                    self.preauthenticated = true;
                    Ok(())
                }
                _ => Err(Failure::temporary(
                    Stage::Greeting,
                    format!("the server does not want us now: {}", quoted(&notice.text)),
                )),
            },
            _ => Err(Failure::permanent(Stage::Greeting, "the server's first line is not an IMAP greeting")),
        }
    }

    /// STARTTLS, required. Whatever the server said in clear is forgotten; anything that follows its OK in clear was
    /// put there by somebody else (RFC 3501 §6.2.1, CVE-2011-0411).
    async fn start_tls(mut self) -> Result<Self, Failure> {
        self.ask_for_tls().await?;
        let transport = self.transport.handshake().await?;
        Ok(Self {
            transport,
            reader: ResponseReader::default(),
            pending: VecDeque::new(),
            capabilities: Vec::new(),
            ..self
        })
    }

    /// STARTTLS, up to the server's OK.
    async fn ask_for_tls(&mut self) -> Result<(), Failure> {
        if self.capabilities.is_empty() {
            self.ask_capabilities().await?;
        }
        if !self.offers("STARTTLS") {
            return Err(Failure::permanent(
                Stage::Tls,
                "the server does not offer STARTTLS: nothing was sent in clear, the session is over",
            ));
        }
        let tag = self.tags.next_tag();
        let started = self.run(&tag, &Command::new(&tag, "STARTTLS").finish()).await;
        started.map_err(|failure| Failure { stage: Stage::Tls, ..failure })?;
        if self.reader.buffered() > 0 {
            return Err(Failure::permanent(
                Stage::Tls,
                "bytes in clear follow the server's answer to STARTTLS: somebody may be injecting them",
            ));
        }
        Ok(())
    }

    async fn ask_capabilities(&mut self) -> Result<(), Failure> {
        let tag = self.tags.next_tag();
        let (_, data) = self.run(&tag, &Command::new(&tag, "CAPABILITY").finish()).await?;
        for item in data {
            if let Untagged::Capability(offered) = item {
                self.keep_capabilities(offered);
            }
        }
        Ok(())
    }

    async fn log_in(
        &mut self,
        address: &Address,
        credentials: &Credentials,
        presented: &Presented,
    ) -> Result<(), Failure> {
        if self.preauthenticated {
            // Some operators open an APP mailbox on the client certificate alone (spec 01 §3.4); a person's, never.
            return match presented {
                Presented::Certificate => Ok(()),
                Presented::Token(_) => Err(Failure::permanent(
                    Stage::Authenticate,
                    "the server opened a mailbox before any login: nothing says that it is ours",
                )),
            };
        }
        let mut exchange = Exchange::new(address, presented);
        let mechanism = exchange.mechanism;
        if !self.offers(&format!("AUTH={mechanism}")) {
            return Err(Failure::permanent(
                Stage::Authenticate,
                format!("the server does not offer {mechanism} (it offers: {})", self.mechanisms()),
            ));
        }
        credentials.note(presented);
        let tag = self.tags.next_tag();
        let fits = exchange.response_len() + tag.len() + 24 <= MAX_INITIAL;
        let initial = (self.offers("SASL-IR") && fits).then(|| exchange.initial());
        let line = imap::client::authenticate(
            &tag,
            mechanism.name(),
            initial.as_ref().map(|text| text.reveal().as_str()),
        );
        self.transport.write(Stage::Authenticate, line.reveal().as_bytes()).await?;
        let mut offered = None;
        let end = loop {
            match self.next(Stage::Authenticate).await.map_err(|failure| exchange.broken(failure))? {
                Response::Continuation(challenge) => {
                    let answer: Option<Secret<String>> = exchange.answer(&challenge);
                    let Some(answer) = answer else {
                        return Err(Failure::permanent(
                            Stage::Authenticate,
                            "the server's challenges do not end",
                        ));
                    };
                    let written = self.transport.write(Stage::Authenticate, answer.reveal().as_bytes()).await;
                    written.map_err(|failure| exchange.broken(failure))?;
                }
                Response::Tagged(end) if end.tag == tag => break end,
                Response::Untagged(Untagged::Capability(words)) => offered = Some(words),
                _ => {}
            }
        };
        match (end.status, &end.code) {
            (Status::Ok, code) => {
                if let Some(Code::Capability(words)) = code {
                    offered = Some(words.clone());
                }
                match offered {
                    Some(words) => self.keep_capabilities(words),
                    None => self.ask_capabilities().await?,
                }
                tracing::debug!(%mechanism, "logged in to IMAP");
                Ok(())
            }
            (Status::No, Some(code)) => {
                Err(exchange.refused(code.retry(), &format!("[{}] {}", code.name(), end.text)))
            }
            (Status::No, None) => Err(exchange.refused(exchange.class_without_code(), &end.text)),
            (Status::Bad, _) => Err(exchange.refused(RetryClass::Never, &end.text)),
        }
    }

    fn mechanisms(&self) -> String {
        let names: Vec<&str> =
            self.capabilities.iter().filter_map(|word| word.strip_prefix("AUTH=")).collect();
        if names.is_empty() { "none".to_owned() } else { quoted(&names.join(" ")) }
    }

    fn offers(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|word| word == capability)
    }

    fn keep_capabilities(&mut self, offered: Vec<String>) {
        self.capabilities = offered.into_iter().map(|word| word.to_ascii_uppercase()).collect();
    }

    /// Sends a command and reads to its end. NO and BAD are failures of [`Stage::Command`].
    async fn run(&mut self, tag: &str, command: &Outgoing) -> Result<(Tagged, Vec<Untagged>), Failure> {
        if let Some(refusal) = self.send(tag, command).await? {
            return Err(refused(&refusal));
        }
        self.finish(tag).await
    }

    /// Sends each segment once the server asks for it. A refusal in between ends the command.
    async fn send(&mut self, tag: &str, command: &Outgoing) -> Result<Option<Tagged>, Failure> {
        for (index, segment) in command.segments().iter().enumerate() {
            if index > 0
                && let Some(refusal) = self.wait_for_go(tag).await?
            {
                return Ok(Some(refusal));
            }
            self.transport.write(Stage::Command, segment).await?;
        }
        Ok(None)
    }

    async fn wait_for_go(&mut self, tag: &str) -> Result<Option<Tagged>, Failure> {
        loop {
            match self.next(Stage::Command).await? {
                Response::Continuation(_) => return Ok(None),
                Response::Tagged(end) if end.tag == tag => return Ok(Some(end)),
                Response::Untagged(item) => self.pending.push_back(item),
                _ => {}
            }
        }
    }

    async fn finish(&mut self, tag: &str) -> Result<(Tagged, Vec<Untagged>), Failure> {
        let mut data: Vec<Untagged> = self.pending.drain(..).collect();
        loop {
            match self.next(Stage::Command).await {
                Ok(Response::Tagged(end)) if end.tag == tag && end.status == Status::Ok => {
                    return Ok((end, data));
                }
                Ok(Response::Tagged(end)) if end.tag == tag => return Err(refused(&end)),
                Ok(Response::Untagged(item)) if data.len() < MAX_RESPONSES => data.push(item),
                Ok(Response::Untagged(_)) => {
                    self.broken = true;
                    return Err(Failure::permanent(Stage::Command, "the server's answer has no end"));
                }
                Ok(_) => {} // a stray tag or continuation: of nothing that we asked
                Err(failure) => return Err(with_farewell(failure, &data)),
            }
        }
    }

    async fn next(&mut self, stage: Stage) -> Result<Response, Failure> {
        self.next_within(stage, self.transport.patience().reply).await
    }

    /// The next response, where each read may take `wait`. Nothing is lost where the caller stops waiting.
    async fn next_within(&mut self, stage: Stage, wait: Duration) -> Result<Response, Failure> {
        loop {
            match self.reader.poll() {
                Ok(Some(response)) => {
                    self.stirred |= is_news(&response);
                    return Ok(response);
                }
                Ok(None) => {
                    let bytes = self.transport.read(stage, wait).await.inspect_err(|_| self.broken = true)?;
                    self.reader.push(&bytes);
                }
                Err(error) => {
                    self.broken = true;
                    return Err(Failure::permanent(stage, error.to_string()));
                }
            }
        }
    }
}

impl std::fmt::Debug for ImapSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImapSession").field("capabilities", &self.capabilities).finish_non_exhaustive()
    }
}

/// Whether a response says that the selected folder has other messages than before. A server says it once: whoever
/// reads over it must remember.
fn is_news(response: &Response) -> bool {
    matches!(
        response,
        Response::Untagged(
            Untagged::Exists(_) | Untagged::Expunge(_) | Untagged::Vanished { earlier: false, .. }
        )
    )
}

fn refused(end: &Tagged) -> Failure {
    let retry = end.code.as_ref().map_or(RetryClass::Never, Code::retry);
    let code = end.code.as_ref().map(|code| format!("[{}] ", code.name())).unwrap_or_default();
    Failure {
        stage: Stage::Command,
        retry,
        message: format!("the server refused: {code}{}", quoted(&end.text)),
    }
}

/// A connection that ended after `* BYE` says why.
fn with_farewell(failure: Failure, data: &[Untagged]) -> Failure {
    let bye = data.iter().rev().find_map(|item| match item {
        Untagged::Notice(notice) if notice.kind == NoticeKind::Bye => Some(quoted(&notice.text)),
        _ => None,
    });
    match bye {
        Some(text) => Failure { message: format!("{}, saying: {text}", failure.message), ..failure },
        None => failure,
    }
}
