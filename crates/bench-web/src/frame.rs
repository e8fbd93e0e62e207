use axum::http::Uri;
use bench::judge::Verdict;
use bench::{Phase, Run};
use i18n::Lang;
use rules::Text;
use web::{Link, Page, T};

use crate::Face;
use crate::view::{phase_pill, verdict_pill};

/// The frame of every page of the bench.
pub(crate) fn page(face: &Face, lang: Lang, title: &str, uri: &Uri) -> Page {
    let t = T(lang);
    let link =
        |href: &str, id: &str| Link { href: href.into(), label: t.get(id), current: href == uri.path() };
    let _ = face;
    Page::new(lang, t.get("bench-site"), title, uri).nav(vec![link("/", "bench-dashboard")]).wide()
}

/// A sentence in the page's language.
pub(crate) fn say(lang: Lang, text: &Text) -> String {
    match lang {
        Lang::Fr => text.fr.clone(),
        _ => text.en.clone(),
    }
}

pub(crate) fn endpoints(value: &serde_json::Value) -> String {
    let host = value["host"].as_str().unwrap_or_default();
    format!("{host}:{} (STARTTLS) · {host}:{} (TLS)", value["starttls"], value["tls"])
}

/// One run in a table.
pub(crate) struct Row {
    pub(crate) number: i64,
    pub(crate) nil: String,
    pub(crate) title: String,
    pub(crate) when: String,
    pub(crate) duration: String,
    pub(crate) pill: String,
}

pub(crate) fn row(face: &Face, lang: Lang, run: &Run) -> Row {
    let title =
        face.bench.catalogue().find(&run.job).map_or_else(|| run.job.clone(), |job| say(lang, &job.title));
    Row {
        number: run.number,
        nil: run.nil.clone(),
        title,
        when: run.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        duration: if run.verdict.is_some() { seconds(run.duration_ms) } else { String::new() },
        pill: state_pill(T(lang), run.verdict, face.bench.phase(run.number)),
    }
}

pub(crate) fn state_pill(t: T, verdict: Option<Verdict>, phase: Option<Phase>) -> String {
    match verdict {
        Some(verdict) => verdict_pill(t, verdict),
        None => phase_pill(t, phase),
    }
}

pub(crate) fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1_000, (ms % 1_000) / 100)
}
