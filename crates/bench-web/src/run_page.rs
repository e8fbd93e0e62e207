//! What a run's page shows, gathered (`run.rs` holds what it can do).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use bench::desk::Filter as Past;
use bench::judge::Driver;
use bench::scenario::Scenario;
use bench::{Phase, Product, Run, RunView};
use web::T;

use crate::asked::{Asked, Numbered, RunNumber, address};
use crate::frame::{say, seconds, state_pill};
use crate::job::{Stage, instructions, stages};
use crate::jobs::{group_title, job_link};
use crate::lines::{FIRST, Filter, Level, Row, row};
use crate::run::{CheckRow, Headline, check_rows, headline};
use crate::runs::{driver, reason, verdict_word};
use crate::view::Failure;
use crate::{Face, live};

/// Sessions that the filter proposes.
const SESSIONS: usize = 100;

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    t: T,
    run: Run,
    title: String,
    path: Vec<String>,
    job_href: String,
    pill: String,
    iso: String,
    when: String,
    duration: String,
    driver: String,
    phase: Option<Phase>,
    /// The word of the phase in `live.rs`.
    phase_name: &'static str,
    reason: String,
    turn: Option<Turn>,
    verdict: Option<Headline>,
    checks: Vec<CheckRow>,
    notes: Vec<String>,
    control: Option<i64>,
    adapter: Vec<String>,
    again: Option<Again>,
    neighbours: Neighbours,
    has_proof: bool,
    purged: bool,
    log: LogPart,
}

impl RunPage {
    fn behind(&self) -> Option<i64> {
        match self.phase {
            Some(Phase::Queued { behind }) => Some(behind),
            _ => None,
        }
    }

    fn log_count(&self) -> String {
        let log = &self.log;
        let numbers = [log.from, log.shown_to(), log.matched, log.total].map(|number| number.to_string());
        let names = ["from", "to", "matched", "total"];
        let text = self.t.get(if log.matched == log.total { "log-count-all" } else { "log-count-some" });
        names
            .iter()
            .zip(&numbers)
            .fold(text, |text, (name, number)| text.replace(&format!("%{name}%"), number))
    }
}

/// Whose turn it is, and what to do.
struct Turn {
    heading: String,
    action: String,
    /// Seconds; empty while the window is being opened.
    left_s: String,
    /// The same as a sentence, and the sentence for 60 s, in which the script puts other numbers.
    left: String,
    left_at_60: String,
    done: usize,
    stages: Vec<Stage>,
    prepare: Vec<String>,
    act: Vec<String>,
    received: Option<String>,
}

/// How to run the same again.
struct Again {
    timer: i64,
    accelerated: bool,
    command: Option<String>,
}

#[derive(Default)]
struct Neighbours {
    before: Option<i64>,
    after: Option<i64>,
}

