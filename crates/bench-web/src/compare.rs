//! Two runs side by side: what changed between a failure and a pass.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bench::desk::Comparison;
use rules::{Outcome, Text};
use web::T;

use crate::Face;
use crate::asked::{Asked, Numbered, number, wrong};
use crate::frame::say;
use crate::jobs::requirement_link;
use crate::run::outcome_pill;
use crate::runs::{RunRow, run_row};
use crate::view::Failure;

pub(crate) fn routes() -> Router<Face> {
    Router::new().route("/runs/compare", get(compare))
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Compare {
    t: T,
    left: RunRow,
    right: RunRow,
    same_job: bool,
    checks: Vec<Both>,
    differing: usize,
    only_left: Vec<String>,
    only_right: Vec<String>,
}

struct Both {
    requirement: String,
    registry: String,
    expected: String,
    left: Option<(String, String)>,
    right: Option<(String, String)>,
    differs: bool,
}

impl Compare {
    fn heads(&self) -> [&RunRow; 2] {
        [&self.left, &self.right]
    }
}

impl Both {
    fn sides(&self) -> [&Option<(String, String)>; 2] {
        [&self.left, &self.right]
    }
}

async fn compare(State(face): State<Face>, asked: Asked) -> Result<Response, Failure> {
    let t = asked.t();
    // From a link (`a`, `b`), or from two boxes of the list (`run`, twice).
    let mut given: Vec<&str> =
        [asked.get("a"), asked.get("b")].into_iter().filter(|text| !text.is_empty()).collect();
    given.extend(asked.all("run"));
    let [one, other] = given[..] else {
        return Err(wrong(t.get("compare-two"), t.get("compare-two-next")).into());
    };
    let mut numbers = Vec::new();
    for text in [one, other] {
        let known = match number(text) {
            Some(found) if face.run(found).await.is_ok() => Some(found),
            _ => None,
        };
        let Some(found) = known else {
            return Ok(asked.unknown_number(&face, Numbered::Run, text));
        };
        numbers.push(found);
    }
    numbers.sort_unstable();
    let found = face.bench.compare(numbers[0], numbers[1]).await?;
    let body = side_by_side(&face, &asked, &found);
    Ok(asked.page(&face, &t.get("compare-title")).show(&body))
}

fn side_by_side(face: &Face, asked: &Asked, found: &Comparison) -> Compare {
    let (t, lang) = (asked.t(), asked.lang);
    let side = |of: &Option<(Outcome, Text)>| {
        of.as_ref().map(|(outcome, received)| (outcome_pill(t, *outcome), say(lang, received)))
    };
    let checks: Vec<Both> = found
        .checks
        .iter()
        .map(|check| Both {
            requirement: check.requirement.clone(),
            registry: requirement_link(&check.requirement),
            expected: say(lang, &check.expected),
            left: side(&check.left),
            right: side(&check.right),
            differs: check.differs,
        })
        .collect();
    Compare {
        t,
        left: run_row(face, lang, &found.left),
        right: run_row(face, lang, &found.right),
        same_job: found.left.job == found.right.job,
        differing: checks.iter().filter(|check| check.differs).count(),
        checks,
        only_left: found.only_left.clone(),
        only_right: found.only_right.clone(),
    }
}
