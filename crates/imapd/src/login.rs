//! STARTTLS, AUTHENTICATE, and the refusal of LOGIN.
//!
//! XOAUTH2 is refused as real operators do (spec 01 §3.3): a challenge with a JSON status, an empty line from the
//! client, then NO with a code of RFC 5530. In clear nothing is ever accepted, nor is a response asked for
//! (RFC 3501 §6.2.2, RFC 8314 §3): but who sends one all the same is on record.

use faults::{Hit, Point};
use imap::response::Line;
use kernel::Secret;
use sasl::{Attempt, Challenge, Credentials, Granted, Mechanism, Profile, Refusal, RefusalCode};
use wire::{AuthFacts, AuthOutcome, Direction, Fact, Service, TokenFacts};

use crate::connection::End;
use crate::session::{Answer, Handled, Session};

/// 0x01 in base64: how OAUTHBEARER's client acknowledges a refusal (RFC 7628 §3.2.3).
const DUMMY: &str = "AQ==";

impl Session {
    pub(crate) async fn command_start_tls(&mut self, tag: &str) -> Handled {
        if self.connection.is_tls() {
            return Ok(Answer::bad("TLS is already up"));
        }
        let pipelined = self.connection.pipelined();
        if pipelined > 0 {
            let what = format!("{pipelined} octets sent in clear behind STARTTLS; none was executed");
            self.connection.pen.violation(&what);
            let text = "Nothing may follow STARTTLS before its answer";
            self.connection.say(Line::tagged(tag, "BAD", "", text));
            return Err(End::Refused(text.into()));
        }
        if !self.agree_to_tls(tag).await? {
            return Ok(Answer::none());
        }
        self.connection.flush().await?;
        self.start_tls().await?;
        // There is nothing more to answer: the client speaks next, under TLS.
        Ok(Answer::none())
    }

    pub(crate) fn refuse_login(&mut self, user: &str) -> Handled {
        let clear = !self.connection.is_tls();
        let (code, reason) = if clear {
            ("cleartext", "LOGIN in clear: the password was shown to the network")
        } else {
            ("mechanism_not_allowed", "LOGIN: this server takes no password")
        };
        let outcome = AuthOutcome::Refused { code: code.into(), reason: reason.into() };
        self.attempted("LOGIN", user, None, outcome);
        if self.login.is_some() {
            return Ok(Answer::bad("Already logged in"));
        }
        self.failed_logins += 1;
        Ok(if clear {
            Answer::no(
                "PRIVACYREQUIRED",
                "TLS first (STARTTLS), then AUTHENTICATE; passwords are never taken",
            )
        } else {
            Answer::no("AUTHORIZATIONFAILED", "No password is taken here: use AUTHENTICATE")
        })
    }

    pub(crate) async fn authenticate(
        &mut self,
        tag: &str,
        name: &str,
        initial: Option<Secret<String>>,
    ) -> Handled {
        if self.login.is_some() {
            return Ok(Answer::bad("Already logged in"));
        }
        let known = Mechanism::parse(name);
        if !self.connection.is_tls() {
            return Ok(self.authenticate_in_clear(name, known, initial));
        }
        let Some(mechanism) = known.filter(|known| self.may(*known)) else {
            self.failed_logins += 1;
            self.refusal(name, "", None, "mechanism_not_allowed", "the mechanism is not offered");
            return Ok(Answer::no("AUTHORIZATIONFAILED", "This mechanism is not offered"));
        };
        if let Some(hit) = self.fault(Point::Challenge, "AUTHENTICATE")? {
            let shown = initial.as_ref().and_then(|text| Credentials::decode(mechanism, text.reveal()).ok());
            if let Some(answer) = self.refused_by(&hit, tag, mechanism).await? {
                self.refused_on_purpose(&hit, mechanism, shown.as_ref());
                return Ok(answer);
            }
        }
        let response = match initial {
            Some(response) => response,
            None => {
                self.connection.say_sasl("+ ");
                match self.sasl_response().await? {
                    Some(response) => response,
                    None => {
                        self.failed_logins += 1;
                        self.refusal(name, "", None, "cancelled", "the client gave up");
                        return Ok(Answer::bad("Authentication cancelled"));
                    }
                }
            }
        };
        let credentials = match Credentials::decode(mechanism, response.reveal()) {
            Ok(credentials) => credentials,
            Err(error) => {
                self.failed_logins += 1;
                self.refusal(name, "", None, "malformed", &error.to_string());
                if mechanism.is_bearer() {
                    self.challenge(mechanism, false, self.offer.profile).await?;
                }
                return Ok(Answer::no("AUTHENTICATIONFAILED", error.to_string()));
            }
        };
        drop(response);
        if let Some(hit) = self.fault(Point::Login, "AUTHENTICATE")?
            && let Some(answer) = self.refused_by(&hit, tag, mechanism).await?
        {
            self.refused_on_purpose(&hit, mechanism, Some(&credentials));
            return Ok(answer);
        }
        self.decide(tag, mechanism, credentials).await
    }

    /// A login that a fault refused is an attempt like others, and counts as one.
    fn refused_on_purpose(&mut self, hit: &Hit, mechanism: Mechanism, shown: Option<&Credentials>) {
        let unavailable = hit.answer().is_some_and(|text| text.contains("[UNAVAILABLE]"));
        let code = if unavailable { RefusalCode::Unavailable } else { RefusalCode::TokenRefused };
        let token = shown.and_then(|shown| self.context.authenticator.token_facts(shown));
        let user = shown.map(|shown| shown.user().to_owned()).unwrap_or_default();
        let reason = format!("the fault “{}” refuses this login", hit.name);
        self.refusal(mechanism.name(), &user, token, code.name(), &reason);
        if !unavailable {
            self.failed_logins += 1;
        }
    }

