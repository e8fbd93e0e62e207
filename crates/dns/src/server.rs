use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::SRV;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use journal::Journal;
use wire::Fact;

use crate::fault::Fault;
use crate::name::{BadName, absolute, shown};
use crate::rate::Rates;
use crate::zone::{Found, Zone};

/// Octets of a DNS header (RFC 1035 §4.1.1).
const HEADER: usize = 12;
/// Longest UDP answer without EDNS (RFC 1035 §2.3.4), and with it (the usual limit that avoids fragments).
const PLAIN: usize = 512;
const LARGEST: u16 = 1_232;
/// Questions of one address within a second, past which they are dropped.
const PER_SECOND: u32 = 2_000;
/// Records of an answer that its line in the journal shows.
const SHOWN: usize = 8;

/// An authoritative server: a zone, the faults that are armed, and where to say what happened.
#[derive(Debug)]
pub struct Server {
    zone: Zone,
    armed: Mutex<Vec<Armed>>,
    pub(crate) journal: Option<Journal>,
    pub(crate) run: Option<i64>,
    pub(crate) rates: Rates,
    pub(crate) per_second: u32,
}

#[derive(Debug)]
struct Armed {
    suffix: Name,
    fault: Fault,
    left: Option<u32>,
    used: Arc<AtomicU32>,
}

/// The fault that a question meets.
struct Suffered {
    fault: Fault,
    suffix: Name,
    /// From 1.
    nth: u32,
}

/// A fault that is armed; dropping it disarms.
#[derive(Debug)]
pub struct Guard {
    server: Arc<Server>,
    used: Arc<AtomicU32>,
}

/// Why a fault cannot be armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArmError {
    /// The suffix is no domain name.
    #[error(transparent)]
    Name(#[from] BadName),
    /// This server is never asked for such a name, so that the fault could never be reached.
    #[error("{suffix} is not in this server's zones ({zones}): the fault could never be reached")]
    Foreign {
        /// The suffix.
        suffix: String,
        /// The zones.
        zones: String,
    },
    /// One fault at a time on one name.
    #[error("{suffix} has a fault armed already: {by}")]
    Taken {
        /// The suffix.
        suffix: String,
        /// What is armed.
        by: Fault,
    },
}

/// Which way a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

/// What becomes of a question.
#[derive(Debug)]
pub(crate) struct Reply {
    /// What is sent; `None` for silence.
    pub(crate) bytes: Option<Vec<u8>>,
    /// When.
    pub(crate) wait: Duration,
    /// The question, for the journal.
    pub(crate) asked: String,
    /// The answer, for the journal.
    pub(crate) said: String,
    /// The fault that bent it.
    pub(crate) fault: Option<Fact>,
    /// The rule of the protocol that the question broke.
    pub(crate) violation: Option<String>,
}

