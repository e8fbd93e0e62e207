//! What is advertised, at each state of a session. Nothing stands here that has no test.

use sasl::Mechanism;

const BEFORE_TLS: &str = "IMAP4rev1 LITERAL+ SASL-IR STARTTLS LOGINDISABLED ID";
const BEFORE_LOGIN: &str = "IMAP4rev1 LITERAL+ SASL-IR LOGINDISABLED ID";
const AFTER_LOGIN: &str = "IMAP4rev1 LITERAL+ SASL-IR ID NAMESPACE UNSELECT UIDPLUS MOVE IDLE CHILDREN SPECIAL-USE \
LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH WITHIN ENABLE";

/// Where a session is.
pub(crate) enum At<'a> {
    /// In clear: no mechanism is ever offered there.
    Clear,
    /// Under TLS, with the mechanisms that the authenticator offers.
    Tls(&'a [Mechanism]),
    /// Logged in; with the largest message that APPEND takes.
    LoggedIn(u64),
}

/// The list, without `CAPABILITY`.
pub(crate) fn list(at: At<'_>) -> String {
    match at {
        At::Clear => BEFORE_TLS.to_owned(),
        At::Tls(mechanisms) => mechanisms
            .iter()
            .fold(BEFORE_LOGIN.to_owned(), |list, mechanism| format!("{list} AUTH={mechanism}")),
        At::LoggedIn(message) => format!("{AFTER_LOGIN} APPENDLIMIT={message}"),
    }
}
