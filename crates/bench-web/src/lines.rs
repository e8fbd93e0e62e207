//! The lines of a run's log as a page shows them: filtered, folded, a stretch at a time.
//!
//! A log may have 100 000 lines. It is made from the evidence once, kept for the runs that were read last, and given
//! out in stretches; the browser asks for what is in sight (`assets/runs.js`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bench::RunView;
use bench::log::LogLine;
use serde::Serialize;
use web::{ApiError, ErrorCode};

use crate::asked::Asked;
use crate::view::Failure;
use crate::{Face, live};

/// Lines that a page holds before a script takes over, and that one step of paging shows.
pub(crate) const FIRST: usize = 300;
/// Lines that one answer holds at most.
const MOST: usize = 1_000;
/// Judged runs kept in memory at most.
const KEPT_RUNS: usize = 8;
/// Lines of kept runs in all at most (about 100 MB): a run is always kept alone.
const KEPT_LINES: usize = 600_000;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/runs/{number}/lines", get(lines))
}

// === Runs that were read last ===

/// Judged runs, newest use last; their events and messages are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf(Arc<Mutex<VecDeque<Arc<RunView>>>>);

impl Shelf {
    fn find(&self, number: i64) -> Option<Arc<RunView>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|view| view.run.number == number)?;
        let found = kept.remove(at)?;
        kept.push_back(Arc::clone(&found));
        Some(found)
    }

    fn keep(&self, view: &Arc<RunView>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|other| other.run.number != view.run.number);
        kept.push_back(Arc::clone(view));
        let heavy = |kept: &VecDeque<Arc<RunView>>| {
            kept.len() > KEPT_RUNS || kept.iter().map(|view| view.log.len()).sum::<usize>() > KEPT_LINES
        };
        while kept.len() > 1 && heavy(&kept) {
            kept.pop_front();
        }
    }
}

impl Face {
    /// A run with its log; the evidence holds neither events nor messages. A judged run changes no more, so it is read
    /// once.
    ///
    /// # Errors
    /// `bad_input` where no run has this number; where the database cannot be read.
    pub(crate) async fn run(&self, number: i64) -> Result<Arc<RunView>, bench::Error> {
        if let Some(found) = self.shelf.find(number) {
            return Ok(found);
        }
        let mut view = self.bench.run(number).await?;
        if let Some(evidence) = &mut view.evidence {
            evidence.events = Vec::new();
            evidence.messages = Vec::new();
        }
        let judged = view.run.verdict.is_some();
        let view = Arc::new(view);
        if judged {
            self.shelf.keep(&view);
        }
        Ok(view)
    }
}

// === What to show ===

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Protocol lines, as they went over the wire.
    Debug,
    /// What happened, in words.
    Info,
    /// What the verdict rests on, and the verdict.
    Verdict,
    /// What is not as it should be.
    Alert,
}

impl Level {
    /// Every level, the least first.
    pub(crate) const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Verdict, Self::Alert];

    /// The word of the query and of the style sheet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Verdict => "verdict",
            Self::Alert => "alert",
        }
    }

    /// Of a line, read from how it starts.
    pub(crate) fn of(line: &LogLine) -> Self {
        let text = line.text.as_str();
        if line.connection.is_some() {
            let refused = text.starts_with("Authentification ") && text.contains(" refusée");
            return match text {
                _ if text.starts_with("C: ") || text.starts_with("S: ") => Self::Debug,
                _ if refused || text.starts_with("Écart") || text.starts_with("TLS refusé") => Self::Alert,
                _ => Self::Info,
            };
        }
        let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
        if starts(&["KO ", "NC ", "['TEST_KO']", "['TEST_NC']"]) {
            Self::Alert
        } else if starts(&["OK ", "['TEST_OK']"]) {
            Self::Verdict
        } else {
            Self::Info
        }
    }
}

/// Which lines to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Lines of this node.
    pub(crate) node: String,
    /// Lines that name this product, and those of the sessions that do.
    pub(crate) nil: String,
    /// Lines of this session, as asked for.
    pub(crate) session: String,
    /// Lines that matter as much as this; empty for all.
    pub(crate) level: String,
    /// Lines that hold this text, whatever the case.
    pub(crate) q: String,
    /// Sessions of which only the first line is shown: numbers between commas; or `all`, and those
    /// that stay open with a minus.
    pub(crate) fold: String,
}

/// A line to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept<'a> {
    /// The line.
    pub(crate) line: &'a LogLine,
    /// Lines of its session that are folded behind it.
    pub(crate) hidden: usize,
    /// Whether it is the first line of a session that has more.
    pub(crate) head: bool,
}

impl Filter {
    /// As the query asks.
    pub(crate) fn of(asked: &Asked) -> Self {
        let get = |name| asked.get(name).chars().take(200).collect::<String>();
        Self {
            node: get("node"),
            nil: get("lognil"),
            session: get("session"),
            level: get("level"),
            q: get("q"),
            fold: asked.get("fold").chars().take(4_000).collect(),
        }
    }

