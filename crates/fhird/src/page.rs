use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a link to the next page can be followed, in microseconds: a quarter of an hour. The real figure is not published.
const LIFE: i64 = 15 * 60 * 1_000_000;

/// Octets of the nonce in front of the sealed text (AES-GCM).
const NONCE: usize = 12;

/// Where a search goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Context {
    /// The resource searched.
    pub(crate) resource: String,
    /// The parameters, as they were sent.
    pub(crate) pairs: Vec<(String, String)>,
    /// Matches before the page.
    pub(crate) before: usize,
    /// Place in the roll after which the page begins. The roll only grows, so that nothing is shown twice or missed.
    pub(crate) after: usize,
    /// When the link was made, in microseconds.
    pub(crate) at: i64,
}

/// Seals contexts, so that clients follow links as they are and do not make their own (spec 03 §2.1).
#[derive(Debug)]
pub(crate) struct Seal(RandomizedNonceKey);

impl Seal {
    pub(crate) fn new() -> Self {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &kernel::random::bytes::<32>());
        Self(key.expect("32 octets are a key of AES-256"))
    }

    pub(crate) fn close(&self, context: &Context) -> String {
        let mut text = serde_json::to_vec(context).expect("a context is plain data");
        let nonce = self.0.seal_in_place_append_tag(Aad::empty(), &mut text).expect("a short text is sealed");
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend(text);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// `None` for what was not sealed here, or too long ago.
    pub(crate) fn open(&self, token: &str, now: Timestamp) -> Option<Context> {
        let mut sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, text) = sealed.split_at_mut_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = self.0.open_in_place(nonce, Aad::empty(), text).ok()?;
        let context: Context = serde_json::from_slice(text).ok()?;
        (now.as_microsecond() - context.at <= LIFE).then_some(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_for_its_maker_only_unchanged_and_in_time() {
        let seal = Seal::new();
        let pairs = vec![("family".into(), "FICTIF".into())];
        let context = Context { resource: "Practitioner".into(), pairs, before: 50, after: 61, at: 0 };
        let (token, now) = (seal.close(&context), Timestamp::UNIX_EPOCH);
        assert!(!token.contains("FICTIF") && token != seal.close(&context));
        assert_eq!(seal.open(&token, now), Some(context));
        assert_eq!(seal.open(&token, Timestamp::from_second(901).unwrap()), None);
        assert_eq!(Seal::new().open(&token, now), None);
        let mut changed = token.clone().into_bytes();
        changed[20] = if changed[20] == b'A' { b'B' } else { b'A' };
        assert_eq!(seal.open(&String::from_utf8(changed).unwrap(), now), None);
        for junk in ["", "AAAA", "é", "not base64!"] {
            assert_eq!(seal.open(junk, now), None, "{junk}");
        }
    }
}
