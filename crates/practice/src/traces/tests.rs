use std::time::Duration;

use super::clean;
use crate::lab::{Lab, software};
use crate::{Broken, Key, NewTrace, Outcome, TraceFilter};

async fn lines(lab: &Lab, count: usize) {
    let lines = (0..count).map(|n| {
        let mut line = NewTrace::new(lab.practice.now(), "Dr Martin", "fetch");
        line.request = format!("UID FETCH {n}");
        line.answer = "OK; \"done\"\r\n\0".into();
        line.outcome = if n % 3 == 0 { Outcome::Failed } else { Outcome::Done };
        line
    });
    lab.practice.trace_all(lines.collect()).await.unwrap();
}

async fn broken(lab: &Lab) -> Option<Broken> {
    lab.practice.verify_chain().await.unwrap().broken
}

#[tokio::test]
async fn a_line_that_is_changed_or_taken_out_shows() {
    for (tamper, seq, what) in [
        ("UPDATE lps_trace SET author = 'Nobody' WHERE seq = 5", 5, "changed"),
        ("UPDATE lps_trace SET at = at + 1 WHERE seq = 6", 6, "changed"),
        ("UPDATE lps_trace SET document = 'x' WHERE seq = 7", 7, "changed"),
        ("UPDATE lps_trace SET outcome = 'done' WHERE seq = 4 AND outcome = 'failed'", 4, "changed"),
        ("DELETE FROM lps_trace WHERE seq = 3", 3, "missing"),
        ("DELETE FROM lps_trace WHERE seq >= 9", 9, "missing"),
        ("DELETE FROM lps_trace WHERE seq = 1", 1, "missing"),
    ] {
        let lab = Lab::open().await;
        lines(&lab, 10).await;
        let sound = lab.practice.verify_chain().await.unwrap();
        assert_eq!((sound.lines, sound.head, sound.broken), (10, 10, None));
        lab.tamper(tamper).await;
        assert_eq!(broken(&lab).await, Some(Broken { seq, what }), "{tamper}");
    }
}

#[tokio::test]
async fn the_chain_is_what_the_documentation_says() {
    let lab = Lab::open().await;
    let mut line = NewTrace::new("2026-11-23T09:00:00Z".parse().unwrap(), "Dr \"É\"", "file");
    line.document = Key::parse("abc");
    lab.practice.trace(line).await.unwrap();
    let json = "{\"act\":\"file\",\"answer\":\"\",\"at\":1795424400000,\"author\":\"Dr \\\"É\\\"\",\"behalf\":null,\
                \"document\":\"abc\",\"mailbox\":null,\"outcome\":\"done\",\"request\":\"\",\"seq\":1}";
    let traced = lab.practice.traces(&TraceFilter::default(), None, 10).await.unwrap();
    assert_eq!(traced[0].chain, kernel::sha256_hex(json.as_bytes()));
}

#[tokio::test]
async fn old_lines_leave_and_the_rest_is_still_a_chain() {
    let lab = Lab::open().await;
    lines(&lab, 4_500).await; // more than are let go of at a time
    lab.clock.advance(Duration::from_secs(3_600));
    let middle = lab.practice.now();
    lines(&lab, 20).await;
    let gone = lab.practice.forget_traces(&software(), middle).await.unwrap();
    assert_eq!(gone, 4_500);
    let left = lab.practice.verify_chain().await.unwrap();
    assert_eq!(
        (left.lines, left.anchor, left.head, left.broken),
        (21, 4_500, 4_521, None),
        "and that they left is told"
    );
    assert_eq!(lab.practice.forget_traces(&software(), middle).await.unwrap(), 0);
    lab.tamper("DELETE FROM lps_trace WHERE seq = 4501").await;
    assert_eq!(broken(&lab).await, Some(Broken { seq: 4_501, what: "missing" }));
    // Everything may leave, and the next line continues the chain.
    let lab = Lab::open().await;
    lines(&lab, 3).await;
    lab.clock.advance(Duration::from_secs(60));
    lab.practice.forget_traces(&software(), lab.practice.now()).await.unwrap();
    let left = lab.practice.verify_chain().await.unwrap();
    assert_eq!((left.lines, left.anchor, left.broken), (1, 3, None));
}

#[tokio::test]
async fn lines_that_are_written_at_once_make_one_chain() {
    let lab = Lab::open().await;
    let writers = (0..40).map(|n| {
        let practice = lab.practice.clone();
        tokio::spawn(async move {
            let line = NewTrace::new(practice.now(), format!("Dr {n}"), "fetch");
            practice.trace(line).await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let found = lab.practice.verify_chain().await.unwrap();
    assert_eq!((found.lines, found.broken), (40, None));
}

#[tokio::test]
async fn traces_are_searched_paged_and_exported() {
    let lab = Lab::open().await;
    lines(&lab, 2_300).await;
    let failed = TraceFilter { outcome: Some(Outcome::Failed), ..TraceFilter::default() };
    let page = lab.practice.traces(&failed, None, 5).await.unwrap();
    assert_eq!(page.iter().map(|line| line.seq).collect::<Vec<_>>(), [2_299, 2_296, 2_293, 2_290, 2_287]);
    let next = lab.practice.traces(&failed, Some(2_287), 1).await.unwrap();
    assert_eq!(next[0].seq, 2_284);
    let nobody = TraceFilter { author: Some("Dr Martin' OR 1=1".into()), ..TraceFilter::default() };
    assert_eq!(lab.practice.traces(&nobody, None, 5).await.unwrap(), []);
    let (mut text, mut after, mut pieces) = (String::new(), None, 0);
    loop {
        let piece = lab.practice.traces_csv(&TraceFilter::default(), after).await.unwrap();
        text.push_str(&piece.text);
        pieces += 1;
        after = piece.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((pieces, text.lines().count()), (3, 2_301));
    assert!(text.starts_with("\u{feff}numero;"));
    let first = text.lines().nth(1).unwrap();
    assert!(first.starts_with("2300;2026-11-23T10:00:00.000+01:00;Dr Martin;;fetch;;;"), "{first}");
    assert!(first.contains(";\"OK; \"\"done\"\"   \";"), "{first}");
}

#[test]
fn what_looks_like_a_token_is_struck_out_and_plain_words_stay() {
    for (text, kept) in [
        (
            "NO [AUTHENTICATIONFAILED] Bearer abcdefghijklmn refused",
            "NO [AUTHENTICATIONFAILED] Bearer […] refused",
        ),
        ("AUTHENTICATE XOAUTH2 dXNlcj1hQGI=", "AUTHENTICATE XOAUTH2 […]"),
        ("token eyJhbGciOi.eyJzdWIi.c2ln was old", "token […] was old"),
        ("eyJhbGciOi.eyJzdWIi.c2ln", "[…]"),
        ("UID FETCH 12 BODY.PEEK[]", "UID FETCH 12 BODY.PEEK[]"),
        ("two\r\nlines\0", "two  lines "),
    ] {
        assert_eq!(clean(text, 1_000), kept, "{text}");
    }
    assert_eq!(clean("éééé", 2), "éé");
}
