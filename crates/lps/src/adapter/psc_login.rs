//! Logging in to Pro Santé Connect by a step: the relying party of this crate, with a sandbox that answers in the person's
//! place, so that the browser's part is to follow redirections.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Failure, Secret, Stage};
use rustls::ClientConfig;
use serde::Deserialize;

use crate::http;
use crate::psc::{ClientAuthentication, Config, LoginOptions, RelyingParty, Session};

/// How long each answer of the wallet may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Redirections that are followed before the address of return.
const REDIRECTIONS: usize = 5;

/// Who logs in, and where. `Debug` shows no secret.
#[derive(Clone, Debug, Deserialize)]
pub struct PscLogin {
    /// PSC's issuer.
    pub issuer: String,
    /// The product's client identifier.
    pub client_id: String,
    /// Its secret.
    #[serde(deserialize_with = "super::request::secret")]
    pub client_secret: Secret<String>,
    /// The address of return; nobody listens there.
    pub redirect_uri: String,
    /// The person's national identifier.
    #[serde(default)]
    pub login_hint: Option<String>,
}

/// Goes through the login; everything that a relying party must verify is verified.
pub(super) async fn log_in(
    wanted: &PscLogin,
    tls: Arc<ClientConfig>,
    clock: Clock,
) -> Result<Session, Failure> {
    let authentication = ClientAuthentication::Basic(wanted.client_secret.clone());
    let config = Config::new(&wanted.issuer, &wanted.client_id, authentication, &wanted.redirect_uri, tls);
    let party = RelyingParty::new(config, clock)?;
    let options = LoginOptions { login_hint: wanted.login_hint.clone(), ..LoginOptions::default() };
    let login = party.begin_login(options).await?;
    let query = browse(login.url, &wanted.redirect_uri).await?;
    Ok(party.finish_login(&login.handle, &query).await?)
}

/// A browser's part: follows redirections from `url` until the address of return, and gives its query.
async fn browse(mut url: String, until: &str) -> Result<String, Failure> {
    let lost = |why: String| Failure::permanent(Stage::Authenticate, why);
    let client = http::plain_client(PATIENCE)?;
    for _ in 0..REDIRECTIONS {
        let answer = client.get(&url).send().await.map_err(|error| {
            Failure::temporary(
                Stage::Authenticate,
                format!("the wallet cannot be reached: {}", error.without_url()),
            )
        })?;
        let status = answer.status().as_u16();
        let place = answer.headers().get("location").and_then(|value| value.to_str().ok());
        let Some(place) = place else {
            return Err(lost(format!(
                "the wallet shows a page (HTTP {status}): nobody answers in the person's place"
            )));
        };
        if let Some(query) = place.strip_prefix(until).and_then(|rest| rest.strip_prefix('?')) {
            return Ok(query.to_owned());
        }
        url = answer.url().join(place).map_err(|error| lost(error.to_string()))?.to_string();
    }
    Err(lost(format!("more than {REDIRECTIONS} redirections")))
}
