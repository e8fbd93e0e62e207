//! Both sides of `bench/imap_vs_dovecot`: a server like the product's (store, journal, TLS, signed tokens), and a
//! client that measures any IMAP server.
//!
//! `speed serve PORT DIRECTORY KEYFILE`: TLS from the first byte on PORT, STARTTLS on PORT+1. A user logs in with
//! XOAUTH2 and a JWT whose HS256 signature, `email` and `exp` are checked, as Dovecot's local validation does.
//! Ends on Ctrl-C or TERM.
//!
//! `speed drive HOST:PORT CA.pem USER TOKENFILE PHASE COUNT`: one line of JSON, `{"seconds":…,"count":…,"octets":…}`.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use imapd::{Context, Endpoint};
use kernel::{Clock, Limits, Timing};
use mailstore::MailStore;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sasl::{Attempt, Authenticator, Credentials, Granted, Mechanism, Offer, Refusal, RefusalCode, Rights};
use tokio::net::TcpListener;
use wire::{CertificateFacts, TokenFacts};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", port, dir, key] => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(serve(port.parse()?, PathBuf::from(dir), std::fs::read(key)?)),
        ["drive", address, ca, user, token, phase, count] => {
            let token = std::fs::read_to_string(token)?;
            let target = Arc::new(Target::new(address, ca, user, token.trim())?);
            drive(&target, phase, count.parse()?)
        }
        _ => Err(
            "usage: speed serve PORT DIRECTORY KEYFILE | speed drive HOST:PORT CA USER TOKENFILE PHASE COUNT"
                .into(),
        ),
    }
}

async fn serve(port: u16, dir: PathBuf, key: Vec<u8>) -> Outcome {
    std::fs::create_dir_all(&dir)?;
    let clock = Clock::system();
    let db = db::Db::open_sqlite(&dir.join("data.sqlite")).await?;
    let store = MailStore::open(&db, clock.clone()).await?;
    let names = tls::LabNames { domains: vec![], crl_base: "http://127.0.0.1:9".into() };
    let lab = tls::Lab::open(&dir.join("pki"), &names, &clock)?;
    std::fs::write(dir.join("ca.pem"), lab.ca_pem())?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    // One client measures here: the rates that protect a sandbox would only measure themselves.
    let mut limits = Limits::default();
    limits.connections = 10_000;
    limits.connections_per_address = 10_000;
    limits.connections_per_minute = u32::MAX;
    limits.commands_per_minute = u32::MAX;
    let context = Arc::new(Context {
        journal: journal::Journal::open(&db, clock.clone()).await?,
        store: store.clone(),
        acceptor: lab.acceptor(),
        tls_faults: Arc::new(|_| None),
        authenticator: Arc::new(Door { store, key, known: Mutex::default(), clock: clock.clone() }),
        limits,
        timing: Timing::real(),
        clock,
    });
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut servers = Vec::new();
    for (port, implicit_tls) in [(port, true), (port + 1, false)] {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let endpoint = Endpoint { implicit_tls, ..Endpoint::default() };
        servers.push(tokio::spawn(imapd::serve(context.clone(), listener, endpoint, stopped.clone())));
    }
    writeln!(std::io::stdout(), "listening")?;
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = term.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    stop.send(true)?;
    for server in servers {
        server.await?;
    }
    db.close().await;
    Ok(())
}

/// Whoever shows a good token has the mailbox that it names.
struct Door {
    store: MailStore,
    key: hmac::Key,
    known: Mutex<HashMap<String, i64>>,
    clock: Clock,
}

