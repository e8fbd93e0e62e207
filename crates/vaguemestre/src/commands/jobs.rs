use bench::Error;
use serde_json::Value;

use crate::cli::Cli;
use crate::client::Server;
use crate::output;

/// `vaguemestre jobs`.
pub(crate) async fn run(cli: &Cli) -> Result<u8, Error> {
    let jobs = Server::find(cli)?.get("/api/v1/jobs").await?;
    if cli.json {
        output::json(&jobs);
        return Ok(0);
    }
    let lang = cli.lang().tag();
    let mut group = String::new();
    for job in jobs["jobs"].as_array().into_iter().flatten() {
        let path: Vec<&str> =
            job["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let path = path.join(" / ");
        if path != group {
            output::say!("{path}");
            group = path;
        }
        let id = job["id"].as_str().unwrap_or_default();
        output::say!("  {id:<22} {}", job["title"][lang].as_str().unwrap_or_default());
    }
    Ok(0)
}
