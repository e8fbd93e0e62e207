use serde::{Deserialize, Serialize};

use crate::Bench;
use crate::error::Error;

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
    /// Where support requests are written to; shown in *Informations*.
    pub support: String,
    /// What the home page announces (*Indisponibilité*); empty where nothing is.
    pub notice: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: String::new(),
            retention_days: 180,
            accelerated: false,
            timer_person_s: 120,
            timer_adapter_s: 15,
            support: "monserviceclient.mssante@esante.gouv.fr".into(),
            notice: String::new(),
        }
    }
}

impl Bench {
    /// The settings.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn settings(&self) -> Result<Settings, Error> {
        todo!()
    }

    /// Saves the settings.
    ///
    /// # Errors
    /// `bad_input`, with the field at fault.
    pub async fn save_settings(&self, settings: &Settings) -> Result<(), Error> {
        let _ = settings;
        todo!()
    }

    /// The timer that was used last for a job by a person, in seconds; the setting's where none was.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn last_timer(&self, nil: &str, job: &str) -> Result<u64, Error> {
        let _ = (nil, job);
        todo!()
    }

    /// Throws away the evidence that is older than the settings allow; returns of how many runs.
    ///
    /// # Errors
    /// Where the database refuses the write.
    pub async fn purge(&self) -> Result<u64, Error> {
        todo!()
    }
}
