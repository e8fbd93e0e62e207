//! The directory on a page (SC.MSS/CONF.20, SC.MSS/UX.41): one box, results while typing, filters, the card of one person.
//!
//! A component, not a page: the bench shows it by itself, a workstation puts it beside the mail being written. A face mounts
//! the assets, asks its own [`annuaire::Directory`], and puts what [`Component::panel`], [`Component::results`] and
//! [`Component::card`] render into its frame. With [`Options::picks`] each address has a button that tells the page around it
//! (event `directory:pick`, detail `{address, name}`).
//!
//! # Why it works without a script
//!
//! The question is a form and the answer a page with an address of its own: it can be bookmarked, sent, gone back to. The
//! script only asks sooner and moves the focus.

mod card;
mod hits;
mod panel;
mod question;
mod words;

use annuaire::{Found, Sheet};
use askama::Template;
use web::{Asset, Assets, T};

pub use question::Question;

/// Where a face mounts the component, and what it offers.
#[derive(Clone, Debug)]
pub struct Options {
    /// Path of the page with the box, such as `/directory`. The fragments are at `{path}/hits`, cards at `{path}/card/{id}`.
    pub path: String,
    /// Whether an address can be chosen for the page around it.
    pub picks: bool,
}

/// What the directory said to a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing was asked yet; with the number of cards and the date of the extraction where they are known.
    Idle {
        /// How many cards there are.
        cards: u64,
        /// Date of the extraction (RFC 3339).
        source_date: Option<String>,
        /// Whether it is old.
        stale: bool,
    },
    /// The answer.
    Found(Box<Found>),
    /// No extraction was imported on this machine.
    NoBase,
    /// The directory could not be asked; never shown as an empty result. The text is for the reader.
    Failed(String),
}

/// The component with its assets; cheap to clone.
#[derive(Clone, Debug)]
pub struct Component {
    assets: Assets,
    options: Options,
}

impl Component {
    /// The component as a face wants it.
    pub fn new(options: Options) -> Self {
        let assets = Assets::new(
            "/annuaire-assets",
            &[
                Asset {
                    name: "directory.css",
                    media_type: "text/css; charset=utf-8",
                    bytes: include_bytes!("../assets/directory.css"),
                },
                Asset {
                    name: "directory.js",
                    media_type: "text/javascript; charset=utf-8",
                    bytes: include_bytes!("../assets/directory.js"),
                },
            ],
        );
        Self { assets, options }
    }

    /// The files that its pages load: to be mounted at the root of the face, and named in the frame
    /// (`directory.css`, `directory.js`).
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The box, the filters and the answer.
    pub fn panel(&self, t: T, question: &Question, answer: &Answer) -> String {
        rendered(&panel::Panel::new(t, &self.options, question, self.results(t, question, answer)))
    }

    /// The answer alone: what replaces the element `directory-results` while somebody types.
    pub fn results(&self, t: T, question: &Question, answer: &Answer) -> String {
        rendered(&hits::Hits::new(t, &self.options, question, answer))
    }

    /// Everything that is known of one person or structure. `back` is the question that led there.
    pub fn card(&self, t: T, sheet: &Sheet, back: &Question) -> String {
        rendered(&card::CardView::new(t, &self.options, sheet, back))
    }
}

/// A template that cannot be rendered is our fault: it is logged, and leaves its place empty.
fn rendered(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a part of the directory could not be rendered");
        String::new()
    })
}
