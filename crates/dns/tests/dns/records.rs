use crate::bench::{Bench, MAIL, plan};

#[tokio::test]
async fn dig_reads_every_record_over_udp_and_tcp() {
    let bench = Bench::start().await;
    let expected = [
        (format!("_imap._tcp.{MAIL} SRV"), format!("0 1 1143 imap.{MAIL}.")),
        (format!("_imaps._tcp.{MAIL} SRV"), format!("0 1 1993 imap.{MAIL}.")),
        (format!("_submission._tcp.{MAIL} SRV"), format!("0 1 1587 smtp.{MAIL}.")),
        (format!("_submissions._tcp.{MAIL} SRV"), format!("0 1 1465 smtp.{MAIL}.")),
        (format!("imap.{MAIL} A"), "127.0.0.1".into()),
        (format!("smtp.{MAIL} AAAA"), "::1".into()),
        (format!("autoconfig.{MAIL} A"), "127.0.0.1".into()),
        ("mail-psc-tests-editeur.vaguemestre.test A".into(), "127.0.0.1".into()),
        ("mail-org-tests-editeur.vaguemestre.test AAAA".into(), "::1".into()),
        ("vaguemestre.test NS".into(), "ns.vaguemestre.test.".into()),
        (
            "vaguemestre.test SOA".into(),
            "ns.vaguemestre.test. hostmaster.vaguemestre.test. 1 3600 600 86400 1".into(),
        ),
    ];
    for (question, answer) in &expected {
        for over in ["+notcp", "+tcp"] {
            let Some(said) = bench.dig(&format!("{over} +short {question}")).await else { return };
            assert_eq!(said.trim_end(), answer, "{question} {over}");
        }
    }
    let facts = bench.facts().await;
    assert_eq!(facts[0], format!("C UDP _imap._tcp.{MAIL} SRV"));
    assert_eq!(facts[1], format!("S NOERROR: 0 1 1143 imap.{MAIL}."));
    assert_eq!(facts[2], "closed answered");
    assert_eq!(facts[3], format!("C TCP _imap._tcp.{MAIL} SRV"));
}

#[tokio::test]
async fn dig_sees_authority_and_the_three_ways_of_no() {
    let bench = Bench::start().await;
    let Some(answer) = bench.dig(&format!("_IMAP._tcp.{MAIL} SRV")).await else { return };
    assert!(answer.contains("status: NOERROR") && answer.contains("flags: qr aa rd;"), "{answer}");
    assert!(answer.contains("ADDITIONAL: 3"), "A, AAAA and OPT: {answer}");
    assert_eq!(answer.matches("_IMAP._tcp").count(), 3, "the question's letter case is kept: {answer}");
    let missing = bench.dig("no.vaguemestre.test A").await.unwrap();
    assert!(missing.contains("NXDOMAIN") && missing.contains("aa") && missing.contains("SOA"), "{missing}");
    let other_type = bench.dig(&format!("_tcp.{MAIL} SRV")).await.unwrap();
    assert!(other_type.contains("NOERROR") && other_type.contains("ANSWER: 0"), "{other_type}");
    assert!(other_type.contains("AUTHORITY: 1"), "{other_type}");
    let foreign = bench.dig("example.org A").await.unwrap();
    assert!(foreign.contains("REFUSED") && !foreign.contains("flags: qr aa"), "{foreign}");
    let operation = bench.dig("+opcode=status vaguemestre.test").await.unwrap();
    assert!(operation.contains("NOTIMP"), "{operation}");
    let version = bench.dig("+edns=1 +noednsneg vaguemestre.test SOA").await.unwrap();
    assert!(version.contains("BADVERS"), "{version}");
    let class = bench.dig("-c CH version.bind TXT").await.unwrap();
    assert!(class.contains("REFUSED"), "{class}");
    let transfer = bench.dig("vaguemestre.test AXFR").await.unwrap();
    assert!(transfer.contains("Transfer failed"), "{transfer}");
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_is_read_over_tcp() {
    let mut many = plan();
    many.addresses = (1..=60).map(|last| format!("127.0.0.{last}").parse().unwrap()).collect();
    let bench = Bench::with(many, |server| server).await;
    let Some(cut) = bench.dig(&format!("+noedns +ignore imap.{MAIL} A")).await else { return };
    assert!(cut.contains("flags: qr aa tc rd;") && cut.contains("ANSWER: 0"), "{cut}");
    let whole = bench.dig(&format!("+noedns imap.{MAIL} A")).await.unwrap();
    assert!(whole.contains("retrying in TCP mode") && whole.contains("ANSWER: 60"), "{whole}");
    let large = bench.dig(&format!("+bufsize=1232 +ignore imap.{MAIL} A")).await.unwrap();
    assert!(large.contains("ANSWER: 60") && !large.contains(" tc "), "{large}");
}
