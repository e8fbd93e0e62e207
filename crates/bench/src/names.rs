//! A DNS server for one step of one run: it alone knows the step's ports (SC.MSS/CONF.04).

use std::net::Ipv4Addr;
use std::sync::Arc;

use operator::PrivateListeners;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

use crate::Shared;
use crate::error::{Code, Error};
use crate::scenario::DnsFault;

/// How often a port that is free for UDP and TCP alike is looked for.
const TRIES: usize = 20;

/// The server; it ends when this is dropped.
pub(crate) struct Names {
    pub(crate) port: u16,
    domain: String,
    _armed: Option<dns::Guard>,
    _stop: watch::Sender<bool>,
}

impl Names {
    /// Answers on a free port for the mailboxes' domain, with these ports.
    pub(crate) async fn open(
        bench: &Shared,
        run: i64,
        doors: &PrivateListeners,
        fault: Option<&DnsFault>,
    ) -> Result<Self, Error> {
        let domain = bench.parts.operator.domain().to_owned();
        let plan = dns::Sandbox {
            domain: domain.split_once('.').map_or(domain.as_str(), |(_, parent)| parent).to_owned(),
            mail_domains: vec![domain.clone()],
            ports: dns::MailPorts {
                imap: doors.imap_port,
                imaps: doors.imaps_port,
                submission: doors.smtp_port,
                submissions: doors.smtps_port,
            },
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
        };
        let trouble = |why: String| Error::new(Code::BadInput, format!("the DNS of the step: {why}"), "");
        let zone = dns::Zone::sandbox(&plan).map_err(|error| trouble(error.to_string()))?;
        let server = Arc::new(dns::Server::new(zone).with_journal(bench.parts.journal.clone(), Some(run)));
        let armed = match fault {
            Some(fault) => Some(
                server
                    .arm(&domain, fault.fault.clone(), fault.times)
                    .map_err(|error| trouble(error.to_string()))?,
            ),
            None => None,
        };
        let (udp, tcp, port) = sockets().await?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(dns::serve(udp, tcp, server, stopped));
        Ok(Self { port, domain, _armed: armed, _stop: stop })
    }

    /// The object `dns` of an adapter's request.
    pub(crate) fn told(&self) -> Value {
        json!({"host": "127.0.0.1", "port": self.port, "domains": [self.domain]})
    }
}

async fn sockets() -> Result<(UdpSocket, TcpListener, u16), Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = tcp.local_addr()?.port();
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(udp) => return Ok((udp, tcp, port)),
            Err(_) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}
