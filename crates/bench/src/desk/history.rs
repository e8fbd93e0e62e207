use kernel::Timestamp;

use crate::error::Error;
use crate::judge::Verdict;
use crate::{Bench, Run};

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
        let _ = (filter, page, per_page);
        todo!()
    }

    /// Activity since `since`: first all products together (`nil` empty), then each product that ran something.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub async fn activity(&self, since: Timestamp) -> Result<Vec<Activity>, Error> {
        let _ = since;
        todo!()
    }

    /// The jobs of a campaign to run again, in its order, without repeats.
    ///
    /// # Errors
    /// `bad_input` where there is no such campaign.
    pub async fn jobs_to_rerun(&self, campaign: i64, which: Rerun) -> Result<Vec<String>, Error> {
        let _ = (campaign, which);
        todo!()
    }
}
