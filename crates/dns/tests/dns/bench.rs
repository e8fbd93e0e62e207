use std::net::SocketAddr;
use std::process::Output;
use std::sync::Arc;

use db::Db;
use dns::{MailPorts, Sandbox, Server, Zone};
use journal::{Journal, Query};
use kernel::Clock;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::watch;
use wire::{Direction, Event, Fact, Service};

pub(crate) const MAIL: &str = "mail-tests-editeur.vaguemestre.test";

/// A server on a port of its own, with a journal.
pub(crate) struct Bench {
    pub(crate) server: Arc<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) journal: Journal,
    stop: watch::Sender<bool>,
    _dir: TempDir,
}

pub(crate) fn plan() -> Sandbox {
    Sandbox {
        domain: "vaguemestre.test".into(),
        mail_domains: vec![MAIL.into()],
        ports: MailPorts { imap: 1143, imaps: 1993, submission: 1587, submissions: 1465 },
        addresses: vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()],
    }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(plan(), |server| server).await
    }

    pub(crate) async fn with(plan: Sandbox, change: impl FnOnce(Server) -> Server) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(&dir.path().join("db.sqlite")).await.unwrap();
        let journal = Journal::open(&db, Clock::system()).await.unwrap();
        let server = Server::new(Zone::sandbox(&plan).unwrap()).with_journal(journal.clone(), Some(31));
        let server = Arc::new(change(server));
        let (udp, tcp) = dns::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = udp.local_addr().unwrap();
        assert_eq!(tcp.local_addr().unwrap(), address);
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(dns::serve(udp, tcp, Arc::clone(&server), stopped));
        Self { server, address, journal, stop, _dir: dir }
    }

    /// What dig says; `None`, said, where it is not installed.
    pub(crate) async fn dig(&self, arguments: &str) -> Option<String> {
        let mut command = Command::new("dig");
        command.args(["@127.0.0.1", "-p", &self.address.port().to_string(), "+tries=1", "+time=1"]);
        let Ok(Output { stdout, .. }) = command.args(arguments.split_whitespace()).output().await else {
            eprintln!("SKIP dig: not installed");
            return None;
        };
        Some(String::from_utf8(stdout).unwrap())
    }

    /// The facts of each connection so far, oldest first, without `Connected`.
    pub(crate) async fn facts(&self) -> Vec<String> {
        self.journal.barrier().await.unwrap();
        let events = self.journal.events(&Query { limit: 1_000, ..Query::default() }).await.unwrap();
        events.iter().filter_map(shown).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

fn shown(event: &Event) -> Option<String> {
    assert_eq!(event.service, Service::Dns);
    match &event.fact {
        Fact::Connected { origin } => {
            assert_eq!(origin.run, Some(31));
            None
        }
        Fact::Line { direction: Direction::Client, text } => Some(format!("C {text}")),
        Fact::Line { direction: Direction::Server, text } => Some(format!("S {text}")),
        Fact::Note { text } => Some(format!("note {text}")),
        Fact::Fault { point, name, nth, .. } => {
            assert_eq!(point, "dns");
            Some(format!("fault {name} {nth}"))
        }
        Fact::Violation { what } => Some(format!("violation {what}")),
        Fact::Closed { reason } => Some(format!("closed {reason}")),
        other => panic!("{other:?}"),
    }
}
