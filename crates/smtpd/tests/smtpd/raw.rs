//! A client that sends whatever it is told, byte for byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::Secret;
use smtp::client::{Capabilities, Reply, ReplyReader};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::lab::{Lab, PER, TOKEN};

pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

pub(crate) struct Raw {
    pub(crate) socket: Box<dyn Socket>,
    reader: ReplyReader,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket: Box::new(socket), reader: ReplyReader::new() }
    }

    /// Connected and greeted.
    pub(crate) async fn greeted(address: SocketAddr) -> Self {
        let mut raw = Self::connect(address).await;
        assert_eq!(raw.reply().await.code, 220);
        raw
    }

    /// Past STARTTLS and the second EHLO.
    pub(crate) async fn secured(lab: &Lab) -> Self {
        let mut raw = Self::greeted(lab.starttls).await;
        raw.say("EHLO raw.lab").await;
        assert_eq!(raw.say("STARTTLS").await.code, 220);
        let mut raw = raw.start_tls(lab).await;
        raw.say("EHLO raw.lab").await;
        raw
    }

    /// Logged in to the PER mailbox.
    pub(crate) async fn logged_in(lab: &Lab) -> Self {
        let mut raw = Self::secured(lab).await;
        let response = sasl::xoauth2_response(PER, &Secret::new(TOKEN.to_owned()));
        assert_eq!(raw.say("AUTH XOAUTH2").await.code, 334);
        assert_eq!(raw.say(response.reveal()).await.code, 235);
        raw
    }

    pub(crate) async fn start_tls(self, lab: &Lab) -> Self {
        let crls: Vec<Vec<u8>> = lab.pki.crls().into_iter().map(|(_, der)| der).collect();
        let config = tls::ClientTrust::new(lab.pki.ca_pem(), &crls).unwrap().config().unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::clone(&config));
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let socket = connector.connect(name, self.socket).await.unwrap();
        Self { socket: Box::new(socket), reader: ReplyReader::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).await.unwrap();
        self.socket.flush().await.unwrap();
    }

    /// Sends a line and reads its reply.
    pub(crate) async fn say(&mut self, line: &str) -> Reply {
        self.send(format!("{line}\r\n")).await;
        self.reply().await
    }

    pub(crate) async fn ehlo(&mut self) -> Capabilities {
        Capabilities::read(&self.say("EHLO raw.lab").await)
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        self.try_reply().await.expect("a reply, not the end of the connection")
    }

    /// `None` at the end of the connection.
    pub(crate) async fn try_reply(&mut self) -> Option<Reply> {
        loop {
            if let Some(reply) = self.reader.next_reply().unwrap() {
                return Some(reply);
            }
            let mut bytes = [0; 4_096];
            let read = timeout(Duration::from_secs(10), self.socket.read(&mut bytes)).await;
            match read.expect("an answer within ten seconds") {
                Ok(count @ 1..) => self.reader.feed(&bytes[..count]),
                Ok(0) | Err(_) => return None,
            }
        }
    }

    /// The reply that ends the connection: its code, and nothing after it.
    pub(crate) async fn last_words(&mut self) -> u16 {
        let code = self.reply().await.code;
        let next = self.try_reply().await;
        assert!(next.is_none(), "still there, saying {next:?}");
        code
    }

    /// Hands over a message; the final reply.
    pub(crate) async fn mail(&mut self, from: &str, to: &str, data: &[u8]) -> Reply {
        let reply = self.say(&format!("MAIL FROM:<{from}>")).await;
        if reply.code != 250 {
            return reply;
        }
        let reply = self.say(&format!("RCPT TO:<{to}>")).await;
        if reply.code != 250 {
            return reply;
        }
        assert_eq!(self.say("DATA").await.code, 354);
        self.send(data).await;
        self.reply().await
    }
}
