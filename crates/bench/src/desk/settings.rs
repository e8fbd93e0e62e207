use std::str::FromStr as _;
use std::time::Duration;

use mss::UserDomain;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row as _;

use crate::Bench;
use crate::error::{Code, Error};

/// Ten years: longer than a requirement lives.
const MOST_DAYS: u32 = 3_650;
/// Forms of patients' addresses: every recipient is held against each.
const MOST_USER_DOMAINS: usize = 20;
/// In octets: an address has 254 at most (RFC 3696, erratum 1690).
const LONGEST_USER_DOMAIN: usize = 250;
/// Runs whose evidence is deleted in one transaction: the writer is not held for long.
const AT_ONCE: usize = 500;

/// What the page *Réglages* changes. The mail domain is not here: it is chosen once, by `up --domain`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `fr`, `en`, or empty: what the browser asks for.
    pub language: String,
    /// Days after which evidence and logs of runs are thrown away (the verdict stays); 0 keeps them.
    pub retention_days: u32,
    /// Whether runs use the shortened durations unless told otherwise.
    pub accelerated: bool,
    /// Seconds that a window waits for a person, unless the job remembers another value.
    pub timer_person_s: u64,
    /// Seconds that a window waits for an adapter's step.
    pub timer_adapter_s: u64,
    /// Where support requests about this bench are written to: an address or a page of the team that runs it; empty where
    /// nobody is named. Never ANS by default: this is not their tool.
    pub support: String,
    /// What the home page announces (*Indisponibilité*); empty where nothing is.
    pub notice: String,
    /// Which addresses are of patients, where a file is checked: each a domain, one address, or a `#` for each digit before
    /// the `@` (see [`UserDomain`]). Saved without repetition; saved empty it is the default again: Mon espace santé and
    /// MOTCO2's patient.
    pub user_domains: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: String::new(),
            retention_days: 180,
            accelerated: false,
            timer_person_s: 120,
            timer_adapter_s: 15,
            support: String::new(),
            notice: String::new(),
            user_domains: usual_user_domains(),
        }
    }
}

fn usual_user_domains() -> Vec<String> {
    mss::Settings::with_motco2().user_domains.iter().map(ToString::to_string).collect()
}

