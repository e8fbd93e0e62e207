//! Pages to PDF/A-1b, by krilla and under its validator.
//!
//! There is no outline: krilla writes its destinations as indirect objects, which ISO 32000 allows and Apache PDFBox
//! Preflight refuses. A file that every validator passes is worth more than bookmarks.

use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::Font;
use krilla::{Document, SerializeSettings};

use crate::Error;
use crate::content::Ink;
use crate::font::Fonts;
use crate::head;
use crate::layout::{HEIGHT, Op, Tone, WIDTH};

/// Longest text of the metadata in characters (ISO 19005-1 §6.1.12 allows strings of 65 535 octets).
const LONGEST: usize = 500;

pub(crate) fn write(document: &cda::Document, pages: &[Vec<Op>], fonts: &Fonts) -> Result<Vec<u8>, Error> {
    let fault = |problem: &str| Error::Writer { problem: problem.to_owned() };
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A1_B)
        .finish()
        .map_err(|_| fault("the configuration is refused"))?;
    let faces = fonts.load().ok_or_else(|| fault("a font is not readable"))?;
    let mut pdf = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    pdf.set_metadata(metadata(document));
    for ops in pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| fault("the size of the page"))?;
        let mut page = pdf.start_page_with(settings);
        let mut surface = page.surface();
        ops.iter().for_each(|op| paint(op, &mut surface, &faces, fonts));
        surface.finish();
        page.finish();
    }
    pdf.finish().map_err(|error| match error {
        // The list would quote fonts and glyphs in full; the kinds are enough.
        krilla::error::KrillaError::Validation(errors) => {
            let kinds: Vec<String> = errors
                .iter()
                .map(|(error, _)| {
                    format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
                })
                .collect();
            fault(&kinds.join(", "))
        }
        other => fault(&other.to_string()),
    })
}

fn paint(op: &Op, surface: &mut Surface<'_>, faces: &[Font; 4], fonts: &Fonts) {
    match op {
        Op::Text { run, x, y } => {
            let colour = match run.style.ink {
                Ink::Text => rgb::Color::new(24, 28, 36),
                Ink::Muted => rgb::Color::new(88, 96, 108),
                Ink::Accent => rgb::Color::new(0, 70, 116),
            };
            fill(surface, colour);
            let text = run.text.trim_end();
            let glyphs = fonts.glyphs(run.face, text);
            let font = faces[run.face as usize].clone();
            surface.draw_glyphs(Point::from_xy(*x, *y), &glyphs, font, text, run.size, false);
            let width = fonts.width(run.face, text) * run.size;
            let mut rule = |y: f32| rectangle(surface, *x, y, width, run.size * 0.06);
            if run.style.underline {
                rule(y + run.size * 0.12);
            }
            if run.style.strike {
                rule(y - run.size * 0.28);
            }
        }
        Op::Box { x, y, width, height, fill: inside, line } => {
            surface.set_stroke(None);
            if let Some(tone) = inside {
                fill(surface, colour(*tone));
                rectangle(surface, *x, *y, *width, *height);
            }
            if let Some(tone) = line {
                surface.set_fill(None);
                surface.set_stroke(Some(Stroke {
                    paint: colour(*tone).into(),
                    width: 0.5,
                    ..Stroke::default()
                }));
                rectangle(surface, *x, *y, *width, *height);
                surface.set_stroke(None);
            }
        }
        Op::Picture { picture, x, y, width, height } => {
            if let Some(size) = Size::from_wh(*width, *height) {
                surface.push_transform(&Transform::from_translate(*x, *y));
                surface.draw_image(picture.image.clone(), size);
                surface.pop();
            }
        }
    }
}

fn fill(surface: &mut Surface<'_>, colour: rgb::Color) {
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: colour.into(), ..Fill::default() }));
}

fn rectangle(surface: &mut Surface<'_>, x: f32, y: f32, width: f32, height: f32) {
    let Some(rect) = Rect::from_xywh(x, y, width, height) else { return };
    let mut path = PathBuilder::new();
    path.push_rect(rect);
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}

fn colour(tone: Tone) -> rgb::Color {
    match tone {
        Tone::Rule => rgb::Color::new(168, 176, 188),
        Tone::Head => rgb::Color::new(230, 236, 243),
        Tone::Panel => rgb::Color::new(244, 246, 249),
        Tone::Accent => rgb::Color::new(0, 70, 116),
    }
}

fn metadata(document: &cda::Document) -> Metadata {
    let authors =
        document.authors.iter().map(|author| cut(format!("{} {}", author.given, author.family).trim()));
    let mut metadata = Metadata::new()
        .title(cut(&head::title(document)))
        .authors(authors.filter(|name| !name.is_empty()).take(20).collect())
        .language(language(document))
        .creator("Vaguemestre".to_owned())
        .producer("Vaguemestre".to_owned())
        .creation_date(date(document));
    if let Some(id) = &document.id {
        metadata = metadata.document_id(cut(&id.to_string()));
    }
    metadata
}

/// `fr-FR` where the document says no tag that RFC 3066 knows.
fn language(document: &cda::Document) -> String {
    let said = document.language.clone().unwrap_or_default();
    let tag = |text: &str| {
        !text.is_empty()
            && text
                .split('-')
                .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
    };
    if tag(&said) { said } else { "fr-FR".to_owned() }
}

/// The date of the document: the same document gives the same file. PDF/A asks for a date, so one without any gets the
/// first day of 1970.
fn date(document: &cda::Document) -> DateTime {
    let time = document.effective_time.as_ref().or_else(|| document.service_start());
    let digits = time.map(cda::Time::utc_digits).unwrap_or_else(|| "19700101000000".to_owned());
    let part = |from: usize| digits.get(from..from + 2).and_then(|text| text.parse::<u8>().ok());
    let year = digits.get(..4).and_then(|text| text.parse().ok()).unwrap_or(1970);
    DateTime::new(year)
        .month(part(4).unwrap_or(1))
        .day(part(6).unwrap_or(1))
        .hour(part(8).unwrap_or(0))
        .minute(part(10).unwrap_or(0))
        .second(part(12).unwrap_or(0))
        .utc_offset_hour(0)
}

fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect()
}
