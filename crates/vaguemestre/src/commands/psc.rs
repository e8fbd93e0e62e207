use bench::Error;
use serde_json::json;

use crate::cli::{Cli, Psc};
use crate::client::Server;
use crate::output;

/// `vaguemestre psc token`: the access token and a line feed, nothing else.
pub(crate) async fn run(cli: &Cli, arguments: &Psc) -> Result<u8, Error> {
    let Psc::Token(wanted) = arguments;
    let body = json!({"identity": wanted.identity, "accelerated": wanted.accelerated});
    let tokens = Server::find(cli)?.post("/api/v1/psc/token", &body).await?;
    if cli.json {
        output::json(&tokens);
    } else {
        output::say!("{}", tokens["access_token"].as_str().unwrap_or_default());
    }
    Ok(0)
}
