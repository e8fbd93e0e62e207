use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use journal::Tap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use wire::{Direction, Fact, Origin, Service};

use crate::rate::Pace;
use crate::server::{Over, Reply, Server};

/// Longest question that is read. Questions of mail clients have less than 300 octets.
const LONGEST: usize = 4_096;
/// Answers held back at a time; past it a question is dropped, as a busy network would.
const LATE: usize = 256;
/// TCP connections at a time.
const CONNECTIONS: usize = 64;
/// How long a TCP connection may say nothing (RFC 7766 §6.2.3 leaves it to the server).
const IDLE: Duration = Duration::from_secs(10);
/// Ports tried before giving up finding one that is free for both UDP and TCP.
const TRIES: usize = 32;

/// One port for UDP and TCP; with port 0, one that is free for both.
///
/// # Errors
/// Where the port is taken, or needs a right that the process does not have (below 1024).
pub async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = if address.port() == 0 { TRIES } else { 1 };
    loop {
        let tcp = TcpListener::bind(address).await?;
        match UdpSocket::bind(tcp.local_addr()?).await {
            Ok(udp) => return Ok((udp, tcp)),
            Err(error) if tries == 1 => return Err(error),
            Err(_) => tries -= 1,
        }
    }
}

/// Answers over UDP and TCP until `shutdown` becomes true (or its sender is gone).
pub async fn serve(udp: UdpSocket, tcp: TcpListener, server: Arc<Server>, shutdown: watch::Receiver<bool>) {
    tokio::join!(datagrams(udp, &server, shutdown.clone()), connections(tcp, &server, shutdown));
}

async fn datagrams(udp: UdpSocket, server: &Arc<Server>, mut shutdown: watch::Receiver<bool>) {
    let udp = Arc::new(udp);
    let port = udp.local_addr().map_or(0, |address| address.port());
    let mut late = JoinSet::new();
    let mut buffer = vec![0; LONGEST];
    loop {
        let (length, peer) = tokio::select! {
            received = udp.recv_from(&mut buffer) => match received {
                Ok(received) => received,
                Err(error) => {
                    // Some systems tell of an earlier answer that nobody took: never a reason to stop.
                    tracing::debug!(%error, port, "a datagram could not be received");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
            },
            Some(_) = late.join_next(), if !late.is_empty() => continue,
            () = stopped(&mut shutdown) => break,
        };
        match server.rates.take(peer.ip(), server.per_second, Instant::now()) {
            Pace::Fine => {}
            Pace::FirstTooMany => {
                let mut told = Told::open(server, peer, port);
                told.record(Fact::Violation { what: too_many(server) });
                told.close("dropped");
                continue;
            }
            Pace::TooMany => continue,
        }
        let reply = server.answer(&buffer[..length], Over::Udp);
        let mut told = Told::open(server, peer, port);
        told.question(&reply);
        if reply.wait.is_zero() {
            told.answer(&reply);
            told.close("answered");
            send(&udp, &reply, peer).await;
            told.ready().await;
        } else if late.len() < LATE {
            let udp = Arc::clone(&udp);
            told.flush();
            late.spawn(async move {
                tokio::time::sleep(reply.wait).await;
                told.answer(&reply);
                told.close("answered");
                send(&udp, &reply, peer).await;
            });
        } else {
            told.close("dropped");
        }
    }
    late.shutdown().await;
}

async fn send(udp: &UdpSocket, reply: &Reply, peer: SocketAddr) {
    let Some(bytes) = &reply.bytes else { return };
    if let Err(error) = udp.send_to(bytes, peer).await {
        tracing::debug!(%error, %peer, "an answer could not be sent");
    }
}

async fn connections(tcp: TcpListener, server: &Arc<Server>, mut shutdown: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let port = tcp.local_addr().map_or(0, |address| address.port());
    let mut open = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = tcp.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, port, "a DNS connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            () = stopped(&mut shutdown) => break,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::debug!(%peer, port, "too many DNS connections: one more was closed");
            continue;
        };
        let server = Arc::clone(server);
        open.spawn(async move {
            let _place = place;
            let mut told = Told::open(&server, peer, port);
            let reason = match converse(stream, &server, peer, &mut told).await {
                Ok(reason) => reason.to_owned(),
                Err(error) => format!("error: {error}"),
            };
            told.close(&reason);
        });
    }
    open.shutdown().await;
}

/// Questions and answers, each after its length in two octets (RFC 1035 §4.2.2), until one side has enough.
async fn converse(
    mut stream: TcpStream,
    server: &Server,
    peer: SocketAddr,
    told: &mut Told,
) -> io::Result<&'static str> {
    let _ = stream.set_nodelay(true);
    loop {
        let length = match timeout(IDLE, stream.read_u16()).await {
            Err(_) => return Ok("timeout"),
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok("eof"),
            Ok(length) => usize::from(length?),
        };
        if length > LONGEST {
            told.record(Fact::Violation {
                what: format!("a question of {length} octets; {LONGEST} at most"),
            });
            return Ok("refused");
        }
        let mut question = vec![0; length];
        match timeout(IDLE, stream.read_exact(&mut question)).await {
            Err(_) => return Ok("timeout"),
            Ok(read) => read?,
        };
        if server.rates.take(peer.ip(), server.per_second, Instant::now()) != Pace::Fine {
            told.record(Fact::Violation { what: too_many(server) });
            return Ok("refused");
        }
        let reply = server.answer(&question, Over::Tcp);
        told.question(&reply);
        told.flush();
        tokio::time::sleep(reply.wait).await;
        told.answer(&reply);
        told.flush();
        let Some(bytes) = &reply.bytes else { return Ok("no answer") };
        let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        // In one write: some clients take a length that comes alone for the end.
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(bytes);
        match timeout(IDLE, stream.write_all(&framed)).await {
            Err(_) => return Ok("timeout"),
            Ok(written) => written?,
        }
        told.ready().await;
    }
}

fn too_many(server: &Server) -> String {
    format!("more than {} questions a second from one address: what is more is dropped", server.per_second)
}

/// What the journal is told of one datagram or one connection; nothing where there is no journal.
struct Told(Option<Tap>);

impl Told {
    fn open(server: &Server, peer: SocketAddr, port: u16) -> Self {
        Self(server.journal.as_ref().map(|journal| {
            journal.connect(Origin {
                service: Service::Dns,
                peer: peer.to_string(),
                port,
                implicit_tls: false,
                run: server.run,
            })
        }))
    }

    fn record(&mut self, fact: Fact) {
        if let Some(tap) = &mut self.0 {
            tap.record(fact);
        }
    }

    fn question(&mut self, reply: &Reply) {
        let Some(tap) = &mut self.0 else { return };
        if let Some(what) = &reply.violation {
            tap.record(Fact::Violation { what: what.clone() });
        } else {
            tap.line(Direction::Client, &reply.asked, false);
        }
        if let Some(fault) = &reply.fault {
            tap.record(fault.clone());
        }
    }

    fn answer(&mut self, reply: &Reply) {
        let Some(tap) = &mut self.0 else { return };
        match &reply.bytes {
            Some(_) => tap.line(Direction::Server, &reply.said, false),
            None => tap.record(Fact::Note { text: reply.said.clone() }),
        }
    }

    fn close(&mut self, reason: &str) {
        self.record(Fact::Closed { reason: reason.to_owned() });
        self.flush();
    }

    fn flush(&mut self) {
        if let Some(tap) = &mut self.0 {
            tap.flush();
        }
    }

    async fn ready(&self) {
        if let Some(tap) = &self.0 {
            tap.ready().await;
        }
    }
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
}
