use kernel::Clock;
use oidc::TokenError;
use psc::Psc;
use sasl::{Refusal, RefusalCode};

use crate::Tokens;

/// Tokens of the sandbox's own Pro Santé Connect, verified in process with its present keys.
#[derive(Clone)]
pub struct PscTokens {
    psc: Psc,
    clock: Clock,
}

impl PscTokens {
    /// Trusts this PSC and no other.
    pub fn new(psc: Psc, clock: Clock) -> Self {
        Self { psc, clock }
    }
}

impl Tokens for PscTokens {
    fn verify(&self, token: &str) -> Result<String, Refusal> {
        let claims = self.psc.verifier().access(token, self.clock.now()).map_err(|error| {
            let code = match error {
                TokenError::Expired => RefusalCode::TokenExpired,
                TokenError::Algorithm | TokenError::UnknownKey | TokenError::Signature => {
                    RefusalCode::TokenSignature
                }
                TokenError::Issuer => RefusalCode::TokenIssuer,
                _ => RefusalCode::TokenMalformed,
            };
            Refusal::new(code, error.to_string())
        })?;
        claims.national_id().ok_or_else(|| {
            Refusal::new(RefusalCode::TokenMalformed, "the token names no national identifier")
        })
    }

    fn claimed(&self, token: &str) -> (Option<String>, Option<String>) {
        oidc::claimed(token)
    }
}
