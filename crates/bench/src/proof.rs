//! Proofs: everything about a run, signed, so that anyone can check the signature *and replay the judge*.
//!
//! A proof is a UTF-8 JSON body, a line feed, and one line
//! `vaguemestre-sig:ed25519:<key id>:<base64url>`. The signature covers every byte before that line. The key id is the
//! SHA-256 of the public key, which the body holds: without a pinned key a valid proof says "integrity only".

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kernel::Timestamp;
use rules::{Check, Text};
use serde::{Deserialize, Serialize};
use wire::Event;

use crate::error::Error;
use crate::judge::{Context, Judgement, Message, Verdict, judge};
use crate::product::write_private;
use crate::scenario::Scenario;

const SCHEMA: &str = "vaguemestre/proof/1";
const SIGNATURE: &str = "vaguemestre-sig:ed25519:";

/// The body of a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// `vaguemestre/proof/1`.
    pub schema: String,
    /// What a proof is not.
    pub notice: Text,
    /// Version of the software that judged.
    pub version: String,
    /// When the proof was made.
    pub made: Timestamp,
    /// The campaign.
    pub campaign: i64,
    /// Its seed.
    pub seed: i64,
    /// The product.
    pub product: ProductFacts,
    /// Public key of the signature, base64url.
    pub public_key: String,
    /// The runs.
    pub runs: Vec<RunEvidence>,
}

/// The product that a proof is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductFacts {
    /// Its number.
    pub nil: String,
    /// Its name.
    pub name: String,
    /// Its version, if one was said.
    pub version: Option<String>,
}

/// Everything that the judge saw of one run, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEvidence {
    /// The run's number.
    pub number: i64,
    /// The scenario, whole.
    pub scenario: Scenario,
    /// The context.
    pub context: Context,
    /// The wire events of the run's own connections.
    pub events: Vec<Event>,
    /// The messages of the run.
    pub messages: Vec<KeptMessage>,
    /// The verdict.
    pub verdict: Verdict,
    /// The checks.
    pub checks: Vec<Check>,
}

/// A message as the operator took it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// The operator's queue id.
    pub queue_id: String,
    /// The bytes as received, base64.
    pub base64: String,
}

impl KeptMessage {
    /// Keeps a message.
    pub fn new(queue_id: impl Into<String>, bytes: &[u8]) -> Self {
        Self { queue_id: queue_id.into(), base64: STANDARD.encode(bytes) }
    }
}

impl RunEvidence {
    /// Judges again what is in the evidence.
    ///
    /// # Errors
    /// Where a message is not base64.
    pub fn replay(&self) -> Result<Judgement, String> {
        let bytes: Vec<(&str, Vec<u8>)> = self
            .messages
            .iter()
            .map(|message| match STANDARD.decode(&message.base64) {
                Ok(bytes) => Ok((message.queue_id.as_str(), bytes)),
                Err(_) => Err(format!("run {}: message {} is not base64", self.number, message.queue_id)),
            })
            .collect::<Result<_, _>>()?;
        let messages: Vec<Message<'_>> =
            bytes.iter().map(|(queue_id, bytes)| Message { queue_id, bytes }).collect();
        Ok(judge(&self.scenario, &self.context, &self.events, &messages))
    }
}

/// The sentence that every proof carries.
pub fn notice() -> Text {
    Text::new(
        "Répétition : ce dossier n’est pas un numéro de test MOTCO2 et ne constitue pas une preuve auprès de l’ANS.",
        "Rehearsal: this file is not a MOTCO2 test number and is no proof towards the ANS.",
    )
}

/// The key that signs this bench's proofs.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.key_id())
    }
}

impl Signer {
    /// Opens the key at `path`, or makes it (mode 0600). Its public half is written beside it, as `.pub`.
    ///
    /// # Errors
    /// Where the file cannot be read or written, or is damaged: it is never replaced silently.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let pkcs8 = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let pair = Ed25519KeyPair::generate()
                    .map_err(|_| Error::from(std::io::Error::other("no Ed25519 key could be made")))?;
                let made = pair
                    .to_pkcs8()
                    .map_err(|_| Error::from(std::io::Error::other("no Ed25519 key could be made")))?;
                write_private(path, made.as_ref())?;
                made.as_ref().to_vec()
            }
            Err(error) => return Err(error.into()),
        };
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| {
            let message = format!("{} is damaged: it holds no Ed25519 key", path.display());
            Error::new(
                crate::Code::DataUnwritable,
                message,
                "Restore it from a backup, or move it away to make a new key.",
            )
        })?;
        let signer = Self { pair };
        let public = path.with_extension("pub");
        if !public.exists() {
            fs::write(&public, format!("{}\n", signer.public_key()))?;
        }
        Ok(signer)
    }

    /// Public key, base64url.
    pub fn public_key(&self) -> String {
        kernel::base64url(self.pair.public_key().as_ref())
    }

    /// SHA-256 of the public key, hexadecimal: what `verify --key` pins.
    pub fn key_id(&self) -> String {
        kernel::sha256_hex(self.pair.public_key().as_ref())
    }

    /// The proof's text.
    pub fn sign(&self, body: &Body) -> String {
        let mut text = serde_json::to_string_pretty(body).expect("a proof serialises");
        text.push('\n');
        let signature = self.pair.sign(text.as_bytes());
        text + &format!("{SIGNATURE}{}:{}\n", self.key_id(), kernel::base64url(signature.as_ref()))
    }
}

