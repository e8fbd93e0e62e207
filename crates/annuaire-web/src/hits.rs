//! The answer: state of the base, what was given up, filters, hits.

use annuaire::{BoxType, Card, Facet, Found, Hit};
use askama::Template;
use i18n::text_with;
use web::T;

use crate::question::Question;
use crate::{Answer, Options, words};

/// Filters of one kind shown at most.
const FACETS: usize = 6;

/// Places of one card shown at most; the card's page has them all.
const PLACES: usize = 2;

/// Addresses of one card shown at most.
const ADDRESSES: usize = 4;

#[derive(Template)]
#[template(path = "hits.html")]
pub(crate) struct Hits {
    t: T,
    /// What a screen reader hears, and everybody sees first.
    status: String,
    /// An alert in place of results; empty for none.
    fault: String,
    no_base: bool,
    stale: String,
    /// Since when the base could not be brought up to date.
    outage: String,
    source: String,
    examples: Vec<Link>,
    chips: Vec<Link>,
    relaxed: Vec<String>,
    meant: Option<Link>,
    groups: Vec<Group>,
    partial: bool,
    hits: Vec<Row>,
    more: String,
    picks: bool,
}

struct Link {
    href: String,
    text: String,
    /// Read aloud in place of the text, where it says too little alone.
    label: String,
}

struct Group {
    label: String,
    links: Vec<(Link, u64)>,
}

struct Row {
    href: String,
    name: String,
    what: String,
    places: Vec<String>,
    more_places: String,
    boxes: Vec<BoxRow>,
    more_boxes: String,
    reasons: Vec<ReasonRow>,
}

/// An address with what it is.
pub(crate) struct BoxRow {
    pub(crate) address: String,
    /// The address in pieces, between which a narrow screen may break it.
    pub(crate) pieces: Vec<String>,
    pub(crate) kind: String,
    pub(crate) class: &'static str,
    pub(crate) structure: String,
    /// Nobody reads it.
    pub(crate) is_machine: bool,
    pub(crate) paperless: bool,
}

#[derive(PartialEq, Eq)]
struct ReasonRow {
    field: String,
    value: String,
    how: String,
}

impl Hits {
    pub(crate) fn new(t: T, options: &Options, question: &Question, answer: &Answer) -> Self {
        let mut page = Self {
            t,
            status: String::new(),
            fault: String::new(),
            no_base: false,
            stale: String::new(),
            outage: String::new(),
            source: String::new(),
            examples: Vec::new(),
            chips: chips(t, options, question),
            relaxed: Vec::new(),
            meant: None,
            groups: Vec::new(),
            partial: false,
            hits: Vec::new(),
            more: String::new(),
            picks: options.picks,
        };
        match answer {
            Answer::Idle { cards, source_date, stale } => {
                let count = i64::try_from(*cards).unwrap_or(i64::MAX);
                page.status = text_with(t.0, "directory-cards", &[("count", count.into())]);
                page.date(source_date.as_deref(), *stale);
                let examples = ["gynéco place de l'église montluçon", "Dupont 97500 cardiologue"];
                let link = |text: &str| Link {
                    href: Question::from_pairs([("q", text)]).address(&options.path),
                    text: text.to_owned(),
                    label: String::new(),
                };
                page.examples = examples.map(link).into();
            }
            Answer::NoBase => {
                page.no_base = true;
                page.status = t.get("directory-no-base");
            }
            Answer::Failed(what) => page.fault.clone_from(what),
            Answer::Found(found) => page.fill(options, question, found),
        }
        page
    }

    fn date(&mut self, date: Option<&str>, is_stale: bool) {
        let Some(day) = date.map(words::day) else { return };
        self.source = self.t.with("directory-source", "date", day);
        if is_stale {
            self.stale = self.t.with("directory-stale", "date", day);
        }
    }

    fn fill(&mut self, options: &Options, question: &Question, found: &Found) {
        let t = self.t;
        let total = i64::try_from(found.total).unwrap_or(i64::MAX);
        self.date(found.source_date.as_deref(), found.stale);
        if let Some(outage) = &found.outage {
            self.outage = t.with("directory-outage", "date", words::day(&outage.since));
        }
        self.status = match (&found.relaxed, total) {
            (None, 0) => t.get("directory-none"),
            _ => text_with(t.0, "directory-found", &[("count", total.into())]),
        };
        if let Some(relaxed) = &found.relaxed {
            let field = words::reason(t, relaxed.field);
            let values = [("field", field.as_str().into()), ("query", relaxed.query.as_str().into())];
            self.relaxed.push(text_with(t.0, "directory-relaxed", &values));
            for also in &relaxed.also {
                let field = words::reason(t, also.field);
                let values = [("field", field.as_str().into()), ("query", also.query.as_str().into())];
                self.relaxed.push(text_with(t.0, "directory-relaxed-also", &values));
            }
            for other in &relaxed.others {
                let field = words::reason(t, other.field);
                let count = i64::try_from(other.total).unwrap_or(i64::MAX);
                let values = [
                    ("field", field.as_str().into()),
                    ("query", other.query.as_str().into()),
                    ("count", count.into()),
                ];
                self.relaxed.push(text_with(t.0, "directory-relaxed-other", &values));
            }
        }
        self.meant = found.did_you_mean.as_ref().map(|text| Link {
            href: question.with("q", text).address(&options.path),
            text: text.clone(),
            label: String::new(),
        });
        if let Some(facets) = found.facets.as_ref().filter(|_| found.total > 1) {
            self.partial = facets.partial;
            self.groups = [
                ("profession", &facets.profession),
                ("specialty", &facets.specialty),
                ("department", &facets.department),
                ("city", &facets.city),
                ("type", &facets.types),
            ]
            .into_iter()
            .filter_map(|(name, values)| group(t, options, question, name, values))
            .collect();
        }
        self.hits = found.hits.iter().map(|hit| row(t, options, question, hit)).collect();
        let shown = i64::try_from(found.hits.len()).unwrap_or(i64::MAX);
        if total > shown {
            let values = [("shown", shown.into()), ("count", total.into())];
            self.more = text_with(t.0, "directory-more", &values);
        }
    }
}

