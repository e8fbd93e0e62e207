use db::Values;
use kernel::Timestamp;
use sqlx::Row as _;

use crate::error::{Code, Error};
use crate::judge::Verdict;
use crate::scenario::Scenario;
use crate::{Bench, Run, runs};

/// Runs of one page at most.
const MOST_PER_PAGE: u32 = 500;
/// Words of a search that are looked at.
const MOST_WORDS: usize = 20;

/// What to look for in the history; empty fields ask for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Runs of this product.
    pub nil: Option<String>,
    /// Runs of this job.
    pub job: Option<String>,
    /// Runs of the jobs of this group (last element of the path).
    pub group: Option<String>,
    /// Runs of the jobs about this requirement.
    pub requirement: Option<String>,
    /// Runs that ended so.
    pub verdict: Option<Verdict>,
    /// Only runs that are not finished.
    pub unfinished: bool,
    /// Runs of this campaign.
    pub campaign: Option<i64>,
    /// Asked for at this time or later.
    pub since: Option<Timestamp>,
    /// Only runs that have evidence, so a proof.
    pub proven: bool,
    /// Words of a job's title or id, a run's number (`31`, `n° 31`, `#31`).
    pub text: String,
}

/// A page of the history, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The runs of this page.
    pub runs: Vec<Run>,
    /// How many there are in all.
    pub total: u64,
}

/// What happened lately: "23 exécutions depuis 24 h, 8 échecs, par 3015, 3044".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Product; empty for all together.
    pub nil: String,
    /// Runs.
    pub runs: u64,
    /// Of which failed.
    pub failed: u64,
    /// The products that ran them.
    pub by: Vec<String>,
}

/// Which runs of a campaign to run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rerun {
    /// Those that failed.
    Failed,
    /// Those that have no verdict on the client: inconclusive, not started, aborted, unsupported.
    Remaining,
    /// All.
    All,
}

impl Bench {
    /// Searches the history. `page` counts from 1; `per_page` is at most 500.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn history(&self, filter: &Filter, page: u32, per_page: u32) -> Result<Page, Error> {
        let Some(found) = self.conditions(filter) else { return Ok(Page::default()) };
        let reader = self.shared.parts.db.reader();
        let count = format!("SELECT COUNT(*) FROM run{}", found.text());
        let row = db::query(count, found.values()).fetch_one(reader).await.map_err(db::Error::from)?;
        let total: i64 = row.try_get(0).map_err(db::Error::from)?;
        let per_page = per_page.clamp(1, MOST_PER_PAGE);
        let skipped = i64::from(page.max(1) - 1) * i64::from(per_page);
        let next = found.bound.len() + 1;
        let sql = format!(
            "SELECT {} FROM run{} ORDER BY number DESC LIMIT ${next} OFFSET ${}",
            runs::RUN_COLUMNS,
            found.text(),
            next + 1
        );
        let values = found.values().int(i64::from(per_page)).int(skipped);
        let rows = db::query(sql, values).fetch_all(reader).await.map_err(db::Error::from)?;
        Ok(Page {
            runs: rows.iter().map(Run::read).collect::<Result<_, _>>()?,
            total: u64::try_from(total).unwrap_or(0),
        })
    }

    /// The filter as SQL; `None` where nothing can match.
    fn conditions(&self, filter: &Filter) -> Option<Conditions> {
        let mut found = Conditions::default();
        if let Some(nil) = &filter.nil {
            found.add("nil = ", Bound::Text(nil.clone()));
        }
        if let Some(campaign) = filter.campaign {
            found.add("campaign = ", Bound::Int(campaign));
        }
        if let Some(since) = filter.since {
            found.add("created_us >= ", Bound::Int(since.as_microsecond()));
        }
        match filter.verdict {
            Some(_) if filter.unfinished => return None,
            Some(verdict) => found.add("verdict = ", Bound::Text(verdict.name().to_owned())),
            None if filter.unfinished => found.say("verdict IS NULL"),
            None => {}
        }
        if filter.proven {
            found.say("EXISTS (SELECT 1 FROM evidence WHERE evidence.run = run.number)");
        }
        if let Some(job) = &filter.job {
            found.add("job = ", Bound::Text(job.clone()));
        }
        let text = filter.text.trim();
        let number = run_number(text);
        if let Some(number) = number {
            found.add("number = ", Bound::Int(number));
        }
        let words: Vec<String> = match number {
            Some(_) => Vec::new(),
            None => text.split_whitespace().take(MOST_WORDS).map(fold).collect(),
        };
        if filter.group.is_some() || filter.requirement.is_some() || !words.is_empty() {
            let wanted = |job: &&Scenario| {
                filter.group.as_ref().is_none_or(|group| job.path.last() == Some(group))
                    && filter.requirement.as_ref().is_none_or(|id| job.requirements.contains(id))
                    && says(job, &words)
            };
            let jobs: Vec<String> =
                self.catalogue().iter().filter(wanted).map(|job| job.id.clone()).collect();
            if jobs.is_empty() {
                return None;
            }
            found.among("job", jobs);
        }
        Some(found)
    }

    /// Activity since `since`: first all products together (`nil` empty), then each product that ran something.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn activity(&self, since: Timestamp) -> Result<Vec<Activity>, Error> {
        let sql = "SELECT nil, COUNT(*), COUNT(CASE WHEN verdict = 'failed' THEN 1 END) FROM run
                   WHERE created_us >= $1 GROUP BY nil ORDER BY nil";
        let rows = db::query(sql, Values::new().int(since.as_microsecond()))
            .fetch_all(self.shared.parts.db.reader())
            .await
            .map_err(db::Error::from)?;
        let mut all = vec![Activity::default()];
        for row in &rows {
            let nil: String = row.try_get(0).map_err(db::Error::from)?;
            let runs: i64 = row.try_get(1).map_err(db::Error::from)?;
            let failed: i64 = row.try_get(2).map_err(db::Error::from)?;
            let (runs, failed) = (u64::try_from(runs).unwrap_or(0), u64::try_from(failed).unwrap_or(0));
            all[0].runs += runs;
            all[0].failed += failed;
            all[0].by.push(nil.clone());
            all.push(Activity { by: vec![nil.clone()], nil, runs, failed });
        }
        Ok(all)
    }

    /// The jobs of a campaign to run again, in its order, without repeats. Jobs that this build has no more are left
    /// out. Of a job that was run twice the last run counts; one that is not finished is not run again.
    ///
    /// # Errors
    /// `bad_input` where there is no such campaign.
    pub async fn jobs_to_rerun(&self, campaign: i64, which: Rerun) -> Result<Vec<String>, Error> {
        let db = &self.shared.parts.db;
        if runs::campaign(db, campaign).await?.is_none() {
            let next = "The campaigns are on the page of runs.";
            let message = format!("no campaign has the number {campaign}");
            return Err(Error::new(Code::BadInput, message, next).field("campaign"));
        }
        let mut jobs: Vec<(String, Option<Verdict>)> = Vec::new();
        for run in runs::of_campaign(db, campaign).await? {
            match jobs.iter_mut().find(|(job, _)| *job == run.job) {
                Some((_, verdict)) => *verdict = run.verdict,
                None => jobs.push((run.job, run.verdict)),
            }
        }
        let again = |verdict: Option<Verdict>| match which {
            Rerun::Failed => verdict == Some(Verdict::Failed),
            Rerun::Remaining => matches!(
                verdict,
                Some(Verdict::Inconclusive | Verdict::NotStarted | Verdict::Aborted | Verdict::Unsupported)
            ),
            Rerun::All => verdict.is_some(),
        };
        Ok(jobs
            .into_iter()
            .filter(|(job, verdict)| again(*verdict) && self.catalogue().find(job).is_some())
            .map(|(job, _)| job)
            .collect())
    }
}

