use std::path::PathBuf;

use bench::{Code, Error, write_private};
use clap::{Args, ValueEnum};
use i18n::{Arg, text_with};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use kernel::Clock;
use serde_json::json;

use crate::cli::Cli;
use crate::output;

/// A mail to try a practice with: a document about the published patient of tests, in an archive.
#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// Address of the sender
    #[arg(long)]
    from: String,
    /// Address of the mailbox
    #[arg(long)]
    to: String,
    /// What it holds
    #[arg(long, value_enum, default_value = "letter")]
    kind: Kind,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A discharge letter
    Letter,
    /// Results of laboratory
    Results,
    /// Results of laboratory, one of them critical
    Critical,
}

/// `vaguemestre lps sample`. Each call makes another document of the same patient.
pub(super) fn run(cli: &Cli, arguments: &Sample) -> Result<u8, Error> {
    let address = |field: &str, text: &str| {
        mss::Address::parse(text).map_err(|error| {
            Error::new(Code::BadInput, error.to_string(), "Give an address such as 163254178@example.test.")
                .field(field)
        })
    };
    let (from, to) = (address("from", &arguments.from)?, address("to", &arguments.to)?);
    let sample = match arguments.kind {
        Kind::Letter => cda::Sample::DischargeLetter,
        Kind::Results => cda::Sample::NormalResults,
        Kind::Critical => cda::Sample::CriticalResults,
    };
    let now = Clock::system().now();
    // An OID that nobody else makes (ITU-T X.667: a random UUID under 2.25).
    let root = format!("2.25.{}", u128::from_be_bytes(kernel::random::bytes::<16>()));
    let document = cda::write(&sample.draft(&root, patient(), now));
    let mut draft = mss::Draft::new(from, vec![to], "0000", now);
    draft.documents.push(mss::Document::new(document));
    let mail =
        mss::compose(&draft).map_err(|error| Error::new(Code::BadInput, error.to_string(), "Try again."))?;
    write_private(&arguments.out, &mail)?;
    if cli.json {
        output::json(&json!({
            "schema": "vaguemestre/lps-sample/1", "out": arguments.out, "from": arguments.from, "to": arguments.to,
            "record": {"identity": patient(), "status": "qualified"},
        }));
    } else {
        let path = arguments.out.display().to_string();
        output::say!("{}", text_with(cli.lang(), "lps-sample-written", &[("path", Arg::Text(&path))]));
    }
    Ok(0)
}

/// The published patient of tests.
fn patient() -> Identity {
    let born = BirthDate::parse("19790328").expect("a date of the calendar");
    let traits = Traits::strict("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
    let matricule = Matricule::from_body("2790351215189").expect("a published number");
    Identity::new(matricule, Nature::Test, traits)
}
