//! The faults page: what goes wrong, for whom, how often; and the rotation of the signing key.

use askama::Template;
use axum::response::Response;
use web::T;

use super::visit::{Sealed, Visit, field};
use crate::client::ClientSettings;
use crate::fault::{EVERYBODY, PscFault};

#[derive(Template)]
#[template(path = "faults.html")]
struct Faults {
    t: T,
    seal: String,
    trouble: Option<String>,
    clients: Vec<ClientSettings>,
    kinds: Vec<Kind>,
    armed: Vec<Armed>,
    keys: Vec<String>,
}

struct Kind {
    name: &'static str,
    text: String,
}

struct Armed {
    id: u64,
    client: String,
    fault: String,
    left: String,
    used: u32,
}

pub(super) async fn list(visit: Visit) -> Response {
    show(&visit, None)
}

pub(super) async fn arm(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    let client = field(&form, "client");
    if client != EVERYBODY && psc.client_settings(&client).is_none() {
        return show(&visit, Some(visit.t.get("wallet-error-client-unknown")));
    }
    let fault = match field(&form, "fault").parse::<PscFault>() {
        Ok(fault) => fault,
        Err(error) => return show(&visit, Some(error.to_string())),
    };
    let times = match field(&form, "times").as_str() {
        "" => None,
        times => match times.parse::<u32>() {
            Ok(times) if (1..=1_000_000).contains(&times) => Some(times),
            _ => return show(&visit, Some(visit.t.get("psc-faults-times-wrong"))),
        },
    };
    psc.arm(&client, fault, times).keep();
    visit.back("/faults")
}

pub(super) async fn disarm(Sealed(visit, form): Sealed) -> Response {
    let psc = &visit.psc;
    if let Ok(id) = field(&form, "id").parse() {
        psc.disarm(id);
    }
    visit.back("/faults")
}

pub(super) async fn rotate(Sealed(visit, _): Sealed) -> Response {
    let psc = &visit.psc;
    let owner = psc.clone();
    match tokio::task::spawn_blocking(move || owner.rotate_key()).await {
        Ok(Ok(_)) => visit.back("/faults"),
        Ok(Err(error)) => show(&visit, Some(error.to_string())),
        Err(_) => visit.stale(),
    }
}

fn show(visit: &Visit, trouble: Option<String>) -> Response {
    let (t, psc) = (visit.t, &visit.psc);
    let armed = psc.armed().into_iter().rev().map(|state| Armed {
        id: state.id,
        client: if state.client_id == EVERYBODY { t.get("psc-faults-everybody") } else { state.client_id },
        fault: state.fault.to_string(),
        left: state.left.map_or_else(|| t.get("psc-faults-unlimited"), |left| left.to_string()),
        used: state.used,
    });
    let refused = trouble.is_some();
    let body = Faults {
        t,
        seal: visit.seal(),
        trouble,
        clients: psc.clients(),
        kinds: PscFault::ALL.iter().map(|fault| Kind { name: fault.name(), text: told(t, *fault) }).collect(),
        armed: armed.collect(),
        keys: psc.jwks().keys.into_iter().map(|key| key.kid).collect(),
    };
    let title = t.get("psc-faults-title");
    if refused { visit.show_refused(&title, &body) } else { visit.show(&title, &body) }
}

/// What a fault does, for the reader.
fn told(t: T, fault: PscFault) -> String {
    match fault {
        PscFault::Expired => t.get("psc-fault-expired"),
        PscFault::Future => t.get("psc-fault-future"),
        PscFault::WrongIssuer => t.get("psc-fault-wrong-issuer"),
        PscFault::WrongKey => t.get("psc-fault-wrong-key"),
        PscFault::AlgNone => t.get("psc-fault-alg-none"),
        PscFault::OtherIdentity => t.get("psc-fault-other-identity"),
        PscFault::MissingClaims => t.get("psc-fault-missing-claims"),
        PscFault::Slow(_) => t.get("psc-fault-slow"),
        PscFault::Unavailable503 => t.get("psc-fault-unavailable-503"),
        PscFault::RefreshRefused => t.get("psc-fault-refresh-refused"),
        PscFault::SessionKilled => t.get("psc-fault-session-killed"),
        PscFault::JwksRotated => t.get("psc-fault-jwks-rotated"),
        PscFault::Down => t.get("psc-fault-down"),
    }
}
