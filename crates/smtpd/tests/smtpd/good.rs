//! What a correct client gets: the message in its folder byte for byte, and the events that tell of it.

use wire::{Direction, Fact, MailFacts};

use crate::lab::{APP, Lab, PER, TOKEN};
use crate::raw::Raw;

fn mail_facts(facts: &[Fact]) -> Vec<MailFacts> {
    let mails = facts.iter().filter_map(|fact| match fact {
        Fact::Mail { mail } => Some(mail.clone()),
        _ => None,
    });
    mails.collect()
}

#[tokio::test]
async fn a_message_is_stored_as_sent_and_told_in_full() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let message = "From: <899700000018@bal.lab>\r\nTo: 163254178@bal.lab\r\nSubject: XDM/1.0/DDM+\r\n folded\r\n\
                   X-MSS-NIL: 2621\r\nMessage-ID: <1.2@bal.lab>\r\n\r\n.dot\r\n\r\nfin\r\n";
    let wire = String::from_utf8(smtp::client::dot_stuff(message.as_bytes())).unwrap();
    let reply = raw.mail(PER, APP, wire.as_bytes()).await;
    let queue_id = reply.queue_id().unwrap().to_owned();
    assert_eq!(reply.to_string(), format!("250 2.0.0 Ok: queued as {queue_id}"));
    assert!((11..=12).contains(&queue_id.len()) && queue_id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(raw.say("QUIT").await.code, 221);

    let stored = String::from_utf8(lab.inbox(APP).await.remove(0)).unwrap();
    let trace = stored.strip_suffix(message).expect("the message, byte for byte");
    assert!(trace.starts_with(&format!(
        "Return-Path: <{PER}>\r\nReceived: from raw.lab ([127.0.0.1])\r\n\tby smtp.lab with ESMTPSA (TLSv1.3) id {queue_id}\r\n\
         \tfor <{APP}>\r\n\ttls TLS_"
    )));

    assert_eq!(lab.wait_closed().await, "quit");
    let facts = lab.facts().await;
    let expected = MailFacts {
        queue_id: queue_id.clone(),
        mailbox: PER.into(),
        from: PER.into(),
        to: vec![APP.into()],
        size: stored.len() as u64,
        sha256: kernel::sha256_hex(message.as_bytes()),
        message_id: Some("1.2@bal.lab".into()),
        helo: "raw.lab".into(),
    };
    assert_eq!(mail_facts(&facts), [expected]);
    let header = |name: &str, value: &str| Fact::Header {
        queue_id: queue_id.clone(),
        name: name.into(),
        value: value.into(),
    };
    assert!(facts.contains(&header("X-MSS-NIL", "2621")));
    assert!(facts.contains(&header("Subject", "XDM/1.0/DDM+ folded")));
    let line = |direction, text: &str| Fact::Line { direction, text: text.into() };
    let data = format!("[{} octets]", wire.len());
    assert!(facts.contains(&line(Direction::Client, &data)));
    assert!(facts.contains(&line(Direction::Client, "AUTH XOAUTH2")));
    // Everything in its order.
    let place = |wanted: &dyn Fn(&Fact) -> bool| facts.iter().position(wanted).expect("the fact is there");
    let order = [
        place(&|fact| matches!(fact, Fact::Connected { .. })),
        place(&|fact| matches!(fact, Fact::Greeting { verb, name } if verb == "EHLO" && name == "raw.lab")),
        place(&|fact| matches!(fact, Fact::ClientHello { .. })),
        place(&|fact| matches!(fact, Fact::TlsEstablished { .. })),
        place(&|fact| matches!(fact, Fact::Auth { auth } if auth.tls && auth.user == PER)),
        place(&|fact| *fact == line(Direction::Server, "354 End data with <CR><LF>.<CR><LF>")),
        place(&|fact| *fact == line(Direction::Client, &data)),
        place(&|fact| matches!(fact, Fact::Mail { .. })),
        place(&|fact| *fact == line(Direction::Server, &format!("250 2.0.0 Ok: queued as {queue_id}"))),
        place(&|fact| *fact == line(Direction::Client, "QUIT")),
        place(&|fact| matches!(fact, Fact::Closed { .. })),
    ];
    assert!(order.is_sorted(), "{order:?}");
    lab.assert_no_leak(TOKEN).await;
}