/// What `verify` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Signature good and every verdict the same when judged again. `pinned` says whether the key was the expected one.
    Valid {
        /// Whether the key was pinned by the caller.
        pinned: bool,
        /// The key's id.
        key_id: String,
        /// The body.
        body: Box<Body>,
    },
    /// Not to be believed, and why.
    Invalid(String),
    /// Not a proof that one can read, and why.
    Unreadable(String),
}

/// Checks a proof: signature, key, and every verdict judged again. `key` is a key id, or the public key in base64url.
pub fn verify(bytes: &[u8], key: Option<&str>) -> Verification {
    match examine(bytes, key) {
        Ok(verification) | Err(verification) => verification,
    }
}

fn examine(bytes: &[u8], key: Option<&str>) -> Result<Verification, Verification> {
    let unreadable = |why: &str| Verification::Unreadable(why.to_owned());
    let invalid = |why: String| Verification::Invalid(why);
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("the file is not UTF-8"))?;
    let without_end =
        text.strip_suffix('\n').ok_or_else(|| unreadable("the file does not end with its signature line"))?;
    let start = without_end.rfind('\n').ok_or_else(|| unreadable("the file has no signature line"))? + 1;
    let (body_text, line) = (&text[..start], &without_end[start..]);
    let rest = line.strip_prefix(SIGNATURE).ok_or_else(|| unreadable("the last line is not a signature"))?;
    let (key_id, signature) =
        rest.split_once(':').ok_or_else(|| unreadable("the signature line has no key id"))?;
    let signature =
        URL_SAFE_NO_PAD.decode(signature).map_err(|_| unreadable("the signature is not base64url"))?;
    let body: Body = serde_json::from_str(body_text)
        .map_err(|error| Verification::Unreadable(format!("the body is not a proof: {error}")))?;
    if body.schema != SCHEMA {
        return Err(Verification::Unreadable(format!("schema {:?} is not {SCHEMA}", body.schema)));
    }
    let public = URL_SAFE_NO_PAD
        .decode(&body.public_key)
        .map_err(|_| unreadable("the public key is not base64url"))?;
    if kernel::sha256_hex(&public) != key_id {
        return Err(invalid("the key id is not the one of the body's public key".into()));
    }
    if UnparsedPublicKey::new(&ED25519, &public).verify(body_text.as_bytes(), &signature).is_err() {
        return Err(invalid("the signature does not match: the file was changed after it was signed".into()));
    }
    if let Some(expected) = key
        && expected != key_id
        && expected != body.public_key
    {
        return Err(invalid(format!("signed by {key_id}, which is not the expected key")));
    }
    if body.runs.is_empty() {
        return Err(invalid("the proof holds no run".into()));
    }
    for run in &body.runs {
        let again = run.replay().map_err(invalid)?;
        if again.verdict != run.verdict || again.checks != run.checks {
            let (said, found) = (run.verdict.name(), again.verdict.name());
            return Err(invalid(format!(
                "run {}: the proof says {said}, its evidence says {found}",
                run.number
            )));
        }
    }
    Ok(Verification::Valid { pinned: key.is_some(), key_id: key_id.to_owned(), body: Box::new(body) })
}

/// A body ready to be signed.
pub fn body(
    signer: &Signer,
    made: Timestamp,
    campaign: i64,
    seed: i64,
    product: ProductFacts,
    runs: Vec<RunEvidence>,
) -> Body {
    Body {
        schema: SCHEMA.into(),
        notice: notice(),
        version: env!("CARGO_PKG_VERSION").into(),
        made,
        campaign,
        seed,
        product,
        public_key: signer.public_key(),
        runs,
    }
}
