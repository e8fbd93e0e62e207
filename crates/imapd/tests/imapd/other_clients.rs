//! Clients that others wrote: Python's imaplib, curl.

use std::process::Stdio;

use tokio::process::Command;

use crate::bench::{APP, Bench, EXPIRED, PER, TOKEN};

pub(crate) async fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(30), child).await.expect("in time");
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/imapd/session.py");

#[tokio::test]
async fn imaplib_goes_through_a_whole_session() {
    let bench = Bench::start().await;
    for (port, mode) in [(bench.clear, "starttls"), (bench.tls, "tls")] {
        let port = port.to_string();
        let (good, text) = run("python3", &[SCRIPT, mode, &port, &bench.ca(), PER, TOKEN, EXPIRED]).await;
        assert!(good, "{mode}: {text}");
    }
}

#[tokio::test]
async fn imaplib_logs_in_with_a_certificate() {
    let bench = Bench::start().await;
    let issued = bench.certificate("163254178");
    let file = bench.dir.path().join("app.pem");
    std::fs::write(&file, format!("{}{}", issued.chain_pem, issued.key_pem.reveal())).unwrap();
    let file = file.to_str().unwrap();
    let port = bench.clear.to_string();
    let (good, text) = run("python3", &[SCRIPT, "external", &port, &bench.ca(), APP, file, ""]).await;
    assert!(good, "{text}");
}

#[tokio::test]
async fn curl_reads_a_message() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", b"Subject: pour curl\r\n\r\nbonjour\r\n").await;
    let ca = bench.ca();
    let user = format!("{PER}:");
    for (scheme, port) in [("imaps", bench.tls), ("imap", bench.clear)] {
        let url = format!("{scheme}://localhost:{port}/INBOX;MAILINDEX=1");
        let common = ["-sS", "--ssl-reqd", "--ipv4", "--url", &url, "-u", &user, "--cacert", &ca];
        let (good, text) = run("curl", &[&common[..], &["--oauth2-bearer", TOKEN]].concat()).await;
        assert!(good && text.contains("bonjour"), "{scheme}: {text}");
        let (good, _) = run("curl", &[&common[..], &["--oauth2-bearer", EXPIRED]].concat()).await;
        assert!(!good);
    }
}

/// Needs the Debian packages `isync` and `libsasl2-modules-kdexoauth2`.
#[tokio::test]
#[ignore = "needs mbsync and a SASL module: cargo nextest run -p imapd --run-ignored all"]
async fn mbsync_synchronises_both_ways() {
    let bench = Bench::start().await;
    for number in 0..100 {
        let message = format!(
            "Message-ID: <{number}@x>\r\nSubject: message {number}\r\n\r\n{}\r\n",
            "texte\r\n".repeat(number)
        );
        bench.deliver("INBOX", message.as_bytes()).await;
    }
    let home = bench.dir.path().join("mail");
    std::fs::create_dir(&home).unwrap();
    let (home, ca) = (home.to_str().unwrap(), bench.ca());
    for (tls, port) in [("IMAPS", bench.tls), ("STARTTLS", bench.clear)] {
        let settings = format!(
            "IMAPStore far\nHost localhost\nPort {port}\nUser {PER}\nPassCmd \"echo {TOKEN}\"\nAuthMechs XOAUTH2\n\
SSLType {tls}\nSystemCertificates no\nCertificateFile {ca}\n\nMaildirStore near\nPath {home}/\nInbox {home}/INBOX\n\
SubFolders Verbatim\n\nChannel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n"
        );
        let file = bench.dir.path().join("mbsyncrc");
        std::fs::write(&file, settings).unwrap();
        let (good, text) = run("mbsync", &["-c", file.to_str().unwrap(), "-a"]).await;
        assert!(good, "{tls}: {text}");
        let new = std::fs::read_dir(format!("{home}/INBOX/new")).unwrap().count();
        let cur = std::fs::read_dir(format!("{home}/INBOX/cur")).unwrap().count();
        assert!(new + cur >= 100, "{new} {cur} {text}");
        // What is written on this side goes to the server at the second pass.
        let local = format!("{home}/Sent/cur/1.local:2,S");
        std::fs::write(local, "Message-ID: <local@x>\nSubject: local\n\nlocal\n").unwrap();
    }
    let sent = bench.store.folder(bench.per, "Sent").await.unwrap().unwrap();
    assert_eq!(bench.store.status(sent.id).await.unwrap().messages, 1);
    assert!(!format!("{:?}", bench.events().await).contains("Violation"));
}

