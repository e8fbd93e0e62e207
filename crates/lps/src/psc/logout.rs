use std::fmt;

use kernel::{Secret, base64url, random};

use super::login::with_query;
use super::session::State;
use super::{Error, Session};

/// How to tell PSC, by way of the browser, that a person logs out (OpenID Connect RP-Initiated Logout 1.0).
///
/// Our own session is over already; tokens are wiped. A form keeps the ID token out of addresses, where histories and
/// logs would keep it; [`Logout::url`] is for providers that know no other way.
pub struct Logout {
    /// Where the browser posts [`Self::fields`].
    pub action: String,
    /// What comes back with the browser, where there is a registered address of return.
    pub state: String,
    id_token: Option<Secret<String>>,
    client_id: String,
    back: Option<String>,
}

impl Session {
    /// Ends the session here (SC.SSI/IE.38) and says how the browser tells PSC; `None` where PSC has no end of session.
    /// Tokens are wiped before this returns, also where PSC is away.
    pub async fn logout(&self) -> Option<Logout> {
        let (_, id_token) = self.close(State::Over);
        let config = &self.provider().config;
        let metadata = self.provider().metadata().await.ok()?;
        Some(Logout {
            action: metadata.end_session_endpoint.clone()?,
            state: base64url(&random::bytes::<16>()),
            id_token,
            client_id: config.client_id.clone(),
            back: config.post_logout_redirect_uri.clone(),
        })
    }

    /// Ends the session here and at PSC, from server to server: the refresh token is withdrawn (RFC 7009) and the end
    /// of session is asked for. For an LPS without a browser at hand. Tokens are wiped before PSC is called.
    ///
    /// # Errors
    /// Where PSC was not told; here the session is over all the same.
    pub async fn end(&self) -> Result<(), Error> {
        let (refresh_token, id_token) = self.close(State::Over);
        if let Some(token) = &refresh_token {
            self.provider().revoke(token).await?;
        }
        let metadata = self.provider().metadata().await?;
        if let (Some(endpoint), Some(hint)) = (&metadata.end_session_endpoint, &id_token)
            && endpoint.starts_with("https://")
        {
            let client = &self.provider().config.client_id;
            self.provider()
                .submit(endpoint, &[("id_token_hint", hint.reveal()), ("client_id", client)])
                .await?;
        }
        Ok(())
    }
}

impl Logout {
    /// The form's hidden fields; `id_token_hint` is a secret.
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        let mut fields = vec![("client_id", self.client_id.as_str())];
        fields.extend(self.id_token.as_ref().map(|token| ("id_token_hint", token.reveal().as_str())));
        if let Some(back) = &self.back {
            fields.extend([("post_logout_redirect_uri", back.as_str()), ("state", &self.state)]);
        }
        fields
    }

    /// The same as an address: holds the ID token.
    pub fn url(&self) -> Secret<String> {
        Secret::new(with_query(&self.action, &oidc::encode_pairs(self.fields())))
    }

    /// Whether the query of a return answers this logout.
    pub fn is_answered_by(&self, query: &str) -> bool {
        let form = oidc::Form::parse(query.trim_start_matches('?').as_bytes());
        form.is_ok_and(|form| form.get("state") == Some(&self.state))
    }
}

impl fmt::Debug for Logout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logout").field("action", &self.action).finish_non_exhaustive()
    }
}
