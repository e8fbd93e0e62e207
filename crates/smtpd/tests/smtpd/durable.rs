//! After a 250, the message and its events are there, whatever happens to the process.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use wire::{Fact, MailFacts};

use crate::lab::{APP, Lab, Options, PER};
use crate::raw::Raw;

const DIRECTORY: &str = "SMTPD_TEST_DIRECTORY";

/// The process that is killed: a server in the directory it is told.
#[tokio::test]
#[ignore = "started by the test below as a process of its own"]
async fn child_server() {
    let dir = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by the test below"));
    let lab = Lab::open(&dir, Options::default()).await;
    println!("\nPORT {}", lab.starttls.port());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let temp = tempfile::tempdir().unwrap();
    // The parent's own server is not used: it lends its certificates to the client.
    let parent = Lab::new().await;
    copy_pki(&parent, temp.path());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["durable::child_server", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, temp.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port: u16 = loop {
        let line = lines.next_line().await.unwrap().expect("the server says its port");
        if let Some(port) = line.strip_prefix("PORT ") {
            break port.parse().unwrap();
        }
    };
    // One client is in the middle of a message when the process dies.
    let mut cut = parent_view(&parent, port).await;
    cut.say(&format!("MAIL FROM:<{PER}>")).await;
    cut.say(&format!("RCPT TO:<{APP}>")).await;
    assert_eq!(cut.say("DATA").await.code, 354);
    cut.send("Subject: half\r\n").await;
    let mut raw = parent_view(&parent, port).await;
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        let message =
            format!("Subject: {number}\r\nX-MSS-NIL: {number}\r\n\r\n{}\r\n", "x".repeat(number * 40));
        let reply = raw.mail(PER, APP, &smtp::client::dot_stuff(message.as_bytes())).await;
        acknowledged.push((reply.queue_id().unwrap().to_owned(), message));
    }
    child.start_kill().unwrap(); // SIGKILL
    child.wait().await.unwrap();
    drop(parent);

    let lab = Lab::open(temp.path(), Options::default()).await;
    let inbox = lab.inbox(APP).await;
    assert_eq!(inbox.len(), acknowledged.len());
    let facts = lab.facts().await;
    for (stored, (queue_id, message)) in inbox.iter().zip(&acknowledged) {
        assert!(stored.ends_with(message.as_bytes()), "not the same bytes");
        let told = facts.iter().find_map(|fact| match fact {
            Fact::Mail { mail } if mail.queue_id == *queue_id => Some(mail),
            _ => None,
        });
        let MailFacts { sha256, size, .. } = told.expect("the event of an acknowledged message");
        assert_eq!((sha256, *size), (&kernel::sha256_hex(message.as_bytes()), stored.len() as u64));
        let line = format!("250 2.0.0 Ok: queued as {queue_id}");
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Line { text, .. } if *text == line)));
        assert!(facts.iter().any(|fact| matches!(fact, Fact::Header { queue_id: id, name, .. } if id == queue_id && name == "X-MSS-NIL")));
    }
    // Numbers of connections are not given twice.
    let before = lab.events().await.iter().map(|event| event.connection.0).max().unwrap();
    let mut raw = Raw::greeted(lab.starttls).await;
    raw.say("QUIT").await;
    lab.wait_for(|fact| matches!(fact, Fact::Closed { .. })).await;
    assert!(lab.events().await.iter().map(|event| event.connection.0).max().unwrap() > before);
}

#[tokio::test]
async fn a_store_that_fails_is_told_and_leaves_nothing() {
    let mut lab = Lab::new().await;
    lab.expect_faults();
    let mut raw = Raw::logged_in(&lab).await;
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON body_chunk BEGIN SELECT RAISE(ABORT, 'refused'); END";
    execute(&lab, refuse).await;
    // One that is written ahead, one that goes with its commit.
    for lines in [40_000, 10] {
        let data =
            [b"Subject: lost\r\n\r\n".to_vec(), b"0123456789\r\n".repeat(lines), b".\r\n".to_vec()].concat();
        let reply = raw.mail(PER, APP, &data).await;
        assert_eq!(reply.to_string(), "451 4.3.0 Temporary failure of the server, try again later");
    }
    assert!(lab.inbox(APP).await.is_empty());
    assert!(!lab.facts().await.iter().any(|fact| matches!(fact, Fact::Mail { .. } | Fact::Header { .. })));
    execute(&lab, "DROP TRIGGER refuse").await;
    assert_eq!(raw.mail(PER, APP, b"Subject: after\r\n\r\n.\r\n").await.code, 250);
    assert_eq!(lab.inbox(APP).await.len(), 1);
}

async fn execute(lab: &Lab, statement: &'static str) {
    let done = lab.db.write(move |tx| {
        Box::pin(async move {
            sqlx::query(statement).execute(tx).await?;
            Ok(())
        })
    });
    done.await.unwrap();
}

fn copy_pki(parent: &Lab, to: &std::path::Path) {
    let to = to.join("pki");
    std::fs::DirBuilder::new().mode(0o700).create(&to).unwrap();
    for entry in std::fs::read_dir(parent.dir.join("pki")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// A session with the child, trusted through the parent's copy of the same certificates.
async fn parent_view(parent: &Lab, port: u16) -> Raw {
    let mut raw = Raw::greeted(([127, 0, 0, 1], port).into()).await;
    raw.say("EHLO raw.lab").await;
    raw.say("STARTTLS").await;
    let mut raw = raw.start_tls(parent).await;
    raw.say("EHLO raw.lab").await;
    let token = kernel::Secret::new(crate::lab::TOKEN.to_owned());
    raw.say("AUTH XOAUTH2").await;
    assert_eq!(raw.say(sasl::xoauth2_response(PER, &token).reveal()).await.code, 235);
    raw
}
