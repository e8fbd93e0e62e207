use std::net::IpAddr;
use std::sync::Arc;

use kernel::{Failure, RetryClass, Stage};
use mss::Address;
use rustls::ClientConfig;
use sasl::Mechanism;
use smtp::client::{Capabilities, DATA, QUIT, RSET, Reply, ReplyReader, STARTTLS};
use smtp::{Mailbox, ReversePath};

use crate::auth::{Exchange, quoted};
use crate::credentials::Presented;
use crate::transport::Transport;
use crate::{Credentials, Endpoint, Patience, Security};

/// A submission session that is logged in.
pub struct SmtpSession {
    transport: Transport,
    reader: ReplyReader,
    offered: Capabilities,
}

/// What became of a message. There are three outcomes, because after the final dot a broken connection says nothing
/// about the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server answers for it from now on.
    Accepted {
        /// The queue identifier, where the server names it.
        queue_id: Option<String>,
    },
    /// The server did not take it; nothing was delivered to anybody.
    Refused(SmtpRefusal),
    /// The final dot was sent and no answer came: it may or may not have been taken. Look for its Message-ID before
    /// sending again ([`RetryClass::Unknown`]).
    Unknown(Failure),
}

/// A refusal by the server, before anything was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpRefusal {
    /// [`Stage::Envelope`], [`Stage::Data`] or [`Stage::Accept`].
    pub stage: Stage,
    /// What was refused: the sender, one recipient, the message.
    pub what: String,
    /// The server's reply.
    pub reply: Reply,
}

impl SmtpRefusal {
    /// What may be done now: 4xx replies are temporary.
    pub fn retry(&self) -> RetryClass {
        if self.reply.is_transient() { RetryClass::Later } else { RetryClass::Never }
    }
}

impl std::fmt::Display for SmtpRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} refused: {}", self.what, quoted(&self.reply.to_string()))
    }
}

impl SmtpSession {
    /// Connects, raises TLS, logs in. A refused token is renewed and presented once more, on a new connection.
    ///
    /// # Errors
    /// As [`crate::ImapSession::open`].
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

    /// What the server offers since the login.
    pub fn offered(&self) -> &Capabilities {
        &self.offered
    }

    /// Hands a message over to every recipient, or to none: one refused recipient and the whole message stays here,
    /// so that nobody is believed to have read what he never got.
    ///
    /// # Errors
    /// A failure before the final dot: nothing was delivered, and the class says when to try again.
    pub async fn submit(
        &mut self,
        from: &Address,
        to: &[Address],
        message: &[u8],
    ) -> Result<Outcome, Failure> {
        let size = message.len() as u64;
        if let Some(limit) = self.offered.size.filter(|&limit| size > limit) {
            return Err(Failure::permanent(
                Stage::Envelope,
                format!("the message has {size} octets; this operator takes at most {limit}"),
            ));
        }
        for command in self.envelope(from, to, message)? {
            let reply = self.command(Stage::Envelope, command.line.as_bytes()).await?;
            if !reply.is_positive() {
                if !reply.is_closing() {
                    let _ = self.command(Stage::Envelope, RSET.as_ref()).await; // the refusal is what counts
                }
                return Ok(Outcome::Refused(SmtpRefusal {
                    stage: Stage::Envelope,
                    what: command.what,
                    reply,
                }));
            }
        }
        let go = self.command(Stage::Data, DATA.as_ref()).await?;
        if go.code != 354 {
            return Ok(Outcome::Refused(SmtpRefusal {
                stage: Stage::Data,
                what: "the message".into(),
                reply: go,
            }));
        }
        let stuffed = smtp::client::dot_stuff(message);
        let (body, dot) = stuffed.split_at(stuffed.len() - b".\r\n".len());
        self.transport.write(Stage::Data, body).await?;
        Ok(self.final_dot(dot).await)
    }

    /// Ends the session properly.
    pub async fn quit(mut self) {
        if let Err(failure) = self.command(Stage::Command, QUIT.as_ref()).await {
            tracing::debug!(%failure, "QUIT was not answered");
        }
        self.transport.close().await;
    }

