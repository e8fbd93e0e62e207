//! What each profile offers, refuses and looks like.

use std::time::Duration;

use kernel::{Limits, Secret, Timing};
use sasl::{Mechanism, Offer, Profile, Rights};
use tokio::net::TcpStream;

use crate::bench::{Bench, Client, EXPIRED, Offers, PER, TOKEN, xoauth2};

#[tokio::test]
async fn an_old_server_knows_nothing_but_its_rfc() {
    let bench = Bench::profile(Profile::Old).await;
    let mut clear = Client::over(TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap());
    let greeting = clear.line().await;
    assert!(greeting.starts_with("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] "), "{greeting}");
    assert!(clear.ask("ID NIL").await[0].contains(" BAD "));

    let mut client = bench.tls(None).await;
    // No initial response, hence the two steps.
    let answer = client.ask(&format!("AUTHENTICATE XOAUTH2 {}", xoauth2(PER, TOKEN))).await;
    assert!(answer[0].contains(" BAD SASL-IR is not offered here"), "{answer:?}");
    client.send("a AUTHENTICATE XOAUTH2\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send(format!("{}\r\n", xoauth2(PER, TOKEN))).await;
    assert_eq!(client.line().await, "a OK [CAPABILITY IMAP4rev1] Logged in");

    bench.deliver("INBOX", b"Subject: x\r\n\r\ny\r\n").await;
    let selected = client.ok("SELECT INBOX").await;
    for modern in ["HIGHESTMODSEQ", "MAILBOXID", "CLOSED"] {
        assert!(!selected.contains(modern), "{selected}");
    }
    for command in [
        "IDLE",
        "MOVE 1 Trash",
        "UID MOVE 1 Trash",
        "UNSELECT",
        "NAMESPACE",
        "ENABLE CONDSTORE",
        "UID EXPUNGE 1",
        "LIST \"\" (a b)",
        "LIST \"\" * RETURN (CHILDREN)",
        "SEARCH RETURN (ALL) ALL",
        "SEARCH YOUNGER 3",
        "FETCH 1 (MODSEQ)",
        "STATUS INBOX (SIZE)",
        "GETQUOTAROOT INBOX",
        "CREATE x (USE (\\Sent))",
    ] {
        let mut other = bench.tls(None).await;
        other.send("a AUTHENTICATE XOAUTH2\r\n").await;
        other.line().await;
        other.send(format!("{}\r\n", xoauth2(PER, TOKEN))).await;
        other.line().await;
        other.ok("SELECT INBOX").await;
        let answer = other.ask(command).await;
        assert!(answer.last().unwrap().contains(" BAD "), "{command}: {answer:?}");
    }
    let listed = client.ok("LIST \"\" *").await;
    assert!(listed.contains("* LIST () \"/\" \"Sent\""), "{listed}");
    // Codes that came later are not told; TRYCREATE is as old as the protocol.
    let copied = client.ok("COPY 1 Sent").await;
    assert!(!copied.contains("COPYUID"), "{copied}");
    assert!(client.ask("DELETE Nowhere").await[0].contains(" NO There is no such folder"));
    assert!(client.ask("COPY 1 Nowhere").await[0].contains(" NO [TRYCREATE] "));
    // LITERAL+ is not offered: who does not wait is not understood.
    client.send("l SELECT {5+}\r\nINBOX\r\n").await;
    let rest = client.rest().await;
    assert!(rest[0].starts_with("l BAD ") && rest[1].starts_with("* BYE "), "{rest:?}");
    bench.violation("not offered").await;
}

#[tokio::test]
async fn the_fourth_revision_alone_or_its_second_edition_alone() {
    let bench = Bench::profile(Profile::Rev1Only).await;
    let mut client = bench.logged_in().await;
    let offered = client.ok("CAPABILITY").await;
    assert!(!offered.contains("IMAP4rev2") && offered.contains(" QRESYNC"), "{offered}");
    assert_eq!(client.ask("ENABLE IMAP4rev2 CONDSTORE").await[0], "* ENABLED CONDSTORE");
    assert!(client.ok("SELECT INBOX").await.contains(" 0 EXISTS"));

    let bench = Bench::profile(Profile::Rev2Only).await;
    let mut client = bench.logged_in().await.seeing();
    let offered = client.ok("CAPABILITY").await;
    assert!(offered.starts_with("* CAPABILITY IMAP4rev2 LITERAL- ") && !offered.contains("IMAP4rev1"));
    client.ok("CREATE \"Études & soins\"").await;
    assert!(client.ok("LIST \"\" %").await.contains("\"Études & soins\""));
    let selected = client.ok("SELECT INBOX").await;
    assert!(!selected.contains("RECENT") && !selected.contains("UNSEEN"), "{selected}");
    assert!(selected.contains("* LIST (\\HasNoChildren) \"/\" \"INBOX\""), "{selected}");
    assert!(client.ask("SEARCH ALL").await[0].starts_with("* ESEARCH (TAG "));
    for gone in ["LSUB \"\" *", "CHECK", "FETCH 1 RFC822", "STATUS INBOX (RECENT)", "SEARCH NEW"] {
        assert!(client.ask(gone).await[0].contains(" BAD "), "{gone}");
    }
    // LITERAL-: small ones without waiting, larger ones not (RFC 7888 §5).
    client.ok("STATUS {5+}\r\nINBOX (MESSAGES)").await;
    client.send("b APPEND INBOX {4097+}\r\n").await;
    let rest = client.rest().await;
    assert!(rest[0].starts_with("b BAD ") && rest[0].contains("4096"), "{rest:?}");
    assert!(rest[1].starts_with("* BYE "), "{rest:?}");
}

#[tokio::test]
async fn mailiz_drops_the_connection_behind_its_challenge() {
    // By the port.
    let bench = Bench::profile(Profile::Mailiz).await;
    let mut client = bench.tls(None).await;
    client.send(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, EXPIRED))).await;
    let rest = client.rest().await;
    assert_eq!(rest, ["+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0="]);
    bench.closed("mailiz").await;
    bench.logged_in().await.ok("SELECT INBOX").await;

    // By the mailbox that the token was for, on a port that offers something else.
    let mailbox = Offer { profile: Profile::Mailiz, ..Offer::default() };
    let bench = Bench::offering(Offers { mailbox, ..Offers::default() }).await;
    let mut client = bench.tls(None).await;
    client.send(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, EXPIRED))).await;
    assert_eq!(client.rest().await.len(), 1);
    let mut client = bench.tls(None).await;
    client.send(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2("x@y", "none"))).await;
    assert!(client.line().await.starts_with("+ "));
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("a NO [AUTHENTICATIONFAILED] "));
}

