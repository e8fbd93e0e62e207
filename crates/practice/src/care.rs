//! The professionals who take care of a patient: with their role, from when, until when (LABEL.06).

use db::Values;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::people::check_day;
use crate::{Actor, ChangeKind, Error, Key, NewTrace, Practice, changes, patients, traces};

/// A professional of a patient's care circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Care {
    /// Its name here.
    pub key: Key,
    /// Who, and as what.
    #[serde(flatten)]
    pub said: NewCare,
}

/// What is said of a professional of a care circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCare {
    /// RPPS, ADELI or FINESS with its prefix, as the directory has it; may be empty for one that it does not have.
    #[serde(default)]
    pub professional: String,
    /// As screens show them.
    pub name: String,
    /// `médecin traitant`, `cardiologue`, `infirmière`… free words.
    pub role: String,
    /// The address that they are written to.
    #[serde(default)]
    pub address: Option<String>,
    /// The first day, `YYYY-MM-DD`.
    pub since: String,
    /// The last day, included; still, without one.
    #[serde(default)]
    pub until: Option<String>,
}

/// Professionals of a patient, at most.
const MOST: i64 = 200;

impl Practice {
    /// Adds a professional to a patient's care circle; the one of `key` is changed instead. The same professional in the
    /// same role from the same day is not added twice.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a patient or `key`; [`Error::Bad`]; [`Error::Refused`] (`too_many`) past 200; [`Error::Db`].
    pub async fn save_care(
        &self,
        actor: &Actor,
        patient: &Key,
        key: Option<&Key>,
        care: NewCare,
    ) -> Result<Care, Error> {
        check(&care)?;
        let (actor, patient, key, at) = (actor.clone(), patient.clone(), key.cloned(), self.now());
        self.write(move |tx| {
            let (actor, patient, key, care) = (actor.clone(), patient.clone(), key.clone(), care.clone());
            Box::pin(async move {
                let of = patients::by_key(tx, &patient).await?.id;
                let new = key.is_none();
                let key = match key {
                    Some(key) => key,
                    None => match place(tx, of, &care).await? {
                        Some(known) => known,
                        None => Key::random(),
                    },
                };
                let text = "UPDATE lps_care SET professional = $3, name = $4, role = $5, address = $6, since = $7, until = $8 \
                            WHERE key = $1 AND patient = $2";
                let values = bind(Values::new().text(key.as_str()).int(of), &care);
                let changed = db::query(text, values).execute(&mut *tx).await?.rows_affected();
                if changed == 0 && !new {
                    return Err(Error::not_found("entry of the care circle", &key));
                }
                if changed == 0 {
                    let id = db::reserve(tx, "lps_care", 1).await?;
                    let text = "INSERT INTO lps_care (id, key, patient, professional, name, role, address, since, until) \
                                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
                    let values = bind(Values::new().int(id).text(key.as_str()).int(of), &care);
                    db::query(text, values).execute(&mut *tx).await?;
                }
                changes::note(tx, at, ChangeKind::PatientChanged, &patient).await?;
                let mut line = NewTrace::by(at, &actor, "save_care");
                line.request = format!("patient {patient}, professional {}", care.professional);
                traces::write(tx, line).await?;
                Ok(Care { key, said: care })
            })
        })
        .await
    }

    /// The care circle: of today, or with those of before and to come. The longest known first.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn care_circle(&self, patient: &Key, of_today: bool) -> Result<Vec<Care>, Error> {
        let mut text = String::from(
            "SELECT c.key, c.professional, c.name, c.role, c.address, c.since, c.until FROM lps_care c \
             JOIN lps_patient p ON p.id = c.patient WHERE p.key = $1 AND p.removed = 0",
        );
        let mut values = Values::new().text(patient.as_str());
        if of_today {
            text.push_str(" AND c.since <= $2 AND coalesce(c.until, '9999') >= $2");
            values = values.text(self.today());
        }
        text.push_str(" ORDER BY c.since, c.id");
        let rows = db::query(text, values).fetch_all(self.reader()).await?;
        rows.iter().map(read).collect()
    }

    /// Takes an entry out, as one does with a mistake. Who is no longer of the circle gets a last day instead.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Db`].
    pub async fn remove_care(&self, actor: &Actor, patient: &Key, key: &Key) -> Result<(), Error> {
        let (actor, patient, key, at) = (actor.clone(), patient.clone(), key.clone(), self.now());
        self.write(move |tx| {
            let (actor, patient, key) = (actor.clone(), patient.clone(), key.clone());
            Box::pin(async move {
                let of = patients::by_key(tx, &patient).await?.id;
                let text = "DELETE FROM lps_care WHERE key = $1 AND patient = $2";
                let gone =
                    db::query(text, Values::new().text(key.as_str()).int(of)).execute(&mut *tx).await?;
                if gone.rows_affected() == 0 {
                    return Err(Error::not_found("entry of the care circle", &key));
                }
                changes::note(tx, at, ChangeKind::PatientChanged, &patient).await?;
                let mut line = NewTrace::by(at, &actor, "remove_care");
                line.request = format!("patient {patient}, entry {key}");
                traces::write(tx, line).await
            })
        })
        .await
    }
}

/// Where the same entry stands already, or room for one more.
async fn place(tx: &mut db::Tx, patient: i64, care: &NewCare) -> Result<Option<Key>, Error> {
    let text = "SELECT key, professional, name, role, address, since, until FROM lps_care WHERE patient = $1 ORDER BY id";
    let rows = db::query(text, Values::new().int(patient)).fetch_all(tx).await?;
    for row in &rows {
        let known = read(row)?;
        let same = (&known.said.professional, &known.said.name, &known.said.role, &known.said.since)
            == (&care.professional, &care.name, &care.role, &care.since);
        if same {
            return Ok(Some(known.key));
        }
    }
    match i64::try_from(rows.len()) {
        Ok(count) if count < MOST => Ok(None),
        _ => Err(Error::refused("too_many", "a care circle has 200 entries at most")),
    }
}

fn bind(values: Values, care: &NewCare) -> Values {
    values
        .text(&care.professional)
        .text(&care.name)
        .text(&care.role)
        .opt_text(care.address.as_deref())
        .text(&care.since)
        .opt_text(care.until.as_deref())
}

fn read(row: &AnyRow) -> Result<Care, Error> {
    let said = NewCare {
        professional: row.try_get(1)?,
        name: row.try_get(2)?,
        role: row.try_get(3)?,
        address: row.try_get(4)?,
        since: row.try_get(5)?,
        until: row.try_get(6)?,
    };
    Ok(Care { key: Key::stored(row.try_get(0)?), said })
}

fn check(care: &NewCare) -> Result<(), Error> {
    let long = |text: &str, most: usize| text.chars().count() > most || text.chars().any(char::is_control);
    for (field, text, most, needed) in [
        ("professional", care.professional.as_str(), 64, false),
        ("name", &care.name, 200, true),
        ("role", &care.role, 100, true),
        ("address", care.address.as_deref().unwrap_or_default(), 320, false),
    ] {
        if long(text, most) || (needed && text.trim().is_empty()) {
            return Err(Error::bad(
                field,
                format!("between {} and {most} characters, on one line", u8::from(needed)),
            ));
        }
    }
    check_day("since", Some(&care.since))?;
    check_day("until", care.until.as_deref())?;
    match &care.until {
        Some(until) if *until < care.since => Err(Error::bad("until", "the last day is before the first")),
        _ => Ok(()),
    }
}
