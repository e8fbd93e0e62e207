//! Text into lines, and what else stands one below the other, into fragments that are never cut.

use std::sync::Arc;

use super::{BOTTOM, PIXEL, TOP};
use crate::content::{Align, Block, Ink, Shift, Span, Style, Table};
use crate::font::{Face, Fonts};
use crate::picture::Picture;

/// Of one line to the next, in sizes of the font.
const LEADING: f32 = 1.3;
/// From the top of a line to its base, as above.
const BASE: f32 = 0.97;

/// Text of one style on one line.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) text: String,
    pub(crate) style: Style,
    pub(crate) face: Face,
    pub(crate) size: f32,
    /// From the left of the line.
    pub(crate) x: f32,
    pub(crate) width: f32,
    /// Above the base line.
    pub(crate) rise: f32,
}

impl Run {
    pub(crate) fn new(fonts: &Fonts, text: &str, style: Style, size: f32) -> Self {
        let (size, rise) = match style.shift {
            Shift::None => (size, 0.0),
            Shift::Up => (size * 0.7, size * 0.35),
            Shift::Down => (size * 0.7, size * -0.15),
        };
        let face = fonts.face(style, text);
        let width = fonts.width(face, text) * size;
        Self { text: text.to_owned(), style, face, size, x: 0.0, width, rise }
    }

    /// A text of one line, its end cut off where there is no room.
    pub(super) fn fitted(fonts: &Fonts, text: &str, style: Style, size: f32, room: f32) -> Self {
        let text = text.replace('\n', " ");
        let whole = Self::new(fonts, &text, style, size);
        if whole.width <= room {
            return whole;
        }
        let mut width = fonts.width_of(whole.face, '…') * size;
        let kept: String = text
            .chars()
            .take_while(|&c| {
                width += fonts.width_of(whole.face, c) * size;
                width <= room
            })
            .collect();
        Self::new(fonts, &format!("{}…", kept.trim_end()), style, size)
    }
}

/// What is never cut by the end of a page.
#[derive(Clone, Debug)]
pub(super) struct Frag {
    pub(super) height: f32,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Space,
    Line { runs: Vec<Run>, baseline: f32 },
    Picture { picture: Arc<Picture>, x: f32, width: f32 },
}

impl Frag {
    fn space(height: f32) -> Self {
        Self { height, what: What::Space }
    }

    fn indent(&mut self, by: f32) {
        match &mut self.what {
            What::Space => {}
            What::Line { runs, .. } => runs.iter_mut().for_each(|run| run.x += by),
            What::Picture { x, .. } => *x += by,
        }
    }
}

/// Blocks within a width. A table here, within a cell or an item, becomes a line a row.
pub(super) fn frags(fonts: &Fonts, blocks: &[Block], width: f32, size: f32, align: Align) -> Vec<Frag> {
    let mut out: Vec<Frag> = Vec::new();
    for block in blocks {
        if !out.is_empty() {
            out.push(Frag::space(size * 0.3));
        }
        match block {
            Block::Paragraph(spans) => out.extend(paragraph(fonts, spans, width, size, align)),
            Block::Heading { text, .. } => {
                let bold = |span: &Span| Span::new(span.text.as_str(), Style { bold: true, ..span.style });
                let spans: Vec<Span> = text.iter().map(bold).collect();
                out.extend(paragraph(fonts, &spans, width, size, align));
            }
            Block::Note(text) => {
                let style = Style { italic: true, ink: Ink::Muted, ..Style::default() };
                out.extend(paragraph(fonts, &[Span::new(text.as_str(), style)], width, size, align));
            }
            Block::Picture(picture) => out.push(framed(picture, width, align)),
            Block::Table(table) => {
                for row in rows_as_lines(table) {
                    out.extend(paragraph(fonts, &row, width, size, align));
                }
            }
            Block::List { ordered, items } => {
                for (index, item) in items.iter().enumerate() {
                    let mark = if *ordered { format!("{}.", index + 1) } else { "•".to_owned() };
                    let mark = Run::new(fonts, &mark, Style::default(), size);
                    let indent = (mark.width + size * 0.5).max(size * 1.2).min(width / 2.0);
                    let mut inner = frags(fonts, item, width - indent, size, Align::Left);
                    inner.iter_mut().for_each(|frag| frag.indent(indent));
                    match inner.first_mut() {
                        Some(Frag { what: What::Line { runs, .. }, .. }) => runs.insert(0, mark),
                        _ => {
                            let what = What::Line { runs: vec![mark], baseline: size * BASE };
                            inner.insert(0, Frag { height: size * LEADING, what });
                        }
                    }
                    out.append(&mut inner);
                }
            }
        }
    }
    out
}

