//! How many document mails a second are told, kept and read, and what each costs.
//!
//! `cargo run --release -p practice --example ingest_rate [messages] [batch]`: mails with an IHE_XDM archive around a letter
//! with a PDF of about 90 kB, made beforehand (1 in 20 has three documents, 1 in 20 no INS). What is measured is from the
//! first look to the last row, on SQLite with durable commits; the CPU time is the whole process's.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use db::{Db, Values};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use kernel::{Clock, Rng};
use practice::{Arrival, FolderState, MailboxKind, Practice, Setting};
use sqlx::Row as _;
use xdm::Submission;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let messages = arguments.next().unwrap_or(2_000);
    let batch = arguments.next().unwrap_or(64);
    let directory = tempfile::tempdir().unwrap();
    let db = Db::open_sqlite(&directory.path().join("lps.db")).await.unwrap();
    let clock = Clock::system();
    let setting = Setting { world: ins::World::Sandbox, ..Setting::default() };
    let practice = Practice::open(db.clone(), clock.clone(), setting).await.unwrap();
    let since = "2020-01-01T00:00:00Z".parse().unwrap();
    let mailbox = practice
        .save_mailbox("cabinet@cab.mssante.fr", MailboxKind::Org, "Cabinet", serde_json::json!({}), since)
        .await
        .unwrap();

    let mut rng = Rng::seeded(7);
    let (mut mails, mut documents) = (Vec::with_capacity(messages), 0);
    for number in 0..messages {
        let count = if number % 20 == 0 { 3 } else { 1 };
        documents += count;
        mails.push(mail(&mut rng, number, count));
    }
    let octets: usize = mails.iter().map(Vec::len).sum();
    println!(
        "{messages} mails, {documents} documents, {} kB each, batches of {batch}",
        octets / messages / 1_000
    );

    let folder =
        FolderState { name: "INBOX".into(), role: "inbox".into(), uid_validity: 1, uid_next: 0, modseq: 1 };
    let (begin, cpu) = (clock.now(), cpu_ms());
    let (mut kept, mut read) = (0.0, 0.0);
    let mut uid = 0;
    let mut mails = mails.into_iter();
    loop {
        let some: Vec<Vec<u8>> = mails.by_ref().take(batch).collect();
        if some.is_empty() {
            break;
        }
        let first = uid + 1;
        uid += u32::try_from(some.len()).unwrap();
        let arrivals = (first..=uid).map(|uid| Arrival { uid, received: begin, flags: vec![] }).collect();
        let before = clock.now();
        let wanted =
            practice.synchronised(&mailbox.key, folder.clone(), arrivals, vec![], vec![]).await.unwrap();
        let pairs = wanted.into_iter().rev().map(|one| one.mail).zip(some).collect();
        practice.keep(pairs).await.unwrap();
        let between = clock.now();
        kept += seconds(before, between);
        practice.read_pending(batch).await.unwrap();
        read += seconds(between, clock.now());
    }
    let (wall, cpu) = (seconds(begin, clock.now()), cpu_ms() - cpu);
    let rows: i64 = db::query("SELECT count(*) FROM lps_document WHERE form = 'cda'", Values::new())
        .fetch_one(db.reader())
        .await
        .unwrap()
        .try_get(0)
        .unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), documents, "VOID: documents are missing");
    let count = messages as f64;
    println!("{:.0} messages/s; {:.2} CPU ms each", count / wall, cpu / count);
    println!(
        "told and kept {:.2} ms each, read {:.2} ms each",
        kept * 1_000.0 / count,
        read * 1_000.0 / count
    );
    println!("{} commits; {:?}", db.stats().commits, db.stats());
    db.close().await;
}

fn seconds(from: kernel::Timestamp, to: kernel::Timestamp) -> f64 {
    (to.as_microsecond() - from.as_microsecond()) as f64 / 1e6
}

/// User and system time of this process; ticks are a hundredth of a second.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 * 10.0
}

fn mail(rng: &mut Rng, number: usize, count: usize) -> Vec<u8> {
    let time = "2026-11-23T09:00:00Z".parse().unwrap();
    let born = BirthDate::parse("19790328").unwrap();
    let family = format!("PATIENT {}", number % 997);
    let traits = Traits::strict(&family, "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
    let patient = match number % 20 {
        1 => Identity { traits, ..Identity::default() },
        _ => Identity::new(Matricule::from_body("2790351215189").unwrap(), Nature::Test, traits),
    };
    let documents: Vec<Vec<u8>> = (0..count)
        .map(|index| {
            let root = format!("1.2.250.1.999.{number}.{index}");
            let mut draft = cda::Sample::PdfLetter.draft(&root, patient.clone(), time);
            let mut pdf = cda::plain_pdf(&["Lettre de liaison", "Document d'essai sans valeur médicale."]);
            pdf.push(b'%');
            while pdf.len() < 90_000 {
                pdf.extend(rng.draw().to_le_bytes());
            }
            draft.body = cda::Body::Pdf(pdf);
            cda::write(&draft)
        })
        .collect();
    let archive = Submission::new(documents, time).write().unwrap();
    let mut body = String::with_capacity(archive.len() * 3 / 2);
    for line in STANDARD.encode(&archive).as_bytes().chunks(76) {
        body.push_str(std::str::from_utf8(line).unwrap());
        body.push_str("\r\n");
    }
    format!(
        "From: Laboratoire <labo@lab.mssante.fr>\r\nTo: cabinet@cab.mssante.fr\r\n\
         Subject: XDM/1.0/DDM+Lettre {family} DOMINIQUE 28/03/1979\r\nMessage-ID: <{number}@lab.mssante.fr>\r\n\
         Date: Mon, 23 Nov 2026 09:00:00 +0100\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Bonjour.\r\n--b\r\nContent-Type: application/zip; name=\"IHE_XDM.zip\"\r\n\
         Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\r\n\
         {body}--b--\r\n"
    )
    .into_bytes()
}