struct LogPart {
    running: bool,
    rows: Vec<Row>,
    total: usize,
    matched: usize,
    from: usize,
    before: Option<String>,
    after: Option<String>,
    filter: Filter,
    filtered: bool,
    nonsense: Option<(&'static str, String)>,
    nodes: Vec<String>,
    sessions: Vec<i64>,
    levels: Vec<(&'static str, String)>,
    wrap: bool,
}

impl LogPart {
    fn shown_to(&self) -> usize {
        self.from + self.rows.len().max(1) - 1
    }
}

pub(crate) async fn show(
    State(face): State<Face>,
    RunNumber(number): RunNumber,
    asked: Asked,
) -> Result<Response, Failure> {
    let (t, lang) = (asked.t(), asked.lang);
    let Ok(view) = face.run(number).await else {
        return Ok(asked.unknown_number(&face, Numbered::Run, &number.to_string()));
    };
    let run = view.run.clone();
    let product = face.bench.product(&run.nil).await.ok();
    let job = face.bench.catalogue().find(&run.job);
    let title = job.map_or_else(|| run.job.clone(), |job| say(lang, &job.title));
    let evidence = view.evidence.as_ref();
    let checks = evidence.map(|evidence| evidence.checks.as_slice()).unwrap_or_default();
    let line = |seq: Option<i64>| {
        let found = view.log.iter().find(|line| seq.is_some() && line.seq == seq)?;
        Some((found.n, line_link(number, found.n)))
    };
    let phase = face.bench.phase(number).filter(|_| run.verdict.is_none());
    let pill = state_pill(t, run.verdict, phase);
    let body = RunPage {
        t,
        path: job.map(|job| job.path.iter().map(|name| group_title(t, name)).collect()).unwrap_or_default(),
        job_href: job_link(&run.job, product.as_ref().map_or("", |product| &product.nil)),
        pill,
        iso: run.started.to_string(),
        when: run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        duration: if run.verdict.is_some() { seconds(run.duration_ms) } else { String::new() },
        driver: driver(t, &run.driver),
        phase,
        phase_name: live::phase_name(run.verdict.is_some(), phase),
        reason: reason(t, &run.reason),
        turn: turn(&face, &asked, &run, phase, job, product.as_ref()),
        verdict: run.verdict.map(|verdict| headline(t, lang, verdict, checks)),
        checks: check_rows(lang, checks, line),
        notes: notes(t, &view),
        control: evidence.and_then(|evidence| evidence.context.control).filter(|control| *control != number),
        adapter: adapter_words(&view),
        again: again(&view, job, product.as_ref()),
        neighbours: neighbours(&face, &run).await?,
        has_proof: evidence.is_some(),
        purged: run.verdict.is_some() && evidence.is_none() && run.reason.is_empty(),
        log: log_part(&face, &asked, &view).await?,
        title,
        run,
    };
    // The number first, then how it stands: what a tab among others must say.
    let (heading, stands) = (t.with("run-title", "number", &number.to_string()), state_word(t, &body));
    Ok(asked.page(&face, &format!("{heading} · {stands} · {}", body.title)).show(&body))
}

fn state_word(t: T, page: &RunPage) -> String {
    match (page.run.verdict, page.phase) {
        (Some(verdict), _) => verdict_word(t, verdict),
        (None, Some(Phase::Queued { behind })) => t.with("phase-queued", "run", &behind.to_string()),
        (None, Some(Phase::Waiting)) => t.get("phase-waiting"),
        (None, _) => t.get("phase-running"),
    }
}

fn turn(
    face: &Face,
    asked: &Asked,
    run: &Run,
    phase: Option<Phase>,
    job: Option<&Scenario>,
    product: Option<&Product>,
) -> Option<Turn> {
    let (Some(Phase::Waiting), Some(job)) = (phase, job) else { return None };
    let state = face.bench.window_state(run.number);
    let left = state.map(|state| live::left_s(face, state.ends));
    let told = instructions(face, asked.lang, job, product);
    let stages = stages(asked.t(), job, false);
    let done = state.map_or(0, |state| state.done).min(stages.len());
    // What comes next: the step where there are several, else the sentence that says how to do the only one.
    let action = match (stages.len(), stages.get(done)) {
        (2.., Some(stage)) => stage.text.clone(),
        _ => told.act.first().cloned().unwrap_or_default(),
    };
    Some(Turn {
        heading: asked.t().get("run-your-turn")
            + if matches!(asked.lang, i18n::Lang::Fr) { "\u{202f}:" } else { ":" },
        action,
        left_s: left.map(|left| left.to_string()).unwrap_or_default(),
        left: match left {
            Some(left) => asked.t().count("run-left", "count", usize::try_from(left).unwrap_or_default()),
            None => asked.t().get("run-opening"),
        },
        left_at_60: asked.t().count("run-left", "count", 60),
        done,
        stages,
        prepare: told.prepare,
        act: told.act,
        received: job
            .expects_mail()
            .then(|| address(&format!("/jobs/{}/received", job.id), [("nil", run.nil.as_str())])),
    })
}

/// What else is to be known: what the client did besides, and how the run differs from an ordinary one.
fn notes(t: T, view: &RunView) -> Vec<String> {
    let Some(evidence) = &view.evidence else { return Vec::new() };
    let context = &evidence.context;
    let count = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
    let mut notes = Vec::new();
    let meanwhile = context.meanwhile;
    if meanwhile.connections > 0 {
        let mut text = t.count("run-meanwhile", "count", count(meanwhile.connections));
        if meanwhile.logins > 0 {
            text += &format!(" {}", t.count("run-meanwhile-logins", "count", count(meanwhile.logins)));
        }
        if meanwhile.mails > 0 {
            text += &format!(" {}", t.count("run-meanwhile-mails", "count", count(meanwhile.mails)));
        }
        notes.push(text);
    }
    if context.strangers > 0 {
        notes.push(t.count("run-strangers", "count", count(context.strangers)));
    }
    if context.accelerated {
        notes.push(t.get("run-was-accelerated"));
    }
    if context.canned {
        notes.push(t.get("run-was-canned"));
    }
    if context.truncated {
        notes.push(t.get("run-was-truncated"));
    }
    notes
}

fn adapter_words(view: &RunView) -> Vec<String> {
    let Some(evidence) = &view.evidence else { return Vec::new() };
    let words = evidence.context.adapter.iter();
    words.map(|word| format!("{} : {} {}", word.step, word.outcome, word.detail)).collect()
}

fn again(view: &RunView, job: Option<&Scenario>, product: Option<&Product>) -> Option<Again> {
    let (job, _) = (job?, product?);
    view.run.verdict?;
    let context = view.evidence.as_ref().map(|evidence| &evidence.context);
    let by_adapter =
        view.run.driver == "adapter" || context.is_some_and(|context| context.driver == Driver::Adapter);
    let by_person = !by_adapter && view.run.timer_s > 0;
    Some(Again {
        timer: if by_person { view.run.timer_s.clamp(5, 3_600) } else { 0 },
        accelerated: context.is_some_and(|context| context.accelerated),
        command: by_adapter
            .then(|| format!("vaguemestre run {} --nil {} --adapter 'CMD'", job.id, view.run.nil)),
    })
}

/// The runs of the same job and product just before and after this one.
async fn neighbours(face: &Face, run: &Run) -> Result<Neighbours, bench::Error> {
    let all = Past { nil: Some(run.nil.clone()), job: Some(run.job.clone()), ..Past::default() };
    let since = Past { since: Some(run.created), ..all.clone() };
    // Newest first: the place of this run is the number of those that were not asked for before it.
    let place = u32::try_from(face.bench.history(&since, 1, 1).await?.total).unwrap_or(u32::MAX);
    let at =
        async |page: u32| Ok(face.bench.history(&all, page, 1).await?.runs.first().map(|run| run.number));
    let before: Result<_, bench::Error> = at(place.saturating_add(1)).await;
    let after = if place > 1 { at(place - 1).await? } else { None };
    Ok(Neighbours {
        before: before?.filter(|number| *number < run.number),
        after: after.filter(|number| *number > run.number),
    })
}

// === The log ===

async fn log_part(face: &Face, asked: &Asked, view: &RunView) -> Result<LogPart, Failure> {
    let t = asked.t();
    let running = view.run.verdict.is_none();
    let open = if running { live::so_far(face, view.run.number).await? } else { Vec::new() };
    let log = if running { &open } else { &view.log };
    let filter = Filter::of(asked);
    let kept = filter.apply(log);
    let from = asked.get("from").parse::<usize>().unwrap_or(1).clamp(1, kept.len().max(1));
    let mut rows: Vec<Row> = kept.iter().skip(from - 1).take(FIRST).map(row).collect();
    for row in rows.iter_mut().filter(|row| row.head) {
        row.fold_href = asked.link(&[("fold", &toggled(&filter.fold, row.session.unwrap_or_default()))]);
    }
    let (mut nodes, mut sessions): (Vec<String>, Vec<i64>) = (Vec::new(), Vec::new());
    for line in log {
        if !nodes.contains(&line.node) {
            nodes.push(line.node.clone());
        }
        // Lines of a session come together, so the last one is the likely one.
        if let Some(id) =
            line.connection.filter(|id| sessions.len() < SESSIONS && sessions.last() != Some(id))
            && !sessions.contains(&id)
        {
            sessions.push(id);
        }
    }
    let to = |from: usize| asked.link(&[("from", &from.to_string())]) + "#log";
    Ok(LogPart {
        running,
        total: log.len(),
        matched: kept.len(),
        before: (from > 1).then(|| to(from.saturating_sub(FIRST).max(1))),
        after: (from + FIRST <= kept.len()).then(|| to(from + FIRST)),
        from,
        rows,
        filtered: filter.is_set() || !filter.fold.is_empty(),
        nonsense: filter.nonsense().map(|(name, value)| (name, value.to_owned())),
        filter,
        nodes,
        sessions,
        levels: levels(t),
        wrap: asked.get("wrap") == "1",
    })
}

fn levels(t: T) -> Vec<(&'static str, String)> {
    vec![
        (Level::Debug.name(), t.get("log-level-debug")),
        (Level::Info.name(), t.get("log-level-info")),
        (Level::Verdict.name(), t.get("log-level-verdict")),
        (Level::Alert.name(), t.get("log-level-alert")),
    ]
}

/// The list of folded sessions with this one folded, or unfolded.
fn toggled(fold: &str, session: i64) -> String {
    let mut words: Vec<String> = fold.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let all = words.iter().any(|word| word == "all");
    let word = if all { format!("-{session}") } else { session.to_string() };
    match words.iter().position(|known| *known == word) {
        Some(at) => drop(words.remove(at)),
        None => words.push(word),
    }
    words.join(",")
}

/// The address of a line: on the first stretch the anchor is enough.
fn line_link(run: i64, line: u32) -> String {
    let place = usize::try_from(line).unwrap_or(usize::MAX);
    if place <= FIRST {
        format!("/runs/{run}#L{line}")
    } else {
        format!("/runs/{run}?from={}#L{line}", place.saturating_sub(20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_adds_and_takes_away() {
        assert_eq!(toggled("", 7), "7");
        assert_eq!(toggled("7,8", 9), "7,8,9");
        assert_eq!(toggled("7,8", 7), "8");
        assert_eq!(toggled("all", 7), "all,-7");
        assert_eq!(toggled("all,-7", 7), "all");
    }

    #[test]
    fn a_line_far_away_has_its_stretch_in_its_address() {
        assert_eq!(line_link(3, 12), "/runs/3#L12");
        assert_eq!(line_link(3, 99_000), "/runs/3?from=98980#L99000");
    }
}
