use imap::command::{Command, FetchItem, parse};
use imap::mime::{Envelope, Octets, Part, Scanner, locate, select_fields, write_envelope, write_structure};
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder;
use imap_codec::imap_types::response::{Data, Response};
use mail_parser::{MessageParser, PartType};
use proptest::prelude::*;

const MESSAGE: &str = "From: \"Dr Test\" <dr@medecin.mssante.fr>\r\n\
To: a@b.fr,\r\n c@d.fr\r\n\
Subject: =?utf-8?q?R=C3=A9sultats?=\r\n\
Date: Mon, 23 Nov 2026 10:00:00 +0100\r\n\
Message-ID: <1@x>\r\n\
Content-Type: multipart/mixed; boundary=\"outer\"\r\n\
\r\n\
preamble\r\n\
--outer\r\n\
Content-Type: multipart/alternative; boundary=inner\r\n\
\r\n\
--inner\r\n\
\r\n\
plain\r\n\
text\r\n\
--inner\r\n\
Content-Type: text/html; charset=utf-8\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\
\r\n\
<p>=C3=A9</p>\r\n\
\r\n\
--inner--\r\n\
\r\n\
--outer\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: within\r\n\
From: x@y\r\n\
Content-Type: multipart/mixed; boundary=deep\r\n\
\r\n\
--deep\r\n\
Content-Type: application/zip; name=\"IHE_XDM.zip\"\r\n\
Content-Disposition: attachment; filename=\"IHE_XDM.zip\"\r\n\
Content-Transfer-Encoding: base64\r\n\
\r\n\
UEsDBA==\r\n\
--deep--\r\n\
--outer\r\n\
Content-Type: message/rfc822\r\n\
\r\n\
Subject: alone\r\n\
\r\n\
body of alone\r\n\
--outer--\r\n\
epilogue\r\n";

fn scan(message: &[u8], chunk: usize) -> Part {
    let mut scanner = Scanner::new();
    for piece in message.chunks(chunk) {
        scanner.push(piece);
    }
    scanner.finish()
}

fn section(message: &str, wanted: &str) -> Option<String> {
    let line = format!("a FETCH 1 BODY[{wanted}]");
    let Ok(Command::Fetch { items, .. }) = parse(line.as_bytes()) else { panic!("{line}") };
    let FetchItem::Section { section, .. } = &items[0] else { panic!("{line}") };
    let cut = |start: u64, end: u64| &message[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()];
    match locate(&scan(message.as_bytes(), 7), section) {
        Octets::Range { start, end } => Some(cut(start, end).to_owned()),
        Octets::Fields { start, end, names, except } => {
            Some(String::from_utf8(select_fields(cut(start, end).as_bytes(), &names, except)).unwrap())
        }
        Octets::Missing => None,
    }
}

#[test]
fn sections_are_the_octets_that_the_rfc_means() {
    let get = |wanted: &str| section(MESSAGE, wanted);
    assert_eq!(get("").as_deref(), Some(MESSAGE));
    assert!(get("HEADER").unwrap().ends_with("boundary=\"outer\"\r\n\r\n"));
    assert!(get("TEXT").unwrap().starts_with("preamble"));
    assert_eq!(get("HEADER.FIELDS (message-id X)").as_deref(), Some("Message-ID: <1@x>\r\n\r\n"));
    assert_eq!(
        get("HEADER.FIELDS.NOT (From Subject Date Message-ID Content-Type)").as_deref(),
        Some("To: a@b.fr,\r\n c@d.fr\r\n\r\n")
    );
    assert_eq!(get("1.1").as_deref(), Some("plain\r\ntext"));
    assert_eq!(get("1.1.MIME").as_deref(), Some("\r\n"));
    assert_eq!(get("1.2").as_deref(), Some("<p>=C3=A9</p>\r\n"));
    assert!(get("1.2.MIME").unwrap().starts_with("Content-Type: text/html"));
    assert!(get("2").unwrap().starts_with("Subject: within"));
    assert!(get("2.HEADER").unwrap().ends_with("boundary=deep\r\n\r\n"));
    assert_eq!(get("2.HEADER.FIELDS (SUBJECT)").as_deref(), Some("Subject: within\r\n\r\n"));
    assert_eq!(get("2.1").as_deref(), Some("UEsDBA=="));
    assert!(get("2.1.MIME").unwrap().starts_with("Content-Type: application/zip"));
    assert_eq!(get("3.TEXT").as_deref(), Some("body of alone"));
    assert_eq!(get("3.1").as_deref(), Some("body of alone"));
    for missing in ["4", "1.3", "1.1.1", "1.1.HEADER", "2.2", "3.2", "1.TEXT"] {
        assert_eq!(get(missing), None, "{missing}");
    }
    let single = "Subject: x\r\n\r\nhello\r\n";
    assert_eq!(section(single, "1").as_deref(), Some("hello\r\n"));
    assert_eq!(section(single, "1.MIME").as_deref(), Some("Subject: x\r\n\r\n"));
    assert_eq!(section(single, "2"), None);
}

