//! Servers that no TLS library can be any more, played far enough to see whether a client takes them: TLS 1.0 and 1.1
//! (SC.MSS/CONF.01), CBC, DHE, RC4 and the like (SC.MSS/CONF.03).
//!
//! What a client *offers* does not settle it: a ClientHello without `supported_versions` names the newest version only,
//! and a suite that is offered may still be refused once chosen. So the ServerHello is written by hand (no TLS library
//! here can, and none should), and the client's answer is read. Nothing is ever encrypted, and no handshake can succeed.
//!
//! The flight goes out in two parts. A client that minds the version or the suite says so on the ServerHello, before any
//! certificate: an end that comes then is a refusal of what is played. Only to a client that waits for more are the
//! rest and ServerHelloDone sent, so that going on is a positive sign (a ClientKeyExchange, or an opinion on the
//! certificate) and not mere silence.

use std::time::Duration;

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::{ClientHelloFacts, old_tls, tls_fault};
use x509_parser::num_bigint::BigUint;

/// How long the client has to mind the version or the suite before the certificate is sent.
const PAUSE: Duration = Duration::from_millis(500);
/// How long it has to answer the certificate.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of the client's answer that are looked at.
const MOST: usize = 4 * 1024;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
/// Asks for the renegotiation_info extension without being one (RFC 5746 §3.3).
const RENEGOTIATION_SCSV: u16 = 0x00ff;
/// Named groups x25519 and secp256r1.
const X25519: u16 = 29;
const SECP256R1: u16 = 23;

/// A server to play.
#[derive(Debug)]
pub(crate) struct Script {
    /// On the wire: `[3, 3]` for TLS 1.2.
    version: [u8; 2],
    /// The suites that it knows, those of an RSA certificate, best first.
    suites: &'static [u16],
    /// What it says to a client that offers none of them: `true` for the ServerHello all the same (the version is what
    /// is tried), `false` for nothing (the suites are).
    insists: bool,
    words: Words,
}

/// How the verdict begins.
#[derive(Debug)]
struct Words {
    refused: &'static str,
    accepted: &'static str,
    unclear: &'static str,
}

const FAULT: Words =
    Words { refused: tls_fault::REFUSED, accepted: tls_fault::ACCEPTED, unclear: tls_fault::UNCLEAR };

/// Suites of TLS 1.0 and 1.1. With those of RSA key exchange the flight is complete; for the others a
/// ServerKeyExchange lacks (it would be signed with MD5 and SHA-1), and a client that got so far answers
/// `unexpected_message`.
const OLD_SUITES: &[u16] = &[
    0x002f, // TLS_RSA_WITH_AES_128_CBC_SHA
    0x0035, // TLS_RSA_WITH_AES_256_CBC_SHA
    0x000a, // TLS_RSA_WITH_3DES_EDE_CBC_SHA
    0xc013, // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
    0xc014, // TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
    0xc012, // TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
    0x0033, // TLS_DHE_RSA_WITH_AES_128_CBC_SHA
    0x0039, // TLS_DHE_RSA_WITH_AES_256_CBC_SHA
    0x0016, // TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA
    0x0005, // TLS_RSA_WITH_RC4_128_SHA
];

/// A server that knows TLS 1.1 and nothing later.
pub(crate) static TLS_1_1: Script = Script {
    version: [3, 2],
    suites: OLD_SUITES,
    insists: true,
    words: Words { refused: old_tls::REFUSED, accepted: old_tls::ACCEPTED, unclear: old_tls::UNCLEAR },
};
/// A server that knows TLS 1.0 and nothing later.
pub(crate) static TLS_1_0: Script =
    Script { version: [3, 1], suites: OLD_SUITES, insists: true, words: FAULT };
