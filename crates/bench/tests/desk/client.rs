//! A mail client on a socket, as small as can be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use tls::ClientTrust;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::lab::{DOMAIN, Lab};

/// An authenticated SMTP session.
pub(crate) struct Session(BufReader<TlsStream<TcpStream>>);

impl Session {
    /// Opens a session with STARTTLS and XOAUTH2; the server's refusal where it lets nobody in.
    pub(crate) async fn open(lab: &Lab, identity: &str, token: &str) -> Result<Self, String> {
        let crls: Vec<Vec<u8>> = lab.pki.crls().into_iter().map(|(_, der)| der).collect();
        let config = ClientTrust::new(lab.pki.ca_pem(), &crls).unwrap().config().unwrap();
        let mut plain = BufReader::new(TcpStream::connect(("127.0.0.1", lab.smtp)).await.unwrap());
        hear(&mut plain).await;
        ask(&mut plain, "EHLO client.example").await;
        ask(&mut plain, "STARTTLS").await;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(config).connect(name, plain.into_inner()).await.unwrap();
        let mut session = Self(BufReader::new(stream));
        ask(&mut session.0, "EHLO client.example").await;
        let user = format!("{}@{DOMAIN}", identity.to_lowercase());
        let response = STANDARD.encode(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"));
        let answer = ask(&mut session.0, &format!("AUTH XOAUTH2 {response}")).await;
        if answer.starts_with("235") { Ok(session) } else { Err(answer) }
    }

    /// Sends a message from a mailbox to itself with these header lines.
    pub(crate) async fn send(&mut self, identity: &str, headers: &str) {
        let address = format!("{}@{DOMAIN}", identity.to_lowercase());
        ask(&mut self.0, &format!("MAIL FROM:<{address}>")).await;
        ask(&mut self.0, &format!("RCPT TO:<{address}>")).await;
        ask(&mut self.0, "DATA").await;
        let mark = kernel::random::mark();
        let text = format!(
            "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\nFrom: <{address}>\r\nTo: <{address}>\r\n\
             Message-ID: <{mark}@client.example>\r\nSubject: essai\r\n{headers}MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\nBonjour\r\n."
        );
        let answer = ask(&mut self.0, &text).await;
        assert!(answer.starts_with("250"), "{answer}");
    }

    pub(crate) async fn quit(mut self) {
        ask(&mut self.0, "QUIT").await;
    }
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, line: &str) -> String {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
    hear(stream).await
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> String {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        if line.as_bytes().get(3) != Some(&b'-') {
            return line.trim_end().to_owned();
        }
    }
}
