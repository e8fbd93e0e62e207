//! The patients' files, as far as the connector keeps some: identity, status, numbers of before.
//!
//! An editor has its own files, and sends them here (by [`Patient::host_ref`]) so that proposals can be made; a practice
//! without one keeps them here. A patient is found by matricule **and** OID, by traits, by a word of a name; never by a
//! number of the sender's (spec 02 §7.4).

use db::{Tx, Values};
use ins::{BirthDate, Identity, Record, folded};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::columns::json;
use crate::{Actor, ChangeKind, Error, Key, NewTrace, Patient, Practice, changes, traces};

/// A patient with the number that never leaves.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) patient: Patient,
}

/// Patients of one answer, at most.
const MOST: usize = 200;
/// Characters of a text of an identity, or of the host's name.
const LONGEST: usize = 200;
/// Numbers that a patient had before.
const FORMER: usize = 20;

impl Practice {
    /// Saves a patient: the one of `key`, else the one that the host calls `host_ref`, else a new one. So a host may send
    /// all of its patients again and again.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown key; [`Error::Bad`] for an identity without a birth name, or too long;
    /// [`Error::Refused`] (`host_ref_taken`) where another patient has that name at the host; [`Error::Db`].
    pub async fn save_patient(
        &self,
        actor: &Actor,
        key: Option<&Key>,
        host_ref: Option<&str>,
        record: &Record,
    ) -> Result<Patient, Error> {
        check(host_ref, record)?;
        let (actor, key, at) = (actor.clone(), key.cloned(), self.now());
        let (host_ref, record) = (host_ref.map(str::to_owned), record.clone());
        self.write(move |tx| {
            let (actor, key, host_ref, record) =
                (actor.clone(), key.clone(), host_ref.clone(), record.clone());
            Box::pin(async move {
                let known = known(tx, key.as_ref(), host_ref.as_deref()).await?;
                let patient = match known {
                    Some(known) => {
                        let host_ref = host_ref.or(known.patient.host_ref);
                        let patient = Patient { key: known.patient.key, host_ref, record };
                        update(tx, known.id, &patient).await?;
                        patient
                    }
                    None => insert(tx, host_ref, record).await?.patient,
                };
                changes::note(tx, at, ChangeKind::PatientChanged, &patient.key).await?;
                let mut line = NewTrace::by(at, &actor, "save_patient");
                line.request = format!("patient {}", patient.key);
                traces::write(tx, line).await?;
                Ok(patient)
            })
        })
        .await
        .map_err(taken)
    }

    /// A patient.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn patient(&self, key: &Key) -> Result<Option<Patient>, Error> {
        self.one("key", key.as_str()).await
    }

    /// The patient that the host calls so.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn patient_of_host(&self, host_ref: &str) -> Result<Option<Patient>, Error> {
        self.one("host_ref", host_ref).await
    }

    /// Patients of whom every word of `text` begins a name, or is the birth date (`28/03/1979`) or the matricule; by name,
    /// `limit` at most (200). The empty text finds all, to be read on with [`Practice::patients`].
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn find_patients(&self, text: &str, limit: usize) -> Result<Vec<Patient>, Error> {
        let mut sql = format!("{SELECT} WHERE removed = 0");
        let mut values = Values::new();
        let words = text.chars().take(LONGEST).collect::<String>();
        for (at, word) in words.split_whitespace().take(8).enumerate() {
            let place = at + 1;
            if let Some(day) = typed_day(word) {
                sql.push_str(&format!(" AND birth_day = ${place}"));
                values = values.text(day);
            } else if word.len() >= 13 && word.bytes().filter(u8::is_ascii_digit).count() >= 12 {
                sql.push_str(&format!(" AND matricule = ${place}"));
                let full = ins::Matricule::from_body(word).map(|full| full.as_str().to_owned());
                values = values.text(full.unwrap_or_else(|_| word.to_ascii_uppercase()));
            } else {
                sql.push_str(&format!(" AND {}", db::holds(self.backend(), "folded", &format!("${place}"))));
                values = values.text(format!(" {}", folded(word)));
            }
        }
        sql.push_str(&format!(" ORDER BY folded_birth, folded_first, id LIMIT {}", limit.clamp(1, MOST)));
        let rows = db::query(sql, values).fetch_all(self.reader()).await?;
        rows.iter().map(|row| Ok(read(row)?.patient)).collect()
    }

    /// All patients, in the order in which they came: those after `after`, `limit` at most (200).
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown `after`; [`Error::Db`].
    pub async fn patients(&self, after: Option<&Key>, limit: usize) -> Result<Vec<Patient>, Error> {
        let from = match after {
            None => 0,
            Some(key) => {
                let text = "SELECT id FROM lps_patient WHERE key = $1";
                let row =
                    db::query(text, Values::new().text(key.as_str())).fetch_optional(self.reader()).await?;
                row.ok_or_else(|| Error::not_found("patient", key))?.try_get(0)?
            }
        };
        let text =
            format!("{SELECT} WHERE removed = 0 AND id > $1 ORDER BY id LIMIT {}", limit.clamp(1, MOST));
        let rows = db::query(text, Values::new().int(from)).fetch_all(self.reader()).await?;
        rows.iter().map(|row| Ok(read(row)?.patient)).collect()
    }

    /// Takes a patient away from proposals and searches. Their documents must have gone elsewhere first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] (`has_documents`); [`Error::Db`].
    pub async fn remove_patient(&self, actor: &Actor, key: &Key) -> Result<(), Error> {
        let (actor, key, at) = (actor.clone(), key.clone(), self.now());
        self.write(move |tx| {
            let (actor, key) = (actor.clone(), key.clone());
            Box::pin(async move {
                let stored = by_key(tx, &key).await?;
                let text = "SELECT 1 FROM lps_document WHERE patient = $1 LIMIT 1";
                if db::query(text, Values::new().int(stored.id)).fetch_optional(&mut *tx).await?.is_some() {
                    return Err(Error::refused(
                        "has_documents",
                        "documents are filed there: file them elsewhere first",
                    ));
                }
                let text = "UPDATE lps_patient SET removed = 1, host_ref = NULL WHERE id = $1";
                db::query(text, Values::new().int(stored.id)).execute(&mut *tx).await?;
                changes::note(tx, at, ChangeKind::PatientChanged, &key).await?;
                let mut line = NewTrace::by(at, &actor, "remove_patient");
                line.request = format!("patient {key}");
                traces::write(tx, line).await
            })
        })
        .await
    }

    async fn one(&self, column: &'static str, value: &str) -> Result<Option<Patient>, Error> {
        let text = format!("{SELECT} WHERE removed = 0 AND {column} = $1");
        let row = db::query(text, Values::new().text(value)).fetch_optional(self.reader()).await?;
        row.map(|row| Ok(read(&row)?.patient)).transpose()
    }
}

