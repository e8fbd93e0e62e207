use std::time::{Duration, Instant};

use kernel::{Limits, Timing, sha256_hex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::{AuthOutcome, Fact};

use crate::bench::{APP, Bench, Client, EXPIRED, PER, TOKEN, xoauth2};

fn code(outcome: &AuthOutcome) -> &str {
    match outcome {
        AuthOutcome::Refused { code, .. } => code,
        _ => "accepted",
    }
}

#[tokio::test]
async fn nothing_is_offered_nor_taken_in_clear() {
    let bench = Bench::start().await;
    let mut client = bench.clear().await;
    let capabilities = client.ok("CAPABILITY").await;
    assert!(
        capabilities.contains("STARTTLS LOGINDISABLED") && !capabilities.contains("AUTH="),
        "{capabilities}"
    );
    let refused = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(PER, TOKEN))).await;
    assert!(refused[0].contains(" NO [PRIVACYREQUIRED] "), "{refused:?}");
    let refused = client.ask("LOGIN bob hunter2").await;
    assert!(refused[0].contains(" NO [PRIVACYREQUIRED] "), "{refused:?}");
    assert!(client.ask("SELECT INBOX").await[0].contains(" BAD "));
    let auths = bench.auths().await;
    assert_eq!(auths.len(), 2);
    assert_eq!((auths[0].mechanism.as_str(), auths[0].user.as_str(), auths[0].tls), ("XOAUTH2", PER, false));
    assert_eq!(auths[0].token.as_ref().unwrap().sha256, sha256_hex(TOKEN.as_bytes()));
    assert_eq!((code(&auths[0].outcome), code(&auths[1].outcome)), ("cleartext", "cleartext"));
    assert_eq!((auths[1].mechanism.as_str(), auths[1].user.as_str()), ("LOGIN", "bob"));
    let journal = format!("{:?}", bench.events().await);
    for secret in ["hunter2", TOKEN, &xoauth2(PER, TOKEN)] {
        assert!(!journal.contains(secret));
    }
}

#[tokio::test]
async fn starttls_then_xoauth2_without_initial_response() {
    let bench = Bench::start().await;
    let mut tcp = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
    let mut greeting = vec![0; 1024];
    let _ = tcp.read(&mut greeting).await.unwrap();
    tcp.write_all(b"s STARTTLS\r\n").await.unwrap();
    let read = tcp.read(&mut greeting).await.unwrap();
    assert!(greeting[..read].starts_with(b"s OK"));
    let mut client = Client::over(bench.handshake(tcp, None).await.unwrap());
    let capabilities = client.ok("CAPABILITY").await;
    assert!(capabilities.contains("AUTH=XOAUTH2") && !capabilities.contains("STARTTLS"), "{capabilities}");
    assert!(!capabilities.contains("AUTH=PLAIN") && !capabilities.contains("AUTH=LOGIN"), "{capabilities}");
    assert!(client.ask("STARTTLS").await[0].contains(" BAD "));
    client.send("a AUTHENTICATE XOAUTH2\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send(format!("{}\r\n", xoauth2(PER, TOKEN))).await;
    assert!(client.line().await.starts_with("a OK [CAPABILITY IMAP4rev1 "));
    assert!(client.ask(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(PER, TOKEN))).await[0].contains(" BAD "));
    client.ok("ID (\"name\" \"Logiciel Test\" \"version\" NIL)").await;
    client.ok("ENABLE UTF8=ACCEPT").await;
    assert!(client.ok("NAMESPACE").await.contains("* NAMESPACE ((\"\" \"/\")) NIL NIL"));
    client.send("z LOGOUT\r\n").await;
    let end = client.rest().await;
    assert!(end[0].starts_with("* BYE ") && end[1].starts_with("z OK "), "{end:?}");
    bench.closed("logout").await;
    bench.fact(|fact| matches!(fact, Fact::ClientHello { .. })).await;
    bench.fact(|fact| matches!(fact, Fact::TlsEstablished { .. })).await;
    bench
        .fact(|fact| matches!(fact, Fact::Greeting { verb, name } if verb == "ID" && name == "Logiciel Test"))
        .await;
    let events = bench.events().await;
    assert!(
        matches!(&events[0].fact, Fact::Connected { origin } if origin.run == Some(31) && !origin.implicit_tls)
    );
    let auth = &bench.auths().await[0];
    assert!(auth.tls && code(&auth.outcome) == "accepted");
    assert!(!format!("{events:?}").contains(TOKEN) && !format!("{events:?}").contains(&xoauth2(PER, TOKEN)));
}

