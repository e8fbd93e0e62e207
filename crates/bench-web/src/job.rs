//! A job's page: what it needs, filled in for the product; what to do on either side; the button.
//!
//! The prerequisites are looked at apart from the page (`?check=1`, asked for by the script as soon as the page is
//! there): the page itself never waits for a port.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use bench::desk::{Filter, PreflightStep};
use bench::scenario::{Arm, Mailbox, Recipient, Scenario, Step, Verb};
use bench::{Files, Product};
use i18n::{Arg, Lang};
use rules::{Protocol, Text};
use web::{T, Tone, pill};

use crate::Face;
use crate::asked::Asked;
use crate::frame::{endpoints, say};
use crate::jobs::{automation_pill, group_title, requirement_links};
use crate::runs::{RunRow, run_row};
use crate::view::Failure;

/// Runs that a job's page lists.
const LISTED: u32 = 10;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/jobs/{id}", get(job))
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage<'a> {
    t: T,
    job: &'a Scenario,
    title: String,
    why: Option<String>,
    path: Vec<String>,
    automation: String,
    requirements: Vec<(String, String)>,
    uuid: String,
    digest: String,
    version: &'static str,
    definition: String,
    product: Option<&'a Product>,
    nil: &'a str,
    needs: Vec<Need>,
    check: Option<Vec<Looked>>,
    check_link: String,
    instructions: Instructions,
    stages: Vec<Stage>,
    control: Option<(String, String)>,
    timer: u64,
    accelerated: bool,
    runs: Vec<RunRow>,
    total: u64,
    history: String,
    received: Option<String>,
    command: String,
}

/// One thing that the client must be given.
pub(crate) struct Need {
    /// Id of the value on the page.
    id: &'static str,
    label: String,
    value: String,
    /// Ids of the preflight steps that say whether it can be used, and what their subject must hold.
    steps: &'static [&'static str],
    subject: String,
    state: Option<String>,
}

/// One thing that was looked at.
struct Looked {
    pill: String,
    label: String,
    subject: String,
    fault: String,
    next: String,
    ms: String,
}

/// What a person does, on either side.
pub(crate) struct Instructions {
    /// *Préparation, au niveau LPS*.
    pub(crate) prepare: Vec<String>,
    /// *Préparation, au niveau du banc*.
    pub(crate) bench: Vec<String>,
    /// *Test, au niveau LPS*.
    pub(crate) act: Vec<String>,
}

/// One step of a job, in words.
pub(crate) struct Stage {
    pub(crate) text: String,
    /// Only an adapter can be put before it.
    pub(crate) adapter_only: bool,
}

async fn job(State(face): State<Face>, Path(id): Path<String>, asked: Asked) -> Result<Response, Failure> {
    let (t, lang) = (asked.t(), asked.lang);
    let job = face.bench.catalogue().find(&id).ok_or_else(|| asked.unknown_job(&id))?;
    let (_, product) = asked.product(&face).await?;
    let nil = product.as_ref().map_or("", |product| product.nil.as_str());
    let mut needs = product.as_ref().map(|product| needs(&face, t, job, product)).unwrap_or_default();
    let check = match (&product, asked.get("check")) {
        (Some(product), "1") => {
            let steps = face.bench.preflight(product, job, None).await?;
            needs.iter_mut().for_each(|need| need.judge(t, &steps));
            Some(steps.iter().map(|step| looked(t, step)).collect())
        }
        _ => None,
    };
    let settings = face.bench.settings().await?;
    let timer = match &product {
        Some(product) => face.bench.last_timer(&product.nil, &job.id).await?,
        None => settings.timer_person_s,
    };
    let filter =
        Filter { nil: (!nil.is_empty()).then(|| nil.to_owned()), job: Some(id.clone()), ..Filter::default() };
    let page = face.bench.history(&filter, 1, LISTED).await?;
    let title = say(lang, &job.title);
    let query = [("nil", nil), ("job", job.id.as_str())];
    let body = JobPage {
        t,
        job,
        why: job.why.as_ref().map(|why| say(lang, why)),
        path: job.path.iter().map(|name| group_title(t, name)).collect(),
        automation: automation_pill(t, job.automation),
        requirements: requirement_links(&job.requirements),
        uuid: uuid(&job.id),
        digest: job.digest(),
        version: env!("CARGO_PKG_VERSION"),
        definition: serde_json::to_string_pretty(job).unwrap_or_default(),
        product: product.as_ref(),
        nil,
        needs,
        check,
        check_link: asked.link(&[("check", "1")]),
        instructions: instructions(&face, lang, job, product.as_ref()),
        stages: stages(t, job, true),
        control: control(&face, lang, job, nil),
        timer,
        accelerated: settings.accelerated,
        runs: page.runs.iter().map(|run| run_row(&face, lang, run)).collect(),
        total: page.total,
        history: crate::asked::address("/runs", query.into_iter().filter(|(_, value)| !value.is_empty())),
        received: (product.is_some() && job.expects_mail())
            .then(|| crate::asked::address(&format!("/jobs/{}/received", job.id), [("nil", nil)])),
        command: format!("vaguemestre run {} --nil {nil} --adapter 'CMD'", job.id),
        title,
    };
    Ok(asked.page(&face, &body.title).show(&body))
}

