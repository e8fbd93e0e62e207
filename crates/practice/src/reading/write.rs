//! A batch of mails that were read, written in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use db::{Tx, Values};
use kernel::{Failure, Timestamp};
use sqlx::Row as _;

use super::document::{self, Placed};
use super::{ATTEMPTS, Job, Outcome, READER};
use crate::columns::{millis, word};
use crate::draft::{self, DocumentDraft, MailDraft};
use crate::list::{self, Entered};
use crate::requests::{self, NewRequest};
use crate::versions::{Known, Orphan, Shelf, Stand};
use crate::{
    ChangeKind, Error, Form, Key, Provenance, Reading, RequestKind, Standing, State, blobs, changes, failure,
};

/// Folders whose mails the practice wrote itself (RFC 6154): read, and never work.
const OWN: [&str; 2] = ["sent", "drafts"];
/// Folders whose mails somebody has put away: readable, and no work unless they were work before.
const AWAY: [&str; 1] = ["trash"];

/// A document that a mail has already, from an earlier reading.
#[derive(Debug)]
struct Existing {
    id: i64,
    key: Key,
    sha256: String,
    path: String,
    form: Form,
    open: bool,
    folded: String,
}

/// What waits for its row.
struct Asked {
    kind: RequestKind,
    document: i64,
    target: Option<i64>,
    code: Option<u16>,
}

/// Writes what of the batch still waits.
pub(super) async fn batch(tx: &mut Tx, now: Timestamp, read: &[(Job, Outcome)]) -> Result<(), Error> {
    let waiting = waiting(tx, read).await?;
    let read: Vec<&(Job, Outcome)> = read.iter().filter(|(job, _)| waiting.contains(&job.mail)).collect();
    let mut existing = existing(tx, &read).await?;
    let mut told: Vec<(ChangeKind, Key)> = Vec::new();
    let mut new: Vec<(&Job, &'static str, &DocumentDraft, Option<Existing>)> = Vec::new();
    let hopeless: Vec<DocumentDraft> = read.iter().map(|(job, _)| draft::unread(&job.sha256)).collect();
    for ((job, outcome), unread) in read.iter().copied().zip(&hopeless) {
        let known = existing.remove(&job.mail).unwrap_or_default();
        match outcome {
            Ok(mail) if OWN.contains(&job.role.as_str()) => write_mail(tx, job, mail, 0).await?,
            Ok(mail) => {
                write_mail(tx, job, mail, mail.documents.len()).await?;
                let provenance = mail.provenance.word();
                let (again, fresh) = matched(&mail.documents, known);
                for (draft, was) in again {
                    if describe_again(tx, job, provenance, draft, &was).await? {
                        told.push((ChangeKind::DocumentChanged, was.key));
                    }
                }
                new.extend(fresh.into_iter().map(|(draft, was)| (job, provenance, draft, was)));
            }
            Err(failed) => {
                let last = write_failure(tx, now, job, failed).await?;
                told.push((ChangeKind::MailChanged, Key::stored(job.key.clone())));
                if last && known.is_empty() {
                    new.push((job, Provenance::Unknown.word(), unread, None));
                }
            }
        }
    }
    write_documents(tx, now, new, &mut told).await?;
    changes::note_all(tx, now, &told).await
}

/// The mails of the batch that still wait to be read, and stay so for the rest of the transaction.
async fn waiting(tx: &mut Tx, read: &[(Job, Outcome)]) -> Result<BTreeSet<i64>, Error> {
    let lock = if tx.backend_name() == "SQLite" { "" } else { " ORDER BY id FOR UPDATE" };
    let mut found = BTreeSet::new();
    for some in read.chunks(256) {
        let mails: Vec<i64> = some.iter().map(|(job, _)| job.mail).collect();
        let text = format!(
            "SELECT id FROM lps_mail WHERE id IN ({}) AND parse IN ('pending', 'failed', 'stale'){lock}",
            db::list(1, mails.len())
        );
        for row in db::query(text, Values::new().ints(&mails)).fetch_all(&mut *tx).await? {
            found.insert(row.try_get::<i64, _>(0)?);
        }
    }
    Ok(found)
}

async fn existing(tx: &mut Tx, read: &[&(Job, Outcome)]) -> Result<BTreeMap<i64, Vec<Existing>>, Error> {
    let mut found: BTreeMap<i64, Vec<Existing>> = BTreeMap::new();
    for some in read.chunks(256) {
        let mails: Vec<i64> = some.iter().map(|(job, _)| job.mail).collect();
        let text = format!(
            "SELECT mail, id, key, sha256, path, form, state, folded FROM lps_document WHERE mail IN ({}) ORDER BY id",
            db::list(1, mails.len())
        );
        for row in db::query(text, Values::new().ints(&mails)).fetch_all(&mut *tx).await? {
            let state = word(&row, 6, State::parse)?;
            found.entry(row.try_get(0)?).or_default().push(Existing {
                id: row.try_get(1)?,
                key: Key::stored(row.try_get(2)?),
                sha256: row.try_get(3)?,
                path: row.try_get(4)?,
                form: word(&row, 5, Form::parse)?,
                open: matches!(state, State::ToDo | State::History),
                folded: row.try_get(7)?,
            });
        }
    }
    Ok(found)
}

type Again<'a> = Vec<(&'a DocumentDraft, Existing)>;
type Fresh<'a> = Vec<(&'a DocumentDraft, Option<Existing>)>;