/// TLS 1.2 with CBC suites alone.
pub(crate) static CBC: Script = Script {
    version: [3, 3],
    suites: &[
        0xc028, // TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384
        0xc027, // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256
        0xc014, // TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
        0xc013, // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
        0x003d, // TLS_RSA_WITH_AES_256_CBC_SHA256
        0x003c, // TLS_RSA_WITH_AES_128_CBC_SHA256
        0x0035, // TLS_RSA_WITH_AES_256_CBC_SHA
        0x002f, // TLS_RSA_WITH_AES_128_CBC_SHA
    ],
    insists: false,
    words: FAULT,
};
/// TLS 1.2 with finite-field DHE alone, on the group ffdhe2048.
pub(crate) static DHE: Script = Script {
    version: [3, 3],
    suites: &[
        0x009f, // TLS_DHE_RSA_WITH_AES_256_GCM_SHA384
        0x009e, // TLS_DHE_RSA_WITH_AES_128_GCM_SHA256
        0xccaa, // TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        0x006b, // TLS_DHE_RSA_WITH_AES_256_CBC_SHA256
        0x0067, // TLS_DHE_RSA_WITH_AES_128_CBC_SHA256
        0x0039, // TLS_DHE_RSA_WITH_AES_256_CBC_SHA
        0x0033, // TLS_DHE_RSA_WITH_AES_128_CBC_SHA
    ],
    insists: false,
    words: FAULT,
};
/// TLS 1.2 with suites that protect nothing.
pub(crate) static WEAK: Script = Script {
    version: [3, 3],
    suites: &[
        0x000a, // TLS_RSA_WITH_3DES_EDE_CBC_SHA
        0xc012, // TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA
        0x0016, // TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA
        0x0005, // TLS_RSA_WITH_RC4_128_SHA
        0x0004, // TLS_RSA_WITH_RC4_128_MD5
        0xc011, // TLS_ECDHE_RSA_WITH_RC4_128_SHA
        0x003b, // TLS_RSA_WITH_NULL_SHA256
        0x0002, // TLS_RSA_WITH_NULL_SHA
        0x0001, // TLS_RSA_WITH_NULL_MD5
        0xc010, // TLS_ECDHE_RSA_WITH_NULL_SHA
        0x0009, // TLS_RSA_WITH_DES_CBC_SHA
        0x0003, // TLS_RSA_EXPORT_WITH_RC4_40_MD5
        0x0006, // TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5
        0x0008, // TLS_RSA_EXPORT_WITH_DES40_CBC_SHA
    ],
    insists: false,
    words: FAULT,
};

impl Script {
    /// Fatal `handshake_failure` in this version.
    pub(crate) fn handshake_failure(&self) -> [u8; 7] {
        [ALERT, self.version[0], self.version[1], 0, 2, 2, 40]
    }
}

/// What the server needs to know of the client's hello.
pub(crate) struct Offer<'a> {
    pub(crate) hello: &'a ClientHelloFacts,
    pub(crate) client_random: [u8; 32],
    /// Whether it has the renegotiation_info extension: clients refuse a server that leaves it unanswered, and that
    /// refusal must not be taken for one of the version.
    pub(crate) renegotiation_info: bool,
}

/// Plays the server, and gives the reason for [`wire::Fact::TlsFailed`]: it begins with one of the prefixes of
/// [`wire::old_tls`] or [`wire::tls_fault`].
pub(crate) async fn play(
    script: &Script,
    tcp: &mut TcpStream,
    offer: Offer<'_>,
    key: &CertifiedKey,
) -> String {
    let suite = script.suites.iter().copied().find(|suite| offer.hello.suites.contains(suite));
    if suite.is_none() && !script.insists {
        return format!("{} : il ne propose aucune de ces suites", script.words.refused);
    }
    let chosen = suite.unwrap_or(script.suites[0]);
    let scsv = offer.hello.suites.contains(&RENEGOTIATION_SCSV);
    let random = kernel::random::bytes::<32>();
    let hello = server_hello(script.version, &random, chosen, offer.renegotiation_info || scsv);
    let mut answer = Answer::default();
    let reaction = match say(tcp, &hello, PAUSE, &mut answer).await {
        Reaction::Silence => {
            let mut flight = certificate(script.version, &key.cert);
            if let Some(exchange) = server_key_exchange(script.version, chosen, &offer, &random, key) {
                flight.extend_from_slice(&exchange);
            }
            flight.extend_from_slice(&record(script.version, SERVER_HELLO_DONE, &[]));
            say(tcp, &flight, PATIENCE, &mut answer).await.after_certificate()
        }
        reaction => reaction,
    };
    let mut reason = reaction.reason(&script.words);
    if suite.is_none() {
        reason.push_str(" (aucune des suites qu’il propose n’existe dans cette version)");
    } else if !script.insists {
        reason.push_str(&format!(" (suite {})", crate::policy::suite_name(chosen.into())));
    }
    reason
}

