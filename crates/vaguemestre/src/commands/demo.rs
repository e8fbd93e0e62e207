use std::path::PathBuf;

use bench::adapter::Adapter;
use bench::{Bench, Code, Error, NewProduct, Request, write_private};
use i18n::{Arg, text, text_with};
use operator::Kind;
use serde_json::json;

use super::run::{Progress, exit_code, table};
use super::up::{Ends, addresses};
use crate::cli::{Cli, Demo};
use crate::data::default_path;
use crate::output;
use crate::ports::Ports;
use crate::sandbox::{Sandbox, Wish};

/// The product of the demonstration.
const NIL: &str = "2621";

/// `vaguemestre demo`.
pub(crate) async fn run(cli: &Cli, arguments: &Demo) -> Result<u8, Error> {
    let mut ends = Ends::listen()?;
    let lang = cli.lang();
    let data = match &cli.data {
        Some(data) => data.clone(),
        None => default_path()?.join("demo"),
    };
    let wish = Wish { data, domain: None, renumber: false, also: None, fresh: None };
    let sandbox = Sandbox::start(wish, Ports::for_demo).await?;
    if !cli.json {
        output::say!("{}", text(lang, "cli-demo-title"));
        addresses(lang, &sandbox.up);
        output::say!("");
    }
    let judged = tokio::select! {
        judged = judge(cli, &sandbox.bench) => judged,
        () = ends.wait() => {
            sandbox.stop().await;
            return Ok(1);
        }
    };
    let (code, proof) = match judged {
        Ok(judged) => judged,
        Err(error) => {
            sandbox.stop().await;
            return Err(error);
        }
    };
    if !cli.json {
        let path = proof.display().to_string();
        output::say!("");
        output::say!("{}", text_with(lang, "cli-demo-proof", &[("path", Arg::Text(&path))]));
        output::say!("  vaguemestre verify {path}");
        if !arguments.once {
            output::say!("");
            output::say!("{}", text(lang, "cli-demo-open"));
            addresses(lang, &sandbox.up);
            output::say!("{}", text(lang, "cli-up-stop"));
        }
    }
    if !arguments.once {
        ends.wait().await;
    }
    sandbox.stop().await;
    Ok(if arguments.once { code } else { 0 })
}

/// Registers the product where it is not, takes our LPS through every job, and writes the proof.
async fn judge(cli: &Cli, bench: &Bench) -> Result<(u8, PathBuf), Error> {
    let new = NewProduct {
        nil: NIL.into(),
        name: "SantéProMoins".into(),
        version: Some("2.1.2".into()),
        kind: Kind::Per,
        psc_identity: "899700000018".into(),
        app_identity: "163254178".into(),
        course: "MDV".into(),
        procedure: "Référencement Ségur vague 2".into(),
        status: "En cours".into(),
    };
    match bench.add_product(new).await {
        Ok(_) => {}
        Err(error) if error.code == Code::DuplicateNil => {}
        Err(error) => return Err(error),
    }
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    let adapter = Adapter { argv: vec![program, "lps-adapter".into()], dir: std::env::current_dir()? };
    let request = Request {
        nil: NIL.into(),
        what: jobs(bench),
        adapter: Some(adapter),
        timer: None,
        // Slow servers are among the jobs: a newcomer does not wait for their real slowness.
        accelerated: true,
        canned: false,
        seed: None,
    };
    let (campaign, _) = bench.start(request).await?;
    let mut changes = bench.changes();
    let mut progress = Progress::new(cli.lang());
    let mut done = loop {
        changes.mark_unchanged();
        let now = bench.campaign_json(campaign).await?.unwrap_or_default();
        progress.show(&now);
        if now["finished"] == json!(true) {
            break now;
        }
        if changes.changed().await.is_err() {
            break now;
        }
    };
    progress.end();
    let proof = bench.parts().data.join("proofs").join(format!("campagne-{campaign}.proof"));
    write_private(&proof, bench.campaign_proof(campaign).await?.as_bytes())?;
    if cli.json {
        done["proof"] = json!(proof);
        output::json(&done);
    } else {
        table(cli.lang(), &done);
    }
    Ok((exit_code(&done, false), proof))
}

/// Every job that an adapter can do, but those that our LPS does not pass yet.
fn jobs(bench: &Bench) -> String {
    #[derive(serde::Deserialize)]
    struct NotYet {
        jobs: Vec<String>,
    }
    let left_out: NotYet = toml::from_str(include_str!("../lps_not_yet.toml")).expect("a file of this build");
    if left_out.jobs.is_empty() {
        return "all".into();
    }
    let auto = bench.catalogue().iter().filter(|job| job.automation == bench::scenario::Automation::Auto);
    let chosen = auto.map(|job| job.id.as_str()).filter(|id| !left_out.jobs.iter().any(|other| other == id));
    chosen.collect::<Vec<_>>().join(",")
}
