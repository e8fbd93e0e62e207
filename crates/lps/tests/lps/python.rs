//! The example adapter and the bad clients of `adapters/python`, run as a bench runs them, against the same servers as
//! our own engine: another TLS library, other protocol code, one contract.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tls::Issued;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::adapter::{Desk, at, submission};
use crate::peer::{Psc, Server, own_lab, sasl_line, token};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../adapters/python").join(name)
}

/// Runs a program as the bench does; exit code and last line.
async fn run(name: &str, request: &Value) -> (i32, Value) {
    let mut command = Command::new("python3");
    command.arg("-B").arg(script(name)).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_else(|| panic!("{name} says nothing"));
    (output.status.code().unwrap(), serde_json::from_str(last).unwrap())
}

fn outcome(answer: &(i32, Value)) -> &str {
    answer.1["outcome"].as_str().unwrap()
}

fn mail(to: &str) -> Value {
    json!({"to":[to],"subject":"Été","text":"Bonjour,\nmark-42 é\n.","documents":[],"facts":{"close":true},"eml_file":null})
}

fn external(desk: &Desk, issued: &Issued) -> Value {
    let (chain, key) = (desk.dir.path().join("client.pem"), desk.dir.path().join("client.key"));
    std::fs::write(&chain, &issued.chain_pem).unwrap();
    std::fs::write(&key, issued.key_pem.reveal()).unwrap();
    json!({"mechanism":"external","cert_file":chain,"key_file":key})
}

#[tokio::test]
async fn the_example_sends_and_closes_the_exchange() {
    let desk = Desk::new().await;
    let server = submission(&desk.lab).await;
    let request = desk.json("send", |request| {
        request["smtp"] = at(&server);
        request["message"] = mail("279035121518989@patient.mssante.fr");
    });
    let answer = run("adapter.py", &request).await;
    assert_eq!((answer.0, outcome(&answer)), (0, "done"), "{answer:?}");
    assert_eq!(answer.1["token_used_sha256"], json!(token("a").fingerprint()));
    let heard = server.heard();
    let greetings = heard.iter().filter(|line| line.to_ascii_uppercase().starts_with("EHLO"));
    assert!(greetings.clone().count() == 2, "{heard:?}");
    assert!(
        greetings.clone().all(|line| line.ends_with(" [127.0.0.1]")),
        "the workstation's name stays at home"
    );
    for line in ["X-MSS-NIL: 2621", "X-MSS-MES: FIN"] {
        assert!(heard.iter().any(|said| said == line), "{line} in {heard:?}");
    }
    assert!(heard.iter().all(|line| line.is_ascii()), "8BITMIME was not asked for");
}

#[tokio::test]
async fn the_example_presents_its_certificate() {
    let desk = Desk::new().await;
    let issued = desk.lab.issue_auth_cli("163254178", "SantéProMoins").unwrap();
    let acceptor = desk.lab.acceptor();
    let server = Server::start(move |_, mut peer| {
        let acceptor = acceptor.clone();
        async move {
            peer.say("* OK ready\r\n").await;
            peer.imap("CAPABILITY", "* CAPABILITY IMAP4rev1 STARTTLS\r\n", "OK done").await;
            peer.imap("STARTTLS", "", "OK go").await;
            let Some(mut peer) = peer.tls(&acceptor).await else { return };
            peer.imap("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=EXTERNAL\r\n", "OK done").await;
            let line = peer.line().await;
            let tag = line.strip_suffix(" AUTHENTICATE EXTERNAL").unwrap();
            peer.say("+ \r\n").await;
            assert_eq!(peer.line().await, "ODk5NzAwMDAwMDE4QG1haWwuZXhhbXBsZS50ZXN0");
            peer.say(&format!("{tag} OK in\r\n")).await;
            peer.imap("LOGOUT", "* BYE\r\n", "OK bye").await;
        }
    })
    .await;
    let request = desk.json("login", |request| {
        request["imap"] = at(&server);
        request["auth"] = external(&desk, &issued);
    });
    let answer = run("adapter.py", &request).await;
    assert_eq!(outcome(&answer), "done", "{answer:?}");
}

#[tokio::test]
async fn the_example_renews_a_refused_token_once_and_not_where_a_refusal_is_expected() {
    let desk = Desk::new().await;
    let psc = Psc::giving(&desk.lab, &token("a")).await;
    for (expect_refusal, expected, refreshes) in [(true, "refused", 0), (false, "done", 1)] {
        let server = submission(&desk.lab).await;
        let request = desk.json("login", |request| {
            request["smtp"] = at(&server);
            request["expect_refusal"] = json!(expect_refusal);
            request["auth"]["access_token"] = json!(token("stale").reveal());
            request["auth"]["refresh"] = json!({"token_endpoint":psc.refresh().token_endpoint,"client_id":"c",
                "client_secret":"s","refresh_token":"r"});
        });
        let answer = run("adapter.py", &request).await;
        assert_eq!(outcome(&answer), expected, "{answer:?}");
        assert_eq!((server.connections(), psc.requests().len()), (1 + refreshes, refreshes));
    }
}

