//! The adapter protocol: a program that the bench runs once per step (CONTRACTS, "Adapter"; docs/adapters.md).
//!
//! The verdict comes from the wire; an adapter's word is only shown. So whatever the program does (hangs, prints
//! rubbish, lies) ends in an [`AdapterWord`], never in an error of the bench.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use kernel::Secret;
use rustix::process::{Pid, Signal, kill_process_group};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;

use crate::error::{Code, Error};
use crate::judge::AdapterWord;

/// The program, as the user gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// The folder it is started in.
    pub dir: PathBuf,
}

impl Adapter {
    /// Finds the program before any window opens.
    ///
    /// # Errors
    /// `adapter_missing`, with the path that was looked for.
    pub fn check(&self) -> Result<(), Error> {
        let next =
            "Give the path of an executable file, such as --adapter 'python3 adapters/python/adapter.py'.";
        let missing = |what: String| Err(Error::new(Code::AdapterMissing, what, next).field("adapter"));
        let Some(program) = self.argv.first().filter(|program| !program.is_empty()) else {
            return missing("the adapter's command is empty".into());
        };
        let candidates: Vec<PathBuf> = if program.contains('/') {
            vec![self.dir.join(program)]
        } else {
            std::env::var_os("PATH")
                .map(|path| std::env::split_paths(&path).map(|dir| dir.join(program)).collect())
                .unwrap_or_default()
        };
        if !candidates.iter().any(|path| is_executable(path)) {
            return missing(format!("the adapter {program} is not an executable file"));
        }
        // An interpreter is easily found; the script it is given is what people misspell.
        match self
            .argv
            .get(1)
            .filter(|script| [".py", ".sh", ".js", ".mjs", ".rb", ".pl"].iter().any(|e| script.ends_with(e)))
        {
            Some(script) if !self.dir.join(script).is_file() => {
                missing(format!("the adapter's script {script} does not exist"))
            }
            _ => Ok(()),
        }
    }

    /// Runs one step. `secrets` are masked in whatever the program prints.
    pub async fn step(
        &self,
        step: &str,
        request: &Value,
        limits: Allowance,
        secrets: &[Secret<String>],
    ) -> AdapterWord {
        let say = |outcome: &str, detail: String| AdapterWord {
            step: step.to_owned(),
            outcome: outcome.to_owned(),
            detail: mask(&detail, secrets),
        };
        let mut command = Command::new(&self.argv[0]);
        command
            .args(&self.argv[1..])
            .current_dir(&self.dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return say("error", format!("the adapter could not be started: {error}")),
        };
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        // Whatever ends this call, an answer, a cancelled run, a stopped bench: nothing of the program outlives it.
        let _guard = Group(group);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let input = request.to_string();
        let feed = async move {
            if let Some(mut stdin) = stdin {
                // A program that does not read its input is free not to.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let work = async {
            let (status, out, err, ()) =
                tokio::join!(child.wait(), tail(stdout, limits.line + 2), tail(stderr, 8 * 1024), feed);
            (status, out, err)
        };
        tokio::pin!(work);
        let (status, out, err) = match timeout(limits.deadline, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                stop(group, Signal::TERM);
                if timeout(limits.kill_after, &mut work).await.is_err() {
                    stop(group, Signal::KILL);
                    let _ = timeout(limits.kill_after, &mut work).await;
                }
                return say("timeout", format!("no end after {} ms: stopped", limits.deadline.as_millis()));
            }
        };
        for line in String::from_utf8_lossy(&err).lines() {
            tracing::info!(step, "adapter: {}", mask(line, secrets));
        }
        let code = status.ok().and_then(|status| status.code());
        read_answer(&out, code, limits.line, secrets)
            .map_or_else(|why| say("unreadable", why), |(outcome, detail)| say(&outcome, detail))
    }
}

/// How long a step may last, and how much it may say.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// TERM after this.
    pub deadline: Duration,
    /// KILL that long after TERM.
    pub kill_after: Duration,
    /// Longest last line, in bytes.
    pub line: usize,
}

#[derive(Deserialize)]
struct Answer {
    outcome: String,
    #[serde(default)]
    detail: Option<String>,
}

fn read_answer(
    out: &[u8],
    code: Option<i32>,
    longest: usize,
    secrets: &[Secret<String>],
) -> Result<(String, String), String> {
    if code == Some(3) {
        let detail = last_line(out)
            .and_then(|line| serde_json::from_slice::<Answer>(line).ok())
            .and_then(|a| a.detail);
        return Ok(("unsupported".into(), detail.unwrap_or_default()));
    }
    let line = last_line(out).ok_or_else(|| {
        let ended = code.map_or("ended by a signal".to_owned(), |code| format!("exit code {code}"));
        format!("no whole line of at most {longest} bytes on standard output, {ended}")
    })?;
    if line.len() > longest {
        return Err(format!("the last line is over {longest} bytes"));
    }
    let answer: Answer = serde_json::from_slice(line).map_err(|_| {
        format!("the last line is not the JSON object of the protocol: {}", preview(line, secrets))
    })?;
    match answer.outcome.as_str() {
        "done" | "refused" | "unsupported" | "error" => {
            Ok((answer.outcome, answer.detail.unwrap_or_default()))
        }
        other => Err(format!("unknown outcome {}", preview(other.as_bytes(), secrets))),
    }
}