/// The rows of a table that cannot be set as one.
pub(super) fn rows_as_lines(table: &Table) -> Vec<Vec<Span>> {
    let line = |row: &crate::content::Row| {
        let mut out = Vec::new();
        for cell in &row.cells {
            if !out.is_empty() {
                out.push(Span::new(" | ", Style::default()));
            }
            texts(&cell.blocks, &mut out);
        }
        out
    };
    table.rows.iter().map(line).collect()
}

fn texts(blocks: &[Block], out: &mut Vec<Span>) {
    for (index, block) in blocks.iter().enumerate() {
        if index > 0 {
            out.push(Span::new(" ", Style::default()));
        }
        match block {
            Block::Paragraph(spans) | Block::Heading { text: spans, .. } => out.extend(spans.iter().cloned()),
            Block::Note(text) => out.push(Span::new(text.as_str(), Style::default())),
            Block::List { items, .. } => items.iter().for_each(|item| {
                out.push(Span::new("• ", Style::default()));
                texts(item, out);
                out.push(Span::new(" ", Style::default()));
            }),
            Block::Table(table) => rows_as_lines(table).into_iter().for_each(|row| {
                out.extend(row);
                out.push(Span::new(" ", Style::default()));
            }),
            Block::Picture(_) => out.push(Span::new("[image]", Style::default())),
        }
    }
}

/// As large as 96 pixels an inch make it, as far as there is room.
fn framed(picture: &Arc<Picture>, room: f32, align: Align) -> Frag {
    let (wide, tall) = natural(picture);
    let scale = (room / wide).min((BOTTOM - TOP) * 0.6 / tall).min(1.0);
    let (width, height) = (wide * scale, tall * scale);
    Frag {
        height,
        what: What::Picture { picture: Arc::clone(picture), x: shift(align, room - width), width },
    }
}

fn shift(align: Align, left: f32) -> f32 {
    match align {
        Align::Left => 0.0,
        Align::Centre => left.max(0.0) / 2.0,
        Align::Right => left.max(0.0),
    }
}

/// A paragraph into lines.
pub(super) fn paragraph(fonts: &Fonts, spans: &[Span], width: f32, size: f32, align: Align) -> Vec<Frag> {
    let mut lines = Lines { width, done: Vec::new(), runs: Vec::new(), x: 0.0, space: false, fonts, size };
    for token in tokens(fonts, spans, size) {
        match token {
            Token::Space => lines.space = !lines.runs.is_empty(),
            Token::Break => lines.end(),
            Token::Word(runs) => lines.word(runs),
        }
    }
    if !lines.runs.is_empty() {
        lines.end();
    }
    let frag = |(mut runs, used): (Vec<Run>, f32)| {
        let left = shift(align, width - used);
        runs.iter_mut().for_each(|run| run.x += left);
        Frag { height: size * LEADING, what: What::Line { runs, baseline: size * BASE } }
    };
    lines.done.into_iter().map(frag).collect()
}

/// The widest word and the widest line: the widths between which a column may be set.
pub(super) fn widths(fonts: &Fonts, blocks: &[Block], size: f32) -> (f32, f32) {
    let of = |spans: &[Span], indent: f32| {
        let (mut least, mut most, mut line): (f32, f32, f32) = (0.0, 0.0, indent);
        for token in tokens(fonts, spans, size) {
            match token {
                Token::Space => line += size * 0.3,
                Token::Break => line = indent,
                Token::Word(runs) => {
                    let width: f32 = runs.iter().map(|run| run.width).sum();
                    least = least.max(indent + width);
                    line += width;
                }
            }
            most = most.max(line);
        }
        (least, most)
    };
    let wider = |a: (f32, f32), b: (f32, f32)| (a.0.max(b.0), a.1.max(b.1));
    let mut widest = (0.0, 0.0);
    let mut stack: Vec<(&Block, f32)> = blocks.iter().map(|block| (block, 0.0)).collect();
    while let Some((block, indent)) = stack.pop() {
        let width = match block {
            Block::Paragraph(spans) | Block::Heading { text: spans, .. } => of(spans, indent),
            Block::Note(text) => of(&[Span::new(text.as_str(), Style::default())], indent),
            Block::Table(table) => {
                rows_as_lines(table).iter().map(|row| of(row, indent)).fold((0.0, 0.0), wider)
            }
            Block::List { items, .. } => {
                stack.extend(items.iter().flatten().map(|block| (block, indent + size * 1.2)));
                continue;
            }
            Block::Picture(picture) => {
                let natural = natural(picture).0;
                (natural.min(60.0), natural.min(300.0))
            }
        };
        widest = wider(widest, width);
    }
    widest
}

