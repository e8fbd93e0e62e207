use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// A file that pages load, compiled in.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its name, such as `app.css`.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// A set of assets, each under an address that holds its digest: what an address once gave it always gives, so
/// browsers may keep it for a year and still see a new version at once.
#[derive(Clone, Debug)]
pub struct Assets {
    prefix: &'static str,
    entries: Arc<Vec<(String, Asset)>>,
}

static SHARED: LazyLock<Assets> = LazyLock::new(|| {
    Assets::new(
        "/assets",
        &[
            Asset {
                name: "app.css",
                media_type: "text/css; charset=utf-8",
                bytes: include_bytes!("../assets/app.css"),
            },
            Asset {
                name: "icon.svg",
                media_type: "image/svg+xml",
                bytes: include_bytes!("../assets/icon.svg"),
            },
        ],
    )
});

/// The address of a shared asset.
///
/// # Panics
/// When there is no such asset: a page would be broken, and every test of that page says so.
pub fn asset_path(name: &str) -> String {
    SHARED.path(name)
}

/// The route of the shared assets.
pub fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    SHARED.routes()
}

impl Assets {
    /// A set served under `prefix` (such as `/bench-assets`), for a face that has its own.
    pub fn new(prefix: &'static str, files: &[Asset]) -> Self {
        let name = |file: &Asset| {
            let digest = &kernel::sha256_hex(file.bytes)[..16];
            let (stem, extension) = file.name.rsplit_once('.').unwrap_or((file.name, "bin"));
            format!("{stem}-{digest}.{extension}")
        };
        Self { prefix, entries: Arc::new(files.iter().map(|file| (name(file), *file)).collect()) }
    }

    /// The address of one.
    ///
    /// # Panics
    /// When the set has no such asset.
    pub fn path(&self, name: &str) -> String {
        let found = self.entries.iter().find(|(_, file)| file.name == name);
        let (hashed, _) = found.unwrap_or_else(|| panic!("no asset named {name}"));
        format!("{}/{hashed}", self.prefix)
    }

    /// The route that serves them.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new().route(&format!("{}/{{file}}", self.prefix), get(serve).with_state(self.clone()))
    }
}

async fn serve(State(assets): State<Assets>, Path(file): Path<String>, headers: HeaderMap) -> Response {
    let Some((name, asset)) = assets.entries.iter().find(|(name, _)| *name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{name}\"");
    let keep = [(ETAG, etag.clone()), (CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned())];
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if known.split(',').any(|tag| tag.trim() == etag || tag.trim() == "*") {
        return (StatusCode::NOT_MODIFIED, keep).into_response();
    }
    (keep, [(CONTENT_TYPE, asset.media_type)], asset.bytes).into_response()
}
