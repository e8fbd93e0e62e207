//! Servers that say what a test tells them to say, over real TCP and real TLS.

use std::collections::HashMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Clock, Secret};
use lps::{Endpoint, Patience, Refresh, Security, TokenSource};
use mss::Address;
use rustls::ClientConfig;
use tls::{Acceptor, ClientTrust, Lab, LabNames, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The lab that all tests share: keys are made once per checkout.
pub(crate) fn lab() -> Lab {
    open(&lab_dir(), &Clock::system())
}

/// A lab of one's own on the same keys, to revoke in.
pub(crate) fn own_lab(dir: &Path, clock: &Clock) -> Lab {
    drop(lab());
    for entry in std::fs::read_dir(lab_dir()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.join(entry.file_name())).unwrap();
    }
    open(dir, clock)
}

fn lab_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("lps-lab")
}

fn open(dir: &Path, clock: &Clock) -> Lab {
    let names = LabNames { domains: vec!["mail.example.test".into()], crl_base: "http://127.0.0.1:1".into() };
    Lab::open(dir, &names, clock).unwrap()
}

pub(crate) fn trust(lab: &Lab) -> Arc<ClientConfig> {
    let crls: Vec<Vec<u8>> = lab.crls().into_iter().map(|(_, der)| der).collect();
    ClientTrust::new(lab.ca_pem(), &crls).unwrap().config().unwrap()
}

pub(crate) fn address() -> Address {
    Address::parse("899700000018@mail.example.test").unwrap()
}

pub(crate) fn patience() -> Patience {
    let wait = Duration::from_secs(5);
    Patience { connect: wait, handshake: wait, reply: wait, accept: wait, deadline: None }
}

/// A token that looks like one, with a mark to look for in what a server received.
pub(crate) fn token(mark: &str) -> Secret<String> {
    Secret::new(format!("eyJhbGciOiJSUzI1NiJ9.{mark}.c2lnbmF0dXJl"))
}

/// The credential line of that token, as it goes over the wire.
pub(crate) fn sasl_line(token: &Secret<String>) -> String {
    sasl::xoauth2_response(address().as_str(), token).reveal().clone()
}

/// One accepted connection.
pub(crate) struct Peer {
    stream: Stream,
    buffer: Vec<u8>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    pub(crate) async fn say(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await; // the client may have hung up: the test says whether it should
        let _ = self.stream.flush().await;
    }

    /// The next line of the client, without CR LF; empty at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let line = String::from_utf8_lossy(&line[..end]).into_owned();
                self.heard.lock().unwrap().push(line.clone());
                return line;
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(count) if count > 0 => self.buffer.extend_from_slice(&chunk[..count]),
                _ => {
                    let rest = String::from_utf8_lossy(&std::mem::take(&mut self.buffer)).into_owned();
                    self.heard.lock().unwrap().push(rest);
                    return String::new();
                }
            }
        }
    }

    /// Reads lines up to one that is `end`.
    pub(crate) async fn until(&mut self, end: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if line == end || (line.is_empty() && self.buffer.is_empty() && lines.len() > 10_000) {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Reads so many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> String {
        while self.buffer.len() < count {
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk).await {
                Ok(read) if read > 0 => self.buffer.extend_from_slice(&chunk[..read]),
                _ => break,
            }
        }
        let rest = self.buffer.split_off(count.min(self.buffer.len()));
        String::from_utf8(std::mem::replace(&mut self.buffer, rest)).unwrap()
    }

    /// Reads a command and answers `tag` + `answer`; `*` lines of `data` go before it.
    pub(crate) async fn imap(&mut self, verb: &str, data: &str, answer: &str) -> String {
        let line = self.line().await;
        let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
        assert!(command.starts_with(verb), "expected {verb}, got {command:?}");
        self.say(&format!("{data}{tag} {answer}\r\n")).await;
        line.clone()
    }

    pub(crate) async fn tls(self, acceptor: &Acceptor) -> Option<Self> {
        let (stream, _) = acceptor.accept(self.stream, &mut |_| {}).await.ok()?;
        Some(Self { stream, ..self })
    }

    /// Greeting, STARTTLS and the capabilities after it, as an operator does.
    pub(crate) async fn imap_tls(mut self, acceptor: &Acceptor, capabilities: &str) -> Option<Self> {
        self.say("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n").await;
        self.imap("STARTTLS", "", "OK go").await;
        let mut peer = self.tls(acceptor).await?;
        peer.imap("CAPABILITY", &format!("* CAPABILITY {capabilities}\r\n"), "OK done").await;
        Some(peer)
    }

    pub(crate) async fn smtp_tls(mut self, acceptor: &Acceptor) -> Option<Self> {
        self.say("220 mail.example.test ESMTP\r\n").await;
        self.line().await;
        self.say("250-mail.example.test\r\n250-SIZE 26214400\r\n250 STARTTLS\r\n").await;
        self.line().await;
        self.say("220 2.0.0 go\r\n").await;
        let mut peer = self.tls(acceptor).await?;
        peer.line().await;
        peer.say(
            "250-mail.example.test\r\n250-SIZE 26214400\r\n250-8BITMIME\r\n250 AUTH XOAUTH2 EXTERNAL\r\n",
        )
        .await;
        Some(peer)
    }

    /// Plays a whole XOAUTH2 login of SMTP up to the client's response, which is returned.
    pub(crate) async fn smtp_auth(&mut self) -> String {
        assert_eq!(self.line().await, "AUTH XOAUTH2");
        self.say("334 \r\n").await;
        self.line().await
    }
}

