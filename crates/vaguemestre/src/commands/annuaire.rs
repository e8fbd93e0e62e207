//! `vaguemestre annuaire import|search|show|synth`: through the running server where there is one, else on the data
//! directory itself, by the same library.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use annuaire::synth::{People, write_extraction};
use annuaire::{Criteria, Directory, ImportOptions, Query, Stage};
use bench::{Code, Error};
use clap::Args;
use i18n::Lang;
use kernel::Clock;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::client::Server;
use crate::{data, output};

/// Reads extractions into the base.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The MSSanté extraction, and the PS_LibreAcces files where wanted: ZIP or text, files or https URLs
    #[arg(required = true, value_name = "FILE|URL")]
    sources: Vec<String>,
    /// Publish even where the base is much smaller than the one that serves
    #[arg(long)]
    even_if_smaller: bool,
    /// Date of the extraction, where its name does not tell
    #[arg(long, value_name = "RFC3339")]
    source_date: Option<String>,
    /// Root certificate for URLs (PEM): the State's own server presents one of IGC-Santé, which no system knows
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Searches.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// Names, specialty, street, city, postcode, in any order
    query: Vec<String>,
    /// RPPS, FINESS or SIRET
    #[arg(long)]
    identifier: Option<String>,
    /// Surname
    #[arg(long)]
    family: Option<String>,
    /// First name
    #[arg(long)]
    given: Option<String>,
    /// Profession: label, code or usual word
    #[arg(long)]
    profession: Option<String>,
    /// Specialty: label, code or usual word
    #[arg(long)]
    specialty: Option<String>,
    /// Street, postcode and city in one
    #[arg(long)]
    address: Option<String>,
    /// Name of the structure
    #[arg(long)]
    organization: Option<String>,
    /// Street
    #[arg(long)]
    street: Option<String>,
    /// Postcode
    #[arg(long)]
    postcode: Option<String>,
    /// City
    #[arg(long)]
    city: Option<String>,
    /// MSSanté address
    #[arg(long)]
    email: Option<String>,
    /// Department
    #[arg(long)]
    department: Option<String>,
    /// Type of box, `PER`, `ORG`, `CAB` or `APP`; repeatable
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Hits at most
    #[arg(long, default_value_t = 10, value_name = "N")]
    limit: usize,
}

/// Shows one card whole.
#[derive(Debug, Args)]
pub(crate) struct Card {
    /// The id of a hit, an RPPS, a FINESS or an address
    id: String,
}

/// Writes an extraction of invented people.
#[derive(Debug, Args)]
pub(crate) struct Synth {
    /// Lines
    #[arg(long, value_name = "N")]
    rows: u64,
    /// Who is invented: the same seed, the same people
    #[arg(long, default_value_t = 1, value_name = "S")]
    seed: u64,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// With the defects of real files
    #[arg(long)]
    dirty: bool,
}

/// `vaguemestre annuaire import`.
pub(crate) async fn import(cli: &Cli, arguments: &Import) -> Result<u8, Error> {
    let dir = base_dir(cli)?;
    let mut files = Vec::new();
    // Downloads are removed when this command ends.
    let incoming = Incoming(dir.join(format!("incoming-{}", kernel::random::mark())));
    for source in &arguments.sources {
        files.push(if source.contains("://") {
            download(source, &incoming.0, arguments.ca_file.as_deref()).await?
        } else {
            std::path::absolute(source)?
        });
    }
    let answer = match server(cli)? {
        Some(server) => {
            let body = json!({"files": files, "even_if_smaller": arguments.even_if_smaller, "source_date": arguments.source_date});
            server.post("/api/v1/directory/import", &body).await?
        }
        None => {
            let options = ImportOptions {
                even_if_smaller: arguments.even_if_smaller,
                source_date: arguments.source_date.clone(),
            };
            let shown = !cli.json && output::is_terminal();
            let report = blocking(move || {
                let directory = Directory::without_base(&dir, Clock::system());
                directory.import(&files, &options, &move |stage, count| {
                    if shown {
                        progress(stage, count)
                    }
                })
            })
            .await?;
            if shown {
                eprintln!();
            }
            json!({"schema": "vaguemestre/annuaire-import/1", "report": report})
        }
    };
    if cli.json {
        output::json(&answer);
        return Ok(0);
    }
    let report = &answer["report"];
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    match cli.lang() {
        Lang::Fr => output::say!(
            "{} fiches de {} boîtes aux lettres ({} lignes écartées), extraction du {}.",
            number("cards"),
            number("mailboxes"),
            number("rejected"),
            report["source_date"].as_str().unwrap_or("date inconnue"),
        ),
        Lang::En => output::say!(
            "{} cards of {} mailboxes ({} lines left out), extraction of {}.",
            number("cards"),
            number("mailboxes"),
            number("rejected"),
            report["source_date"].as_str().unwrap_or("unknown date"),
        ),
    }
    for warning in report["warnings"].as_array().into_iter().flatten() {
        output::say!("  ! {}", warning.as_str().unwrap_or_default());
    }
    Ok(0)
}

