//! The bench's face: the REST API under `/api/v1` and the pages.
//!
//! The page for a person, JSON for a program: the same facts in both, from the same calls of `bench`. The API takes the
//! key of the data directory as `Authorization: Bearer KEY`; pages take none, because the guard of [`web::face`] lets
//! in only this machine's own browser, by the name of this machine, and from no other site.

mod accounts;
mod api;
mod asked;
mod campaign;
mod check;
mod compare;
mod directory;
mod facts;
mod frame;
mod home;
mod info;
mod job;
mod jobs;
mod lines;
mod live;
mod mailboxes;
mod nodes;
mod posteriori;
mod products;
mod proofs;
mod requirements;
mod run;
mod run_page;
mod runs;
mod settings;
mod upload;
mod view;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use bench::Bench;
use kernel::Secret;
use web::{Asset, Assets, BODY_LIMIT, Guard};

/// What the face needs to know.
#[derive(Clone)]
pub struct Face {
    pub(crate) bench: Bench,
    key: Arc<Secret<String>>,
    pub(crate) assets: Assets,
    pub(crate) shelf: lines::Shelf,
    pub(crate) uploads: check::Shelf,
    pub(crate) directory: Option<annuaire::Directory>,
    pub(crate) finder: annuaire_web::Component,
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
                    name: "frame.js",
                    media_type: "text/javascript; charset=utf-8",
                    bytes: include_bytes!("../assets/frame.js"),
                },
                Asset {
                    name: "runs.css",
                    media_type: "text/css; charset=utf-8",
                    bytes: include_bytes!("../assets/runs.css"),
                },
                Asset {
                    name: "runs.js",
                    media_type: "text/javascript; charset=utf-8",
                    bytes: include_bytes!("../assets/runs.js"),
                },
                Asset {
                    name: "api.css",
                    media_type: "text/css; charset=utf-8",
                    bytes: include_bytes!("../assets/api.css"),
                },
            ],
        );
        Self {
            bench,
            key: Arc::new(key),
            assets,
            shelf: lines::Shelf::default(),
            uploads: check::Shelf::default(),
            directory: None,
            finder: directory::component(),
        }
    }

    /// With the directory of this machine; without one its page says how to get one.
    #[must_use]
    pub fn with_directory(mut self, directory: annuaire::Directory) -> Self {
        self.directory = Some(directory);
        self
    }

    /// The router to serve on `port` of the loopback.
    pub fn router(self, port: u16) -> Router {
        let assets = self.assets.routes().merge(self.finder.assets().routes());
        let pages = Router::new()
            .merge(frame::routes())
            .merge(home::routes())
            .merge(accounts::routes())
            .merge(products::routes())
            .merge(nodes::routes())
            .merge(proofs::routes())
            .merge(check::routes())
            .merge(directory::routes())
            .merge(settings::routes())
            .merge(info::routes())
            .merge(jobs::routes())
            .merge(job::routes())
            .merge(posteriori::routes())
            .merge(requirements::routes())
            .merge(run::routes())
            .merge(runs::routes())
            .merge(lines::routes())
            .merge(compare::routes())
            .merge(campaign::routes())
            .merge(live::routes())
            .merge(api::pages())
            .layer(from_fn_with_state(self.clone(), frame::visit));
        let routes = Router::new()
            .merge(api::routes(self.clone()))
            .merge(pages)
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
