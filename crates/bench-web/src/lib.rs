//! The bench's face: the REST API under `/api/v1` and the pages.
//!
//! The page for a person, JSON for a program: the same facts in both, from the same calls of `bench`. The API takes the
//! key of the data directory as `Authorization: Bearer KEY`; pages take none, because the guard of [`web::face`] lets
//! in only this machine's own browser, by the name of this machine, and from no other site.

mod api;
mod frame;
mod home;
mod live;
mod run;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use bench::Bench;
use kernel::Secret;
use web::{Asset, Assets, BODY_LIMIT, Guard};

/// What the face needs to know.
#[derive(Clone)]
pub struct Face {
    pub(crate) bench: Bench,
    key: Arc<Secret<String>>,
    pub(crate) assets: Assets,
}

impl Face {
    /// A face for this bench; `key` opens the API.
    pub fn new(bench: Bench, key: Secret<String>) -> Self {
        let assets = Assets::new(
            "/banc-assets",
            &[
                Asset {
                    name: "banc.css",
                    media_type: "text/css; charset=utf-8",
                    bytes: include_bytes!("../assets/banc.css"),
                },
                Asset {
                    name: "banc.js",
                    media_type: "text/javascript; charset=utf-8",
                    bytes: include_bytes!("../assets/banc.js"),
                },
            ],
        );
        Self { bench, key: Arc::new(key), assets }
    }

    /// The router to serve on `port` of the loopback.
    pub fn router(self, port: u16) -> Router {
        let assets = self.assets.routes();
        let routes = Router::new()
            .merge(api::routes(self.clone()))
            .merge(home::routes())
            .merge(run::routes())
            .merge(live::routes())
            .with_state(self)
            .merge(assets)
            .layer(DefaultBodyLimit::max(BODY_LIMIT));
        web::face(routes, Guard::local(port), BODY_LIMIT)
    }

    /// Whether `given` is the API key; takes the same time whatever the answer.
    pub(crate) fn is_key(&self, given: &str) -> bool {
        kernel::sha256(given.as_bytes()) == kernel::sha256(self.key.reveal().as_bytes())
    }
}
