//! `vaguemestre faulty`: a mail server that misbehaves as a script says, alone, for anybody's test suite.
//!
//! It is the sandbox's own IMAP and SMTP with one mailbox and one token, on a data directory of its own; no bench, no
//! Pro Santé Connect. What happened is told at the end: a fault that no client met has proven nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bench::{Code, Error};
use clap::Args;
use db::Db;
use faults::{Action, Plan, Reached, Script};
use i18n::{Arg, Lang, text, text_with};
use journal::{Journal, Query};
use kernel::{Clock, Limits, Secret, Timing};
use mailstore::{Delivery, Flags, MailStore};
use operator::{Kind, Listener, Operator, Tokens};
use sasl::{Offer, Refusal, RefusalCode};
use serde_json::{Value, json};
use tls::{BadServer, Lab, LabNames};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::up::Ends;
use crate::cli::Cli;
use crate::data::DataDir;
use crate::output;

/// Local part of the one mailbox.
const MAILBOX: &str = "faulty";
/// Octets of text in a sample message: enough for a literal to be cut in its middle.
const SAMPLE: usize = 20_000;
/// How often `--once` looks, and how long clients then have to hear the end.
const LOOK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// A misbehaving mail server.
#[derive(Debug, Args)]
pub(crate) struct Faulty {
    /// The faults: a TOML file (docs/faults.md)
    #[arg(long, value_name = "FILE")]
    script: PathBuf,
    /// Seed of what is drawn by lot [default: the script's, else 1]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Domain of the mailbox: it is faulty@<DOMAIN>
    #[arg(long, value_name = "DOMAIN", default_value = "faulty.test")]
    domain: String,
    /// IMAP port [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    imap: u16,
    /// SMTP submission port [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    smtp: u16,
    /// The ports given are with TLS from the first octet, not with STARTTLS
    #[arg(long)]
    tls: bool,
    /// The token that opens the mailbox with XOAUTH2 [default: drawn, and printed]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Any token opens the mailbox
    #[arg(long)]
    accept_any_token: bool,
    /// Offer OAUTHBEARER beside XOAUTH2
    #[arg(long)]
    oauthbearer: bool,
    /// Sample messages in the mailbox
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    messages: u32,
    /// End once every fault has happened
    #[arg(long)]
    once: bool,
    /// Write what became of each fault, and the journal, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Until SIGTERM or Ctrl-C, or until every fault has happened with `--once`: 0 where they all have, 1 where one has not.
pub(crate) async fn run(cli: &Cli, arguments: &Faulty) -> Result<u8, Error> {
    let mut ends = Ends::listen()?;
    let script = read(&arguments.script)?;
    let seed = arguments.seed.or(script.seed).unwrap_or(1);
    let plan = Plan::new(script, seed);
    let own = Place::open(cli.data.as_deref())?;
    let server = Server::start(&own.data.path, arguments, &plan, seed).await?;
    if cli.json {
        output::json(&server.told);
    } else {
        tell(cli.lang(), &server.told);
    }
    tokio::select! {
        () = ends.wait() => {}
        () = reached(&plan), if arguments.once => {}
    }
    let events = server.stop().await?;
    let faults = plan.report();
    let all = faults.iter().all(is_reached);
    if let Some(path) = &arguments.report {
        let report = json!({
            "schema": "vaguemestre/faulty-report/1",
            "seed": seed,
            "reached": all,
            "faults": faults.iter().map(described).collect::<Vec<_>>(),
            "events": events,
        });
        bench::write_private(path, format!("{report}\n").as_bytes())?;
    }
    for fault in &faults {
        let line = told(cli.lang(), fault);
        if cli.json { eprintln!("{line}") } else { output::say!("{line}") }
    }
    Ok(u8::from(!all))
}

/// A fault that happened as often as it should; one for ever, once.
fn is_reached(fault: &Reached) -> bool {
    fault.happened > 0
}

/// Returns when every fault has happened, as often as the script says.
async fn reached(plan: &Plan) {
    let done = |fault: &Reached, times: u32| if times == 0 { fault.happened > 0 } else { fault.healed };
    loop {
        let report = plan.report();
        if report.iter().zip(&plan.script().faults).all(|(fault, written)| done(fault, written.times)) {
            return tokio::time::sleep(LOOK.1).await;
        }
        tokio::time::sleep(LOOK.0).await;
    }
}

/// The script, with every name that is wrong told by its line.
fn read(path: &Path) -> Result<Script, Error> {
    let bad = |what: String| {
        let next = "docs/faults.md has the language and examples.";
        Error::new(Code::BadInput, format!("{}: {what}", path.display()), next).field("script")
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let script: Script = text.parse().map_err(|error: faults::ScriptError| bad(error.to_string()))?;
    for fault in &script.faults {
        for action in &fault.actions {
            if let Action::Tls(name) = action {
                let line = line_of(&text, fault.line, name);
                BadServer::parse(name).map_err(|error| bad(format!("line {line}: {error}")))?;
            }
        }
    }
    Ok(script)
}

/// The line, from `first` on, on which a name stands between quotes; `first` where it was written in another way.
fn line_of(text: &str, first: usize, name: &str) -> usize {
    let quoted =
        |line: &str| [format!("\"{name}\""), format!("'{name}'")].iter().any(|word| line.contains(word));
    let mut lines = text.lines().enumerate().skip(first.saturating_sub(1));
    lines.find(|(_, line)| quoted(line)).map_or(first, |(at, _)| at + 1)
}

/// Where the server keeps what it has: a data directory that was named, else one that goes with it.
struct Place {
    data: DataDir,
    temporary: bool,
}

impl Place {
    fn open(named: Option<&Path>) -> Result<Self, Error> {
        let drawn = || std::env::temp_dir().join(format!("vaguemestre-faulty-{}", kernel::random::id()));
        let path = named.map_or_else(drawn, Path::to_owned);
        Ok(Self { data: DataDir::open(&path)?, temporary: named.is_none() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.data.path)
        {
            tracing::warn!(%error, path = %self.data.path.display(), "a temporary directory stays");
        }
    }
}

struct Server {
    told: Value,
    db: Db,
    journal: Journal,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// Its listeners hold it weakly: without it every login is answered that the operator is shutting down.
    operator: Operator,
    _armed: faults::Guard,
}

impl Server {
    async fn start(data: &Path, arguments: &Faulty, plan: &Plan, seed: u64) -> Result<Self, Error> {
        let clock = Clock::system();
        let pki = bind("pki", 0).await?;
        let crl_base = format!("http://127.0.0.1:{}", port(&pki));
        let names = LabNames { domains: vec![arguments.domain.clone()], crl_base };
        let (lab_dir, lab_clock) = (data.join("pki"), clock.clone());
        let lab = tokio::task::spawn_blocking(move || Lab::open(&lab_dir, &names, &lab_clock));
        let lab = Arc::new(lab.await.map_err(std::io::Error::other)??);
        let db = Db::open_sqlite(&data.join(crate::data::DATABASE)).await?;
        let journal = Journal::open(&db, clock.clone()).await?;
        let store = MailStore::open(&db, clock.clone()).await?;
        let drawn = || Secret::new(kernel::random::id());
        let token = arguments.token.clone().map_or_else(drawn, Secret::new);
        let operator = Operator::open(operator::Parts {
            db: db.clone(),
            store: store.clone(),
            journal: journal.clone(),
            lab: Arc::clone(&lab),
            tokens: Arc::new(OneToken { token: token.clone(), any: arguments.accept_any_token }),
            domain: arguments.domain.to_lowercase(),
            clock: clock.clone(),
            timing: Timing::real(),
            limits: Limits::default(),
        })
        .await?;
        let mailbox = operator.add_mailbox(Kind::Per, MAILBOX).await?;
        let others = ["one", "two"].map(|name| format!("{name}@{}", operator.domain()));
        for other in &others {
            operator.add_alias(other, mailbox.account);
        }
        deposit(&store, &clock, &mailbox, arguments.messages).await?;
        operator.prepare_faults(plan).await?;
        let armed = operator.faults().arm(&mailbox.address, plan.clone());
        let armed = armed.map_err(|error| Error::new(Code::Busy, error.to_string(), ""))?;

        let (stop, stopped) = watch::channel(false);
        let ca_file = data.join("ca.pem");
        bench::write_private(&ca_file, lab.ca_pem().as_bytes())?;
        let mut tasks = vec![tokio::spawn(web::serve_http(pki, operator::pki_router(lab), stopped.clone()))];
        let mut ports = Vec::new();
        let wanted = |given: u16, implicit: bool| if arguments.tls == implicit { given } else { 0 };
        for (door, wanted) in [
            (Listener::Imap, wanted(arguments.imap, false)),
            (Listener::Imaps, wanted(arguments.imap, true)),
            (Listener::Submission, wanted(arguments.smtp, false)),
            (Listener::Submissions, wanted(arguments.smtp, true)),
        ] {
            let listener =
                bind(if matches!(door, Listener::Imap | Listener::Imaps) { "imap" } else { "smtp" }, wanted)
                    .await?;
            ports.push(port(&listener));
            let offer = Offer { oauthbearer: arguments.oauthbearer, ..Offer::default() };
            tasks.push(operator.serve_offering(listener, door, None, offer, stopped.clone()));
        }
        let told = json!({
            "schema": "vaguemestre/faulty/1",
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "data": data,
            "script": arguments.script,
            "seed": seed,
            "ca_file": ca_file,
            "imap": {"host": "localhost", "starttls": ports[0], "tls": ports[1]},
            "smtp": {"host": "localhost", "starttls": ports[2], "tls": ports[3]},
            "address": mailbox.address,
            "recipients": [mailbox.address, others[0], others[1]],
            "token": token.reveal(),
            "messages": arguments.messages,
        });
        Ok(Self { told, db, journal, stop, tasks, operator, _armed: armed })
    }

    /// Ends every connection; what the journal says of all of them.
    async fn stop(self) -> Result<Value, Error> {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        drop(self.operator);
        self.journal.barrier().await?;
        let events = self.journal.events(&Query { limit: 100_000, ..Query::default() }).await?;
        self.db.close().await;
        Ok(serde_json::to_value(events).map_err(std::io::Error::other)?)
    }
}

/// One token opens the one mailbox; or any token does.
struct OneToken {
    token: Secret<String>,
    any: bool,
}

impl Tokens for OneToken {
    fn verify(&self, token: &str) -> Result<String, Refusal> {
        if self.any || token == self.token.reveal() {
            return Ok(MAILBOX.to_owned());
        }
        Err(Refusal::new(RefusalCode::TokenRefused, "not the token that was printed at the start"))
    }

    fn claimed(&self, _token: &str) -> (Option<String>, Option<String>) {
        (None, None)
    }
}

/// Messages to read: the last line of each says that it is whole.
async fn deposit(
    store: &MailStore,
    clock: &Clock,
    mailbox: &operator::Mailbox,
    count: u32,
) -> Result<(), Error> {
    let Some(inbox) = store.folder(mailbox.account, "INBOX").await? else { return Ok(()) };
    if !store.rows(inbox.id).await?.is_empty() {
        return Ok(()); // a data directory that was used before
    }
    let (domain, address) = (mailbox.address.rsplit('@').next().unwrap_or_default(), &mailbox.address);
    for number in 1..=count {
        let line =
            format!("Line of the sample message {number}, there to make it long enough to be cut.\r\n");
        let mut text = format!(
            "From: Sample <one@{domain}>\r\nTo: <{address}>\r\nSubject: Sample {number}\r\n\
             Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <sample-{number}@{domain}>\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=us-ascii\r\n\r\n"
        );
        text.push_str(&line.repeat(SAMPLE / line.len()));
        text.push_str(&format!("End of the sample message {number}.\r\n"));
        let mut body = store.body();
        body.push(text.as_bytes()).await?;
        let mut unit = db::Unit::new();
        let delivery = Delivery {
            body: body.finish(),
            trace: Default::default(),
            folders: vec![inbox.id],
            flags: Flags::default(),
            internal_date: clock.now(),
        };
        store.deliver_into(&mut unit, delivery);
        store.db().commit(unit).await?;
    }
    Ok(())
}

async fn bind(service: &str, port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(|error| {
        let next = format!("Stop its holder, or give another port with --{service} PORT.");
        let message = format!("port {port} ({service}) cannot be opened: {error}");
        Error::new(Code::PortInUse, message, next).field(service).detail(json!({"port": port}))
    })
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}

fn described(fault: &Reached) -> Value {
    json!({
        "name": fault.name,
        "line": fault.line,
        "at": fault.point.name(),
        "seen": fault.seen,
        "happened": fault.happened,
        "healed": fault.healed,
    })
}

fn told(lang: Lang, fault: &Reached) -> String {
    let line = fault.line.to_string();
    let facts = [
        ("name", Arg::Text(&fault.name)),
        ("line", Arg::Text(&line)),
        ("times", Arg::Number(i64::from(fault.happened))),
    ];
    if is_reached(fault) {
        text_with(lang, "cli-faulty-reached", &facts)
    } else {
        text_with(lang, "cli-faulty-not-reached", &facts[..2])
    }
}

fn tell(lang: Lang, told: &Value) {
    output::say!("{}", text(lang, "cli-faulty-ready"));
    for service in ["imap", "smtp"] {
        let ports = &told[service];
        let name = service.to_uppercase();
        output::say!("  {name:<20} localhost:{} (STARTTLS), :{} (TLS)", ports["starttls"], ports["tls"]);
    }
    let word = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    output::say!("  {:<20} {}", text(lang, "cli-up-ca"), word("ca_file"));
    output::say!("  {:<20} {}", text(lang, "cli-faulty-mailbox"), word("address"));
    output::say!("  {:<20} {}", text(lang, "cli-faulty-token"), word("token"));
    output::say!("{}", text(lang, "cli-up-stop"));
}
