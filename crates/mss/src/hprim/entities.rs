/// A line with the HTML that some programs leave in it undone: entities of French, numeric ones, and the tags of line
/// ends and emphasis, which go. What is no such thing stays: `<5` is a result.
pub(crate) fn undone(line: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(line.len()), line);
    while let Some(at) = rest.find(['&', '<']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (text, length) = if rest.starts_with('&') { entity(rest) } else { tag(rest) };
        out.push_str(text.as_str());
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

fn entity(text: &str) -> (String, usize) {
    let window = &text[..text.floor_char_boundary(12)];
    let Some(end) = window.find(';') else { return ("&".into(), 1) };
    let name = &window[1..end];
    let found = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            };
            code.and_then(char::from_u32).filter(|c| !c.is_control())
        }
        None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c),
    };
    match found {
        Some(c) => (c.to_string(), end + 1),
        None => ("&".into(), 1),
    }
}

fn tag(text: &str) -> (String, usize) {
    let window = &text[..text.floor_char_boundary(40)];
    let Some(end) = window.find('>') else { return ("<".into(), 1) };
    let name = window[1..end].trim_matches(['/', ' ']).to_ascii_lowercase();
    match name.split_whitespace().next() {
        Some("br" | "p" | "div" | "tr") => (" ".into(), end + 1),
        Some("b" | "i" | "u" | "em" | "strong" | "span" | "font" | "td" | "sup" | "sub" | "pre") => {
            (String::new(), end + 1)
        }
        _ => ("<".into(), 1),
    }
}

/// The entities that French texts have.
const NAMED: [(&str, char); 38] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("eacute", 'é'),
    ("egrave", 'è'),
    ("ecirc", 'ê'),
    ("euml", 'ë'),
    ("agrave", 'à'),
    ("acirc", 'â'),
    ("ccedil", 'ç'),
    ("icirc", 'î'),
    ("iuml", 'ï'),
    ("ocirc", 'ô'),
    ("ouml", 'ö'),
    ("ugrave", 'ù'),
    ("ucirc", 'û'),
    ("uuml", 'ü'),
    ("oelig", 'œ'),
    ("Eacute", 'É'),
    ("Egrave", 'È'),
    ("Ecirc", 'Ê'),
    ("Agrave", 'À'),
    ("Acirc", 'Â'),
    ("Ccedil", 'Ç'),
    ("Icirc", 'Î'),
    ("Ocirc", 'Ô'),
    ("OElig", 'Œ'),
    ("deg", '°'),
    ("micro", 'µ'),
    ("plusmn", '±'),
    ("sup2", '²'),
    ("sup3", '³'),
    ("euro", '€'),
    ("laquo", '«'),
    ("raquo", '»'),
];