    /// What of it makes no sense: the name of the parameter, and its value.
    pub(crate) fn nonsense(&self) -> Option<(&'static str, &str)> {
        if !self.session.is_empty() && self.session.parse::<i64>().is_err() {
            return Some(("session", &self.session));
        }
        if !self.level.is_empty() && !Level::ALL.iter().any(|level| level.name() == self.level) {
            return Some(("level", &self.level));
        }
        None
    }

    /// Whether lines are left out for another reason than folding.
    pub(crate) fn is_set(&self) -> bool {
        [&self.node, &self.nil, &self.session, &self.level, &self.q].iter().any(|text| !text.is_empty())
    }

    /// The lines to show. A parameter that makes no sense leaves nothing out.
    pub(crate) fn apply<'a>(&self, log: &'a [LogLine]) -> Vec<Kept<'a>> {
        let session: Option<i64> = self.session.parse().ok();
        let level = Level::ALL.into_iter().find(|level| level.name() == self.level);
        let q = self.q.to_lowercase();
        let of_product = (!self.nil.is_empty()).then(|| self.sessions_of_product(log));
        let wanted = |line: &LogLine| {
            (self.node.is_empty() || line.node == self.node)
                && session.is_none_or(|session| line.connection == Some(session))
                && level.is_none_or(|level| Level::of(line) >= level)
                && (q.is_empty() || line.text.to_lowercase().contains(&q))
                && of_product.as_ref().is_none_or(|sessions| {
                    line.text.contains(&self.nil) || line.connection.is_some_and(|id| sessions.contains(&id))
                })
        };
        self.folded(log.iter().filter(|line| wanted(line)))
    }

    fn sessions_of_product(&self, log: &[LogLine]) -> HashSet<i64> {
        log.iter().filter(|line| line.text.contains(&self.nil)).filter_map(|line| line.connection).collect()
    }

    fn folded<'a>(&self, lines: impl Iterator<Item = &'a LogLine>) -> Vec<Kept<'a>> {
        let all = self.fold.split(',').any(|word| word == "all");
        // With `all`, the sessions named with a minus stay open.
        let named: HashSet<i64> = self.fold.split(',').filter_map(|id| id.trim().parse().ok()).collect();
        let is_folded = |id: i64| if all { !named.contains(&-id) } else { named.contains(&id) };
        let mut heads: HashMap<i64, usize> = HashMap::new();
        let mut kept: Vec<Kept<'a>> = Vec::new();
        for line in lines {
            let first = line.connection.and_then(|id| heads.get(&id).copied().map(|at| (id, at)));
            if let Some((id, at)) = first {
                kept[at].head = true;
                if is_folded(id) {
                    kept[at].hidden += 1;
                    continue;
                }
            } else if let Some(id) = line.connection {
                heads.insert(id, kept.len());
            }
            kept.push(Kept { line, hidden: 0, head: false });
        }
        kept
    }
}

/// One line, ready for a template or a script.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Line number.
    pub(crate) n: u32,
    /// Time of day, UTC.
    pub(crate) time: String,
    /// Who says it.
    pub(crate) node: String,
    /// Its session.
    pub(crate) session: Option<i64>,
    /// How much it matters.
    pub(crate) level: Level,
    /// Class of the style sheet.
    pub(crate) class: &'static str,
    /// The text.
    pub(crate) text: String,
    /// See [`Kept::hidden`].
    pub(crate) hidden: usize,
    /// See [`Kept::head`].
    pub(crate) head: bool,
    /// The address that folds or unfolds its session; empty where that is no question.
    #[serde(skip)]
    pub(crate) fold_href: String,
}

impl Row {
    /// The session as text; empty where there is none.
    pub(crate) fn session_text(&self) -> String {
        self.session.map(|id| id.to_string()).unwrap_or_default()
    }
}

/// A line as it is shown.
pub(crate) fn row(kept: &Kept<'_>) -> Row {
    let line = kept.line;
    Row {
        n: line.n,
        time: line.at.strftime("%H:%M:%S%.3f").to_string(),
        node: line.node.clone(),
        session: line.connection,
        level: Level::of(line),
        class: class(line),
        text: line.text.clone(),
        hidden: kept.hidden,
        head: kept.head,
        fold_href: String::new(),
    }
}

/// Class of the style sheet.
pub(crate) fn class(line: &LogLine) -> &'static str {
    match (Level::of(line), line.text.as_str()) {
        (_, "['TEST_NC']") => "unsure",
        (Level::Alert, text) if line.connection.is_none() && text.starts_with("NC ") => "unsure",
        (level, _) => level.name(),
    }
}

// === For the script ===

#[derive(Serialize)]
struct Answer {
    run: i64,
    finished: bool,
    total: usize,
    matched: usize,
    from: usize,
    lines: Vec<Row>,
}