fn oauthbearer(user: &str, token: &str) -> String {
    sasl::oauthbearer_response(user, &Secret::new(token.to_owned())).reveal().clone()
}

#[tokio::test]
async fn oauthbearer_is_there_where_it_is_offered() {
    let bench = Bench::start().await;
    let mut client = bench.tls(None).await;
    let answer = client.ask(&format!("AUTHENTICATE OAUTHBEARER {}", oauthbearer(PER, TOKEN))).await;
    assert!(answer[0].contains(" NO [AUTHORIZATIONFAILED] "), "{answer:?}");

    let offer = Offer { oauthbearer: true, ..Offer::default() };
    let bench = Bench::offering(Offers { port: offer, mailbox: offer, ..Offers::default() }).await;
    let mut client = bench.tls(None).await;
    assert!(client.ok("CAPABILITY").await.contains(" AUTH=XOAUTH2 AUTH=OAUTHBEARER"));
    client.ok(&format!("AUTHENTICATE OAUTHBEARER {}", oauthbearer(PER, TOKEN))).await;
    client.ok("SELECT INBOX").await;

    // RFC 7628 §4.3: the error in JSON, the client's 0x01, then NO.
    let mut client = bench.tls(None).await;
    client.send("a AUTHENTICATE OAUTHBEARER\r\n").await;
    assert_eq!(client.line().await, "+ ");
    client.send(format!("{}\r\n", oauthbearer(PER, EXPIRED))).await;
    let challenge = client.line().await;
    let challenge = sasl::decode_challenge(challenge.strip_prefix("+ ").unwrap()).unwrap();
    assert_eq!(challenge.status, "invalid_token");
    client.send("AQ==\r\n").await;
    assert!(client.line().await.starts_with("a NO [EXPIRED] "));
    client.send("b AUTHENTICATE OAUTHBEARER bixhPXVzZXI=\r\n").await;
    let challenge = client.line().await;
    let challenge = sasl::decode_challenge(challenge.strip_prefix("+ ").unwrap()).unwrap();
    assert_eq!(challenge.status, "invalid_request");
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("b NO [AUTHENTICATIONFAILED] "));
    bench.violation("AQ==").await;
    let auths = bench.auths().await;
    assert!(auths.iter().all(|auth| auth.mechanism == Mechanism::OauthBearer.name()), "{auths:?}");
    let journal = format!("{:?}", bench.events().await);
    assert!(!journal.contains(TOKEN) && !journal.contains(&oauthbearer(PER, TOKEN)[..40]));
}

#[tokio::test]
async fn who_may_not_read_is_not_let_in() {
    let rights = Rights { read: false, send_as: true };
    let bench = Bench::offering(Offers { rights, ..Offers::default() }).await;
    let mut client = bench.tls(None).await;
    client.send(format!("a AUTHENTICATE XOAUTH2 {}\r\n", xoauth2(PER, TOKEN))).await;
    assert!(client.line().await.starts_with("+ "));
    client.send("\r\n").await;
    assert!(client.line().await.starts_with("a NO [AUTHORIZATIONFAILED] "));
    assert!(client.ask("SELECT INBOX").await[0].contains(" BAD Log in first"));
}

#[tokio::test]
async fn an_address_that_does_too_much_is_told_its_limit() {
    let mut limits = Limits::default();
    limits.connections_per_address = 2;
    limits.connections_per_minute = 4;
    limits.commands_per_minute = 3;
    let bench = Bench::with(limits, Timing::real()).await;
    let open = || async { Client::over(TcpStream::connect(("127.0.0.1", bench.clear)).await.unwrap()) };
    let (mut one, mut two) = (bench.clear().await, bench.clear().await);
    assert_eq!(open().await.line().await, "* BYE An address may have 2 connections at a time; close some");
    for _ in 0..3 {
        one.ok("NOOP").await;
    }
    two.send("a NOOP\r\n").await;
    assert_eq!(two.line().await, "* BYE An address may send 3 commands a minute; try again later");
    drop((one, two));
    let mut told = String::new();
    for _ in 0..50 {
        told = open().await.line().await;
        if told.contains("a minute") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(told, "* BYE An address may connect 4 times a minute; try again later");
}
