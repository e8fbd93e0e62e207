//! What all the faces of the house share on HTTP: the frame of a page, its style sheet, the JSON error of the
//! contracts, the guards against foreign sites, and the loops that serve a router.
//!
//! Why an own accept loop instead of `axum::serve`: the Pro Santé Connect sandbox needs HTTPS with the lab's
//! certificate, handlers need the peer's address on both, and shutting down must not wait for ever for a browser that
//! keeps its connection open. Sixty lines do the three.
//!
//! Pages are rendered on the server, work without a script, and load nothing from elsewhere: the content security
//! policy says so to the browser, and tests say so to us. Each face renders its own askama template and hands it to
//! [`Page`], which puts the frame around it.
//!
//! ```no_run
//! # use axum::Router;
//! # async fn example(listener: tokio::net::TcpListener, shutdown: tokio::sync::watch::Receiver<bool>) {
//! let port = listener.local_addr().map_or(0, |address| address.port());
//! let router = web::face(Router::new(), web::Guard::local(port), web::BODY_LIMIT);
//! web::serve_http(listener, router, shutdown).await;
//! # }
//! ```

mod assets;
mod error;
mod guard;
mod headers;
mod locale;
mod page;
mod serve;
mod status;

pub use assets::{Asset, Assets, asset_path, assets};
pub use error::{ApiError, ErrorCode};
pub use guard::Guard;
pub use locale::{Locale, cookie, is_own_path};
pub use page::{Link, Page, T};
pub use serve::{ClientCertificate, HangUp, Peer, serve_http, serve_https};
pub use status::{Tone, pill};

/// Largest body that a face reads unless a route says otherwise: 64 KiB, plenty for any form.
pub const BODY_LIMIT: usize = 64 * 1024;

/// Dresses a face's router: assets, language switch, page for unknown addresses, security headers, body limit, and
/// the guard outermost. The routes of `router` win over the shared ones where they do not clash; a clash panics at
/// start, as axum does.
pub fn face(router: axum::Router, guard: Guard, body_limit: usize) -> axum::Router {
    open_face(router, body_limit).layer(axum::middleware::from_fn_with_state(guard, guard::check))
}

/// [`face`] without the guard, for services that foreign machines are meant to call by names that we do not know
/// (the Pro Santé Connect sandbox: its endpoints authenticate their callers and use no cookie).
pub fn open_face(router: axum::Router, body_limit: usize) -> axum::Router {
    router
        .merge(assets())
        .merge(locale::routes())
        .fallback(page::not_found)
        .layer(axum::extract::DefaultBodyLimit::max(body_limit))
        .layer(axum::middleware::map_response(headers::secure))
}
