use serde::{Deserialize, Serialize};
use wire::{AuthFacts, ClientHelloFacts, ConnectionId, Event, Fact, MailFacts, Origin, Service, TlsFacts};

/// The protocol that a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// IMAP.
    Imap,
    /// SMTP submission.
    Smtp,
}

impl Protocol {
    /// The protocol's name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Smtp => "SMTP",
        }
    }

    fn service(self) -> Service {
        match self {
            Self::Imap => Service::Imap,
            Self::Smtp => Service::Smtp,
        }
    }
}

/// The connections that belong to a run, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Transcript<'a> {
    connections: Vec<Connection<'a>>,
}

/// One connection and its events, in order.
#[derive(Clone, Debug)]
pub struct Connection<'a> {
    /// Its number.
    pub id: ConnectionId,
    /// Its events, oldest first.
    pub events: Vec<&'a Event>,
}

impl<'a> Transcript<'a> {
    /// Groups events by connection, keeping the order of arrival. Events of the bench itself are left out.
    pub fn new(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut connections: Vec<Connection<'a>> = Vec::new();
        for event in events {
            if event.service == Service::Bench {
                continue;
            }
            match connections.iter_mut().rev().find(|connection| connection.id == event.connection) {
                Some(connection) => connection.events.push(event),
                None => connections.push(Connection { id: event.connection, events: vec![event] }),
            }
        }
        Self { connections }
    }

    /// All connections.
    pub fn connections(&self) -> &[Connection<'a>] {
        &self.connections
    }

    /// The same transcript with those connections only that `keep` wants.
    pub fn filter(&self, keep: impl Fn(&Connection<'a>) -> bool) -> Self {
        Self { connections: self.connections.iter().filter(|connection| keep(connection)).cloned().collect() }
    }

    /// The connections of one protocol.
    pub fn of(&self, protocol: Protocol) -> impl Iterator<Item = &Connection<'a>> {
        self.connections.iter().filter(move |connection| connection.service() == Some(protocol.service()))
    }

    /// The connections of one protocol on which the sandbox behaved.
    pub(crate) fn healthy(&self, protocol: Protocol) -> impl Iterator<Item = &Connection<'a>> {
        self.of(protocol).filter(|connection| !connection.is_faulty())
    }

    /// The events that state a header of a message, in the order of the message.
    pub(crate) fn header_events<'t>(
        &'t self,
        queue_id: &'t str,
        field: &'t str,
    ) -> impl Iterator<Item = &'a Event> + 't {
        self.connections.iter().flat_map(|connection| connection.events.iter().copied()).filter(
            move |event| match &event.fact {
                Fact::Header { queue_id: of, name, .. } => of == queue_id && name.eq_ignore_ascii_case(field),
                _ => false,
            },
        )
    }

    /// Every login attempt of one protocol, with the event that states it.
    pub fn logins(&self, protocol: Protocol) -> impl Iterator<Item = (&'a Event, &'a AuthFacts)> {
        self.of(protocol).flat_map(Connection::logins)
    }

    /// Every message taken in.
    pub fn mails(&self) -> impl Iterator<Item = (&'a Event, &'a MailFacts)> {
        self.connections.iter().flat_map(Connection::mails)
    }
}

impl<'a> Connection<'a> {
    /// The server it reached.
    pub fn service(&self) -> Option<Service> {
        self.events.first().map(|event| event.service)
    }

    /// Where it came in.
    pub fn origin(&self) -> Option<&'a Origin> {
        self.events.iter().find_map(|event| match &event.fact {
            Fact::Connected { origin } => Some(origin),
            _ => None,
        })
    }

    /// The handshake that succeeded, if one did.
    pub fn tls(&self) -> Option<(&'a Event, &'a TlsFacts)> {
        self.events.iter().find_map(|event| match &event.fact {
            Fact::TlsEstablished { tls } => Some((*event, tls)),
            _ => None,
        })
    }

    /// The handshake that failed, if one did.
    pub fn tls_failure(&self) -> Option<(&'a Event, &'a str)> {
        self.events.iter().find_map(|event| match &event.fact {
            Fact::TlsFailed { reason, .. } => Some((*event, reason.as_str())),
            _ => None,
        })
    }

    /// The first ClientHello, with the event that states it.
    pub fn hello(&self) -> Option<(&'a Event, &'a ClientHelloFacts)> {
        self.events.iter().find_map(|event| match &event.fact {
            Fact::ClientHello { hello } => Some((*event, hello)),
            _ => None,
        })
    }

    /// Whether the sandbox misbehaved on it on purpose (a scripted fault, or TLS 1.1 offered): what the client did there
    /// says nothing of how it does elsewhere.
    pub fn is_faulty(&self) -> bool {
        self.events.iter().any(|event| match &event.fact {
            Fact::Fault { .. } => true,
            Fact::Note { text } => text == wire::old_tls::OFFERED || wire::tls_fault::name(text).is_some(),
            _ => false,
        })
    }

    /// Login attempts, in order.
    pub fn logins(&self) -> impl Iterator<Item = (&'a Event, &'a AuthFacts)> + use<'a> {
        self.events.clone().into_iter().filter_map(|event| match &event.fact {
            Fact::Auth { auth } => Some((event, auth)),
            _ => None,
        })
    }

    /// Messages taken in, in order.
    pub fn mails(&self) -> impl Iterator<Item = (&'a Event, &'a MailFacts)> + use<'a> {
        self.events.clone().into_iter().filter_map(|event| match &event.fact {
            Fact::Mail { mail } => Some((event, mail)),
            _ => None,
        })
    }
}
