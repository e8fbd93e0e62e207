use askama::Template;
use web::T;

use crate::question::Question;
use crate::{Options, words};

/// The box, the fields and the place of the answer.
#[derive(Template)]
#[template(path = "panel.html")]
pub(crate) struct Panel<'a> {
    t: T,
    path: &'a str,
    text: &'a str,
    fields: Vec<Field>,
    boxes: Vec<Type>,
    open: bool,
    results: String,
}

struct Field {
    name: &'static str,
    label: String,
    value: String,
    /// Words under the field; empty for none.
    hint: String,
}

struct Type {
    code: &'static str,
    label: String,
    checked: bool,
}

/// The criteria of SC.MSS/UX.41, in the order in which the requirement names them, and the department.
const FIELDS: [&str; 12] = [
    "identifier",
    "family",
    "given",
    "profession",
    "specialty",
    "organization",
    "address",
    "street",
    "postcode",
    "city",
    "department",
    "email",
];

impl<'a> Panel<'a> {
    pub(crate) fn new(t: T, options: &'a Options, question: &'a Question, results: String) -> Self {
        let hint = |name: &str| match name {
            "identifier" => t.get("directory-identifier-hint"),
            "profession" => t.get("directory-profession-hint"),
            "address" => t.get("directory-address-hint"),
            _ => String::new(),
        };
        let fields = FIELDS.map(|name| Field {
            name,
            label: words::field(t, name),
            value: question.get(name).to_owned(),
            hint: hint(name),
        });
        let boxes = ["PER", "ORG", "CAB", "APP"].map(|code| Type {
            code,
            label: words::kind(t, &annuaire::BoxType::parse(code)),
            checked: question.types().any(|given| given == code),
        });
        Self {
            t,
            path: &options.path,
            text: question.get("q"),
            open: question.filters().next().is_some(),
            fields: fields.into(),
            boxes: boxes.into(),
            results,
        }
    }
}
