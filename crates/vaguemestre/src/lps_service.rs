//! The LPS service: practices, their connectors and the host API on one port. `up` starts it beside the sandbox, whose
//! authorities and names it uses; `lps serve` starts it alone.

use std::path::{Path, PathBuf};

use bench::{Code, Error, write_private};
use kernel::{Clock, Secret};
use lps_api::{Parts, Service};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::data::DataDir;

/// The practice that a first start makes, where nobody names one.
const FIRST: (&str, &str) = ("cabinet", "Cabinet");

/// The label of the key that commands use.
const COMMANDS: &str = "vaguemestre";

/// A service that answers.
pub(crate) struct LpsService {
    /// The object of `lps serve`.
    pub(crate) told: Value,
    service: Service,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    data: DataDir,
}

/// How a service is asked for.
pub(crate) struct Wish {
    /// The data directory; the service's own is `lps` in it.
    pub(crate) data: PathBuf,
    /// Practices to make, or to call otherwise: name and label.
    pub(crate) practices: Vec<(String, String)>,
    pub(crate) clock: Clock,
    /// How mailboxes are reached.
    pub(crate) engine: lps::engine::Settings,
    pub(crate) world: ins::World,
}

impl LpsService {
    /// Opens every practice and serves the API on this listener.
    pub(crate) async fn start(wish: Wish, listener: TcpListener) -> Result<Self, Error> {
        let data = DataDir::open(&wish.data.join("lps"))?;
        let setting = practice::Setting { world: wish.world, ..practice::Setting::default() };
        let parts = Parts { dir: data.path.clone(), clock: wish.clock, setting, engine: Some(wish.engine) };
        let service = Service::open(parts).await.map_err(error)?;
        for (name, label) in &wish.practices {
            service.add_practice(name, label).await.map_err(error)?;
        }
        if service.practices().is_empty() {
            service.add_practice(FIRST.0, FIRST.1).await.map_err(error)?;
        }
        let port = listener.local_addr()?.port();
        let server = format!("http://127.0.0.1:{port}");
        let told = tell(&service, &data.path, &server).await?;
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(web::serve_http(listener, service.router(port), stopped));
        data.publish(&told)?;
        Ok(Self { told, service, stop, serving, data })
    }

    /// Ends connections, streams and webhooks, and closes every base.
    pub(crate) async fn stop(self) {
        self.data.unpublish();
        // Connectors and streams first: a stream that goes on would hold its connection open.
        self.service.stop().await;
        let _ = self.stop.send(true);
        let _ = self.serving.await;
    }
}

/// What commands and people need to know of the service, and a key for each practice, in files of their own.
async fn tell(service: &Service, dir: &Path, server: &str) -> Result<Value, Error> {
    let mut practices = Vec::new();
    for line in service.practices() {
        let path = dir.join("run").join(format!("{}.key", line.name));
        keep_key(service, &line.name, &path).await?;
        practices.push(json!({"name": line.name, "label": line.label, "api_key_file": path}));
    }
    let first = practices.first().map_or(Value::Null, |practice| practice["api_key_file"].clone());
    Ok(json!({
        "schema": "vaguemestre/lps/1",
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "data": dir,
        "lps": server,
        "openapi": format!("{server}/api/v1/openapi.json"),
        "api_key_file": first,
        "practices": practices,
    }))
}

/// A key that opens the practice: the one of the file, else a new one.
async fn keep_key(service: &Service, practice: &str, path: &Path) -> Result<(), Error> {
    if let Ok(kept) = std::fs::read_to_string(path)
        && service.opens(&Secret::new(kept.trim().to_owned()), practice)
    {
        return Ok(());
    }
    let key = service.new_key(practice, COMMANDS).await.map_err(error)?;
    Ok(write_private(path, format!("{}\n", key.reveal()).as_bytes())?)
}

/// In the codes of the contracts.
fn error(error: lps_api::Error) -> Error {
    let code = match error.code() {
        "data_newer" => Code::DataNewer,
        "data_unwritable" => Code::DataUnwritable,
        _ => Code::BadInput,
    };
    let next = match code {
        Code::DataNewer => {
            "Use the version of vaguemestre that wrote this data directory, or another --data."
        }
        Code::DataUnwritable => "Check the free space and the rights of the data directory.",
        _ => "Correct it and start again.",
    };
    Error::new(code, error.to_string(), next)
}
