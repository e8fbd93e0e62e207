//! *Réglages*: what the whole bench does, and the table of durations that explains *accéléré*.

use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bench::desk::Settings;
use kernel::Timing;
use serde::Deserialize;
use web::{Locale, T};

use crate::Face;
use crate::frame::page;
use crate::view::Failure;
use crate::words::explain;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/settings", get(show).post(save))
}

/// What the form sends; numbers as typed, so that a wrong one can be shown again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    language: String,
    retention_days: String,
    accelerated: String,
    timer_person_s: String,
    timer_adapter_s: String,
    support: String,
    notice: String,
    user_domains: String,
}

impl Fields {
    fn of(settings: Settings) -> Self {
        Self {
            language: settings.language,
            retention_days: settings.retention_days.to_string(),
            accelerated: if settings.accelerated { "1".into() } else { String::new() },
            timer_person_s: settings.timer_person_s.to_string(),
            timer_adapter_s: settings.timer_adapter_s.to_string(),
            support: settings.support,
            notice: settings.notice,
            user_domains: settings.user_domains.join("\n"),
        }
    }

    /// The settings, or the names of the fields that are no numbers.
    fn settings(&self) -> Result<Settings, Vec<&'static str>> {
        let mut wrong = Vec::new();
        let mut number = |name: &'static str, text: &str| {
            text.trim().parse::<u32>().unwrap_or_else(|_| {
                wrong.push(name);
                0
            })
        };
        let retention_days = number("retention_days", &self.retention_days);
        let timer_person_s = number("timer_person_s", &self.timer_person_s).into();
        let timer_adapter_s = number("timer_adapter_s", &self.timer_adapter_s).into();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Settings {
            language: self.language.clone(),
            retention_days,
            accelerated: !self.accelerated.is_empty(),
            timer_person_s,
            timer_adapter_s,
            support: self.support.trim().to_owned(),
            notice: self.notice.trim().to_owned(),
            user_domains: lines(&self.user_domains),
        })
    }
}

/// What stands on the lines of a field, or between commas.
fn lines(text: &str) -> Vec<String> {
    let lines = text.split([',', ';', '\n']).map(str::trim);
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    t: T,
    fields: Fields,
    faults: Vec<(String, String)>,
    saved: bool,
    domain: String,
    timings: Vec<(String, String, String)>,
}

impl SettingsPage {
    /// The fault of a field; empty where there is none.
    fn fault(&self, field: &str) -> &str {
        self.faults.iter().find(|(name, _)| name == field).map_or("", |(_, text)| text)
    }
}

#[derive(Deserialize, Default)]
struct Arrival {
    #[serde(default)]
    saved: String,
}

async fn show(
    State(face): State<Face>,
    Query(arrival): Query<Arrival>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let fields = Fields::of(face.bench.settings().await?);
    Ok(render(&face, &headers, &uri, fields, Vec::new(), !arrival.saved.is_empty()))
}

async fn save(
    State(face): State<Face>,
    headers: HeaderMap,
    uri: Uri,
    Form(fields): Form<Fields>,
) -> Result<Response, Failure> {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let faults = match fields.settings() {
        Err(wrong) => wrong.into_iter().map(|name| (name.to_owned(), t.get("settings-number"))).collect(),
        Ok(settings) => match face.bench.save_settings(&settings).await {
            Ok(()) => return Ok(Redirect::to("/settings?saved=1").into_response()),
            Err(error) => {
                let field = error.field.clone().unwrap_or_default();
                let text = match field.as_str() {
                    "retention_days" => t.get("settings-fault-retention"),
                    "timer_person_s" | "timer_adapter_s" => t.get("settings-fault-timer"),
                    "support" => t.get("settings-fault-support"),
                    "notice" => t.get("settings-fault-notice"),
                    "user_domains" => t.get("settings-fault-user-domains"),
                    _ => {
                        let told = explain(t, error);
                        format!("{} {}", told.what, told.next)
                    }
                };
                vec![(field, text)]
            }
        },
    };
    Ok(render(&face, &headers, &uri, fields, faults, false))
}

fn render(
    face: &Face,
    headers: &HeaderMap,
    uri: &Uri,
    fields: Fields,
    faults: Vec<(String, String)>,
    saved: bool,
) -> Response {
    let Locale(lang) = Locale::of(headers);
    let t = T(lang);
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let domain = face.bench.parts().operator.domain().to_owned();
    let body = SettingsPage { t, fields, faults, saved, domain, timings: timings(t) };
    page(face, lang, &t.get("nav-settings"), uri).status(status).show(&body)
}

/// Real and accelerated durations that differ or that a tester meets.
fn timings(t: T) -> Vec<(String, String, String)> {
    let (real, fast) = (Timing::real(), Timing::accelerated());
    let rows: [(&str, std::time::Duration, std::time::Duration); 5] = [
        ("timing-token", real.access_token, fast.access_token),
        ("timing-refresh", real.refresh_token, fast.refresh_token),
        ("timing-idle", real.imap_idle, fast.imap_idle),
        ("timing-slow", real.slow_answer, fast.slow_answer),
        ("timing-control", real.control_age, fast.control_age),
    ];
    rows.into_iter().map(|(id, one, other)| (t.get(id), long(one), long(other))).collect()
}

fn long(duration: std::time::Duration) -> String {
    match duration.as_secs() {
        seconds if seconds >= 600 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}