/// Needs the Debian package `mutt`.
#[tokio::test]
#[ignore = "needs mutt and script: cargo nextest run -p imapd --run-ignored all"]
async fn mutt_opens_the_inbox_and_saves_a_copy() {
    let bench = Bench::start().await;
    bench.deliver("INBOX", b"From: a@b\r\nMessage-ID: <1@x>\r\nSubject: pour mutt\r\n\r\nbonjour\r\n").await;
    let (home, ca) = (bench.dir.path().to_str().unwrap().to_owned(), bench.ca());
    let settings = format!(
        "set imap_user=\"{PER}\"\nset imap_authenticators=\"xoauth2\"\nset imap_oauth_refresh_command=\"echo {TOKEN}\"\n\
set ssl_starttls=yes\nset ssl_force_tls=yes\nset certificate_file={ca}\nset ssl_ca_certificates_file={ca}\n\
set ssl_usesystemcerts=no\nset folder=imap://localhost:{}/\nset spoolfile=+INBOX\nset header_cache={home}/cache\n\
set confirmappend=no\nset move=no\nset delete=yes\nset copy=no\nset wait_key=no\nset timeout=5\n\
push \"<display-message><exit><copy-message>=Archive<enter><flag-message><sync-mailbox><quit>\"\n",
        bench.clear
    );
    let file = bench.dir.path().join("muttrc");
    std::fs::write(&file, settings).unwrap();
    let command = format!("TERM=xterm HOME={home} timeout 20 mutt -n -F {}", file.to_str().unwrap());
    let (good, text) = run("script", &["-qec", &command, "/dev/null"]).await;
    assert!(good, "{text}");
    let archive = bench.store.folder(bench.per, "Archive").await.unwrap().unwrap();
    assert_eq!(
        bench.store.status(archive.id).await.unwrap().messages,
        1,
        "{text}\n{:#?}",
        bench.events().await
    );
    let inbox = bench.store.folder(bench.per, "INBOX").await.unwrap().unwrap();
    let row = &bench.store.rows(inbox.id).await.unwrap()[0];
    assert!(row.flags.seen && row.flags.flagged, "{row:?}");
    assert!(!format!("{:?}", bench.events().await).contains("Violation"));
}

/// Needs Node.js, with the package `imapflow` in `NODE_PATH`.
#[tokio::test]
#[ignore = "needs imapflow: NODE_PATH=… cargo nextest run -p imapd --run-ignored all"]
async fn imapflow_goes_through_a_whole_session() {
    let bench = Bench::start().await;
    let message = "From: =?utf-8?q?Dr_Zo=C3=A9?= <zoe@a.example>\r\nSubject: =?utf-8?B?UsOpc3VsdGF0cw==?=\r\nX-MSS-NIL: 2621\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntexte\r\n--b\r\nContent-Type: application/zip\r\n\
Content-Disposition: attachment; filename=IHE_XDM.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEs=\r\n--b--\r\n";
    bench.deliver("INBOX", message.as_bytes()).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/imapd/session.cjs");
    let port = bench.clear.to_string();
    let (good, text) = run("node", &[script, &port, &bench.ca(), PER, TOKEN, EXPIRED]).await;
    assert!(good, "{text}");
    let events = format!("{:?}", bench.events().await);
    assert!(!events.contains("Violation") && !events.contains(" BAD "), "{events}");
}
