use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk as LibraryJwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use kernel::base64url;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An RSA key that signs tokens, with the name that its public half has in the JWKS. `Debug` shows the name only.
///
/// The key is parsed once and signs directly: the JWT library reads and checks its private key again for each
/// signature, which costs as much as the signature.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<RsaKeyPair>,
    public: Jwk,
}

/// A published set of keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwks {
    /// The keys; those of other kinds than RSA are kept out of verification.
    pub keys: Vec<Jwk>,
}

/// One public key (RFC 7517 §4, RFC 7518 §6.3.1). Members that an RSA signature key needs; others are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// The key's name.
    #[serde(default)]
    pub kid: String,
    /// `RSA`.
    pub kty: String,
    /// `RS256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// Modulus, base64url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub n: String,
    /// Exponent, base64url.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub e: String,
}

/// A key that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The private key is not an RSA key in PEM (PKCS#8 or PKCS#1).
    #[error("not an RSA private key in PEM: {0}")]
    Private(String),
    /// The claims could not be signed; the key is damaged.
    #[error("the signature failed: {0}")]
    Sign(String),
}

impl SigningKey {
    /// Reads a private key. Its name is the thumbprint of its public half (RFC 7638), so the same key keeps the
    /// same name for ever.
    ///
    /// # Errors
    /// [`KeyError::Private`] when it is no RSA key in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let unreadable = |error: jsonwebtoken::errors::Error| KeyError::Private(error.to_string());
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(unreadable)?;
        let jwk = LibraryJwk::from_encoding_key(&key, Algorithm::RS256).map_err(unreadable)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(unreadable)?;
        let AlgorithmParameters::RSA(rsa) = jwk.algorithm else {
            return Err(KeyError::Private("not RSA".into()));
        };
        let public = Jwk {
            kid,
            kty: "RSA".into(),
            alg: Some("RS256".into()),
            usage: Some("sig".into()),
            n: rsa.n,
            e: rsa.e,
        };
        // The library keeps PKCS#1, whatever the PEM was.
        let pair = RsaKeyPair::from_der(key.as_bytes())
            .map_err(|rejected| KeyError::Private(rejected.to_string()))?;
        Ok(Self { pair: Arc::new(pair), public })
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.public.kid
    }

    /// The public half, as published.
    pub fn jwk(&self) -> &Jwk {
        &self.public
    }

    /// Signs claims as an RS256 JWT with the key's name in its header.
    ///
    /// # Errors
    /// [`KeyError::Sign`] when the claims are no JSON object or the key is damaged.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String, KeyError> {
        self.sign_as("JWT", claims)
    }

    /// The same with another `typ` in the header: `logout+jwt` for logout tokens.
    ///
    /// # Errors
    /// [`KeyError::Sign`], as [`SigningKey::sign`].
    pub fn sign_as<T: Serialize>(&self, typ: &str, claims: &T) -> Result<String, KeyError> {
        self.sign_under(&self.public.kid, typ, claims)
    }

    /// Signs under a name that need not be this key's: how the sandbox forges a token whose signature does not match.
    ///
    /// # Errors
    /// [`KeyError::Sign`], as [`SigningKey::sign`].
    pub fn sign_under<T: Serialize>(&self, kid: &str, typ: &str, claims: &T) -> Result<String, KeyError> {
        let header = json!({"alg": "RS256", "typ": typ, "kid": kid});
        let failed = |error: serde_json::Error| KeyError::Sign(error.to_string());
        let mut token = base64url(header.to_string().as_bytes());
        token.push('.');
        token.push_str(&base64url(&serde_json::to_vec(claims).map_err(failed)?));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| KeyError::Sign("the cryptographic library refused".into()))?;
        token.push('.');
        token.push_str(&base64url(&signature));
        Ok(token)
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

impl Jwks {
    /// The keys that may verify an RS256 signature, with their names.
    pub(crate) fn usable(&self) -> Vec<(String, DecodingKey)> {
        self.keys
            .iter()
            .filter(|key| key.kty == "RSA" && key.usage.as_deref().is_none_or(|usage| usage == "sig"))
            .filter(|key| key.alg.as_deref().is_none_or(|alg| alg == "RS256"))
            .filter_map(|key| Some((key.kid.clone(), DecodingKey::from_rsa_components(&key.n, &key.e).ok()?)))
            .collect()
    }
}
