//! How a webhook proves where it comes from: the scheme of Standard Webhooks 1.0, which ready-made libraries check in
//! a dozen languages. What is signed is `id.timestamp.body` with HMAC-SHA256; the timestamp lets a receiver refuse a
//! replay.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Secret;

/// The names of the three header fields of a webhook: identifier, time (seconds since 1970), signatures.
pub const SIGNATURE_HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// The value of `webhook-signature` for this message. `secret` is the webhook's, as it was shown (`whsec_…`).
///
/// `None` where the secret is not of that form.
pub fn sign(secret: &Secret<String>, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let octets = Secret::new(STANDARD.decode(secret.reveal().strip_prefix("whsec_")?).ok()?);
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, octets.reveal()));
    context.update(format!("{id}.{timestamp}.").as_bytes());
    context.update(body);
    Some(format!("v1,{}", STANDARD.encode(context.sign())))
}

/// The secret of one webhook, derived from the practice's own: none is kept, and a copy of the base gives none away.
pub(crate) fn secret_of(master: &Secret<Vec<u8>>, hook: &str) -> Secret<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, master.reveal());
    let derived = hmac::sign(&key, format!("vaguemestre webhook {hook}").as_bytes());
    Secret::new(format!("whsec_{}", STANDARD.encode(derived)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_the_published_example() {
        // The example of the Standard Webhooks specification.
        let secret = Secret::new(String::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        let body = br#"{"test": 2432232314}"#;
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(sign(&Secret::new("no secret".into()), "a", 1, body), None);
    }

    #[test]
    fn each_webhook_has_a_secret_of_its_own() {
        let master = Secret::new(vec![7; 32]);
        assert_ne!(secret_of(&master, "a"), secret_of(&master, "b"));
        assert_eq!(secret_of(&master, "a"), secret_of(&master, "a"));
    }
}