/// The criteria that are set, each with a way to take it off.
fn chips(t: T, options: &Options, question: &Question) -> Vec<Link> {
    let chip = |(name, value): (&str, &str)| {
        let shown = if name == "type" { words::kind(t, &BoxType::parse(value)) } else { value.to_owned() };
        let field = words::field(t, name);
        let values = [("field", field.as_str().into()), ("value", shown.as_str().into())];
        let text = text_with(t.0, "directory-criterion", &values);
        let label = t.with("directory-take-off", "criterion", &text);
        Link { href: question.without(name, value).address(&options.path), text, label }
    };
    question.filters().map(chip).collect()
}

/// The filters of one field that would narrow the answer; none where there is no choice.
fn group(t: T, options: &Options, question: &Question, name: &str, values: &[Facet]) -> Option<Group> {
    let is_set = question.filters().any(|(field, _)| field == name);
    if is_set || values.len() < 2 {
        return None;
    }
    let link = |facet: &Facet| {
        let text =
            if name == "type" { words::kind(t, &BoxType::parse(&facet.value)) } else { facet.label.clone() };
        let href = question.with(name, &facet.value).address(&options.path);
        (Link { href, text, label: String::new() }, facet.count)
    };
    Some(Group { label: words::field(t, name), links: values.iter().take(FACETS).map(link).collect() })
}

fn row(t: T, options: &Options, question: &Question, hit: &Hit) -> Row {
    let card = &hit.card;
    let more = |total: usize, shown: usize, id: &str| {
        if total > shown { t.count(id, "count", total - shown) } else { String::new() }
    };
    let reason = |reason: &annuaire::Reason| ReasonRow {
        field: words::reason(t, reason.field),
        value: reason.value.clone(),
        how: words::how(t, reason.how),
    };
    // Two words of the question that lead to one value are one reason.
    let mut reasons: Vec<ReasonRow> = Vec::new();
    for why in hit.reasons.iter().map(reason) {
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }
    Row {
        href: question.address(&card_path(options, &card.id)),
        name: card.name.clone(),
        what: what(card),
        places: card.places.iter().take(PLACES).map(place).collect(),
        more_places: more(card.places.len(), PLACES, "directory-more-places"),
        boxes: boxes(t, card).take(ADDRESSES).collect(),
        more_boxes: more(card.addresses.len(), ADDRESSES, "directory-more-boxes"),
        reasons,
    }
}

/// Where a card's page is.
fn card_path(options: &Options, id: &str) -> String {
    let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("{}/card/{}", options.path, id.replace('+', "%20"))
}

/// Profession and specialty in one line.
pub(crate) fn what(card: &Card) -> String {
    let parts = [card.profession.as_deref(), card.specialty.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// A place in one line.
pub(crate) fn place(place: &annuaire::Place) -> String {
    let town = format!("{} {}", place.postcode, place.city);
    let parts = [place.structure.as_str(), place.street.as_str(), town.trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// A text with an address in it, cut after each `@` and before each dot of the domain; any other text whole.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let Some((local, domain)) = text.split_once('@') else { return vec![text.to_owned()] };
    let mut pieces = vec![format!("{local}@")];
    for (at, label) in domain.split('.').enumerate() {
        pieces.push(if at == 0 { label.to_owned() } else { format!(".{label}") });
    }
    pieces
}

/// The addresses of a card; those that nobody reads are last already.
pub(crate) fn boxes(t: T, card: &Card) -> impl Iterator<Item = BoxRow> {
    card.addresses.iter().map(move |address| BoxRow {
        address: address.address.clone(),
        pieces: pieces(&address.address),
        kind: words::kind(t, &address.kind),
        class: match address.kind {
            BoxType::Per => "per",
            BoxType::Org => "org",
            BoxType::Cab => "cab",
            _ => "app",
        },
        // Of one place only, its name was said already.
        structure: match card.places.as_slice() {
            [only] if only.structure == address.structure => String::new(),
            _ => address.structure.clone(),
        },
        is_machine: address.kind == BoxType::App,
        paperless: address.paperless,
    })
}