/// The patient of this key, within a transaction.
pub(crate) async fn by_key(tx: &mut Tx, key: &Key) -> Result<Stored, Error> {
    let text = format!("{SELECT} WHERE removed = 0 AND key = $1");
    let row = db::query(text, Values::new().text(key.as_str())).fetch_optional(tx).await?;
    read(&row.ok_or_else(|| Error::not_found("patient", key))?)
}

/// The patient of this number, within a transaction.
pub(crate) async fn by_id(tx: &mut Tx, id: i64) -> Result<Stored, Error> {
    let row = db::query(format!("{SELECT} WHERE id = $1"), Values::new().int(id)).fetch_optional(tx).await?;
    read(&row.ok_or_else(|| Error::damaged("a document is filed to a patient who is not there"))?)
}

/// A new patient.
pub(crate) async fn insert(tx: &mut Tx, host_ref: Option<String>, record: Record) -> Result<Stored, Error> {
    let id = db::reserve(tx, "lps_patient", 1).await?;
    let patient = Patient { key: Key::random(), host_ref, record };
    let text = "INSERT INTO lps_patient (id, key, host_ref, record, matricule, oid, folded_birth, folded_first, \
                birth_day, sex, shown, folded, removed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)";
    let values = bind(Values::new().int(id).text(patient.key.as_str()), &patient)?;
    db::query(text, values).execute(&mut *tx).await?;
    keep_former(tx, id, &patient.record).await?;
    Ok(Stored { id, patient })
}

/// Whoever may be the patient of this identity: the same digits under whatever OID, now or before, and whoever was born
/// that day as far as it is said. [`ins::decide`] looks closer.
pub(crate) async fn candidates(
    conn: &mut sqlx::AnyConnection,
    identity: &Identity,
) -> Result<Vec<Stored>, Error> {
    let mut found: Vec<Stored> = Vec::new();
    if let Some(matricule) = &identity.matricule {
        let text = format!(
            "{SELECT} WHERE removed = 0 AND (matricule = $1 OR id IN \
             (SELECT patient FROM lps_former_ins WHERE matricule = $1)) ORDER BY id LIMIT 100"
        );
        let rows = db::query(text, Values::new().text(matricule.as_str())).fetch_all(&mut *conn).await?;
        for row in &rows {
            found.push(read(row)?);
        }
    }
    if let Some(born) = identity.traits.birth_date {
        let day = born.hl7();
        // What is coarser here, and what is finer; digits sort alike everywhere.
        let coarser = |to: usize| day.get(..to).unwrap_or(&day).to_owned();
        let text = format!(
            "{SELECT} WHERE removed = 0 AND (birth_day BETWEEN $1 AND $2 OR birth_day = $3 OR birth_day = $4) \
             ORDER BY id LIMIT 500"
        );
        let last = format!("{day}{}", &"9999"[..8_usize.saturating_sub(day.len()).min(4)]);
        let values = Values::new().text(&day).text(last).text(coarser(6)).text(coarser(4));
        for row in &db::query(text, values).fetch_all(&mut *conn).await? {
            let stored = read(row)?;
            if !found.iter().any(|known| known.id == stored.id) {
                found.push(stored);
            }
        }
    }
    Ok(found)
}

