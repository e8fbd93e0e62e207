use std::time::Duration;

use dns::{Fault, Guard};
use tokio::time::Instant;

use crate::bench::{Bench, MAIL};

fn arm(bench: &Bench, fault: &str) -> Guard {
    bench.server.arm(MAIL, fault.parse().unwrap(), None).unwrap()
}

fn question() -> String {
    format!("_imap._tcp.{MAIL} SRV")
}

/// Arms, asks with dig, and gives what dig and the journal say.
async fn suffer(fault: &str, options: &str) -> Option<(String, Vec<String>)> {
    let bench = Bench::start().await;
    let guard = arm(&bench, fault);
    let said = bench.dig(&format!("{options} {}", question())).await?;
    let uses = guard.used();
    drop(guard);
    let healed = bench.dig(&format!("+short {}", question())).await?;
    assert_eq!(healed.trim_end(), format!("0 1 1143 imap.{MAIL}."), "{fault} is over with its guard");
    let facts = bench.facts().await;
    let name = fault.split('=').next().unwrap();
    let told: Vec<_> = facts.iter().filter(|fact| fact.starts_with("fault ")).cloned().collect();
    let expected: Vec<_> = (1..=uses).map(|nth| format!("fault {name} {nth}")).collect();
    assert_eq!(told, expected, "each use is in the journal: {facts:?}");
    assert!(uses >= 1, "{fault} was not reached");
    Some((said, facts))
}

#[tokio::test]
async fn codes_that_say_no() {
    for (fault, code) in [("nxdomain", "NXDOMAIN"), ("servfail", "SERVFAIL"), ("refused", "REFUSED")] {
        for over in ["+notcp", "+tcp"] {
            let Some((said, facts)) = suffer(fault, over).await else { return };
            assert!(said.contains(&format!("status: {code}")) && said.contains("ANSWER: 0"), "{said}");
            assert_eq!(said.contains("SOA"), fault == "nxdomain", "RFC 2308 §3: {said}");
            assert!(facts.contains(&format!("S {code}")), "{facts:?}");
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_offered_or_is_elsewhere() {
    for over in ["+notcp", "+tcp"] {
        let Some((said, facts)) = suffer("not-offered", &format!("{over} +short")).await else { return };
        assert_eq!(said.trim_end(), "0 0 0 .");
        assert!(facts.contains(&"S NOERROR: 0 0 0 .".to_owned()), "{facts:?}");
        let moved = "changed-target=imap.ailleurs.example:4143";
        let (said, _) = suffer(moved, &format!("{over} +short")).await.unwrap();
        assert_eq!(said.trim_end(), "0 0 4143 imap.ailleurs.example.");
    }
    let bench = Bench::start().await;
    let _guard = arm(&bench, "changed-target=imap.ailleurs.example:4143");
    let address = bench.dig("+short imap.ailleurs.example A").await.unwrap();
    assert_eq!(address.trim_end(), "127.0.0.1", "the new target leads to the sandbox");
}

#[tokio::test]
async fn truncation_with_tcp_and_without() {
    let Some((said, facts)) = suffer("truncate", "+ignore").await else { return };
    assert!(said.contains("flags: qr aa tc rd;") && said.contains("ANSWER: 0"), "{said}");
    assert!(facts.contains(&"S NOERROR, truncated".to_owned()), "{facts:?}");
    let (said, facts) = suffer("truncate", "").await.unwrap();
    assert!(said.contains("retrying in TCP mode") && said.contains("0 1 1143"), "{said}");
    assert_eq!(facts.iter().filter(|fact| fact.starts_with("C TCP")).count(), 1, "{facts:?}");
    let (said, facts) = suffer("truncate-without-tcp", "").await.unwrap();
    assert!(said.contains("retrying in TCP mode") && !said.contains("0 1 1143"), "{said}");
    assert!(facts.contains(&"note no answer".to_owned()), "{facts:?}");
}

#[tokio::test]
async fn silence_and_the_identifier_of_another_question() {
    for over in ["+notcp", "+tcp"] {
        let Some((said, facts)) = suffer("silent", over).await else { return };
        assert!(!said.contains("status:"), "{said}");
        assert!(facts.contains(&"note no answer".to_owned()), "{facts:?}");
    }
    let (said, facts) = suffer("wrong-id", "+notcp").await.unwrap();
    assert!(said.contains("ID mismatch") && !said.contains("0 1 1143"), "{said}");
    assert!(facts.iter().any(|fact| fact.starts_with("S NOERROR: 0 1 1143")), "{facts:?}");
}

#[tokio::test]
async fn a_slow_answer_delays_nobody_else() {
    let bench = Bench::start().await;
    let name = format!("_imap._tcp.{MAIL}");
    let slow = Fault::Slow(Duration::from_millis(500));
    let _guard = bench.server.arm(&name, slow, None).unwrap();
    let start = Instant::now();
    let waiting = async {
        let said = bench.dig(&format!("+short {}", question())).await;
        (said, start.elapsed())
    };
    let other = async {
        let said = bench.dig(&format!("+short _imaps._tcp.{MAIL} SRV")).await;
        (said, start.elapsed())
    };
    let ((late, late_after), (quick, quick_after)) = tokio::join!(waiting, other);
    let (Some(late), Some(quick)) = (late, quick) else { return };
    assert!(late.contains("1143") && quick.contains("1993"));
    assert!(
        late_after >= Duration::from_millis(500) && quick_after < late_after,
        "{late_after:?} {quick_after:?}"
    );
}

#[tokio::test]
async fn a_fault_heals_after_so_many_questions() {
    let bench = Bench::start().await;
    let guard = bench.server.arm(MAIL, Fault::ServFail, Some(1)).unwrap();
    let Some(first) = bench.dig(&question()).await else { return };
    let second = bench.dig(&question()).await.unwrap();
    assert!(first.contains("SERVFAIL") && second.contains("0 1 1143"), "{first}{second}");
    assert_eq!(guard.used(), 1);
}
