use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{self, Answer};
use crate::output::Output;

/// How long the program may take to answer, on a machine busy with other tests.
const PATIENCE: Duration = Duration::from_secs(40);

/// The real program, at work on a data directory of its own.
#[derive(Debug)]
pub struct Lab {
    program: PathBuf,
    /// More arguments to `up`.
    arguments: Vec<String>,
    home: TempDir,
    server: Option<Server>,
    log: Arc<Mutex<String>>,
    expected: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Server {
    child: Child,
    up: Value,
    reader: JoinHandle<()>,
}

/// A registered product, as `account add` told it.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its number.
    pub nil: String,
    /// Identity of its PER or ORG mailbox.
    pub identity: String,
    /// Address of its PER or ORG mailbox.
    pub per: String,
    /// Address of its APP mailbox.
    pub app: String,
    /// The whole object.
    pub json: Value,
}

impl Lab {
    /// Starts `program up --ports auto --json`. The lab's keys, which take seconds to make, were made once by the same
    /// program and are copied; everything else is a first start.
    pub fn start(program: &str) -> Self {
        let mut lab = Self::unstarted(program);
        copy_keys(&prepared_keys(&lab.program), &lab.data());
        lab.start_again();
        lab
    }

    /// The same with more arguments to `up`, at every start.
    pub fn start_with(program: &str, arguments: &[&str]) -> Self {
        let mut lab = Self::unstarted(program);
        lab.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        copy_keys(&prepared_keys(&lab.program), &lab.data());
        lab.start_again();
        lab
    }

    /// A lab with an empty data directory and no server yet.
    pub fn unstarted(program: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        fs::create_dir(home.path().join("scratch")).expect("a directory can be made");
        Self {
            program: program.into(),
            arguments: Vec::new(),
            home,
            server: None,
            log: Arc::default(),
            expected: Mutex::default(),
        }
    }

