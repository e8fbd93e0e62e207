use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The discovery document (OpenID Connect Discovery 1.0 §3), with PSC's values where they are true of the sandbox.
///
/// PSC publishes it as `wallet-openid-configuration`; the sandbox serves the same under the standard name too,
/// because most libraries know no other. What PSC announces and the sandbox does not do is left out: a client
/// that believes the document must never meet a closed door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// The environment's name: the realm's address.
    pub issuer: String,
    /// The wallet: on another host than the rest.
    pub authorization_endpoint: String,
    /// Codes and refresh tokens against tokens.
    pub token_endpoint: String,
    /// Introspection (RFC 7662).
    #[serde(default)]
    pub introspection_endpoint: String,
    /// The person's attributes.
    #[serde(default)]
    pub userinfo_endpoint: String,
    /// End of the session, started by the client.
    #[serde(default)]
    pub end_session_endpoint: String,
    /// The public keys.
    pub jwks_uri: String,
    /// Revocation (RFC 7009).
    #[serde(default)]
    pub revocation_endpoint: String,
    /// Grants of the token endpoint.
    #[serde(default)]
    pub grant_types_supported: Vec<String>,
    /// Signatures of ID tokens.
    #[serde(default)]
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// `code` only.
    #[serde(default)]
    pub response_types_supported: Vec<String>,
    /// `query` only.
    #[serde(default)]
    pub response_modes_supported: Vec<String>,
    /// Kinds of `sub`.
    #[serde(default)]
    pub subject_types_supported: Vec<String>,
    /// How clients authenticate.
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The same, for introspection.
    #[serde(default)]
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The same, for revocation.
    #[serde(default)]
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// PSC's literal value is `["0","0"]`: useless, and kept so that clients that trust it are found out.
    #[serde(default)]
    pub acr_values_supported: Vec<String>,
    /// Claims, as PSC lists them.
    #[serde(default)]
    pub claims_supported: Vec<String>,
    /// `normal`.
    #[serde(default)]
    pub claim_types_supported: Vec<String>,
    /// Whether the `claims` parameter is read.
    #[serde(default)]
    pub claims_parameter_supported: bool,
    /// Scopes, as PSC lists them.
    #[serde(default)]
    pub scopes_supported: Vec<String>,
    /// Whether the `request` parameter is read.
    #[serde(default)]
    pub request_parameter_supported: bool,
    /// Whether the `request_uri` parameter is read.
    #[serde(default)]
    pub request_uri_parameter_supported: bool,
    /// PKCE methods.
    #[serde(default)]
    pub code_challenge_methods_supported: Vec<String>,
    /// Whether tokens are bound to a client certificate (RFC 8705 §3).
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// Whether the callback carries `iss` (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
    /// Whether pushed requests are demanded.
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// Where a decoupled identification starts (CIBA Core §4).
    #[serde(default)]
    pub backchannel_authentication_endpoint: String,
    /// `poll` only; PSC announces `ping` too and does not offer it.
    #[serde(default)]
    pub backchannel_token_delivery_modes_supported: Vec<String>,
    /// Whether clients are told of logouts by a request to their server.
    #[serde(default)]
    pub backchannel_logout_supported: bool,
    /// Whether that request names the session.
    #[serde(default)]
    pub backchannel_logout_session_supported: bool,
    /// Whether clients are told of logouts through the browser.
    #[serde(default)]
    pub frontchannel_logout_supported: bool,
    /// Whether that address names the session.
    #[serde(default)]
    pub frontchannel_logout_session_supported: bool,
    /// Values of `prompt`.
    #[serde(default)]
    pub prompt_values_supported: Vec<String>,
    /// The endpoints that take a client certificate (RFC 8705 §5): the same addresses, as at PSC.
    #[serde(default)]
    pub mtls_endpoint_aliases: BTreeMap<String, String>,
}

impl Discovery {
    /// The sandbox's document, for an issuer (the realm's address) and the wallet's base address.
    pub fn sandbox(issuer: &str, wallet_base: &str) -> Self {
        let endpoint = |name: &str| format!("{issuer}/protocol/openid-connect/{name}");
        let list = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        let client_authentication = list(&["client_secret_basic", "client_secret_post", "tls_client_auth"]);
        let alias = |name: &str, path: &str| (format!("{name}_endpoint"), endpoint(path));
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: format!("{wallet_base}/auth"),
            token_endpoint: endpoint("token"),
            introspection_endpoint: endpoint("token/introspect"),
            userinfo_endpoint: endpoint("userinfo"),
            end_session_endpoint: endpoint("logout"),
            jwks_uri: endpoint("certs"),
            revocation_endpoint: endpoint("revoke"),
            grant_types_supported: list(&[
                "authorization_code",
                "refresh_token",
                crate::CIBA_GRANT,
                crate::EXCHANGE_GRANT,
            ]),
            id_token_signing_alg_values_supported: list(&["RS256"]),
            response_types_supported: list(&["code"]),
            response_modes_supported: list(&["query"]),
            subject_types_supported: list(&["public"]),
            token_endpoint_auth_methods_supported: client_authentication.clone(),
            introspection_endpoint_auth_methods_supported: client_authentication.clone(),
            revocation_endpoint_auth_methods_supported: client_authentication,
            acr_values_supported: list(&["0", "0"]),
            claims_supported: list(&[
                "aud",
                "sub",
                "iss",
                "auth_time",
                "name",
                "given_name",
                "family_name",
                "preferred_username",
                "email",
                "acr",
            ]),
            claim_types_supported: list(&["normal"]),
            claims_parameter_supported: false,
            scopes_supported: list(&[
                "openid",
                "microprofile-jwt",
                "rpps",
                "referentiel",
                "web-origins",
                "basic",
                "identity",
                "acr",
                "offline_access",
                "eidas1",
                "profile",
                "roles",
                "email",
                "scope_all",
                "phone",
                "interop",
                "scope_1",
                "address",
                "scope_2",
                "eidas2",
            ]),
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            code_challenge_methods_supported: list(&["S256"]),
            tls_client_certificate_bound_access_tokens: true,
            authorization_response_iss_parameter_supported: true,
            require_pushed_authorization_requests: false,
            backchannel_authentication_endpoint: endpoint("ext/ciba/auth"),
            backchannel_token_delivery_modes_supported: list(&["poll"]),
            backchannel_logout_supported: true,
            backchannel_logout_session_supported: true,
            frontchannel_logout_supported: true,
            frontchannel_logout_session_supported: true,
            prompt_values_supported: list(&["none", "login", "consent", "select_account"]),
            mtls_endpoint_aliases: [
                alias("token", "token"),
                alias("introspection", "token/introspect"),
                alias("revocation", "revoke"),
                alias("userinfo", "userinfo"),
                alias("backchannel_authentication", "ext/ciba/auth"),
            ]
            .into(),
        }
    }
}