#[tokio::test]
async fn a_refused_token_gets_a_challenge_then_its_code() {
    let bench = Bench::start().await;
    let mut client = bench.tls(None).await;
    client.send(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, EXPIRED))).await;
    assert_eq!(client.line().await, "+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=");
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("a NO [EXPIRED] "));
    client.send(format!("b AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(APP, TOKEN))).await;
    assert!(client.line().await.starts_with("+ "));
    client.send("*\r\n").await;
    assert!(client.line().await.starts_with("b NO [AUTHORIZATIONFAILED] "));
    client.send("c AUTHENTICATE XOAUTH2 bm90IGl0\r\n").await;
    assert!(client.line().await.starts_with("+ eyJzdGF0dXMiOiI0MDAi"));
    client.send("\r\n").await;
    let end = client.rest().await;
    assert!(end[0].starts_with("c NO [AUTHENTICATIONFAILED] "), "{end:?}");
    assert_eq!(end[1], "* BYE Too many failed logins");
    let auths = bench.auths().await;
    let codes: Vec<&str> = auths.iter().map(|auth| code(&auth.outcome)).collect();
    assert_eq!(codes, ["token_expired", "wrong_identity", "malformed"]);
    bench.closed("error: Too many failed logins").await;
}

#[tokio::test]
async fn a_client_may_give_up_and_unknown_mechanisms_are_refused() {
    let bench = Bench::start().await;
    let mut client = bench.tls(None).await;
    client.send("a AUTHENTICATE XOAUTH2\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send("*\r\n").await;
    assert!(client.line().await.starts_with("a BAD "));
    assert!(client.ask("AUTHENTICATE PLAIN AGJvYgBwdw==").await[0].contains(" NO [AUTHORIZATIONFAILED] "));
    let codes: Vec<String> = bench.auths().await.iter().map(|auth| code(&auth.outcome).to_owned()).collect();
    assert_eq!(codes, ["cancelled", "mechanism_not_allowed"]);
}

#[tokio::test]
async fn external_is_the_certificate() {
    let bench = Bench::start().await;
    let good = bench.certificate("163254178");
    let mut client = bench.tls(Some(&good)).await;
    assert!(client.ok("CAPABILITY").await.contains("AUTH=EXTERNAL"));
    client.ok("AUTHENTICATE EXTERNAL =").await;
    client.ok("SELECT INBOX").await;
    let mut client = bench.tls(Some(&good)).await;
    client.send("a AUTHENTICATE EXTERNAL\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send(format!("{}\r\n", sasl::external_response(APP))).await;
    assert!(client.line().await.starts_with("a OK "));
    let mut without = bench.tls(None).await;
    assert!(without.ask("AUTHENTICATE EXTERNAL =").await[0].contains(" NO [AUTHENTICATIONFAILED] "));
    let other = bench.certificate("999999999");
    let mut stranger = bench.tls(Some(&other)).await;
    assert!(stranger.ask("AUTHENTICATE EXTERNAL =").await[0].contains(" NO [AUTHENTICATIONFAILED] "));
    let auths = bench.auths().await;
    assert_eq!(auths[0].certificate_serial.as_ref(), Some(&good.facts.serial));
    assert_eq!(code(&auths[2].outcome), "no_certificate");
    assert_eq!(code(&auths[3].outcome), "wrong_certificate");
}

#[tokio::test]
async fn the_end_of_a_listener_is_told_and_quick() {
    let mut bench = Bench::start().await;
    let mut idle = bench.selected("INBOX").await;
    idle.send("i IDLE\r\n").await;
    assert!(idle.line().await.starts_with("+ "));
    let mut waiting = bench.clear().await;
    let begun = Instant::now();
    bench.shutdown.send(true).unwrap();
    assert!(idle.rest().await[0].starts_with("* BYE "));
    assert!(waiting.rest().await[0].starts_with("* BYE "));
    for server in bench.servers.drain(..) {
        server.await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(("127.0.0.1", bench.clear)).await.is_err());
    let closed = bench
        .events()
        .await
        .into_iter()
        .filter(|event| matches!(&event.fact, Fact::Closed { reason } if reason == "shutdown"));
    assert_eq!(closed.count(), 2);
}

#[tokio::test]
async fn silence_ends_with_bye() {
    let mut timing = Timing::accelerated();
    timing.login = Duration::from_millis(150);
    timing.imap_idle = Duration::from_millis(300);
    let bench = Bench::with(Limits::default(), timing).await;
    let mut silent = bench.clear().await;
    assert!(silent.rest().await[0].starts_with("* BYE "));
    bench.closed("timeout").await;
    let mut idle = bench.selected("INBOX").await;
    idle.send("i IDLE\r\n").await;
    assert!(idle.line().await.starts_with("+ "));
    assert!(idle.rest().await[0].starts_with("* BYE "));
}

#[tokio::test]
async fn one_connection_too_many_is_told() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let bench = Bench::with(limits, Timing::real()).await;
    let _first = bench.clear().await;
    let mut second = Client::over(TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap());
    assert_eq!(second.line().await, "* BYE Too many connections; try again later");
}
