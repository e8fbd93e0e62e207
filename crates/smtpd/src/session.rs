use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sasl::{Credentials, Granted, Mechanism};
use smtp::{Command, ForwardPath, LineError, MailParameters, Response, ReversePath, SyntaxError};
use wire::{Fact, TlsFacts};

use crate::connection::{Connection, End};
use crate::listener::Shared;
use crate::{Context, Resolution};

/// One client's conversation: which commands are in order, and what they do.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    pub(crate) peer: IpAddr,
    pub(crate) helo: Option<Helo>,
    pub(crate) tls: Option<TlsFacts>,
    pub(crate) login: Option<Granted>,
    pub(crate) transaction: Option<Transaction>,
    /// The mechanism of an AUTH that was refused before its response came: what comes next may be that response.
    pub(crate) refused_auth: Option<String>,
    pub(crate) failed_logins: u32,
    errors: u32,
}

/// How the client introduced itself.
pub(crate) struct Helo {
    pub(crate) name: String,
    /// With EHLO.
    pub(crate) extended: bool,
}

/// Between MAIL and the end of DATA.
pub(crate) struct Transaction {
    pub(crate) from: ReversePath,
    pub(crate) smtputf8: bool,
    pub(crate) recipients: Vec<String>,
    /// The INBOX of each recipient, each once.
    pub(crate) folders: Vec<i64>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection, peer: IpAddr) -> Self {
        Self {
            shared,
            connection,
            peer,
            helo: None,
            tls: None,
            login: None,
            transaction: None,
            refused_auth: None,
            failed_logins: 0,
            errors: 0,
        }
    }

    /// From the greeting to the end. A client that is not `admitted` is told so and left.
    pub(crate) async fn run(mut self, admitted: bool) {
        let Err(end) = self.converse(admitted).await;
        self.connection.finish(end, &self.shared.context.hostname).await;
    }

    pub(crate) fn context(&self) -> &Context {
        &self.shared.context
    }

    /// How long the client may keep silent.
    pub(crate) fn patience(&self) -> Duration {
        let context = self.context();
        if self.login.is_none() && context.policy.require_auth {
            context.timing.login
        } else {
            context.timing.smtp_idle
        }
    }

    async fn converse(&mut self, admitted: bool) -> Result<Infallible, End> {
        let hostname = self.context().hostname.clone();
        if self.shared.endpoint.implicit_tls {
            self.shake_hands().await?;
        }
        if !admitted {
            let busy =
                Response::new(421, "4.3.2", format!("{hostname} Too many connections, try again later"));
            self.connection.reply(&busy).await?;
            return Err(End::error("too many connections"));
        }
        self.connection.reply(&Response::plain(220, format!("{hostname} ESMTP Vaguemestre"))).await?;
        loop {
            let limits = &self.shared.context.limits;
            // The response to a refused AUTH may come all the same, and is to be recognised.
            let sasl = self.refused_auth.is_some();
            let limit = |start: &[u8]| match start.get(..5) {
                Some(verb) if sasl || verb.eq_ignore_ascii_case(b"AUTH ") => limits.sasl_line,
                _ => limits.smtp_command_line,
            };
            match self.connection.line(self.patience(), limit).await? {
                Ok(line) => self.handle(&line).await?,
                Err(error) => self.bad_line(error).await?,
            }
        }
    }

    async fn handle(&mut self, line: &[u8]) -> Result<(), End> {
        match Command::parse(line) {
            Ok(command) => {
                self.refused_auth = None;
                self.connection.pen.client(&String::from_utf8_lossy(line), false);
                self.execute(command).await
            }
            Err(error) => {
                self.note_rejected(&String::from_utf8_lossy(line), &error);
                self.answer(error.response()).await
            }
        }
    }

    /// A line over the limit is refused; a line end that is none ends the connection: what follows could be read in
    /// two ways.
    pub(crate) async fn bad_line(&mut self, error: LineError) -> Result<(), End> {
        self.connection.pen.violation(error.to_string());
        if matches!(error, LineError::TooLong { .. }) {
            return self.answer(Response::new(500, "5.5.2", format!("Line too long: {error}"))).await;
        }
        self.connection.reply(&Response::new(521, "5.5.2", format!("{error}; closing"))).await?;
        Err(End::error(error.to_string()))
    }

    /// Journals a line that is no command. It may be a credential that was sent in the wrong place.
    fn note_rejected(&mut self, text: &str, error: &SyntaxError) {
        let unknown = matches!(error, SyntaxError::Unknown | SyntaxError::Characters);
        let stray = self.refused_auth.as_deref().filter(|_| unknown);
        self.connection.pen.client(text, unknown && (stray.is_some() || !looks_harmless(text)));
        let Some(mechanism) = stray else { return };
        let mechanism = mechanism.to_owned();
        let credentials =
            Mechanism::parse(&mechanism).and_then(|known| Credentials::decode(known, text.trim()).ok());
        if self.tls.is_none() && credentials.is_some() {
            let reason = "the response came in clear although AUTH was refused";
            self.record_refusal(&mechanism, credentials.as_ref(), "cleartext", reason);
        }
    }

    async fn execute(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Ehlo(name) => self.greet("EHLO", name).await,
            Command::Helo(name) => self.greet("HELO", name).await,
            Command::StartTls => self.start_tls().await,
            Command::Auth { mechanism, initial } => self.authenticate(mechanism, initial).await,
            Command::Mail { from, parameters } => self.mail(from, parameters).await,
            Command::Rcpt { to } => self.rcpt(to).await,
            Command::Data => self.data().await,
            Command::Rset => {
                self.transaction = None;
                self.answer(Response::new(250, "2.0.0", "Ok")).await
            }
            Command::Noop => self.answer(Response::new(250, "2.0.0", "Ok")).await,
            Command::Vrfy => {
                let response = Response::new(252, "2.1.5", "Cannot verify; send mail to it and see");
                self.answer(self.gate().unwrap_or(response)).await
            }
            Command::Help => {
                self.answer(Response::new(214, "2.0.0", "EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP QUIT"))
                    .await
            }
            Command::Quit => {
                let bye = Response::new(221, "2.0.0", format!("{} Bye", self.context().hostname));
                self.connection.reply(&bye).await?;
                Err(End::Quit)
            }
            other => {
                let text = format!("{} is not available", other.verb());
                self.answer(Response::new(502, "5.5.1", text)).await
            }
        }
    }

    /// Sends a reply, and counts refusals in a row.
    pub(crate) async fn answer(&mut self, response: Response) -> Result<(), End> {
        self.connection.reply(&response).await?;
        self.count(&response).await
    }

    pub(crate) async fn count(&mut self, response: &Response) -> Result<(), End> {
        self.errors = if response.is_refusal() { self.errors + 1 } else { 0 };
        if self.errors < self.context().limits.errors {
            return Ok(());
        }
        let response = Response::new(421, "4.7.0", "Too many refused commands in a row, closing");
        self.connection.reply(&response).await?;
        Err(End::error("too many refused commands in a row"))
    }

    /// What stands between the client and sending mail; `None` where nothing does.
    pub(crate) fn gate(&self) -> Option<Response> {
        let policy = self.context().policy;
        if policy.require_tls && self.tls.is_none() {
            Some(tls_first())
        } else if policy.require_auth && self.login.is_none() {
            Some(Response::new(530, "5.7.0", "Authentication required"))
        } else {
            None
        }
    }

    async fn greet(&mut self, verb: &str, name: String) -> Result<(), End> {
        self.connection.pen.record(Fact::Greeting { verb: verb.to_owned(), name: name.clone() });
        self.transaction = None;
        let extended = verb == "EHLO";
        self.helo = Some(Helo { name, extended });
        let mut response = Response::plain(250, &self.context().hostname);
        if extended {
            for keyword in ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] {
                response = response.line(keyword);
            }
            response = response.line(format!("SIZE {}", self.context().limits.message));
            match &self.tls {
                None => response = response.line("STARTTLS"),
                Some(tls) => {
                    let mechanisms = self
                        .context()
                        .authenticator
                        .mechanisms(tls.certificate.as_ref(), &self.shared.endpoint.offer);
                    let names: Vec<&str> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
                    if !names.is_empty() {
                        response = response.line(format!("AUTH {}", names.join(" ")));
                    }
                }
            }
        }
        self.answer(response).await
    }

    /// RFC 3207. Everything learnt before the handshake is forgotten after it; bytes that came with the command
    /// were put there to be executed after it, by the client or by somebody on the way.
    async fn start_tls(&mut self) -> Result<(), End> {
        if self.tls.is_some() {
            return self.answer(Response::new(503, "5.5.1", "TLS is up already")).await;
        }
        if !self.helo.as_ref().is_some_and(|helo| helo.extended) {
            return self.answer(Response::new(503, "5.5.1", "Send EHLO first")).await;
        }
        let pending = self.connection.pending();
        if pending > 0 {
            let what = format!("{pending} octets in clear behind STARTTLS, thrown away (RFC 3207 §6)");
            self.connection.pen.violation(what);
            let text = "Nothing may follow STARTTLS before the handshake; closing";
            self.connection.reply(&Response::new(554, "5.5.0", text)).await?;
            return Err(End::error("bytes in clear behind STARTTLS"));
        }
        self.connection.reply(&Response::new(220, "2.0.0", "Ready to start TLS")).await?;
        self.shake_hands().await?;
        (self.helo, self.transaction, self.login) = (None, None, None);
        Ok(())
    }

    async fn shake_hands(&mut self) -> Result<(), End> {
        let context = &self.shared.context;
        let facts = Box::pin(self.connection.start_tls(&context.acceptor, context.timing.login)).await?;
        self.tls = Some(facts);
        Ok(())
    }

    async fn mail(&mut self, from: ReversePath, parameters: MailParameters) -> Result<(), End> {
        let refusal = self.gate().or_else(|| self.refuse_sender(&from, &parameters));
        if let Some(refusal) = refusal {
            return self.answer(refusal).await;
        }
        let smtputf8 = parameters.smtputf8;
        self.transaction = Some(Transaction { from, smtputf8, recipients: vec![], folders: vec![] });
        self.answer(Response::new(250, "2.1.0", "Ok")).await
    }

    fn refuse_sender(&self, from: &ReversePath, parameters: &MailParameters) -> Option<Response> {
        let limit = self.context().limits.message;
        if self.helo.is_none() {
            return Some(Response::new(503, "5.5.1", "Send EHLO first"));
        }
        if self.transaction.is_some() {
            return Some(Response::new(503, "5.5.1", "A transaction is open already; RSET ends it"));
        }
        if parameters.size.is_some_and(|size| size > limit) {
            return Some(Response::new(552, "5.3.4", format!("Message over the limit of {limit} octets")));
        }
        if !from.is_ascii() && !parameters.smtputf8 {
            return Some(needs_smtputf8());
        }
        // `<>` is what MDNs are sent with (RFC 8098 §3); the journal knows who was logged in.
        match (&self.login, from) {
            (Some(login), ReversePath::Mailbox(mailbox)) if mailbox.key() != login.mailbox.to_lowercase() => {
                let text = format!("Sender refused: this session belongs to {}", login.mailbox);
                Some(Response::new(553, "5.7.1", text))
            }
            _ => None,
        }
    }

    async fn rcpt(&mut self, to: ForwardPath) -> Result<(), End> {
        let most = self.context().limits.recipients;
        let refusal = self.gate().or_else(|| match &self.transaction {
            None => Some(Response::new(503, "5.5.1", "Send MAIL first")),
            Some(transaction) if transaction.recipients.len() >= most => {
                Some(Response::new(452, "4.5.3", format!("Too many recipients: at most {most}")))
            }
            Some(transaction) if !to.is_ascii() && !transaction.smtputf8 => Some(needs_smtputf8()),
            Some(_) => None,
        });
        if let Some(refusal) = refusal {
            return self.answer(refusal).await;
        }
        let address = to.address();
        let response = match self.context().recipients.resolve(&address).await {
            Resolution::Deliver { account } => self.add_recipient(address, account).await,
            Resolution::Refused { code, enhanced, text } => Response::new(code, enhanced, text),
            Resolution::Unavailable => later(),
        };
        self.answer(response).await
    }

    async fn add_recipient(&mut self, address: String, account: i64) -> Response {
        let folder = match self.shared.inboxes.of(&self.shared.context.store, account).await {
            Ok(Some(folder)) => folder,
            Ok(None) => {
                tracing::error!(account, "a recipient's account has no INBOX");
                return later();
            }
            Err(error) => {
                tracing::error!(%error, "the store could not be asked for an INBOX");
                return later();
            }
        };
        if let Some(transaction) = &mut self.transaction {
            transaction.recipients.push(address);
            if !transaction.folders.contains(&folder) {
                transaction.folders.push(folder);
            }
        }
        Response::new(250, "2.1.5", "Ok")
    }
}

pub(crate) fn tls_first() -> Response {
    Response::new(530, "5.7.0", "Must issue a STARTTLS command first")
}

pub(crate) fn later() -> Response {
    Response::new(451, "4.3.0", "Temporary failure of the server, try again later")
}

fn needs_smtputf8() -> Response {
    Response::new(553, "5.6.7", "This address needs the SMTPUTF8 parameter of MAIL")
}

/// Whether a line that is no command can be shown as it is. Tokens and SASL responses are long words.
fn looks_harmless(text: &str) -> bool {
    text.len() <= 200 && text.split_ascii_whitespace().all(|word| word.len() <= 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_not_shown() {
        assert!(looks_harmless("GET / HTTP/1.1"));
        assert!(looks_harmless(""));
        assert!(!looks_harmless("dXNlcj1kci50ZXN0QG1lZGVjaW4ubXNz"));
        assert!(!looks_harmless("AUTH\tXOAUTH2\tdXNlcj1kci50ZXN0QG1lZGVjaW4ubXNz"));
    }
}
