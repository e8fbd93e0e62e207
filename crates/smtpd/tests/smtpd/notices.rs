//! Delivery status notices (RFC 3461, RFC 3464): to whom, of what, and never one too many.

use mailstore::QuotaLimit;
use sasl::Rights;
use wire::Fact;

use crate::lab::{APP, Lab, Options, PER};
use crate::raw::Raw;

const MESSAGE: &str =
    "From: <899700000018@bal.lab>\r\nMessage-ID: <7@bal.lab>\r\nSubject: caf\u{e9}\r\n\r\nbody\r\n.\r\n";

/// Sends with MAIL parameters to recipients with theirs; the final reply.
async fn send(raw: &mut Raw, mail: &str, recipients: &[&str]) -> smtp::client::Reply {
    assert_eq!(raw.say(&format!("MAIL FROM:{mail}")).await.code, 250);
    for recipient in recipients {
        assert_eq!(raw.say(&format!("RCPT TO:{recipient}")).await.code, 250, "{recipient}");
    }
    assert_eq!(raw.say("DATA").await.code, 354);
    raw.send(MESSAGE).await;
    raw.reply().await
}

async fn inbox(lab: &Lab, address: &str) -> Vec<String> {
    lab.inbox(address).await.into_iter().map(|message| String::from_utf8(message).unwrap()).collect()
}

#[tokio::test]
async fn each_fate_has_its_notice_in_one_commit_with_the_message() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let accepted = send(
        &mut raw,
        &format!("<{PER}> RET=FULL ENVID=env+2B1"),
        &[
            &format!("<{APP}> NOTIFY=SUCCESS ORCPT=rfc822;first+2Bone@x.fr"),
            "<late@bal.lab> NOTIFY=SUCCESS,FAILURE,DELAY",
            "<a@nowhere.lab>",
            "<b@nowhere.lab> NOTIFY=FAILURE",
            "<c@nowhere.lab> NOTIFY=NEVER",
            "<d@nowhere.lab> NOTIFY=SUCCESS,DELAY",
        ],
    )
    .await;
    let queue_id = accepted.queue_id().unwrap().to_owned();
    assert_eq!(lab.inbox(APP).await.len(), 1, "both addresses are one mailbox");
    let notices = inbox(&lab, PER).await;
    assert_eq!(notices.len(), 3);
    for notice in &notices {
        assert!(notice.starts_with("Return-Path: <>\r\nReceived: by smtp.lab id "), "{notice}");
        for part in [
            "From: Mail Delivery System <MAILER-DAEMON@smtp.lab>\r\n",
            "Auto-Submitted: auto-replied\r\n",
            "In-Reply-To: <7@bal.lab>\r\n",
            "Content-Type: multipart/report; report-type=delivery-status;\r\n",
            "Original-Envelope-Id: env+1\r\n",
            "Reporting-MTA: dns; smtp.lab\r\n",
            &format!("X-Queue-ID: {queue_id}\r\n"),
        ] {
            assert!(notice.contains(part), "{part} in {notice}");
        }
        assert!(!notice.contains("c@nowhere.lab") && !notice.contains("d@nowhere.lab"));
    }
    let of = |action: &str| {
        let found = notices.iter().filter(|notice| notice.contains(&format!("Action: {action}\r\n")));
        let found: Vec<&String> = found.collect();
        assert_eq!(found.len(), 1, "{action}");
        found[0].clone()
    };
    let failed = of("failed");
    assert!(failed.contains("Final-Recipient: rfc822; a@nowhere.lab\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
    assert!(
        failed.contains("b@nowhere.lab")
            && failed.contains("Diagnostic-Code: smtp; 550 5.1.1 nobody knows a")
    );
    assert!(
        failed.contains("Content-Type: message/rfc822") && failed.contains("\r\n\r\nbody\r\n"),
        "RET=FULL"
    );
    let delayed = of("delayed");
    assert!(delayed.contains("late@bal.lab") && delayed.contains("Status: 4.4.1\r\n"));
    assert!(delayed.contains("Will-Retry-Until: ") && !delayed.contains("\r\nbody\r\n"));
    let delivered = of("delivered");
    assert!(delivered.contains(
        "Original-Recipient: rfc822; first+one@x.fr\r\nFinal-Recipient: rfc822; 163254178@bal.lab"
    ));
    assert!(delivered.contains("late@bal.lab"));
    // The journal has one mail, and a line for each notice.
    let facts = lab.facts().await;
    assert_eq!(facts.iter().filter(|fact| matches!(fact, Fact::Mail { .. })).count(), 1);
    let told = facts.iter().filter(|fact| matches!(fact, Fact::Note { text } if text.starts_with("notice ")));
    assert_eq!(told.count(), 3);
}

#[tokio::test]
async fn nobody_is_told_who_did_not_ask_and_nothing_loops() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    // The default: failures and delays, and no word of success.
    assert_eq!(send(&mut raw, &format!("<{PER}>"), &[&format!("<{APP}>")]).await.code, 250);
    assert_eq!(lab.inbox(PER).await.len(), 0);
    // An empty reverse path has nobody to tell.
    assert_eq!(send(&mut raw, "<>", &["<a@nowhere.lab> NOTIFY=FAILURE"]).await.code, 250);
    assert_eq!(lab.inbox(PER).await.len(), 0);
    // RET=HDRS, and no RET, return the header fields alone.
    for ret in ["", " RET=HDRS"] {
        assert_eq!(send(&mut raw, &format!("<{PER}>{ret}"), &["<a@nowhere.lab>"]).await.code, 250);
    }
    let notices = inbox(&lab, PER).await;
    assert_eq!(notices.len(), 2);
    assert!(
        notices
            .iter()
            .all(|notice| notice.contains("Subject: caf\u{e9}\r\n") && !notice.contains("body\r\n"))
    );
    // A colleague's address without a mailbox here: the notice has nowhere to go.
    assert_eq!(send(&mut raw, "<colleague@bal.lab>", &["<a@nowhere.lab>"]).await.code, 250);
    assert_eq!(lab.inbox(PER).await.len(), 2);
}