/// Which documents are known by an earlier reading: by octets and path, then by octets. A row of the mail itself that
/// nobody has acted upon becomes the first document that a better reader finds.
fn matched(drafts: &[DocumentDraft], mut known: Vec<Existing>) -> (Again<'_>, Fresh<'_>) {
    let (mut again, mut fresh) = (Vec::new(), Vec::new());
    for draft in drafts {
        let same = |one: &Existing| {
            one.sha256 == draft.marks.sha256 && (one.form == Form::Mail) == (draft.form == Form::Mail)
        };
        let at = known
            .iter()
            .position(|one| same(one) && one.path == draft.path)
            .or_else(|| known.iter().position(same));
        match at {
            Some(at) => again.push((draft, known.remove(at))),
            None => fresh.push((draft, None)),
        }
    }
    if let Some((_, was)) = fresh.first_mut()
        && let Some(at) = known.iter().position(|one| one.form == Form::Mail && one.open)
    {
        *was = Some(known.remove(at));
    }
    (again, fresh)
}

/// Whether what is searched has changed, and with it what is shown.
async fn describe_again(
    tx: &mut Tx,
    job: &Job,
    provenance: &'static str,
    draft: &DocumentDraft,
    was: &Existing,
) -> Result<bool, Error> {
    let folded = draft.folded();
    document::describe(tx, was.id, job, provenance, draft, &folded).await?;
    if folded == was.folded {
        return Ok(false);
    }
    reenter(tx, job, was, &folded).await?;
    Ok(true)
}

async fn reenter(tx: &mut Tx, job: &Job, was: &Existing, folded: &str) -> Result<(), Error> {
    list::leave(tx, was.id, &was.folded).await?;
    let entered = Entered {
        id: was.id,
        mailbox: job.mailbox,
        received: job.received,
        folded: folded.to_owned(),
        unread: false,
    };
    list::enter(tx, &[entered]).await
}

