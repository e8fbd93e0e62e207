//! Whether the tables hold together, and what may be put right without losing anything.
//!
//! Each check is one statement that lists what is wrong, so that it can be read, and tried by hand. A repair only
//! recomputes what other rows prove, or removes what no message refers to: it never touches a message or its bytes.
//! Everything may run beside a working server: repairs are one transaction of the writer.

use db::{Db, Error, Tx, Values};
use kernel::Timestamp;
use sqlx::Row as _;

use crate::body::{STALE, sweep};
use crate::schema::{MIGRATIONS, PLACES};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Mail is missing, or will be refused.
    Error,
    /// Room is wasted, or a figure is wrong.
    Warning,
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Names the check: `uid_order`, `mod_sequences`, `numbers`, `missing_bodies`, `pieces`, `lost_messages`, `counts`,
    /// `references`, `orphans`, `learned`, `drafts`, `quota`.
    pub id: &'static str,
    /// How much a finding matters.
    pub severity: Severity,
    /// How many were found: 0 where all is well.
    pub count: u64,
    /// The first of them, as a mailbox and a folder or as the number of a body.
    pub first: Option<String>,
    /// Whether [`repair`] puts it right.
    pub repairable: bool,
}

struct Probe {
    id: &'static str,
    severity: Severity,
    /// Lists what is wrong, in one column of text. `{places}` is [`PLACES`], `{stale}` the instant before which a
    /// draft stands still.
    finds: &'static str,
    repairable: bool,
}

const PLACE: &str = "SELECT a.address || ' ' || f.name FROM folder f JOIN account a ON a.id = f.account";

const PROBES: [Probe; 12] = [
    Probe {
        id: "uid_order",
        severity: Severity::Error,
        finds: "{place} JOIN (SELECT folder, max(uid) AS uid FROM message GROUP BY folder) m \
                ON m.folder = f.id WHERE m.uid >= f.uid_next",
        repairable: true,
    },
    Probe {
        id: "mod_sequences",
        severity: Severity::Error,
        finds: "{place} JOIN (SELECT folder, max(modseq) AS modseq FROM (SELECT folder, modseq FROM message \
                UNION ALL SELECT folder, modseq FROM expunged) AS both_tables GROUP BY folder) m \
                ON m.folder = f.id WHERE m.modseq > f.highest_modseq",
        repairable: true,
    },
    Probe {
        id: "numbers",
        severity: Severity::Error,
        finds: "SELECT 'body ' || cast(max(id) AS text) FROM body \
                HAVING max(id) >= coalesce((SELECT next FROM sequence WHERE name = 'body'), 1)",
        repairable: true,
    },
    Probe {
        id: "missing_bodies",
        severity: Severity::Error,
        finds: "{place} JOIN message m ON m.folder = f.id WHERE m.body NOT IN (SELECT id FROM body)",
        repairable: false,
    },
    Probe {
        id: "pieces",
        severity: Severity::Error,
        finds: "SELECT 'body ' || cast(b.id AS text) FROM body b LEFT JOIN \
                (SELECT place / {places} AS body, sum(length(data)) AS bytes FROM body_chunk GROUP BY place / {places}) c \
                ON c.body = b.id WHERE coalesce(c.bytes, 0) <> CASE WHEN b.lead >= b.size THEN b.lead \
                ELSE b.lead + b.size END",
        repairable: false,
    },
    Probe {
        id: "lost_messages",
        severity: Severity::Error,
        finds: "SELECT 'folder ' || cast(folder AS text) FROM message WHERE folder NOT IN (SELECT id FROM folder)",
        repairable: false,
    },
    Probe {
        id: "counts",
        severity: Severity::Warning,
        finds: "{place} LEFT JOIN (SELECT folder, count(*) AS n, sum(size) AS bytes FROM message GROUP BY folder) m \
                ON m.folder = f.id WHERE f.messages <> coalesce(m.n, 0) OR f.bytes <> coalesce(m.bytes, 0)",
        repairable: true,
    },
    Probe {
        id: "references",
        severity: Severity::Warning,
        finds: "SELECT 'body ' || cast(b.id AS text) FROM body b LEFT JOIN \
                (SELECT body, count(*) AS n FROM message GROUP BY body) m ON m.body = b.id \
                WHERE b.refs <> coalesce(m.n, 0) OR m.n IS NULL",
        repairable: true,
    },
    Probe {
        id: "orphans",
        severity: Severity::Warning,
        finds: "SELECT 'body ' || cast(place / {places} AS text) FROM body_chunk WHERE place / {places} NOT IN \
                (SELECT id FROM body UNION ALL SELECT body FROM body_draft)",
        repairable: true,
    },
    Probe {
        id: "learned",
        severity: Severity::Warning,
        finds: "SELECT 'folder ' || cast(h.folder AS text) FROM message_head h LEFT JOIN message m \
                ON m.folder = h.folder AND m.uid = h.uid WHERE m.uid IS NULL \
                UNION ALL SELECT 'body ' || cast(body AS text) FROM body_text WHERE body NOT IN (SELECT id FROM body) \
                UNION ALL SELECT 'folder ' || cast(m.folder AS text) FROM message m LEFT JOIN message_head h \
                ON h.folder = m.folder AND h.uid = m.uid WHERE m.learned > 0 AND h.uid IS NULL \
                UNION ALL SELECT 'body ' || cast(m.body AS text) FROM message m LEFT JOIN body_text t \
                ON t.body = m.body WHERE m.learned > 1 AND t.body IS NULL",
        repairable: true,
    },
    Probe {
        id: "drafts",
        severity: Severity::Warning,
        finds: "SELECT 'body ' || cast(body AS text) FROM body_draft WHERE at_us < {stale}",
        repairable: true,
    },
    Probe {
        id: "quota",
        severity: Severity::Warning,
        finds: "SELECT a.address FROM account a JOIN folder f ON f.account = a.id \
                GROUP BY a.id, a.address, a.limit_bytes, a.limit_messages \
                HAVING sum(f.bytes) > a.limit_bytes OR sum(f.messages) > a.limit_messages",
        repairable: false,
    },
];

