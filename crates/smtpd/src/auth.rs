//! AUTH (RFC 4954) with XOAUTH2 (SC.MSS/CONF.07), OAUTHBEARER (RFC 7628) where it is offered, and EXTERNAL
//! (SC.MSS/CONF.12).

use faults::Point;
use kernel::Secret;
use sasl::{Attempt, Challenge, Credentials, Mechanism, Profile, Refusal, RefusalCode};
use smtp::{LineError, Response};
use wire::{AuthFacts, AuthOutcome, Fact, Service};

use crate::connection::End;
use crate::session::{Session, tls_first};
use crate::suffer::challenge;

impl Session {
    pub(crate) async fn authenticate(
        &mut self,
        mechanism: String,
        initial: Option<Secret<String>>,
    ) -> Result<(), End> {
        let known = Mechanism::parse(&mechanism);
        if let Some((response, code)) = self.out_of_order(known) {
            let credentials = match (known, &initial) {
                (Some(known), Some(text)) => Credentials::decode(known, text.reveal()).ok(),
                _ => None,
            };
            let reason = response.to_string();
            self.record_refusal(&mechanism, credentials.as_ref(), code, &reason);
            if initial.is_none() {
                self.refused_auth = Some(mechanism);
            }
            return self.answer(response).await;
        }
        let Some(known) = known else { return Ok(()) }; // out of order, told above
        self.challenge = None;
        if let Some(hit) = self.fault(Point::Challenge)
            && self.suffer(hit).await?
        {
            // What it answered was no challenge: a client may send its response all the same.
            self.refused_auth = initial.is_none().then_some(mechanism);
            return Ok(());
        }
        let response = match initial {
            Some(response) => response,
            None => {
                self.answer(Response::challenge("")).await?;
                match self.sasl_line().await? {
                    Ok(response) => response,
                    Err(error) => return self.over_long(&mechanism, error).await,
                }
            }
        };
        if response.reveal() == "*" {
            return self
                .refuse_login(&mechanism, "cancelled", Response::new(501, "5.7.0", "Cancelled"))
                .await;
        }
        match Credentials::decode(known, response.reveal()) {
            Ok(credentials) => self.ask(known, credentials).await,
            Err(error) => {
                let response = Response::new(501, "5.5.2", format!("Cannot read the response: {error}"));
                self.refuse_login(&mechanism, "malformed", response).await
            }
        }
    }

    /// The reply and journal code for an AUTH that may not even start.
    fn out_of_order(&self, known: Option<Mechanism>) -> Option<(Response, &'static str)> {
        if self.tls.is_none() {
            return Some((tls_first(), "cleartext"));
        }
        let sequence = |text| Some((Response::new(503, "5.5.1", text), "malformed"));
        if !self.helo.as_ref().is_some_and(|helo| helo.extended) {
            return sequence("Send EHLO first");
        }
        if self.login.is_some() {
            return sequence("Already authenticated");
        }
        if self.transaction.is_some() {
            return sequence("AUTH is not allowed within a transaction");
        }
        let offered = |known: Mechanism| match known {
            Mechanism::OauthBearer => self.shared.endpoint.offer.oauthbearer,
            _ => true,
        };
        if !known.is_some_and(offered) {
            let text = "Mechanism not available; see AUTH in the reply to EHLO";
            return Some((Response::new(504, "5.5.4", text), "mechanism_not_allowed"));
        }
        None
    }

    async fn ask(&mut self, mechanism: Mechanism, credentials: Credentials) -> Result<(), End> {
        if self.suffer_login(mechanism, &credentials).await? {
            return Ok(());
        }
        let certificate = self.tls.as_ref().and_then(|tls| tls.certificate.clone());
        let attempt =
            Attempt { service: Service::Smtp, mechanism, credentials: credentials.clone(), certificate };
        match self.context().authenticator.authenticate(attempt).await {
            Ok(granted) => {
                let outcome = AuthOutcome::Accepted {
                    mailbox: granted.mailbox.clone(),
                    identity: granted.identity.clone(),
                };
                self.record(mechanism.name(), Some(&credentials), outcome);
                self.login = Some(granted);
                self.answer(Response::new(235, "2.7.0", "Authentication successful")).await
            }
            Err(refusal) => {
                self.record_refusal(
                    mechanism.name(),
                    Some(&credentials),
                    refusal.code.name(),
                    &refusal.reason,
                );
                self.tell_refusal(mechanism, &credentials, refusal).await
            }
        }
    }

