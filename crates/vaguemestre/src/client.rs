//! Commands speak to the running server through its API, as anybody's script would.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use bench::{Code, Error};
use kernel::Secret;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::data;

/// A running server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    base: String,
    key: Secret<String>,
    http: reqwest::Client,
}

impl Server {
    /// Finds the server: `--server`, else the one of the data directory.
    pub(crate) fn find(cli: &Cli) -> Result<Self, Error> {
        let (base, key_file) = match &cli.server {
            Some(server) => (server.trim_end_matches('/').to_owned(), cli.api_key_file.clone()),
            None => {
                let dir = match &cli.data {
                    Some(dir) => dir.clone(),
                    None => data::default_path()?,
                };
                let up = data::read_server(&dir)
                    .ok_or_else(|| no_server(&format!("no server runs in {}", dir.display())))?;
                let key = up["api_key_file"].as_str().map(PathBuf::from);
                (up["server"].as_str().unwrap_or_default().to_owned(), cli.api_key_file.clone().or(key))
            }
        };
        Self::with(base, key_file)
    }

    fn with(base: String, key_file: Option<PathBuf>) -> Result<Self, Error> {
        let key = match (key_file, std::env::var("VAGUEMESTRE_API_KEY")) {
            (Some(file), _) => fs::read_to_string(&file).map_err(|error| {
                let message = format!("the API key {} cannot be read: {error}", file.display());
                Error::new(Code::Forbidden, message, "Give the file with --api-key-file.")
                    .field("api_key_file")
            })?,
            (None, Ok(key)) => key,
            (None, Err(_)) => {
                let next = "Give --api-key-file FILE, or set VAGUEMESTRE_API_KEY.";
                return Err(Error::new(Code::Forbidden, "no API key is known for this server", next)
                    .field("api_key_file"));
            }
        };
        let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(5)).no_proxy().build();
        let http = http.map_err(|error| Error::new(Code::NoServer, error.to_string(), "Try again."))?;
        Ok(Self { base, key: Secret::new(key.trim().to_owned()), http })
    }

    /// Finds the LPS service: `--server`, else the one of the data directory, which `up` and `lps serve` start.
    pub(crate) fn find_lps(cli: &Cli) -> Result<Self, Error> {
        if cli.server.is_some() {
            return Self::find(cli);
        }
        let dir = match &cli.data {
            Some(dir) => dir.clone(),
            None => data::default_path()?,
        };
        let told = data::read_server(&dir.join("lps")).ok_or_else(|| {
            let message = format!("no LPS service runs in {}", dir.display());
            let next = "Start one with: vaguemestre up, or vaguemestre lps serve (add --data DIR for another data directory).";
            Error::new(Code::NoServer, message, next)
        })?;
        let key = cli.api_key_file.clone().or(told["api_key_file"].as_str().map(PathBuf::from));
        Self::with(told["lps"].as_str().unwrap_or_default().to_owned(), key)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Error> {
        let text = self.text(self.http.get(format!("{}{path}", self.base))).await?;
        parse(&text)
    }

    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Error> {
        self.text(self.http.get(format!("{}{path}", self.base))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        let text = self.text(self.http.post(format!("{}{path}", self.base)).json(body)).await?;
        parse(&text)
    }

    pub(crate) async fn get_bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        self.bytes(self.http.get(format!("{}{path}", self.base))).await
    }

    /// A request whose answer has no body.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(), Error> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or(reqwest::Method::POST);
        let request = self.http.request(method, format!("{}{path}", self.base));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.bytes(request).await.map(drop)
    }

    async fn text(&self, request: reqwest::RequestBuilder) -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&self.bytes(request).await?).into_owned())
    }

    async fn bytes(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, Error> {
        let away = |error: reqwest::Error| {
            let error = error.without_url();
            no_server(&format!("the server {} does not answer: {error}", self.base))
        };
        let answer = request.bearer_auth(self.key.reveal()).send().await.map_err(away)?;
        let good = answer.status().is_success();
        let status = answer.status();
        let octets = answer.bytes().await.map_err(away)?;
        if good {
            return Ok(octets.into());
        }
        let value: Value = serde_json::from_slice(&octets).unwrap_or_else(|_| json!({}));
        Err(read_error(&value).or_else(|| read_problem(&value)).unwrap_or_else(|| {
            Error::new(
                Code::BadInput,
                format!("the server answered {status}"),
                "Is this the address of a vaguemestre bench?",
            )
        }))
    }
}

fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(
            Code::NoServer,
            format!("the server's answer is not JSON: {error}"),
            "Is this a vaguemestre bench?",
        )
    })
}

fn no_server(message: &str) -> Error {
    Error::new(
        Code::NoServer,
        message,
        "Start one with: vaguemestre up (add --data DIR for another data directory).",
    )
}

/// A problem of the host API (RFC 9457) in the codes of the contracts; its own code, stage and retry class are facts.
fn read_problem(value: &Value) -> Option<Error> {
    let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let code = match value["code"].as_str()? {
        "forbidden" | "no_right" | "no_behalf" => Code::Forbidden,
        "busy" => Code::Busy,
        "storage" | "data_unwritable" => Code::DataUnwritable,
        _ => Code::BadInput,
    };
    let facts = json!({"code": value["code"], "stage": value["stage"], "retry": value["retry"], "status": value["status"],
        "refusal": value["refusal"]});
    let mut read = Error::new(code, text("detail"), text("next")).detail(facts);
    read.field = value["field"].as_str().map(str::to_owned);
    Some(read)
}

fn read_error(value: &Value) -> Option<Error> {
    let error = value.get("error")?;
    let name = error["code"].as_str()?;
    let code = [
        Code::DuplicateNil,
        Code::IdentityInUse,
        Code::UnknownProduct,
        Code::UnknownJob,
        Code::PortInUse,
        Code::DataUnwritable,
        Code::DataNewer,
        Code::NoServer,
        Code::AdapterMissing,
        Code::Busy,
        Code::BadInput,
        Code::Forbidden,
    ]
    .into_iter()
    .find(|code| code.name() == name)?;
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    let mut read = Error::new(code, text("message"), text("next")).detail(error["detail"].clone());
    read.field = error["field"].as_str().map(str::to_owned);
    Some(read)
}