impl Door {
    /// The mailbox that a token opens.
    fn mailbox(&self, token: &str) -> Option<String> {
        let (signed, signature) = token.rsplit_once('.')?;
        hmac::verify(&self.key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims = String::from_utf8(claims).ok()?;
        let after =
            |name: &str| claims.split_once(&format!("\"{name}\":")).map(|(_, rest)| rest.trim_start());
        let digits: String = after("exp")?.chars().take_while(char::is_ascii_digit).collect();
        if digits.parse::<i64>().ok()? < self.clock.now().as_second() {
            return None;
        }
        after("email")?.strip_prefix('"')?.split('"').next().map(str::to_owned)
    }

    async fn account(&self, address: &str) -> Result<i64, db::Error> {
        let known = self.known.lock().expect("nobody panics with it").get(address).copied();
        if let Some(account) = known {
            return Ok(account);
        }
        let account = self.store.create_account(address).await?.id;
        self.known.lock().expect("nobody panics with it").insert(address.to_owned(), account);
        Ok(account)
    }
}

impl Authenticator for Door {
    fn authenticate<'a>(
        &'a self,
        attempt: Attempt,
    ) -> Pin<Box<dyn Future<Output = Result<Granted, Refusal>> + Send + 'a>> {
        Box::pin(async move {
            let Credentials::Xoauth2 { user, token } = &attempt.credentials else {
                return Err(Refusal::new(RefusalCode::MechanismNotAllowed, "XOAUTH2 only"));
            };
            let mailbox = self.mailbox(token.reveal()).filter(|mailbox| mailbox == user);
            let Some(mailbox) = mailbox else {
                return Err(Refusal::new(RefusalCode::TokenMalformed, "not a good token for this mailbox"));
            };
            let account = self
                .account(&mailbox)
                .await
                .map_err(|error| Refusal::new(RefusalCode::Unavailable, error.to_string()))?;
            let (offer, rights) = (Offer::default(), Rights::ALL);
            Ok(Granted { identity: mailbox.clone(), mailbox, account, offer, rights })
        })
    }

    fn token_facts(&self, _: &Credentials) -> Option<TokenFacts> {
        None
    }

    fn mechanisms(&self, _: Option<&CertificateFacts>, _: &Offer) -> Vec<Mechanism> {
        vec![Mechanism::Xoauth2]
    }
}

/// What is measured.
struct Target {
    address: String,
    tls: Arc<ClientConfig>,
    login: String,
}

impl Target {
    fn new(address: &str, ca: &str, user: &str, token: &str) -> Outcome<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.resumption = Resumption::disabled();
        let login = STANDARD.encode(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"));
        Ok(Self { address: address.to_owned(), tls: Arc::new(tls), login })
    }
}

/// A session that counts what it receives.
struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
    octets: u64,
    tag: u32,
}

impl Client {
    fn connect(target: &Target) -> Outcome<Self> {
        let tcp = TcpStream::connect(&target.address)?;
        tcp.set_nodelay(true)?;
        let connection = ClientConnection::new(target.tls.clone(), ServerName::try_from("localhost")?)?;
        let stream = StreamOwned::new(connection, tcp);
        let mut client = Self { stream, buffer: vec![0; 1 << 18], octets: 0, tag: 0 };
        client.until(b"* OK")?;
        client.ask(&format!("AUTHENTICATE XOAUTH2 {}", target.login))?;
        Ok(client)
    }

    fn ask(&mut self, command: &str) -> Outcome<Vec<u8>> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.stream.write_all(format!("{tag} {command}\r\n").as_bytes())?;
        self.stream.flush()?;
        self.until(format!("{tag} OK").as_bytes())
    }

    /// Reads up to a line that starts so, and returns the last octets received.
    fn until(&mut self, start: &[u8]) -> Outcome<Vec<u8>> {
        let mut tail: Vec<u8> = Vec::new();
        loop {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            self.octets += read as u64;
            tail.extend_from_slice(&self.buffer[..read]);
            if tail.ends_with(b"\r\n") {
                let last =
                    tail[..tail.len() - 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let line = &tail[last..];
                if line.starts_with(start) {
                    return Ok(tail);
                }
                let tag = start.split(|byte| *byte == b' ').next().unwrap_or_default();
                if line.starts_with(tag) && !tag.starts_with(b"*") {
                    return Err(String::from_utf8_lossy(line).into_owned().into());
                }
            }
            let keep = tail.len().saturating_sub(8_192);
            tail.drain(..keep);
        }
    }
}

/// A message of about 4 KB, as a practice would send it.
fn message(number: usize) -> String {
    let line = "Le patient se porte bien ; la tension est de 12/8, le traitement reste le même jusqu'au contrôle.\r\n";
    let marker = if number % 1_000 == 7 { "aiguille dans la botte de foin\r\n" } else { "" };
    format!(
        "From: Cabinet du Dr Martin <cabinet.{}@medecin.example>\r\nTo: u1@bench.test\r\n\
         Subject: Compte rendu {number} de consultation\r\nDate: Mon, 23 Nov 2026 10:{:02}:{:02} +0100\r\n\
         Message-ID: <{number}@bench.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"frontiere\"\r\n\r\n--frontiere\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{marker}{}\r\n--frontiere\r\n\
         Content-Type: application/zip; name=\"IHE_XDM.zip\"\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\r\n{}--frontiere--\r\n",
        number % 97,
        number / 60 % 60,
        number % 60,
        line.repeat(25),
        "UEsDBAoAAAAAAIdO1kAAAAAAAAAAAAAAAAAJAAAASUhFX1hETS9QSwMECgAAAAAAh07W\r\n".repeat(12),
    )
}

