use super::envelope::{Address, Envelope};
use super::scan::Part;
use crate::response::{nstring, string};

/// Writes an ENVELOPE.
pub fn write_envelope(out: &mut Vec<u8>, envelope: &Envelope) {
    out.push(b'(');
    nstring(out, envelope.date.as_deref());
    out.push(b' ');
    nstring(out, envelope.subject.as_deref());
    for list in
        [&envelope.from, &envelope.sender, &envelope.reply_to, &envelope.to, &envelope.cc, &envelope.bcc]
    {
        out.push(b' ');
        addresses(out, list);
    }
    out.push(b' ');
    nstring(out, envelope.in_reply_to.as_deref());
    out.push(b' ');
    nstring(out, envelope.message_id.as_deref());
    out.push(b')');
}

fn addresses(out: &mut Vec<u8>, list: &[Address]) {
    if list.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in list {
        out.push(b'(');
        nstring(out, address.name.as_deref());
        out.push(b' ');
        nstring(out, address.route.as_deref());
        out.push(b' ');
        nstring(out, address.mailbox.as_deref());
        out.push(b' ');
        nstring(out, address.host.as_deref());
        out.push(b')');
    }
    out.push(b')');
}

/// Writes a BODYSTRUCTURE, or BODY where `extended` is false.
pub fn write_structure(out: &mut Vec<u8>, part: &Part, extended: bool) {
    out.push(b'(');
    if part.is_multipart() {
        for child in &part.children {
            write_structure(out, child, extended);
        }
        out.push(b' ');
        string(out, &part.media.1);
        if extended {
            out.push(b' ');
            parameters(out, &part.parameters);
            extension(out, part);
        }
        out.push(b')');
        return;
    }
    // A multipart without parts (no boundary, or none found) has no form of its own: it is told as plain text.
    let (kind, sub) = match part.media.0.as_slice() {
        b"multipart" => (&b"text"[..], &b"plain"[..]),
        b"message" if part.media.1 == b"rfc822" && !part.is_message() => {
            (&b"application"[..], &b"octet-stream"[..])
        }
        kind => (kind, part.media.1.as_slice()),
    };
    string(out, kind);
    out.push(b' ');
    string(out, sub);
    out.push(b' ');
    parameters(out, &part.parameters);
    out.push(b' ');
    nstring(out, part.id.as_deref());
    out.push(b' ');
    nstring(out, part.description.as_deref());
    out.push(b' ');
    string(out, &part.encoding);
    out.extend_from_slice(format!(" {}", part.end - part.body).as_bytes());
    if part.is_message() && sub == b"rfc822" {
        let inner = &part.children[0];
        out.push(b' ');
        write_envelope(out, inner.envelope.as_deref().unwrap_or(&Envelope::default()));
        out.push(b' ');
        write_structure(out, inner, extended);
    }
    if kind == b"text" || (part.is_message() && sub == b"rfc822") {
        out.extend_from_slice(format!(" {}", part.lines).as_bytes());
    }
    if extended {
        out.push(b' ');
        nstring(out, part.md5.as_deref());
        extension(out, part);
    }
    out.push(b')');
}

fn extension(out: &mut Vec<u8>, part: &Part) {
    out.push(b' ');
    match &part.disposition {
        Some((kind, pairs)) => {
            out.push(b'(');
            string(out, kind);
            out.push(b' ');
            parameters(out, pairs);
            out.push(b')');
        }
        None => out.extend_from_slice(b"NIL"),
    }
    out.push(b' ');
    match part.language.as_slice() {
        [] => out.extend_from_slice(b"NIL"),
        [one] => string(out, one),
        several => {
            out.push(b'(');
            for (at, tag) in several.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                string(out, tag);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    nstring(out, part.location.as_deref());
}

fn parameters(out: &mut Vec<u8>, pairs: &[(Vec<u8>, Vec<u8>)]) {
    if pairs.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push(b' ');
        }
        string(out, name);
        out.push(b' ');
        string(out, value);
    }
    out.push(b')');
}
