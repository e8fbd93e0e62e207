//! What happened on the wire, told briefly.

use rules::{Check, Taken, Transcript};
use wire::{
    AuthFacts, AuthOutcome, ClientHelloFacts, ConnectionId, Direction, Event, Fact, MailFacts, Origin,
    Service, TlsFacts, TokenFacts,
};

/// The sender of every mail.
pub(crate) const FROM: &str = "899700000018@bal.lab";

/// Events in the order in which they are told, a tenth of a second apart.
pub(crate) struct Story {
    pub(crate) events: Vec<Event>,
    service: Service,
    connection: i64,
    bodies: Vec<(String, Vec<u8>)>,
}

impl Story {
    pub(crate) fn imap() -> Self {
        Self { events: Vec::new(), service: Service::Imap, connection: 0, bodies: Vec::new() }
    }

    pub(crate) fn smtp() -> Self {
        Self { service: Service::Smtp, ..Self::imap() }
    }

    pub(crate) fn fact(&mut self, fact: Fact) -> &mut Self {
        let seq = self.events.len() as i64 + 1;
        let at = format!("2026-11-23T10:00:{:02}.{}Z", seq / 10, seq % 10).parse().unwrap();
        let connection = ConnectionId(self.connection);
        self.events.push(Event { seq, at, connection, service: self.service, fact });
        self
    }

    /// A new connection.
    pub(crate) fn connect(&mut self) -> &mut Self {
        self.to(1143, false)
    }

    pub(crate) fn connect_implicit(&mut self) -> &mut Self {
        self.to(1993, true)
    }

    fn to(&mut self, port: u16, implicit_tls: bool) -> &mut Self {
        self.connection += 1;
        let peer = "127.0.0.1:50000".to_owned();
        let origin = Origin { service: self.service, peer, port, implicit_tls, run: Some(31) };
        self.fact(Fact::Connected { origin })
    }

    /// Goes on with an earlier connection.
    pub(crate) fn on(&mut self, connection: i64) -> &mut Self {
        self.connection = connection;
        self
    }

    pub(crate) fn says(&mut self, text: &str) -> &mut Self {
        self.fact(Fact::Line { direction: Direction::Client, text: text.into() })
    }

    pub(crate) fn hello(&mut self, legacy: u16, versions: &[u16]) -> &mut Self {
        let hello =
            ClientHelloFacts { legacy_version: legacy, versions: versions.to_vec(), ..Default::default() };
        self.fact(Fact::ClientHello { hello })
    }

    pub(crate) fn tls(&mut self) -> &mut Self {
        self.hello(0x0303, &[0x0304, 0x0303]);
        let tls = TlsFacts {
            version: "TLSv1.3".into(),
            suite: "TLS_AES_256_GCM_SHA384".into(),
            sni: None,
            certificate: None,
        };
        self.fact(Fact::TlsEstablished { tls })
    }

    /// A handshake with a server that knows TLS 1.1 only.
    pub(crate) fn old_tls(&mut self, reason: &str) -> &mut Self {
        self.hello(0x0303, &[0x0304, 0x0303]);
        self.fact(Fact::Note { text: wire::old_tls::OFFERED.into() });
        self.fact(Fact::TlsFailed { reason: reason.into(), certificate: None })
    }

    /// A login with a token; `code` is empty where it was accepted.
    pub(crate) fn login(&mut self, token: &str, code: &str) -> &mut Self {
        self.says("a AUTHENTICATE XOAUTH2").outcome(token, code)
    }

    pub(crate) fn outcome(&mut self, token: &str, code: &str) -> &mut Self {
        let outcome = if code.is_empty() {
            AuthOutcome::Accepted { mailbox: FROM.into(), identity: "899700000018".into() }
        } else {
            AuthOutcome::Refused { code: code.into(), reason: "no".into() }
        };
        let token = TokenFacts { sha256: token.into(), claimed_jti: None, claimed_identity: None };
        let auth = AuthFacts {
            mechanism: "XOAUTH2".into(),
            user: FROM.into(),
            tls: true,
            token: Some(token),
            certificate_serial: None,
            outcome,
        };
        self.fact(Fact::Auth { auth })
    }

    /// A mail was taken in, with its header facts.
    pub(crate) fn mail(&mut self, to: &str, bytes: &[u8]) -> &mut Self {
        let queue_id = format!("Q{}", self.bodies.len() + 1);
        let mail = MailFacts {
            queue_id: queue_id.clone(),
            mailbox: FROM.into(),
            from: FROM.into(),
            to: vec![to.into()],
            size: bytes.len() as u64,
            sha256: kernel::sha256_hex(bytes),
            message_id: None,
            helo: "lps".into(),
        };
        self.fact(Fact::Mail { mail });
        let told: Vec<Fact> = mss::fields(bytes)
            .map(|field| Fact::Header {
                queue_id: queue_id.clone(),
                name: field.name.into(),
                value: field.value,
            })
            .collect();
        for fact in told {
            self.fact(fact);
        }
        self.bodies.push((queue_id, bytes.to_vec()));
        self
    }

    /// Lets a checker see it all.
    pub(crate) fn judge(&self, check: impl FnOnce(&Transcript<'_>, &[Taken<'_>]) -> Check) -> Check {
        let transcript = Transcript::new(&self.events);
        let taken: Vec<Taken<'_>> = transcript
            .mails()
            .map(|(event, mail)| Taken {
                seq: event.seq,
                mail,
                message: self
                    .bodies
                    .iter()
                    .find(|(id, _)| *id == mail.queue_id)
                    .map(|(_, bytes)| bytes.as_slice()),
            })
            .collect();
        check(&transcript, &taken)
    }

    /// `seq` of the nth header fact of that name.
    pub(crate) fn header(&self, wanted: &str, nth: usize) -> Option<i64> {
        let named = |event: &&Event| matches!(&event.fact, Fact::Header { name, .. } if name == wanted);
        self.events.iter().filter(named).nth(nth).map(|event| event.seq)
    }
}
