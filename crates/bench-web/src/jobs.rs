//! The tree of jobs, with MOTCO2's roots and groups.
//!
//! The tree is nested `<details>`, open as it comes, so that it folds without a script. A leaf says by itself what a
//! tester asks first: has it passed for this product, who acts, which requirement is it about.

use std::collections::HashMap;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bench::judge::Verdict;
use bench::scenario::{Automation, Scenario};
use bench::{Product, Run};
use web::{T, Tone, pill};

use crate::Face;
use crate::asked::{Asked, address};
use crate::frame::say;
use crate::view::{Failure, verdict_pill};

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/jobs", get(jobs))
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct Jobs<'a> {
    t: T,
    product: Option<&'a Product>,
    nil: &'a str,
    q: &'a str,
    all: usize,
    found: usize,
    tally: Vec<(String, usize)>,
    never: usize,
    roots: Vec<Branch>,
    command: String,
}

/// A group of the tree; shows itself with everything under it.
#[derive(Template)]
#[template(path = "branch.html")]
struct Branch {
    t: T,
    depth: usize,
    /// Id of its command on the page.
    cli: String,
    /// As shown.
    title: String,
    reconstructed: bool,
    jobs: Vec<Leaf>,
    branches: Vec<Branch>,
    /// `None` where there is no product, or where the group has no jobs of its own.
    command: Option<String>,
}

struct Leaf {
    id: String,
    title: String,
    href: String,
    requirements: Vec<(String, String)>,
    mailbox: &'static str,
    automation: String,
    reconstructed: bool,
    last: Option<(i64, String)>,
    passed: bool,
    nil: String,
}

impl Branch {
    fn count(&self) -> usize {
        self.jobs.len() + self.branches.iter().map(Self::count).sum::<usize>()
    }

    fn passed(&self) -> usize {
        self.jobs.iter().filter(|job| job.passed).count()
            + self.branches.iter().map(Self::passed).sum::<usize>()
    }

    fn progress(&self) -> String {
        let (passed, count) = (self.passed().to_string(), self.count().to_string());
        i18n::text_with(
            self.t.0,
            "jobs-progress",
            &[("passed", passed.as_str().into()), ("count", count.as_str().into())],
        )
    }
}

async fn jobs(State(face): State<Face>, asked: Asked) -> Result<Response, Failure> {
    let t = asked.t();
    let (_, product) = asked.product(&face).await?;
    let last = match &product {
        Some(product) => face.bench.last_runs(&product.nil).await?,
        None => Vec::new(),
    };
    let q: String = asked.get("q").chars().take(200).collect();
    let catalogue = face.bench.catalogue();
    let words: Vec<String> = q.split_whitespace().map(fold).collect();
    let found: Vec<&Scenario> = catalogue.iter().filter(|job| holds(job, &words)).collect();
    let nil = product.as_ref().map_or("", |product| product.nil.as_str());
    let tree = Tree { asked: &asked, nil, last: last.iter().map(|run| (run.job.as_str(), run)).collect() };
    let body = Jobs {
        t,
        product: product.as_ref(),
        nil,
        q: &q,
        all: catalogue.iter().count(),
        found: found.len(),
        tally: tally(t, &last, &found),
        never: found.iter().filter(|job| !tree.last.contains_key(job.id.as_str())).count(),
        roots: tree.branches(&found, 0),
        command: command("all", nil),
    };
    Ok(asked.page(&face, &t.get("jobs-title")).show(&body))
}

/// The command that runs a group, or everything, with an adapter.
fn command(what: &str, nil: &str) -> String {
    let what = if what.contains(' ') { format!("'{what}'") } else { what.to_owned() };
    format!("vaguemestre run {what} --nil {nil} --adapter lps")
}

/// How many of these jobs ended how, the last time.
fn tally(t: T, last: &[Run], jobs: &[&Scenario]) -> Vec<(String, usize)> {
    let shown =
        [Verdict::Passed, Verdict::Failed, Verdict::Inconclusive, Verdict::Unsupported, Verdict::NotStarted];
    let shown = shown.into_iter().chain([Verdict::Aborted, Verdict::Attested, Verdict::NotApplicable]);
    let count = |verdict| {
        last.iter()
            .filter(|run| run.verdict == Some(verdict) && jobs.iter().any(|job| job.id == run.job))
            .count()
    };
    shown.map(|verdict| (verdict_pill(t, verdict), count(verdict))).filter(|(_, count)| *count > 0).collect()
}

struct Tree<'a> {
    asked: &'a Asked,
    nil: &'a str,
    last: HashMap<&'a str, &'a Run>,
}

