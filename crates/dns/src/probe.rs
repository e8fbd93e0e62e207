use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::name::{BadName, absolute, shown};

/// The services that a mail domain is asked for (RFC 6186, RFC 8314).
const SERVICES: [&str; 4] = ["_imap._tcp", "_imaps._tcp", "_submission._tcp", "_submissions._tcp"];

/// One service of a mail domain, as its SRV record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailService {
    /// `_imap._tcp`, `_imaps._tcp`, `_submission._tcp` or `_submissions._tcp`.
    pub service: &'static str,
    /// The host, without its final dot.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a look at a DNS server came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The domain is none.
    #[error(transparent)]
    Name(#[from] BadName),
    /// The network said no.
    #[error("the network refuses: {0}")]
    Io(#[from] std::io::Error),
    /// Nothing came back in time.
    #[error("no answer in time")]
    Silence,
    /// What came back is no answer to the question.
    #[error("what came back does not answer the question")]
    Garbled,
    /// An answer that says no, or has no SRV record.
    #[error("{name} is answered {code} with {records} SRV record(s)")]
    NoService {
        /// The name that was asked for.
        name: String,
        /// The answer's code.
        code: String,
        /// Its SRV records.
        records: usize,
    },
}

/// Asks `server`, over UDP, for the four mail services of `domain`: what a bench looks at before a run that needs DNS.
/// Each question has `wait` to be answered.
///
/// # Errors
/// At the first question that gets no SRV record.
pub async fn probe(server: SocketAddr, domain: &str, wait: Duration) -> Result<Vec<MailService>, ProbeError> {
    let unspecified = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(unspecified).await?;
    socket.connect(server).await?;
    let mut found = Vec::new();
    for service in SERVICES {
        let name = absolute(&format!("{service}.{domain}"))?;
        let answer = ask(&socket, &name, wait).await?;
        let records = answer.answers.iter().filter_map(|record| match &record.data {
            RData::SRV(srv) if !srv.target.is_root() => {
                Some(MailService { service, host: shown(&srv.target), port: srv.port })
            }
            _ => None,
        });
        let before = found.len();
        found.extend(records);
        if answer.response_code != ResponseCode::NoError || found.len() == before {
            let code = answer.response_code.to_string();
            return Err(ProbeError::NoService { name: shown(&name), code, records: found.len() - before });
        }
    }
    Ok(found)
}

async fn ask(socket: &UdpSocket, name: &Name, wait: Duration) -> Result<Message, ProbeError> {
    let id = u16::from_be_bytes(kernel::random::bytes());
    let mut question = Message::new(id, MessageType::Query, OpCode::Query);
    question.add_query(Query::query(name.clone(), RecordType::SRV));
    socket.send(&question.to_vec().map_err(|_| ProbeError::Garbled)?).await?;
    let mut buffer = [0; 2_048];
    let length = timeout(wait, socket.recv(&mut buffer)).await.map_err(|_| ProbeError::Silence)??;
    let answer = Message::from_vec(&buffer[..length]).map_err(|_| ProbeError::Garbled)?;
    let ours = answer.id == id && answer.queries == question.queries;
    if ours { Ok(answer) } else { Err(ProbeError::Garbled) }
}