#[tokio::test]
async fn the_example_sends_no_credential_without_starttls_nor_to_a_server_that_is_revoked_or_unlisted() {
    let mut desk = Desk::new().await;
    let bare = Server::start(|_, mut peer| async move {
        peer.say("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] x\r\n").await;
        peer.imap("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\n", "OK done").await;
        peer.line().await;
    })
    .await;
    let answer = run("adapter.py", &desk.json("login", |request| request["imap"] = at(&bare))).await;
    assert_eq!(outcome(&answer), "refused", "{answer:?}");
    assert!(!bare.heard_credentials(&token("a")), "{:?}", bare.heard());

    let healthy = submission(&desk.lab).await;
    let unlisted = desk.json("login", |request| {
        request["smtp"] = at(&healthy);
        request["crl_urls"] = json!([]);
    });
    let answer = run("adapter.py", &unlisted).await;
    assert_eq!(outcome(&answer), "refused", "{answer:?}");

    let dir = tempfile::tempdir().unwrap();
    desk.lab = own_lab(dir.path(), &kernel::Clock::system());
    desk.lab.revoke(&desk.lab.server_certificate().unwrap().serial).unwrap();
    desk.publish();
    let answer = run("adapter.py", &desk.json("login", |request| request["smtp"] = at(&healthy))).await;
    assert_eq!(outcome(&answer), "refused", "{answer:?}");
    assert!(answer.1["detail"].as_str().unwrap().contains("revoked"), "{answer:?}");
    assert!(!healthy.heard_credentials(&token("a")), "{:?}", healthy.heard());
}

#[tokio::test]
async fn the_example_says_what_it_does_not_do_and_what_it_cannot_read() {
    let desk = Desk::new().await;
    let answer = run("adapter.py", &desk.json("append", |_| ())).await;
    assert_eq!((answer.0, outcome(&answer)), (3, "unsupported"));
    for request in [json!({"protocol":2}), json!([1])] {
        let answer = run("adapter.py", &request).await;
        assert_eq!((answer.0, outcome(&answer)), (0, "error"), "{request}");
    }
}

#[tokio::test]
async fn bad_clients_do_what_their_name_says() {
    let desk = Desk::new().await;
    let (good, changed) = (sasl_line(&token("a")), token("a").reveal().replace("c2lnbmF0dXJl", ""));
    for (name, expected) in [
        ("clear_auth", "refused"),
        ("wrong_token", "refused"),
        ("garbage_token", "refused"),
        ("no_certificate", "refused"),
    ] {
        let server = submission(&desk.lab).await;
        let request = desk.json("login", |request| request["smtp"] = at(&server));
        let answer = run(&format!("bad/{name}.py"), &request).await;
        assert_eq!(outcome(&answer), expected, "{name}: {answer:?}");
        let heard = server.heard().join("\n");
        match name {
            "clear_auth" => assert!(heard.contains(&format!("AUTH XOAUTH2 {good}")), "{heard}"),
            "wrong_token" => {
                let line = server.heard().into_iter().find(|line| line.starts_with("dXNlcj0")).unwrap();
                let Ok(sasl::Credentials::Xoauth2 { token: sent, .. }) =
                    sasl::Credentials::decode(sasl::Mechanism::Xoauth2, &line)
                else {
                    panic!("{line}")
                };
                assert!(sent.reveal().starts_with(&changed) && sent != token("a"));
                assert_eq!(sent.reveal().len(), token("a").reveal().len());
            }
            "garbage_token" => assert!(heard.contains("dXNlcj0") && !heard.contains(&good)),
            _ => assert!(heard.contains("AUTH EXTERNAL")),
        }
    }
    for (name, present) in [("missing_nil", None), ("other_nil", Some("X-MSS-NIL: 2622"))] {
        let server = submission(&desk.lab).await;
        let request = desk.json("send", |request| {
            request["smtp"] = at(&server);
            request["message"] = mail("a@b.fr");
        });
        let answer = run(&format!("bad/{name}.py"), &request).await;
        assert_eq!(outcome(&answer), "done", "{name}: {answer:?}");
        let heard = server.heard();
        assert!(heard.iter().any(|line| line.contains("mark-42")));
        let nil: Vec<&str> =
            heard.iter().map(String::as_str).filter(|line| line.starts_with("X-MSS")).collect();
        assert_eq!(nil, present.into_iter().collect::<Vec<_>>());
    }
    let server = submission(&desk.lab).await;
    let request = desk.json("login", |request| request["smtp"] = at(&server));
    assert_eq!(outcome(&run("bad/liar.py", &request).await), "done");
    assert_eq!(server.connections(), 0);
}