    async fn decide(&mut self, tag: &str, mechanism: Mechanism, credentials: Credentials) -> Handled {
        let token = self.context.authenticator.token_facts(&credentials);
        let user = credentials.user().to_owned();
        // The mailbox's own choice shapes a refusal, where the credentials name a mailbox.
        let profile = self.context.authenticator.offer_of(&credentials).unwrap_or(self.offer).profile;
        let certificate = self.tls.as_ref().and_then(|tls| tls.certificate.clone());
        let attempt = Attempt { service: Service::Imap, mechanism, credentials, certificate };
        let decision = match self.context.authenticator.authenticate(attempt).await {
            Ok(granted) if !granted.rights.read => Err(Refusal::new(
                RefusalCode::WrongIdentity,
                "this person may send as this mailbox, and not read it",
            )),
            decision => decision,
        };
        match decision {
            Ok(granted) => {
                let Granted { mailbox, identity, .. } = granted.clone();
                self.attempted(mechanism.name(), &user, token, AuthOutcome::Accepted { mailbox, identity });
                self.connection.pen.flush();
                self.take_offer(granted.offer);
                self.login = Some(granted);
                self.failed_logins = 0;
                self.connection.logged_in();
                Ok(match self.offered("AUTHENTICATE", tag).await? {
                    Some(list) => Answer::coded(format!("CAPABILITY {list}"), "Logged in"),
                    None => Answer::none(),
                })
            }
            Err(Refusal { code, reason }) => {
                self.refusal(mechanism.name(), &user, token, code.name(), &reason);
                if code != RefusalCode::Unavailable {
                    self.failed_logins += 1;
                }
                if mechanism.is_bearer() {
                    self.challenge(mechanism, true, profile).await?;
                }
                Ok(Answer::no(code.imap(), reason))
            }
        }
    }

    /// In clear: refused, on record, and what was shown is named.
    fn authenticate_in_clear(
        &mut self,
        name: &str,
        known: Option<Mechanism>,
        initial: Option<Secret<String>>,
    ) -> Answer {
        let shown = known.zip(initial.as_ref());
        let credentials =
            shown.and_then(|(mechanism, text)| Credentials::decode(mechanism, text.reveal()).ok());
        let token = credentials.as_ref().and_then(|shown| self.context.authenticator.token_facts(shown));
        let user = credentials.as_ref().map(|shown| shown.user().to_owned()).unwrap_or_default();
        let reason = match (&token, &initial) {
            (Some(_), _) => "AUTHENTICATE in clear: the token was shown to the network",
            (None, Some(_)) => "AUTHENTICATE in clear, with a response",
            (None, None) => "AUTHENTICATE in clear, without a response",
        };
        self.failed_logins += 1;
        self.refusal(name, &user, token, "cleartext", reason);
        Answer::no("PRIVACYREQUIRED", "TLS first (STARTTLS), then AUTHENTICATE")
    }

    /// Whether a mechanism is worth an attempt: OAUTHBEARER where it is offered only; the others have their own
    /// refusals.
    fn may(&self, mechanism: Mechanism) -> bool {
        mechanism != Mechanism::OauthBearer || self.offer.oauthbearer
    }

    /// Sends the challenge of a refusal, and waits for the client to acknowledge it. Mailiz does not wait.
    async fn challenge(&mut self, mechanism: Mechanism, readable: bool, profile: Profile) -> Result<(), End> {
        let challenge = Challenge::of(mechanism, readable);
        self.connection.say_sasl(&format!("+ {}", challenge.encode()));
        if profile == Profile::Mailiz {
            self.connection.flush().await?;
            let why = "the mailiz profile drops the connection behind the challenge of a refusal";
            return Err(End::Broken(why.into()));
        }
        let wanted = match mechanism {
            Mechanism::OauthBearer => DUMMY,
            _ => "",
        };
        if let Some(answer) = self.sasl_response().await?
            && answer.reveal() != wanted
        {
            self.connection.pen.violation(if wanted.is_empty() {
                "the challenge of a refusal is answered with an empty line"
            } else {
                "the challenge of a refusal is answered with AQ== (RFC 7628 §3.2.3)"
            });
        }
        Ok(())
    }

    /// The client's next SASL line; `None` for `*`.
    pub(crate) async fn sasl_response(&mut self) -> Result<Option<Secret<String>>, End> {
        self.connection.flush().await?;
        match self.connection.sasl_line().await? {
            Ok(line) => {
                let text = Secret::new(String::from_utf8_lossy(&line).into_owned());
                self.connection.pen.sasl(Direction::Client, text.reveal());
                Ok(Some(text).filter(|text| text.reveal() != "*"))
            }
            Err(refused) => {
                let what = format!("SASL response: {}", refused.what);
                self.connection.pen.violation(&what);
                Err(End::Refused(what))
            }
        }
    }

    fn refusal(&mut self, mechanism: &str, user: &str, token: Option<TokenFacts>, code: &str, reason: &str) {
        let outcome = AuthOutcome::Refused { code: code.to_owned(), reason: reason.to_owned() };
        self.attempted(mechanism, user, token, outcome);
    }

    fn attempted(&mut self, mechanism: &str, user: &str, token: Option<TokenFacts>, outcome: AuthOutcome) {
        let certificate = self.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        let auth = AuthFacts {
            mechanism: mechanism.to_ascii_uppercase(),
            user: user.to_owned(),
            tls: self.connection.is_tls(),
            token,
            certificate_serial: certificate.map(|certificate| certificate.serial.clone()),
            outcome,
        };
        self.connection.pen.record(Fact::Auth { auth });
    }
}
