//! Blocks to pages: everything gets its place first, so that each page can say how many there are, and is painted after.
//!
//! Lengths are points (1/72 inch) from the top left corner of an A4 page.

mod lines;
mod table;

use std::sync::Arc;

pub(crate) use lines::Run;
use lines::{Frag, What};

use crate::content::{Align, Block, Ink, Span, Style};
use crate::font::Fonts;
use crate::picture::Picture;
use crate::{Error, Limits};

/// A4 (ISO 216).
pub(crate) const WIDTH: f32 = 595.28;
/// As above.
pub(crate) const HEIGHT: f32 = 841.89;

const LEFT: f32 = 48.0;
const RIGHT: f32 = WIDTH - 48.0;
const TOP: f32 = 48.0;
const BOTTOM: f32 = HEIGHT - 56.0;
/// Where running heads and feet stand.
const RUNNING_HEAD: f32 = 30.0;
const FOOT: f32 = HEIGHT - 34.0;

const SIZE: f32 = 9.0;
const SMALL: f32 = 7.0;
/// A pixel of a picture: 96 to the inch.
const PIXEL: f32 = 0.75;

/// What stands on every page.
pub(crate) struct Frame {
    /// At the head of all pages but the first.
    pub(crate) title: String,
    /// At the foot.
    pub(crate) footer: String,
}

/// Something to paint.
#[derive(Debug)]
pub(crate) enum Op {
    /// A text; `y` is its base line.
    Text { run: Run, x: f32, y: f32 },
    /// A rectangle, filled or outlined.
    Box { x: f32, y: f32, width: f32, height: f32, fill: Option<Tone>, line: Option<Tone> },
    /// A picture.
    Picture { picture: Arc<Picture>, x: f32, y: f32, width: f32, height: f32 },
}

/// Colours of what is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Rule,
    Head,
    Panel,
    Accent,
}

/// Sets all blocks on pages, each a list of what to paint.
pub(crate) fn set(
    blocks: &[Block],
    frame: &Frame,
    fonts: &Fonts,
    limits: &Limits,
) -> Result<Vec<Vec<Op>>, Error> {
    let mut setter = Setter { fonts, limits, pages: vec![Vec::new()], y: TOP };
    for (index, block) in blocks.iter().enumerate() {
        setter.block(block, &blocks[index + 1..])?;
    }
    setter.frame(frame);
    Ok(setter.pages)
}

struct Setter<'s> {
    fonts: &'s Fonts,
    limits: &'s Limits,
    pages: Vec<Vec<Op>>,
    y: f32,
}

impl Setter<'_> {
    fn block(&mut self, block: &Block, next: &[Block]) -> Result<(), Error> {
        match block {
            Block::Heading { level, text } => self.heading(*level, text, next),
            Block::Table(table) => self.table(table),
            _ => {
                let frags =
                    lines::frags(self.fonts, std::slice::from_ref(block), RIGHT - LEFT, SIZE, Align::Left);
                let height: f32 = frags.iter().map(|frag| frag.height).sum();
                // A line or two above a table is its title.
                let title = frags.len() <= 2 && matches!(next.first(), Some(Block::Table(_)));
                if title && self.room() < height + 48.0 && !self.at_top() {
                    self.page_break()?;
                }
                self.flow(frags)?;
                self.y += SIZE * 0.5;
                Ok(())
            }
        }
    }

    /// A heading never stands alone at the foot of a page.
    fn heading(&mut self, level: usize, text: &[Span], next: &[Block]) -> Result<(), Error> {
        let (size, above, below) = match level {
            0 => (16.0, 0.0, 6.0),
            1 => (11.5, 10.0, 4.0),
            2 => (10.0, 7.0, 3.0),
            _ => (9.0, 5.0, 2.0),
        };
        let spans: Vec<Span> = text
            .iter()
            .map(|span| {
                let ink = if level < 3 { Ink::Accent } else { Ink::Text };
                Span::new(span.text.as_str(), Style { bold: true, ink, ..span.style })
            })
            .collect();
        let frags = lines::paragraph(self.fonts, &spans, RIGHT - LEFT, size, Align::Left);
        let height: f32 = frags.iter().map(|frag| frag.height).sum();
        let others = next.iter().take_while(|block| matches!(block, Block::Heading { .. })).count().min(4);
        let count = u8::try_from(others).unwrap_or(4);
        if self.room() < above + height + below + 48.0 + f32::from(count) * 22.0 && !self.at_top() {
            self.page_break()?;
        }
        if !self.at_top() {
            self.y += above;
        }
        self.flow(frags)?;
        if level == 1 {
            self.put(Op::Box {
                x: LEFT,
                y: self.y + 1.5,
                width: RIGHT - LEFT,
                height: 0.6,
                fill: Some(Tone::Accent),
                line: None,
            });
            self.y += 2.5;
        }
        self.y += below;
        Ok(())
    }

    /// Sets fragments one below the other, on as many pages as they need.
    fn flow(&mut self, frags: Vec<Frag>) -> Result<(), Error> {
        for frag in frags {
            if frag.height > self.room() && !self.at_top() {
                self.page_break()?;
            }
            if matches!(frag.what, What::Space) && self.at_top() {
                continue;
            }
            let height = frag.height;
            self.put_frag(frag, LEFT, self.y);
            self.y += height;
        }
        Ok(())
    }

    fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    fn at_top(&self) -> bool {
        self.y <= TOP
    }

    fn page_break(&mut self) -> Result<(), Error> {
        if self.pages.len() >= self.limits.pages {
            return Err(Error::TooLarge { what: "pages", limit: self.limits.pages });
        }
        self.pages.push(Vec::new());
        self.y = TOP;
        Ok(())
    }

    fn put(&mut self, op: Op) {
        if let Some(page) = self.pages.last_mut() {
            page.push(op);
        }
    }

    fn put_frag(&mut self, frag: Frag, x: f32, y: f32) {
        match frag.what {
            What::Space => {}
            What::Line { runs, baseline } => {
                for run in runs {
                    let (x, y) = (x + run.x, y + baseline - run.rise);
                    self.put(Op::Text { run, x, y });
                }
            }
            What::Picture { picture, x: inset, width } => {
                self.put(Op::Picture { picture, x: x + inset, y, width, height: frag.height });
            }
        }
    }

    /// Heads, feet and page numbers.
    fn frame(&mut self, frame: &Frame) {
        let style = Style { ink: Ink::Muted, ..Style::default() };
        let count = self.pages.len();
        for (index, page) in self.pages.iter_mut().enumerate() {
            let number = format!("Page {} / {count}", index + 1);
            let number = Run::new(self.fonts, &number, style, SMALL);
            let room = RIGHT - LEFT - number.width - 12.0;
            page.push(Op::Box {
                x: LEFT,
                y: FOOT - 10.0,
                width: RIGHT - LEFT,
                height: 0.4,
                fill: Some(Tone::Rule),
                line: None,
            });
            let footer = Run::fitted(self.fonts, &frame.footer, style, SMALL, room);
            page.push(Op::Text { run: footer, x: LEFT, y: FOOT });
            page.push(Op::Text { x: RIGHT - number.width, run: number, y: FOOT });
            if index > 0 {
                let title = Run::fitted(self.fonts, &frame.title, style, SMALL, RIGHT - LEFT);
                page.push(Op::Text { run: title, x: LEFT, y: RUNNING_HEAD });
            }
        }
    }
}