/// What the client did.
#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    Alert(u8),
    /// A handshake message of this type.
    Handshake(u8),
    /// A record of this type, which belongs to no answer.
    Record(u8),
    Closed,
    ClosedLate,
    Silence,
}

impl Reaction {
    /// An end without an alert says something of the version only if nothing else had been shown.
    fn after_certificate(self) -> Self {
        if self == Self::Closed { Self::ClosedLate } else { self }
    }

    fn reason(&self, words: &Words) -> String {
        let (verdict, detail) = match self {
            Self::Alert(code) => {
                let verdict = match code {
                    40 | 47 | 70 | 71 => words.refused,
                    10 | 41..=46 | 48 | 49 | 51 => words.accepted,
                    _ => words.unclear,
                };
                (verdict, format!("alerte {} ({code})", alert_name(*code)))
            }
            Self::Handshake(16) => (words.accepted, String::from("ClientKeyExchange reçu")),
            Self::Handshake(kind) => {
                (words.accepted, format!("poignée de main poursuivie (message de type {kind})"))
            }
            Self::Record(kind) => (words.unclear, format!("enregistrement inattendu de type {kind}")),
            Self::Closed => (words.refused, String::from("connexion fermée dès le ServerHello, sans alerte")),
            Self::ClosedLate => {
                (words.unclear, String::from("connexion fermée sans alerte après le certificat"))
            }
            Self::Silence => (
                words.unclear,
                format!("aucune réponse en {} s au ServerHello et au certificat", PATIENCE.as_secs()),
            ),
        };
        let colon = if verdict == words.unclear { ", " } else { " : " };
        format!("{verdict}{colon}{detail}")
    }
}

/// RFC 8446 §6.2 and, for the older ones, RFC 5246 §7.2.
fn alert_name(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        _ => "sans nom connu",
    }
}

async fn say(tcp: &mut TcpStream, flight: &[u8], patience: Duration, answer: &mut Answer) -> Reaction {
    let exchange = async {
        // A client that has left already may have said why before it did.
        let _ = tcp.write_all(flight).await;
        let mut chunk = [0; 1_024];
        loop {
            if let Some(reaction) = answer.read() {
                return reaction;
            }
            match tcp.read(&mut chunk).await {
                Ok(0) | Err(_) => return Reaction::Closed,
                Ok(count) => answer.push(&chunk[..count]),
            }
        }
    };
    timeout(patience, exchange).await.unwrap_or(Reaction::Silence)
}

/// The client's records, as far as they have come.
#[derive(Default)]
struct Answer(Vec<u8>);

impl Answer {
    fn push(&mut self, bytes: &[u8]) {
        let room = MOST.saturating_sub(self.0.len()).min(bytes.len());
        self.0.extend_from_slice(&bytes[..room]);
    }

    /// The first record that says something; `None` as long as none is there.
    fn read(&self) -> Option<Reaction> {
        let mut rest = self.0.as_slice();
        loop {
            let (header, body) = rest.split_at_checked(5)?;
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            match header[0] {
                CHANGE_CIPHER_SPEC => rest = body.get(length..)?,
                ALERT => match *body {
                    // A warning (a name that is not known, say) is no end: what follows it counts.
                    [1, code, ref after @ ..] if !matches!(code, 0 | 90) => rest = after,
                    [_, code, ..] => return Some(Reaction::Alert(code)),
                    _ => return None,
                },
                HANDSHAKE => return body.first().map(|kind| Reaction::Handshake(*kind)),
                kind => return Some(Reaction::Record(kind)),
            }
        }
    }
}

