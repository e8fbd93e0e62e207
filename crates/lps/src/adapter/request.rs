use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use kernel::Secret;
use mss::Address;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Endpoint;
use crate::adapter::PROTOCOL;
use crate::adapter::psc_login::PscLogin;
use crate::adapter::search::Query;

/// One step to do. Unknown fields are ignored, so that a newer bench can drive an older client.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    /// Always [`PROTOCOL`].
    pub protocol: u32,
    /// The run's number, for logs.
    #[serde(default)]
    pub run: i64,
    /// The job's identifier, for logs.
    #[serde(default)]
    pub job: String,
    /// What to do.
    pub step: Step,
    /// How long there is, in milliseconds, before the bench ends the process.
    #[serde(default = "default_deadline")]
    pub deadline_ms: u64,
    /// A directory for this run's files.
    pub work_dir: PathBuf,
    /// The mailbox to use.
    pub mailbox: MailboxRef,
    /// Where to read mail; `null` and `{}` both say that this step does not.
    #[serde(default, deserialize_with = "endpoint")]
    pub imap: Option<Endpoint>,
    /// Where to submit mail; as above.
    #[serde(default, deserialize_with = "endpoint")]
    pub smtp: Option<Endpoint>,
    /// The DNS server that knows where the mailbox's servers are: asked where neither `imap` nor `smtp` is given; `null` and
    /// `{}` both say that there is none.
    #[serde(default, deserialize_with = "dns_server")]
    pub dns: Option<SocketAddr>,
    /// The address of the directory's FHIR API; `null` says that there is none.
    #[serde(default)]
    pub directory: Option<String>,
    /// The anchors to trust, and no others; PEM.
    pub ca_file: PathBuf,
    /// Where the revocation lists are.
    #[serde(default)]
    pub crl_urls: Vec<String>,
    /// How to log in.
    pub auth: Auth,
    /// The product's reference number.
    #[serde(default)]
    pub nil: Option<String>,
    /// The bench expects a refusal: the credential is presented as it is, and never renewed.
    #[serde(default)]
    pub expect_refusal: bool,
    /// What to send.
    #[serde(default)]
    pub message: Option<Message>,
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Step {
    /// Log in and out, to each server given.
    Login,
    /// Read the inbox.
    Fetch,
    /// Send one mail.
    Send,
    /// Keep one mail in the folder of sent mails.
    Append,
    /// Search the directory.
    Search,
    /// Answer a mail.
    Reply,
    /// Log in, then end the session properly.
    Logout,
    /// A step of a later version.
    #[serde(other)]
    Unknown,
}

/// The mailbox to use.
#[derive(Clone, Debug, Deserialize)]
pub struct MailboxRef {
    /// `PER`, `ORG` or `APP`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its address.
    pub address: Address,
}

/// How to log in. `Debug` shows no secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "mechanism", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Auth {
    /// With a Pro Santé Connect access token.
    Xoauth2 {
        /// The mailbox to name; the address of `mailbox` where empty.
        #[serde(default)]
        user: String,
        /// The token.
        #[serde(deserialize_with = "secret")]
        access_token: Secret<String>,
        /// How to renew it.
        #[serde(default)]
        refresh: Option<RefreshGrant>,
        /// How to log in to Pro Santé Connect for one, where none is given.
        #[serde(default)]
        psc: Option<Box<PscLogin>>,
    },
    /// With a client certificate.
    External {
        /// Chain, PEM.
        cert_file: PathBuf,
        /// Private key, PKCS#8 PEM.
        key_file: PathBuf,
    },
}

/// The refresh token grant.
#[derive(Clone, Debug, Deserialize)]
pub struct RefreshGrant {
    /// PSC's token endpoint.
    pub token_endpoint: String,
    /// The product's client identifier.
    pub client_id: String,
    /// Its secret.
    #[serde(deserialize_with = "secret")]
    pub client_secret: Secret<String>,
    /// The refresh token.
    #[serde(deserialize_with = "secret")]
    pub refresh_token: Secret<String>,
}

/// What to send. The client composes it from these facts, unless `eml_file` is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Recipients.
    pub to: Vec<Address>,
    /// The subject; the client's own where `None`.
    pub subject: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// CDA documents to put in an IHE_XDM archive.
    pub documents: Vec<PathBuf>,
    /// What the mail is about.
    pub facts: Facts,
    /// Ready bytes to send as they are.
    pub eml_file: Option<PathBuf>,
}