    /// From the first octet of the dot on, every failure leaves the message's fate unknown.
    async fn final_dot(&mut self, dot: &[u8]) -> Outcome {
        let wait = self.transport.patience().accept;
        let answer = match self.transport.write(Stage::Accept, dot).await {
            Ok(()) => self.reply(Stage::Accept, wait).await,
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(reply) if reply.is_positive() => {
                Outcome::Accepted { queue_id: reply.queue_id().map(str::to_owned) }
            }
            Ok(reply) if reply.is_transient() || reply.is_permanent() => {
                Outcome::Refused(SmtpRefusal { stage: Stage::Accept, what: "the message".into(), reply })
            }
            Ok(reply) => {
                unknown(format!("an answer that means nothing here: {}", quoted(&reply.to_string())))
            }
            Err(failure) => unknown(failure.message),
        }
    }

    fn envelope(&self, from: &Address, to: &[Address], message: &[u8]) -> Result<Vec<Line>, Failure> {
        if to.is_empty() {
            return Err(Failure::permanent(Stage::Envelope, "the message has no recipient"));
        }
        let international = !from.is_ascii() || to.iter().any(|address| !address.is_ascii());
        let eight_bit = !message.is_ascii();
        if international && !self.offered.smtputf8 {
            return Err(Failure::permanent(
                Stage::Envelope,
                "an address has letters outside ASCII and the operator does not offer SMTPUTF8",
            ));
        }
        if eight_bit && !self.offered.eight_bit_mime {
            return Err(Failure::permanent(
                Stage::Envelope,
                "the message has 8-bit octets and the operator does not offer 8BITMIME",
            ));
        }
        let sender = ReversePath::Mailbox(mailbox(from)?);
        let mut line = smtp::client::mail(&sender, message.len() as u64, eight_bit, &self.offered);
        if international && from.is_ascii() {
            line.insert_str(line.len() - 2, " SMTPUTF8"); // a recipient asks for it (RFC 6531 §3.4)
        }
        let mut lines = vec![Line { line, what: format!("the sender {from}") }];
        for address in to {
            let line = smtp::client::rcpt(&mailbox(address)?);
            lines.push(Line { line, what: format!("the recipient {address}") });
        }
        Ok(lines)
    }

    async fn connect(
        endpoint: &Endpoint,
        tls: &Arc<ClientConfig>,
        patience: Patience,
    ) -> Result<Self, Failure> {
        let transport = Transport::connect(endpoint, tls, patience).await?;
        let mut session = Self { transport, reader: ReplyReader::new(), offered: Capabilities::default() };
        let greeting = session.reply(Stage::Greeting, patience.reply).await?;
        if !greeting.is_positive() {
            return Err(from_reply(Stage::Greeting, "the server does not want us now", &greeting));
        }
        session.ehlo().await?;
        if endpoint.security == Security::StartTls {
            session = session.start_tls().await?;
            session.ehlo().await?;
        }
        Ok(session)
    }

