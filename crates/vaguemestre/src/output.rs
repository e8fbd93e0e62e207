use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use bench::{Code, Error};
use serde_json::Value;

/// A line on standard output. A reader that went away (`| head`) is no failure of ours.
macro_rules! say {
    ($($words:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($words)*)));
    }};
}
pub(crate) use say;

/// One object, one line.
pub(crate) fn json(value: &Value) {
    // A reader that went away is no failure of ours.
    let _ = writeln!(std::io::stdout(), "{value}");
}

/// An error, in the form that was asked for; returns the exit code of the contracts.
pub(crate) fn error(error: &Error, as_json: bool) -> u8 {
    if as_json {
        json(&error.to_json());
    } else {
        eprintln!("vaguemestre: {} [{}]", error.message, error.code.name());
        if !error.next.is_empty() {
            eprintln!("  → {}", error.next);
        }
    }
    2
}

/// A command line that cannot be read. `--help` and `--version` are no errors.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if std::env::args().any(|argument| argument == "--json") {
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        json(&Error::new(Code::BadInput, first, "See vaguemestre --help.").to_json());
    } else {
        let _ = error.print();
    }
    ExitCode::from(2)
}

/// Whether progress lines may be rewritten in place.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
