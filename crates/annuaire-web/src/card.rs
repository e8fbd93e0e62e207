use annuaire::{Section, Sheet};
use askama::Template;
use web::T;

use crate::hits::{BoxRow, boxes, place, what};
use crate::question::Question;
use crate::{Options, words};

/// A card with every field that the extractions fill (SC.MSS/UX.41).
#[derive(Template)]
#[template(path = "card.html")]
pub(crate) struct CardView<'a> {
    t: T,
    name: &'a str,
    what: String,
    rpps: &'a str,
    finess: &'a str,
    back: String,
    boxes: Vec<BoxRow>,
    places: Vec<String>,
    source: String,
    sections: &'a [Section],
    picks: bool,
}

impl<'a> CardView<'a> {
    pub(crate) fn new(t: T, options: &Options, sheet: &'a Sheet, back: &Question) -> Self {
        let card = &sheet.card;
        let date = sheet.source_date.as_deref().map(words::day);
        Self {
            t,
            name: &card.name,
            what: what(card),
            rpps: card.rpps.as_deref().unwrap_or_default(),
            finess: card.finess.as_deref().unwrap_or_default(),
            back: back.address(&options.path),
            boxes: boxes(t, card).collect(),
            places: card.places.iter().map(place).collect(),
            source: date.map(|day| t.with("directory-source", "date", day)).unwrap_or_default(),
            sections: &sheet.sections,
            picks: options.picks,
        }
    }
}
