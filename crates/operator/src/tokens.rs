//! Who the operator believes: the sandbox's own Pro Santé Connect, and another one where the person who starts the
//! sandbox says so.

use kernel::Clock;
use oidc::{Claims, TokenError, Verifier};
use psc::Psc;
use sasl::{Refusal, RefusalCode};
use wire::CertificateFacts;

use crate::{SecondIssuer, Tokens};

/// How far the clock of another Pro Santé Connect may differ (spec 04 §5.3: at most 30 s).
const LEEWAY: std::time::Duration = std::time::Duration::from_secs(30);

/// Tokens of the sandbox's own Pro Santé Connect, verified in process with its present keys; and those of a second
/// issuer, where there is one.
#[derive(Clone)]
pub struct PscTokens {
    psc: Psc,
    clock: Clock,
    second: Option<SecondIssuer>,
}

impl PscTokens {
    /// Trusts this PSC and no other.
    pub fn new(psc: Psc, clock: Clock) -> Self {
        Self { psc, clock, second: None }
    }

    /// Trusts the tokens of one more PSC, so that a client that is wired to it runs here without rewiring. Whoever holds
    /// its keys opens mailboxes: nobody is trusted unless the person who starts the sandbox says so.
    #[must_use]
    pub fn and(mut self, second: SecondIssuer) -> Self {
        self.second = Some(second);
        self
    }

    /// The claims of a good token. Each issuer by its own keys and its own clock: the leeway of the second is not the
    /// first's, which is this process.
    fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        let now = self.clock.now();
        let own = self.psc.verifier();
        let Some(second) = self.second.as_ref().filter(|second| second.claims_to_issue(token)) else {
            return own.access(token, now);
        };
        let verifier = Verifier::new(second.issuer(), &second.keys()).with_leeway(LEEWAY);
        let found = verifier.access(token, now);
        if found == Err(TokenError::UnknownKey) {
            second.wants_keys();
        }
        found
    }

    fn owner(claims: &Claims) -> Result<String, Refusal> {
        claims.national_id().ok_or_else(|| {
            Refusal::new(RefusalCode::TokenMalformed, "the token names no national identifier")
        })
    }
}

impl Tokens for PscTokens {
    fn verify(&self, token: &str) -> Result<String, Refusal> {
        self.verify_shown(token, None)
    }

    fn verify_shown(&self, token: &str, certificate: Option<&CertificateFacts>) -> Result<String, Refusal> {
        let claims = self.claims(token).map_err(refusal)?;
        if let Some(binding) = &claims.cnf {
            let shown = certificate.and_then(|certificate| digest(&certificate.sha256));
            if !shown.is_some_and(|shown| binding.matches_digest(&shown)) {
                let text =
                    "the token is bound to a client certificate, which was not shown on this connection";
                return Err(Refusal::new(RefusalCode::WrongCertificate, text));
            }
        }
        Self::owner(&claims)
    }

    fn claimed(&self, token: &str) -> (Option<String>, Option<String>) {
        oidc::claimed(token)
    }
}

fn refusal(error: TokenError) -> Refusal {
    let code = match error {
        TokenError::Expired | TokenError::NotYetValid => RefusalCode::TokenExpired,
        TokenError::Algorithm | TokenError::UnknownKey | TokenError::Signature => RefusalCode::TokenSignature,
        TokenError::Issuer => RefusalCode::TokenIssuer,
        _ => RefusalCode::TokenMalformed,
    };
    Refusal::new(code, error.to_string())
}

/// A SHA-256 out of its 64 hexadecimal digits.
fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_back_from_its_hexadecimal_form() {
        let bytes = kernel::sha256(b"abc");
        assert_eq!(digest(&kernel::hex(&bytes)), Some(bytes));
        assert_eq!([digest("ab"), digest(&"g".repeat(64)), digest(&"é".repeat(32))], [None; 3]);
    }
}
