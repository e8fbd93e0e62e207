//! What is offered, to whom, and what is refused because it was not (profiles of [`sasl::Offer`], limits of a mailbox).

use kernel::Secret;
use sasl::{Offer, Profile};
use smtpd::Allowance;

use crate::lab::{APP, Lab, Options, PER, TOKEN};
use crate::raw::Raw;

fn offering(profile: Profile, oauthbearer: bool) -> Options {
    Options { offer: Offer { profile, oauthbearer }, ..Options::default() }
}

async fn lines(raw: &mut Raw) -> Vec<String> {
    raw.say("EHLO raw.lab").await.lines
}

#[tokio::test]
async fn everything_is_offered_by_default() {
    let lab = Lab::new().await;
    let mut raw = Raw::secured(&lab).await;
    let expected = [
        "smtp.lab",
        "SIZE 26214400",
        "PIPELINING",
        "8BITMIME",
        "SMTPUTF8",
        "CHUNKING",
        "DSN",
        "ENHANCEDSTATUSCODES",
        "LIMITS RCPTMAX=100",
        "AUTH XOAUTH2",
    ];
    assert_eq!(lines(&mut raw).await, expected);
}

#[tokio::test]
async fn an_old_server_knows_three_words() {
    let lab = Lab::with(offering(Profile::Old, false)).await;
    let mut raw = Raw::greeted(lab.starttls).await;
    assert_eq!(lines(&mut raw).await, ["smtp.lab", "SIZE 26214400", "STARTTLS"]);
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.say("NOOP").await.to_string(), "250 Ok", "no enhanced code");
    for parameter in ["BODY=8BITMIME", "SMTPUTF8", "RET=HDRS", "ENVID=x"] {
        let reply = raw.say(&format!("MAIL FROM:<{PER}> {parameter}")).await;
        assert_eq!((reply.code, reply.enhanced), (555, None), "{parameter}");
    }
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}> SIZE=10")).await.code, 250);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}> NOTIFY=SUCCESS")).await.code, 555);
    assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, 250);
    raw.send("BDAT 6\r\nQUIT\r\n").await;
    assert_eq!(raw.reply().await.code, 502);
    assert_eq!(raw.say("DATA").await.code, 354);
    raw.send("Subject: old\r\n\r\nx\r\n.\r\n").await;
    assert!(raw.reply().await.to_string().starts_with("250 Ok: queued as "));
    assert_eq!(lab.inbox(APP).await.len(), 1);
}

#[tokio::test]
async fn mailiz_drops_the_connection_after_its_challenge() {
    let refused = "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
    let bad = sasl::xoauth2_response(PER, &Secret::new("not.the.token".to_owned()));
    let mailiz = Offer { profile: Profile::Mailiz, oauthbearer: false };
    // By its port, and by the mailbox's own choice, which the token names.
    for options in [offering(Profile::Mailiz, false), Options { own: mailiz, ..Options::default() }] {
        // The mailbox's own choice goes before the port's.
        let drops = options.own.profile == Profile::Mailiz;
        let lab = Lab::with(options).await;
        let mut raw = Raw::secured(&lab).await;
        assert_eq!(raw.say("AUTH XOAUTH2").await.code, 334);
        assert_eq!(raw.say(bad.reveal()).await.to_string(), refused);
        if drops {
            assert!(raw.try_reply().await.is_none(), "nothing follows");
        } else {
            assert_eq!(raw.say("").await.code, 535);
        }
    }
    // A good token gets in as everywhere.
    let lab = Lab::with(Options { own: mailiz, ..Options::default() }).await;
    let mut raw = Raw::logged_in(&lab).await;
    assert_eq!(raw.say("NOOP").await.code, 250);
}

#[tokio::test]
async fn oauthbearer_is_there_where_it_is_offered() {
    let good = sasl::oauthbearer_response(PER, &Secret::new(TOKEN.to_owned()));
    let bad = sasl::oauthbearer_response(PER, &Secret::new("not.the.token".to_owned()));
    let lab = Lab::new().await;
    let mut raw = Raw::secured(&lab).await;
    assert_eq!(raw.say(&format!("AUTH OAUTHBEARER {}", good.reveal())).await.code, 504);
    let lab = Lab::with(offering(Profile::Modern, true)).await;
    let mut raw = Raw::secured(&lab).await;
    assert!(lines(&mut raw).await.contains(&"AUTH XOAUTH2 OAUTHBEARER".to_owned()));
    let challenge = raw.say(&format!("AUTH OAUTHBEARER {}", bad.reveal())).await;
    let read = sasl::decode_challenge(&challenge.lines[0]).unwrap();
    assert_eq!((challenge.code, read.status.as_str()), (334, "invalid_token"));
    assert_eq!(raw.say("AQ==").await.to_string(), "535 5.7.8 The token was not signed by this sandbox");
    assert_eq!(raw.say(&format!("AUTH OAUTHBEARER {}", good.reveal())).await.code, 235);
}

#[tokio::test]
async fn a_mailbox_has_limits_of_its_own() {
    let allowance = Allowance { message: Some(1_000), recipients: Some(2), per_minute: Some(3) };
    let lab = Lab::with(Options { allowance, ..Options::default() }).await;
    let mut raw = Raw::logged_in(&lab).await;
    let told = lines(&mut raw).await;
    assert!(
        told.contains(&"SIZE 1000".to_owned()) && told.contains(&"LIMITS RCPTMAX=2".to_owned()),
        "{told:?}"
    );
    let refused = raw.say(&format!("MAIL FROM:<{PER}> SIZE=1001")).await;
    assert_eq!(refused.to_string(), "552 5.3.4 Message over the limit of 1000 octets");
    assert_eq!(raw.say(&format!("MAIL FROM:<{PER}> SIZE=1000")).await.code, 250);
    for code in [250, 250, 452] {
        assert_eq!(raw.say(&format!("RCPT TO:<{APP}>")).await.code, code);
    }
    assert_eq!(raw.say("DATA").await.code, 354);
    raw.send(format!("{}.\r\n", "0123456789\r\n".repeat(90))).await;
    assert_eq!(raw.reply().await.code, 552);
    for code in [250, 250] {
        assert_eq!(raw.mail(PER, APP, b"Subject: x\r\n\r\nx\r\n.\r\n").await.code, code);
    }
    // Three in this minute, whichever connection they came by.
    let mut other = Raw::logged_in(&lab).await;
    let refused = other.say(&format!("MAIL FROM:<{PER}>")).await.to_string();
    assert!(
        refused.starts_with("450 4.7.1 At most 3 messages a minute from this mailbox; try again in "),
        "{refused}"
    );
    assert_eq!(lab.inbox(APP).await.len(), 2);
}

#[tokio::test]
async fn an_address_has_its_share_of_connections_and_commands() {
    let mut options = Options::default();
    options.limits.connections_per_address = 2;
    let lab = Lab::with(options).await;
    let mut first = Raw::greeted(lab.starttls).await;
    let second = Raw::greeted(lab.starttls).await;
    let mut third = Raw::connect(lab.starttls).await;
    assert_eq!(third.last_words().await, 421);
    drop(second);
    lab.wait_closed().await;
    assert_eq!(first.say("NOOP").await.code, 250);
    let mut options = Options::default();
    options.limits.commands_per_minute = 3;
    let lab = Lab::with(options).await;
    let mut raw = Raw::greeted(lab.starttls).await;
    for _ in 0..3 {
        assert_eq!(raw.say("NOOP").await.code, 250);
    }
    raw.send("NOOP\r\n").await;
    assert_eq!(raw.last_words().await, 421);
}
