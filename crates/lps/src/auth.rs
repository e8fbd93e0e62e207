//! What the two protocols share when a server refuses a login: one table, of spec 01 §3.3.

use kernel::{Failure, RetryClass, Secret, Stage};
use mss::Address;
use sasl::{Challenge, Mechanism};

use crate::credentials::Presented;

/// Most challenges that are answered before the server is given up.
pub(crate) const MAX_CHALLENGES: usize = 3;

/// One SASL exchange, seen from the client.
pub(crate) struct Exchange {
    pub(crate) mechanism: Mechanism,
    response: Secret<String>,
    sent: bool,
    challenges: usize,
    /// The last JSON challenge: the server's way to say that it refuses the token.
    refusal: Option<Challenge>,
}

impl Exchange {
    pub(crate) fn new(address: &Address, presented: &Presented) -> Self {
        let (mechanism, response) = match presented {
            Presented::Token(token) => {
                (Mechanism::Xoauth2, sasl::xoauth2_response(address.as_str(), &token.secret))
            }
            Presented::Certificate => {
                (Mechanism::External, Secret::new(sasl::external_response(address.as_str())))
            }
        };
        Self { mechanism, response, sent: false, challenges: 0, refusal: None }
    }

    /// The response, to go with the command itself. It is not asked for again.
    pub(crate) fn initial(&mut self) -> Secret<String> {
        self.sent = true;
        self.response.clone()
    }

    pub(crate) fn response_len(&self) -> usize {
        self.response.reveal().len()
    }

    /// The line (CR LF included) that answers `challenge`: the response at first, then an empty line, which lets the
    /// server state its refusal. `None` where the server goes on and on.
    pub(crate) fn answer(&mut self, challenge: &str) -> Option<Secret<String>> {
        if !self.sent {
            self.sent = true;
            return Some(Secret::new(format!("{}\r\n", self.response.reveal())));
        }
        self.challenges += 1;
        self.refusal = sasl::decode_challenge(challenge).or(self.refusal.take());
        (self.challenges <= MAX_CHALLENGES).then(|| Secret::new("\r\n".to_owned()))
    }

    /// The failure for a refusal that the server stated, with the class that its code has by itself.
    pub(crate) fn refused(&self, class: RetryClass, said: &str) -> Failure {
        let retry = match (self.mechanism, class) {
            (Mechanism::External, RetryClass::NewCredential) => RetryClass::Never,
            (_, class) => class,
        };
        Failure {
            stage: Stage::Authenticate,
            retry,
            message: format!("the server refused the {} login: {}", self.mechanism, quoted(said)),
        }
    }

    /// The failure for a connection that broke during the exchange. A server of the field answers a refused token
    /// with the JSON challenge and then hangs up: that is a refusal, not a broken line.
    pub(crate) fn broken(&self, failure: Failure) -> Failure {
        match &self.refusal {
            Some(challenge) if challenge.status.starts_with('4') => self.refused(
                RetryClass::NewCredential,
                &format!("status {}, then the connection was closed", challenge.status),
            ),
            _ => failure,
        }
    }

    /// What a refusal without any code means: the credential, unless the challenge speaks of the server.
    pub(crate) fn class_without_code(&self) -> RetryClass {
        match &self.refusal {
            Some(challenge) if challenge.status.starts_with('5') => RetryClass::Later,
            _ => RetryClass::NewCredential,
        }
    }
}

/// A server's words, fit for a log: one line, at most 200 characters, and no word so long that it could be a token
/// that the server echoes.
pub(crate) fn quoted(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let kept: Vec<&str> = words.map(|word| if word.len() > 60 { "…" } else { word }).collect();
    let line: String = kept.join(" ").chars().take(200).collect();
    if line.is_empty() { "(no text)".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_echoes_the_token_does_not_reach_the_log() {
        let token = "eyJ".repeat(40);
        assert_eq!(quoted(&format!("bad token {token}\r\n in clear")), "bad token … in clear");
        assert_eq!(quoted(" \r\n"), "(no text)");
    }

    #[test]
    fn the_exchange_answers_with_the_response_then_with_empty_lines() {
        let address = Address::parse("a@b.fr").unwrap();
        let mut exchange = Exchange::new(&address, &Presented::Certificate);
        assert_eq!(exchange.answer("").unwrap().reveal(), "YUBiLmZy\r\n");
        assert_eq!(exchange.answer(&Challenge::refused().encode()).unwrap().reveal(), "\r\n");
        assert!(exchange.answer("").is_some() && exchange.answer("").is_some());
        assert!(exchange.answer("").is_none());
        let failure = exchange.broken(Failure::temporary(Stage::Authenticate, "closed"));
        assert_eq!(failure.retry, RetryClass::Never); // EXTERNAL has no other credential to try
    }
}
