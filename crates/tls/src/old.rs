//! A server that knows TLS 1.1 and nothing later, played far enough to see whether a client takes it (SC.MSS/CONF.01).
//!
//! What a client *offers* does not settle it: a ClientHello without `supported_versions` names the newest version only.
//! So the ServerHello of an old server is written by hand (no TLS library here can, and none should), and the client's
//! answer is read. Nothing is ever encrypted, and no handshake can succeed.
//!
//! The flight goes out in two parts. A client that minds the version says so on the ServerHello, before any certificate:
//! an end that comes then is a refusal of the version. Only to a client that waits for more are the certificate and
//! ServerHelloDone sent, so that going on is a positive sign (a ClientKeyExchange, or an opinion on the certificate) and
//! not mere silence.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::{ClientHelloFacts, old_tls};

/// How long the client has to mind the version before the certificate is sent.
const PAUSE: Duration = Duration::from_millis(500);
/// How long it has to answer the certificate.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of the client's answer that are looked at.
const MOST: usize = 4 * 1024;

/// TLS 1.1 on the wire (RFC 4346 §6.2.1).
const VERSION: [u8; 2] = [3, 2];
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_HELLO_DONE: u8 = 14;

/// Suites of TLS 1.1 that go with the lab's RSA certificate, best first. With those of RSA key exchange the flight is
/// complete; for the others a ServerKeyExchange lacks, and a client that got so far answers `unexpected_message`.
const SUITES: [u16; 10] = [
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
/// Asks for the renegotiation_info extension without being one (RFC 5746 §3.3).
const RENEGOTIATION_SCSV: u16 = 0x00ff;

/// What an old server needs to know of the client's hello.
pub(crate) struct Offer<'a> {
    pub(crate) hello: &'a ClientHelloFacts,
    /// Whether it has the renegotiation_info extension: clients refuse a server that leaves it unanswered, and that
    /// refusal must not be taken for one of the version.
    pub(crate) renegotiation_info: bool,
}

/// Plays the server, and gives the reason for [`wire::Fact::TlsFailed`]: it begins with one of the prefixes of
/// [`wire::old_tls`].
pub(crate) async fn play(tcp: &mut TcpStream, offer: Offer<'_>, chain: &[CertificateDer<'_>]) -> String {
    let suite = SUITES.into_iter().find(|suite| offer.hello.suites.contains(suite));
    let scsv = offer.hello.suites.contains(&RENEGOTIATION_SCSV);
    let hello = server_hello(suite.unwrap_or(SUITES[0]), offer.renegotiation_info || scsv);
    let mut answer = Answer::default();
    let reaction = match say(tcp, &hello, PAUSE, &mut answer).await {
        Reaction::Silence => {
            say(tcp, &[certificate(chain), record(SERVER_HELLO_DONE, &[])].concat(), PATIENCE, &mut answer)
                .await
                .after_certificate()
        }
        reaction => reaction,
    };
    let mut reason = reaction.reason();
    if suite.is_none() {
        reason.push_str(" (aucune des suites qu’il propose n’existe en TLS 1.1)");
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

    fn reason(&self) -> String {
        let (verdict, detail) = match self {
            Self::Alert(code) => {
                let verdict = match code {
                    40 | 47 | 70 | 71 => old_tls::REFUSED,
                    10 | 41..=46 | 48 | 49 | 51 => old_tls::ACCEPTED,
                    _ => old_tls::UNCLEAR,
                };
                (verdict, format!("alerte {} ({code})", alert_name(*code)))
            }
            Self::Handshake(16) => (old_tls::ACCEPTED, String::from("ClientKeyExchange reçu")),
            Self::Handshake(kind) => {
                (old_tls::ACCEPTED, format!("poignée de main poursuivie (message de type {kind})"))
            }
            Self::Record(kind) => (old_tls::UNCLEAR, format!("enregistrement inattendu de type {kind}")),
            Self::Closed => {
                (old_tls::REFUSED, String::from("connexion fermée dès le ServerHello, sans alerte"))
            }
            Self::ClosedLate => {
                (old_tls::UNCLEAR, String::from("connexion fermée sans alerte après le certificat"))
            }
            Self::Silence => (
                old_tls::UNCLEAR,
                format!("aucune réponse en {} s au ServerHello et au certificat", PATIENCE.as_secs()),
            ),
        };
        let colon = if verdict == old_tls::UNCLEAR { ", " } else { " : " };
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

/// RFC 4346 §7.4.1.3: no session, no compression, and no extension but the one of RFC 5746 where it was asked for.
fn server_hello(suite: u16, renegotiation_info: bool) -> Vec<u8> {
    let mut body = VERSION.to_vec();
    body.extend_from_slice(&kernel::random::bytes::<32>());
    body.push(0);
    body.extend_from_slice(&suite.to_be_bytes());
    body.push(0);
    if renegotiation_info {
        body.extend_from_slice(&[0, 5, 0xff, 0x01, 0, 1, 0]);
    }
    record(SERVER_HELLO, &body)
}

/// RFC 4346 §7.4.2.
fn certificate(chain: &[CertificateDer<'_>]) -> Vec<u8> {
    let mut list = Vec::new();
    for certificate in chain {
        list.extend_from_slice(&length24(certificate.len()));
        list.extend_from_slice(certificate);
    }
    let body = [&length24(list.len())[..], &list].concat();
    record(CERTIFICATE, &body)
}

/// One handshake message in records of its own.
fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&[kind][..], &length24(body.len()), body].concat();
    let mut out = Vec::with_capacity(message.len() + 5);
    for fragment in message.chunks(1 << 14) {
        out.push(HANDSHAKE);
        out.extend_from_slice(&VERSION);
        out.extend_from_slice(
            &u16::try_from(fragment.len()).expect("a fragment is 16 KiB at most").to_be_bytes(),
        );
        out.extend_from_slice(fragment);
    }
    out
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
            assert!(reaction.reason().starts_with(prefix), "{}", reaction.reason());
        }
        assert_eq!(
            Reaction::Alert(70).reason(),
            "TLS 1.1 refusé par le client : alerte protocol_version (70)"
        );
    }

    #[test]
    fn long_messages_are_cut_into_records() {
        let flight = certificate(&[CertificateDer::from(vec![0; 20_000])]);
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
