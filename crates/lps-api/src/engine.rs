//! The connector as the API speaks of it: settings checked before they are kept, where a mailbox is, findings in words.

use kernel::{Clock, Secret, Timestamp};
use lps::TokenSource;
use lps::engine::{AccountSettings, Engine, Login, Phase};
use practice::Mailbox;
use serde::Serialize;
use serde_json::Value;

use crate::problem::{Answer, Problem};

/// A mailbox, and where its connection is. Described by [`crate::shapes::Mailbox`].
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    mailbox: Mailbox,
    /// `None` where no connector runs.
    phase: Option<Phase>,
    next_try: Option<Timestamp>,
    /// Who is logged in.
    by: Option<String>,
}

impl Line {
    pub(crate) fn new(mailbox: Mailbox, engine: Option<&Engine>) -> Self {
        let standing = engine.and_then(|engine| engine.standing(&mailbox.key));
        let standing = standing.map(|standing| standing.borrow().clone());
        let phase = standing.as_ref().map(|standing| standing.phase);
        let (next_try, by) = standing.map_or((None, None), |standing| (standing.next_try, standing.by));
        Self { mailbox, phase, next_try, by }
    }
}

/// Refuses settings that the connector would not understand.
pub(crate) fn check(settings: &Value) -> Answer<()> {
    if !settings.is_object() {
        // To serde an array of the fields' values is as good as the object.
        let next = "Give an object; see the schema Settings in GET /api/v1/openapi.json.";
        return Err(Problem::bad("settings", "the settings are no object", next));
    }
    let read = serde_json::from_value::<AccountSettings>(settings.clone());
    let wrong = |error: serde_json::Error| {
        let next = "See the schema Settings in GET /api/v1/openapi.json.";
        Problem::bad("settings", format!("the settings cannot be read: {error}"), next)
    };
    read.map(drop).map_err(wrong)
}

/// A login that a host hands over. Its refresh token stays with the host: Pro Santé Connect replaces it at each use, so two
/// cannot share one.
pub(crate) fn login(by: &str, access_token: Secret<String>, clock: Clock) -> Login {
    Login::token(by, TokenSource::new(access_token, None, clock))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_checked_before_they_are_kept() {
        assert!(check(&json!({})).is_ok());
        assert!(check(&json!({"certificate": {"chain": "/a.pem", "key": "/a.key"}})).is_ok());
        let server = json!({"imap": {"host": "imap.example", "port": 993, "security": "tls"}});
        assert!(check(&server).is_ok());
        for wrong in [json!({"password": "x"}), json!({"imap": "imap.example"}), json!([])] {
            assert_eq!(check(&wrong).unwrap_err().field.as_deref(), Some("settings"), "{wrong}");
        }
    }
}
