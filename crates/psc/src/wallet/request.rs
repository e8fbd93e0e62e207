//! An authorization request, read and checked (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2, PSC's documentation).

use oidc::{ErrorCode, Form, pkce};

use crate::provider::Psc;

/// Longest value of a parameter, in bytes.
const LONGEST: usize = 2_048;

/// A request that may be shown to a person.
#[derive(Clone, Debug)]
pub(crate) struct AuthRequest {
    pub(super) client_id: String,
    pub(super) client_name: String,
    pub(super) redirect_uri: String,
    pub(super) scope: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) challenge: String,
    pub(super) acr_values: String,
    pub(super) login_hint: Option<String>,
    /// Whether no page may be shown (`prompt=none`).
    pub(super) silent: bool,
    /// Whether the person must identify herself again, logged in or not (`prompt=login` and the like).
    pub(super) fresh: bool,
    /// How old a login may be, in seconds.
    pub(super) max_age: Option<i64>,
    /// The delegated identity provider asked for: told in the log, and nothing else here.
    pub(super) idp_hint: Option<String>,
}

/// A request that may not.
#[derive(Clone, Debug)]
pub(super) enum Rejected {
    /// The client or its address cannot be trusted: told to the person, never redirected.
    Here(Problem),
    /// Told to the client.
    There { redirect_uri: String, state: Option<String>, code: ErrorCode, description: &'static str },
}

/// What a page of refusal says, as identifiers of texts and as facts.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) what: &'static str,
    pub(super) received: Option<String>,
    /// A text's identifier, or facts as they are.
    pub(super) expected: Expected,
    pub(super) next: &'static str,
}

#[derive(Clone, Debug)]
pub(super) enum Expected {
    Text(&'static str),
    Facts(Vec<String>),
}

impl AuthRequest {
    pub(super) fn read(psc: &Psc, query: &str) -> Result<Self, Rejected> {
        let form = Form::parse(query.as_bytes()).map_err(|repeated| {
            Rejected::Here(Problem {
                what: "wallet-error-repeated",
                received: Some(repeated.name),
                expected: Expected::Text("wallet-error-repeated-expected"),
                next: "wallet-error-repeated-next",
            })
        })?;
        let client_problem = |what, received: Option<&str>| {
            Rejected::Here(Problem {
                what,
                received: received.map(shown),
                expected: Expected::Text("wallet-error-client-expected"),
                next: "wallet-error-client-next",
            })
        };
        let client_id =
            form.get("client_id").ok_or_else(|| client_problem("wallet-error-client-missing", None))?;
        let client = psc
            .client(client_id)
            .ok_or_else(|| client_problem("wallet-error-client-unknown", Some(client_id)))?;
        let redirect_problem = |what, received: Option<&str>| {
            Rejected::Here(Problem {
                what,
                received: received.map(shown),
                expected: Expected::Facts(client.settings.redirect_uris.clone()),
                next: "wallet-error-redirect-next",
            })
        };
        let redirect_uri = form
            .get("redirect_uri")
            .ok_or_else(|| redirect_problem("wallet-error-redirect-missing", None))?;
        let is_known = client.settings.redirect_uris.iter().any(|known| known == redirect_uri);
        if !is_known && psc.answers_for(client_id, redirect_uri).is_none() {
            return Err(redirect_problem("wallet-error-redirect-unknown", Some(redirect_uri)));
        }
        let state = form.get("state").filter(|state| state.len() <= LONGEST);
        check(&form).map_err(|(code, description)| Rejected::There {
            redirect_uri: redirect_uri.to_owned(),
            state: state.map(str::to_owned),
            code,
            description,
        })?;
        let value = |name: &str| form.get(name).unwrap_or_default().to_owned();
        let prompts = |wanted: &[&str]| {
            form.get("prompt").is_some_and(|all| all.split(' ').any(|prompt| wanted.contains(&prompt)))
        };
        Ok(Self {
            client_id: client.settings.client_id,
            client_name: client.settings.name,
            redirect_uri: redirect_uri.to_owned(),
            scope: value("scope"),
            state: value("state"),
            nonce: value("nonce"),
            challenge: value("code_challenge"),
            acr_values: value("acr_values"),
            login_hint: form.get("login_hint").map(shown),
            silent: prompts(&["none"]),
            fresh: prompts(&["login", "select_account", "consent"]),
            max_age: form.get("max_age").and_then(|seconds| seconds.parse().ok()),
            idp_hint: form.get("kc_idp_hint").map(shown),
        })
    }
}

/// The rules whose breach is told to the client, in the order in which they are looked at.
fn check(form: &Form) -> Result<(), (ErrorCode, &'static str)> {
    let invalid = |description| Err((ErrorCode::InvalidRequest, description));
    let has = |name: &str, wanted: &str| {
        form.get(name).is_some_and(|values| values.split(' ').any(|value| value == wanted))
    };
    if form.longest() > LONGEST {
        return invalid("A parameter is longer than 2048 bytes.");
    }
    if form.get("request").is_some() || form.get("request_uri").is_some() {
        return Err((ErrorCode::RequestNotSupported, "Request objects are not read here."));
    }
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => return Err((ErrorCode::UnsupportedResponseType, "response_type must be code.")),
        None => return invalid("response_type is missing."),
    }
    if form.get("response_mode").is_some_and(|mode| mode != "query") {
        return invalid("response_mode must be query.");
    }
    if form.get("state").is_none() {
        return invalid("state is missing.");
    }
    if !has("scope", "openid") || !has("scope", "scope_all") {
        return Err((ErrorCode::InvalidScope, "scope must hold openid and scope_all."));
    }
    if form.get("acr_values") != Some(oidc::ACR_REQUESTED) {
        return invalid("acr_values must be eidas1.");
    }
    if form.get("nonce").is_none() {
        return invalid("nonce is missing.");
    }
    if form.get("code_challenge_method") != Some("S256") {
        return invalid("code_challenge_method must be S256.");
    }
    if !form.get("code_challenge").is_some_and(pkce::is_challenge) {
        return invalid("code_challenge must have 43 base64url characters.");
    }
    if has("prompt", "none") && form.get("prompt") != Some("none") {
        return invalid("prompt=none goes with no other prompt.");
    }
    let prompts = ["none", "login", "consent", "select_account"];
    if form.get("prompt").is_some_and(|all| !all.split(' ').all(|prompt| prompts.contains(&prompt))) {
        return invalid("prompt must be none, login, consent or select_account.");
    }
    if form.get("max_age").is_some_and(|age| age.parse::<u32>().is_err()) {
        return invalid("max_age must be a number of seconds.");
    }
    Ok(())
}

/// What of a received value is shown: 200 printable characters.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
