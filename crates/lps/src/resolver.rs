//! A stub resolver for what the system's cannot be asked: SRV records, from a server that somebody names.
//!
//! The system's resolver (`getaddrinfo`) knows addresses only. This one asks over UDP, believes nothing but an answer
//! to its own question (RFC 5452), goes over to TCP where the answer was cut (RFC 7766), and keeps what it is told
//! for as long as it is told.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

/// How long one server has for one question.
const WAIT: Duration = Duration::from_secs(2);
/// How often each server is asked before the question is given up.
const ROUNDS: usize = 2;
/// Largest UDP answer that is asked for (avoids fragments).
const PAYLOAD: u16 = 1_232;
/// Answers kept at most, and for how long at most, whatever their TTL says.
const KEPT: usize = 256;
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// How long a "no" without an SOA is kept, and any "no" at most (RFC 2308 §5 allows up to three hours).
const NO: Duration = Duration::from_secs(300);
/// Aliases followed within one answer.
const ALIASES: usize = 8;
/// Servers of resolv.conf that are used, as the system does.
const SERVERS: usize = 3;

/// Asks DNS servers, in order; keeps answers for their time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Arc<[SocketAddr]>,
    wait: Duration,
    kept: Arc<Mutex<Kept>>,
}

/// What is kept, and until when.
type Kept = HashMap<(Name, RecordType), (Instant, Answer)>;

/// What a question came to. A "no" is an answer too.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Records of that type, aliases followed.
    Records(Vec<RData>),
    /// The name is there, without that type.
    Nothing,
    /// The name does not exist.
    NoName,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// No server said anything that answers the question, in time.
    Silence,
    /// The answer was cut, and TCP did not take over.
    Cut,
    /// A server said that it cannot or will not: its code.
    Code(String),
    /// The network refuses.
    Network(String),
}

impl Resolver {
    /// Asks this server alone.
    pub fn new(server: SocketAddr) -> Self {
        Self::of(vec![server])
    }