async fn known(tx: &mut Tx, key: Option<&Key>, host_ref: Option<&str>) -> Result<Option<Stored>, Error> {
    if let Some(key) = key {
        return by_key(tx, key).await.map(Some);
    }
    let Some(host_ref) = host_ref else { return Ok(None) };
    let text = format!("{SELECT} WHERE removed = 0 AND host_ref = $1");
    let row = db::query(text, Values::new().text(host_ref)).fetch_optional(tx).await?;
    row.as_ref().map(read).transpose()
}

async fn update(tx: &mut Tx, id: i64, patient: &Patient) -> Result<(), Error> {
    let text = "UPDATE lps_patient SET host_ref = $2, record = $3, matricule = $4, oid = $5, folded_birth = $6, \
                folded_first = $7, birth_day = $8, sex = $9, shown = $10, folded = $11 WHERE id = $1";
    db::query(text, bind(Values::new().int(id), patient)?).execute(&mut *tx).await?;
    keep_former(tx, id, &patient.record).await
}

async fn keep_former(tx: &mut Tx, id: i64, record: &Record) -> Result<(), Error> {
    db::query("DELETE FROM lps_former_ins WHERE patient = $1", Values::new().int(id))
        .execute(&mut *tx)
        .await?;
    for former in &record.former {
        let text =
            "INSERT INTO lps_former_ins (matricule, oid, patient) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let values = Values::new().text(former.matricule.as_str()).text(former.nature.oid()).int(id);
        db::query(text, values).execute(&mut *tx).await?;
    }
    Ok(())
}

const SELECT: &str = "SELECT id, key, host_ref, record FROM lps_patient";

fn read(row: &AnyRow) -> Result<Stored, Error> {
    let key = Key::stored(row.try_get(1)?);
    let patient = Patient { key, host_ref: row.try_get(2)?, record: json(row, 3, "a patient's record")? };
    Ok(Stored { id: row.try_get(0)?, patient })
}

/// From `host_ref` on, in the order of both statements.
fn bind(values: Values, patient: &Patient) -> Result<Values, Error> {
    let identity = &patient.record.identity;
    let traits = &identity.traits;
    let record = serde_json::to_string(&patient.record).map_err(|_| Error::damaged("a patient's record"))?;
    let birth = traits.birth_name.as_deref().unwrap_or_default();
    let first = traits.first_given.as_deref().unwrap_or_default();
    let every =
        [&traits.birth_name, &traits.used_name, &traits.first_given, &traits.given_names, &traits.used_given];
    let names: String = every.into_iter().flatten().map(|name| format!(" {}", folded(name))).collect();
    Ok(values
        .opt_text(patient.host_ref.as_deref())
        .text(record)
        .opt_text(identity.matricule.as_ref().map(ins::Matricule::as_str))
        .opt_text(identity.oid.as_deref())
        .text(folded(birth))
        .text(folded(first))
        .opt_text(traits.birth_date.map(BirthDate::hl7).as_deref())
        .opt_text(traits.sex.map(ins::Sex::code))
        .text(format!("{birth} {first}").trim())
        .text(names))
}

fn check(host_ref: Option<&str>, record: &Record) -> Result<(), Error> {
    let traits = &record.identity.traits;
    if traits.birth_name.as_deref().is_none_or(|name| name.trim().is_empty()) {
        return Err(Error::bad("record.identity.traits.birth_name", "a patient has a birth name"));
    }
    let texts = [
        &traits.birth_name,
        &traits.first_given,
        &traits.given_names,
        &traits.birth_place,
        &traits.used_name,
        &traits.used_given,
        &record.identity.oid,
    ];
    let wrong = |text: &str| text.chars().count() > LONGEST || text.chars().any(char::is_control);
    if texts.into_iter().flatten().any(|text| wrong(text)) {
        return Err(Error::bad("record.identity", "a text has 200 characters at most, on one line"));
    }
    if record.former.len() > FORMER {
        return Err(Error::bad("record.former", "20 numbers at most"));
    }
    match host_ref {
        Some(name) if name.is_empty() || wrong(name) => {
            Err(Error::bad("host_ref", "between 1 and 200 characters, on one line"))
        }
        _ => Ok(()),
    }
}

/// A name at the host that another patient has.
pub(crate) fn taken(error: Error) -> Error {
    match error {
        Error::Db(error) if error.is_duplicate() => {
            Error::refused("host_ref_taken", "another patient has this name at the host")
        }
        other => other,
    }
}

/// `28/03/1979` or `1979-03-28`, as HL7 writes it.
fn typed_day(word: &str) -> Option<String> {
    let french: Vec<&str> = word.split('/').collect();
    let iso: Vec<&str> = word.split('-').collect();
    let digits = match (french.as_slice(), iso.as_slice()) {
        ([day, month, year], _) if year.len() == 4 => format!("{year}{month:0>2}{day:0>2}"),
        (_, [year, month, day]) if year.len() == 4 => format!("{year}{month:0>2}{day:0>2}"),
        _ => return None,
    };
    (digits.len() == 8).then(|| BirthDate::parse(&digits)).flatten().map(BirthDate::hl7)
}

#[cfg(test)]
mod tests;
