//! How long a large folder takes to be searched, listed and read: 100 000 messages of 4 KB by default.
//! `cargo run --release -p mailstore --example search_rate -- [messages] [directory] [only]`
//!
//! Each figure is the median of seven, the cache warm. Run it where nothing else runs.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Clock;
use mailstore::{FlagChange, Flags, HeadField, Heads, Learned, MailStore, Parts};

/// Bytes of text in a message.
const TEXT: usize = 4_096;
const WORDS: [&str; 12] = [
    "patient",
    "résultats",
    "analyse",
    "glycémie",
    "normale",
    "compte",
    "rendu",
    "consultation",
    "traitement",
    "du",
    "docteur",
    "hôpital",
];

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: usize =
        arguments.next().map_or(100_000, |text| text.parse().expect("a number of messages"));
    let directory = tempfile::tempdir_in(arguments.next().map_or_else(std::env::temp_dir, PathBuf::from))
        .expect("a directory to write in");
    let only = arguments.next().unwrap_or_default();
    let clock = Clock::system();
    let db = match std::env::var("VAGUEMESTRE_TEST_POSTGRES") {
        Ok(url) => db::Db::open_postgres(&url).await,
        Err(_) => db::Db::open_sqlite(&directory.path().join("search.db")).await,
    }
    .expect("the database opens");
    let store = MailStore::open(&db, clock.clone()).await.expect("the store opens");
    let account = store.create_account("search@rate.test").await.expect("an account");
    let inbox = store.folder(account.id, "INBOX").await.expect("a read").expect("an INBOX").id;
    fill(&store, &clock, inbox, messages).await;

    let (store, only) = (&store, only.as_str());
    measure(only, "header, rare needle", || store.search_header(inbox, HeadField::Subject, "numéro 777 "))
        .await;
    measure(only, "header, no match", || store.search_header(inbox, HeadField::From, "zzzz")).await;
    measure(only, "header, all match", || store.search_header(inbox, HeadField::Subject, "numéro")).await;
    measure(only, "text, rare needle", || store.search_text(inbox, "mot 777 ")).await;
    measure(only, "text, no match", || store.search_text(inbox, "zzzz")).await;
    measure(only, "text, all match", || store.search_text(inbox, "glyc")).await;
    measure(only, "sent dates", || store.search_sent(inbox, 20_000, 20_010)).await;
    measure(only, "rows of the folder", || store.rows(inbox)).await;
    measure(only, "status", || store.status(inbox)).await;
    let all = || async move {
        let mut bytes = 0;
        for from in (1..=u32::try_from(messages).expect("few messages")).step_by(256) {
            let uids: Vec<u32> = (from..from + 256).collect();
            let parts = Parts { structure: true, ..Parts::default() };
            bytes += store.meta_parts(inbox, &uids, parts).await?.len();
        }
        Ok::<_, db::Error>(bytes)
    };
    measure(only, "structures, all", all).await;
    let bodies = || async move {
        let mut bytes = 0;
        for from in (1..=u32::try_from(messages).expect("few messages")).step_by(256) {
            let uids: Vec<u32> = (from..from + 256).collect();
            let metas = store.meta_parts(inbox, &uids, Parts::default()).await?;
            let wanted: Vec<(i64, u64)> = metas.iter().map(|meta| (meta.body, meta.size)).collect();
            bytes +=
                store.small_bodies(&wanted).await?.iter().flatten().map(bytes::Bytes::len).sum::<usize>();
        }
        Ok::<_, db::Error>(bytes)
    };
    measure(only, "bodies, all", bodies).await;
    let some: Vec<u32> = (1..=1_000).collect();
    let flags = Flags { seen: true, ..Flags::default() };
    let change = std::cell::Cell::new(FlagChange::Remove);
    measure(only, "flags of 1 000", || {
        let next = if change.get() == FlagChange::Add { FlagChange::Remove } else { FlagChange::Add };
        change.set(next);
        store.store_flags(inbox, &some, next, &flags, None)
    })
    .await;
    db.close().await;
}

async fn fill(store: &MailStore, clock: &Clock, inbox: i64, messages: usize) {
    let start = Instant::now();
    for from in (0..messages).step_by(1_000) {
        let mut unit = db::Unit::new();
        for n in from..(from + 1_000).min(messages) {
            let subject = format!("résultats d'analyse numéro {n} du patient");
            let mut text = format!("mot {n} ");
            let mut at = n;
            while text.len() < TEXT {
                text.push_str(WORDS[at % WORDS.len()]);
                text.push(' ');
                at = at.wrapping_mul(31).wrapping_add(7);
            }
            let head = format!("From: a@rate.test\r\nTo: b@rate.test\r\nSubject: {subject}\r\n\r\n");
            let mut body = store.body();
            body.push(head.as_bytes()).await.expect("a small body");
            body.push(text.as_bytes()).await.expect("a small body");
            let mut body = body.finish();
            body.learned = Some(Arc::new(Learned {
                structure: vec![b'x'; 600].into(),
                preview: Some(text.chars().take(100).collect()),
                heads: Some(Heads {
                    from: Some(format!("docteur {} <{n}@mailbox.example>", WORDS[n % WORDS.len()])),
                    to: Some(String::from("cabinet du docteur <899700000018@mailbox.example>")),
                    subject: Some(subject),
                    message_id: Some(format!("<{n}.{n}.{n}@mailbox.example>")),
                    sent_day: Some(20_000 + i64::try_from(n / 100).unwrap_or(0)),
                    sent_at: Some(clock.now()),
                    ..Heads::default()
                }),
                text: Some(text),
            }));
            let delivery = mailstore::Delivery {
                body,
                trace: bytes::Bytes::from_static(b"Return-Path: <a@rate.test>\r\n"),
                folders: vec![inbox],
                flags: Flags::default(),
                internal_date: clock.now(),
            };
            let _ticket = store.deliver_into(&mut unit, delivery);
        }
        store.db().commit(unit).await.expect("a commit");
    }
    print(&format!("{messages} messages delivered in {:.1} s", start.elapsed().as_secs_f64()));
}

async fn measure<F, T>(only: &str, what: &str, ask: impl Fn() -> F)
where
    F: Future<Output = Result<T, db::Error>>,
{
    if !what.contains(only) {
        return;
    }
    let mut times = Vec::new();
    let busy = processor_time();
    for _ in 0..7 {
        let start = Instant::now();
        ask().await.expect("an answer");
        times.push(start.elapsed());
    }
    times.sort();
    let busy = (processor_time() - busy) / 7;
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    print(&format!(
        "{what:<22} {:>9.2} ms  (best {:.2}; processor {})",
        ms(times[3]),
        ms(times[0]),
        busy * 10
    ));
}

/// In hundredths of a second, all threads together.
fn processor_time() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |at: usize| fields.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
    field(11) + field(12)
}

#[allow(clippy::print_stdout)] // the figures are this program's result
fn print(line: &str) {
    println!("{line}");
}
