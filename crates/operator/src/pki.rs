use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tls::Lab;

/// The lab's certificate authority over HTTP: `/CRL/<name>.crl` and `/AC/<name>.cer` (DER), `/ca.pem` (PEM bundle).
///
/// In clear on purpose: CRLs are signed, and fetching one over TLS would need itself.
pub fn pki_router(lab: Arc<Lab>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/ca.pem", get(bundle))
        .route("/CRL/{name}", get(crl))
        .route("/AC/{name}", get(certificate))
        .with_state(lab)
}

async fn index(State(lab): State<Arc<Lab>>) -> String {
    let crls = lab.crls().into_iter().map(|(name, _)| format!("/CRL/{name}\n"));
    let certificates = lab.ca_certificates().into_iter().map(|(name, _)| format!("/AC/{name}\n"));
    crls.chain(certificates).chain(["/ca.pem\n".to_owned()]).collect()
}

async fn bundle(State(lab): State<Arc<Lab>>) -> Response {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], lab.ca_pem().to_owned()).into_response()
}

async fn crl(State(lab): State<Arc<Lab>>, Path(name): Path<String>) -> Response {
    file(lab.crls(), &name, "application/pkix-crl")
}

async fn certificate(State(lab): State<Arc<Lab>>, Path(name): Path<String>) -> Response {
    file(lab.ca_certificates(), &name, "application/pkix-cert")
}

fn file(files: Vec<(String, Vec<u8>)>, name: &str, kind: &'static str) -> Response {
    match files.into_iter().find(|(known, _)| known == name) {
        Some((_, der)) => ([(header::CONTENT_TYPE, kind)], der).into_response(),
        None => (StatusCode::NOT_FOUND, "no such file; see / for the list\n").into_response(),
    }
}