    async fn ehlo(&mut self) -> Result<(), Failure> {
        // An address literal, because a workstation's name is nobody's business (RFC 5321 §4.1.4).
        let name = match self.transport.local_ip() {
            Some(IpAddr::V4(ip)) => format!("[{ip}]"),
            Some(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            None => "[127.0.0.1]".to_owned(),
        };
        let line =
            smtp::client::ehlo(&name).map_err(|error| Failure::permanent(Stage::Input, error.to_string()))?;
        let reply = self.command(Stage::Greeting, line.as_bytes()).await?;
        if !reply.is_positive() {
            return Err(from_reply(Stage::Greeting, "the server refused EHLO", &reply));
        }
        self.offered = Capabilities::read(&reply);
        Ok(())
    }

    /// STARTTLS, required; see [`crate::ImapSession`] for the same in IMAP (RFC 3207 §6).
    async fn start_tls(mut self) -> Result<Self, Failure> {
        if !self.offered.starttls {
            return Err(Failure::permanent(
                Stage::Tls,
                "the server does not offer STARTTLS: nothing was sent in clear, the session is over",
            ));
        }
        let reply = self.command(Stage::Tls, STARTTLS.as_ref()).await?;
        if reply.code != 220 {
            return Err(from_reply(Stage::Tls, "the server refused STARTTLS", &reply));
        }
        if self.reader.buffered() > 0 {
            return Err(Failure::permanent(
                Stage::Tls,
                "bytes in clear follow the server's answer to STARTTLS: somebody may be injecting them",
            ));
        }
        let transport = self.transport.handshake().await?;
        Ok(Self { transport, reader: ReplyReader::new(), offered: Capabilities::default() })
    }

    async fn log_in(
        &mut self,
        address: &Address,
        credentials: &Credentials,
        presented: &Presented,
    ) -> Result<(), Failure> {
        let mut exchange = Exchange::new(address, presented);
        let mechanism = exchange.mechanism;
        if !self.offered.offers(mechanism) {
            let names = if self.offered.auth.is_empty() {
                "none".into()
            } else {
                quoted(&self.offered.auth.join(" "))
            };
            return Err(Failure::permanent(
                Stage::Authenticate,
                format!("the server does not offer {mechanism} (it offers: {names})"),
            ));
        }
        credentials.note(presented);
        // A PSC token never fits the 512 octets that RFC 4954 §4 allows: no initial response for it.
        let initial = (mechanism == Mechanism::External).then(|| exchange.initial());
        let (line, _) = smtp::client::auth(mechanism, initial.as_ref());
        let mut line = line;
        loop {
            let reply = self.command(Stage::Authenticate, line.reveal().as_bytes()).await;
            let reply = reply.map_err(|failure| exchange.broken(failure))?;
            match reply.code {
                235 => {
                    tracing::debug!(%mechanism, "logged in to SMTP");
                    return Ok(());
                }
                334 => {
                    line = exchange.answer(&reply.text()).ok_or_else(|| {
                        Failure::permanent(Stage::Authenticate, "the server's challenges do not end")
                    })?;
                }
                534 | 535 => return Err(exchange.refused(exchange.class_without_code(), &reply.to_string())),
                _ if reply.is_transient() => {
                    return Err(exchange.refused(RetryClass::Later, &reply.to_string()));
                }
                _ => return Err(exchange.refused(RetryClass::Never, &reply.to_string())),
            }
        }
    }

    async fn command(&mut self, stage: Stage, line: &[u8]) -> Result<Reply, Failure> {
        self.transport.write(stage, line).await?;
        self.reply(stage, self.transport.patience().reply).await
    }

    async fn reply(&mut self, stage: Stage, wait: std::time::Duration) -> Result<Reply, Failure> {
        loop {
            match self.reader.next_reply() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {
                    let bytes = self.transport.read(stage, wait).await?;
                    self.reader.feed(&bytes);
                }
                Err(error) => return Err(Failure::permanent(stage, error.to_string())),
            }
        }
    }
}

impl std::fmt::Debug for SmtpSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSession").field("offered", &self.offered).finish_non_exhaustive()
    }
}

struct Line {
    line: String,
    what: String,
}

fn mailbox(address: &Address) -> Result<Mailbox, Failure> {
    Mailbox::parse(address.as_str())
        .map_err(|error| Failure::permanent(Stage::Envelope, format!("{address} cannot be sent to: {error}")))
}

fn from_reply(stage: Stage, what: &str, reply: &Reply) -> Failure {
    let message = format!("{what}: {}", quoted(&reply.to_string()));
    if reply.is_permanent() { Failure::permanent(stage, message) } else { Failure::temporary(stage, message) }
}

fn unknown(why: String) -> Outcome {
    Outcome::Unknown(Failure {
        stage: Stage::Accept,
        retry: RetryClass::Unknown,
        message: format!(
            "the message was handed over whole, and no answer came back ({why}): it may have been sent"
        ),
    })
}