/// `vaguemestre annuaire search`.
pub(crate) async fn search(cli: &Cli, arguments: &Search) -> Result<u8, Error> {
    let found = match server(cli)? {
        Some(server) => server.get(&format!("/api/v1/directory/search?{}", as_parameters(arguments))).await?,
        None => {
            let (dir, query, limit) = (base_dir(cli)?, as_query(arguments), arguments.limit);
            let found =
                blocking(move || Directory::open(&dir, Clock::system())?.search(&query, limit)).await?;
            json!(found)
        }
    };
    if cli.json {
        output::json(&found);
    } else {
        print_found(cli.lang(), &found);
    }
    Ok(0)
}

/// `vaguemestre annuaire show`.
pub(crate) async fn show(cli: &Cli, arguments: &Card) -> Result<u8, Error> {
    let answer = match server(cli)? {
        Some(server) => {
            server.get(&format!("/api/v1/directory/card?{}", pairs(&[("id", &arguments.id)]))).await?
        }
        None => {
            let (dir, id) = (base_dir(cli)?, arguments.id.clone());
            let sheet = blocking(move || Directory::open(&dir, Clock::system())?.show(&id)).await?;
            json!({"schema": "vaguemestre/annuaire-card/1", "sheet": sheet})
        }
    };
    if cli.json {
        output::json(&answer);
        return Ok(0);
    }
    let sheet = &answer["sheet"];
    output::say!("{}  [{}]", text_of(&sheet["card"], "name"), text_of(&sheet["card"], "id"));
    for section in sheet["sections"].as_array().into_iter().flatten() {
        output::say!("\n{}", text_of(section, "title"));
        for field in section["fields"].as_array().into_iter().flatten() {
            output::say!("  {:<40} {}", text_of(field, "label"), text_of(field, "value"));
        }
    }
    if let Some(date) = sheet["source_date"].as_str() {
        output::say!("\n{date}");
    }
    Ok(0)
}

/// `vaguemestre annuaire synth`: needs no server and no base.
pub(crate) fn synth(cli: &Cli, arguments: &Synth) -> Result<u8, Error> {
    let people = People::new(arguments.seed);
    let Some(path) = &arguments.out else {
        if cli.json {
            let next = "Add --out FILE, or leave --json away.";
            return Err(
                Error::new(Code::BadInput, "the extraction and the JSON object would mix", next).field("out")
            );
        }
        let mut out = BufWriter::new(std::io::stdout().lock());
        let written =
            write_extraction(&people, arguments.rows, arguments.dirty, &mut out).and_then(|_| out.flush());
        return match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(0),
        };
    };
    let mut out = BufWriter::new(File::create(path)?);
    let figures = write_extraction(&people, arguments.rows, arguments.dirty, &mut out)?;
    out.flush()?;
    if cli.json {
        output::json(&json!({"schema": "vaguemestre/annuaire-synth/1", "file": path, "rows": figures.rows,
            "bytes": figures.bytes, "dirty": figures.dirty, "seed": arguments.seed}));
    } else {
        output::say!("{} ({} B)", path.display(), figures.bytes);
    }
    Ok(0)
}

/// The running server; none where none runs and none was named.
fn server(cli: &Cli) -> Result<Option<Server>, Error> {
    match Server::find(cli) {
        Ok(server) => Ok(Some(server)),
        Err(error) if error.code == Code::NoServer && cli.server.is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

fn base_dir(cli: &Cli) -> Result<PathBuf, Error> {
    let data = match &cli.data {
        Some(dir) => std::path::absolute(dir)?,
        None => data::default_path()?,
    };
    Ok(data.join("annuaire"))
}

async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, annuaire::Error> + Send + 'static,
) -> Result<R, Error> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?.map_err(|error| {
        let (code, next) = match &error {
            annuaire::Error::NoBase(_) => {
                (Code::BadInput, "Import an extraction: vaguemestre annuaire import FILE (invented people: vaguemestre annuaire synth).")
            }
            annuaire::Error::Busy(_) => (Code::Busy, "Wait for its end."),
            annuaire::Error::Io { .. } => (Code::DataUnwritable, "Make room on the disk, or see its rights."),
            _ => (Code::BadInput, ""),
        };
        Error::new(code, error.to_string(), next)
    })
}

fn progress(stage: Stage, count: u64) {
    let name = match stage {
        Stage::Reading => "1/3",
        Stage::Indexing => "2/3",
        Stage::Publishing => "3/3",
    };
    eprint!("\r{name} {count:>10}");
}

fn as_query(arguments: &Search) -> Query {
    Query {
        text: arguments.query.join(" "),
        criteria: Criteria {
            identifier: arguments.identifier.clone(),
            family: arguments.family.clone(),
            given: arguments.given.clone(),
            profession: arguments.profession.clone(),
            specialty: arguments.specialty.clone(),
            address: arguments.address.clone(),
            organization: arguments.organization.clone(),
            street: arguments.street.clone(),
            postcode: arguments.postcode.clone(),
            city: arguments.city.clone(),
            email: arguments.email.clone(),
            department: arguments.department.clone(),
        },
        types: arguments.types.clone(),
        ..Query::default()
    }
}