/// A server on a free port; each connection is given to `handle` with its number, from 0.
pub(crate) struct Server {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start<F, Fut>(handle: F) -> Self
    where
        F: Fn(usize, Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (connections, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (count, ears) = (Arc::clone(&connections), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                let peer = Peer { stream: Stream::plain(tcp), buffer: Vec::new(), heard: Arc::clone(&ears) };
                tokio::spawn(handle(number, peer));
            }
        });
        Self { port, connections, heard, task }
    }

    pub(crate) fn endpoint(&self, security: Security) -> Endpoint {
        Endpoint::new("localhost", self.port, security)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// All that clients said, line by line.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Whether any client sent a SASL command or anything that holds `secret`.
    pub(crate) fn heard_credentials(&self, secret: &Secret<String>) -> bool {
        let line = sasl_line(secret);
        self.heard().iter().any(|said| {
            said.contains("AUTH")
                || said.contains("LOGIN")
                || said.contains(&line)
                || said.contains(secret.reveal())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers of an HTTP server: path to status and body.
pub(crate) type Pages = Arc<Mutex<HashMap<String, (u16, Vec<u8>)>>>;

/// A plain HTTP server for revocation lists.
pub(crate) async fn http(pages: Pages) -> Server {
    Server::start(move |_, mut peer| {
        let pages = Arc::clone(&pages);
        async move {
            let request = peer.line().await;
            peer.until("").await;
            let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
            let (status, body) = pages.lock().unwrap().get(&path).cloned().unwrap_or((404, Vec::new()));
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = peer.stream.write_all(&[head.into_bytes(), body].concat()).await;
            let _ = peer.stream.shutdown().await;
        }
    })
    .await
}

/// Pro Santé Connect's token endpoint: gives the answers in turn, the last one again and again.
pub(crate) struct Psc {
    server: Server,
    tls: Arc<ClientConfig>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Psc {
    pub(crate) async fn start(lab: &Lab, answers: Vec<(u16, String)>) -> Self {
        let acceptor = lab.acceptor();
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&bodies);
        let server = Server::start(move |number, peer| {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            let (status, answer) = answers[number.min(answers.len() - 1)].clone();
            async move {
                let Some(mut peer) = peer.tls(&acceptor).await else { return };
                let head = peer.until("").await;
                let length = head.iter().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
                });
                let body = peer.octets(length.unwrap()).await;
                seen.lock().unwrap().push(body);
                tokio::time::sleep(Duration::from_millis(20)).await; // long enough for others to arrive meanwhile
                peer.say(&format!(
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                    answer.len()
                ))
                .await;
            }
        })
        .await;
        Self { server, tls: trust(lab), bodies }
    }

    /// One that gives `token`, valid two minutes.
    pub(crate) async fn giving(lab: &Lab, token: &Secret<String>) -> Self {
        let answer = format!(
            r#"{{"access_token":"{}","expires_in":120,"refresh_token":"second","token_type":"Bearer"}}"#,
            token.reveal()
        );
        Self::start(lab, vec![(200, answer)]).await
    }

    pub(crate) fn refresh(&self) -> Refresh {
        Refresh {
            token_endpoint: format!("https://localhost:{}/token", self.server.port),
            client_id: "product".into(),
            client_secret: Secret::new("client-secret".into()),
            refresh_token: Secret::new("first".into()),
            tls: Arc::clone(&self.tls),
        }
    }

    pub(crate) fn source(&self, access: Secret<String>) -> Arc<TokenSource> {
        TokenSource::new(access, Some(self.refresh()), Clock::system())
    }

    /// Forms received so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.bodies.lock().unwrap().clone()
    }
}
