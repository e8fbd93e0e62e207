//! The compact serialisation (RFC 7515 §7.1), split without believing any of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::LONGEST_TOKEN;

/// The three parts of a token.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    /// Base64url of the signature; empty on an unsigned token.
    pub(crate) signature: &'a str,
    /// `header.payload`: what the signature covers.
    pub(crate) signed: &'a str,
}

/// What of a header matters. A header that needs an extension to be understood (`crit`) is not read any further.
#[derive(Deserialize)]
pub(crate) struct Header {
    /// The algorithm's name, as written.
    pub(crate) alg: String,
    /// The key's name.
    #[serde(default)]
    pub(crate) kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// Not a token that one can read.
pub(crate) struct Unreadable;

impl<'a> Parts<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, Unreadable> {
        if token.len() > LONGEST_TOKEN {
            return Err(Unreadable);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Unreadable)?;
        let (header, payload) = signed.split_once('.').ok_or(Unreadable)?;
        if payload.contains('.') { Err(Unreadable) } else { Ok(Self { header, payload, signature, signed }) }
    }

    pub(crate) fn header(&self) -> Result<Header, Unreadable> {
        let header: Header = decode(self.header)?;
        if header.crit.is_some() { Err(Unreadable) } else { Ok(header) }
    }

    pub(crate) fn payload<T: DeserializeOwned>(&self) -> Result<T, Unreadable> {
        decode(self.payload)
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, Unreadable> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Unreadable)?;
    serde_json::from_slice(&bytes).map_err(|_| Unreadable)
}