impl Bench {
    /// How a mail is read that is given to be checked: which addresses are of patients, by the settings, and that of the patient
    /// to whom the jobs have persons write.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn reading(&self) -> Result<mss::Settings, Error> {
        let mut forms = self.settings().await?.user_domains;
        forms.push(format!("{}@{}", mss::MOTCO2_PATIENT, self.shared.parts.operator.domain()));
        let read = |form: &String| {
            UserDomain::from_str(form)
                .map_err(|error| db::Error::corrupt(format!("setting user_domains: {form:?}: {error}")))
        };
        let user_domains = forms.iter().map(read).collect::<Result<_, _>>()?;
        Ok(mss::Settings { user_domains, ..mss::Settings::default() })
    }

    /// The settings.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn settings(&self) -> Result<Settings, Error> {
        let rows = sqlx::query("SELECT name, value FROM setting")
            .fetch_all(self.shared.parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        let mut all = serde_json::to_value(Settings::default()).expect("settings serialise");
        for row in &rows {
            let name: String = row.try_get(0).map_err(db::Error::from)?;
            let value: String = row.try_get(1).map_err(db::Error::from)?;
            // Other names are of other versions.
            if let Some(known) = all.get_mut(&name) {
                *known = serde_json::from_str(&value)
                    .map_err(|error| db::Error::corrupt(format!("setting {name}: {error}")))?;
            }
        }
        Ok(serde_json::from_value(all).map_err(|error| db::Error::corrupt(format!("settings: {error}")))?)
    }

    /// Saves the settings.
    ///
    /// # Errors
    /// `bad_input`, with the field at fault.
    pub async fn save_settings(&self, settings: &Settings) -> Result<(), Error> {
        settings.validate()?;
        let settings = &settings.in_form()?;
        let Value::Object(all) = serde_json::to_value(settings).expect("settings serialise") else {
            unreachable!("a struct serialises to an object")
        };
        self.shared
            .parts
            .db
            .write(move |tx| {
                let all = all.clone();
                Box::pin(async move {
                    for (name, value) in all {
                        let sql = "INSERT INTO setting (name, value) VALUES ($1, $2)
                                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
                        sqlx::query(sql).bind(name).bind(value.to_string()).execute(&mut *tx).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        self.shared.touch();
        Ok(())
    }

    /// The timer that was used last for a job by a person, in seconds; the setting's where none was.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn last_timer(&self, nil: &str, job: &str) -> Result<u64, Error> {
        let sql = "SELECT timer_s FROM run WHERE nil = $1 AND job = $2 AND driver = 'person' AND timer_s BETWEEN 5 AND 3600
                   ORDER BY number DESC LIMIT 1";
        let row = sqlx::query(sql)
            .bind(nil)
            .bind(job)
            .fetch_optional(self.shared.parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        let last: Option<i64> = row.map(|row| row.try_get(0)).transpose().map_err(db::Error::from)?;
        match last.and_then(|last| u64::try_from(last).ok()) {
            Some(last) => Ok(last),
            None => Ok(self.settings().await?.timer_person_s),
        }
    }

    /// Throws away the evidence that is older than the settings allow; returns of how many runs.
    ///
    /// # Errors
    /// Where the database refuses the write.
    pub async fn purge(&self) -> Result<u64, Error> {
        let days = self.settings().await?.retention_days;
        if days == 0 {
            return Ok(0);
        }
        let parts = &self.shared.parts;
        let kept_for = Duration::from_secs(u64::from(days) * 24 * 3_600);
        let oldest = parts.clock.now().checked_sub(kept_for).unwrap_or(kernel::Timestamp::UNIX_EPOCH);
        let mut gone = 0;
        loop {
            let sql = "SELECT run.number FROM run JOIN evidence ON evidence.run = run.number
                       WHERE run.created_us < $1 LIMIT $2";
            let rows = sqlx::query(sql)
                .bind(oldest.as_microsecond())
                .bind(i64::try_from(AT_ONCE).unwrap_or(i64::MAX))
                .fetch_all(parts.db.reader())
                .await
                .map_err(db::Error::from)?;
            let runs: Vec<i64> =
                rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(db::Error::from)?;
            let some = runs.len();
            gone += parts
                .db
                .write(move |tx| {
                    let runs = runs.clone();
                    Box::pin(async move {
                        let mut gone = 0;
                        for run in runs {
                            let deleted = sqlx::query("DELETE FROM evidence WHERE run = $1").bind(run);
                            gone += deleted.execute(&mut *tx).await?.rows_affected();
                        }
                        Ok(gone)
                    })
                })
                .await?;
            if some < AT_ONCE {
                break;
            }
        }
        if gone > 0 {
            tracing::info!(runs = gone, "evidence older than {days} days was thrown away");
            self.shared.touch();
        }
        Ok(gone)
    }
}

impl Settings {
    /// The same with each form of patients' addresses written in one way, once.
    fn in_form(&self) -> Result<Self, Error> {
        let refused = |message: String, next: &str| {
            Err(Error::new(Code::BadInput, message, next).field("user_domains"))
        };
        let count = self.user_domains.len();
        if count > MOST_USER_DOMAINS {
            let next = format!("Give {MOST_USER_DOMAINS} at most.");
            return refused(format!("{count} forms of addresses are too many"), &next);
        }
        let mut forms: Vec<String> = Vec::new();
        for given in &self.user_domains {
            let fits = given.len() <= LONGEST_USER_DOMAIN && !given.contains(char::is_whitespace);
            let form = match UserDomain::from_str(given) {
                Ok(form) if fits => form.to_string(),
                _ => {
                    let next = "Give a domain (patient.mssante.fr), an address (184131175@…), or a # for each digit before the @.";
                    let start: String = given.chars().take(100).collect();
                    return refused(format!("{start:?} is no domain and no address"), next);
                }
            };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        let user_domains = if forms.is_empty() { usual_user_domains() } else { forms };
        Ok(Self { user_domains, ..self.clone() })
    }

    fn validate(&self) -> Result<(), Error> {
        let refused = |field: &str, message: String, next: &str| {
            Err(Error::new(Code::BadInput, message, next).field(field))
        };
        if !["", "fr", "en"].contains(&self.language.as_str()) {
            let message = format!("there is no language {:?}", self.language);
            return refused("language", message, "Give fr, en, or nothing: what the browser asks for.");
        }
        if self.retention_days > MOST_DAYS {
            let message = format!("{} days is too long", self.retention_days);
            return refused("retention_days", message, "Give 0 (never thrown away) to 3650 days.");
        }
        if !(5..=3_600).contains(&self.timer_person_s) {
            let message = format!("a person cannot be waited for {} s", self.timer_person_s);
            return refused("timer_person_s", message, "Give 5 to 3600 seconds.");
        }
        if !(1..=600).contains(&self.timer_adapter_s) {
            let message = format!("an adapter cannot be waited for {} s", self.timer_adapter_s);
            return refused("timer_adapter_s", message, "Give 1 to 600 seconds.");
        }
        let contact = &self.support;
        let address = contact.contains('@') && !contact.contains(':');
        let page = ["https://", "http://", "mailto:"].iter().any(|scheme| contact.starts_with(scheme));
        if contact.chars().count() > 200
            || contact.chars().any(|c| c.is_control() || c.is_whitespace())
            || !(contact.is_empty() || address || page)
        {
            let next =
                "Give an e-mail address or the https address of a page, 200 characters at most, or nothing.";
            return refused("support", format!("{contact:?} cannot be written to"), next);
        }
        if self.notice.chars().count() > 2_000
            || self.notice.chars().any(|c| c.is_control() && c != '\n' && c != '\r')
        {
            let next = "Give plain text, 2000 characters at most.";
            return refused("notice", "the notice cannot be shown".into(), next);
        }
        Ok(())
    }
}