impl Server {
    /// A server of this zone that tells nobody.
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            armed: Mutex::default(),
            journal: None,
            run: None,
            rates: Rates::default(),
            per_second: PER_SECOND,
        }
    }

    /// States each question and its answer in the journal, as [`wire::Service::Dns`]: one connection for each datagram,
    /// one for each TCP connection. `run` is the run that the server was opened for, if it was.
    #[must_use]
    pub fn with_journal(self, journal: Journal, run: Option<i64>) -> Self {
        Self { journal: Some(journal), run, ..self }
    }

    /// Drops what one address asks past `questions` a second (2 000 where nobody says otherwise).
    #[must_use]
    pub fn with_rate(self, questions: u32) -> Self {
        Self { per_second: questions, ..self }
    }

    /// The zone that is served.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Arms `fault` for every name that ends with the labels of `suffix` (`.` is every name), `times` times or, with
    /// `None`, until the guard is dropped. Where several suffixes fit a name, the longest counts.
    ///
    /// # Errors
    /// Where the suffix is no name, is not in the zones, or has a fault already.
    pub fn arm(self: &Arc<Self>, suffix: &str, fault: Fault, times: Option<u32>) -> Result<Guard, ArmError> {
        let name = if suffix == "." { Name::root() } else { absolute(suffix)? };
        let zones = self.zone.origins();
        let inside =
            |zone: &String| absolute(zone).is_ok_and(|zone| zone.zone_of(&name) || name.zone_of(&zone));
        if !zones.iter().any(inside) {
            return Err(ArmError::Foreign { suffix: suffix.to_owned(), zones: zones.join(", ") });
        }
        let mut armed = self.armed();
        if let Some(other) = armed.iter().find(|other| other.suffix == name && other.left != Some(0)) {
            return Err(ArmError::Taken { suffix: suffix.to_owned(), by: other.fault.clone() });
        }
        let used = Arc::new(AtomicU32::new(0));
        armed.push(Armed { suffix: name, fault, left: times, used: Arc::clone(&used) });
        Ok(Guard { server: Arc::clone(self), used })
    }

    /// What is said to the octets of one message.
    pub(crate) fn answer(&self, message: &[u8], over: Over) -> Reply {
        let Some(head) = message.get(..HEADER) else {
            return Reply::silence(format!("{} octets are no DNS message", message.len()));
        };
        let id = u16::from_be_bytes([head[0], head[1]]);
        if head[2] & 0x80 != 0 {
            return Reply::silence("a response instead of a question".into());
        }
        let op_code = OpCode::from_u8((head[2] >> 3) & 0x0F);
        if op_code != OpCode::Query {
            return Reply::error(
                id,
                op_code,
                ResponseCode::NotImp,
                format!("opcode {op_code} instead of QUERY"),
            );
        }
        // Looked at before anything is taken apart: a header may announce 65 535 questions in 12 octets.
        let questions = u16::from_be_bytes([head[4], head[5]]);
        if questions != 1 {
            return Reply::error(
                id,
                op_code,
                ResponseCode::FormErr,
                format!("{questions} questions instead of one"),
            );
        }
        match Message::from_vec(message) {
            Ok(request) => self.consider(&request, over),
            Err(error) => {
                Reply::error(id, op_code, ResponseCode::FormErr, format!("a malformed message: {error}"))
            }
        }
    }

    fn consider(&self, request: &Message, over: Over) -> Reply {
        let Some(query) = request.queries.first() else {
            return Reply::error(request.id, OpCode::Query, ResponseCode::FormErr, "no question".into());
        };
        let (name, kind) = (query.name(), query.query_type());
        let mut reply = Reply {
            bytes: None,
            wait: Duration::ZERO,
            asked: format!("{} {} {kind}", over.name(), shown(name)),
            said: String::new(),
            fault: None,
            violation: None,
        };
        let mut answer = Message::response(request.id, OpCode::Query);
        answer.metadata = Metadata::response_from_request(&request.metadata);
        answer.add_query(query.clone());
        if request.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(LARGEST);
            answer.set_edns(edns);
        }
        let room = match (over, &request.edns) {
            (Over::Tcp, _) => usize::from(u16::MAX),
            (Over::Udp, None) => PLAIN,
            (Over::Udp, Some(edns)) => usize::from(edns.max_payload().min(LARGEST)).max(PLAIN),
        };
        if request.edns.as_ref().is_some_and(|edns| edns.version() != 0) {
            answer.metadata.response_code = ResponseCode::BADVERS;
            return reply.with(answer, room);
        }
        let transfer = matches!(kind, RecordType::AXFR | RecordType::IXFR);
        if query.query_class() != DNSClass::IN || transfer {
            answer.metadata.response_code = ResponseCode::Refused;
            return reply.with(answer, room);
        }

        let found = self.zone.find(name, kind);
        let fault = self.fault_for(name, kind, &found);
        self.fill(&mut answer, found, name, kind);
        let Some(Suffered { fault, suffix, nth }) = fault else { return reply.with(answer, room) };
        let what = format!("{fault}, for names in {}", shown(&suffix));
        reply.fault = Some(Fact::Fault { point: "dns".into(), name: fault.name().into(), what, nth });
        match fault {
            Fault::NxDomain => {
                let soa =
                    answer.authorities.iter().find(|record| record.record_type() == RecordType::SOA).cloned();
                let soa = soa.or_else(|| self.soa_of(name));
                clear(&mut answer, ResponseCode::NXDomain);
                answer.metadata.authoritative = true;
                answer.add_authorities(soa);
            }
            Fault::ServFail => clear(&mut answer, ResponseCode::ServFail),
            Fault::Refused => clear(&mut answer, ResponseCode::Refused),
            Fault::NotOffered => redirect(&mut answer, name, SRV::new(0, 0, 0, Name::root())),
            Fault::ChangedTarget { host, port } => {
                let host = absolute(&host).unwrap_or_else(|_| Name::root());
                redirect(&mut answer, name, SRV::new(0, 0, port, host));
            }
            Fault::Truncate | Fault::TruncateWithoutTcp if over == Over::Udp => {
                answer = answer.truncate();
            }
            Fault::Truncate => {}
            Fault::Silent | Fault::TruncateWithoutTcp => {
                reply.said = "no answer".into();
                return reply;
            }
            Fault::Slow(wait) => reply.wait = wait,
            Fault::WrongId => answer.metadata.id = request.id.wrapping_add(1),
        }
        reply.with(answer, room)
    }

    /// The truth.
    fn fill(&self, answer: &mut Message, found: Found, name: &Name, kind: RecordType) {
        answer.metadata.authoritative = true;
        let moved = match &found {
            Found::Records { .. } | Found::Nothing(_) => false,
            Found::NoName(_) | Found::Foreign => self.is_moved_to(name),
        };
        match found {
            _ if moved => {
                answer.add_answers(self.zone.addresses_as(name, kind));
            }
            Found::Records { answers, additionals } => {
                answer.add_answers(answers);
                answer.add_additionals(additionals);
            }
            Found::Nothing(soa) => {
                answer.add_authority(soa);
            }
            Found::NoName(soa) => {
                answer.metadata.response_code = ResponseCode::NXDomain;
                answer.add_authority(soa);
            }
            Found::Foreign => {
                answer.metadata.authoritative = false;
                answer.metadata.response_code = ResponseCode::Refused;
            }
        }
    }

    /// The fault that this question suffers, counted.
    fn fault_for(&self, name: &Name, kind: RecordType, found: &Found) -> Option<Suffered> {
        let service = kind == RecordType::SRV && matches!(found, Found::Records { .. });
        let fits = |armed: &&mut Armed| {
            armed.left != Some(0)
                && armed.suffix.zone_of(name)
                && (service || !armed.fault.is_about_services())
        };
        let mut all = self.armed();
        let armed = all.iter_mut().filter(fits).max_by_key(|armed| armed.suffix.num_labels())?;
        armed.left = armed.left.map(|left| left - 1);
        let nth = armed.used.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        Some(Suffered { fault: armed.fault.clone(), suffix: armed.suffix.clone(), nth })
    }

    /// Whether a changed target that is armed, or was used up, points to this host.
    fn is_moved_to(&self, name: &Name) -> bool {
        self.armed().iter().any(|armed| match &armed.fault {
            Fault::ChangedTarget { host, .. } => absolute(host).is_ok_and(|host| host == *name),
            _ => false,
        })
    }

    fn soa_of(&self, name: &Name) -> Option<Record> {
        match self.zone.find(name, RecordType::NULL) {
            Found::Nothing(soa) | Found::NoName(soa) => Some(soa),
            Found::Records { .. } | Found::Foreign => None,
        }
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guard {
    /// How many questions suffered the fault so far. 0 at the end says that it was not reached: nothing is proven.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.server.armed().retain(|armed| !Arc::ptr_eq(&armed.used, &self.used));
    }
}

