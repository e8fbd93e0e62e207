use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use i18n::Lang;

/// A bench, a connector and a sandbox for MSSanté mail clients.
#[derive(Debug, Parser)]
#[command(name = "vaguemestre", version, about, long_about = None, propagate_version = true)]
pub(crate) struct Cli {
    /// Data directory [default: $XDG_DATA_HOME/vaguemestre, else ~/.local/share/vaguemestre]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// URL of a running server, instead of the one of the data directory
    #[arg(long, global = true, env = "VAGUEMESTRE_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// File that holds the server's API key
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Language of what is written for people
    #[arg(long, global = true, env = "VAGUEMESTRE_LANG", default_value = "fr", value_parser = ["fr", "en"])]
    lang: String,
    /// One JSON object on one line instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    pub(crate) fn lang(&self) -> Lang {
        if self.lang == "en" { Lang::En } else { Lang::Fr }
    }

    pub(crate) fn wants_json(&self) -> bool {
        self.json
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the sandbox and the bench, until SIGTERM or Ctrl-C
    Up(Up),
    /// Take the product's own LPS through every job, and show the verdicts and the proof
    Demo(Demo),
    /// Register products and list them
    #[command(subcommand)]
    Account(Account),
    /// List the jobs
    Jobs,
    /// Run a job, a group or all jobs for a product
    Run(Run),
    /// Show the log of a run
    Log(Log),
    /// Save the signed proof of a run
    Proof(Proof),
    /// Check a proof: its signature, and every verdict judged again
    Verify(Verify),
    /// The Pro Santé Connect sandbox
    #[command(subcommand)]
    Psc(Psc),
    /// Write the AUTH_CLI certificate of a product, its key and the lab's CA, and say how to use them
    Cert(Cert),
    /// Check mails, IHE_XDM archives, CDA documents and PDF files, without any server
    Check(Check),
    /// Show a CDA document as text, as a page or as PDF/A
    Show(Show),
    /// The directory of MSSanté addresses
    #[command(subcommand)]
    Annuaire(Annuaire),
    /// Copy the data directory whole, while its server runs
    Backup(Backup),
    /// Look whether the data directory holds together, and say what to do
    Doctor(Doctor),
    /// Search disks, base dumps and logs for tokens of Pro Santé Connect, and parts of them (SC.MSS/CONF.28)
    TokenScan(TokenScan),
    /// A mail server alone that misbehaves as a script says, for any test suite
    Faulty(crate::commands::Faulty),
    /// The connector of this binary as a service: mailboxes, work list, filing, requests, traces
    #[command(subcommand)]
    Lps(crate::commands::Lps),
    /// The LPS of this binary as an adapter: one step, read from standard input
    #[command(hide = true)]
    LpsAdapter,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Annuaire {
    /// Read the public extractions into the base that is searched
    Import(crate::commands::Import),
    /// Find somebody's MSSanté address
    Search(Box<crate::commands::Search>),
    /// Show everything that the extractions say of one card
    Show(crate::commands::Card),
    /// Write an extraction of invented people
    Synth(crate::commands::Synth),
    /// Serve the sandbox of the directory's FHIR API alone, with invented people
    Serve(crate::commands::Serve),
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// `default` takes the documented ports, `auto` picks free ones once and keeps them [default: those kept, else default]
    #[arg(long, value_enum)]
    pub(crate) ports: Option<PortChoice>,
    /// Pick new ports and re-issue what carried the old ones
    #[arg(long)]
    pub(crate) renumber: bool,
    /// Domain of the mailboxes: they are at mail-tests-editeur.<DOMAIN>
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: Option<String>,
    /// Port of the DNS, UDP and TCP; 53 where the system allows it, for clients that know no other. Kept [default: 1053]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) dns_port: Option<u16>,
    /// Accept the tokens of another Pro Santé Connect too, such as the ANS's sandbox; asked for at each start
    #[arg(long, value_name = "URL", requires = "also_jwks")]
    pub(crate) also_issuer: Option<String>,
    /// Its keys (JWKS): a file, or an address
    #[arg(long, value_name = "FILE|URL", requires = "also_issuer")]
    pub(crate) also_jwks: Option<String>,
    /// Keep the directory up to date from this extraction, looked at each day; asked for at each start. May be given again
    /// for the PS_LibreAcces files
    #[arg(long, value_name = "URL")]
    pub(crate) directory_url: Vec<String>,
    /// Roots (PEM) trusted for it beside the system's, such as that of IGC-Santé
    #[arg(long, value_name = "FILE", requires = "directory_url")]
    pub(crate) directory_ca: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PortChoice {
    Default,
    Auto,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End when the verdicts are in: 0 only if every one is *passed*
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Register a product: two mailboxes, a PSC client and an AUTH_CLI certificate, at once
    Add(AccountAdd),
    /// List the products
    List,
}

#[derive(Debug, Args)]
pub(crate) struct AccountAdd {
    /// Product reference (NIL)
    #[arg(long)]
    pub(crate) nil: String,
    /// Product name
    #[arg(long)]
    pub(crate) name: String,
    /// Product version
    #[arg(long)]
    pub(crate) product_version: Option<String>,
    /// National identifier of the PSC identity
    #[arg(long)]
    pub(crate) psc_id: String,
    /// National identifier of the AUTH_CLI certificate
    #[arg(long)]
    pub(crate) app_id: String,
    /// Type of the PSC mailbox: PER or ORG
    #[arg(long = "type", default_value = "PER")]
    pub(crate) kind: String,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A job id, a group (the last element of its path), or `all`
    pub(crate) what: String,
    /// Product reference
    #[arg(long)]
    pub(crate) nil: String,
    /// Program that drives the client, or `lps` for this binary's own; without it, a person does
    #[arg(long, value_name = "CMD")]
    pub(crate) adapter: Option<String>,
    /// Seconds to wait for a person
    #[arg(long, value_name = "S")]
    pub(crate) timer: Option<u64>,
    /// Shorten announced durations; said in the verdict
    #[arg(long)]
    pub(crate) accelerated: bool,
    /// Write a JUnit report
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Do not count jobs that the adapter does not support
    #[arg(long)]
    pub(crate) allow_unsupported: bool,
    /// Hand ready messages to the client; said in the verdict
    #[arg(long)]
    pub(crate) canned: bool,
    /// Seed of everything drawn by lot
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Number of the run
    pub(crate) run: i64,
    /// Go on until the verdict
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Proof {
    /// Number of the run
    pub(crate) run: i64,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The proof
    pub(crate) file: PathBuf,
    /// The expected key: its fingerprint, or a file that holds the public key
    #[arg(long, value_name = "FPR|FILE")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files and directories; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Write the report as a page
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// A warning counts as an error
    #[arg(long)]
    pub(crate) strict: bool,
    /// Further addresses of patients: a domain, an address, or `#########@domain` with a `#` for each digit; repeatable
    #[arg(long = "user-domain", value_name = "DOMAIN")]
    pub(crate) user_domains: Vec<mss::UserDomain>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A CDA document, or an IHE_XDM archive or a mail that carries one; `-` is standard input
    pub(crate) file: PathBuf,
    /// As a page
    #[arg(long, group = "form")]
    pub(crate) html: bool,
    /// As PDF/A-1b; of a document that is a PDF, that PDF
    #[arg(long, group = "form")]
    pub(crate) pdf: bool,
    /// As text, which is the default
    #[arg(long, group = "form")]
    pub(crate) text: bool,
    /// Which document, from 1, where there are several
    #[arg(long, value_name = "N")]
    pub(crate) document: Option<usize>,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Psc {
    /// Print an access token of a test identity
    Token(PscToken),
}

#[derive(Debug, Args)]
pub(crate) struct PscToken {
    /// National identifier
    #[arg(long)]
    pub(crate) identity: String,
    /// A token that expires after a few seconds
    #[arg(long)]
    pub(crate) accelerated: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cert {
    /// Product reference
    #[arg(long)]
    pub(crate) nil: String,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Directory to make; refused where it exists
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct TokenScan {
    /// Files and directories; links are not followed
    #[arg(required = true, value_name = "DIR")]
    pub(crate) paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Put right what can be put right without losing anything
    #[arg(long)]
    pub(crate) repair: bool,
}