/// In this order: what goes first leaves the next one less to do.
const REPAIRS: [&str; 12] = [
    "UPDATE folder SET uid_next = 1 + (SELECT max(uid) FROM message WHERE message.folder = folder.id) \
     WHERE uid_next <= (SELECT max(uid) FROM message WHERE message.folder = folder.id)",
    "UPDATE folder SET highest_modseq = (SELECT max(modseq) FROM message WHERE message.folder = folder.id) \
     WHERE highest_modseq < (SELECT max(modseq) FROM message WHERE message.folder = folder.id)",
    "UPDATE folder SET highest_modseq = (SELECT max(modseq) FROM expunged WHERE expunged.folder = folder.id) \
     WHERE highest_modseq < (SELECT max(modseq) FROM expunged WHERE expunged.folder = folder.id)",
    "INSERT INTO sequence (name, next) SELECT 'body', 1 + max(id) FROM body HAVING max(id) IS NOT NULL \
     ON CONFLICT (name) DO UPDATE SET next = excluded.next WHERE sequence.next < excluded.next",
    "UPDATE folder SET messages = (SELECT count(*) FROM message WHERE message.folder = folder.id), \
     bytes = (SELECT cast(coalesce(sum(size), 0) AS bigint) FROM message WHERE message.folder = folder.id)",
    "DELETE FROM body WHERE id NOT IN (SELECT body FROM message)",
    "UPDATE body SET refs = (SELECT count(*) FROM message WHERE message.body = body.id) \
     WHERE id IN (SELECT b.id FROM body b JOIN (SELECT body, count(*) AS n FROM message GROUP BY body) m \
     ON m.body = b.id WHERE b.refs <> m.n)",
    "DELETE FROM body_chunk WHERE place / {places} NOT IN \
     (SELECT id FROM body UNION ALL SELECT body FROM body_draft)",
    "DELETE FROM message_head WHERE NOT EXISTS (SELECT 1 FROM message m \
     WHERE m.folder = message_head.folder AND m.uid = message_head.uid)",
    "DELETE FROM body_text WHERE body NOT IN (SELECT id FROM body)",
    "UPDATE message SET learned = 1 WHERE learned > 1 AND body NOT IN (SELECT body FROM body_text)",
    "UPDATE message SET learned = 0 WHERE learned > 0 AND NOT EXISTS (SELECT 1 FROM message_head h \
     WHERE h.folder = message.folder AND h.uid = message.uid)",
];

/// Looks at everything, and changes nothing. Reads the narrow tables whole: seconds for a million messages.
///
/// # Errors
/// [`Error::Invalid`] where the tables are of an older version (open the store once), [`Error::Newer`] where they
/// are of a later one; else what the database says.
pub async fn examine(db: &Db, now: Timestamp) -> Result<Vec<Check>, Error> {
    same_version(db).await?;
    let mut checks = Vec::with_capacity(PROBES.len());
    for probe in &PROBES {
        let text = format!(
            "WITH wrong (found) AS ({}) SELECT count(*), min(found) FROM wrong",
            filled(probe.finds, now)
        );
        let row = db::query(text, Values::new()).fetch_one(db.reader()).await?;
        checks.push(Check {
            id: probe.id,
            severity: probe.severity,
            count: crate::flags::unsigned(row.try_get(0)?)?,
            first: row.try_get(1)?,
            repairable: probe.repairable,
        });
    }
    Ok(checks)
}

/// Puts right what can be put right without losing anything, in one transaction.
///
/// # Errors
/// As [`examine`]; nothing is changed then.
pub async fn repair(db: &Db, now: Timestamp) -> Result<(), Error> {
    same_version(db).await?;
    sweep(db, now).await?;
    let texts: Vec<String> = REPAIRS.iter().map(|text| filled(text, now)).collect();
    db.write(move |tx| {
        let texts = texts.clone();
        Box::pin(async move { mend(tx, texts).await })
    })
    .await
}

async fn mend(tx: &mut Tx, texts: Vec<String>) -> Result<(), Error> {
    if tx.backend_name() != "SQLite" {
        // Other nodes wait meanwhile; readers do not.
        for table in ["folder", "message", "body", "body_chunk", "body_draft"] {
            let text = format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
            db::query(text, Values::new()).execute(&mut *tx).await?;
        }
    }
    for text in texts {
        db::query(text, Values::new()).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn same_version(db: &Db) -> Result<(), Error> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found = db.versions().await?.into_iter().find(|(component, _)| component == "mailstore");
    match found.map_or(0, |(_, version)| version) {
        found if found > known => Err(Error::Newer { component: String::from("mailstore"), found, known }),
        found if found < known => Err(Error::invalid(format!(
            "the mail tables have version {found} and this program writes version {known}: start it once on them"
        ))),
        _ => Ok(()),
    }
}

fn filled(text: &str, now: Timestamp) -> String {
    let stale = now.as_microsecond().saturating_sub(i64::try_from(STALE.as_micros()).unwrap_or(i64::MAX));
    text.replace("{place}", PLACE)
        .replace("{places}", &PLACES.to_string())
        .replace("{stale}", &stale.to_string())
}
