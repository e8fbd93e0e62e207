use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use sasl::{Attempt, Authenticator, Credentials, Granted, Mechanism, Offer, Refusal, RefusalCode, Rights};
use wire::{CertificateFacts, TokenFacts};

use crate::{Kind, Mailbox, Shared};

/// Who verifies PSC access tokens for the operator, offline (spec 04 §5.3).
pub trait Tokens: Send + Sync + 'static {
    /// The national identifier of a good token's person.
    ///
    /// # Errors
    /// What is wrong with the token, as the SASL refusal to give.
    fn verify(&self, token: &str) -> Result<String, Refusal>;

    /// What a token claims, unverified: its `jti` and the national identifier.
    fn claimed(&self, token: &str) -> (Option<String>, Option<String>);
}

/// The gate of the operator's two servers.
pub(crate) struct Gate {
    operator: Weak<Shared>,
    tokens: Arc<dyn Tokens>,
}

impl Gate {
    pub(crate) fn new(operator: Weak<Shared>, tokens: Arc<dyn Tokens>) -> Self {
        Self { operator, tokens }
    }

    fn decide(&self, attempt: &Attempt) -> Result<Granted, Refusal> {
        let operator = self
            .operator
            .upgrade()
            .ok_or_else(|| Refusal::new(RefusalCode::Unavailable, "the operator is shutting down"))?;
        match &attempt.credentials {
            Credentials::Xoauth2 { user, token } => {
                // The token first: who cannot prove who they are learns nothing about mailboxes.
                let identity = match self.tokens.verify(token.reveal()) {
                    Ok(identity) => identity,
                    Err(refusal) => {
                        let owner = self.tokens.claimed(token.reveal()).1;
                        let mailbox =
                            operator.mailbox(user).filter(|mailbox| owner == Some(mailbox.identity.clone()));
                        if refusal.code == RefusalCode::TokenExpired && mailbox.is_some() {
                            let _ = operator.refusals.refuses(user, || token.fingerprint());
                        }
                        return Err(refusal);
                    }
                };
                let mailbox = find(&operator, user)?;
                if mailbox.kind == Kind::App {
                    let text = "this applicative mailbox is opened with EXTERNAL and a client certificate";
                    return Err(Refusal::new(RefusalCode::MechanismNotAllowed, text));
                }
                if mailbox.identity != identity {
                    let text = format!("the token is of {identity}, who has no right to this mailbox");
                    return Err(Refusal::new(RefusalCode::WrongIdentity, text));
                }
                if operator.refusals.refuses(&mailbox.address, || token.fingerprint()) {
                    let text =
                        "this token is refused: ask Pro Santé Connect for another one and log in again";
                    return Err(Refusal::new(RefusalCode::TokenRefused, text));
                }
                Ok(granted(mailbox, identity))
            }
            Credentials::External { authzid } => {
                let certificate = attempt.certificate.as_ref().ok_or_else(|| {
                    Refusal::new(
                        RefusalCode::NoCertificate,
                        "EXTERNAL needs a client certificate, and none was presented",
                    )
                })?;
                let identity = certificate.common_name.clone();
                let mailbox = if authzid.is_empty() {
                    let address = format!("{identity}@{}", operator.parts.domain);
                    operator.mailbox(&address).ok_or_else(|| {
                        Refusal::new(
                            RefusalCode::WrongCertificate,
                            "no applicative mailbox has this certificate",
                        )
                    })?
                } else {
                    find(&operator, authzid)?
                };
                if mailbox.kind != Kind::App {
                    let text = "this mailbox is opened with XOAUTH2 and a Pro Santé Connect token";
                    return Err(Refusal::new(RefusalCode::MechanismNotAllowed, text));
                }
                if mailbox.identity != identity {
                    let text = format!("the certificate is of {identity}, not of this mailbox");
                    return Err(Refusal::new(RefusalCode::WrongCertificate, text));
                }
                Ok(granted(mailbox, identity))
            }
        }
    }
}

fn find(operator: &Shared, address: &str) -> Result<Mailbox, Refusal> {
    operator
        .mailbox(address)
        .ok_or_else(|| Refusal::new(RefusalCode::UnknownMailbox, "no such mailbox at this operator"))
}

fn granted(mailbox: Mailbox, identity: String) -> Granted {
    Granted {
        mailbox: mailbox.address,
        identity,
        account: mailbox.account,
        offer: Offer::default(),
        rights: Rights::ALL,
    }
}

impl Authenticator for Gate {
    fn authenticate<'a>(
        &'a self,
        attempt: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>> {
        Box::pin(async move { self.decide(&attempt) })
    }

    fn token_facts(&self, credentials: &Credentials) -> Option<TokenFacts> {
        match credentials {
            Credentials::Xoauth2 { token, .. } => {
                let (claimed_jti, claimed_identity) = self.tokens.claimed(token.reveal());
                Some(TokenFacts { sha256: token.fingerprint(), claimed_jti, claimed_identity })
            }
            Credentials::External { .. } => None,
        }
    }

    fn mechanisms(&self, _certificate: Option<&CertificateFacts>, _offer: &Offer) -> Vec<Mechanism> {
        // EXTERNAL is offered without a certificate too: a client that forgets it is told so, not left without a way in.
        vec![Mechanism::Xoauth2, Mechanism::External]
    }
}
