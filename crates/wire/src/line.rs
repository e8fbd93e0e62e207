/// Longest text that a [`crate::Fact::Line`] keeps, in characters.
const LONGEST: usize = 1_000;

/// Makes a protocol line fit to be kept: SASL initial responses and LOGIN passwords are replaced by their length,
/// control characters are shown as `\x..`, and the text is cut at 1 000 characters.
///
/// `sasl` says that the whole line is a SASL response (a continuation after `334` or `+`).
pub fn mask_line(line: &str, sasl: bool) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let masked = if sasl {
        if line.is_empty() || line == "*" || line == "=" { line.to_owned() } else { hidden(line) }
    } else {
        mask_command(line)
    };
    clean(&masked)
}

fn hidden(text: &str) -> String {
    format!("[{} octets masqués]", text.len())
}

fn mask_command(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    // IMAP: "tag AUTHENTICATE mech [ir]", "tag LOGIN user password"; SMTP: "AUTH mech [ir]".
    for verb_at in 0..words.len().min(2) {
        let verb = words[verb_at].to_ascii_uppercase();
        let keep = match verb.as_str() {
            "AUTHENTICATE" if verb_at == 1 => 3,
            "AUTH" if verb_at == 0 => 2,
            "LOGIN" if verb_at == 1 => 3,
            _ => continue,
        };
        if words.len() > keep {
            let rest = words[keep..].join(" ");
            return match rest.as_str() {
                "" | "=" => line.to_owned(),
                _ => format!("{} {}", words[..keep].join(" "), hidden(&rest)),
            };
        }
    }
    // A bearer credential pasted anywhere else is hidden too.
    match line.find("auth=Bearer ") {
        Some(at) => format!("{}{}", &line[..at], hidden(&line[at..])),
        None => line.to_owned(),
    }
}

fn clean(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == LONGEST {
            out.push('…');
            break;
        }
        if c.is_control() {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_replaced_by_their_length() {
        assert_eq!(
            mask_line("a1 AUTHENTICATE XOAUTH2 dXNlcj1h\r\n", false),
            "a1 AUTHENTICATE XOAUTH2 [8 octets masqués]"
        );
        assert_eq!(mask_line("AUTH XOAUTH2 dXNlcj1h", false), "AUTH XOAUTH2 [8 octets masqués]");
        assert_eq!(mask_line("a2 login bob hunter2", false), "a2 login bob [7 octets masqués]");
        assert_eq!(mask_line("dXNlcj1h", true), "[8 octets masqués]");
        assert_eq!(mask_line("x auth=Bearer eyJ", false), "x [15 octets masqués]");
    }

    #[test]
    fn harmless_lines_are_kept_and_control_characters_shown() {
        assert_eq!(mask_line("a1 AUTHENTICATE EXTERNAL =", false), "a1 AUTHENTICATE EXTERNAL =");
        assert_eq!(mask_line("EHLO lps\x07\r\n", false), "EHLO lps\\x07");
        assert_eq!(mask_line("*", true), "*");
        assert!(mask_line(&"x".repeat(5_000), false).chars().count() <= 1_001);
    }
}
