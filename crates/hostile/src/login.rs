use oidc::{Discovery, Form, Jwks, TokenResponse, Verifier};
use sasl::{Credentials, Mechanism};

/// A SASL response, and the line that carries it: what was read is written again as the same, and no transcript shows it.
pub(crate) fn sasl(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = sasl::decode_challenge(&text);
    let _ = sasl::Profile::parse(&text);
    let _ = Mechanism::parse(&text);
    for mechanism in [Mechanism::Xoauth2, Mechanism::OauthBearer, Mechanism::External] {
        let Ok(credentials) = Credentials::decode(mechanism, &text) else { continue };
        let shown = format!("{credentials:?}");
        let again = match &credentials {
            Credentials::Xoauth2 { user, token } => {
                let token_text = token.reveal();
                assert!(
                    token_text.len() < 20 || user.contains(token_text) || !shown.contains(token_text),
                    "{shown}"
                );
                sasl::xoauth2_response(user, token).reveal().clone()
            }
            Credentials::External { authzid } => {
                assert!(!authzid.contains(char::is_control) && authzid.len() <= 320, "{shown}");
                sasl::external_response(authzid)
            }
        };
        let mechanism = if mechanism == Mechanism::External { mechanism } else { Mechanism::Xoauth2 };
        if let Ok(read) = Credentials::decode(mechanism, &again) {
            assert_eq!(read.user(), credentials.user());
        }
    }
    masked(&text);
}

/// Whatever follows a mechanism's name in a login is hidden, and a line that is kept is one line.
fn masked(text: &str) {
    let kept = wire::mask_line(text, false);
    assert!(!kept.chars().any(char::is_control), "a control character in {kept:?}");
    assert!(kept.chars().count() <= 5 * 1_000, "a line of {} characters", kept.chars().count());
    let secret: String = text.chars().filter(char::is_ascii_graphic).collect();
    if secret.len() >= 40 {
        for line in [
            format!("a1 AUTHENTICATE XOAUTH2 {secret}"),
            format!("AUTH XOAUTH2 {secret}"),
            format!("a2 LOGIN somebody {secret}"),
        ] {
            assert!(!wire::mask_line(&line, false).contains(&secret[..40]), "a secret shows in a line");
        }
        assert!(!wire::mask_line(&secret, true).contains(&secret[..40]));
    }
}

/// What a provider and its clients read: forms, tokens, keys, discovery. No token is believed: no key signed it.
pub(crate) fn oidc(bytes: &[u8]) {
    if let Ok(form) = Form::parse(bytes) {
        let _ = (form.get("client_id"), form.get("scope"));
    }
    let _ = TokenResponse::parse(200, bytes);
    let _ = TokenResponse::parse(400, bytes);
    let _ = serde_json::from_slice::<Discovery>(bytes);
    let keys = serde_json::from_slice::<Jwks>(bytes).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let _ = oidc::decode_component(&text);
    let (_, _) = oidc::claimed(&text);
    let now = kernel::Timestamp::from_second(1_790_000_000).expect("a date within range");
    let verifier = Verifier::new("https://localhost", &keys);
    // A token may come behind a set of keys, on a line of its own.
    let token = text.rsplit('\n').next().unwrap_or_default();
    assert!(verifier.access(token, now).is_err(), "a token that nobody signed");
    assert!(verifier.id_token(token, "client", "nonce", None, now).is_err());
    assert!(verifier.id_token_hint(token).is_err());
    let _ = (oidc::pkce::is_verifier(&text), oidc::pkce::is_challenge(&text));
}

/// The first octets of a TLS client.
pub(crate) fn client_hello(bytes: &[u8]) {
    let _ = tls::parse_client_hello(bytes);
}