/// RFC 5246 §7.4.1.3 (the same in RFC 4346): no session, no compression, and no extension but the one of RFC 5746 where
/// it was asked for.
fn server_hello(version: [u8; 2], random: &[u8; 32], suite: u16, renegotiation_info: bool) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend_from_slice(random);
    body.push(0);
    body.extend_from_slice(&suite.to_be_bytes());
    body.push(0);
    if renegotiation_info {
        body.extend_from_slice(&[0, 5, 0xff, 0x01, 0, 1, 0]);
    }
    record(version, SERVER_HELLO, &body)
}

/// RFC 5246 §7.4.2.
fn certificate(version: [u8; 2], chain: &[CertificateDer<'_>]) -> Vec<u8> {
    let mut list = Vec::new();
    for certificate in chain {
        list.extend_from_slice(&length24(certificate.len()));
        list.extend_from_slice(certificate);
    }
    let body = [&length24(list.len())[..], &list].concat();
    record(version, CERTIFICATE, &body)
}

/// RFC 5246 §7.4.3, truly signed; `None` for a suite that has none, or where the client takes no signature of ours.
fn server_key_exchange(
    version: [u8; 2],
    suite: u16,
    offer: &Offer<'_>,
    server_random: &[u8; 32],
    key: &CertifiedKey,
) -> Option<Vec<u8>> {
    if version != [3, 3] {
        return None;
    }
    let params = match suite {
        0xc010..=0xc014 | 0xc027 | 0xc028 => ecdhe_params(&offer.hello.groups)?,
        0x0016 | 0x0033 | 0x0039 | 0x0067 | 0x006b | 0x009e | 0x009f | 0xccaa => dhe_params(),
        _ => return None,
    };
    let schemes: Vec<SignatureScheme> =
        offer.hello.signature_schemes.iter().map(|scheme| SignatureScheme::from(*scheme)).collect();
    let signer = key.key.choose_scheme(&schemes)?;
    let signed = [&offer.client_random[..], server_random, &params].concat();
    let signature = signer.sign(&signed).ok()?;
    let scheme = u16::from(signer.scheme()).to_be_bytes();
    let body = [&params[..], &scheme, &length16(signature.len()), &signature].concat();
    Some(record(version, SERVER_KEY_EXCHANGE, &body))
}

/// `ServerECDHParams` of RFC 8422 §5.4 on a curve of the client's. Whoever goes on could be read by anybody, and has
/// nothing to say: nothing follows.
fn ecdhe_params(groups: &[u16]) -> Option<Vec<u8>> {
    /// The base point of secp256r1 (SEC 2 §2.4.2): the public key that belongs to 1.
    const BASE: [u8; 65] = [
        0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
        0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
        0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
        0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];
    let (group, point) = if groups.contains(&SECP256R1) {
        (SECP256R1, BASE.to_vec())
    } else if groups.contains(&X25519) {
        (X25519, kernel::random::bytes::<32>().to_vec())
    } else {
        return None;
    };
    let length = u8::try_from(point.len()).expect("a point has 65 bytes at most");
    Some([&[3][..], &group.to_be_bytes(), &[length], &point].concat())
}

/// `ServerDHParams` of RFC 5246 §7.4.3 on ffdhe2048 (RFC 7919 appendix A.1).
fn dhe_params() -> Vec<u8> {
    let prime = BigUint::parse_bytes(FFDHE2048.as_bytes(), 16).expect("the constant is hexadecimal");
    let random = BigUint::from_bytes_be(&kernel::random::bytes::<255>());
    // A square: an element of the subgroup that the group's generator spans, as clients may check.
    let public = (&random * &random % &prime).to_bytes_be();
    let prime = prime.to_bytes_be();
    [&length16(prime.len())[..], &prime, &length16(1), &[2], &length16(public.len()), &public].concat()
}

const FFDHE2048: &str = "FFFFFFFFFFFFFFFFADF85458A2BB4A9AAFDC5620273D3CF1D8B9C583CE2D3695\
A9E13641146433FBCC939DCE249B3EF97D2FE363630C75D8F681B202AEC4617A\
D3DF1ED5D5FD65612433F51F5F066ED0856365553DED1AF3B557135E7F57C935\
984F0C70E0E68B77E2A689DAF3EFE8721DF158A136ADE73530ACCA4F483A797A\
BC0AB182B324FB61D108A94BB2C8E3FBB96ADAB760D7F4681D4F42A3DE394DF4\
AE56EDE76372BB190B07A7C8EE0A6D709E02FCE1CDF7E2ECC03404CD28342F61\
9172FE9CE98583FF8E4F1232EEF28183C3FE3B1B4C6FAD733BB5FCBC2EC22005\
C58EF1837D1683B2C6F34A26C1B2EFFA886B423861285C97FFFFFFFFFFFFFFFF";

/// One handshake message in records of its own.
fn record(version: [u8; 2], kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind][..], &length24(body.len()), body].concat();
    let mut out = Vec::with_capacity(message.len() + 5);
    for fragment in message.chunks(1 << 14) {
        out.push(HANDSHAKE);
        out.extend_from_slice(&version);
        out.extend_from_slice(&length16(fragment.len()));
        out.extend_from_slice(fragment);
    }
    out
}

