//! CONDSTORE and QRESYNC (RFC 7162) over real sockets.

use std::collections::BTreeMap;

use kernel::Rng;

use crate::bench::{Bench, Client};

const MESSAGE: &[u8] = b"Subject: x\r\n\r\ntext\r\n";

async fn filled(count: usize) -> Bench {
    let bench = Bench::start().await;
    for _ in 0..count {
        bench.deliver("INBOX", MESSAGE).await;
    }
    bench
}

/// The number behind a word, such as `HIGHESTMODSEQ `.
fn after(text: &str, word: &str) -> u64 {
    let rest = text.split_once(word).unwrap_or_else(|| panic!("{word} in {text}")).1;
    let digits: String = rest.trim_start_matches('(').chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[tokio::test]
async fn mod_sequences_are_told_to_who_asks() {
    let bench = filled(3).await;
    let mut plain = bench.selected("INBOX").await;
    let mut client = bench.logged_in().await;
    let selected = client.ok("SELECT INBOX").await;
    let highest = after(&selected, "[HIGHESTMODSEQ ");
    // Not before it is asked for.
    assert!(!client.ok("STORE 1 +FLAGS (\\Seen)").await.contains("MODSEQ"));
    // RFC 7162 example 5: the first command that enables it tells where the folder stands.
    let fetched = client.ok("FETCH 1:3 (UID MODSEQ)").await;
    assert!(fetched.starts_with("* OK [HIGHESTMODSEQ "), "{fetched}");
    assert!(after(&fetched, "[HIGHESTMODSEQ ") >= highest);
    assert!(fetched.contains("* 1 FETCH (UID 1 MODSEQ ("), "{fetched}");
    assert!(!client.ok("FETCH 1:3 (MODSEQ)").await.contains("HIGHESTMODSEQ"));
    // RFC 7162 §3.1.3: with and without .SILENT.
    let stored = client.ok("STORE 2 +FLAGS (\\Flagged)").await;
    assert!(stored.contains("* 2 FETCH (FLAGS (\\Flagged) MODSEQ ("), "{stored}");
    let silent = client.ok("UID STORE 2 +FLAGS.SILENT ($X)").await;
    let last = after(&silent, "* 2 FETCH (UID 2 MODSEQ ");
    assert!(last > after(&stored, "MODSEQ "), "{stored} {silent}");
    let status = client.ok("STATUS INBOX (HIGHESTMODSEQ)").await;
    assert_eq!(after(&status, "HIGHESTMODSEQ "), last);
    // What others do is told with it, and to others without.
    let told = plain.ok("STORE 3 +FLAGS.SILENT (\\Answered)").await;
    let news = client.ok("NOOP").await;
    assert!(news.contains("* 3 FETCH (UID 3 FLAGS (\\Answered) MODSEQ ("), "{news}");
    assert!(told.contains("* 2 FETCH (UID 2 FLAGS (\\Flagged $X))"), "{told}");
    // \Seen that a FETCH sets comes with it too.
    let read = client.ok("FETCH 2 BODY[TEXT]").await;
    assert!(read.contains("FLAGS (\\Flagged \\Seen $X) MODSEQ ("), "{read}");
    let mut other = bench.logged_in().await;
    other.ok("SELECT INBOX (CONDSTORE)").await;
    assert!(other.ok("STORE 1 -FLAGS.SILENT (\\Seen)").await.contains("* 1 FETCH (MODSEQ ("));
    let changed = other.ok(&format!("FETCH 1:* (FLAGS) (CHANGEDSINCE {last})")).await;
    assert!(!changed.contains(&format!("MODSEQ ({last})")), "{changed}");
    assert_eq!(changed.matches(" FETCH (FLAGS ").count(), 3, "{changed}");
    let none = other.ok(&format!("FETCH 1:* (FLAGS) (CHANGEDSINCE {})", u32::MAX)).await;
    assert!(!none.contains("FETCH (FLAGS"), "{none}");
}

#[tokio::test]
async fn a_conditional_store_leaves_what_others_changed() {
    let bench = filled(4).await;
    let mut one = bench.logged_in().await;
    let known = after(&one.ok("SELECT INBOX (CONDSTORE)").await, "[HIGHESTMODSEQ ");
    let mut two = bench.selected("INBOX").await;
    two.ok("UID STORE 2,4 +FLAGS.SILENT (\\Answered)").await;
    // RFC 7162 examples 6 and 10: what failed is shown as it is now, and named in the answer.
    let lines = one.ask(&format!("STORE 1:4 (UNCHANGEDSINCE {known}) +FLAGS.SILENT (\\Deleted)")).await;
    let text = lines.join("\n");
    assert!(text.contains("* 1 FETCH (MODSEQ (") && text.contains("* 3 FETCH (MODSEQ ("), "{text}");
    assert!(text.contains("* 2 FETCH (UID 2 FLAGS (\\Answered) MODSEQ ("), "{text}");
    assert!(lines.last().unwrap().contains(" OK [MODIFIED 2,4] "), "{text}");
    let lines = one.ask(&format!("UID STORE 4 (UNCHANGEDSINCE {known}) +FLAGS (\\Seen)")).await;
    assert!(lines.last().unwrap().contains(" OK [MODIFIED 4] "), "{lines:?}");
    // RFC 7162 §3.1.3: a mod-sequence of 0 always fails.
    let lines = one.ask("STORE 1 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)").await;
    assert!(lines.last().unwrap().contains(" OK [MODIFIED 1] "), "{lines:?}");
    let now = after(&one.ok("STATUS INBOX (HIGHESTMODSEQ)").await, "HIGHESTMODSEQ ");
    let lines = one.ask(&format!("STORE 1:4 (UNCHANGEDSINCE {now}) -FLAGS.SILENT (\\Deleted)")).await;
    assert!(!lines.last().unwrap().contains("MODIFIED"), "{lines:?}");
    // A message that is gone is not one that was modified.
    two.ok("UID STORE 3 +FLAGS.SILENT (\\Deleted)").await;
    two.ok("EXPUNGE").await;
    let lines = one.ask("UID STORE 3 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)").await;
    assert!(!lines.last().unwrap().contains("MODIFIED"), "{lines:?}");
    assert_eq!(one.ask("NOOP").await[0], "* 3 EXPUNGE");
}

/// A client that has enabled QRESYNC.
async fn resyncing(bench: &Bench) -> Client {
    let mut client = bench.logged_in().await;
    assert_eq!(client.ask("ENABLE QRESYNC").await[0], "* ENABLED QRESYNC");
    client
}

#[tokio::test]
async fn who_comes_back_is_told_what_happened() {
    let bench = filled(10).await;
    let mut client = resyncing(&bench).await;
    let first = client.ok("SELECT INBOX").await;
    let (validity, known) = (after(&first, "[UIDVALIDITY "), after(&first, "[HIGHESTMODSEQ "));
    let mut other = bench.selected("INBOX").await;
    other.ok("UID STORE 1,3:4,7 +FLAGS.SILENT (\\Deleted)").await;
    other.ok("EXPUNGE").await;
    other.ok("UID STORE 5,9 +FLAGS.SILENT (\\Seen)").await;
    bench.deliver("INBOX", MESSAGE).await;

    // In the session: VANISHED in the place of EXPUNGE (RFC 7162 §3.2.10.2).
    let told = client.ask("NOOP").await;
    assert_eq!(told[0], "* VANISHED 1,3:4,7");
    assert_eq!(told[1], "* 7 EXISTS");
    assert!(told[2].starts_with("* 2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ ("), "{told:?}");

    // After it: RFC 7162 §3.2.5.1.
    let again = client.ask(&format!("SELECT INBOX (QRESYNC ({validity} {known}))")).await;
    assert!(again[0].starts_with("* OK [CLOSED] "), "{again:?}");
    let at = again.iter().position(|line| line == "* VANISHED (EARLIER) 1,3:4,7").unwrap();
    assert!(at > again.iter().position(|line| line == "* 7 EXISTS").unwrap());
    let news: Vec<&String> = again[at + 1..].iter().filter(|line| line.contains(" FETCH ")).collect();
    assert_eq!(news.len(), 3, "{again:?}");
    assert!(news[0].starts_with("* 2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ ("), "{news:?}");
    assert!(news[2].contains("UID 11 FLAGS () MODSEQ ("), "{news:?}");

    let narrow = client.ok(&format!("SELECT INBOX (QRESYNC ({validity} {known} 4:8))")).await;
    assert!(narrow.contains("* VANISHED (EARLIER) 4,7\n"), "{narrow}");
    assert!(narrow.contains("UID 5 FLAGS") && !narrow.contains("UID 9 FLAGS"), "{narrow}");
    // RFC 7162 §3.2.5.2: message 3 has UID 6 still, so all up to it is known; message 4 had UID 7, and has 8.
    let pairs = client.ok(&format!("SELECT INBOX (QRESYNC ({validity} {known} 1:10 (3,4 6,7)))")).await;
    assert!(pairs.contains("* VANISHED (EARLIER) 7\n"), "{pairs}");
    let alien = client.ok(&format!("SELECT INBOX (QRESYNC ({} {known}))", validity + 1)).await;
    assert!(!alien.contains("VANISHED") && !alien.contains("FETCH"), "{alien}");

    let fetched = client.ok(&format!("UID FETCH 1:4 (FLAGS) (CHANGEDSINCE {known} VANISHED)")).await;
    assert!(fetched.starts_with("* VANISHED (EARLIER) 1,3:4\n"), "{fetched}");
    let all = client.ask(&format!("UID FETCH 1:* (UID) (CHANGEDSINCE {known} VANISHED)")).await;
    assert_eq!(all[0], "* VANISHED (EARLIER) 1,3:4,7");
    assert_eq!(all.len(), 5, "{all:?}");
}

#[tokio::test]
async fn removals_are_told_by_uid_with_the_new_mod_sequence() {
    let bench = filled(6).await;
    let mut client = resyncing(&bench).await;
    client.ok("SELECT INBOX").await;
    client.ok("STORE 2,4,5 +FLAGS.SILENT (\\Deleted)").await;
    let one = client.ask("UID EXPUNGE 1:3").await;
    assert_eq!(one[0], "* VANISHED 2");
    let stands = after(one.last().unwrap(), " OK [HIGHESTMODSEQ ");
    let two = client.ask("EXPUNGE").await;
    assert_eq!(two[0], "* VANISHED 4:5");
    assert!(after(two.last().unwrap(), " OK [HIGHESTMODSEQ ") > stands);
    assert!(!client.ok("EXPUNGE").await.contains("HIGHESTMODSEQ"), "nothing was removed");
    let moved = client.ask("UID MOVE 3 Trash").await;
    assert!(moved[0].starts_with("* OK [COPYUID "), "{moved:?}");
    assert_eq!(moved[1], "* VANISHED 3");
    assert!(moved[2].contains(" OK [HIGHESTMODSEQ "), "{moved:?}");
    client.ok("STORE 1 +FLAGS.SILENT (\\Deleted)").await;
    // RFC 7162 §3.2.8: CLOSE never tells it, since nobody is told what was removed.
    assert!(!client.ok("CLOSE").await.contains("HIGHESTMODSEQ"));
}

#[tokio::test]
async fn what_must_be_enabled_is_refused_before() {
    let bench = filled(1).await;
    let mut client = bench.logged_in().await;
    assert!(client.ask("SELECT INBOX (QRESYNC (1 1))").await[0].contains(" BAD "));
    client.ok("SELECT INBOX").await;
    assert!(client.ask("UID FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)").await[0].contains(" BAD "));
    assert!(client.ask("FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)").await[0].contains(" BAD "));
    // In a selected folder ENABLE tells where it stands.
    let enabled = client.ask("ENABLE CONDSTORE NONSENSE QRESYNC CONDSTORE").await;
    assert!(enabled[0].starts_with("* OK [HIGHESTMODSEQ "), "{enabled:?}");
    assert_eq!(enabled[1], "* ENABLED CONDSTORE QRESYNC");
    assert_eq!(client.ask("ENABLE NONSENSE").await[0], "* ENABLED");
    // A set that names four thousand million messages costs nothing.
    let known = "SELECT INBOX (QRESYNC (1 1 1:4294967295 (1:4294967295 1:4294967295)))";
    client.ok(known).await;
}

/// UID and flags of all messages, as a client that asks for everything sees them.
async fn everything(client: &mut Client) -> BTreeMap<u32, String> {
    let lines = client.ask("UID FETCH 1:* (FLAGS)").await;
    lines.iter().filter(|line| line.contains(" FETCH (")).map(|line| flags(line)).collect()
}

fn flags(line: &str) -> (u32, String) {
    let uid = after(line, "UID ");
    let flags = line.split_once("FLAGS (").unwrap().1.split_once(')').unwrap().0;
    (u32::try_from(uid).unwrap(), flags.to_owned())
}

/// Takes what SELECT with QRESYNC tells into what a client remembers.
fn replay(memory: &mut BTreeMap<u32, String>, told: &str) {
    for line in told.lines() {
        if let Some(set) = line.strip_prefix("* VANISHED (EARLIER) ") {
            for range in set.split(',') {
                let (low, high) = range.split_once(':').unwrap_or((range, range));
                let (low, high): (u32, u32) = (low.parse().unwrap(), high.parse().unwrap());
                memory.retain(|uid, _| !(low..=high).contains(uid));
            }
        } else if line.contains(" FETCH (UID ") {
            memory.extend([flags(line)]);
        }
    }
}

/// Whatever two clients do, one that comes back with QRESYNC knows the same as one that asks for everything.
#[tokio::test]
async fn resynchronising_is_as_good_as_asking_for_everything() {
    let bench = filled(30).await;
    let mut rng = Rng::seeded(7162);
    let mut below = move |limit: u64| rng.below(limit);
    let mut worker = bench.selected("INBOX").await;
    let mut client = resyncing(&bench).await;
    let first = client.ok("SELECT INBOX").await;
    let (validity, mut known) = (after(&first, "[UIDVALIDITY "), after(&first, "[HIGHESTMODSEQ "));
    let mut memory = everything(&mut client).await;
    for _ in 0..12 {
        client.ok("UNSELECT").await;
        for _ in 0..below(6) {
            let uid = 1 + below(40);
            match below(5) {
                0 => worker.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Seen $a{})", below(3))).await,
                1 => worker.ok(&format!("UID STORE {uid}:{} -FLAGS.SILENT (\\Seen)", uid + below(5))).await,
                2 => {
                    worker.ok(&format!("UID STORE {uid}:{} +FLAGS.SILENT (\\Deleted)", uid + below(3))).await;
                    worker.ok("EXPUNGE").await
                }
                3 => worker.ok(&format!("UID MOVE {uid} Archive")).await,
                _ => {
                    bench.deliver("INBOX", MESSAGE).await;
                    String::new()
                }
            };
        }
        let set = if memory.is_empty() { String::new() } else { " 1:4294967295".to_owned() };
        let told = client.ok(&format!("SELECT INBOX (QRESYNC ({validity} {known}{set}))")).await;
        replay(&mut memory, &told);
        assert_eq!(memory, everything(&mut client).await, "{told}");
        known = after(&told, "[HIGHESTMODSEQ ");
    }
}