/// What a mail is about, as far as it changes what is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The recipient is a patient, whatever the address looks like: test spaces have patients of their own domain.
    pub to_patient: bool,
    /// The professional closes the exchange.
    pub close: bool,
    /// Message-ID of the mail to answer, with or without its angle brackets; for [`Step::Reply`].
    pub in_reply_to: Option<String>,
    /// Whom to find in the directory: for [`Step::Search`], and for [`Step::Send`] where nobody is named in `to`.
    pub query: Option<Query>,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// A sentence that says what is wrong and where, without quoting any value.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(json).map_err(|error| {
            format!("standard input is not one JSON object: line {}, column {}", error.line(), error.column())
        })?;
        match value.get("protocol") {
            Some(version) if version.as_u64() == Some(u64::from(PROTOCOL)) => {}
            Some(version) => return Err(format!("protocol {version} is not spoken here; {PROTOCOL} is")),
            None => return Err("the request has no \"protocol\"".into()),
        }
        // serde's own message may quote a value, and values may be secrets: only the shape is told.
        serde_json::from_value(value)
            .map_err(|error| format!("the request does not have the expected shape: {}", shape(&error)))
    }
}

/// The part of serde's message that names fields, without the values that it quotes.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") {
        return text;
    }
    match text.rfind("expected ") {
        Some(at) => text[at..].to_owned(),
        None if text.starts_with("an address") || text.starts_with("the part") => text,
        None => "a value is not of its type".to_owned(),
    }
}

fn endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Endpoint>, D::Error> {
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(None),
        Some(value) => serde_json::from_value(value).map(Some).map_err(serde::de::Error::custom),
    }
}

fn dns_server<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    #[derive(Deserialize)]
    struct Server {
        host: IpAddr,
        port: u16,
    }
    match Option::<Value>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(None),
        Some(value) => {
            let Server { host, port } = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
            Ok(Some(SocketAddr::new(host, port)))
        }
    }
}

pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn default_deadline() -> u64 {
    20_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Security;

    const REQUEST: &str = r#"{"protocol":1,"run":31,"job":"psc-nil","step":"send","deadline_ms":20000,
        "work_dir":"/w","mailbox":{"type":"PER","address":"8997@Mail.Example.fr"},
        "imap":{},"smtp":{"host":"localhost","port":1587,"security":"starttls","new":1},"ca_file":"/ca.pem","crl_urls":[],
        "dns":null,"directory":null,"psc":null,
        "auth":{"mechanism":"xoauth2","user":"u","access_token":"TOPSECRET","refresh":{"token_endpoint":"https://p/t",
        "client_id":"c","client_secret":"TOPSECRET","refresh_token":"TOPSECRET"}},"nil":"2621","expect_refusal":false,
        "message":{"to":["a@b.fr"],"subject":null,"text":"t","documents":[],"facts":{"ins":"1","to_patient":true,"close":true},"eml_file":null}}"#;

    #[test]
    fn the_request_of_the_contract_is_read() {
        let request = Request::read(REQUEST.as_bytes()).unwrap();
        assert_eq!((request.step, request.imap), (Step::Send, None));
        assert_eq!(request.smtp.as_ref().unwrap().security, Security::StartTls);
        assert_eq!(request.dns, None);
        let named = REQUEST
            .replace(r#""dns":null"#, r#""dns":{"host":"127.0.0.1","port":1053,"domains":["a.test"]}"#);
        assert_eq!(Request::read(named.as_bytes()).unwrap().dns, "127.0.0.1:1053".parse().ok());
        assert_eq!(request.mailbox.address.as_str(), "8997@mail.example.fr");
        let message = request.message.as_ref().unwrap();
        assert!(message.facts.close && message.facts.to_patient);
    }

    #[test]
    fn no_secret_is_shown() {
        let request = Request::read(REQUEST.as_bytes()).unwrap();
        assert!(!format!("{request:?}").contains("TOPSECRET"));
        let broken = REQUEST.replace(r#""nil":"2621""#, r#""nil":["TOPSECRET"]"#);
        assert!(!Request::read(broken.as_bytes()).unwrap_err().contains("TOPSECRET"));
        let broken = REQUEST.replace(r#""auth":{"#, r#""auth":"TOPSECRET","x":{"#);
        assert!(!Request::read(broken.as_bytes()).unwrap_err().contains("TOPSECRET"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |from: &str, to: &str| Request::read(REQUEST.replace(from, to).as_bytes()).unwrap_err();
        assert!(wrong(r#""protocol":1"#, r#""protocol":2"#).contains("protocol 2"));
        assert!(wrong(r#""ca_file":"/ca.pem","#, "").contains("missing field `ca_file`"));
        let mechanism = wrong(r#""mechanism":"xoauth2""#, r#""mechanism":"TOPSECRET""#);
        assert!(mechanism.contains("`external`") && !mechanism.contains("TOPSECRET"), "{mechanism}");
        assert!(wrong("\"8997@Mail.Example.fr\"", "\"8997\"").contains("no @"));
        assert!(wrong(r#""port":1587,"#, "").contains("missing field `port`"));
        assert!(Request::read(b"hello").unwrap_err().contains("line 1, column 1"));
        assert!(Request::read(b"").is_err());
        assert_eq!(
            Request::read(REQUEST.replace("\"send\"", "\"dance\"").as_bytes()).unwrap().step,
            Step::Unknown
        );
    }
}
