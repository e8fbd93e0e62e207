//! How a client lives with Pro Santé Connect: a token that ends, one that is never good, a session that is over, a service
//! that is down (catalogue A01–A14 of the bench; SC.MSS/CONF.07, CONF.10, CONF.11, CONF.28).
//!
//! A step of such a job hands one token out, and everything is told from there: which token was presented, and what was
//! asked of PSC in the name of the session that it belongs to. What PSC answered is in the transcript as notes of the
//! sandbox's token endpoint, which name the session and never a token.

mod ask;
mod kept;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{Check, Protocol, Taken, Text, Transcript};

/// What a client must do with its PSC session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionMust {
    /// Get another token, by itself, and log in with it; never present again what was refused (SC.MSS/CONF.11).
    Renew,
    /// End the mail session when PSC says that its own is over: no login after that, and no further question
    /// (SC.MSS/CONF.10).
    End,
    /// Stop where no token is ever good: so many refused logins at most, none with a token refused before.
    GiveUp,
    /// Not besiege a PSC that does not answer: so many questions at most.
    SparePsc,
    /// Log in with a token that is good still, whether or not PSC answers.
    DoWithoutPsc,
    /// Keep `AUTH` within the 512 octets of a command line, however long the token (RFC 4954 §4).
    ShortLine,
    /// Wait for the server's `+` where it does not announce SASL-IR (RFC 4959 §3).
    WaitForPrompt,
    /// Open few connections: so many at most for what was asked.
    FewConnections,
    /// Log in to PSC with a code: `state`, `nonce`, PKCE and the registered address of return, the code used once; then to
    /// the mailbox with the token (SC.PSC.01).
    LogIn,
    /// Open the mailbox that it was told to, of several that the person may open (SC.MSS/CONF.07).
    RightMailbox,
    /// Keep tokens out of messages, of command lines and of addresses (SC.MSS/CONF.28).
    KeepToken,
}

/// The client did with its session as it must.
#[derive(Clone, Copy, Debug)]
pub struct Session<'r> {
    /// The requirement that asks for it.
    pub requirement: &'r str,
    /// Where.
    pub protocol: Protocol,
    /// What the client must do.
    pub must: SessionMust,
    /// How often at most, where the question is how often.
    pub bound: u32,
    /// `jti` of the token that the step handed out.
    pub handed: Option<&'r str>,
    /// The mailbox that the step is about.
    pub mailbox: &'r str,
}

impl Session<'_> {
    /// Judges the connections of one step, what was asked of PSC in its session included, and its messages.
    pub fn check(&self, transcript: &Transcript<'_>, mails: &[Taken<'_>]) -> Check {
        let answer = match self.must {
            SessionMust::Renew => ask::renew(self, transcript),
            SessionMust::End => ask::end(self, transcript),
            SessionMust::GiveUp => ask::give_up(self, transcript),
            SessionMust::SparePsc => ask::spare_psc(self, transcript),
            SessionMust::DoWithoutPsc => ask::do_without_psc(self, transcript),
            SessionMust::ShortLine => kept::short_line(self, transcript),
            SessionMust::WaitForPrompt => kept::wait_for_prompt(self, transcript),
            SessionMust::FewConnections => kept::few_connections(self, transcript),
            SessionMust::LogIn => ask::log_in(self, transcript),
            SessionMust::RightMailbox => kept::right_mailbox(self, transcript),
            SessionMust::KeepToken => kept::keep_token(self, transcript, mails),
        };
        answer.into_check(self.requirement, self.must.rule(), self.must.expected(self.protocol, self.bound))
    }
}

impl SessionMust {
    fn rule(self) -> &'static str {
        match self {
            Self::Renew => "ECO.1.2.7, RFC 6749 §6",
            Self::End => "ECO.1.2.6, RFC 6749 §5.2",
            Self::GiveUp => "ECO.1.2.3, RFC 5530 §3, RFC 4954 §4",
            Self::SparePsc => "ECO.1.2.3, RFC 9110 §15.6.4",
            Self::DoWithoutPsc => "ECO.1.2.1, ECO.1.2.3",
            Self::ShortLine => "RFC 4954 §4, RFC 5321 §4.5.3.1.4",
            Self::WaitForPrompt => "RFC 4959 §3, RFC 3501 §6.2.2",
            Self::FewConnections => "ECO.1.2.3",
            Self::LogIn => "OpenID Connect Core §3.1.2, RFC 6749 §4.1, RFC 7636",
            Self::RightMailbox => "ECO.1.2.1, XOAUTH2",
            Self::KeepToken => "ECO.1.2.5, RFC 6750 §5.3",
        }
    }

    fn expected(self, protocol: Protocol, bound: u32) -> Text {
        let name = protocol.name();
        match self {
            Self::Renew => Text::new(
                format!(
                    "{name} : un autre jeton demandé à PSC, connexion acceptée avec lui, sans intervention"
                ),
                format!("{name}: another token asked of PSC, login accepted with it, by itself"),
            ),
            Self::End => Text::new(
                format!("{name} : session PSC terminée, donc plus aucune authentification ni demande à PSC"),
                format!(
                    "{name}: the PSC session is over, so no further login and no further question to PSC"
                ),
            ),
            Self::GiveUp => Text::new(
                format!(
                    "{name} : {bound} authentification(s) refusée(s) au plus, chacune avec un jeton neuf"
                ),
                format!("{name}: {bound} refused login(s) at most, each with a new token"),
            ),
            Self::SparePsc => Text::new(
                format!("{name} : {bound} demande(s) au plus à un PSC qui ne répond pas"),
                format!("{name}: {bound} question(s) at most to a PSC that does not answer"),
            ),
            Self::DoWithoutPsc => Text::new(
                format!("{name} : connexion avec le jeton encore valable, sans PSC"),
                format!("{name}: login with the token that is good still, without PSC"),
            ),
            Self::ShortLine => Text::new(
                format!("{name} : ligne AUTH de 512 octets au plus, puis le jeton après 334"),
                format!("{name}: AUTH line of 512 octets at most, then the token after 334"),
            ),
            Self::WaitForPrompt => Text::new(
                format!("{name} : sans SASL-IR, le jeton n’est envoyé qu’après « + »"),
                format!("{name}: without SASL-IR, the token is sent after “+” only"),
            ),
            Self::FewConnections => Text::new(
                format!("{name} : connexion acceptée, {bound} connexion(s) au plus"),
                format!("{name}: login accepted, {bound} connection(s) at most"),
            ),
            Self::LogIn => Text::new(
                format!(
                    "{name} : session PSC ouverte par code (state, nonce, PKCE, redirect_uri exact), code employé une fois, boîte ouverte avec le jeton"
                ),
                format!(
                    "{name}: PSC session opened by a code (state, nonce, PKCE, exact redirect_uri), the code used once, the mailbox opened with the token"
                ),
            ),
            Self::RightMailbox => Text::new(
                format!("{name} : boîte demandée ouverte, et aucune autre"),
                format!("{name}: the mailbox asked for opened, and no other one"),
            ),
            Self::KeepToken => Text::new(
                format!("{name} : jeton ni dans un message, ni dans une commande, ni dans une adresse"),
                format!("{name}: token neither in a message, nor in a command, nor in an address"),
            ),
        }
    }
}