async fn write_mail(tx: &mut Tx, job: &Job, mail: &MailDraft, documents: usize) -> Result<(), Error> {
    let found = mail.documents.iter().any(|one| one.form != Form::Mail);
    let reading = if found { Reading::Ok } else { Reading::Empty };
    let facts = serde_json::to_string(&mail.facts).expect("plain fields are JSON");
    db::query(
        "UPDATE lps_mail SET parse = $2, parser = $3, parse_failure = NULL, parse_attempts = 0, parse_due = 0, \
         message_id = $4, in_reply_to = $5, sent = $6, sender = $7, sender_name = $8, provenance = $9, subject = $10, \
         text = $11, documents = $12, facts = $13 WHERE id = $1",
        Values::new()
            .int(job.mail)
            .text(reading.word())
            .int(i64::from(READER))
            .opt_text(mail.message_id.as_deref())
            .opt_text(mail.in_reply_to.as_deref())
            .opt_int(mail.sent)
            .opt_text(mail.sender.as_deref())
            .opt_text(mail.sender_name.as_deref())
            .text(mail.provenance.word())
            .text(mail.subject.as_str())
            .text(mail.text.as_str())
            .int(i64::try_from(documents).unwrap_or(i64::MAX))
            .text(facts),
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether it was the last attempt.
async fn write_failure(tx: &mut Tx, now: Timestamp, job: &Job, failed: &Failure) -> Result<bool, Error> {
    let last = job.attempts + 1 >= ATTEMPTS;
    let reading = if last { Reading::Hopeless } else { Reading::Failed };
    db::query(
        "UPDATE lps_mail SET parse = $2, parser = $3, parse_failure = $4, parse_attempts = $5, parse_due = $6, \
         documents = CASE WHEN documents = 0 THEN $7 ELSE documents END WHERE id = $1",
        Values::new()
            .int(job.mail)
            .text(reading.word())
            .int(i64::from(READER))
            .text(failure::to_text(failed))
            .int(job.attempts + 1)
            .int(blobs::due(now, job.attempts))
            .int(i64::from(last)),
    )
    .execute(tx)
    .await?;
    Ok(last)
}

/// Decides how each new document stands, in the order of arrival, and writes all of them.
async fn write_documents(
    tx: &mut Tx,
    now: Timestamp,
    new: Vec<(&Job, &'static str, &DocumentDraft, Option<Existing>)>,
    told: &mut Vec<(ChangeKind, Key)>,
) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let drafts: Vec<&DocumentDraft> = new.iter().map(|(_, _, draft, _)| *draft).collect();
    let mut shelf = Shelf::load(tx, &drafts).await?;
    let first = db::reserve(tx, "lps_document", i64::try_from(new.len()).unwrap_or(i64::MAX)).await?;
    let mut asked: Vec<Asked> = Vec::new();
    let mut adopted: Vec<(i64, i64, Option<u16>)> = Vec::new();
    let (mut placed, mut entered, mut retaken) = (Vec::new(), Vec::new(), Vec::new());
    for (reserved, (job, provenance, draft, was)) in (first..).zip(new) {
        let away = AWAY.contains(&job.role.as_str());
        let state = if job.history || away { State::History } else { State::ToDo };
        let id = was.as_ref().map_or(reserved, |was| was.id);
        let stand = shelf.stand(draft.action, &draft.marks);
        let here = Known { id, marks: draft.marks.clone(), standing: stand.standing, replaced: false };
        if state == State::ToDo {
            if let Some((kind, target, code)) = stand.request {
                if target.is_none() {
                    // Asked for in this batch: named by its place until it has a row.
                    let request = -i64::try_from(asked.len()).unwrap_or(i64::MAX) - 1;
                    shelf.orphans.push(Orphan { request, marks: draft.marks.clone() });
                }
                asked.push(Asked { kind, document: id, target, code });
            }
            if let Some((request, code)) = shelf.orphan_of(&here).filter(|_| is_original(stand.standing)) {
                shelf.orphans.retain(|orphan| orphan.request != request);
                match usize::try_from(-request - 1).ok().and_then(|at| asked.get_mut(at)) {
                    Some(asked) => (asked.target, asked.code) = (Some(id), code),
                    None => adopted.push((request, id, code)),
                }
            }
        }
        shelf.known.push(here);
        let folded = draft.folded();
        match was {
            Some(was) => retaken.push((job, provenance, draft, was, stand, folded)),
            None => {
                let key = Key::random();
                told.push((ChangeKind::DocumentReceived, key.clone()));
                let unread = state == State::ToDo;
                let (mailbox, received) = (job.mailbox, job.received);
                entered.push(Entered { id, mailbox, received, folded: folded.clone(), unread });
                placed.push(Placed { id, key, job, provenance, draft, folded, state, stand });
            }
        }
    }
    document::insert(tx, &placed).await?;
    for (job, provenance, draft, was, stand, folded) in retaken {
        retake(tx, job, provenance, draft, &was, &stand, &folded).await?;
        told.push((ChangeKind::DocumentChanged, was.key));
    }
    list::enter(tx, &entered).await?;
    for Asked { kind, document, target, code } in asked {
        requests::raise(tx, now, NewRequest { kind, document, target, code }).await?;
    }
    for (request, target, code) in adopted {
        requests::adopt(tx, now, request, target, code).await?;
    }
    tracing::debug!(documents = placed.len(), at = millis(now), "documents entered the work list");
    Ok(())
}

/// The row of a mail becomes the row of its first document.
async fn retake(
    tx: &mut Tx,
    job: &Job,
    provenance: &'static str,
    draft: &DocumentDraft,
    was: &Existing,
    stand: &Stand,
    folded: &str,
) -> Result<(), Error> {
    document::describe(tx, was.id, job, provenance, draft, folded).await?;
    document::restand(tx, was.id, stand).await?;
    reenter(tx, job, was, folded).await
}

fn is_original(standing: Standing) -> bool {
    !matches!(standing, Standing::Duplicate | Standing::DeletionRequest)
}
