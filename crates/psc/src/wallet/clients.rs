//! The clients of the sandbox: what PSC's portal is in the real world, with what each did last.

use askama::Template;
use axum::response::Response;
use kernel::Secret;
use oidc::Form;
use web::{T, Tone};

use super::visit::{Sealed, Visit, field, optional};
use crate::client::{Automatic, ClientSettings};

#[derive(Template)]
#[template(path = "clients.html")]
struct List {
    t: T,
    clients: Vec<ClientSettings>,
}

#[derive(Template)]
#[template(path = "client.html")]
struct Editor {
    t: T,
    seal: String,
    is_new: bool,
    trouble: Option<String>,
    client: ClientSettings,
    redirects: String,
    after_logout: String,
    back: String,
    front: String,
    subject: String,
    automatic: &'static str,
    /// The new secret, this once.
    secret: Option<String>,
    log: Vec<Line>,
}

/// One event of a client's log.
struct Line {
    at: String,
    text: String,
    pill: String,
}

pub(super) async fn list(visit: Visit) -> Response {
    let psc = &visit.psc;
    let body = List { t: visit.t, clients: psc.clients() };
    visit.show(&visit.t.get("psc-clients-title"), &body)
}

pub(super) async fn edit(visit: Visit) -> Response {
    let psc = &visit.psc;
    let query = visit.query();
    match query.get("client").and_then(|id| psc.client_settings(id)) {
        Some(client) => editor(&visit, client, false, None, None),
        None => editor(&visit, ClientSettings::new(String::new()), true, None, None),
    }
}

pub(super) async fn save(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    let is_new = form.get("new").is_some();
    let client = read(&form);
    if is_new && psc.client_settings(&client.client_id).is_some() {
        let trouble = visit.t.get("psc-client-taken");
        return editor(&visit, client, is_new, Some(trouble), None);
    }
    if let Err(error) = psc.save_client(client.clone()) {
        return editor(&visit, client, is_new, Some(error.to_string()), None);
    }
    tracing::info!(client = client.client_id, "client saved");
    psc.note(&client.client_id, true, "settings changed on the page");
    if is_new && client.certificate_subject.is_none() {
        return told_secret(&visit, client);
    }
    let query = oidc::encode_pairs([("client", client.client_id.as_str())]);
    visit.back(&format!("/clients/edit?{query}"))
}

/// A new secret, shown this once.
pub(super) async fn secret(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    match form.get("client").and_then(|id| psc.client_settings(id)) {
        Some(client) => told_secret(&visit, client),
        None => visit.back("/clients"),
    }
}

pub(super) async fn remove(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    if let Err(error) = psc.remove_client(form.get("client").unwrap_or_default()) {
        tracing::warn!(%error, "a removed client will be back at the next start");
    }
    visit.back("/clients")
}

fn told_secret(visit: &Visit, client: ClientSettings) -> Response {
    match visit.psc.rotate_secret(&client.client_id) {
        Ok(secret) => editor(visit, client, false, None, Some(secret)),
        Err(error) => editor(visit, client, false, Some(error.to_string()), None),
    }
}

fn editor(
    visit: &Visit,
    client: ClientSettings,
    is_new: bool,
    trouble: Option<String>,
    secret: Option<Secret<String>>,
) -> Response {
    let t = visit.t;
    let title = if is_new { t.get("psc-client-new") } else { client.name.clone() };
    let (good, bad) = (t.get("psc-log-good"), t.get("psc-log-bad"));
    let line = |event: crate::ClientEvent| Line {
        at: event.at.to_string(),
        text: event.text,
        pill: if event.good { web::pill(Tone::Good, &good) } else { web::pill(Tone::Bad, &bad) },
    };
    let refused = trouble.is_some();
    let body = Editor {
        t,
        seal: visit.seal(),
        is_new,
        trouble,
        redirects: client.redirect_uris.join("\n"),
        after_logout: client.post_logout_redirect_uris.join("\n"),
        back: client.backchannel_logout_uri.clone().unwrap_or_default(),
        front: client.frontchannel_logout_uri.clone().unwrap_or_default(),
        subject: client.certificate_subject.clone().unwrap_or_default(),
        automatic: client.automatic.map_or("", Automatic::name),
        secret: secret.map(|secret| secret.reveal().clone()),
        log: visit.psc.client_log(&client.client_id).into_iter().map(line).collect(),
        client,
    };
    if refused { visit.show_refused(&title, &body) } else { visit.show(&title, &body) }
}

fn read(form: &Form) -> ClientSettings {
    let lines = |name: &str| {
        let text = field(form, name);
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let client_id = field(form, "client_id");
    ClientSettings {
        name: optional(form, "name").unwrap_or_else(|| client_id.clone()).chars().take(100).collect(),
        redirect_uris: lines("redirect_uris"),
        post_logout_redirect_uris: lines("post_logout_redirect_uris"),
        backchannel_logout_uri: optional(form, "backchannel_logout_uri"),
        frontchannel_logout_uri: optional(form, "frontchannel_logout_uri"),
        certificate_subject: optional(form, "certificate_subject"),
        certificate_bound_tokens: form.get("certificate_bound_tokens").is_some(),
        automatic: form.get("automatic").and_then(Automatic::from_name),
        decoupled: form.get("no_decoupled").is_none(),
        client_id,
    }
}