#[tokio::test]
async fn events_are_seen_while_the_client_is_still_there() {
    let lab = Lab::new().await;
    let mut raw = Raw::greeted(lab.starttls).await;
    raw.ehlo().await;
    lab.wait_for(|fact| matches!(fact, Fact::Greeting { name, .. } if name == "raw.lab")).await;
    assert!(!lab.facts().await.iter().any(|fact| matches!(fact, Fact::Closed { .. })));
    assert_eq!(raw.say("NOOP").await.code, 250);
}

#[tokio::test]
async fn a_pipelined_envelope_is_answered_in_order() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    raw.send(format!(
        "MAIL FROM:<{PER}> SIZE=40 BODY=8BITMIME\r\nRCPT TO:<{APP}>\r\nRCPT TO:<nobody@bal.lab>\r\n\
         RCPT TO:<{PER}>\r\nRCPT TO:<{APP}>\r\nDATA\r\n"
    ))
    .await;
    for code in [250, 250, 550, 250, 250, 354] {
        assert_eq!(raw.reply().await.code, code);
    }
    // The next transaction comes behind the final dot at once.
    raw.send(format!("Subject: caf\u{e9}\r\n\r\nx\r\n.\r\nMAIL FROM:<{PER}>\r\nRSET\r\nQUIT\r\n")).await;
    for code in [250, 250, 250, 221] {
        assert_eq!(raw.reply().await.code, code);
    }
    let (app, per) = (lab.inbox(APP).await, lab.inbox(PER).await);
    assert_eq!((app.len(), per.len()), (1, 1)); // the same recipient twice is one message
    assert_eq!(app, per);
    assert!(!String::from_utf8_lossy(&app[0]).contains("for <"), "nobody learns of the others");
    assert_eq!(mail_facts(&lab.facts().await)[0].to, [APP, PER, APP]);
}

#[tokio::test]
async fn a_big_message_comes_through_whole() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let mut message = b"Subject: big\r\n\r\n".to_vec();
    for line in 0..120_000 {
        message.extend_from_slice(format!(".{line:070}\r\n").as_bytes());
    }
    let reply = raw.mail(PER, APP, &smtp::client::dot_stuff(&message)).await;
    assert_eq!(reply.code, 250);
    let stored = lab.inbox(APP).await.remove(0);
    assert!(stored.ends_with(&message), "{} octets stored, {} sent", stored.len(), message.len());
    assert_eq!(mail_facts(&lab.facts().await)[0].sha256, kernel::sha256_hex(&message));
}

#[tokio::test]
async fn utf8_addresses_need_their_parameter() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(
        raw.say("MAIL FROM:<rené@bal.lab>").await.to_string(),
        "553 5.6.7 This address needs the SMTPUTF8 parameter of MAIL"
    );
    assert_eq!(raw.say("MAIL FROM:<rené@bal.lab> SMTPUTF8").await.code, 553); // not one's own mailbox
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}>")).await.code, 250);
    assert_eq!(raw.say("RCPT TO:<rené@bal.lab>").await.code, 553);
    raw.say("RSET").await;
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}> SMTPUTF8")).await.code, 250);
    assert_eq!(
        raw.say("RCPT TO:<rené@bal.lab>").await.to_string(),
        "550 5.1.1 No mailbox rené@bal.lab on this bench"
    );
}

#[tokio::test]
async fn twenty_clients_at_once_lose_nothing() {
    let lab = Lab::new().await;
    let lab = &lab;
    let clients = (0..20).map(|client| async move {
        let mut raw = Raw::logged_in(lab).await;
        for number in 0..10 {
            let data = format!("Subject: {client}-{number}\r\n\r\n.\r\n");
            assert_eq!(raw.mail(PER, APP, data.as_bytes()).await.code, 250);
        }
    });
    let mut all: Vec<_> = clients.map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|client| client.as_mut().poll(cx).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    let mut subjects: Vec<String> = lab
        .inbox(APP)
        .await
        .iter()
        .map(|message| {
            String::from_utf8_lossy(message).lines().find(|line| line.starts_with("Subject")).unwrap().into()
        })
        .collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 200);
    let mut ids: Vec<String> = mail_facts(&lab.facts().await).into_iter().map(|mail| mail.queue_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}