impl JobPage<'_> {
    fn has_more(&self) -> bool {
        self.total > u64::from(LISTED)
    }

    fn has_fault(&self) -> bool {
        self.check.as_ref().is_some_and(|check| check.iter().any(|step| !step.fault.is_empty()))
    }
}

/// An identifier in the form that MOTCO2 shows: RFC 9562 §5.8 (version 8), made of the SHA-256 of the job's id, so that it
/// is the same in every installation.
fn uuid(id: &str) -> String {
    let mut bytes: [u8; 32] = kernel::sha256(format!("vaguemestre/job/{id}").as_bytes());
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// What a control is: another job with its address, or a step of this one.
fn control(face: &Face, lang: Lang, job: &Scenario, nil: &str) -> Option<(String, String)> {
    let control = job.control.as_deref()?;
    match face.bench.catalogue().find(control) {
        Some(other) => Some((say(lang, &other.title), crate::jobs::job_link(control, nil))),
        None => {
            let step = job.step.iter().find(|step| step.id == control)?;
            Some((stage(T(lang), step).text, String::new()))
        }
    }
}

// === Prerequisites ===

fn needs(face: &Face, t: T, job: &Scenario, product: &Product) -> Vec<Need> {
    let addresses = &face.bench.parts().addresses;
    let data = &face.bench.parts().data;
    let files = Files::of(data, &product.nil);
    let mut all = Vec::new();
    let mut need = |id: &'static str, value: String, steps: &'static [&'static str], subject: String| {
        all.push(Need { id, label: t.get(id), value, steps, subject, state: None });
    };
    let path = |path: &std::path::Path| path.display().to_string();
    let (address, identity) = account(job, product);
    need("need-address", address.to_owned(), &["mailbox"], String::new());
    need("need-identity", identity.to_owned(), &[], String::new());
    for (protocol, name, value) in
        [(Protocol::Imap, "IMAP", &addresses.imap), (Protocol::Smtp, "SMTP", &addresses.smtp)]
    {
        if !job.protocols().contains(&protocol) {
            continue;
        }
        let port = value["starttls"].to_string();
        let host = value["host"].as_str().unwrap_or_default().to_owned();
        let (host_id, port_id) = if name == "IMAP" {
            ("need-imap-host", "need-imap-port")
        } else {
            ("need-smtp-host", "need-smtp-port")
        };
        need(host_id, host, &["address"], String::new());
        need(port_id, port.clone(), &["port", "tls"], port);
    }
    need("need-ca", path(&addresses.ca_file), &["tls"], String::new());
    match job.mailbox {
        Mailbox::Per => {
            let issuer = addresses.psc["issuer"].as_str().unwrap_or_default().to_owned();
            need("need-issuer", issuer, &["token"], String::new());
            let discovery = addresses.psc["discovery"].as_str().unwrap_or_default().to_owned();
            need("need-discovery", discovery, &["token"], String::new());
            need("need-client", product.client_id.clone(), &["token"], String::new());
            need("need-secret", path(&files.secret), &["token"], String::new());
        }
        Mailbox::App => {
            need("need-certificate", path(&files.certificate), &["certificate"], String::new());
            need("need-key", path(&files.key), &["certificate"], String::new());
        }
    }
    all
}

/// Address and identifier of the mailbox that a job is about.
fn account<'a>(job: &Scenario, product: &'a Product) -> (&'a str, &'a str) {
    match job.mailbox {
        Mailbox::Per => (&product.psc_address, &product.psc_identity),
        Mailbox::App => (&product.app_address, &product.app_identity),
    }
}

impl Need {
    fn judge(&mut self, t: T, steps: &[PreflightStep]) {
        let mut mine = steps
            .iter()
            .filter(|step| self.steps.contains(&step.id) && step.subject.contains(&self.subject))
            .peekable();
        if mine.peek().is_none() {
            return;
        }
        self.state = Some(match mine.all(|step| step.fault.is_none()) {
            true => pill(Tone::Good, &t.get("need-good")),
            false => pill(Tone::Bad, &t.get("need-bad")),
        });
    }
}