/// A value to bind.
#[derive(Clone, Debug)]
enum Bound {
    Int(i64),
    Text(String),
}

/// `WHERE` and its values. There are few texts: one for each set of filters that are used together.
#[derive(Debug, Default)]
struct Conditions {
    said: Vec<String>,
    bound: Vec<Bound>,
}

impl Conditions {
    fn say(&mut self, condition: &str) {
        self.said.push(condition.to_owned());
    }

    fn add(&mut self, condition: &str, value: Bound) {
        self.bound.push(value);
        self.said.push(format!("{condition}${}", self.bound.len()));
    }

    fn among(&mut self, column: &str, mut values: Vec<String>) {
        // The last one is repeated up to the length of the list, so that few texts are prepared.
        let (first, count) = (self.bound.len() + 1, values.len());
        let last = values.last().cloned().unwrap_or_default();
        values.resize(db::rung(count), last);
        self.said.push(format!("{column} IN ({})", db::list(first, count)));
        self.bound.extend(values.into_iter().map(Bound::Text));
    }

    fn text(&self) -> String {
        if self.said.is_empty() { String::new() } else { format!(" WHERE {}", self.said.join(" AND ")) }
    }

    fn values(&self) -> Values {
        self.bound.iter().cloned().fold(Values::new(), |values, bound| match bound {
            Bound::Int(value) => values.int(value),
            Bound::Text(value) => values.text(value),
        })
    }
}

/// `31`, `#31`, `n° 31`, `no 31`: the number of a run.
fn run_number(text: &str) -> Option<i64> {
    let text = text.trim_start_matches(['#', 'n', 'N', 'o', '°', 'º', '\u{a0}', '\u{202f}', ' ']);
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether every word is in the job's id, titles or requirements.
fn says(job: &Scenario, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let all = fold(&format!("{} {} {} {}", job.id, job.title.fr, job.title.en, job.requirements.join(" ")));
    words.iter().all(|word| all.contains(word))
}

/// Lower case, without the accents of French: what people type.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let plain = match c {
            'à' | 'â' | 'ä' => "a",
            'ç' => "c",
            'é' | 'è' | 'ê' | 'ë' => "e",
            'î' | 'ï' => "i",
            'ô' | 'ö' => "o",
            'ù' | 'û' | 'ü' => "u",
            'ÿ' => "y",
            'œ' => "oe",
            'æ' => "ae",
            '’' => "'",
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push_str(plain);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_as_people_write_it() {
        for text in ["31", "#31", "n° 31", "N°31", "nº 31", "no 31", "n°\u{a0}31"] {
            assert_eq!(run_number(text), Some(31), "{text}");
        }
        for text in ["", "nil", "31a", "3 1", "CONF.16", "-1", "99999999999999999999"] {
            assert_eq!(run_number(text), None, "{text}");
        }
    }

    #[test]
    fn accents_and_case_do_not_matter() {
        assert_eq!(fold("Œuvre DÉJÀ reçue"), "oeuvre deja recue");
    }
}
