//! The text parts of a message, decoded while it is read: kept for a store's search, or searched on the way.

use encoding_rs::Encoding;

use super::scan::Part;
use super::transfer::{Transfer, TransferDecoder};

/// Octets of the first text part that a preview is made of.
const PREVIEWED: usize = 4 * 1024;

/// What is done with the texts.
#[derive(Debug)]
pub(super) struct Texts {
    leaf: Option<Leaf>,
    sink: Sink,
    octets: Vec<u8>,
    text: String,
}

struct Leaf {
    transfer: TransferDecoder,
    charset: encoding_rs::Decoder,
    previewed: bool,
}

#[derive(Debug)]
enum Sink {
    Keep(Kept),
    Find(Finding),
}

/// Texts kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// All text parts, decoded and folded; a line end after each.
    pub(super) text: String,
    /// Whether there was more than could be kept.
    pub(super) cut: bool,
    /// The start of the first text part that is no attachment, and whether it is HTML.
    pub(super) first: Option<(String, bool)>,
    most: usize,
}

/// Needles looked for.
#[derive(Debug)]
pub(super) struct Finding {
    needles: Vec<String>,
    found: Vec<bool>,
    window: String,
    longest: usize,
}

impl Texts {
    /// Keeps up to `most` octets.
    pub(super) fn keep(most: usize) -> Self {
        Self::new(Sink::Keep(Kept { most, ..Kept::default() }))
    }

    /// Looks for needles, which are folded already.
    pub(super) fn find(needles: Vec<String>) -> Self {
        let longest = needles.iter().map(String::len).max().unwrap_or(0);
        let found = needles.iter().map(String::is_empty).collect();
        Self::new(Sink::Find(Finding { needles, found, window: String::new(), longest }))
    }

    fn new(sink: Sink) -> Self {
        Self { leaf: None, sink, octets: Vec::new(), text: String::new() }
    }

    /// A leaf's body begins: it is read where it is text.
    pub(super) fn begin(&mut self, part: &Part) {
        self.leaf = None;
        let Some(transfer) = Transfer::of(&part.encoding) else { return };
        if part.media.0 != b"text" {
            return;
        }
        let label = part.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"charset"));
        let known = label.and_then(|(_, label)| Encoding::for_label(label)).unwrap_or(encoding_rs::UTF_8);
        let attached =
            part.disposition.as_ref().is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(b"attachment"));
        let mut previewed = false;
        if let Sink::Keep(kept) = &mut self.sink
            && kept.first.is_none()
            && !attached
        {
            kept.first = Some((String::new(), part.media.1 == b"html"));
            previewed = true;
        }
        let transfer = TransferDecoder::new(transfer);
        self.leaf = Some(Leaf { transfer, charset: known.new_decoder_with_bom_removal(), previewed });
    }

    /// Whether the octets of the present part are wanted.
    pub(super) fn wants(&self) -> bool {
        self.leaf.is_some()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let Some(leaf) = &mut self.leaf else { return };
        self.octets.clear();
        leaf.transfer.push(bytes, &mut self.octets);
        self.decoded(false);
    }

    /// The part ends.
    pub(super) fn end(&mut self) {
        let Some(leaf) = &mut self.leaf else { return };
        self.octets.clear();
        leaf.transfer.finish(&mut self.octets);
        self.decoded(true);
        self.leaf = None;
        match &mut self.sink {
            Sink::Keep(kept) if !kept.text.is_empty() && !kept.text.ends_with('\n') => kept.text.push('\n'),
            Sink::Find(finding) => finding.window.clear(), // a needle does not span two parts
            Sink::Keep(_) => {}
        }
    }

    fn decoded(&mut self, last: bool) {
        let Some(leaf) = &mut self.leaf else { return };
        let mut rest = self.octets.as_slice();
        self.text.clear();
        loop {
            self.text.reserve(leaf.charset.max_utf8_buffer_length(rest.len()).unwrap_or(4_096).min(65_536));
            let (result, read, _) = leaf.charset.decode_to_string(rest, &mut self.text, last);
            rest = &rest[read..];
            if result == encoding_rs::CoderResult::InputEmpty {
                break;
            }
        }
        match &mut self.sink {
            Sink::Keep(kept) => kept.take(&self.text, leaf.previewed),
            Sink::Find(finding) => {
                fold_into(&mut finding.window, &self.text);
                finding.look();
            }
        }
    }

    pub(super) fn into_kept(self) -> Option<Kept> {
        if let Sink::Keep(kept) = self.sink { Some(kept) } else { None }
    }

    pub(super) fn into_found(self) -> Vec<bool> {
        if let Sink::Find(finding) = self.sink { finding.found } else { Vec::new() }
    }
}