fn last_line(out: &[u8]) -> Option<&[u8]> {
    out.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).rfind(|line| !line.is_empty())
}

/// The beginning of what a program printed. Masked before it is cut: half a secret is not recognised any more.
fn preview(bytes: &[u8], secrets: &[Secret<String>]) -> String {
    let text: String = mask(&String::from_utf8_lossy(bytes), secrets).chars().take(80).collect();
    format!("{text:?}")
}

/// Reads to the end, keeping the last `keep` bytes. Where something was cut off, the line that the cut fell in is left
/// out, because a secret could have been cut too: what is kept then starts with a whole line.
async fn tail(stream: Option<impl AsyncRead + Unpin>, keep: usize) -> Vec<u8> {
    let Some(mut stream) = stream else { return Vec::new() };
    let (mut kept, mut chunk, mut cut) = (Vec::new(), vec![0; 16 * 1024], false);
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        if kept.len() > 2 * keep {
            kept.drain(..kept.len() - keep);
            cut = true;
        }
    }
    if kept.len() > keep {
        kept.drain(..kept.len() - keep);
        cut = true;
    }
    if cut {
        let whole = kept.iter().position(|byte| *byte == b'\n').map_or(kept.len(), |end| end + 1);
        kept.drain(..whole);
    }
    kept
}

/// A process group that dies with its guard, grandchildren included.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        stop(self.0, Signal::KILL);
    }
}

fn stop(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        let _ = kill_process_group(group, signal);
    }
}

fn mask(text: &str, secrets: &[Secret<String>]) -> String {
    let mut out = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.reveal().len() >= 8) {
        out = out.replace(secret.reveal().as_str(), "[masqué]");
    }
    out.chars().filter(|c| !c.is_control()).take(1_000).collect()
}

fn is_executable(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Adapter {
        Adapter { argv: vec!["sh".into(), "-c".into(), script.into()], dir: "/".into() }
    }

    fn allowance(ms: u64) -> Allowance {
        Allowance {
            deadline: Duration::from_millis(ms),
            kill_after: Duration::from_millis(300),
            line: 65_536,
        }
    }

    async fn word(script: &str) -> AdapterWord {
        shell(script).step("login", &serde_json::json!({"run": 1}), allowance(5_000), &[]).await
    }

    #[tokio::test]
    async fn the_last_line_counts_and_exit_code_three_is_unsupported() {
        assert_eq!(
            word("cat >/dev/null; echo hi; echo '{\"outcome\":\"done\",\"detail\":\"x\"}'").await.outcome,
            "done"
        );
        assert_eq!(
            word("echo '{\"outcome\":\"error\",\"detail\":\"no\"}'; exit 3").await.outcome,
            "unsupported"
        );
        assert_eq!(
            word("read line; echo \"$line\" | grep -q '\"run\":1' && echo '{\"outcome\":\"refused\"}'")
                .await
                .outcome,
            "refused"
        );
    }

    #[tokio::test]
    async fn rubbish_silence_and_long_lines_are_unreadable() {
        assert_eq!(word("echo rubbish").await.outcome, "unreadable");
        assert_eq!(word("true").await.outcome, "unreadable");
        assert_eq!(word("echo '{\"outcome\":\"victory\"}'").await.outcome, "unreadable");
        assert_eq!(word("head -c 200000 /dev/zero | tr '\\0' x").await.outcome, "unreadable");
    }

    #[tokio::test]
    async fn a_hanging_adapter_and_its_children_are_stopped() {
        let started = std::time::Instant::now();
        let word =
            shell("trap '' TERM; sleep 30 & sleep 30").step("send", &Value::Null, allowance(200), &[]).await;
        assert_eq!(word.outcome, "timeout");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn secrets_are_masked_in_what_it_prints() {
        let secrets = [Secret::new("tok-0123456789".to_owned())];
        let script = "echo '{\"outcome\":\"done\",\"detail\":\"used tok-0123456789\"}'";
        let word = shell(script).step("login", &Value::Null, allowance(5_000), &secrets).await;
        assert_eq!(word.detail, "used [masqué]");
    }

    #[test]
    fn a_missing_program_or_script_is_named() {
        let absent = Adapter { argv: vec!["/nowhere/lps".into()], dir: "/".into() };
        assert_eq!(absent.check().unwrap_err().code, Code::AdapterMissing);
        let script = Adapter { argv: vec!["sh".into(), "absent.py".into()], dir: "/".into() };
        assert!(script.check().unwrap_err().message.contains("absent.py"));
        assert!(shell("true").check().is_ok());
    }
}
