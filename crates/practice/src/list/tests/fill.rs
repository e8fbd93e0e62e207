//! A work list of a practice of some years, written at once: what tests and the measure of the list look at. The same seed,
//! the same rows. Included by both, so that it knows of tables and not of the crate.

use db::{Db, Insert, Values};
use kernel::Rng;

const DAY: i64 = 86_400_000;
/// Received last, in milliseconds.
pub(crate) const NOW: i64 = 1_795_424_400_000;

static MAIL: Insert = Insert::new(
    "INSERT INTO lps_mail (id, key, mailbox, received, uid, folder, uid_validity, history, flags, gone, fetch_attempts, \
     fetch_due, parse, parser, parse_attempts, parse_due, provenance, subject, text, documents, facts)",
    21,
);
static DOCUMENT: Insert = Insert::new(
    "INSERT INTO lps_document (id, key, mail, part, path, mailbox, form, action, type_code, type_label, title, author, \
     organisation, made, received, provenance, sha256, blob, critical, masking, identity, facts, patient_name, folded, \
     decision, standing, state, patient, history, stamp, assigned, acknowledged_at, request)",
    33,
);
static WORD: Insert = Insert::new("INSERT INTO lps_word (word, document)", 2);
static UNREAD: Insert = Insert::new("INSERT INTO lps_unread (person, received, document)", 3);

const TYPES: [(&str, &str); 8] = [
    ("11502-2", "CR d'examens biologiques"),
    ("18748-4", "CR d'imagerie médicale"),
    ("34112-3", "CR hospitalier"),
    ("34105-7", "Lettre de liaison à la sortie"),
    ("47420-5", "CR de bilan fonctionnel"),
    ("57833-6", "Prescription de produits de santé"),
    ("60591-5", "Synthèse médicale"),
    ("11488-4", "CR de consultation"),
];
const NAMES: [&str; 16] = [
    "MARTIN", "BERNARD", "THOMAS", "PETIT", "ROBERT", "RICHARD", "DURAND", "DUBOIS", "MOREAU", "LAURENT",
    "SIMON", "MICHEL", "LEFEBVRE", "LEROY", "ROUX", "DAVID",
];
const GIVEN: [&str; 8] = ["Jeanne", "Marie-Louise", "Paul", "Élise", "Hugo", "Chloé", "Anne-Sophie", "Léo"];

struct One {
    id: i64,
    mailbox: i64,
    received: i64,
    made: Option<i64>,
    kind: (&'static str, &'static str),
    author: String,
    name: String,
    folded: String,
    provenance: &'static str,
    state: &'static str,
    standing: &'static str,
    patient: Option<i64>,
    critical: i64,
    acknowledged: Option<i64>,
    assigned: Option<&'static str>,
    request: Option<i64>,
}

/// Three mailboxes (`box-1`…), a person (`doctor`) with a right in the first two, 1 000 patients (`patient-1`…), and
/// `rows` documents with their words.
pub(crate) async fn fill(db: &Db, rows: usize, seed: u64) {
    let count = i64::try_from(rows).unwrap();
    db.write(|tx| {
        Box::pin(async move {
            for n in 1..=3 {
                let text = "INSERT INTO lps_mailbox (id, key, address, kind, label, settings, since, removed) \
                            VALUES ($1, $2, $3, 'ORG', 'Cabinet', '{}', 0, 0)";
                let values = Values::new().int(n).text(format!("box-{n}")).text(format!("b{n}@sim.mssante.fr"));
                db::query(text, values).execute(&mut *tx).await?;
            }
            let text = "INSERT INTO lps_person (id, key, name, role, removed) VALUES (1, 'doctor', 'Dr Martin', 'doctor', 0)";
            db::query(text, Values::new()).execute(&mut *tx).await?;
            for n in 1..=2 {
                let text = "INSERT INTO lps_right (person, mailbox, may) VALUES (1, $1, 'act')";
                db::query(text, Values::new().int(n)).execute(&mut *tx).await?;
            }
            for n in 1..=1_000 {
                let text = "INSERT INTO lps_patient (id, key, record, folded_birth, folded_first, shown, folded, removed) \
                            VALUES ($1, $2, '{}', '', '', '', '', 0)";
                db::query(text, Values::new().int(n).text(format!("patient-{n}"))).execute(&mut *tx).await?;
            }
            Ok(())
        })
    })
    .await
    .unwrap();
    for first in (1..=count).step_by(4_096) {
        let last = (first + 4_095).min(count);
        let batch: Vec<One> = (first..=last).map(|id| one(id, count, seed)).collect();
        let batch = std::sync::Arc::new(batch);
        db.write(move |tx| {
            let batch = std::sync::Arc::clone(&batch);
            Box::pin(async move { write(tx, &batch).await })
        })
        .await
        .unwrap();
    }
}

