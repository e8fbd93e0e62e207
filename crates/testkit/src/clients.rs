//! Programs that play the client: the project's adapters, and a mail client on Python's standard library.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

fn crates() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn command(path: PathBuf) -> String {
    assert!(path.is_file(), "{} is missing", path.display());
    format!("python3 '{}'", path.display())
}

fn adapters() -> PathBuf {
    crates().join("../../adapters/python").canonicalize().expect("the adapters are there")
}

/// The `--adapter` command of the example adapter `adapters/python/<name>`.
pub fn adapter(name: &str) -> String {
    command(adapters().join(name))
}

/// Where the example adapter `adapters/python/<name>` is, for an adapter that calls it.
pub fn adapter_path(name: &str) -> String {
    adapters().join(name).to_string_lossy().into_owned()
}

/// The `--adapter` command of a bad client, `adapters/python/bad/<name>`.
pub fn bad(name: &str) -> String {
    match name.split_once(' ') {
        Some((program, mode)) => format!("{} {mode}", adapter(&format!("bad/{program}"))),
        None => adapter(&format!("bad/{name}")),
    }
}

/// The `--adapter` command of an adapter that only tests need, `crates/testkit/adapters/<name>`, with arguments.
pub fn own(name: &str, arguments: &[&str]) -> String {
    let quoted = arguments.iter().map(|argument| format!(" '{argument}'"));
    command(crates().join("adapters").join(name)) + &quoted.collect::<String>()
}

/// A mail client at work: it is asked one thing, and tells one JSON object a line.
#[derive(Debug)]
pub struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    /// The next thing that it tells.
    pub fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line can be read");
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the client told no object: {error}: {line:?}"))
    }

    /// Ends the client, whatever it does.
    pub fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the mail client `crates/testkit/clients/client.py`; `ask` says what to do, on its standard input.
pub fn drive(ask: &Value) -> Client {
    let mut child = Command::new("python3")
        .arg(crates().join("clients/client.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    stdin.write_all(ask.to_string().as_bytes()).expect("the client reads");
    drop(stdin);
    let lines = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
    Client { child, lines }
}

/// Has the mail client do one thing, and returns the first object that it tells.
///
/// # Panics
/// Where the client itself breaks: a refusal is told, not a break.
pub fn client(ask: &Value) -> Value {
    let mut client = drive(ask);
    let told = client.hear();
    let status = client.child.wait().expect("the client ends");
    assert!(status.success(), "the client broke: {told}");
    told
}