fn append(client: &mut Client, numbers: std::ops::Range<usize>) -> Outcome {
    for number in numbers {
        let message = message(number);
        client.ask(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()))?;
    }
    Ok(())
}

/// `count` things shared by `threads` sessions.
fn shared(
    target: &Arc<Target>,
    threads: usize,
    count: usize,
    work: impl Fn(&Target, std::ops::Range<usize>) -> Outcome + Send + Sync + 'static,
) -> Outcome {
    let work = Arc::new(work);
    let each = count.div_ceil(threads);
    let running: Vec<_> = (0..threads)
        .map(|thread| {
            let (target, work) = (target.clone(), work.clone());
            std::thread::spawn(move || work(&target, thread * each..((thread + 1) * each).min(count)))
        })
        .collect();
    for thread in running {
        thread.join().map_err(|_| "a client thread panicked")??;
    }
    Ok(())
}

fn drive(target: &Arc<Target>, phase: &str, count: usize) -> Outcome {
    let session = || -> Outcome<Client> {
        let mut client = Client::connect(target)?;
        client.ask("SELECT INBOX")?;
        client.octets = 0;
        Ok(client)
    };
    let mut octets = 0;
    let mut start = Instant::now();
    match phase {
        "login" => shared(target, 4, count, |target, range| {
            for _ in range {
                Client::connect(target)?.ask("LOGOUT")?;
            }
            Ok(())
        })?,
        "append" => {
            let mut client = Client::connect(target)?;
            start = Instant::now();
            append(&mut client, 0..count)?;
        }
        "append8" => shared(target, 8, count, |target, range| append(&mut Client::connect(target)?, range))?,
        "fill" => {
            let mut client = Client::connect(target)?;
            for from in (0..count).step_by(500) {
                let mut command = String::from("APPEND INBOX");
                for number in from..(from + 500).min(count) {
                    let message = message(number);
                    command.push_str(&format!(" {{{}+}}\r\n{message}", message.len()));
                }
                client.ask(&command)?;
            }
        }
        "bulk" | "headers" => {
            let mut client = session()?;
            let items = if phase == "bulk" { "BODY.PEEK[]" } else { "(ENVELOPE BODYSTRUCTURE RFC822.SIZE)" };
            start = Instant::now();
            for _ in 0..count {
                client.ask(&format!("UID FETCH 1:* {items}"))?;
            }
            octets = client.octets;
        }
        "single" => {
            let mut client = session()?;
            start = Instant::now();
            for uid in 1..=count {
                client.ask(&format!("UID FETCH {uid} BODY.PEEK[]"))?;
            }
            octets = client.octets;
        }
        "noop" => {
            let mut client = session()?;
            start = Instant::now();
            for _ in 0..count {
                client.ask("NOOP")?;
            }
        }
        "search-header" | "search-body" => {
            let mut client = session()?;
            let key = if phase == "search-header" {
                "SUBJECT \"Rendu 777\""
            } else {
                "BODY \"aiguille dans la botte\""
            };
            client.ask(&format!("UID SEARCH {key}"))?; // once, so that both have read their files
            start = Instant::now();
            for _ in 0..count {
                client.ask(&format!("UID SEARCH {key}"))?;
            }
            octets = client.octets;
        }
        "big" => {
            let mut client = Client::connect(target)?;
            let mut message = String::from(
                "Subject: grand\r\nContent-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            );
            let line = "UEsDBAoAAAAAAIdO1kAAAAAAAAAAAAAAAAAJAAAASUhFX1hETS9QSwMECgAAAAAAh07W\r\n";
            message.push_str(&line.repeat((count * 1024 * 1024 - message.len()) / line.len()));
            start = Instant::now();
            client.ask(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()))?;
            client.ask("SELECT INBOX")?;
            client.octets = 0;
            client.ask("UID FETCH * BODY.PEEK[]")?;
            octets = client.octets;
        }
        "idle" => {
            let mut held = Vec::new();
            for _ in 0..count {
                let mut client = Client::connect(target)?;
                client.ask("SELECT Archive")?;
                client.stream.write_all(b"i IDLE\r\n")?;
                client.until(b"+")?;
                client.buffer = Vec::new();
                held.push(client);
            }
            writeln!(std::io::stdout(), "held")?;
            std::io::stdin().read_line(&mut String::new())?;
        }
        _ => return Err("no such phase".into()),
    }
    let seconds = start.elapsed().as_secs_f64();
    writeln!(
        std::io::stdout(),
        "{{\"phase\":\"{phase}\",\"count\":{count},\"seconds\":{seconds:.6},\"octets\":{octets}}}"
    )?;
    Ok(())
}