    /// Starts the server on the data directory as it is.
    ///
    /// # Panics
    /// Where the server does not come up, with its log.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        let mut child = command(&self.program, &self.data())
            .args(["up", "--ports", "auto", "--json"])
            .args(&self.arguments)
            .env("VAGUEMESTRE_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let reader = keep_log(&mut child, Arc::clone(&self.log));
        let mut stdout = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = sender.send(line);
            let mut rest = String::new();
            let _ = stdout.read_to_string(&mut rest);
            let _ = sender.send(rest);
        });
        let line = receiver.recv_timeout(PATIENCE).unwrap_or_default();
        let up = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the server did not come up: {error}: {line:?}\n{}", self.log()));
        self.server = Some(Server { child, up, reader });
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// A directory outside of the data directory, for what the test itself writes.
    pub fn scratch(&self) -> PathBuf {
        self.home.path().join("scratch")
    }

    /// The object that `up` printed.
    pub fn up(&self) -> &Value {
        &self.server.as_ref().expect("the server runs").up
    }

    /// The port of `imap` or `smtp`, `starttls` or `tls`.
    pub fn port(&self, service: &str, security: &str) -> u64 {
        self.up()[service][security].as_u64().expect("a port is a number")
    }

    /// Standard error of the server up to now, over all its starts, without terminal colours.
    pub fn log(&self) -> String {
        uncoloured(&lock(&self.log))
    }

    /// Announces an `ERROR` line that holds this text: the only ones that do not fail the test.
    pub fn expect_error(&self, part: &str) {
        lock(&self.expected).push(part.to_owned());
    }

    // --- Commands ---

    /// Runs a command on this data directory.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        run(&self.program, &self.data(), arguments, &[])
    }

    /// The same with `--json`.
    pub fn json(&self, arguments: &[&str]) -> Output {
        self.cli(&[arguments, &["--json"]].concat())
    }

    /// Starts a command with `--json`, to be waited for later.
    pub fn spawn(&self, arguments: &[&str]) -> JoinHandle<Output> {
        let (program, data) = (self.program.clone(), self.data());
        let arguments: Vec<String> =
            arguments.iter().map(|word| (*word).to_owned()).chain(["--json".into()]).collect();
        std::thread::spawn(move || {
            let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&program, &data, &words, &[])
        })
    }

    /// Registers a product.
    pub fn product(&self, nil: &str, psc_id: &str, app_id: &str) -> Product {
        let name = format!("Produit {nil}");
        let arguments =
            ["account", "add", "--nil", nil, "--name", &name, "--psc-id", psc_id, "--app-id", app_id];
        let json = self.json(&arguments).ended(0);
        let address = |n: usize| json["mailboxes"][n]["address"].as_str().unwrap_or_default().to_owned();
        Product { nil: nil.into(), identity: psc_id.into(), per: address(0), app: address(1), json }
    }

    /// An access token, as `psc token` prints it.
    pub fn token(&self, identity: &str) -> String {
        let output = self.cli(&["psc", "token", "--identity", identity]);
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout.trim_end().to_owned()
    }

    /// What the mail client needs to reach a server of this lab; the caller adds what to do.
    pub fn ask(&self, what: &str, service: &str, with: &Value) -> Value {
        let mut ask = json!({"do": what, "port": self.port(service, "starttls"), "ca": self.up()["ca_file"]});
        for (name, value) in with.as_object().expect("an object") {
            ask[name] = value.clone();
        }
        ask
    }

    // --- HTTP ---

    /// One request to the bench, with exactly these header fields besides the length.
    pub fn http(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::ask(&self.authority(), method, path, headers, body)
    }

    /// A page, as a browser of this language asks for it.
    pub fn page(&self, path: &str, language: &str) -> Answer {
        self.http("GET", path, &[("Host", &self.authority()), ("Accept-Language", language)], b"")
    }

    /// One call of the API, with its key.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> Answer {
        let key = self.api_key();
        let bearer = format!("Bearer {key}");
        let headers = [
            ("Host", self.authority()),
            ("Authorization", bearer),
            ("Content-Type", "application/json".into()),
        ];
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.http(method, path, &headers, body.as_bytes())
    }

    /// Reads server-sent events until `last` is there.
    pub fn events(&self, path: &str, last: &str) -> String {
        http::follow(&self.authority(), path, &[("Host", &self.authority())], last, PATIENCE)
    }

    /// `host:port` of the bench.
    pub fn authority(&self) -> String {
        self.up()["server"].as_str().unwrap_or_default().trim_start_matches("http://").to_owned()
    }

    /// The API key.
    pub fn api_key(&self) -> String {
        let path = self.up()["api_key_file"].as_str().unwrap_or_default().to_owned();
        fs::read_to_string(path).expect("the API key can be read").trim().to_owned()
    }

    /// Asks again and again until `done` is content with the answer of `GET path`.
    ///
    /// # Panics
    /// Where that takes too long, with the last answer.
    pub fn wait_for(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.api("GET", path, &Value::Null);
            if answer.status == 200 && done(&answer.json()) {
                return answer.json();
            }
            assert!(Instant::now() < end, "waited too long for {path}: {answer:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    // --- The end ---

    /// `kill -9`: nothing is flushed, nobody is told.
    pub fn kill9(&mut self) {
        let mut server = self.server.take().expect("the server runs");
        server.child.kill().expect("the server can be killed");
        server.child.wait().expect("the server has ended");
        let _ = server.reader.join();
    }

    /// SIGTERM; returns the exit code.
    ///
    /// # Panics
    /// Where the server does not end in time.
    pub fn stop(&mut self) -> i32 {
        let mut server = self.server.take().expect("the server runs");
        let pid = Pid::from_raw(server.child.id().cast_signed()).expect("a process has an id");
        kill_process(pid, Signal::TERM).expect("the server can be told");
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = server.child.try_wait().expect("the server can be waited for") {
                break status;
            }
            if Instant::now() > end {
                let _ = server.child.kill();
                let _ = server.child.wait();
                panic!("the server did not end on SIGTERM\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let _ = server.reader.join();
        status.code().unwrap_or(-1)
    }

    fn unexpected_errors(&self) -> Vec<String> {
        let expected = lock(&self.expected).clone();
        let is_fault = |line: &&str| line.contains(" ERROR ") || line.contains("panicked at");
        let announced = |line: &&str| expected.iter().any(|part| line.contains(part.as_str()));
        self.log().lines().filter(is_fault).filter(|line| !announced(line)).map(str::to_owned).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if self.server.is_some() {
                self.kill9();
            }
            // The end of the log often says why.
            let log = self.log();
            let end: Vec<&str> = log.lines().rev().take(40).collect();
            let end: Vec<&str> = end.into_iter().rev().collect();
            let _ = writeln!(std::io::stderr(), "--- the server's log ends with\n{}", end.join("\n"));
            return;
        }
        if self.server.is_some() {
            let code = self.stop();
            assert_eq!(code, 0, "exit code of the server on SIGTERM\n{}", self.log());
        }
        let errors = self.unexpected_errors();
        assert!(errors.is_empty(), "unexpected errors in the server's log:\n{}", errors.join("\n"));
    }
}

/// Runs the program on a data directory, with more environment where wanted.
pub fn run(program: &Path, data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(program, data);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    Output::of(command.output().expect("the program starts"))
}

fn command(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    for name in
        ["VAGUEMESTRE_SERVER", "VAGUEMESTRE_API_KEY", "VAGUEMESTRE_LANG", "VAGUEMESTRE_LOG", "RUST_LOG"]
    {
        command.env_remove(name);
    }
    command.arg("--data").arg(data);
    command
}

fn keep_log(child: &mut Child, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    let mut stderr = child.stderr.take().expect("standard error is a pipe");
    std::thread::spawn(move || {
        let mut chunk = [0; 8192];
        while let Ok(read @ 1..) = stderr.read(&mut chunk) {
            lock(&log).push_str(&String::from_utf8_lossy(&chunk[..read]));
        }
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn uncoloured(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut parts = text.split("\u{1b}[");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    out
}

/// Keys that this very program made at a first start, kept beside the build for the next labs.
fn prepared_keys(program: &Path) -> PathBuf {
    let built = fs::metadata(program).expect("the program is built");
    let since = built.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
    let base = program.parent().and_then(Path::parent).expect("target/<profile>/<program>").join("tmp");
    let place = base.join(format!("lab-keys-{}", built.len()));
    fs::create_dir_all(&base).expect("the build directory can be written");
    let guard = File::create(base.join("lab-keys.lock")).expect("a lock can be made");
    guard.lock().expect("a lock can be taken");
    let fresh = fs::metadata(place.join("done"))
        .and_then(|done| done.modified())
        .is_ok_and(|time| time.elapsed().is_ok_and(|age| age < since));
    if !fresh {
        let mut lab = Lab::unstarted(&program.to_string_lossy());
        lab.start_again();
        assert_eq!(lab.stop(), 0);
        let _ = fs::remove_dir_all(&place);
        copy_keys(&lab.data(), &place);
        fs::write(place.join("done"), "").expect("the build directory can be written");
    }
    place
}

fn copy_keys(from: &Path, to: &Path) {
    for folder in ["pki", "psc"] {
        fs::create_dir_all(to.join(folder)).expect("a directory can be made");
        for file in fs::read_dir(from.join(folder)).expect("the keys are there").flatten() {
            fs::copy(file.path(), to.join(folder).join(file.file_name())).expect("a key can be copied");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trap_sees_errors_and_panics_through_colours_and_lets_announced_ones_be() {
        let lab = Lab::unstarted("/nowhere");
        lock(&lab.log).push_str(
            "\u{1b}[2m2026-11-23T09:40:39Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2mdb\u{1b}[0m: disk full\n\
             2026-11-23T09:40:39Z  INFO bench: an ERRORless line\nthread 'x' panicked at src/x.rs:1:1\n",
        );
        assert_eq!(lab.unexpected_errors().len(), 2, "{:?}", lab.unexpected_errors());
        lab.expect_error("disk full");
        lab.expect_error("panicked at src/x.rs");
        assert!(lab.unexpected_errors().is_empty());
    }
}