impl Over {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

impl Reply {
    fn silence(violation: String) -> Self {
        Self {
            bytes: None,
            wait: Duration::ZERO,
            asked: String::new(),
            said: "no answer".into(),
            fault: None,
            violation: Some(violation),
        }
    }

    fn error(id: u16, op_code: OpCode, code: ResponseCode, violation: String) -> Self {
        let room = usize::from(u16::MAX);
        Self::silence(violation).with(Message::error_msg(id, op_code, code), room)
    }

    /// The answer, cut to nothing but its TC bit where it is longer than `room` (RFC 2181 §9).
    fn with(self, answer: Message, room: usize) -> Self {
        let mut said = said(&answer);
        let bytes = match answer.to_vec() {
            Ok(bytes) if bytes.len() > room => {
                let cut = answer.truncate();
                said = self::said(&cut);
                cut.to_vec().ok()
            }
            other => other.ok(),
        };
        // What cannot be written is not sent: the name was read from the wire, so that it can.
        Self { bytes, said, ..self }
    }
}

fn clear(answer: &mut Message, code: ResponseCode) {
    answer.answers.clear();
    answer.authorities.clear();
    answer.additionals.clear();
    answer.metadata.authoritative = false;
    answer.metadata.response_code = code;
}

fn redirect(answer: &mut Message, name: &Name, to: SRV) {
    clear(answer, ResponseCode::NoError);
    answer.metadata.authoritative = true;
    answer.add_answer(Record::from_rdata(name.clone(), crate::TTL, RData::SRV(to)));
}

/// `NOERROR, truncated: 0 1 1143 imap.example.fr.`
fn said(answer: &Message) -> String {
    let mut text = code(answer.response_code);
    if answer.truncation {
        text.push_str(", truncated");
    }
    let mut shown = answer.answers.iter().take(SHOWN).map(|record| record.data.to_string());
    if let Some(first) = shown.next() {
        text.push_str(": ");
        text.push_str(&shown.fold(first, |all, next| all + "; " + &next));
    }
    if answer.answers.len() > SHOWN {
        text.push_str("; …");
    }
    text
}

/// As RFC 1035 and RFC 6895 write it, and as `dig` shows it.
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".into(),
        ResponseCode::FormErr => "FORMERR".into(),
        ResponseCode::ServFail => "SERVFAIL".into(),
        ResponseCode::NXDomain => "NXDOMAIN".into(),
        ResponseCode::NotImp => "NOTIMP".into(),
        ResponseCode::Refused => "REFUSED".into(),
        ResponseCode::BADVERS => "BADVERS".into(),
        other => format!("RCODE {}", u16::from(other)),
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{MessageType, Query};
    use proptest::prelude::*;