/// `GET /runs/{n}/lines?from=&count=&node=&lognil=&session=&level=&q=&fold=`: a stretch of the log, `from` counting the
/// lines that match, from 1.
async fn lines(State(face): State<Face>, Path(number): Path<String>, asked: Asked) -> Response {
    match stretch(&face, &number, &asked).await {
        Ok(answer) => ([(axum::http::header::CACHE_CONTROL, "no-store")], Json(answer)).into_response(),
        // For the script: the error object itself, never a page.
        Err(Failure(error)) => (error.status, Json(error.to_json())).into_response(),
    }
}

async fn stretch(face: &Face, number: &str, asked: &Asked) -> Result<Answer, Failure> {
    let bad = |field: &str, value: &str| {
        let message = format!("{field} cannot be {value:?}");
        let next =
            "Give whole numbers for from, count and session, and debug, info, verdict or alert for level.";
        Failure(ApiError::new(ErrorCode::BadInput, message, next).field(field))
    };
    let number_of = |field: &str, default: usize| match asked.get(field) {
        "" => Ok(default),
        text => text.parse::<usize>().map_err(|_| bad(field, text)),
    };
    let filter = Filter::of(asked);
    if let Some((field, value)) = filter.nonsense() {
        return Err(bad(field, value));
    }
    let (from, count) = (number_of("from", 1)?.max(1), number_of("count", FIRST)?.min(MOST));
    let number: i64 = number.parse().map_err(|_| bad("run", number))?;
    let view = face.run(number).await?;
    let finished = view.run.verdict.is_some();
    let open = if finished { Vec::new() } else { live::so_far(face, number).await? };
    let log = if finished { &view.log } else { &open };
    let kept = filter.apply(log);
    let lines = kept.iter().skip(from - 1).take(count).map(row).collect();
    Ok(Answer { run: number, finished, total: log.len(), matched: kept.len(), from, lines })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(n: u32, node: &str, connection: Option<i64>, text: &str) -> LogLine {
        let at = kernel::Timestamp::UNIX_EPOCH;
        LogLine { n, at, node: node.into(), connection, seq: None, text: text.into() }
    }

    fn log() -> Vec<LogLine> {
        vec![
            line(1, "banc", None, "Nom utilisateur 2621"),
            line(2, "imap", Some(7), "Session : 7 depuis 127.0.0.1:1 sur le port 1143"),
            line(3, "imap", Some(7), "C: a LOGIN x"),
            line(4, "smtp", Some(8), "Session : 8 depuis 127.0.0.1:2 sur le port 1587"),
            line(5, "imap", Some(7), "Authentification XOAUTH2 refusée pour x : token_expired"),
            line(6, "smtp", Some(8), "Voici le NIL : Q1: info: header X-MSS-NIL: 2621"),
            line(7, "banc", None, "KO SC.MSS/CONF.07 : non"),
            line(8, "banc", None, "['TEST_KO']"),
        ]
    }

    fn shown(filter: &Filter) -> Vec<u32> {
        filter.apply(&log()).iter().map(|kept| kept.line.n).collect()
    }

    #[test]
    fn each_filter_leaves_out_what_it_says() {
        let with = |change: &dyn Fn(&mut Filter)| {
            let mut filter = Filter::default();
            change(&mut filter);
            shown(&filter)
        };
        assert_eq!(with(&|_| ()).len(), 8);
        assert_eq!(with(&|f| f.node = "smtp".into()), [4, 6]);
        assert_eq!(with(&|f| f.session = "7".into()), [2, 3, 5]);
        assert_eq!(with(&|f| f.level = "alert".into()), [5, 7, 8]);
        assert_eq!(with(&|f| f.level = "info".into()), [1, 2, 4, 5, 6, 7, 8]);
        assert_eq!(with(&|f| f.q = "session".into()), [2, 4]);
        assert_eq!(with(&|f| f.nil = "2621".into()), [1, 4, 6]);
        assert_eq!(with(&|f| f.session = "seven".into()).len(), 8, "nonsense leaves nothing out");
    }

    #[test]
    fn a_folded_session_is_its_first_line_with_a_count() {
        let kept = Filter { fold: "7, x".into(), ..Default::default() };
        assert_eq!(shown(&kept), [1, 2, 4, 6, 7, 8]);
        let log = log();
        let rows: Vec<_> = kept.apply(&log).iter().map(|kept| (kept.hidden, kept.head)).collect();
        assert_eq!(rows[1..4], [(2, true), (0, true), (0, false)]);
        assert_eq!(shown(&Filter { fold: "all".into(), ..Default::default() }), [1, 2, 4, 7, 8]);
        assert_eq!(shown(&Filter { fold: "all,-8".into(), ..Default::default() }), [1, 2, 4, 6, 7, 8]);
    }

    #[test]
    fn nonsense_is_named() {
        let filter = Filter { session: "7;DROP".into(), ..Default::default() };
        assert_eq!(filter.nonsense(), Some(("session", "7;DROP")));
        assert_eq!(Filter { level: "loud".into(), ..Default::default() }.nonsense(), Some(("level", "loud")));
        assert_eq!(Filter { level: "debug".into(), ..Default::default() }.nonsense(), None);
    }
}
