//! Campaigns and runs in the database: numbers are global, increasing, never reused.

use db::Db;
use kernel::Timestamp;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::error::Error;
use crate::judge::Verdict;
use crate::log::LogLine;
use crate::proof::RunEvidence;

pub(crate) const MIGRATION: &str = "CREATE TABLE campaign (
    number BIGINT NOT NULL PRIMARY KEY,
    nil TEXT NOT NULL,
    seed BIGINT NOT NULL,
    accelerated BIGINT NOT NULL,
    left_out TEXT NOT NULL,
    created_us BIGINT NOT NULL
);
CREATE TABLE run (
    number BIGINT NOT NULL PRIMARY KEY,
    campaign BIGINT NOT NULL,
    nil TEXT NOT NULL,
    job TEXT NOT NULL,
    verdict TEXT,
    reason TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    started_us BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL
);
CREATE INDEX run_campaign ON run (campaign);
CREATE INDEX run_nil_job ON run (nil, job, number);
CREATE TABLE evidence (
    run BIGINT NOT NULL PRIMARY KEY,
    body BLOB NOT NULL
)";

/// Second version of the schema: under which identifier a run was made, by whom it was driven, and the settings.
pub(crate) const MIGRATION_2: &str = "ALTER TABLE run ADD COLUMN identity TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN driver TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN timer_s BIGINT NOT NULL DEFAULT 0;
CREATE INDEX run_created ON run (created_us, nil, verdict);
CREATE INDEX run_verdict ON run (verdict, number);
CREATE INDEX run_job ON run (job, number);
CREATE INDEX run_nil ON run (nil, number);
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
)";

/// A run as the history shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub number: i64,
    /// Its campaign.
    pub campaign: i64,
    /// The product.
    pub nil: String,
    /// The job.
    pub job: String,
    /// The verdict; `None` while it is queued or running.
    pub verdict: Option<Verdict>,
    /// Why it was not started or aborted; empty otherwise.
    pub reason: String,
    /// When it was asked for.
    pub created: Timestamp,
    /// When its window opened; the same as `created` before that.
    pub started: Timestamp,
    /// From the opening of the window to the verdict.
    pub duration_ms: i64,
    /// The identifier of the mailbox it was made with; a product's may have changed since.
    pub identity: String,
    /// `adapter` or `person`; empty for runs of the first versions.
    pub driver: String,
    /// Seconds that the window was to wait for a person.
    pub timer_s: i64,
}

/// A campaign: the runs asked for together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its number.
    pub number: i64,
    /// The product.
    pub nil: String,
    /// The seed of everything drawn by lot in it.
    pub seed: i64,
    /// Whether announced durations were shortened.
    pub accelerated: bool,
    /// Jobs that were not run because no adapter can do them.
    pub left_out: Vec<String>,
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(crate) const RUN_COLUMNS: &str = "number, campaign, nil, job, verdict, reason, created_us, started_us, duration_ms, identity, driver, timer_s";

impl Run {
    pub(crate) fn read(row: &sqlx::any::AnyRow) -> Result<Self, db::Error> {
        let verdict: Option<String> = row.try_get("verdict")?;
        Ok(Self {
            number: row.try_get("number")?,
            campaign: row.try_get("campaign")?,
            nil: row.try_get("nil")?,
            job: row.try_get("job")?,
            verdict: verdict.as_deref().and_then(Verdict::parse),
            reason: row.try_get("reason")?,
            created: time(row.try_get("created_us")?),
            started: time(row.try_get("started_us")?),
            duration_ms: row.try_get("duration_ms")?,
            identity: row.try_get("identity")?,
            driver: row.try_get("driver")?,
            timer_s: row.try_get("timer_s")?,
        })
    }
}

/// A run to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewRun {
    pub(crate) job: String,
    pub(crate) identity: String,
    pub(crate) driver: &'static str,
    pub(crate) timer_s: i64,
}

