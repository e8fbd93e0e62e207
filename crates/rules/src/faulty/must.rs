use serde::{Deserialize, Serialize};

use super::{Answer, after, seen};
use crate::{Protocol, Text, Transcript};

/// What a client must do when the server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// Leave a server whose certificate or TLS is not acceptable: no command after the handshake (SC.MSS/CONF.01, 03, 27).
    RefuseServer,
    /// Say nothing but its preliminaries where TLS is not to be had (SC.MSS/CONF.05, 06).
    StaySilentInClear,
    /// Forget what was said in clear behind the answer to STARTTLS.
    IgnoreInjected,
    /// Show no password, and no token as a password.
    ShowNoPassword,
    /// Log in all the same: the server is odd, and right.
    LogIn,
    /// Be back by itself after the connection was lost (SC.MSS/CONF.11).
    Recover,
    /// Not begin again for ever (SC.MSS/CONF.08): so many logins at most.
    GiveUp,
    /// Leave so many milliseconds at least between two tries.
    BackOff,
    /// Fetch the message whole, in spite of what happened on the way.
    FetchWhole,
    /// Go on with the same connection after a response that it did not expect.
    GoOn,
    /// Wait for a slow server.
    Wait,
    /// Send the message once: accepted once, and no more.
    SendOnce,
    /// Never send the message twice.
    NotSendTwice,
    /// Not send what the server has no room for.
    RespectSize,
    /// End the exchange of a refused token as its mechanism says: with an empty line (XOAUTH2), then with a new token.
    EndChallenge,
    /// Read the folder anew when its UIDVALIDITY has changed.
    Resynchronise,
    /// Not sleep on a connection that the server has ended: a new one.
    LeaveNoSession,
}

