//! What a fault script has the server do wrong (crate `faults`): at each point of a conversation the session asks, and
//! does as it is told.
//!
//! Where nothing is armed, asking is one comparison. What is done wrong is in the journal before it is done, so that
//! the journal says what a witness on the outside sees. A delay ends when the client goes, and when the server does.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use faults::{Action, Asker, End as How, Hit, Moment, Point, Protocol};
use sasl::{Credentials, Mechanism};
use smtp::Response;
use tls::Acceptor;
use tokio::time::{Instant, sleep_until};
use wire::Fact;

use crate::BoxFuture;
use crate::connection::{Connection, End, down};
use crate::session::Session;

/// Octets that are taken in from a client that talks while the server says nothing.
const MOST_HEARD: usize = 64 * 1024;
/// Between two pieces of a reply, so that they are not one packet.
const BETWEEN: Duration = Duration::from_millis(2);

/// How a connection sends, once a fault has touched it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Octets a second.
    rate: Option<u32>,
    /// Octets at a time.
    piece: Option<usize>,
}

impl Manner {
    /// How many octets are sent at once, and how long is waited after them.
    pub(crate) fn step(self) -> (usize, Duration) {
        let Some(rate) = self.rate else { return (self.piece.unwrap_or(usize::MAX), BETWEEN) };
        let piece = self.piece.unwrap_or_else(|| usize::try_from(rate / 10).unwrap_or(1)).max(1);
        (piece, Duration::from_secs_f64(piece as f64 / f64::from(rate.max(1))))
    }
}

impl Session {
    /// What goes wrong at this point of the conversation.
    pub(crate) fn fault(&self, point: Point) -> Option<Hit> {
        self.fault_of(Moment::new(Protocol::Smtp, point))
    }

    /// The same where a command or a recipient matters.
    pub(crate) fn fault_of(&self, moment: Moment<'_>) -> Option<Hit> {
        match &self.shared.endpoint.faults {
            Asker::Nobody => None,
            asker => asker.at(&moment.mailbox(self.login.as_ref().map(|login| login.mailbox.as_str()))),
        }
    }

    /// Does what a fault says, in its order; whether the client was answered, so that nothing is left to do for its
    /// command. The fault may end the connection.
    pub(crate) fn suffer(&mut self, hit: Hit) -> BoxFuture<'_, Result<bool, End>> {
        Box::pin(async move {
            if hit.is_loop() {
                return Err(self.leave_loop(&hit).await);
            }
            self.connection.tell_fault(&hit);
            let heard = !matches!(hit.point, Point::Connect | Point::Handshake);
            let mut answered = false;
            for action in hit.actions {
                match action {
                    Action::Answer(text) => {
                        self.answer_raw(&text).await?;
                        answered = true;
                    }
                    Action::Challenge(text) if hit.point == Point::Challenge => self.challenge = Some(text),
                    Action::End(How::Silence) => {
                        let patience = self.patience();
                        return Err(self.connection.keep_silent(patience, heard).await);
                    }
                    other => self.connection.suffer(other, heard).await?,
                }
            }
            Ok(answered)
        })
    }

    /// The same where STARTTLS was asked for: what is to be said goes behind the `220`, in clear and in one packet with
    /// it. Returns that, or `None` where the client was answered otherwise.
    pub(crate) async fn suffer_starttls(&mut self) -> Result<Option<Vec<String>>, End> {
        let Some(mut hit) = self.fault(Point::Starttls) else { return Ok(Some(vec![])) };
        let mut said = Vec::new();
        if hit.answer().is_none() && hit.end().is_none() && !hit.is_loop() {
            self.connection.tell_fault(&hit);
            hit.actions.retain(|action| match action {
                Action::Say(text) => {
                    said.push(text.clone());
                    false
                }
                _ => true,
            });
            for action in hit.actions {
                self.connection.suffer(action, true).await?;
            }
            return Ok(Some(said));
        }
        Ok(if self.suffer(hit).await? { None } else { Some(said) })
    }

    /// The same at the beginning of a handshake: with whom the client shakes hands, where it is not the healthy server.
    pub(crate) async fn suffer_handshake(&mut self) -> Result<Option<Acceptor>, End> {
        let Some(hit) = self.fault(Point::Handshake) else { return Ok(None) };
        let other = hit.tls().map(str::to_owned);
        self.suffer(hit).await?;
        let Some(name) = other else { return Ok(None) };
        match (self.context().tls_faults)(&name) {
            Some(acceptor) => Ok(Some(acceptor)),
            None => {
                // A healthy handshake would prove nothing, and look as if it did.
                let text = format!("the TLS lab has no server “{name}”: no handshake is made");
                tracing::warn!("{text}");
                self.connection.pen.record(Fact::Note { text });
                Err(End::error("unknown TLS fault"))
            }
        }
    }

    /// The same where credentials came: with a challenge, they are refused as a bad token is. Whether the client was
    /// answered.
    pub(crate) async fn suffer_login(
        &mut self,
        mechanism: Mechanism,
        credentials: &Credentials,
    ) -> Result<bool, End> {
        let Some(mut hit) = self.fault(Point::Login) else { return Ok(false) };
        let challenged = hit.actions.iter().any(|action| matches!(action, Action::Challenge(_)));
        let answer = hit.answer().map(str::to_owned);
        let code = match answer.as_deref() {
            Some(text) if text.starts_with('4') => Some("unavailable"),
            Some(text) if text.starts_with('5') => Some("token_refused"),
            None if challenged => Some("token_refused"),
            _ => None,
        };
        if let Some(code) = code {
            let reason = format!("refused by the fault {}", hit.name);
            self.record_refusal(mechanism.name(), Some(credentials), code, &reason);
        }
        if !challenged || hit.is_loop() {
            let answered = self.suffer(hit).await?;
            if answered && code.is_some() {
                self.count_refused_login().await?;
            }
            return Ok(answered);
        }
        self.connection.tell_fault(&hit);
        for action in hit.actions.drain(..) {
            match action {
                Action::Challenge(text) => {
                    self.connection.reply(&Response::challenge(&challenge(&text))).await?;
                    if let Err(error) = self.sasl_line().await? {
                        self.connection.pen.violation(error.to_string());
                    }
                }
                Action::Answer(_) => {}
                other => self.connection.suffer(other, true).await?,
            }
        }
        match answer {
            Some(text) => self.answer_raw(&text).await?,
            None => self.answer(Response::new(535, "5.7.8", "Authentication failed")).await?,
        }
        self.count_refused_login().await?;
        Ok(true)
    }

    /// Who comes back to the same fault for ever is told so and let go.
    async fn leave_loop(&mut self, hit: &Hit) -> End {
        let why = format!("a loop: back at the fault {} for the {}th time", hit.name, hit.nth);
        self.connection.pen.violation(why.as_str());
        if hit.point == Point::Handshake {
            return End::Error(why);
        }
        let last =
            Response::new(421, "4.7.0", format!("You come back for ever; closing ({} times)", hit.nth));
        match self.connection.reply(&last).await {
            Ok(()) => End::Error(why),
            Err(end) => end,
        }
    }

    /// Says a reply as the script has it, and counts it as any other: who is refused for ever is sent away in the end.
    async fn answer_raw(&mut self, text: &str) -> Result<(), End> {
        self.connection.say(text).await?;
        self.count_refusal(matches!(text.as_bytes().first(), Some(b'4' | b'5'))).await
    }
}