/// Reserves the numbers of a campaign and its runs, and writes them down as queued.
pub(crate) async fn create(
    db: &Db,
    now: Timestamp,
    nil: &str,
    (seed, accelerated): (i64, bool),
    left_out: &[String],
    jobs: &[NewRun],
) -> Result<(i64, Vec<i64>), Error> {
    let (nil, jobs, left_out) = (nil.to_owned(), jobs.to_vec(), json!(left_out).to_string());
    let micros = now.as_microsecond();
    let made = db
        .write(move |tx| {
            let (nil, jobs, left_out) = (nil.clone(), jobs.clone(), left_out.clone());
            Box::pin(async move {
                let campaign = db::reserve(tx, "campaign", 1).await?;
                let count = i64::try_from(jobs.len()).unwrap_or(0);
                let first = db::reserve(tx, "run", count).await?;
                sqlx::query("INSERT INTO campaign (number, nil, seed, accelerated, left_out, created_us) VALUES ($1, $2, $3, $4, $5, $6)")
                    .bind(campaign)
                    .bind(&nil)
                    .bind(seed)
                    .bind(i64::from(accelerated))
                    .bind(&left_out)
                    .bind(micros)
                    .execute(&mut *tx)
                    .await?;
                let mut numbers = Vec::with_capacity(jobs.len());
                for (number, job) in (first..).zip(&jobs) {
                    sqlx::query(
                        "INSERT INTO run (number, campaign, nil, job, reason, created_us, started_us, duration_ms, identity, driver, timer_s)
                         VALUES ($1, $2, $3, $4, '', $5, $5, 0, $6, $7, $8)",
                    )
                    .bind(number)
                    .bind(campaign)
                    .bind(&nil)
                    .bind(&job.job)
                    .bind(micros)
                    .bind(&job.identity)
                    .bind(job.driver)
                    .bind(job.timer_s)
                    .execute(&mut *tx)
                    .await?;
                    numbers.push(number);
                }
                Ok((campaign, numbers))
            })
        })
        .await?;
    Ok(made)
}

/// Writes a verdict down with its evidence, in one commit.
pub(crate) async fn finish(
    db: &Db,
    number: i64,
    verdict: Verdict,
    reason: &str,
    (started, ended): (Timestamp, Timestamp),
    evidence: Option<&RunEvidence>,
) -> Result<(), Error> {
    let reason = reason.to_owned();
    let body = evidence.map(|evidence| serde_json::to_vec(evidence).expect("evidence serialises"));
    let duration = (ended.as_microsecond() - started.as_microsecond()) / 1_000;
    db.write(move |tx| {
        let (reason, body) = (reason.clone(), body.clone());
        Box::pin(async move {
            let written = sqlx::query("UPDATE run SET verdict = $2, reason = $3, started_us = $4, duration_ms = $5 WHERE number = $1 AND verdict IS NULL")
                .bind(number)
                .bind(verdict.name())
                .bind(reason)
                .bind(started.as_microsecond())
                .bind(duration)
                .execute(&mut *tx)
                .await?;
            // What has a verdict keeps it: a run is cancelled, or judged, never both.
            if let (Some(body), 1) = (body, written.rows_affected()) {
                sqlx::query("INSERT INTO evidence (run, body) VALUES ($1, $2)").bind(number).bind(body).execute(tx).await?;
            }
            Ok(())
        })
    })
    .await?;
    Ok(())
}

/// Runs that a stopped bench left without a verdict are aborted: never a verdict by accident.
pub(crate) async fn abort_unfinished(db: &Db) -> Result<(), Error> {
    db.write(|tx| {
        Box::pin(async move {
            sqlx::query("UPDATE run SET verdict = 'aborted', reason = 'le banc a été arrêté pendant l’exécution' WHERE verdict IS NULL")
                .execute(tx)
                .await?;
            Ok(())
        })
    })
    .await?;
    Ok(())
}

pub(crate) async fn run(db: &Db, number: i64) -> Result<Option<Run>, Error> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE number = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(number)
        .fetch_optional(db.reader())
        .await
        .map_err(db::Error::from)?;
    Ok(row.as_ref().map(Run::read).transpose()?)
}

pub(crate) async fn of_campaign(db: &Db, campaign: i64) -> Result<Vec<Run>, Error> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM run WHERE campaign = $1 ORDER BY number");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(campaign)
        .fetch_all(db.reader())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.iter().map(Run::read).collect::<Result<_, _>>()?)
}

pub(crate) async fn newest(db: &Db, count: i64) -> Result<Vec<Run>, Error> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM run ORDER BY number DESC LIMIT $1");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(count)
        .fetch_all(db.reader())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.iter().map(Run::read).collect::<Result<_, _>>()?)
}