fn length16(length: usize) -> [u8; 2] {
    let [.., a, b] = length.to_be_bytes();
    [a, b]
}

fn length24(length: usize) -> [u8; 3] {
    let [.., a, b, c] = length.to_be_bytes();
    [a, b, c]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Reaction> {
        let mut answer = Answer::default();
        answer.push(bytes);
        answer.read()
    }

    #[test]
    fn answers_are_read_in_whatever_pieces_they_come() {
        let alert = [ALERT, 3, 1, 0, 2, 2, 70];
        for cut in 0..alert.len() {
            assert_eq!(read(&alert[..cut]), None, "{cut}");
        }
        assert_eq!(read(&alert), Some(Reaction::Alert(70)));
        assert_eq!(read(&[ALERT, 3, 2, 0, 2, 1, 0]), Some(Reaction::Alert(0)));
        assert_eq!(read(&[ALERT, 3, 2, 0, 2, 1, 112]), None);
        assert_eq!(read(&[&[ALERT, 3, 2, 0, 2, 1, 112][..], &alert].concat()), Some(Reaction::Alert(70)));
        assert_eq!(read(&[HANDSHAKE, 3, 2, 1, 6, 16]), Some(Reaction::Handshake(16)));
        assert_eq!(
            read(&[&[CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1][..], &alert].concat()),
            Some(Reaction::Alert(70))
        );
        assert_eq!(read(&[23, 3, 3, 0, 1, 1]), Some(Reaction::Record(23)));
    }

    #[test]
    fn reasons_tell_refusal_from_acceptance() {
        for (reaction, prefix) in [
            (Reaction::Alert(70), old_tls::REFUSED),
            (Reaction::Alert(47), old_tls::REFUSED),
            (Reaction::Closed, old_tls::REFUSED),
            (Reaction::Handshake(16), old_tls::ACCEPTED),
            (Reaction::Alert(48), old_tls::ACCEPTED),
            (Reaction::Alert(10), old_tls::ACCEPTED),
            (Reaction::Alert(80), old_tls::UNCLEAR),
            (Reaction::ClosedLate, old_tls::UNCLEAR),
            (Reaction::Silence, old_tls::UNCLEAR),
        ] {
            assert!(reaction.reason(&TLS_1_1.words).starts_with(prefix), "{reaction:?}");
        }
        assert_eq!(
            Reaction::Alert(70).reason(&TLS_1_1.words),
            "TLS 1.1 refusé par le client : alerte protocol_version (70)"
        );
    }

    #[test]
    fn long_messages_are_cut_into_records() {
        let flight = certificate([3, 2], &[CertificateDer::from(vec![0; 20_000])]);
        let first = usize::from(u16::from_be_bytes([flight[3], flight[4]]));
        assert_eq!(first, 1 << 14);
        assert_eq!(flight.len(), 4 + 3 + 3 + 20_000 + 2 * 5);
    }

    #[tokio::test]
    async fn silence_is_not_acceptance() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut answer = Answer::default();
        let reaction = say(&mut server, &[1], Duration::from_millis(20), &mut answer).await;
        assert_eq!(reaction.after_certificate(), Reaction::Silence);
        drop(client);
        let reaction = say(&mut server, &[1], Duration::from_secs(5), &mut answer).await;
        assert_eq!(reaction.after_certificate(), Reaction::ClosedLate);
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
