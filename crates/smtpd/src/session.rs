use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use faults::{Action, Moment, Point, Protocol};
use sasl::{Credentials, Granted, Mechanism, Offer, Profile};
use smtp::{Command, LineError, Response, SyntaxError};
use wire::{Fact, TlsFacts};

use crate::Context;
use crate::connection::{Connection, End};
use crate::envelope::Transaction;
use crate::listener::Shared;
use crate::rates::Visitor;

/// One client's conversation: which commands are in order, and what they do.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) connection: Connection,
    pub(crate) peer: IpAddr,
    pub(crate) helo: Option<Helo>,
    pub(crate) tls: Option<TlsFacts>,
    pub(crate) login: Option<Granted>,
    pub(crate) transaction: Option<Transaction>,
    /// Whether the last greeting was answered with more than AUTH, SIZE and STARTTLS.
    pub(crate) extensions: bool,
    /// The mechanism of an AUTH that was refused before its response came: what comes next may be that response.
    pub(crate) refused_auth: Option<String>,
    /// What a fault has said to refuse a token with, in place of the usual challenge.
    pub(crate) challenge: Option<String>,
    pub(crate) failed_logins: u32,
    errors: u32,
    visitor: Visitor,
}

/// How the client introduced itself.
pub(crate) struct Helo {
    pub(crate) name: String,
    /// With EHLO.
    pub(crate) extended: bool,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection, peer: IpAddr, visitor: Visitor) -> Self {
        Self {
            shared,
            connection,
            peer,
            helo: None,
            tls: None,
            login: None,
            transaction: None,
            extensions: false,
            refused_auth: None,
            challenge: None,
            failed_logins: 0,
            errors: 0,
            visitor,
        }
    }

    /// From the greeting to the end.
    pub(crate) async fn run(mut self) {
        let Err(end) = self.converse().await;
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

    async fn converse(&mut self) -> Result<Infallible, End> {
        let hostname = self.context().hostname.clone();
        if let Some(hit) = self.fault(Point::Connect) {
            self.suffer(hit).await?;
        }
        if self.shared.endpoint.implicit_tls {
            self.shake_hands().await?;
        }
        self.connection.bare = self.shared.endpoint.offer.profile == Profile::Old;
        let greeted = match self.fault(Point::Greeting) {
            Some(hit) => self.suffer(hit).await?,
            None => false,
        };
        if !greeted {
            self.connection.reply(&Response::plain(220, format!("{hostname} ESMTP Vaguemestre"))).await?;
        }
        loop {
            let limits = &self.shared.context.limits;
            // The response to a refused AUTH may come all the same, and is to be recognised.
            let sasl = self.refused_auth.is_some();
            let limit = |start: &[u8]| match start.get(..5) {
                Some(verb) if sasl || verb.eq_ignore_ascii_case(b"AUTH ") => limits.sasl_line,
                _ => limits.smtp_command_line,
            };
            match self.connection.line(self.patience(), limit).await? {
                Ok(line) => {
                    self.pace().await?;
                    self.handle(&line).await?;
                }
                Err(error) => self.bad_line(error).await?,
            }
        }
    }

    /// Sends an address away that says more than anybody has to say.
    async fn pace(&mut self) -> Result<(), End> {
        let most = self.context().limits.commands_per_minute;
        if self.visitor.command(most) {
            return Ok(());
        }
        let text = format!("At most {most} commands a minute from one address; closing");
        self.connection.reply(&Response::new(421, "4.7.0", text)).await?;
        Err(End::error("too many commands from one address"))
    }

    async fn handle(&mut self, line: &[u8]) -> Result<(), End> {
        match Command::parse(line) {
            Ok(command) => {
                self.refused_auth = None;
                self.connection.pen.client(&String::from_utf8_lossy(line), false);
                let moment = Moment::new(Protocol::Smtp, Point::Command).command(command.verb());
                if let Some(hit) = self.fault_of(moment)
                    && self.suffer(hit).await?
                {
                    return self.skip(command).await;
                }
                self.execute(command).await
            }
            Err(error) => {
                self.note_rejected(&String::from_utf8_lossy(line), &error);
                self.answer(error.response()).await?;
                if error == SyntaxError::Bdat {
                    // A chunk of unknown length follows: nobody may take it for commands.
                    self.connection.pen.violation("BDAT without a readable size (RFC 3030 §2)");
                    return Err(End::error("BDAT without a readable size"));
                }
                Ok(())
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

    /// What follows a command comes whether it was executed or not, and is never a command.
    async fn skip(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Auth { mechanism, initial: None } => {
                self.refused_auth = Some(mechanism);
                Ok(())
            }
            Command::Bdat { size, .. } => self.skip_chunk(size).await,
            _ => Ok(()),
        }
    }

    async fn execute(&mut self, command: Command) -> Result<(), End> {
        match command {
            Command::Ehlo(name) => self.greet("EHLO", name).await,
            Command::Helo(name) => self.greet("HELO", name).await,
            Command::StartTls => self.start_tls().await,
            Command::Auth { mechanism, initial } => self.authenticate(mechanism, initial).await,
            Command::Mail { from, parameters } => self.mail(from, parameters).await,
            Command::Rcpt { to, parameters } => self.rcpt(to, parameters).await,
            Command::Data => self.data().await,
            Command::Bdat { size, last } => self.bdat(size, last).await,
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
                self.answer(Response::new(
                    214,
                    "2.0.0",
                    "EHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT",
                ))
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
        self.count_refusal(response.is_refusal()).await
    }

    pub(crate) async fn count_refusal(&mut self, refused: bool) -> Result<(), End> {
        self.errors = if refused { self.errors + 1 } else { 0 };
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
        let hit = if verb == "EHLO" { self.fault(Point::Capability) } else { None };
        let mut changes = Vec::new();
        if let Some(hit) = hit {
            changes = hit.actions.clone();
            if self.suffer(hit).await? {
                return Ok(());
            }
        }
        self.transaction = None;
        let (extended, offer) = (verb == "EHLO", self.offer());
        self.extensions = extended && offer.profile != Profile::Old;
        self.connection.bare = offer.profile == Profile::Old;
        self.helo = Some(Helo { name, extended });
        let mut response = Response::plain(250, &self.context().hostname);
        if extended {
            for keyword in changed(self.keywords(&offer), &changes) {
                response = response.line(keyword);
            }
        }
        self.answer(response).await
    }

    /// What is offered to this client now: its mailbox's choice, or the port's.
    fn offer(&self) -> Offer {
        self.login.as_ref().map_or(self.shared.endpoint.offer, |login| login.offer)
    }

    /// The lines of the reply to EHLO.
    fn keywords(&self, offer: &Offer) -> Vec<String> {
        let mut lines = vec![format!("SIZE {}", self.largest())];
        if self.extensions {
            let all = ["PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"];
            lines.extend(all.map(str::to_owned));
            lines.push(format!("LIMITS RCPTMAX={}", self.most_recipients())); // RFC 9422
        }
        match &self.tls {
            None => lines.push("STARTTLS".to_owned()),
            Some(tls) => {
                let certificate = tls.certificate.as_ref();
                let mechanisms = self.context().authenticator.mechanisms(certificate, offer);
                let names: Vec<&str> = mechanisms.iter().map(|mechanism| mechanism.name()).collect();
                if !names.is_empty() {
                    lines.push(format!("AUTH {}", names.join(" ")));
                }
            }
        }
        lines
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
        let Some(injected) = self.suffer_starttls().await? else { return Ok(()) };
        self.connection.reply(&Response::new(220, "2.0.0", "Ready to start TLS")).await?;
        for line in injected {
            self.connection.say(&line).await?;
        }
        self.shake_hands().await?;
        (self.helo, self.transaction, self.login) = (None, None, None);
        Ok(())
    }

    async fn shake_hands(&mut self) -> Result<(), End> {
        let other = self.suffer_handshake().await?;
        let context = &self.shared.context;
        let acceptor = other.as_ref().unwrap_or(&context.acceptor);
        let facts = Box::pin(self.connection.start_tls(acceptor, context.timing.login)).await?;
        self.tls = Some(facts);
        Ok(())
    }
}

/// The lines of the reply to EHLO as a fault changes them. A line is left out by its first word, a mechanism of AUTH by
/// its name (`XOAUTH2`, or `AUTH=XOAUTH2` as in IMAP).
fn changed(mut lines: Vec<String>, changes: &[Action]) -> Vec<String> {
    for change in changes {
        match change {
            Action::Omit(word) => {
                let mechanism = word.strip_prefix("AUTH=").unwrap_or(word);
                lines.retain_mut(|line| {
                    if let Some(offered) = line.strip_prefix("AUTH ") {
                        let kept: Vec<&str> = offered.split(' ').filter(|one| *one != mechanism).collect();
                        *line = ["AUTH"].into_iter().chain(kept).collect::<Vec<_>>().join(" ");
                    }
                    line.as_str() != "AUTH" && line.split(' ').next() != Some(word.as_str())
                });
            }
            Action::Add(line) => lines.push(line.clone()),
            _ => {}
        }
    }
    lines
}

pub(crate) fn tls_first() -> Response {
    Response::new(530, "5.7.0", "Must issue a STARTTLS command first")
}

pub(crate) fn later() -> Response {
    Response::new(451, "4.3.0", "Temporary failure of the server, try again later")
}

/// Whether a line that is no command can be shown as it is. Tokens and SASL responses are long words.
fn looks_harmless(text: &str) -> bool {
    text.len() <= 200 && text.split_ascii_whitespace().all(|word| word.len() <= 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_leaves_words_out_of_the_reply_to_ehlo_and_puts_others_in() {
        let lines = || ["SIZE 9", "AUTH XOAUTH2 EXTERNAL", "STARTTLS"].map(str::to_owned).to_vec();
        let omit = |word: &str| Action::Omit(word.to_owned());
        assert_eq!(changed(lines(), &[]), lines());
        assert_eq!(changed(lines(), &[omit("STARTTLS"), omit("SIZE")]), ["AUTH XOAUTH2 EXTERNAL"]);
        assert_eq!(changed(lines(), &[omit("AUTH=XOAUTH2")]), ["SIZE 9", "AUTH EXTERNAL", "STARTTLS"]);
        assert_eq!(changed(lines(), &[omit("XOAUTH2"), omit("EXTERNAL")]), ["SIZE 9", "STARTTLS"]);
        let changes = [omit("AUTH"), Action::Add("AUTH PLAIN LOGIN".into())];
        assert_eq!(changed(lines(), &changes), ["SIZE 9", "STARTTLS", "AUTH PLAIN LOGIN"]);
    }

    #[test]
    fn long_words_are_not_shown() {
        assert!(looks_harmless("GET / HTTP/1.1"));
        assert!(looks_harmless(""));
        assert!(!looks_harmless("dXNlcj1kci50ZXN0QG1lZGVjaW4ubXNz"));
        assert!(!looks_harmless("AUTH\tXOAUTH2\tdXNlcj1kci50ZXN0QG1lZGVjaW4ubXNz"));
    }
}