    /// Asks the servers of `/etc/resolv.conf`, the one of this machine where it names none.
    ///
    /// # Errors
    /// Where the file is there and cannot be read.
    pub fn system() -> io::Result<Self> {
        match std::fs::read_to_string("/etc/resolv.conf") {
            Ok(text) => Ok(Self::of(servers(&text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::of(servers(""))),
            Err(error) => Err(error),
        }
    }

    /// The same, with `wait` for each question to each server instead of 2 s.
    #[must_use]
    pub fn with_wait(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// Forgets what is kept: after a connection failed, the records may have changed.
    pub fn forget(&self) {
        self.kept().clear();
    }

    fn of(servers: Vec<SocketAddr>) -> Self {
        Self { servers: servers.into(), wait: WAIT, kept: Arc::default() }
    }

    /// The addresses of a host. Empty where it has none.
    pub(crate) async fn addresses(&self, host: &Name, end: Instant) -> Result<Vec<IpAddr>, Unanswered> {
        let (v4, v6) =
            tokio::join!(self.ask(host, RecordType::A, end), self.ask(host, RecordType::AAAA, end));
        let mut found = Vec::new();
        for answer in [&v4, &v6].into_iter().flatten() {
            let Answer::Records(records) = answer else { continue };
            found.extend(records.iter().filter_map(|data| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            }));
        }
        // One family is enough to go on.
        if found.is_empty() { v4.and(v6).map(|_| found) } else { Ok(found) }
    }

    /// Asks, until `end` at the latest.
    pub(crate) async fn ask(
        &self,
        name: &Name,
        kind: RecordType,
        end: Instant,
    ) -> Result<Answer, Unanswered> {
        let key = (name.clone(), kind);
        if let Some((until, answer)) = self.kept().get(&key)
            && *until > Instant::now()
        {
            return Ok(answer.clone());
        }
        let mut last = Unanswered::Silence;
        for round in 0..ROUNDS {
            for server in self.servers.iter() {
                let patience = (Instant::now() + self.wait).min(end);
                match exchange(*server, name, kind, patience)
                    .await
                    .and_then(|message| read(&message, name, kind))
                {
                    Ok((answer, life)) => {
                        self.keep(key, &answer, life);
                        return Ok(answer);
                    }
                    Err(why) => last = why,
                }
            }
            // A code is an opinion: asking the same servers again at once will not change it.
            if matches!(last, Unanswered::Code(_)) || Instant::now() >= end || round + 1 == ROUNDS {
                break;
            }
        }
        Err(last)
    }

    fn keep(&self, key: (Name, RecordType), answer: &Answer, life: Duration) {
        let now = Instant::now();
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.retain(|_, (until, _)| *until > now);
        }
        if kept.len() < KEPT && !life.is_zero() {
            kept.insert(key, (now + life.min(LONGEST), answer.clone()));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question to one server, over TCP where UDP is cut.
async fn exchange(
    server: SocketAddr,
    name: &Name,
    kind: RecordType,
    end: Instant,
) -> Result<Message, Unanswered> {
    let mut question =
        Message::new(u16::from_be_bytes(kernel::random::bytes()), MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    question.set_edns(edns);
    let octets = question.to_vec().map_err(|error| Unanswered::Network(error.to_string()))?;

    let answer = match timeout_at(end, over_udp(server, &question, &octets)).await {
        Ok(answer) => answer.map_err(|error| Unanswered::Network(error.to_string()))?,
        Err(_) => return Err(Unanswered::Silence),
    };
    if !answer.truncation {
        return Ok(answer);
    }
    match timeout_at(end, over_tcp(server, &question, &octets)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(_) => Err(Unanswered::Cut),
    }
}

/// Waits for the answer among whatever comes: a wrong identifier or question is somebody else's (RFC 5452 §9.1).
async fn over_udp(server: SocketAddr, question: &Message, octets: &[u8]) -> io::Result<Message> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // A socket for one question: its port, drawn by the system, is the other half of the identifier.
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(octets).await?;
    let mut buffer = [0; PAYLOAD as usize];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if let Ok(answer) = Message::from_vec(&buffer[..length])
            && answers(&answer, question)
        {
            return Ok(answer);
        }
    }
}

async fn over_tcp(server: SocketAddr, question: &Message, octets: &[u8]) -> io::Result<Message> {
    let mut stream = TcpStream::connect(server).await?;
    let mut framed = u16::try_from(octets.len()).map_err(io::Error::other)?.to_be_bytes().to_vec();
    framed.extend_from_slice(octets);
    stream.write_all(&framed).await?;
    let length = stream.read_u16().await?;
    let mut buffer = vec![0; usize::from(length)];
    stream.read_exact(&mut buffer).await?;
    let answer = Message::from_vec(&buffer).map_err(io::Error::other)?;
    if answers(&answer, question) { Ok(answer) } else { Err(io::Error::other("not the answer")) }
}

fn answers(answer: &Message, question: &Message) -> bool {
    // An error may come back without the question (RFC 1035 leaves it open); the identifier is always there.
    let same = answer.queries == question.queries
        || (answer.queries.is_empty() && answer.response_code != ResponseCode::NoError);
    answer.id == question.id && answer.message_type == MessageType::Response && same
}

/// What a message says, and for how long.
fn read(message: &Message, name: &Name, kind: RecordType) -> Result<(Answer, Duration), Unanswered> {
    match message.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Ok((Answer::NoName, no_for(message))),
        code => return Err(Unanswered::Code(code.to_string())),
    }
    let mut owner = name.clone();
    let mut life = u32::MAX;
    for _ in 0..ALIASES {
        let mine = || message.answers.iter().filter(|record| record.name == owner);
        let found: Vec<&Record> = mine().filter(|record| record.record_type() == kind).collect();
        if !found.is_empty() {
            life = found.iter().fold(life, |life, record| life.min(record.ttl));
            let records = found.into_iter().map(|record| record.data.clone()).collect();
            return Ok((Answer::Records(records), Duration::from_secs(u64::from(life))));
        }
        let alias = mine().find_map(|record| match &record.data {
            RData::CNAME(target) => Some((target.0.clone(), record.ttl)),
            _ => None,
        });
        let Some((target, ttl)) = alias else { break };
        (owner, life) = (target, life.min(ttl));
    }
    Ok((Answer::Nothing, no_for(message)))
}

/// How long a "no" holds (RFC 2308 §5).
fn no_for(message: &Message) -> Duration {
    let soa = message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.minimum.min(record.ttl)),
        _ => None,
    });
    soa.map_or(Duration::ZERO, |seconds| Duration::from_secs(u64::from(seconds))).min(NO)
}

/// The servers of a resolv.conf; this machine's where it names none, as the system does.
fn servers(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        // `fe80::1%eth0`: a link's own address cannot be told apart without its link; such a server is left out.
        Some(SocketAddr::new(address.parse().ok()?, 53))
    });
    let mut servers: Vec<SocketAddr> = named.take(SERVERS).collect();
    if servers.is_empty() {
        servers.push((Ipv4Addr::LOCALHOST, 53).into());
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_of_the_system_are_those_of_its_file() {
        let text = "# nameserver 9.9.9.9\nsearch example\nnameserver 192.0.2.1\nnameserver ::1\nnameserver fe80::1%eth0\noptions edns0\nnameserver 192.0.2.3 \nnameserver 192.0.2.4\n";
        let found: Vec<String> = servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[::1]:53", "192.0.2.3:53"]);
        assert_eq!(servers("").len(), 1);
    }
}