    use super::*;
    use crate::zone::{MailPorts, Sandbox};

    const IMAP: &str = "_imap._tcp.mail.a.test";

    fn server() -> Arc<Server> {
        let plan = Sandbox {
            domain: "a.test".into(),
            mail_domains: vec!["mail.a.test".into()],
            ports: MailPorts { imap: 1143, imaps: 1993, submission: 1587, submissions: 1465 },
            addresses: vec!["127.0.0.1".parse().unwrap()],
        };
        Arc::new(Server::new(Zone::sandbox(&plan).unwrap()))
    }

    fn question(name: &str, kind: RecordType) -> Vec<u8> {
        let mut message = Message::new(77, MessageType::Query, OpCode::Query);
        message.add_query(Query::query(absolute(name).unwrap(), kind));
        message.to_vec().unwrap()
    }

    fn said(server: &Server, name: &str, kind: RecordType) -> String {
        server.answer(&question(name, kind), Over::Udp).said
    }

    #[test]
    fn a_fault_holds_for_its_suffix_so_many_times_and_as_long_as_its_guard() {
        let server = server();
        let healthy = said(&server, IMAP, RecordType::SRV);
        assert_eq!(healthy, "NOERROR: 0 1 1143 imap.mail.a.test.");
        let twice = server.arm("_imap._tcp.MAIL.a.test", Fault::ServFail, Some(2)).unwrap();
        let wide = server.arm("mail.a.test", Fault::Refused, None).unwrap();
        assert_eq!(said(&server, IMAP, RecordType::SRV), "SERVFAIL");
        assert_eq!(said(&server, IMAP, RecordType::SRV), "SERVFAIL");
        assert_eq!(said(&server, IMAP, RecordType::SRV), "REFUSED", "healed of the first, not of the second");
        assert_eq!(said(&server, "ns.a.test", RecordType::A), "NOERROR: 127.0.0.1");
        assert_eq!((twice.used(), wide.used()), (2, 1));
        drop(wide);
        assert_eq!(said(&server, IMAP, RecordType::SRV), healthy);
    }