/// The last finished run of each job of a product.
pub(crate) async fn last_of_each_job(db: &Db, nil: &str) -> Result<Vec<Run>, Error> {
    let sql = format!(
        "SELECT {RUN_COLUMNS} FROM run WHERE number IN
         (SELECT max(number) FROM run WHERE nil = $1 AND verdict IS NOT NULL GROUP BY job) ORDER BY job"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(nil)
        .fetch_all(db.reader())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.iter().map(Run::read).collect::<Result<_, _>>()?)
}

pub(crate) async fn campaign(db: &Db, number: i64) -> Result<Option<Campaign>, Error> {
    let sql = "SELECT number, nil, seed, accelerated, left_out FROM campaign WHERE number = $1";
    let row = sqlx::query(sql).bind(number).fetch_optional(db.reader()).await.map_err(db::Error::from)?;
    let Some(row) = row else { return Ok(None) };
    let left_out: String = row.try_get("left_out").map_err(db::Error::from)?;
    let accelerated: i64 = row.try_get("accelerated").map_err(db::Error::from)?;
    Ok(Some(Campaign {
        number: row.try_get("number").map_err(db::Error::from)?,
        nil: row.try_get("nil").map_err(db::Error::from)?,
        seed: row.try_get("seed").map_err(db::Error::from)?,
        accelerated: accelerated != 0,
        left_out: serde_json::from_str(&left_out).unwrap_or_default(),
    }))
}

pub(crate) async fn evidence(db: &Db, run: i64) -> Result<Option<RunEvidence>, Error> {
    let row = sqlx::query("SELECT body FROM evidence WHERE run = $1")
        .bind(run)
        .fetch_optional(db.reader())
        .await
        .map_err(db::Error::from)?;
    let Some(row) = row else { return Ok(None) };
    let body: Vec<u8> = row.try_get(0).map_err(db::Error::from)?;
    let read = serde_json::from_slice(&body)
        .map_err(|error| db::Error::corrupt(format!("evidence of run {run}: {error}")))?;
    Ok(Some(read))
}

/// A run as the contracts write it; `log` gives the checks their transcript lines.
pub(crate) fn run_json(run: &Run, evidence: Option<&RunEvidence>, log: &[LogLine], url: &str) -> Value {
    let line_of = |seq: Option<i64>| {
        seq.and_then(|seq| log.iter().find(|line| line.seq == Some(seq))).map(|line| line.n)
    };
    let checks: Vec<Value> = evidence
        .map(|evidence| {
            evidence.checks.iter().map(|check| {
                json!({
                    "requirement": check.requirement,
                    "outcome": check.outcome,
                    "expected": check.expected.fr,
                    "received": check.received.fr,
                    "rule": check.rule,
                    "transcript_line": line_of(check.decided_by),
                    "next": check.next.fr,
                    "en": {"expected": check.expected.en, "received": check.received.en, "next": check.next.en},
                })
            })
        })
        .into_iter()
        .flatten()
        .collect();
    json!({
        "number": run.number,
        "campaign": run.campaign,
        "nil": run.nil,
        "job": run.job,
        "verdict": run.verdict.map(Verdict::name),
        "reason": run.reason,
        "control": evidence.and_then(|evidence| evidence.context.control),
        "canned": evidence.is_some_and(|evidence| evidence.context.canned),
        "strangers": evidence.map_or(0, |evidence| evidence.context.strangers),
        "started": run.started,
        "duration_ms": run.duration_ms,
        "adapter": evidence.map(|evidence| &evidence.context.adapter),
        "checks": checks,
        "url": url,
    })
}

/// The newest run of `job` by `nil` that passed and ended after `since`.
pub(crate) async fn last_passed(
    db: &Db,
    nil: &str,
    job: &str,
    since: Timestamp,
) -> Result<Option<i64>, Error> {
    let sql =
        "SELECT max(number) FROM run WHERE nil = $1 AND job = $2 AND verdict = 'passed' AND started_us >= $3";
    let row = sqlx::query(sql)
        .bind(nil)
        .bind(job)
        .bind(since.as_microsecond())
        .fetch_one(db.reader())
        .await
        .map_err(db::Error::from)?;
    Ok(row.try_get(0).map_err(db::Error::from)?)
}