/// The same as parameters of the API, which has the same names.
fn as_parameters(arguments: &Search) -> String {
    let query = as_query(arguments);
    let (limit, types) = (arguments.limit.to_string(), query.types.join(","));
    let mut all =
        vec![("q".to_owned(), query.text.clone()), ("limit".to_owned(), limit), ("type".to_owned(), types)];
    if let Ok(Value::Object(criteria)) = serde_json::to_value(&query.criteria) {
        all.extend(criteria.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    }
    let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs(&all)
}

fn pairs(pairs: &[(&str, &str)]) -> String {
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
}

/// Percent-encoding of everything but unreserved characters (RFC 3986 §2.3).
fn escaped(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn print_found(lang: Lang, found: &Value) {
    let french = lang == Lang::Fr;
    if let Some(meant) = found["did_you_mean"].as_str() {
        output::say!("{} {meant}", if french { "Vouliez-vous dire :" } else { "Did you mean:" });
    }
    if let Some(relaxed) = found["relaxed"].as_object() {
        let (query, total) =
            (relaxed["query"].as_str().unwrap_or_default(), relaxed["total"].as_u64().unwrap_or(0));
        if french {
            output::say!("Aucun avec « {query} » ; {total} sans ce critère :");
        } else {
            output::say!("None with \"{query}\"; {total} without it:");
        }
    }
    for hit in found["hits"].as_array().into_iter().flatten() {
        let card = &hit["card"];
        let trade = if card["specialty"].is_string() {
            text_of(card, "specialty")
        } else {
            text_of(card, "profession")
        };
        output::say!("{:>3}. {}  {trade}", hit["rank"], text_of(card, "name"));
        if let Some(place) = card["places"].get(0) {
            output::say!(
                "     {}, {} {}",
                text_of(place, "street"),
                text_of(place, "postcode"),
                text_of(place, "city")
            );
        }
        for address in card["addresses"].as_array().into_iter().flatten().take(3) {
            let machine = match (text_of(address, "type") == "APP", french) {
                (false, _) => "",
                (true, true) => "  (boîte automatique, personne ne la lit)",
                (true, false) => "  (automatic box, nobody reads it)",
            };
            output::say!("     {}  {}{machine}", text_of(address, "address"), text_of(address, "type"));
        }
    }
    let total = found["total"].as_u64().unwrap_or(0);
    let date = found["source_date"].as_str().unwrap_or("?");
    let stale = match (found["stale"].as_bool().unwrap_or(false), french) {
        (false, _) => "",
        (true, true) => ", ancienne : importez la dernière",
        (true, false) => ", old: import the latest",
    };
    if french {
        output::say!("{total} résultat(s), extraction du {date}{stale}");
    } else {
        output::say!("{total} result(s), extraction of {date}{stale}");
    }
}

/// A directory for downloads, removed with what is in it.
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Downloads a source beside the base; the file keeps the name that the server gives, because it carries the date.
async fn download(url: &str, dir: &Path, ca_file: Option<&Path>) -> Result<PathBuf, Error> {
    let failed = |what: String| {
        let next = "Try again later, or give the file; the base that serves is left as it was.";
        Error::new(Code::BadInput, format!("{url}: {what}"), next).field("source")
    };
    if !(url.starts_with("https://")
        || url.starts_with("http://127.0.0.1")
        || url.starts_with("http://localhost"))
    {
        return Err(failed("only https URLs are read".to_owned()));
    }
    let mut client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(10))
        .read_timeout(Duration::from_secs(30));
    if let Some(file) = ca_file {
        let pem = fs::read(file)?;
        let root =
            reqwest::Certificate::from_pem(&pem).map_err(|error| failed(format!("--ca-file: {error}")))?;
        client = client.add_root_certificate(root);
    }
    let client = client.build().map_err(|error| failed(error.to_string()))?;
    let mut answer = client.get(url).send().await.map_err(|error| failed(error.without_url().to_string()))?;
    if !answer.status().is_success() {
        return Err(failed(format!("the server answered {}", answer.status())));
    }
    let named = answer.headers().get("content-disposition").and_then(|value| value.to_str().ok());
    let named = named
        .and_then(|value| value.split("filename=").nth(1))
        .map(|name| name.trim_matches(['"', ';', ' ']));
    let last = answer
        .url()
        .path_segments()
        .and_then(|mut segments| segments.next_back())
        .unwrap_or("extraction")
        .to_owned();
    let name: String = named
        .unwrap_or(&last)
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || ".-_".contains(letter) { letter } else { '_' })
        .take(120)
        .collect();
    fs::create_dir_all(dir)?;
    let path = dir.join(format!("x{name}"));
    let mut file = BufWriter::new(File::create(&path)?);
    while let Some(chunk) = answer.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
        file.write_all(&chunk)?;
    }
    file.flush()?;
    Ok(path)
}