fn looked(t: T, step: &PreflightStep) -> Looked {
    Looked {
        pill: match step.fault {
            None => pill(Tone::Good, &t.get("need-good")),
            Some(_) => pill(Tone::Bad, &t.get("need-bad")),
        },
        label: match step.id {
            "address" => t.get("preflight-address"),
            "port" => t.get("preflight-port"),
            "tls" => t.get("preflight-tls"),
            "certificate" => t.get("preflight-certificate"),
            "token" => t.get("preflight-token"),
            "mailbox" => t.get("preflight-mailbox"),
            "adapter" => t.get("preflight-adapter"),
            other => other.to_owned(),
        },
        subject: step.subject.clone(),
        fault: step.fault.clone().unwrap_or_default(),
        next: if step.fault.is_some() { step.next.clone() } else { String::new() },
        ms: format!("{} ms", step.took.as_millis()),
    }
}

// === What to do ===

/// The instructions of a job, filled in for a product; with the names of the blanks where there is none.
pub(crate) fn instructions(
    face: &Face,
    lang: Lang,
    job: &Scenario,
    product: Option<&Product>,
) -> Instructions {
    // The test begins with the first sentence that starts it; what comes before prepares it.
    let starts = |text: &Text| text.fr.starts_with("Lancer le test");
    let split = job.lps.iter().position(starts).unwrap_or(job.lps.len().saturating_sub(1));
    let told = |texts: &[Text]| texts.iter().map(|text| fill(face, lang, job, product, text)).collect();
    Instructions { prepare: told(&job.lps[..split]), bench: told(&job.banc), act: told(&job.lps[split..]) }
}

fn fill(face: &Face, lang: Lang, job: &Scenario, product: Option<&Product>, text: &Text) -> String {
    let addresses = &face.bench.parts().addresses;
    let (motco2, patient) = face.bench.patient_addresses();
    let text = set(lang, &say(lang, text))
        .replace("{imap}", &endpoints(&addresses.imap))
        .replace("{smtp}", &endpoints(&addresses.smtp))
        .replace("{psc}", addresses.psc["issuer"].as_str().unwrap_or_default())
        .replace("{patient_motco2}", &motco2)
        .replace("{patient}", &patient);
    let Some(product) = product else {
        return text.replace("{address}", "…").replace("{identity}", "…").replace("{nil}", "…");
    };
    let (address, identity) = account(job, product);
    text.replace("{address}", address).replace("{identity}", identity).replace("{nil}", &product.nil)
}

/// The narrow spaces of French, so that no line starts with its punctuation; before values are filled in.
fn set(lang: Lang, text: &str) -> String {
    let marks = [" ;", " :", " ?", " !", " »"];
    if !matches!(lang, Lang::Fr) {
        return text.to_owned();
    }
    let narrow = |text: String, mark: &str| text.replace(mark, &mark.replace(' ', "\u{202f}"));
    marks.into_iter().fold(text.replace("« ", "«\u{202f}"), narrow)
}

/// The steps of a job that `by_adapter` goes through, in words.
pub(crate) fn stages(t: T, job: &Scenario, by_adapter: bool) -> Vec<Stage> {
    job.steps_for(by_adapter).map(|step| stage(t, step)).collect()
}

fn stage(t: T, step: &Step) -> Stage {
    let over = step.protocols.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ");
    let verb = match step.adapter {
        Verb::Login => "stage-login",
        Verb::Fetch => "stage-fetch",
        Verb::Send => "stage-send",
        Verb::Append => "stage-append",
        Verb::Search => "stage-search",
        Verb::Reply => "stage-reply",
        Verb::Logout => "stage-logout",
    };
    let mut text = i18n::text_with(t.0, verb, &[("over", Arg::Text(&over))]);
    let mut add = |more: String| {
        text.push_str(" · ");
        text.push_str(&more);
    };
    if !step.documents.is_empty() {
        add(t.count("stage-documents", "count", step.documents.len()));
    }
    if step.documents.iter().any(|document| !document.is_qualified()) {
        add(t.get("stage-unqualified"));
    }
    match step.to {
        Recipient::Bench => {}
        Recipient::Patient => add(t.get("stage-patient")),
        Recipient::PatientMotco2 => add(t.get("stage-patient-motco2")),
    }
    if step.close {
        add(t.get("stage-close"));
    }
    match step.arm {
        Some(Arm::RefuseFirstToken) => add(t.get("stage-refuse-token")),
        Some(Arm::OldTls) => add(t.get("stage-old-tls")),
        None => {}
    }
    for name in step.fault_names() {
        add(i18n::text_with(t.0, "stage-fault", &[("name", Arg::Text(&name))]));
    }
    if step.implicit_tls {
        add(t.get("stage-implicit-tls"));
    }
    Stage { text, adapter_only: step.is_for_adapters() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_has_the_same_identifier_everywhere() {
        let one = uuid("psc-nil");
        assert_eq!(one, uuid("psc-nil"));
        assert_ne!(one, uuid("psc-mes"));
        assert_eq!(one.len(), 36);
        assert_eq!((one.as_bytes()[14], one.matches('-').count()), (b'8', 4), "{one}");
        assert!("89ab".contains(char::from(one.as_bytes()[19])), "{one}");
    }
}
