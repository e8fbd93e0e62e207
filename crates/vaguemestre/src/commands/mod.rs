mod account;
mod annuaire;
mod annuaire_serve;
mod backup;
mod cert;
mod check;
mod demo;
mod doctor;
mod faulty;
mod files;
mod jobs;
mod junit;
mod lps;
mod proof;
mod psc;
mod run;
mod show;
mod token_scan;
mod up;

use bench::Error;

pub(crate) use annuaire::{Card, Import, Search, Synth};
pub(crate) use annuaire_serve::Serve;
pub(crate) use faulty::Faulty;
pub(crate) use lps::Lps;

use crate::cli::{Annuaire, Cli, Command};

/// Carries a command out; the exit code is the one of the contracts.
pub(crate) async fn run(cli: Cli) -> Result<u8, Error> {
    match &cli.command {
        Command::Up(arguments) => up::run(&cli, arguments).await,
        Command::Demo(arguments) => demo::run(&cli, arguments).await,
        Command::Account(arguments) => account::run(&cli, arguments).await,
        Command::Jobs => jobs::run(&cli).await,
        Command::Run(arguments) => run::run(&cli, arguments).await,
        Command::Log(arguments) => proof::log(&cli, arguments).await,
        Command::Proof(arguments) => proof::save(&cli, arguments).await,
        Command::Verify(arguments) => proof::verify(&cli, arguments),
        Command::Psc(arguments) => psc::run(&cli, arguments).await,
        Command::Cert(arguments) => cert::run(&cli, arguments).await,
        Command::Check(arguments) => check::run(&cli, arguments),
        Command::Show(arguments) => show::run(&cli, arguments),
        Command::Annuaire(Annuaire::Import(arguments)) => annuaire::import(&cli, arguments).await,
        Command::Annuaire(Annuaire::Search(arguments)) => annuaire::search(&cli, arguments).await,
        Command::Annuaire(Annuaire::Show(arguments)) => annuaire::show(&cli, arguments).await,
        Command::Annuaire(Annuaire::Synth(arguments)) => annuaire::synth(&cli, arguments),
        Command::Annuaire(Annuaire::Serve(arguments)) => annuaire_serve::run(&cli, arguments).await,
        Command::Backup(arguments) => backup::run(&cli, arguments).await,
        Command::Doctor(arguments) => doctor::run(&cli, arguments).await,
        Command::TokenScan(arguments) => token_scan::run(&cli, arguments).await,
        Command::Faulty(arguments) => faulty::run(&cli, arguments).await,
        Command::Lps(arguments) => self::lps::run(&cli, arguments).await,
        Command::LpsAdapter => Ok(::lps::adapter::run_stdio().await),
    }
}