#[tokio::test]
async fn a_full_mailbox_fails_alone() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let app = lab.store.account(APP).await.unwrap().unwrap().id;
    let per = lab.store.account(PER).await.unwrap().unwrap().id;
    lab.store.set_quota(app, QuotaLimit { bytes: Some(100), messages: None }).await.unwrap();
    assert_eq!(
        send(&mut raw, &format!("<{PER}>"), &[&format!("<{APP}>"), &format!("<{PER}>")]).await.code,
        250
    );
    assert_eq!(lab.inbox(APP).await.len(), 0);
    let mine = inbox(&lab, PER).await;
    assert_eq!(mine.len(), 2, "the message, and the notice of the other one's failure");
    let notice = mine.iter().find(|message| message.contains("Status: 5.2.2\r\n")).unwrap();
    assert!(notice.contains("Final-Recipient: rfc822; 163254178@bal.lab"));
    let facts = lab.facts().await;
    assert!(
        facts.iter().any(|fact| matches!(fact, Fact::Line { text, .. } if text == "DATA")),
        "nothing is lost"
    );
    // A sender who has no room either loses the notice, and only the notice.
    lab.store.set_quota(per, QuotaLimit { bytes: None, messages: Some(2) }).await.unwrap();
    assert_eq!(send(&mut raw, &format!("<{PER}>"), &["<a@nowhere.lab>"]).await.code, 250);
    assert_eq!(lab.inbox(PER).await.len(), 2);
    lab.wait_for(|fact| matches!(fact, Fact::Note { text } if text.contains("its notices are lost"))).await;
}

async fn limit(lab: &Lab, address: &str, bytes: Option<u64>, messages: Option<u64>) {
    let account = lab.store.account(address).await.unwrap().unwrap().id;
    lab.store.set_quota(account, QuotaLimit { bytes, messages }).await.unwrap();
}

