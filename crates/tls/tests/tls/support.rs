use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use kernel::{Clock, Timestamp};
use tempfile::TempDir;
use tls::{Acceptor, Error, Issued, Lab, LabNames, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;
use wire::{CertificateFacts, ClientHelloFacts, Fact, TlsFacts};

/// What the server greets with once TLS is up.
pub(crate) const GREETING: &str = "* OK ready";

pub(crate) fn names() -> LabNames {
    LabNames {
        domains: vec![String::from("mail-tests-editeur.lab.example")],
        crl_base: String::from("http://127.0.0.1:8804"),
    }
}

pub(crate) fn open(dir: &Path) -> Lab {
    Lab::open(dir, &names(), &Clock::system()).unwrap()
}

pub(crate) fn lab() -> (TempDir, Lab) {
    let dir = TempDir::new().unwrap();
    let lab = open(dir.path());
    (dir, lab)
}

/// A clock that stands this many days before the present.
pub(crate) fn days_ago(days: u64) -> Clock {
    let past: Timestamp = Clock::system().now() - Duration::from_secs(days * 86_400);
    Clock::manual(past).0
}

/// How one connection went, as the server saw it.
pub(crate) struct Visit {
    pub(crate) facts: Vec<Fact>,
    pub(crate) outcome: Result<TlsFacts, Error>,
    /// Bytes that came after the handshake.
    pub(crate) said: Vec<u8>,
}

impl Visit {
    pub(crate) fn hello(&self) -> &ClientHelloFacts {
        match &self.facts[0] {
            Fact::ClientHello { hello } => hello,
            other => panic!("the first fact is {other:?}"),
        }
    }

    pub(crate) fn failure(&self) -> (&str, Option<&CertificateFacts>) {
        match self.facts.last() {
            Some(Fact::TlsFailed { reason, certificate }) => (reason, certificate.as_ref()),
            other => panic!("the last fact is {other:?}"),
        }
    }

    pub(crate) fn established(&self) -> &TlsFacts {
        match self.facts.last() {
            Some(Fact::TlsEstablished { tls }) => tls,
            other => panic!("the last fact is {other:?}"),
        }
    }
}

/// A server that greets under TLS, reads until the end, and tells how each connection went.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    visits: mpsc::UnboundedReceiver<Visit>,
}

impl Server {
    pub(crate) async fn start(acceptor: Acceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, visits) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, tell) = (acceptor.clone(), tell.clone());
                tokio::spawn(async move {
                    let mut facts = Vec::new();
                    let mut said = Vec::new();
                    let outcome = acceptor.accept(Stream::plain(tcp), &mut |fact| facts.push(fact)).await;
                    let outcome = match outcome {
                        Ok((mut stream, tls)) => {
                            assert!(stream.is_tls());
                            stream.write_all(format!("{GREETING}\r\n").as_bytes()).await.unwrap();
                            stream.flush().await.unwrap();
                            stream.shutdown().await.unwrap();
                            stream.read_to_end(&mut said).await.unwrap();
                            Ok(tls)
                        }
                        Err(error) => Err(error),
                    };
                    let _ = tell.send(Visit { facts, outcome, said });
                });
            }
        });
        Self { address, visits }
    }

    pub(crate) async fn visit(&mut self) -> Visit {
        tokio::time::timeout(Duration::from_secs(20), self.visits.recv()).await.expect("a visit").unwrap()
    }

    /// Lets `openssl s_client` connect, and gives its output with the server's view.
    pub(crate) async fn s_client(&mut self, arguments: &[&str]) -> (String, Visit) {
        let connect = self.address.to_string();
        let mut all = vec!["s_client", "-connect", &connect, "-ign_eof"];
        all.extend(arguments);
        let output = openssl(&all).await;
        (text(&output), self.visit().await)
    }
}

pub(crate) async fn openssl(arguments: &[&str]) -> Output {
    let command = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output();
    tokio::time::timeout(Duration::from_secs(20), command)
        .await
        .expect("openssl ends")
        .expect("openssl is in PATH")
}

/// Runs OpenSSL and wants it to succeed.
pub(crate) async fn openssl_ok(arguments: &[&str]) -> String {
    let output = openssl(arguments).await;
    assert!(output.status.success(), "openssl {arguments:?}: {}", text(&output));
    text(&output)
}

pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Writes a file and gives its path as text.
pub(crate) fn put(dir: &Path, name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, contents).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn path(dir: &Path, name: &str) -> String {
    PathBuf::from(dir).join(name).to_str().unwrap().to_owned()
}

/// A certificate's files on disk, as arguments for `s_client`.
pub(crate) struct ClientFiles {
    chain: String,
    key: String,
}

impl ClientFiles {
    pub(crate) fn new(dir: &Path, name: &str, issued: &Issued) -> Self {
        let chain = put(dir, &format!("{name}.pem"), &issued.chain_pem);
        let key = put(dir, &format!("{name}.key"), issued.key_pem.reveal());
        Self { chain, key }
    }

    /// Leaf, intermediate and key.
    pub(crate) fn full(&self) -> [&str; 6] {
        ["-cert", &self.chain, "-key", &self.key, "-cert_chain", &self.chain]
    }

    /// The leaf alone (OpenSSL reads one certificate of `-cert`) and the key.
    pub(crate) fn leaf_alone(&self) -> [&str; 4] {
        ["-cert", &self.chain, "-key", &self.key]
    }
}
