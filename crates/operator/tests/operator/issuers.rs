//! Tokens of a second issuer, and tokens that are bound to a certificate.

use kernel::{Clock, Secret};
use oidc::Confirmation;
use operator::{PscTokens, SecondIssuer, Tokens};
use psc::{ClientRegistration, Identity, Psc, PscConfig, TokenWish};
use sasl::RefusalCode;
use wire::CertificateFacts;

const DOCTOR: &str = "899700000018";
const BAS: &str = "https://auth.bas.example/auth/realms/esante-wallet";

fn sandbox(dir: &tempfile::TempDir, name: &str, issuer: &str) -> Psc {
    let mut config = PscConfig::new(dir.path().join(name), Clock::system());
    config.issuer = issuer.to_owned();
    let psc = Psc::open(config).unwrap();
    psc.add_identity(Identity::test(DOCTOR));
    psc.register_client(ClientRegistration::new("lps", Secret::new("x".into()), [""; 0])).unwrap();
    psc
}

fn token(psc: &Psc, wish: TokenWish) -> String {
    psc.issue_tokens_as(DOCTOR, "lps", wish).unwrap().response.access_token.reveal().clone()
}

#[tokio::test]
async fn a_second_issuer_is_believed_where_it_was_asked_for_and_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let own = sandbox(&dir, "own", "https://localhost:8802/auth/realms/esante-wallet");
    let bas = sandbox(&dir, "bas", BAS);
    let impostor = sandbox(&dir, "impostor", BAS);
    let good = token(&bas, TokenWish::default());
    let alone = PscTokens::new(own.clone(), Clock::system());
    assert_eq!(alone.verify(&good).unwrap_err().code, RefusalCode::TokenSignature);

    let second = SecondIssuer::new(BAS, bas.jwks());
    let both = alone.and(second.clone());
    assert_eq!(both.verify(&good).unwrap(), DOCTOR);
    assert_eq!(
        both.verify(&token(&own, TokenWish::default())).unwrap(),
        DOCTOR,
        "its own are as good as before"
    );
    for (fault, code) in [
        (psc::PscFault::Expired, RefusalCode::TokenExpired),
        (psc::PscFault::AlgNone, RefusalCode::TokenSignature),
        (psc::PscFault::WrongKey, RefusalCode::TokenSignature),
        (psc::PscFault::WrongIssuer, RefusalCode::TokenSignature),
        (psc::PscFault::MissingClaims, RefusalCode::TokenMalformed),
    ] {
        let wrong = token(&bas, TokenWish { fault: Some(fault), ..TokenWish::default() });
        assert_eq!(both.verify(&wrong).unwrap_err().code, code, "{fault}");
    }
    let forged = token(&impostor, TokenWish::default());
    assert_eq!(
        both.verify(&forged).unwrap_err().code,
        RefusalCode::TokenSignature,
        "the name alone is nothing"
    );
    // The forged token named an unknown key, and so does a good one after a rotation: newer keys are wished for.
    second.keys_wanted().await;
    bas.rotate_key().unwrap();
    let rotated = token(&bas, TokenWish::default());
    assert!(both.verify(&rotated).is_err());
    second.keys_wanted().await;
    assert!(second.set_keys(bas.jwks()));
    assert_eq!(both.verify(&rotated).unwrap(), DOCTOR);
    assert_eq!(both.verify(&good).unwrap(), DOCTOR, "the old key stays published");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let psc = sandbox(&dir, "own", "https://localhost:8802/auth/realms/esante-wallet");
    let tokens = PscTokens::new(psc.clone(), Clock::system());
    let facts = |der: &[u8]| CertificateFacts {
        subject: "CN=x".into(),
        common_name: "x".into(),
        issuer: "y".into(),
        serial: "1".into(),
        sha256: kernel::sha256_hex(der),
        not_before: String::new(),
        not_after: String::new(),
    };
    let ans = Confirmation { x5t_s256: base64_of_hex(b"right") };
    for binding in [Confirmation::of(b"right"), ans] {
        let bound = token(&psc, TokenWish { bound_to: Some(binding), ..TokenWish::default() });
        assert_eq!(tokens.verify_shown(&bound, Some(&facts(b"right"))).unwrap(), DOCTOR);
        for shown in [Some(facts(b"wrong")), None] {
            let refused = tokens.verify_shown(&bound, shown.as_ref()).unwrap_err();
            assert_eq!(refused.code, RefusalCode::WrongCertificate);
        }
    }
    let free = token(&psc, TokenWish::default());
    assert_eq!(tokens.verify_shown(&free, Some(&facts(b"any"))).unwrap(), DOCTOR);
}

/// The form of the ANS's own samples: base64 of the digest's hexadecimal text.
fn base64_of_hex(der: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(kernel::sha256_hex(der))
}