/// Width and height in points.
#[expect(clippy::cast_precision_loss, reason = "pictures have fewer than 2^24 pixels a side")]
fn natural(picture: &Picture) -> (f32, f32) {
    (picture.width as f32 * PIXEL, picture.height as f32 * PIXEL)
}

enum Token {
    /// Pieces that stand together, whatever their styles.
    Word(Vec<Run>),
    Space,
    Break,
}

/// Words, spaces and breaks. A line may also end after a hyphen between letters.
fn tokens(fonts: &Fonts, spans: &[Span], size: f32) -> Vec<Token> {
    let mut out = Vec::new();
    let mut word: Vec<Run> = Vec::new();
    for span in spans {
        let mut start = 0;
        let mut before = ' ';
        let take = |from: usize, to: usize, word: &mut Vec<Run>| {
            if from < to {
                word.push(Run::new(fonts, &span.text[from..to], span.style, size));
            }
        };
        for (at, c) in span.text.char_indices() {
            match c {
                ' ' | '\n' => {
                    take(start, at, &mut word);
                    if !word.is_empty() {
                        out.push(Token::Word(std::mem::take(&mut word)));
                    }
                    out.push(if c == ' ' { Token::Space } else { Token::Break });
                    start = at + 1;
                }
                '-' if before.is_alphabetic() => {
                    take(start, at + 1, &mut word);
                    out.push(Token::Word(std::mem::take(&mut word)));
                    start = at + 1;
                }
                _ => {}
            }
            before = c;
        }
        take(start, span.text.len(), &mut word);
    }
    if !word.is_empty() {
        out.push(Token::Word(word));
    }
    out
}

struct Lines<'f> {
    fonts: &'f Fonts,
    size: f32,
    width: f32,
    done: Vec<(Vec<Run>, f32)>,
    runs: Vec<Run>,
    x: f32,
    /// A space is due before the next word.
    space: bool,
}

impl Lines<'_> {
    fn word(&mut self, word: Vec<Run>) {
        let width: f32 = word.iter().map(|run| run.width).sum();
        let gap = if self.space { self.gap() } else { 0.0 };
        if self.x + gap + width > self.width + 0.01 && !self.runs.is_empty() {
            self.end();
        }
        if self.space {
            self.add_space();
        }
        if width > self.width {
            word.into_iter().for_each(|run| self.cut(&run));
        } else {
            word.into_iter().for_each(|run| self.push(run));
        }
    }

    /// A word wider than the line: as many characters as there is room for, one at least.
    fn cut(&mut self, run: &Run) {
        let mut start = 0;
        let mut used = 0.0;
        for (at, c) in run.text.char_indices() {
            let advance = self.fonts.width_of(run.face, c) * run.size;
            if self.x + used + advance > self.width && (at > start || !self.runs.is_empty()) {
                if at > start {
                    self.push(Run::new(self.fonts, &run.text[start..at], run.style, self.size));
                }
                self.end();
                (start, used) = (at, 0.0);
            }
            used += advance;
        }
        self.push(Run::new(self.fonts, &run.text[start..], run.style, self.size));
    }

    fn gap(&self) -> f32 {
        self.runs.last().map_or(0.0, |last| self.fonts.width_of(last.face, ' ') * last.size)
    }

    fn add_space(&mut self) {
        let gap = self.gap();
        if let Some(last) = self.runs.last_mut() {
            last.text.push(' ');
            last.width += gap;
            self.x += gap;
        }
        self.space = false;
    }

    fn push(&mut self, mut run: Run) {
        let width = run.width;
        match self.runs.last_mut() {
            Some(last) if last.style == run.style && last.face == run.face => {
                last.text.push_str(&run.text);
                last.width += width;
            }
            _ => {
                run.x = self.x;
                self.runs.push(run);
            }
        }
        self.x += width;
    }

    fn end(&mut self) {
        self.done.push((std::mem::take(&mut self.runs), self.x));
        (self.x, self.space) = (0.0, false);
    }
}