#[tokio::test]
async fn what_nobody_has_room_for_is_refused_and_not_lost() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    for address in [PER, APP] {
        limit(&lab, address, Some(100), None).await;
    }
    let refused = "552 5.2.2 Message refused: the mailbox is full";
    let (from, per, app) = (format!("<{PER}>"), format!("<{PER}>"), format!("<{APP}>"));
    let never = format!("{app} NOTIFY=NEVER");
    for recipients in [&[&*per][..], &[&app], &[&per, &app], &[&never], &[&app, "<a@nowhere.lab>"]] {
        assert_eq!(send(&mut raw, &from, recipients).await.to_string(), refused, "{recipients:?}");
    }
    // Nobody would be told, whatever room the sender has; nor where it has no mailbox here.
    limit(&lab, PER, None, None).await;
    assert_eq!(send(&mut raw, "<>", &[&app]).await.to_string(), refused);
    assert_eq!(send(&mut raw, "<colleague@bal.lab>", &[&app]).await.to_string(), refused);
    assert_eq!(send(&mut raw, &from, &[&never]).await.to_string(), refused);
    assert_eq!((lab.inbox(PER).await.len(), lab.inbox(APP).await.len()), (0, 0));
    let facts = lab.facts().await;
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Mail { .. } | Fact::Note { .. })), "{facts:#?}");
    // A sender who has room is told, as ever.
    assert_eq!(send(&mut raw, &from, &[&app]).await.code, 250);
    assert!(inbox(&lab, PER).await[0].contains("Status: 5.2.2\r\n"));
}

#[tokio::test]
async fn a_sender_without_room_for_its_notices_still_sends() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    let lost = async || {
        let told = |fact: &Fact| matches!(fact, Fact::Note { text } if text.contains("its notices are lost"));
        lab.facts().await.iter().filter(|fact| told(fact)).count()
    };
    // The message takes the last place of the sender's own mailbox; the notice would be one more.
    limit(&lab, PER, None, Some(1)).await;
    let to = format!("<{PER}> NOTIFY=SUCCESS");
    assert_eq!(send(&mut raw, &format!("<{PER}>"), &[&to]).await.code, 250);
    let mine = inbox(&lab, PER).await;
    assert!(mine.len() == 1 && mine[0].ends_with("\r\n\r\nbody\r\n"), "{mine:?}");
    assert_eq!(lost().await, 1);
    // Two notices, and room for one.
    limit(&lab, PER, None, Some(2)).await;
    let to = [&*format!("<{APP}> NOTIFY=SUCCESS"), "<a@nowhere.lab>"];
    assert_eq!(send(&mut raw, &format!("<{PER}>"), &to).await.code, 250);
    assert_eq!((lab.inbox(APP).await.len(), lab.inbox(PER).await.len()), (1, 1));
    assert_eq!(lost().await, 2);
    let mails = lab.facts().await.into_iter().filter(|fact| matches!(fact, Fact::Mail { .. }));
    assert_eq!(mails.count(), 2, "each message once");
}

#[tokio::test]
async fn the_author_is_the_mailbox_or_one_that_may_be_spoken_for() {
    let lab = Lab::new().await;
    let mut raw = Raw::logged_in(&lab).await;
    for (from, code) in [
        ("From: Dr Test <899700000018@BAL.lab>\r\n", 250),
        ("From: colleague@bal.lab\r\n", 250),
        ("", 250),
        ("From: boss@bal.lab\r\n", 550),
        ("From: 899700000018@bal.lab, boss@bal.lab\r\n", 550),
        ("From: 899700000018@bal.lab\r\nFrom: boss@bal.lab\r\n", 550),
        ("From: \"899700000018@bal.lab\" <boss@bal.lab>\r\n", 550),
        ("From: nobody\r\n", 550),
    ] {
        let reply = raw.mail(PER, APP, format!("{from}Subject: x\r\n\r\nx\r\n.\r\n").as_bytes()).await;
        assert_eq!(reply.code, code, "{from} {reply}");
        assert!(code == 250 || reply.to_string().starts_with("550 5.7.1 Message refused: "), "{reply}");
    }
    assert_eq!(lab.inbox(APP).await.len(), 3);
    assert_eq!(raw.say("MAIL FROM:<colleague@bal.lab>").await.code, 250);
    raw.say("RSET").await;
    assert_eq!(raw.say("MAIL FROM:<boss@bal.lab>").await.code, 553);
}

#[tokio::test]
async fn who_may_only_read_sends_nothing() {
    let rights = Rights { read: true, send_as: false };
    let lab = Lab::with(Options { rights, ..Options::default() }).await;
    let mut raw = Raw::logged_in(&lab).await;
    for from in [PER, ""] {
        assert_eq!(
            raw.say(&format!("MAIL FROM:<{from}>")).await.to_string(),
            format!("553 5.7.1 Sender refused: 899700000018 may read {PER}, not send as it")
        );
    }
}
