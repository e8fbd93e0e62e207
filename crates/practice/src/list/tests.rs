use std::cell::RefCell;

use db::{Backend, Values};
use kernel::Clock;
use sqlx::Row as _;

use super::{Cursor, Filter, Sort, enter};
use crate::lab::database;
use crate::{Key, Practice, Provenance, Row, Setting, Standing, State};

mod fill;

thread_local! {
    /// Statements that the list has asked, on this test's thread.
    pub(super) static ASKED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

async fn filled(rows: usize) -> (tempfile::TempDir, Practice) {
    let directory = tempfile::tempdir().unwrap();
    let db = database(directory.path()).await;
    let now = kernel::Timestamp::from_millisecond(fill::NOW).unwrap();
    let practice = Practice::open(db.clone(), Clock::manual(now).0, Setting::default()).await.unwrap();
    fill::fill(&db, rows, 7).await;
    (directory, practice)
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn at(days_ago: i64) -> Option<kernel::Timestamp> {
    kernel::Timestamp::from_millisecond(fill::NOW - days_ago * 86_400_000).ok()
}

/// Filters of every lead and of many mixtures, with their names.
fn filters() -> Vec<(&'static str, Filter)> {
    let of = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let doctor = || Some(key("doctor"));
    vec![
        ("all", of()),
        ("to do", Filter { states: vec![State::ToDo], ..of() }),
        ("to do of mine", Filter { viewer: doctor(), states: vec![State::ToDo], ..of() }),
        ("to do of a mailbox", Filter { mailboxes: vec![key("box-2")], states: vec![State::ToDo], ..of() }),
        ("rare states", Filter { states: vec![State::Dismissed, State::Deleted], ..of() }),
        ("unread", Filter { viewer: doctor(), unread: true, ..of() }),
        ("unread by patient", Filter { viewer: doctor(), unread: true, sort: Sort::Patient, ..of() }),
        (
            "unread of patients",
            Filter { viewer: doctor(), unread: true, provenance: Some(Provenance::Patient), ..of() },
        ),
        ("from patients", Filter { provenance: Some(Provenance::Patient), ..of() }),
        ("from nobody", Filter { provenance: Some(Provenance::Operator), ..of() }),
        ("one patient", Filter { patient: Some(key("patient-17")), ..of() }),
        (
            "one patient, filed, mine",
            Filter {
                viewer: doctor(),
                patient: Some(key("patient-17")),
                states: vec![State::Filed],
                sort: Sort::Made,
                ..of()
            },
        ),
        ("critical", Filter { critical: true, ..of() }),
        ("critical, waiting, oldest first", Filter { unacknowledged: true, reversed: true, ..of() }),
        ("requests", Filter { request: true, ..of() }),
        ("mine to do", Filter { viewer: doctor(), assigned: doctor(), ..of() }),
        ("a period", Filter { from: at(60), until: at(30), ..of() }),
        ("a period by type", Filter { from: at(60), until: at(30), sort: Sort::Type, ..of() }),
        ("a type", Filter { type_code: text("60591-5"), ..of() }),
        ("doubles", Filter { standing: Some(Standing::Duplicate), ..of() }),
        ("by date made", Filter { sort: Sort::Made, ..of() }),
        ("by patient", Filter { sort: Sort::Patient, viewer: doctor(), ..of() }),
        (
            "by patient, Z to A, to do",
            Filter { sort: Sort::Patient, reversed: true, states: vec![State::ToDo], ..of() },
        ),
        ("by type, to do", Filter { sort: Sort::Type, states: vec![State::ToDo], ..of() }),
        ("a rare word", Filter { text: text("retraité"), ..of() }),
        ("a rare word by patient", Filter { text: text("Retraite"), sort: Sort::Patient, ..of() }),
        ("a frequent word", Filter { text: text("biolog"), ..of() }),
        ("two words", Filter { text: text("auteur11 biologiques"), viewer: doctor(), ..of() }),
        ("frequent words", Filter { text: text("cr d'examens"), states: vec![State::Filed], ..of() }),
        ("no such word", Filter { text: text("zzz"), ..of() }),
        ("marks alone", Filter { text: text("()"), ..of() }),
    ]
}

/// What the filter says, in plain words.
fn matches(filter: &Filter, row: &Row, unread: bool) -> bool {
    let folded = enter::fold([row.type_label.as_str(), row.patient_name.as_str(), row.author.as_str()]);
    let words = enter::fold([filter.text.as_deref().unwrap_or_default()]);
    let named =
        words.split(' ').filter(|word| !word.is_empty()).all(|word| folded.contains(&format!(" {word}")));
    let seen = filter.viewer.is_none() || ["box-1", "box-2"].contains(&row.mailbox.as_str());
    let some_words = filter.text.is_none() || !words.is_empty();
    seen && named
        && some_words
        && (filter.mailboxes.is_empty() || filter.mailboxes.contains(&row.mailbox))
        && (filter.states.is_empty() || filter.states.contains(&row.state))
        && filter.standing.is_none_or(|standing| standing == row.standing)
        && filter.provenance.is_none_or(|provenance| provenance == row.provenance)
        && filter.patient.as_ref().is_none_or(|patient| Some(patient) == row.patient.as_ref())
        && filter.type_code.as_ref().is_none_or(|code| Some(code) == row.type_code.as_ref())
        && (!filter.critical || row.critical)
        && (!filter.unacknowledged
            || (row.critical && !row.acknowledged && matches!(row.state, State::ToDo | State::Filed)))
        && (!filter.request || row.request.is_some())
        && (!filter.unread || unread)
        && filter.assigned.as_ref().is_none_or(|to| Some(to.as_str()) == row.assigned.as_deref())
        && filter.from.is_none_or(|from| row.received >= from)
        && filter.until.is_none_or(|until| row.received < until)
}

fn place(key: &Key) -> i64 {
    key.as_str().rsplit('-').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_page_of_every_filter_holds_what_a_plain_reading_finds_in_the_same_order() {
    let (_directory, practice) = filled(1_500).await;
    let mut every: Vec<(Row, bool)> = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page = practice.rows(&Filter::default(), after.as_ref(), 200).await.unwrap();
        for row in page.rows {
            let mine = practice.row(&row.key, Some(&key("doctor"))).await.unwrap();
            every.push((row, mine.is_some_and(|row| !row.read)));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(every.len(), 1_500);
    assert!(every.iter().filter(|(_, unread)| *unread).count() > 10);
    for (name, filter) in filters() {
        let mut expected: Vec<&Row> =
            every.iter().filter(|(row, unread)| matches(&filter, row, *unread)).map(|(row, _)| row).collect();
        expected.sort_by(|a, b| {
            let order = match filter.sort {
                Sort::Received => a.received.cmp(&b.received),
                Sort::Made => a.made.unwrap_or(a.received).cmp(&b.made.unwrap_or(b.received)),
                Sort::Patient => a.patient_name.cmp(&b.patient_name),
                Sort::Type => a.type_label.cmp(&b.type_label),
            };
            let order = order.then(place(&a.key).cmp(&place(&b.key)));
            let down = matches!(filter.sort, Sort::Received | Sort::Made) != filter.reversed;
            if down { order.reverse() } else { order }
        });
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = practice.rows(&filter, after.as_ref(), 37).await.unwrap();
            assert!(page.rows.len() <= 37 && (page.next.is_none() || page.rows.len() == 37), "{name}");
            found.extend(page.rows.into_iter().map(|row| row.key));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<Key> = expected.into_iter().map(|row| row.key.clone()).collect();
        assert_eq!(found, expected, "{name}");
        let counts = practice.counts(&filter).await.unwrap();
        assert_eq!(counts.found, u64::try_from(expected.len().min(1_000)).unwrap(), "{name}");
    }
    let counts = practice.counts(&Filter { viewer: Some(key("doctor")), ..Filter::default() }).await.unwrap();
    let mine = |state: State| {
        let of = every.iter().filter(|(row, _)| row.state == state && row.mailbox.as_str() != "box-3");
        u64::try_from(of.count()).unwrap()
    };
    assert_eq!((counts.to_do, counts.filed), (mine(State::ToDo), mine(State::Filed)));
    assert_eq!(counts.unread, u64::try_from(every.iter().filter(|(_, unread)| *unread).count()).unwrap());
}

#[tokio::test]
async fn a_page_of_20_000_rows_costs_two_statements_that_enter_by_an_index() {
    let (_directory, practice) = filled(20_000).await;
    if practice.backend() == Backend::Postgres {
        return; // it has statistics of its own, and plans in other words
    }
    for (name, filter) in filters() {
        let first = asked(&practice, &filter, None).await;
        assert!(first.0.len() <= 2, "{name}: {:?}", first.0);
        ASKED.with_borrow_mut(Vec::clear);
        practice.counts(&filter).await.unwrap();
        if let Some(text) = ASKED.take().pop().filter(|text| text.contains("GROUP BY")) {
            let lines = plan(&practice, &text).await;
            let by = |name: &str| lines.iter().any(|line| line.contains(name));
            assert!(by("lps_document USING COVERING INDEX lps_document_list"), "{name}: {lines:#?}");
            assert!(
                by("INDEX lps_document_critical") && by("INDEX lps_document_request"),
                "{name}: {lines:#?}"
            );
        }
        let Some(next) = first.1 else { continue };
        let second = asked(&practice, &filter, Some(&next)).await;
        assert_eq!(second.0.len(), 2, "{name}");
        for text in first.0.iter().chain(&second.0) {
            let plan = plan(&practice, text).await;
            for line in &plan {
                // Reading a table from end to end is for mailboxes alone; a walk reads an index in its order.
                let scan = line.starts_with("SCAN d") || line.starts_with("SCAN lps_document");
                assert!(!scan || line.contains("INDEX"), "{name}: {plan:#?}");
                assert!(
                    !line.starts_with("SCAN lps_word") && !line.starts_with("SCAN u"),
                    "{name}: {plan:#?}"
                );
            }
        }
        let plan = plan(&practice, &first.0[1]).await.join("\n");
        let lead = match name {
            "to do" => "COVERING INDEX lps_document_list (state=?",
            "to do of a mailbox" => "(mailbox=? AND state=?",
            "all" | "rare states" | "from patients" | "a period" | "doubles" | "a type" => {
                "COVERING INDEX lps_document_received"
            }
            "by date made" => "INDEX lps_document_made",
            "by patient" | "by patient, Z to A, to do" => "COVERING INDEX lps_document_name",
            "by type, to do" | "a period by type" => "COVERING INDEX lps_document_type",
            "one patient" | "one patient, filed, mine" => "lps_document_patient (patient=?",
            "critical" | "critical, waiting, oldest first" => "COVERING INDEX lps_document_critical",
            "requests" => "lps_document_request",
            "mine to do" => "lps_document_assigned (assigned=?",
            "unread" | "unread by patient" | "unread of patients" => "u USING PRIMARY KEY (person=?",
            "a rare word" | "a rare word by patient" | "two words" => "lps_word USING PRIMARY KEY (word>?",
            _ => continue,
        };
        assert!(plan.contains(lead), "{name} should be led by {lead}:\n{plan}");
    }
}

/// The statements of a page, and where the next one is.
async fn asked(
    practice: &Practice,
    filter: &Filter,
    after: Option<&Cursor>,
) -> (Vec<String>, Option<Cursor>) {
    ASKED.with_borrow_mut(Vec::clear);
    let page = practice.rows(filter, after, 50).await.unwrap();
    let json = serde_json::to_string(&page).unwrap();
    assert!(json.len() <= 40 * 1024, "{} octets", json.len());
    (ASKED.take(), page.next)
}

async fn plan(practice: &Practice, text: &str) -> Vec<String> {
    let rows = db::query(format!("EXPLAIN QUERY PLAN {text}"), Values::new())
        .fetch_all(practice.reader())
        .await
        .unwrap();
    rows.iter().map(|row| row.try_get(3).unwrap()).collect()
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let (_directory, practice) = filled(60).await;
    let page = practice.rows(&Filter::default(), None, 10).await.unwrap();
    let next = page.next.unwrap();
    let sorted = Filter { sort: Sort::Type, ..Filter::default() };
    assert_eq!(practice.rows(&sorted, Some(&next), 10).await.unwrap_err().code(), "bad_value");
    let nowhere = Cursor::parse("cisw");
    assert_eq!(practice.rows(&Filter::default(), Some(&nowhere), 10).await.unwrap_err().code(), "bad_value");
    let stranger = Filter { viewer: Some(key("nobody")), ..Filter::default() };
    assert_eq!(practice.rows(&stranger, None, 10).await.unwrap_err().code(), "no_right");
    let elsewhere =
        Filter { viewer: Some(key("doctor")), mailboxes: vec![key("box-3")], ..Filter::default() };
    assert_eq!(practice.rows(&elsewhere, None, 10).await.unwrap().rows, []);
    assert_eq!(practice.counts(&elsewhere).await.unwrap(), super::Counts::default());
    for text in ["' OR 1=1 --", "100%", "\0", &"mot ".repeat(2_000)] {
        let filter = Filter { text: Some(text.to_owned()), ..Filter::default() };
        assert_eq!(practice.rows(&filter, None, 0).await.unwrap().rows, [], "{text}");
    }
    assert!(serde_json::from_str::<Filter>(r#"{"states":["to_do"],"sort":"made"}"#).is_ok());
    assert!(serde_json::from_str::<Filter>(r#"{"colour":"red"}"#).is_err());
}
