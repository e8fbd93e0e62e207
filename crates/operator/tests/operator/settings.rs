//! What is chosen for a mailbox is kept, upgraded into, and obeyed.

use mailstore::QuotaLimit;
use operator::{Bounce, Kind, SendingLimits, SettingError};
use sasl::{Offer, Profile, Rights};

use wire::{Event, Fact};

use crate::lab::{IDENTITY, Lab, OTHER, PER, run};

const ORG: &str = "630780001@bal.lab";

#[tokio::test]
async fn choices_survive_a_restart() {
    let lab = Lab::new().await;
    let operator = &lab.operator;
    operator.add_mailbox(Kind::Org, "630780001").await.unwrap();
    let offer = Offer { profile: Profile::Mailiz, oauthbearer: true };
    let sending = SendingLimits { message: Some(10_000_000), recipients: Some(3), per_minute: Some(5) };
    assert_eq!(operator.offer(ORG), Some(Offer::default()));
    operator.set_offer(&ORG.to_uppercase(), offer).await.unwrap();
    operator.set_sending_limits(ORG, sending).await.unwrap();
    let reader = Rights { read: true, send_as: false };
    operator.authorise(ORG, OTHER, Rights::ALL).await.unwrap();
    operator.authorise(ORG, OTHER, reader).await.unwrap();
    operator.authorise(ORG, "899700000034", Rights::ALL).await.unwrap();
    assert!(operator.revoke(ORG, "899700000034").await.unwrap());
    assert!(!operator.revoke(ORG, "899700000034").await.unwrap());
    // Adding the mailbox again, as every start does, forgets nothing.
    operator.add_mailbox(Kind::Org, "630780001").await.unwrap();

    let again = lab.reopened().await;
    for operator in [operator, &again] {
        assert_eq!(operator.offer(ORG), Some(offer));
        assert_eq!(operator.sending_limits(ORG), Some(sending));
        let people = operator.people(ORG).unwrap();
        let told: Vec<_> =
            people.iter().map(|person| (person.identity.as_str(), person.rights, person.owner)).collect();
        assert_eq!(told, [("630780001", Rights::ALL, true), (OTHER, reader, false)]);
        assert_eq!(operator.offer(PER), Some(Offer::default()));
        assert_eq!(operator.sending_limits(PER), Some(SendingLimits::default()));
        assert_eq!(operator.people(PER).unwrap().len(), 1);
        assert_eq!((operator.offer("x@y"), operator.people("x@y").is_none()), (None, true));
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_reason() {
    let lab = Lab::new().await;
    let operator = &lab.operator;
    operator.add_mailbox(Kind::Org, "630780001").await.unwrap();
    let text = |result: Result<(), SettingError>| result.unwrap_err().to_string();
    assert_eq!(text(operator.authorise("x@y", OTHER, Rights::ALL).await), "no such mailbox");
    assert_eq!(
        text(operator.authorise(PER, OTHER, Rights::ALL).await),
        "a PER mailbox is its owner's alone; only an ORG mailbox has several people"
    );
    let none = Rights { read: false, send_as: false };
    assert!(matches!(operator.authorise(ORG, OTHER, none).await, Err(SettingError::NoRight)));
    assert!(matches!(operator.authorise(ORG, "630780001", none).await, Err(SettingError::Owner)));
    assert!(matches!(operator.revoke(ORG, "630780001").await, Err(SettingError::Owner)));
    for identity in ["", "a b", "a\n", &"9".repeat(65)] {
        let result = operator.authorise(ORG, identity, Rights::ALL).await;
        assert!(matches!(result, Err(SettingError::Identity)), "{identity:?}");
    }
    let limits = |message, recipients, per_minute| SendingLimits { message, recipients, per_minute };
    for bad in [
        limits(Some(10), None, None),
        limits(Some(u64::MAX), None, None),
        limits(None, Some(0), None),
        limits(None, Some(101), None),
        limits(None, None, Some(0)),
        limits(None, None, Some(60_001)),
    ] {
        let result = operator.set_sending_limits(ORG, bad).await;
        assert!(matches!(result, Err(SettingError::Limit(_))), "{bad:?}");
    }
    assert_eq!(
        text(operator.set_sending_limits(ORG, limits(None, Some(101), None)).await),
        "recipients: 101 is not from 1 to 100"
    );
    assert_eq!(operator.sending_limits(ORG), Some(SendingLimits::default()));
}

#[tokio::test]
async fn tables_of_the_first_version_are_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    let db = db::Db::open_sqlite(&dir.path().join("data.sqlite")).await.unwrap();
    let first = "CREATE TABLE mailbox (address TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, identity TEXT NOT NULL, \
                 account BIGINT NOT NULL); INSERT INTO mailbox VALUES ('899700000018@bal.lab', 'ORG', '899700000018', 7)";
    db.migrate("operator", &[first]).await.unwrap();
    let lab = Lab::over(db, dir).await;
    let mailbox = lab.operator.mailbox(PER).unwrap();
    assert_eq!((mailbox.kind, mailbox.identity.as_str()), (Kind::Per, IDENTITY)); // the lab adds it as PER
    assert_eq!(lab.operator.offer(PER), Some(Offer::default()));
    assert_eq!(lab.operator.people(PER).unwrap().len(), 1);
    lab.operator.set_offer(PER, Offer { profile: Profile::Old, oauthbearer: false }).await.unwrap();
    assert_eq!(lab.reopened().await.offer(PER).unwrap().profile, Profile::Old);
}

/// Sends with curl and a token; the exit code and what curl said.
async fn curl(lab: &Lab, port: u16, mailbox: &str, token: &str, to: &str) -> (bool, String) {
    let file = lab.ca.with_file_name("mail.eml");
    std::fs::write(&file, format!("From: <{mailbox}>\r\nSubject: essai\r\n\r\nbonjour\r\n")).unwrap();
    let url = format!("smtp://localhost:{port}/curl.lab");
    let arguments = [
        "-sS",
        "-v",
        "--max-time",
        "20",
        "--ssl-reqd",
        "--url",
        &url,
        "--mail-from",
        mailbox,
        "--mail-rcpt",
        to,
        "--user",
        mailbox,
        "--oauth2-bearer",
        token,
        "--login-options",
        "AUTH=XOAUTH2",
        "--cacert",
        lab.ca.to_str().unwrap(),
        "--upload-file",
        file.to_str().unwrap(),
    ];
    let (output, text) = run("curl", &arguments, "").await;
    (output.status.success(), text)
}

#[tokio::test]
async fn a_colleague_sends_as_the_organisation_as_long_as_it_is_allowed() {
    let lab = Lab::new().await;
    let operator = &lab.operator;
    operator.add_mailbox(Kind::Org, "630780001").await.unwrap();
    let token = lab.token(OTHER, None);
    let doors = operator.open_private(1).await.unwrap();
    let (sent, text) = curl(&lab, doors.smtp_port, ORG, &token, PER).await;
    // curl leaves at the challenge; the journal has the reason.
    assert!(!sent && text.contains("334 eyJzdGF0dXMiOiI0MDEi"), "{text}");
    assert_eq!(lab.outcomes().await, ["wrong_identity"]);
    operator.authorise(ORG, OTHER, Rights { read: true, send_as: false }).await.unwrap();
    let (sent, text) = curl(&lab, doors.smtp_port, ORG, &token, PER).await;
    assert!(!sent && text.contains("553 5.7.1 Sender refused: 899700000026 may read"), "{text}");
    operator.authorise(ORG, OTHER, Rights::ALL).await.unwrap();
    let (sent, text) = curl(&lab, doors.smtp_port, ORG, &token, PER).await;
    assert!(sent, "{text}");
    assert!(operator.revoke(ORG, OTHER).await.unwrap());
    let (sent, text) = curl(&lab, doors.smtp_port, ORG, &token, PER).await;
    assert!(!sent, "{text}");
    assert_eq!(lab.outcomes().await, ["wrong_identity", "accepted", "accepted", "wrong_identity"]);
    // The mailbox's profile shapes the refusal before anybody is known.
    operator.set_offer(ORG, Offer { profile: Profile::Mailiz, oauthbearer: false }).await.unwrap();
    let (sent, text) = curl(&lab, doors.smtp_port, ORG, &token, PER).await;
    assert!(!sent, "{text}");
    doors.close().await;
    let dropped = |event: &Event| matches!(&event.fact, Fact::Closed { reason } if reason.contains("as the profile mailiz does"));
    assert!(lab.events().await.iter().any(dropped));
}

#[tokio::test]
async fn what_is_taken_may_fail_or_be_late_as_its_address_says() {
    let lab = Lab::new().await;
    let operator = &lab.operator;
    let account = operator.add_mailbox(Kind::Per, OTHER).await.unwrap().account;
    operator.add_failing_alias("mes-1@patient.mssante.fr", Bounce::Closed);
    let token = lab.token(IDENTITY, None);
    let doors = operator.open_private(1).await.unwrap();
    let cases = [
        ("mes-1@patient.mssante.fr", "failed", "5.2.1"),
        ("279035121518989@patient.mssante.fr", "failed", "5.1.1"),
        ("dupont@patient.mssante.fr", "failed", "5.1.3"),
        ("dr.dupont@medecin.mssante.fr", "failed", "5.4.4"),
        ("fail+big@bal.lab", "failed", "5.3.4"),
        ("delay+899700000026@bal.lab", "delayed", "4.4.1"),
    ];
    for (to, action, status) in cases {
        let (sent, text) = curl(&lab, doors.smtp_port, PER, &token, to).await;
        assert!(sent, "{text}");
        let notice = lab.last_mail(PER).await;
        for part in [
            format!("Final-Recipient: rfc822; {to}"),
            format!("Action: {action}"),
            format!("Status: {status}"),
        ] {
            assert!(notice.contains(&part), "{part} in {notice}");
        }
    }
    assert!(lab.last_mail("899700000026@bal.lab").await.ends_with("\r\n\r\nbonjour\r\n"), "late, and there");
    for (to, code) in [
        ("x@example.org", "550 5.7.1"),
        ("x@notmssante.fr", "550 5.7.1"),
        ("nobody@bal.lab", "550 5.1.1"),
        ("fail+@bal.lab", "550 5.1.1"),
        ("delay+nobody@bal.lab", "550 5.1.1"),
    ] {
        let (sent, text) = curl(&lab, doors.smtp_port, PER, &token, to).await;
        assert!(!sent && text.contains(code), "{to}: {text}");
    }
    operator.remove_alias("mes-1@patient.mssante.fr");
    // A full mailbox fails by itself.
    let full = QuotaLimit { bytes: Some(10), messages: None };
    operator.store().set_quota(account, full).await.unwrap();
    let (sent, text) = curl(&lab, doors.smtp_port, PER, &token, "899700000026@bal.lab").await;
    assert!(sent && lab.last_mail(PER).await.contains("Status: 5.2.2"), "{text}");
    doors.close().await;
}
