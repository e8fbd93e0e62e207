//! BDAT (RFC 3030): octets are a message's, never commands, whatever is thought of them.

use wire::Fact;

use crate::lab::{APP, Lab, Options, PER};
use crate::raw::Raw;

async fn open(raw: &mut Raw) {
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
}

#[tokio::test]
async fn chunks_make_one_message_byte_for_byte() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    // The dialogue of RFC 3030 §4.2, pipelined whole; a dot alone is a line like another.
    let (first, second) = ("Subject: chunks\r\n\r\n.\r", "\n.\r\nQUIT\r\nMAIL FROM:<x@y>\r\nno line end");
    raw.send(format!(
        "MAIL FROM:<{PER}>\r\nRCPT TO:<{APP}>\r\nBDAT {}\r\n{first}BDAT 0\r\nBDAT {} LAST\r\n{second}NOOP\r\n",
        first.len(),
        second.len()
    ))
    .await;
    assert_eq!(raw.reply().await.code, 250);
    assert_eq!(raw.reply().await.code, 250);
    assert_eq!(raw.reply().await.to_string(), format!("250 2.0.0 {} octets received", first.len()));
    assert_eq!(raw.reply().await.to_string(), "250 2.0.0 0 octets received");
    assert!(raw.reply().await.to_string().starts_with("250 2.0.0 Ok: queued as "));
    assert_eq!(raw.reply().await.code, 250); // NOOP
    let stored = lab.inbox(APP).await.remove(0);
    assert!(stored.ends_with(format!("{first}{second}").as_bytes()));
    let facts = lab.facts().await;
    let sha = kernel::sha256_hex(format!("{first}{second}").as_bytes());
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Mail { mail } if mail.sha256 == sha)));
    // An empty last chunk ends what came before it.
    open(&mut raw).await;
    raw.send("BDAT 15\r\nSubject: x\r\n\r\ny").await;
    assert_eq!(raw.reply().await.code, 250);
    assert_eq!(raw.say("BDAT 0 LAST").await.code, 250);
    assert!(lab.inbox(APP).await[1].ends_with(b"Subject: x\r\n\r\ny"));
}

#[tokio::test]
async fn what_is_out_of_order_is_read_and_refused() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    raw.send("BDAT 6 LAST\r\nQUIT\r\n").await;
    assert_eq!(raw.reply().await.code, 503);
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    raw.send("BDAT 6\r\nQUIT\r\n").await;
    assert_eq!(raw.reply().await.to_string(), "554 5.5.1 No valid recipients");
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
    raw.send("BDAT 6\r\nQUIT\r\n").await;
    assert_eq!(raw.reply().await.code, 250);
    assert_eq!(raw.say("DATA").await.code, 503);
    assert_eq!(raw.say(&format!("RCPT TO:<{PER}>")).await.code, 503);
    assert_eq!(raw.say("RSET").await.code, 250);
    assert_eq!(raw.say("BDAT 0 LAST").await.code, 503);
    // A chunk before the login is read, and nothing more of it is known.
    let mut stranger = Raw::secured(&lab).await;
    stranger.send("BDAT 6 LAST\r\nQUIT\r\n").await;
    assert_eq!(stranger.reply().await.code, 530);
    assert_eq!(stranger.say("NOOP").await.code, 250);
    assert_eq!(lab.inbox(APP).await.len(), 0);
}

#[tokio::test]
async fn lines_in_chunks_are_lines() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    for (bad, why) in
        [("a\nb\r\n", "LF without CR"), ("a\rb\r\n", "CR without LF"), ("a\0\r\n", "NUL"), ("a\r", "CR")]
    {
        open(&mut raw).await;
        raw.send(format!("BDAT {} LAST\r\n{bad}", bad.len())).await;
        let reply = raw.reply().await;
        assert!(reply.code == 550 && reply.to_string().contains(why), "{bad:?}: {reply}");
    }
    // A bad first chunk ends the transaction; the next one finds none.
    open(&mut raw).await;
    raw.send("BDAT 2\r\n\n\nBDAT 2 LAST\r\nab").await;
    assert_eq!((raw.reply().await.code, raw.reply().await.code), (550, 503));
    assert_eq!(lab.inbox(APP).await.len(), 0);
}

#[tokio::test]
async fn a_size_that_cannot_be_read_ends_the_session() {
    let lab = Lab::new().await;
    for bad in ["BDAT x", "BDAT 5 FIRST", "BDAT"] {
        let mut raw = Raw::logged_in(&lab).await;
        open(&mut raw).await;
        raw.send(format!("{bad}\r\nNOOP\r\n")).await;
        assert_eq!(raw.last_words().await, 501, "{bad}");
    }
}

#[tokio::test]
async fn a_chunked_message_over_the_limit_is_refused_and_the_session_goes_on() {
    let mut options = Options::default();
    options.allowance.message = Some(2_000);
    let lab = Lab::with(options).await;
    let mut raw = Raw::logged_in(&lab).await;
    open(&mut raw).await;
    raw.send(format!("BDAT 1500\r\n{}\r\n", "x".repeat(998).as_str().to_owned() + "\r\n" + &"y".repeat(498)))
        .await;
    assert_eq!(raw.reply().await.code, 250);
    raw.send(format!("BDAT 1500 LAST\r\n{}", "0123456789\r\n".repeat(125))).await;
    assert_eq!(raw.reply().await.to_string(), "552 5.3.4 Message over the limit of 2000 octets");
    open(&mut raw).await;
    assert_eq!(raw.say("BDAT 99999999999 LAST").await.code, 552);
    assert!(raw.try_reply().await.is_none(), "a chunk that is not worth its reading ends the session");
}
