//! A document's row, written and described anew.

use db::{Insert, Tx, Values};

use super::Job;
use crate::draft::DocumentDraft;
use crate::versions::Stand;
use crate::{Error, Key, State};

/// Columns that tell what a document is: another reading may change them, a person never does.
const DESCRIPTION: usize = 28;

static DOCUMENT: Insert = Insert::new(
    "INSERT INTO lps_document (part, path, form, action, type_code, type_label, title, author, organisation, author_id, \
     organisation_id, made, act_day, cda_id, set_id, version, replaces_id, sha256, critical, masking, identity, facts, \
     matricule, oid, patient_name, folded, provenance, blob, id, key, mail, mailbox, received, decision, standing, \
     standing_of, state, history, stamp)",
    DESCRIPTION + 11,
);

/// The same columns, in the order of [`description`].
const DESCRIBE: &str = "UPDATE lps_document SET part = $1, path = $2, form = $3, action = $4, type_code = $5, \
     type_label = $6, title = $7, author = $8, organisation = $9, author_id = $10, organisation_id = $11, made = $12, \
     act_day = $13, cda_id = $14, set_id = $15, version = $16, replaces_id = $17, sha256 = $18, critical = $19, \
     masking = $20, identity = $21, facts = $22, matricule = $23, oid = $24, patient_name = $25, folded = $26, \
     provenance = $27, blob = $28 WHERE id = $29";

/// A document on its way into its table.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) id: i64,
    pub(super) key: Key,
    pub(super) job: &'a Job,
    pub(super) provenance: &'static str,
    pub(super) draft: &'a DocumentDraft,
    pub(super) folded: String,
    pub(super) state: State,
    pub(super) stand: Stand,
}

/// Inserts new documents.
pub(super) async fn insert(tx: &mut Tx, placed: &[Placed<'_>]) -> Result<(), Error> {
    DOCUMENT
        .run(tx, placed, |values, one| {
            description(values, one.job, one.provenance, one.draft, &one.folded)
                .int(one.id)
                .text(one.key.as_str())
                .int(one.job.mail)
                .int(one.job.mailbox)
                .int(one.job.received)
                .text("")
                .text(one.stand.standing.word())
                .opt_int(one.stand.of)
                .text(one.state.word())
                .int(i64::from(one.state == State::History))
                .int(0)
        })
        .await?;
    Ok(())
}

/// Describes a document anew; what people have decided stays.
pub(super) async fn describe(
    tx: &mut Tx,
    id: i64,
    job: &Job,
    provenance: &'static str,
    draft: &DocumentDraft,
    folded: &str,
) -> Result<(), Error> {
    let values = description(Values::new(), job, provenance, draft, folded).int(id);
    db::query(DESCRIBE, values).execute(tx).await?;
    Ok(())
}

/// The document that takes the row of its mail: it stands by itself from now on.
pub(super) async fn restand(tx: &mut Tx, id: i64, stand: &Stand) -> Result<(), Error> {
    let values = Values::new().int(id).text(stand.standing.word()).opt_int(stand.of);
    db::query("UPDATE lps_document SET standing = $2, standing_of = $3 WHERE id = $1", values)
        .execute(tx)
        .await?;
    Ok(())
}

fn description(
    values: Values,
    job: &Job,
    provenance: &'static str,
    draft: &DocumentDraft,
    folded: &str,
) -> Values {
    let json = |value: Result<String, serde_json::Error>| value.expect("plain fields are JSON");
    let marks = &draft.marks;
    values
        .int(draft.part)
        .text(draft.path.as_str())
        .text(draft.form.word())
        .text(draft.action.word())
        .opt_text(draft.type_code.as_deref())
        .text(draft.type_label.as_str())
        .text(draft.title.as_str())
        .text(draft.author.as_str())
        .text(marks.organisation.as_str())
        .opt_text(draft.author_id.as_deref())
        .opt_text(marks.organisation_id.as_deref())
        .opt_int(draft.made)
        .opt_text(draft.act_day.as_deref())
        .opt_text(marks.cda_id.as_deref())
        .opt_text(marks.set_id.as_deref())
        .opt_int(marks.version)
        .opt_text(marks.replaces_id.as_deref())
        .text(marks.sha256.as_str())
        .int(i64::from(draft.critical))
        .int(draft.masking)
        .text(json(serde_json::to_string(&draft.identity)))
        .text(json(serde_json::to_string(&draft.facts)))
        .opt_text(draft.ins().map(|(matricule, _)| matricule))
        .opt_text(draft.ins().map(|(_, oid)| oid))
        .text(draft.patient_name.as_str())
        .text(folded)
        .text(provenance)
        .int(job.blob)
}