fn one(id: i64, count: i64, seed: u64) -> One {
    let mut rng = Rng::seeded(seed.wrapping_mul(1_000_003).wrapping_add(id.unsigned_abs()));
    let mut below = |bound: u64| i64::try_from(rng.below(bound)).unwrap();
    // Twenty arrivals at one instant now and then: ties are the rule after a night.
    let received = NOW - (count - id) / 3 * (DAY / 40);
    let who = below(1_000) + 1;
    let at = usize::try_from(who).unwrap();
    let name = format!("{}{} {}", NAMES[at % 16], at / 16, GIVEN[at % 8]);
    let kind = TYPES[usize::try_from(below(100) * below(100) / 1_400).unwrap().min(7)];
    // An author of long ago, whom nothing of the last years names.
    let author = if id < count / 20 && below(30) == 0 {
        "Dr Retraite".into()
    } else {
        format!("Dr Auteur{}", below(120))
    };
    let recent = count - id < count / 50 + 60;
    let state = match below(100) {
        n if recent && n < 60 => "to_do",
        n if n < 3 => "not_mine",
        n if n < 4 => "dismissed",
        n if n < 6 && id < count / 10 => "history",
        6 => "deleted",
        _ => "filed",
    };
    let critical = i64::from(below(50) == 0);
    let folded = fold(&[kind.1, &name, &author]);
    One {
        id,
        mailbox: [1, 1, 1, 1, 1, 2, 2, 2, 3, 3][usize::try_from(below(10)).unwrap()],
        received,
        made: (below(20) > 0).then(|| received - below(90) * DAY / 3),
        kind,
        author,
        name,
        folded,
        provenance: match below(100) {
            0..=5 => "patient",
            6..=8 => "application",
            _ => "professional",
        },
        state,
        standing: if below(80) == 0 { "duplicate" } else { "new" },
        patient: (state == "filed").then_some(who),
        critical,
        acknowledged: (critical == 1 && !recent).then_some(received + DAY),
        assigned: (below(200) == 0).then_some("doctor"),
        request: (below(1_000) == 0).then_some(id),
    }
}

/// As the list folds.
fn fold(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        for word in ins::folded(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            out.push(' ');
            out.push_str(word);
        }
    }
    out
}

async fn write(tx: &mut db::Tx, batch: &[One]) -> Result<(), db::Error> {
    MAIL.run(tx, batch, |values, one| {
        let values = values.int(one.id).text(format!("mail-{}", one.id)).int(one.mailbox).int(one.received);
        let values =
            values.int(one.id).int(0).int(1).int(0).text("").int(0).int(0).int(0).text("ok").int(1).int(0);
        values.int(0).text(one.provenance).text("").text("").int(1).text("{}")
    })
    .await?;
    // About the size of a real one's: what makes rows wide.
    let identity = format!("{{\"traits\":{{\"birth_name\":\"{}\"}}}}", "X".repeat(400));
    DOCUMENT
        .run(tx, batch, |values, one| {
            let values =
                values.int(one.id).text(format!("document-{}", one.id)).int(one.id).int(0).text("1.2");
            let values = values.int(one.mailbox).text("cda").text("create").text(one.kind.0).text(one.kind.1);
            let values =
                values.text(format!("{} de {}", one.kind.1, one.name)).text(&one.author).text("Labo");
            let values = values.opt_int(one.made).int(one.received).text(one.provenance);
            let values = values.text(format!("{:064x}", one.id)).int(one.id).int(one.critical).int(0);
            let values = values.text(&identity).text("{}").text(&one.name).text(&one.folded).text("");
            let values = values.text(one.standing).text(one.state).opt_int(one.patient);
            let values = values.int(i64::from(one.state == "history")).int(0).opt_text(one.assigned);
            values.opt_int(one.acknowledged).opt_int(one.request)
        })
        .await?;
    let mut words: Vec<(&str, i64)> = Vec::new();
    for one in batch {
        words.extend(one.folded.split(' ').filter(|word| !word.is_empty()).map(|word| (word, one.id)));
    }
    words.sort_unstable();
    words.dedup();
    WORD.run(tx, &words, |values, (word, id)| values.text(*word).int(*id)).await?;
    let unread: Vec<&One> =
        batch.iter().filter(|one| one.state == "to_do" && one.mailbox < 3 && one.id % 2 == 0).collect();
    UNREAD.run(tx, &unread, |values, one| values.int(1).int(one.received).int(one.id)).await?;
    let asked: Vec<&One> = batch.iter().filter(|one| one.request.is_some()).collect();
    for one in asked {
        let text = "INSERT INTO lps_request (id, key, kind, document, target, state, raised) \
                    VALUES ($1, $2, 'deletion', $1, $1, 'pending', 0)";
        db::query(text, Values::new().int(one.id).text(format!("request-{}", one.id)))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