impl Kept {
    fn take(&mut self, text: &str, previewed: bool) {
        if previewed
            && let Some((first, _)) = &mut self.first
            && first.len() < PREVIEWED
        {
            first.push_str(&text[..text.floor_char_boundary(PREVIEWED - first.len())]);
        }
        if self.cut || self.text.len() + text.len() > self.most {
            self.cut = true;
        } else {
            fold_into(&mut self.text, text);
        }
    }
}

impl Finding {
    fn look(&mut self) {
        for (needle, found) in self.needles.iter().zip(&mut self.found) {
            *found = *found || self.window.contains(needle.as_str());
        }
        // What is kept could be the start of a needle.
        let keep = self.window.len().saturating_sub(self.longest);
        let keep = self.window.ceil_char_boundary(keep);
        self.window.drain(..keep);
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leaf").field("charset", &self.charset.encoding().name()).finish_non_exhaustive()
    }
}

/// Text without case, as searches compare it: each character in its lower case, whatever stands beside it.
pub fn fold(text: &str) -> String {
    let mut out = String::new();
    fold_into(&mut out, text);
    out
}

fn fold_into(out: &mut String, text: &str) {
    if text.is_ascii() {
        let from = out.len();
        out.push_str(text);
        out[from..].make_ascii_lowercase();
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

/// The preview of RFC 8970 §3.1: at most 200 characters of the first text, white space as single spaces, markup
/// left out.
pub(super) fn preview(text: &str, html: bool) -> String {
    const MOST: usize = 200;
    let stripped;
    let text = if html {
        stripped = without_markup(text);
        &stripped
    } else {
        text
    };
    let mut out = String::new();
    let mut left = MOST;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            if left < 2 {
                break;
            }
            out.push(' ');
            left -= 1;
        }
        for c in word.chars().take(left) {
            out.push(c);
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    out
}

/// HTML's text: tags, comments, styles and scripts left out, the common entities read.
fn without_markup(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let lower: String = rest.chars().take(8).collect::<String>().to_ascii_lowercase();
        let end = if lower.starts_with("<!--") {
            "-->"
        } else if lower.starts_with("<style") {
            "</style>"
        } else if lower.starts_with("<script") {
            "</script>"
        } else if lower.starts_with("<title") {
            "</title>"
        } else {
            ">"
        };
        out.push(' ');
        let lower = rest.to_ascii_lowercase();
        rest = lower.find(end).map_or("", |at| &rest[at + end.len()..]);
    }
    out.push_str(rest);
    for (entity, text) in
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    {
        if out.contains(entity) {
            out = out.replace(entity, text);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_short_and_plain() {
        assert_eq!(preview("  Bonjour,\r\n\r\n le  texte\t\u{7}.", false), "Bonjour, le texte .");
        assert_eq!(preview(&"\u{e9}".repeat(300), false).chars().count(), 200);
        assert_eq!(preview(&"mot ".repeat(100), false).chars().count(), 199);
        let html = "<html><head><TITLE>t</title><style>p{a>b}</style></head><body><p>Cher&nbsp;coll\u{e8}gue,<br>a &amp; b<!-- x > y -->";
        assert_eq!(preview(html, true), "Cher coll\u{e8}gue, a & b");
    }

    #[test]
    fn folding_looks_at_one_character_at_a_time() {
        assert_eq!(fold("RÉSULTATS"), "résultats");
        assert_eq!(fold("ΟΔΟΣ"), "οδοσ");
    }
}
