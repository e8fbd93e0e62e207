//! When an access token ends, read from the token itself. Nothing is trusted: a token is checked by its server.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Secret;
use serde::Deserialize;

/// A token is renewed this long before its end, or at three quarters of a life that is shorter than four times this
/// (spec 01 §3.7).
const MARGIN: i64 = 30;

/// The life that a token announces, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Lifetime {
    pub(crate) iat: i64,
    pub(crate) exp: i64,
}

impl Lifetime {
    /// From when on another token should be fetched.
    pub(crate) fn renew_at(self) -> i64 {
        let life = self.exp.saturating_sub(self.iat).max(0);
        self.exp.saturating_sub(MARGIN.min(life / 4))
    }
}

/// The life of a JWT (RFC 7519 §4.1), or `None` where the token is opaque.
pub(crate) fn lifetime(token: &Secret<String>) -> Option<Lifetime> {
    let payload = token.reveal().split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> Secret<String> {
        Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload)))
    }

    #[test]
    fn a_token_is_renewed_before_its_end() {
        let life = lifetime(&token(r#"{"iat":1000,"exp":1120,"sub":"x"}"#)).unwrap();
        assert_eq!(life.renew_at(), 1090);
        assert_eq!(Lifetime { iat: 1000, exp: 1005 }.renew_at(), 1004);
        assert_eq!(Lifetime { iat: i64::MAX, exp: i64::MIN }.renew_at(), i64::MIN);
    }

    #[test]
    fn an_opaque_token_has_no_known_end() {
        assert_eq!(lifetime(&Secret::new("opaque".into())), None);
        assert_eq!(lifetime(&Secret::new("a.@@.c".into())), None);
        assert_eq!(lifetime(&token(r#"{"exp":"soon"}"#)), None);
    }
}
