//! `vaguemestre`: the bench, the connector and the sandbox, in one binary.
//!
//! Each command's standard output is a contract (docs/contracts.md): with `--json` exactly one object on one line.
//! Logs go to standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)] // the one crate whose job is to print

mod cli;
mod client;
mod commands;
mod data;
mod lps_service;
mod output;
mod ports;
mod sandbox;
mod second_issuer;

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::cli::Cli;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    start_logs();
    keep_memory_private();
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("vaguemestre: the runtime cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    let json = cli.wants_json();
    let code = match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => output::error(&error, json),
    };
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    ExitCode::from(code)
}

/// Tokens live in memory: no core dump, no debugger of another process of the same user, no `/proc/PID/mem`
/// (SC.MSS/CONF.28). Linux only; elsewhere the system's own settings decide.
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::warn!(%error, "this process can be dumped: its memory holds tokens");
    }
}

/// Logs on standard error; `VAGUEMESTRE_LOG` (or `RUST_LOG`) says how much, warnings by default.
fn start_logs() {
    let filter = EnvFilter::try_from_env("VAGUEMESTRE_LOG")
        .or_else(|_| EnvFilter::try_from_default_env())
        .unwrap_or_else(|_| EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(true)
        .try_init();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    #[test]
    fn conf_28_the_process_cannot_be_dumped() {
        super::keep_memory_private();
        assert!(matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable)));
    }
}
