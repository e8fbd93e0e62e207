//! An operator in a directory of its own, with one PER mailbox and a Pro Santé Connect.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use journal::{Journal, Query};
use kernel::{Clock, Limits, Secret, Timing};
use mailstore::MailStore;
use operator::{Kind, Operator, Parts, PscTokens};
use psc::{ClientRegistration, Identity, Psc, PscConfig};
use rules::{Check, Transcript};
use tokio::process::Command;
use wire::{AuthOutcome, Direction, Event, Fact};

pub(crate) const IDENTITY: &str = "899700000018";
pub(crate) const PER: &str = "899700000018@bal.lab";
pub(crate) const OTHER: &str = "899700000026";

pub(crate) struct Lab {
    pub(crate) operator: Operator,
    pub(crate) ca: PathBuf,
    psc: Psc,
    parts: Parts,
    _dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let db = db::Db::open_sqlite(&dir.path().join("data.sqlite")).await.unwrap();
        Self::over(db, dir).await
    }

    /// Over a database of that directory.
    pub(crate) async fn over(db: db::Db, dir: tempfile::TempDir) -> Self {
        let clock = Clock::system();
        let pki = open_pki(dir.path(), &clock);
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, pki.ca_pem()).unwrap();
        let psc = Psc::open(PscConfig::new(dir.path().join("psc"), clock.clone())).unwrap();
        let secret = Secret::new("s3cret".into());
        psc.register_client(ClientRegistration::new("lps", secret, ["http://127.0.0.1:8801/callback"]))
            .unwrap();
        for identity in [IDENTITY, OTHER] {
            psc.add_identity(Identity::test(identity));
        }
        let parts = Parts {
            store: MailStore::open(&db, clock.clone()).await.unwrap(),
            journal: Journal::open(&db, clock.clone()).await.unwrap(),
            db,
            lab: Arc::new(pki),
            tokens: Arc::new(PscTokens::new(psc.clone(), clock.clone())),
            domain: "bal.lab".into(),
            clock,
            timing: Timing::real(),
            limits: Limits::default(),
        };
        let operator = Operator::open(parts.clone()).await.unwrap();
        operator.add_mailbox(Kind::Per, IDENTITY).await.unwrap();
        Self { operator, ca, psc, parts, _dir: dir }
    }

    /// Another operator over the same tables, as after a restart.
    pub(crate) async fn reopened(&self) -> Operator {
        Operator::open(self.parts.clone()).await.unwrap()
    }

    /// A fresh access token; `life` of zero gives one that has expired already.
    pub(crate) fn token(&self, identity: &str, life: Option<Duration>) -> String {
        let set = self.psc.issue_tokens(identity, "lps", life).unwrap();
        set.response.access_token.reveal().to_string()
    }

    pub(crate) async fn events(&self) -> Vec<Event> {
        self.operator.journal().barrier().await.unwrap();
        self.operator.journal().events(&Query::default()).await.unwrap()
    }

    /// Lets a checker see what came to the ports of one run.
    pub(crate) async fn judge(&self, run: i64, check: impl FnOnce(&Transcript<'_>) -> Check) -> Check {
        let events = self.events().await;
        let own = Transcript::new(&events)
            .filter(|connection| connection.origin().is_some_and(|origin| origin.run == Some(run)));
        check(&own)
    }

    /// The outcome of each login, in order: `accepted` or the code.
    pub(crate) async fn outcomes(&self) -> Vec<String> {
        let code = |event: &Event| match &event.fact {
            Fact::Auth { auth } => Some(match &auth.outcome {
                AuthOutcome::Refused { code, .. } => code.clone(),
                _ => "accepted".into(),
            }),
            _ => None,
        };
        self.events().await.iter().filter_map(code).collect()
    }

    /// The newest message of a mailbox.
    pub(crate) async fn last_mail(&self, address: &str) -> String {
        let store = self.operator.store();
        let account = self.operator.mailbox(address).unwrap().account;
        let folder = store.folder(account, "INBOX").await.unwrap().unwrap().id;
        let uid = store.rows(folder).await.unwrap().last().unwrap().uid;
        let meta = store.meta(folder, &[uid]).await.unwrap().remove(0);
        String::from_utf8(store.read_body(meta.body, 0, meta.size).await.unwrap().to_vec()).unwrap()
    }

    /// Whether the server said such a line.
    pub(crate) async fn said(&self, part: &str) -> bool {
        self.events().await.iter().any(|event| {
            matches!(&event.fact, Fact::Line { direction: Direction::Server, text } if text.contains(part))
        })
    }
}

/// Keys take seconds to make: made once, copied for each test.
fn open_pki(dir: &Path, clock: &Clock) -> tls::Lab {
    let names = tls::LabNames { domains: vec!["bal.lab".into()], crl_base: "http://127.0.0.1:9".into() };
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operator-pki");
    std::fs::create_dir_all(&kept).unwrap();
    drop(tls::Lab::open(&kept, &names, clock).unwrap());
    let own = dir.join("pki");
    std::fs::DirBuilder::new().mode(0o700).create(&own).unwrap();
    for entry in std::fs::read_dir(&kept).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, own.join(path.file_name().unwrap())).unwrap();
        }
    }
    tls::Lab::open(&own, &names, clock).unwrap()
}

/// Runs a program to its end, whatever that is.
pub(crate) async fn run(program: &str, arguments: &[&str], input: &str) -> (Output, String) {
    use tokio::io::AsyncWriteExt;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output =
        tokio::time::timeout(Duration::from_secs(20), child.wait_with_output()).await.unwrap().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output, text)
}