/// RFC 2046 §5.1.5: inside a multipart/digest, a part without a type is a message.
#[test]
fn the_parts_of_a_digest_are_messages() {
    let digest = "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: one\r\n\r\nbody\r\n\r\n--x\r\n\
                  Content-Type: text/plain\r\n\r\nplain\r\n--x--\r\n";
    assert_eq!(section(digest, "1.HEADER").as_deref(), Some("Subject: one\r\n\r\n"));
    assert_eq!(section(digest, "1.TEXT").as_deref(), Some("body\r\n"));
    assert_eq!(section(digest, "2").as_deref(), Some("plain"));
    assert_eq!(section(digest, "2.HEADER"), None);
}

#[test]
fn the_structure_is_written_as_the_rfc_shows_it() {
    let mut out = Vec::new();
    write_structure(&mut out, &scan(MESSAGE.as_bytes(), 1000), true);
    let envelope = "(NIL \"within\" ((NIL NIL \"x\" \"y\")) ((NIL NIL \"x\" \"y\")) ((NIL NIL \"x\" \"y\")) NIL NIL NIL NIL NIL)";
    let inner = section(MESSAGE, "2").unwrap();
    let lines = inner.lines().count();
    let expected = format!(
        "(((\"text\" \"plain\" NIL NIL NIL \"7BIT\" 11 2 NIL NIL NIL NIL)\
(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"QUOTED-PRINTABLE\" 15 1 NIL NIL NIL NIL) \"alternative\" \
(\"boundary\" \"inner\") NIL NIL NIL)\
(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" {} {envelope} \
((\"application\" \"zip\" (\"name\" \"IHE_XDM.zip\") NIL NIL \"BASE64\" 8 NIL (\"attachment\" (\"filename\" \
\"IHE_XDM.zip\")) NIL NIL) \"mixed\" (\"boundary\" \"deep\") NIL NIL NIL) {lines} NIL NIL NIL NIL)\
(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 31 (NIL \"alone\" NIL NIL NIL NIL NIL NIL NIL NIL) \
(\"text\" \"plain\" NIL NIL NIL \"7BIT\" 13 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"outer\") NIL NIL NIL)",
        inner.len()
    );
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// Leaves of a message as `mail-parser` sees them: where each body starts and ends.
fn leaves_of_oracle(raw: &[u8]) -> Vec<(u64, u64)> {
    let message = MessageParser::default().parse(raw).unwrap();
    let leaf = |part: &&mail_parser::MessagePart<'_>| !matches!(part.body, PartType::Multipart(_));
    message.parts.iter().filter(leaf).map(|part| (part.offset_body.into(), part.offset_end.into())).collect()
}

fn leaves(part: &Part, out: &mut Vec<(u64, u64)>) {
    if part.is_multipart() {
        part.children.iter().for_each(|child| leaves(child, out));
    } else {
        out.push((part.body, part.end));
    }
}

/// A well-formed tree of parts, as text.
fn tree() -> impl Strategy<Value = (String, String)> {
    let leaf = "[a-z]{1,12}(\r\n[a-z -]{0,12}){0,3}".prop_map(|body| ("text/plain".to_owned(), body));
    let number = std::cell::Cell::new(0);
    leaf.prop_recursive(3, 12, 4, move |inner| {
        number.set(number.get() + 1);
        let boundary = format!("b{}=_x", number.get());
        prop::collection::vec(inner, 1..4).prop_map(move |children| {
            let mut body = String::new();
            for (kind, text) in children {
                body.push_str(&format!("--{boundary}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n"));
            }
            body.push_str(&format!("--{boundary}--"));
            (format!("multipart/mixed; boundary=\"{boundary}\""), body)
        })
    })
}

fn scrap() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"--x\r\n".to_vec()),
        Just(b"--x--\r\n".to_vec()),
        Just(b"--y\r\n".to_vec()),
        Just(b"Content-Type: multipart/mixed; boundary=x\r\n".to_vec()),
        Just(b"Content-Type: multipart/digest; boundary=\"y\"\r\n".to_vec()),
        Just(b"Content-Type: message/rfc822\r\n".to_vec()),
        Just(b"Content-Type: text/plain; charset=\"\xe9\"; name=a\r\n".to_vec()),
        Just(b"Content-Disposition: attachment; filename=\"a\\\"b\"\r\n".to_vec()),
        Just(b"Content-Language: fr, en\r\nContent-MD5: x\r\nContent-Location: y\r\n".to_vec()),
        Just(b"From: a <b@c>, (d) e@f, g: h@i;\r\n".to_vec()),
        Just(b"To: <@a:b@c>, \"\r\n\t, ;:@<>\r\n".to_vec()),
        Just("Subject: é\"\\\0x\r\n".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..30),
        "[ -~]{0,40}\r\n".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn the_size_of_the_pieces_does_not_matter(scraps in prop::collection::vec(scrap(), 0..30), chunk in 1usize..40) {
        let message = scraps.concat();
        prop_assert_eq!(scan(&message, chunk), scan(&message, message.len().max(1)));
    }

    #[test]
    fn mail_parser_finds_the_same_parts((kind, body) in tree()) {
        let message = format!("Subject: x\r\nContent-Type: {kind}\r\n\r\n{body}\r\n");
        let mut ours = Vec::new();
        leaves(&scan(message.as_bytes(), 11), &mut ours);
        prop_assert_eq!(ours, leaves_of_oracle(message.as_bytes()), "{}", message);
    }

    #[test]
    fn whatever_the_message_imap_codec_reads_what_is_written(scraps in prop::collection::vec(scrap(), 0..30)) {
        let message = scraps.concat();
        let part = scan(&message, 64);
        for extended in [false, true] {
            let mut line = b"* 1 FETCH (ENVELOPE ".to_vec();
            write_envelope(&mut line, &Envelope::read(&message));
            line.extend_from_slice(if extended { b" BODYSTRUCTURE " } else { b" BODY " });
            write_structure(&mut line, &part, extended);
            line.extend_from_slice(b")\r\n");
            let read = ResponseCodec::default().decode(&line);
            let shown = String::from_utf8_lossy(&line);
            let Ok((rest, Response::Data(Data::Fetch { .. }))) = read else { panic!("{shown}\n{read:?}") };
            prop_assert!(rest.is_empty(), "{}", shown);
        }
    }

    #[test]
    fn sections_never_leave_the_message(
        scraps in prop::collection::vec(scrap(), 0..30),
        wanted in "([1-3](\\.[1-3]){0,3})?(\\.?(HEADER|TEXT|MIME|HEADER.FIELDS \\(TO\\)))?"
    ) {
        let message = scraps.concat();
        if let Ok(Command::Fetch { items, .. }) = parse(format!("a FETCH 1 BODY[{wanted}]").as_bytes()) {
            let FetchItem::Section { section, .. } = &items[0] else { panic!() };
            if let Octets::Range { start, end } | Octets::Fields { start, end, .. } = locate(&scan(&message, 50), section) {
                prop_assert!(start <= end && end <= message.len() as u64);
            }
        }
    }
}

#[test]
fn a_bomb_of_parts_is_read_in_bounded_memory_and_time() {
    let mut bomb = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n".to_vec();
    for _ in 0..200_000 {
        bomb.extend_from_slice(b"--x\r\n\r\n");
    }
    assert!(scan(&bomb, 65_536).children.len() <= 1_000);
    let mut nested = Vec::new();
    for depth in 0..5_000 {
        nested.extend_from_slice(
            format!("Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n").as_bytes(),
        );
    }
    let mut out = Vec::new();
    write_structure(&mut out, &scan(&nested, 65_536), true);
    let wide = [b"Content-Type: text/plain\r\nX: ".to_vec(), vec![b'x'; 8 * 1024 * 1024]].concat();
    assert_eq!(scan(&wide, 65_536).end, wide.len() as u64);
}
