use std::fs;
use std::path::Path;

use bench::{Code, Error, write_private};
use i18n::{Arg, Lang, text_with};
use serde_json::json;
use tls::guide;

use crate::cli::{Cert, Cli};
use crate::client::Server;
use crate::output;

/// `vaguemestre cert`.
pub(crate) async fn run(cli: &Cli, arguments: &Cert) -> Result<u8, Error> {
    let server = Server::find(cli)?;
    let issued = server.get(&format!("/api/v1/products/{}/certificate", arguments.nil)).await?;
    let unwritable = |error: std::io::Error| {
        let message = format!("{} cannot be written: {error}", arguments.out.display());
        Error::new(Code::BadInput, message, "Give a folder that can be written.").field("out")
    };
    fs::create_dir_all(&arguments.out).map_err(unwritable)?;
    let out = arguments.out.canonicalize().map_err(unwritable)?;
    let save = |name: &str, field: &str| -> Result<std::path::PathBuf, Error> {
        let path = out.join(name);
        write_private(&path, issued[field].as_str().unwrap_or_default().as_bytes()).map_err(unwritable)?;
        Ok(path)
    };
    let chain = save("auth_cli.pem", "certificate")?;
    let key = save("auth_cli.key", "key")?;
    let ca = save("ca.pem", "ca")?;
    if cli.json {
        output::json(&json!({
            "schema": "vaguemestre/cert/1", "nil": arguments.nil, "identity": issued["identity"],
            "cert_file": chain, "key_file": key, "ca_file": ca,
        }));
        return Ok(0);
    }
    let folder = out.display().to_string();
    output::say!("{}", text_with(cli.lang(), "cli-cert-written", &[("path", Arg::Text(&folder))]));
    for path in [&chain, &key, &ca] {
        output::say!("  {}", name(path));
    }
    output::say!("");
    let language = if cli.lang() == Lang::Fr { guide::Language::French } else { guide::Language::English };
    output::say!("{}", guide::text(language, guide::Files { ca: &ca, chain: &chain, key: &key }));
    Ok(0)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