impl Tree<'_> {
    /// The groups that these jobs make at this depth of their paths, in the order of the catalogue.
    fn branches(&self, jobs: &[&Scenario], depth: usize) -> Vec<Branch> {
        let mut names: Vec<&str> = Vec::new();
        for name in jobs.iter().filter_map(|job| job.path.get(depth)) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.into_iter().map(|name| self.branch(name, jobs, depth)).collect()
    }

    fn branch(&self, name: &str, jobs: &[&Scenario], depth: usize) -> Branch {
        let t = self.asked.t();
        let inside: Vec<&Scenario> =
            jobs.iter().filter(|job| job.path.get(depth).is_some_and(|at| at == name)).copied().collect();
        let own: Vec<&Scenario> = inside.iter().filter(|job| job.path.len() == depth + 1).copied().collect();
        Branch {
            t,
            depth,
            cli: format!("cli-{}", anchor(name)),
            title: group_title(t, name),
            reconstructed: inside.iter().all(|job| job.reconstructed),
            command: (!self.nil.is_empty() && !own.is_empty()).then(|| command(name, self.nil)),
            jobs: own.iter().map(|job| self.leaf(job)).collect(),
            branches: self.branches(&inside, depth + 1),
        }
    }

    fn leaf(&self, job: &Scenario) -> Leaf {
        let t = self.asked.t();
        let last = self.last.get(job.id.as_str());
        Leaf {
            id: job.id.clone(),
            title: say(self.asked.lang, &job.title),
            href: job_link(&job.id, self.nil),
            requirements: requirement_links(&job.requirements),
            mailbox: job.mailbox.name(),
            automation: automation_pill(t, job.automation),
            reconstructed: job.reconstructed,
            last: last.and_then(|run| Some((run.number, verdict_pill(t, run.verdict?)))),
            passed: last.is_some_and(|run| run.verdict == Some(Verdict::Passed)),
            nil: self.nil.to_owned(),
        }
    }
}

/// The address of a job's page.
pub(crate) fn job_link(id: &str, nil: &str) -> String {
    let query = (!nil.is_empty()).then_some(("nil", nil));
    address(&format!("/jobs/{id}"), query)
}

/// The short name of each requirement with the address of its entry in the registry.
pub(crate) fn requirement_links(ids: &[String]) -> Vec<(String, String)> {
    ids.iter().map(|id| (id.clone(), requirement_link(id))).collect()
}

/// The address of a requirement's entry in the registry.
pub(crate) fn requirement_link(id: &str) -> String {
    format!("/requirements#{}", anchor(id))
}

/// The name of a requirement's entry on its page.
pub(crate) fn anchor(id: &str) -> String {
    id.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
}

/// Who acts in a job.
pub(crate) fn automation_pill(t: T, automation: Automation) -> String {
    match automation {
        Automation::Auto => pill(Tone::Active, &t.get("job-auto")),
        Automation::Person => pill(Tone::Waiting, &t.get("job-person")),
        Automation::Attestation => pill(Tone::Idle, &t.get("job-attestation")),
    }
}

/// The name of a group; MOTCO2's own are French, and the command line takes them as they are.
pub(crate) fn group_title(t: T, name: &str) -> String {
    match name {
        "Cas de tests de référencement SEGUR" => t.get("jobs-root-segur"),
        "Cas de tests unitaires" => t.get("jobs-root-unit"),
        bench::scenario::BEYOND => t.get("jobs-root-beyond"),
        "Robustesse" => t.get("jobs-group-robustness"),
        "Relève" => t.get("jobs-group-reading"),
        "Envoi" => t.get("jobs-group-sending"),
        other => other.to_owned(),
    }
}

fn holds(job: &Scenario, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let all = [&job.id, &job.title.fr, &job.title.en].map(String::as_str).into_iter();
    let all =
        all.chain(job.path.iter().map(String::as_str)).chain(job.requirements.iter().map(String::as_str));
    let text = fold(&all.collect::<Vec<_>>().join(" "));
    words.iter().all(|word| text.contains(word))
}

/// Lower case, without the accents of French.
fn fold(text: &str) -> String {
    let plain = |c| match c {
        'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        other => other,
    };
    text.chars().flat_map(char::to_lowercase).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_found_by_words_and_by_requirement_whatever_the_case() {
        let catalogue = bench::scenario::Catalogue::load().unwrap();
        let found = |q: &str| {
            let words: Vec<String> = q.split_whitespace().map(fold).collect();
            catalogue.iter().filter(|job| holds(job, &words)).map(|job| job.id.clone()).collect::<Vec<_>>()
        };
        assert!(found("conf.07 imap").contains(&"psc-auth-imap".to_owned()));
        assert!(found("AUTH_CLI authentification").iter().all(|id| id.starts_with("cert-")));
        assert!(found("authentication smtp").contains(&"cert-auth-smtp".to_owned()));
        assert_eq!(found("telepathie"), Vec::<String>::new());
        assert_eq!(found("").len(), catalogue.iter().count());
    }

    #[test]
    fn anchors_are_ids_that_an_address_can_hold() {
        assert_eq!(anchor("SC.MSS/CONF.07"), "SC.MSS-CONF.07");
        assert_eq!(fold("Référencement"), "referencement");
    }
}
