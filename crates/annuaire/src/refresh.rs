//! The base kept up to date by itself: once a day, as the State publishes.
//!
//! The State's server has been away for ten days on end (spec of the directory, §1.1). While it is, the last good base
//! serves, and the reason is kept as data that every answer carries: an outage is never an empty result, nor silent.

use std::path::PathBuf;
use std::time::Duration;

use kernel::{Clock, Failure, RetryClass, Stage, Timestamp};
use serde::{Deserialize, Serialize};

use crate::directory::Directory;
use crate::error::Error;
use crate::fetch::{Downloaded, Fetcher};
use crate::import::ImportOptions;

/// Longest sleep at once: a machine that was asleep itself looks at the hour again soon after.
const NAP: Duration = Duration::from_secs(300);

/// What is kept up to date, and how often it is looked at.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// Addresses of the extractions, together one base: [`crate::fetch::MAILBOXES`] first.
    pub sources: Vec<String>,
    /// Roots that are trusted beside the system's, in PEM: that of IGC-Santé for the State's own server.
    pub roots: Option<Vec<u8>>,
    /// From one extraction's date to the next look.
    pub every: Duration,
    /// From a failure to the next try; doubled each time, up to a quarter of `every`.
    pub retry: Duration,
}

impl Refresh {
    /// Once a day, and five minutes after a first failure.
    pub fn daily(sources: Vec<String>) -> Self {
        Self { sources, roots: None, every: Duration::from_secs(24 * 3_600), retry: Duration::from_secs(300) }
    }

    fn wait_after(&self, tries: u32) -> Duration {
        let doubled = self.retry.saturating_mul(1 << tries.saturating_sub(1).min(16));
        doubled.min(self.every / 4).max(self.retry)
    }
}

/// Why the base could not be brought up to date; the last good one serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// When it was first noticed, RFC 3339.
    pub since: String,
    /// When it was last tried, RFC 3339.
    pub last_try: String,
    /// When it is tried again, RFC 3339.
    pub next_try: String,
    /// How often it was tried.
    pub tries: u32,
    /// How far the last try came.
    pub stage: Stage,
    /// Whether trying again may mend it, or somebody must change something first.
    pub retry: RetryClass,
    /// What happened, for a person.
    pub message: String,
}

/// What one look at the sources came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// A newer base serves.
    Imported,
    /// The sources have what is served already.
    Unchanged,
}

impl Directory {
    /// Keeps this base up to date, and never returns: run it as a task, and end it by dropping it. A first look is taken
    /// at once where there is no base or an old one.
    pub async fn keep_fresh(&self, settings: Refresh) {
        let clock = self.clock();
        let mut due = self.next_due(&settings, clock);
        let mut tries = 0;
        loop {
            let left = due.as_millisecond().saturating_sub(clock.now().as_millisecond());
            if let Ok(left @ 1..) = u64::try_from(left) {
                tokio::time::sleep(Duration::from_millis(left).min(NAP)).await;
                continue;
            }
            match self.refresh(&settings).await {
                Ok(done) => {
                    tries = 0;
                    // The State does not always publish: an unchanged extraction is looked at again the same day.
                    let wait = if done == Refreshed::Unchanged { settings.every / 8 } else { settings.every };
                    due = later(clock.now(), wait);
                }
                Err(failure) => {
                    tries += 1;
                    due = later(clock.now(), settings.wait_after(tries));
                    self.note_outage(failure, tries, due);
                }
            }
        }
    }

    /// Looks at the sources once, and imports them where they are newer than what serves.
    ///
    /// # Errors
    /// When a source cannot be had or is no extraction; the base that serves is left as it was.
    pub async fn refresh(&self, settings: &Refresh) -> Result<Refreshed, Failure> {
        let fetcher = Fetcher::new(settings.roots.as_deref())?;
        let Some(first) = settings.sources.first() else {
            return Err(Failure::permanent(Stage::Input, "no address of an extraction is set"));
        };
        let serving = self.state().and_then(|state| state.source_date);
        if let Some(date) = fetcher.date(first).await?
            && serving.as_ref() == Some(&date)
        {
            self.forget_outage();
            return Ok(Refreshed::Unchanged);
        }
        let mut downloads: Vec<Downloaded> = Vec::with_capacity(settings.sources.len());
        for source in &settings.sources {
            downloads.push(fetcher.download(source, self.dir()).await?);
        }
        let directory = self.clone();
        let imported = tokio::task::spawn_blocking(move || {
            let files: Vec<PathBuf> = downloads.iter().map(|download| download.path().to_owned()).collect();
            directory.import(&files, &ImportOptions::default(), &|_, _| {})
        });
        let report = imported
            .await
            .map_err(|error| Failure::temporary(Stage::Storage, format!("the import ended badly: {error}")))?
            .map_err(|error| failure_of(&error))?;
        tracing::info!(
            cards = report.cards,
            date = report.source_date,
            "the directory was brought up to date"
        );
        Ok(Refreshed::Imported)
    }

    fn next_due(&self, settings: &Refresh, clock: &Clock) -> Timestamp {
        let date = self.state().and_then(|state| state.source_date);
        let date = date.and_then(|date| date.parse::<Timestamp>().ok());
        date.map_or_else(|| clock.now(), |date| later(date, settings.every))
    }

    fn note_outage(&self, failure: Failure, tries: u32, next: Timestamp) {
        let now = self.clock().now().to_string();
        tracing::warn!(%failure, tries, next = %next, "the directory could not be brought up to date");
        let before = self.outage();
        self.set_outage(Some(Outage {
            since: before.map_or_else(|| now.clone(), |outage| outage.since),
            last_try: now,
            next_try: next.to_string(),
            tries,
            stage: failure.stage,
            retry: failure.retry,
            message: failure.message,
        }));
    }
}

fn later(from: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(from.as_microsecond().saturating_add(micros)).unwrap_or(Timestamp::MAX)
}

/// A file that is no extraction may be one tomorrow; a full disk may have room.
fn failure_of(error: &Error) -> Failure {
    let stage = match error {
        Error::Refused { .. } => Stage::Input,
        _ => Stage::Storage,
    };
    Failure::temporary(stage, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_longer_each_time_up_to_a_quarter_of_a_day() {
        let settings = Refresh::daily(Vec::new());
        let minutes = |tries| settings.wait_after(tries).as_secs() / 60;
        assert_eq!([1, 2, 3, 7, 60].map(minutes), [5, 10, 20, 320, 360]);
    }
}