    #[test]
    fn a_fault_that_could_not_be_reached_or_told_apart_is_not_armed() {
        let server = server();
        let armed = server.arm("a.test", Fault::Silent, Some(1)).unwrap();
        let taken = server.arm("A.test.", Fault::NxDomain, None).unwrap_err();
        assert_eq!(taken.to_string(), "A.test. has a fault armed already: silent");
        assert!(matches!(server.arm("b.test", Fault::Silent, None), Err(ArmError::Foreign { .. })));
        assert!(matches!(server.arm("a..test", Fault::Silent, None), Err(ArmError::Name(_))));
        server.answer(&question("a.test", RecordType::A), Over::Udp);
        let again = server.arm("a.test", Fault::NxDomain, None).unwrap();
        drop(armed);
        assert_eq!(said(&server, "a.test", RecordType::A), "NXDOMAIN", "a guard disarms its own fault alone");
        drop(again);
    }

    #[test]
    fn services_are_withdrawn_or_moved_and_the_other_records_are_not() {
        let server = server();
        let guard = server.arm(IMAP, Fault::NotOffered, None).unwrap();
        assert_eq!(said(&server, IMAP, RecordType::SRV), "NOERROR: 0 0 0 .");
        assert_eq!(said(&server, IMAP, RecordType::TXT), "NOERROR");
        assert_eq!(guard.used(), 1);
        drop(guard);
        let moved = Fault::ChangedTarget { host: "imap.elsewhere.test".into(), port: 4143 };
        assert_eq!(said(&server, "imap.elsewhere.test", RecordType::A), "REFUSED");
        let guard = server.arm("mail.a.test", moved, None).unwrap();
        assert_eq!(said(&server, IMAP, RecordType::SRV), "NOERROR: 0 0 4143 imap.elsewhere.test.");
        assert_eq!(said(&server, "imap.elsewhere.test", RecordType::A), "NOERROR: 127.0.0.1");
        assert_eq!(said(&server, "mail.a.test", RecordType::A), "NOERROR: 127.0.0.1");
        drop(guard);
        assert_eq!(said(&server, "imap.elsewhere.test", RecordType::A), "REFUSED");
    }

    #[test]
    fn what_breaks_the_protocol_is_said_and_answered_as_the_rfc_has_it() {
        let server = server();
        let good = question(IMAP, RecordType::SRV);
        let change = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            server.answer(&bytes, Over::Udp)
        };
        assert_eq!(change(2, 0x10).said, "NOTIMP");
        assert_eq!(change(5, 2).said, "FORMERR");
        assert_eq!(change(5, 0).said, "FORMERR");
        assert_eq!(change(4, 0xFF).said, "FORMERR");
        assert_eq!(change(7, 9).said, "FORMERR", "an answer is announced that is not there");
        let response = change(2, 0x80);
        assert!(response.bytes.is_none(), "an answer to an answer would go round for ever");
        assert_eq!(response.violation.as_deref(), Some("a response instead of a question"));
        assert!(server.answer(&good[..11], Over::Udp).bytes.is_none());
        assert_eq!(server.answer(&good[..20], Over::Udp).said, "FORMERR");
        assert_eq!(said(&server, "a.test", RecordType::AXFR), "REFUSED");
    }

    proptest! {
        #[test]
        fn any_octets_get_an_answer_or_silence(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let reply = server().answer(&octets, Over::Udp);
            if let Some(bytes) = reply.bytes {
                prop_assert_eq!(&bytes[..2], &octets[..2]);
                prop_assert!(bytes[2] & 0x80 != 0 && bytes.len() <= PLAIN.max(usize::from(LARGEST)));
            }
        }

        #[test]
        fn a_question_with_any_octets_changed_gets_an_answer_or_silence(
            changes in proptest::collection::vec((0usize..60, any::<u8>()), 1..8),
            fault in 0usize..10,
        ) {
            let server = server();
            let name = match Fault::NAMES[fault] {
                "slow" => "slow=1ms",
                "changed-target" => "changed-target=b.test:1",
                name => name,
            };
            let _guard = server.arm(".", name.parse().unwrap(), None).unwrap();
            let mut octets = question(IMAP, RecordType::SRV);
            for (at, to) in changes {
                let at = at % octets.len();
                octets[at] = to;
            }
            for over in [Over::Udp, Over::Tcp] {
                let _ = server.answer(&octets, over);
            }
        }
    }
}