/// Nobody's mail depends on one process's memory: what another process commits wakes who is idling.
#[tokio::test]
async fn what_another_process_does_is_told_while_idling() {
    let bench = filled(1).await;
    let clock = kernel::Clock::system();
    let db = db::Db::open_sqlite(&bench.dir.path().join("data.sqlite")).await.unwrap();
    let other = mailstore::MailStore::open(&db, clock).await.unwrap();
    let mut idle = bench.selected("INBOX").await;
    idle.send("i IDLE\r\n").await;
    assert!(idle.line().await.starts_with("+ "));
    bench.deliver_by(&other, "INBOX", MESSAGE).await;
    assert_eq!(idle.line().await, "* 2 EXISTS");
    let folder = other.folder(bench.per, "INBOX").await.unwrap().unwrap();
    let flags = mailstore::Flags { deleted: true, ..Default::default() };
    other.store_flags(folder.id, &[1], mailstore::FlagChange::Add, &flags, None).await.unwrap();
    assert_eq!(idle.line().await, "* 1 FETCH (UID 1 FLAGS (\\Deleted))");
    other.expunge(folder.id, None).await.unwrap();
    assert_eq!(idle.line().await, "* 1 EXPUNGE");
    idle.send("DONE\r\n").await;
    assert!(idle.line().await.starts_with("i OK "));
}