    /// XOAUTH2 and OAUTHBEARER tell their refusal as a challenge first; the client answers it with an empty line, 0x01,
    /// or `*`, and only then comes the reply. Mailiz drops the connection instead (spec 01 §3.3).
    async fn tell_refusal(
        &mut self,
        mechanism: Mechanism,
        credentials: &Credentials,
        refusal: Refusal,
    ) -> Result<(), End> {
        if mechanism.is_bearer() && refusal.code != RefusalCode::Unavailable {
            let text = match self.challenge.take() {
                Some(own) => challenge(&own),
                None => Challenge::of(mechanism, true).encode(),
            };
            self.connection.reply(&Response::challenge(&text)).await?;
            let own = self.context().authenticator.offer_of(credentials);
            if own.unwrap_or(self.shared.endpoint.offer).profile == Profile::Mailiz {
                return Err(End::error(
                    "dropped after the challenge of a refusal, as the profile mailiz does",
                ));
            }
            if let Err(error) = self.sasl_line().await? {
                self.connection.pen.violation(error.to_string());
            }
        }
        let (code, enhanced) = refusal.code.smtp();
        let response = Response::new(code, enhanced, refusal.reason);
        self.count_failed_login(refusal.code != RefusalCode::Unavailable, response).await
    }

    /// A SASL response, masked in the journal. A line end that is none closes the connection.
    pub(crate) async fn sasl_line(&mut self) -> Result<Result<Secret<String>, LineError>, End> {
        let limit = self.context().limits.sasl_line;
        match self.connection.line(self.patience(), |_| limit).await? {
            Ok(line) => {
                let text = Secret::new(String::from_utf8_lossy(&line).into_owned());
                self.connection.pen.client(text.reveal(), true);
                Ok(Ok(text))
            }
            Err(error @ LineError::TooLong { .. }) => Ok(Err(error)),
            Err(error) => {
                self.bad_line(error).await?;
                Ok(Err(error))
            }
        }
    }

    async fn over_long(&mut self, mechanism: &str, error: LineError) -> Result<(), End> {
        self.connection.pen.violation(error.to_string());
        let response = Response::new(500, "5.5.6", "Authentication exchange line is too long");
        self.refuse_login(mechanism, "malformed", response).await
    }

    async fn refuse_login(&mut self, mechanism: &str, code: &str, response: Response) -> Result<(), End> {
        self.record_refusal(mechanism, None, code, &response.to_string());
        self.count_failed_login(true, response).await
    }

    /// A login that a fault refused and answered counts as any other.
    pub(crate) async fn count_refused_login(&mut self) -> Result<(), End> {
        self.failed_logins += 1;
        if self.failed_logins < self.context().limits.failed_logins {
            return Ok(());
        }
        self.leave_failed_logins().await
    }

    async fn leave_failed_logins(&mut self) -> Result<(), End> {
        self.connection.reply(&Response::new(421, "4.7.0", "Too many failed logins, closing")).await?;
        Err(End::error("too many failed logins"))
    }

    async fn count_failed_login(&mut self, failed: bool, response: Response) -> Result<(), End> {
        self.failed_logins += u32::from(failed);
        if self.failed_logins < self.context().limits.failed_logins {
            return self.answer(response).await;
        }
        self.connection.reply(&response).await?;
        self.leave_failed_logins().await
    }

    pub(crate) fn record_refusal(
        &mut self,
        mechanism: &str,
        credentials: Option<&Credentials>,
        code: &str,
        reason: &str,
    ) {
        let outcome = AuthOutcome::Refused { code: code.to_owned(), reason: reason.to_owned() };
        self.record(mechanism, credentials, outcome);
    }

    fn record(&mut self, mechanism: &str, credentials: Option<&Credentials>, outcome: AuthOutcome) {
        let certificate = self.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        let auth = AuthFacts {
            mechanism: mechanism.to_owned(),
            user: credentials.map(|credentials| credentials.user().to_owned()).unwrap_or_default(),
            tls: self.tls.is_some(),
            token: credentials.and_then(|credentials| self.context().authenticator.token_facts(credentials)),
            certificate_serial: certificate.map(|certificate| certificate.serial.clone()),
            outcome,
        };
        self.connection.pen.record(Fact::Auth { auth });
    }
}
