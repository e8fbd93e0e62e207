//! *Nœuds*: the services of the sandbox, asked for their greeting at the moment the page is read.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::routing::get;
use bench::desk::{Node, NodeState};
use web::{Locale, T, Tone, pill};

use crate::Face;
use crate::frame::page;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/nodes", get(nodes))
}

#[derive(Template)]
#[template(path = "nodes.html")]
struct Nodes {
    t: T,
    summary: String,
    all_well: bool,
    rows: Vec<NodeRow>,
    asked: String,
}

struct NodeRow {
    id: &'static str,
    name: String,
    role: String,
    address: String,
    pill: String,
    detail: String,
    took: String,
}

async fn nodes(State(face): State<Face>, headers: HeaderMap, uri: Uri) -> Response {
    let Locale(lang) = Locale::of(&headers);
    let t = T(lang);
    let nodes = face.bench.nodes().await;
    let down = nodes.iter().filter(|node| node.state == NodeState::Down).count();
    let body = Nodes {
        t,
        summary: if down == 0 { t.get("nodes-all-well") } else { t.count("nodes-down-count", "count", down) },
        all_well: down == 0,
        rows: nodes.into_iter().map(|node| node_row(t, node)).collect(),
        asked: face.bench.parts().clock.now().strftime("%H:%M:%S UTC").to_string(),
    };
    page(&face, lang, &t.get("nodes-title"), &uri).show(&body)
}

fn node_row(t: T, node: Node) -> NodeRow {
    let (name, role) = match node.id {
        "banc" => ("node-banc", "node-banc-role"),
        "imap" => ("node-imap", "node-imap-role"),
        "imaps" => ("node-imaps", "node-imaps-role"),
        "smtp" => ("node-smtp", "node-smtp-role"),
        "smtps" => ("node-smtps", "node-smtps-role"),
        "psc" => ("node-psc", "node-psc-role"),
        "pki" => ("node-pki", "node-pki-role"),
        "dns" => ("node-dns", "node-dns-role"),
        "annuaire" => ("node-annuaire", "node-annuaire-role"),
        _ => ("node-lps", "node-lps-role"),
    };
    let pill = match node.state {
        NodeState::Up => pill(Tone::Good, &t.get("node-up")),
        NodeState::Down => pill(Tone::Bad, &t.get("node-down")),
        NodeState::Absent => pill(Tone::Idle, &t.get("node-absent")),
    };
    let took = match node.state {
        NodeState::Absent => String::new(),
        _ if node.took.as_millis() == 0 => "< 1 ms".to_owned(),
        _ => format!("{} ms", node.took.as_millis()),
    };
    NodeRow {
        id: node.id,
        name: t.get(name),
        role: t.get(role),
        address: node.address,
        pill,
        detail: node.detail,
        took,
    }
}