/// A script's challenge as it goes behind `334 `.
pub(crate) fn challenge(text: &str) -> String {
    STANDARD.encode(text)
}

impl Connection {
    /// In the journal before it is done.
    fn tell_fault(&mut self, hit: &Hit) {
        let (point, what) = (hit.point.name().to_owned(), hit.what());
        self.pen.record(Fact::Fault { point, name: hit.name.clone(), what, nth: hit.nth });
        self.pen.flush();
    }

    async fn suffer(&mut self, action: Action, heard: bool) -> Result<(), End> {
        match action {
            Action::Delay(time) => self.pause(time, heard).await,
            Action::Throttle(rate) => {
                self.manner.get_or_insert_default().rate = Some(rate);
                Ok(())
            }
            Action::Split(piece) => {
                self.manner.get_or_insert_default().piece = Some(piece.max(1));
                Ok(())
            }
            Action::Say(text) => self.say(&text).await,
            Action::Raw(text) => {
                self.pen.server_line(&text);
                self.queue_octets(text.as_bytes()).await
            }
            Action::End(how) => {
                self.send().await?;
                Err(End::Fault(how))
            }
            // What is left out, put in, or shown at a handshake is the caller's; the rest is not SMTP's.
            _ => Ok(()),
        }
    }

    /// Lines as they are, into the journal and to the client. `\n` separates them.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), End> {
        let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        for line in lines.map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            self.pen.server_line(line);
            self.queue_octets(line.as_bytes()).await?;
            self.queue_octets(b"\r\n").await?;
        }
        Ok(())
    }

    /// Says nothing for a while. What was said before is sent first. A client that goes ends it, where it is listened to:
    /// before a handshake nothing that it sends may be read.
    async fn pause(&mut self, time: Duration, heard: bool) -> Result<(), End> {
        self.send().await?;
        self.pen.flush();
        let until = Instant::now() + time;
        while heard && self.pending() < MOST_HEARD {
            match self.hear(until).await? {
                Some(0) => return Err(End::Eof),
                Some(_) => {}
                None => return Ok(()),
            }
        }
        tokio::select! {
            biased;
            () = down(&mut self.shutdown) => Err(End::Shutdown),
            () = sleep_until(until) => Ok(()),
        }
    }

    /// Never says anything again; how it ends, when the client has gone or nobody's patience would last longer.
    async fn keep_silent(&mut self, patience: Duration, heard: bool) -> End {
        if let Err(end) = self.send().await {
            return end;
        }
        self.pen.flush();
        let (until, mut octets) = (Instant::now() + patience, 0);
        let end = loop {
            if !heard {
                break self.pause(patience, false).await.err().unwrap_or(End::Fault(How::Silence));
            }
            self.forget_input();
            match self.hear(until).await {
                Ok(Some(0)) => break End::Eof,
                Ok(Some(count)) => octets += count,
                Ok(None) => break End::Fault(How::Silence),
                Err(end) => break end,
            }
        };
        if octets > 0 {
            self.pen.client(&format!("[{octets} octets, not listened to]"), false);
        }
        end
    }
}
