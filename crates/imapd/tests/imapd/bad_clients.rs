use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wire::Fact;

use crate::bench::{Bench, Client, PER, TOKEN, xoauth2};

#[tokio::test]
async fn what_follows_starttls_in_clear_is_never_executed() {
    let bench = Bench::start().await;
    let mut client = bench.clear().await;
    client.send("a STARTTLS\r\nb ID (\"name\" \"injected\")\r\n").await;
    let end = client.rest().await;
    assert!(end[0].starts_with("a BAD ") && end[1].starts_with("* BYE ") && end.len() == 2, "{end:?}");
    bench.violation("behind STARTTLS").await;
    let journal = format!("{:?}", bench.events().await);
    assert!(!journal.contains("Greeting") && !journal.contains("injected"));
}

#[tokio::test]
async fn clear_text_in_the_place_of_the_handshake_is_no_command() {
    let bench = Bench::start().await;
    let mut client = bench.clear().await;
    client.send("a STARTTLS\r\n").await;
    assert!(client.line().await.starts_with("a OK "));
    client.send("b ID (\"name\" \"injected\")\r\nc LOGOUT\r\n").await;
    client.rest().await;
    bench.fact(|fact| matches!(fact, Fact::TlsFailed { .. })).await;
    assert!(!format!("{:?}", bench.events().await).contains("Greeting"));
}

#[tokio::test]
async fn lines_and_literals_over_the_limits() {
    let bench = Bench::start().await;
    let mut client = bench.clear().await;
    let long = [b"a NOOP ".to_vec(), vec![b'x'; 1_000_000], b"\r\n".to_vec()].concat();
    // The server may close before it has read everything.
    let _ = client.stream.write_all(&long).await;
    let end = client.rest().await;
    assert_eq!(end[0], "a BAD a command line is at most 65536 octets");
    assert!(end[1].starts_with("* BYE "));
    bench.violation("65536").await;

    let mut client = bench.clear().await;
    let refused = client.ask("LOGIN {999999999}").await;
    assert!(refused[0].contains(" BAD the literals of a command are at most"), "{refused:?}");
    assert!(client.ask("NOOP").await[0].contains(" OK "));
    client.send("b LOGIN {999999999999999999999+}\r\n").await;
    let end = client.rest().await;
    assert!(end[0].starts_with("b BAD ") && end[1].starts_with("* BYE "), "{end:?}");
}

#[tokio::test]
async fn garbage_gets_bad_then_bye() {
    let bench = Bench::start().await;
    let mut client = bench.clear().await;
    client.send(b"\x16\xff\x00 nothing\r\n").await;
    assert!(client.line().await.starts_with("* BAD "));
    client.send("a NOOP\nb NOOP\r\n").await;
    assert_eq!(client.line().await, "a BAD a line ends with CR LF");
    assert!(client.line().await.starts_with("b OK "));
    let answer = client.ask("FETCH 1 FLAGS").await;
    assert!(answer[0].contains(" BAD Log in first"), "{answer:?}");
    assert!(client.ask("XYZZY").await[0].contains(" BAD octet 3: expected a command that this server knows"));
    for _ in 0..20 {
        let _ = client.stream.write_all(b"\r\n").await;
    }
    let end = client.rest().await;
    assert!(end.last().unwrap().starts_with("* BYE Too many commands"), "{end:?}");
    bench.closed("error: Too many commands").await;
}

#[tokio::test]
async fn a_client_gone_in_the_middle_of_a_message_leaves_nothing() {
    let bench = Bench::start().await;
    let mut client = bench.logged_in().await;
    client.send("a APPEND INBOX {1000}\r\n").await;
    assert!(client.line().await.starts_with("+ "));
    client.send("Subject: half").await;
    drop(client);
    bench.closed("eof").await;
    let inbox = bench.store.folder(bench.per, "INBOX").await.unwrap().unwrap();
    assert_eq!(bench.store.status(inbox.id).await.unwrap().messages, 0);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_before_it_is_sent() {
    let mut limits = kernel::Limits::default();
    limits.message = 1_000;
    let bench = Bench::with(limits, kernel::Timing::real()).await;
    let mut client = bench.logged_in().await;
    let refused = client.ask("APPEND INBOX {1001}").await;
    assert!(refused[0].contains(" NO [TOOBIG] "), "{refused:?}");
    let refused = client.ask(&format!("APPEND INBOX {{1500+}}\r\n{}", "x".repeat(1500))).await;
    assert!(refused[0].contains(" NO [TOOBIG] "), "{refused:?}");
    client.ok("NOOP").await;
    client.send("b APPEND INBOX {999999+}\r\n").await;
    assert!(client.rest().await[0].starts_with("* BYE "));
}

#[tokio::test]
async fn a_token_sent_at_the_wrong_moment_is_not_kept() {
    let bench = Bench::start().await;
    let response = xoauth2(PER, TOKEN);
    let mut client = bench.clear().await;
    client.send(format!("a AUTHENTICATE XOAUTH2\r\n{response}\r\nb x{response}\r\nc LOGIN {{3}}\r\n")).await;
    assert!(client.line().await.starts_with("a NO "));
    assert!(client.line().await.starts_with("* BAD "));
    assert!(client.line().await.starts_with("b BAD "));
    assert!(client.line().await.starts_with("+ "));
    client.send(format!("bob {TOKEN}\r\n")).await;
    assert!(client.line().await.starts_with("c NO "));
    let journal = format!("{:?}", bench.events().await);
    assert!(!journal.contains(TOKEN) && !journal.contains(&response[..60]), "{journal}");
}

#[tokio::test]
async fn tls_where_none_is_expected_and_none_where_it_is() {
    let bench = Bench::start().await;
    let mut plain = Client::over(TcpStream::connect(("127.0.0.1", bench.tls)).await.unwrap());
    let _ = plain.stream.write_all(b"a CAPABILITY\r\n").await;
    assert!(plain.rest().await.iter().all(|line| !line.contains("IMAP4rev1")));
    bench.fact(|fact| matches!(fact, Fact::TlsFailed { .. })).await;
    let tcp = TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap();
    assert!(bench.handshake(tcp, None).await.is_err());
}