impl Must {
    /// Whether one bad deed fails it, whatever else was seen or not.
    pub fn is_prohibition(self) -> bool {
        matches!(
            self,
            Self::RefuseServer
                | Self::StaySilentInClear
                | Self::IgnoreInjected
                | Self::ShowNoPassword
                | Self::GiveUp
                | Self::NotSendTwice
                | Self::RespectSize
        )
    }

    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::RefuseServer => "ECO.1.1.1, ECO.1.1.3, ECO.1.1.10, RFC 9325 §4, RFC 9525 §6",
            Self::StaySilentInClear => "ECO.1.2.1, RFC 8314 §3",
            Self::IgnoreInjected => "RFC 3501 §6.2.1, RFC 3207 §6, CVE-2011-0411",
            Self::ShowNoPassword => "ECO.1.2.1, RFC 8314 §3",
            Self::LogIn | Self::Wait | Self::GoOn => "RFC 3501 §7, RFC 5321 §4.2, §4.5.3.2",
            Self::Recover | Self::LeaveNoSession => "ECO.1.2.7",
            Self::GiveUp | Self::BackOff => "ECO.1.2.3, RFC 5321 §4.5.4.1",
            Self::FetchWhole => "ECO.1.2.3, ECO.1.2.7",
            Self::SendOnce | Self::NotSendTwice => "RFC 5321 §4.5.3.2.6, §6.1",
            Self::RespectSize => "RFC 1870 §6",
            Self::EndChallenge => "ECO.1.2.7, XOAUTH2",
            Self::Resynchronise => "RFC 3501 §2.3.1.1",
        }
    }

    pub(crate) fn expected(self, protocol: Protocol, bound: u32) -> Text {
        let name = protocol.name();
        let text = |fr: String, en: String| Text::new(fr, en);
        match self {
            Self::RefuseServer => text(
                format!("{name} : serveur refusé, aucune commande après la poignée de main"),
                format!("{name}: server refused, no command after the handshake"),
            ),
            Self::StaySilentInClear => text(
                format!("{name} : sans TLS, ni identifiant, ni jeton, ni message"),
                format!("{name}: without TLS no identifier, no token, no message"),
            ),
            Self::IgnoreInjected => text(
                format!(
                    "{name} : ce qui suit en clair la réponse à STARTTLS est oublié, ou la connexion abandonnée"
                ),
                format!(
                    "{name}: what follows the answer to STARTTLS in clear is forgotten, or the connection given up"
                ),
            ),
            Self::ShowNoPassword => text(
                format!("{name} : ni mot de passe, ni jeton en guise de mot de passe"),
                format!("{name}: no password, and no token as a password"),
            ),
            Self::LogIn => text(
                format!("{name} : connexion acceptée malgré ce comportement, qui est permis"),
                format!("{name}: login accepted in spite of this behaviour, which is allowed"),
            ),
            Self::Recover => text(
                format!("{name} : session rouverte par le logiciel, sans intervention"),
                format!("{name}: session opened again by the software, by itself"),
            ),
            Self::GiveUp => text(
                format!("{name} : {bound} authentification(s) au plus, puis l’erreur est dite"),
                format!("{name}: {bound} login(s) at most, then the error is told"),
            ),
            Self::BackOff => text(
                format!("{name} : {bound} ms au moins entre deux tentatives"),
                format!("{name}: {bound} ms at least between two tries"),
            ),
            Self::FetchWhole => text(
                format!("{name} : message relevé en entier après l’incident"),
                format!("{name}: message fetched whole after the incident"),
            ),
            Self::GoOn => text(
                format!("{name} : la même connexion continue après la réponse inattendue"),
                format!("{name}: the same connection goes on after the unexpected response"),
            ),
            Self::Wait => text(
                format!("{name} : le serveur lent est attendu"),
                format!("{name}: the slow server is waited for"),
            ),
            Self::SendOnce => text(
                format!("{name} : message accepté une fois, et une seule"),
                format!("{name}: message accepted once, and once only"),
            ),
            Self::NotSendTwice => text(
                format!("{name} : message jamais accepté deux fois"),
                format!("{name}: message never accepted twice"),
            ),
            Self::RespectSize => text(
                format!("{name} : rien d’envoyé au-delà de la taille annoncée (SIZE)"),
                format!("{name}: nothing sent beyond the announced size (SIZE)"),
            ),
            Self::EndChallenge => text(
                format!("{name} : réponse vide au défi, puis une tentative avec un autre jeton"),
                format!("{name}: an empty response to the challenge, then one try with another token"),
            ),
            Self::Resynchronise => text(
                format!("{name} : dossier relu en entier après le changement d’UIDVALIDITY"),
                format!("{name}: folder read anew after its UIDVALIDITY changed"),
            ),
            Self::LeaveNoSession => text(
                format!("{name} : connexion fermée par le serveur abandonnée, une autre ouverte"),
                format!("{name}: the connection that the server closed is left, another one opened"),
            ),
        }
    }

    pub(crate) fn ask(self, protocol: Protocol, bound: u32, transcript: &Transcript<'_>) -> Answer {
        match self {
            Self::RefuseServer => seen::refuse_server(protocol, transcript),
            Self::StaySilentInClear => seen::stay_silent(protocol, transcript),
            Self::IgnoreInjected | Self::ShowNoPassword => seen::no_password(protocol, transcript),
            Self::GiveUp => seen::give_up(protocol, bound, transcript),
            Self::BackOff => seen::back_off(protocol, bound, transcript),
            Self::NotSendTwice => seen::not_twice(protocol, transcript),
            Self::SendOnce => seen::once(protocol, transcript),
            Self::RespectSize => seen::respect_size(protocol, transcript),
            Self::LogIn => after::log_in(protocol, transcript),
            Self::Recover | Self::LeaveNoSession => after::recover(protocol, transcript),
            Self::FetchWhole => after::fetch_whole(protocol, transcript),
            Self::GoOn | Self::Wait => after::go_on(protocol, transcript),
            Self::EndChallenge => after::end_challenge(protocol, transcript),
            Self::Resynchronise => after::resynchronise(protocol, transcript),
        }
    }
}
