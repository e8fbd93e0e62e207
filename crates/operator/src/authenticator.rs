use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};

use kernel::Secret;
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

    /// The same on a connection whose client showed this certificate, or none: a token that is bound to a certificate
    /// opens nothing without it (RFC 8705 §3). By default bindings are not looked at.
    ///
    /// # Errors
    /// As [`Tokens::verify`].
    fn verify_shown(&self, token: &str, certificate: Option<&CertificateFacts>) -> Result<String, Refusal> {
        let _ = certificate;
        self.verify(token)
    }

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
                self.by_token(&operator, user, token, attempt.certificate.as_ref())
            }
            Credentials::External { authzid } => by_certificate(&operator, authzid, attempt),
        }
    }

    fn by_token(
        &self,
        operator: &Shared,
        user: &str,
        token: &Secret<String>,
        certificate: Option<&CertificateFacts>,
    ) -> Result<Granted, Refusal> {
        // The token first: who cannot prove who they are learns nothing about mailboxes.
        let identity = match self.tokens.verify_shown(token.reveal(), certificate) {
            Ok(identity) => identity,
            Err(refusal) => {
                let claimed = self.tokens.claimed(token.reveal()).1;
                let theirs = claimed.is_some_and(|identity| operator.rights(user, &identity).is_some());
                if refusal.code == RefusalCode::TokenExpired && theirs {
                    let _ = operator.refusals.refuses(user, || token.fingerprint());
                }
                return Err(refusal);
            }
        };
        let (mailbox, offer) = find(operator, user)?;
        if mailbox.kind == Kind::App {
            let text = "this applicative mailbox is opened with EXTERNAL and a client certificate";
            return Err(Refusal::new(RefusalCode::MechanismNotAllowed, text));
        }
        let Some(rights) = operator.rights(user, &identity) else {
            let text = format!("the token is of {identity}, who has no right to this mailbox");
            return Err(Refusal::new(RefusalCode::WrongIdentity, text));
        };
        if operator.refusals.refuses(&mailbox.address, || token.fingerprint()) {
            let text = "this token is refused: ask Pro Santé Connect for another one and log in again";
            return Err(Refusal::new(RefusalCode::TokenRefused, text));
        }
        Ok(Granted { mailbox: mailbox.address, identity, account: mailbox.account, offer, rights })
    }
}

fn by_certificate(operator: &Shared, authzid: &str, attempt: &Attempt) -> Result<Granted, Refusal> {
    let certificate = attempt.certificate.as_ref().ok_or_else(|| {
        let text = "EXTERNAL needs a client certificate, and none was presented";
        Refusal::new(RefusalCode::NoCertificate, text)
    })?;
    let identity = certificate.common_name.clone();
    let (mailbox, offer) = if authzid.is_empty() {
        find(operator, &format!("{identity}@{}", operator.parts.domain)).map_err(|_| {
            Refusal::new(RefusalCode::WrongCertificate, "no applicative mailbox has this certificate")
        })?
    } else {
        find(operator, authzid)?
    };
    if mailbox.kind != Kind::App {
        let text = "this mailbox is opened with XOAUTH2 and a Pro Santé Connect token";
        return Err(Refusal::new(RefusalCode::MechanismNotAllowed, text));
    }
    if mailbox.identity != identity {
        let text = format!("the certificate is of {identity}, not of this mailbox");
        return Err(Refusal::new(RefusalCode::WrongCertificate, text));
    }
    let rights = Rights::ALL;
    Ok(Granted { mailbox: mailbox.address, identity, account: mailbox.account, offer, rights })
}

fn find(operator: &Shared, address: &str) -> Result<(Mailbox, Offer), Refusal> {
    let known = operator.read();
    let entry = known
        .entry(address)
        .ok_or_else(|| Refusal::new(RefusalCode::UnknownMailbox, "no such mailbox at this operator"))?;
    Ok((entry.mailbox.clone(), entry.offer))
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

    fn offer_of(&self, credentials: &Credentials) -> Option<Offer> {
        self.operator.upgrade()?.read().entry(credentials.user()).map(|entry| entry.offer)
    }

    fn mechanisms(&self, _certificate: Option<&CertificateFacts>, offer: &Offer) -> Vec<Mechanism> {
        // EXTERNAL is offered without a certificate too: a client that forgets it is told so, not left without a way in.
        let mut all = vec![Mechanism::Xoauth2, Mechanism::External];
        if offer.oauthbearer {
            all.push(Mechanism::OauthBearer);
        }
        all
    }
}
