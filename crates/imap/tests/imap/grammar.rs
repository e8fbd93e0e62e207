use imap::command::{
    Command, Dialect, Flag, List, SearchKey, SearchReturn, SelectParams, StatusItem, parse, parse_append,
    parse_in,
};
use imap::date::internal_date;
use imap::response::{self, Line};
use imap::{Compact, framing};
use imap_codec::decode::Decoder;
use imap_codec::imap_types::response::{Code, CommandContinuationRequest, Data, Response, Status, Tagged};
use imap_codec::{CommandCodec, GreetingCodec, ResponseCodec};
use proptest::prelude::*;

/// Commands of RFC 3501 and of the extensions advertised that both grammars know.
const GOOD: &[&str] = &[
    "a CAPABILITY",
    "a NOOP",
    "a LOGOUT",
    "a STARTTLS",
    "a NAMESPACE",
    "a IDLE",
    "a CHECK",
    "a CLOSE",
    "a UNSELECT",
    "a EXPUNGE",
    "a ID NIL",
    "a ID (\"name\" \"x\" \"version\" NIL)",
    "a AUTHENTICATE XOAUTH2",
    "a AUTHENTICATE EXTERNAL =",
    "a AUTHENTICATE XOAUTH2 dXNlcg==",
    "a LOGIN bob pw",
    "a LOGIN {3+}\r\nbob \"p w\"",
    "a ENABLE UTF8=ACCEPT",
    "a SELECT INBOX",
    "a SELECT \"a b\"",
    "a SELECT {5}\r\nINBOX",
    "a SELECT INBOX (CONDSTORE)",
    "a SELECT INBOX (QRESYNC (67890007 20050715194045000))",
    "a SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))",
    "a SELECT INBOX (QRESYNC (67890007 90060115205545359 41:211 (1,3:4 41,43:44)) CONDSTORE)",
    "a FETCH 1 (FLAGS MODSEQ)",
    "a UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)",
    "a FETCH 1:* FLAGS (CHANGEDSINCE 12345)",
    "a STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)",
    "a EXAMINE &AOk-",
    "a CREATE x/y",
    "a DELETE x",
    "a RENAME x \"y z\"",
    "a SUBSCRIBE x",
    "a UNSUBSCRIBE x",
    "a LIST \"\" *",
    "a LIST \"\" \"%\"",
    "a LIST x/ %y*",
    "a LSUB \"\" \"*\"",
    "a STATUS x (MESSAGES UIDNEXT UNSEEN RECENT UIDVALIDITY)",
    "a STATUS x (HIGHESTMODSEQ SIZE DELETED DELETED-STORAGE)",
    "a GETQUOTA \"\"",
    "a GETQUOTAROOT INBOX",
    "a SETQUOTA \"\" (STORAGE 512)",
    "a SEARCH ALL",
    "a UID SEARCH 1:* NOT SEEN",
    "a SEARCH CHARSET UTF-8 OR FROM x (TO y CC z)",
    "a SEARCH SINCE 1-Feb-1994",
    "a SEARCH HEADER X-A \"\" LARGER 10 KEYWORD x UID 1,3:4",
    "a SEARCH BODY {3}\r\nabc TEXT \"d\"",
    "a FETCH 1 ALL",
    "a FETCH 1:3,5,*:7 (FLAGS UID)",
    "a UID FETCH 1 FULL",
    "a FETCH 1 BODY",
    "a FETCH 1 BODY[]",
    "a FETCH 1 BODY.PEEK[]<0.100>",
    "a FETCH 1 BODY[1.2.MIME]",
    "a FETCH 1 (BODY[HEADER.FIELDS (From To)] BODY[1.HEADER.FIELDS.NOT (X)] BODYSTRUCTURE)",
    "a FETCH 1 (RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE INTERNALDATE ENVELOPE)",
    "a STORE 1 FLAGS (\\Seen)",
    "a STORE 1 +FLAGS.SILENT (\\Deleted $x)",
    "a UID STORE 1:2 -FLAGS \\Seen \\Draft",
    "a COPY 1 x",
    "a UID COPY 1 \"x y\"",
    "a MOVE 1 x",
    "a UID MOVE 1:* x",
    "a UID EXPUNGE 1:*",
    "a fetch 1 flags",
    "a Uid Fetch 1 body.peek[text]",
];

/// What neither grammar takes.
const BAD: &[&str] = &[
    "a",
    "a ",
    " NOOP",
    "* NOOP",
    "a+ NOOP",
    "a NOOPE",
    "a NOOP ",
    "a SELECT",
    "a SELECT \"x",
    "a SELECT a b",
    "a LOGIN bob",
    "a FETCH 0 FLAGS",
    "a FETCH 1 (FLAGS",
    "a FETCH x FLAGS",
    "a FETCH 1 BODY[MIME]",
    "a FETCH 1 BODY[1.2",
    "a FETCH 1 BODY[]<0.0>",
    "a FETCH 1 NONSENSE",
    "a FETCH 1 FLAGS (CHANGEDSINCE x)",
    "a STORE 1 (UNCHANGEDSINCE) +FLAGS (x)",
    "a SELECT INBOX (QRESYNC (1))",
    "a SELECT INBOX (NONSENSE)",
    "a STORE 1 FLAG (\\Seen)",
    "a SEARCH",
    "a SEARCH NONSENSE",
    "a SEARCH SINCE 1994",
    "a STATUS x MESSAGES",
    "a UID NOOP",
    "a UID SEARCH (",
    "a SEARCH OR SEEN",
    "a RENAME x",
    "a XYZZY",
    "a SELECT {9}\r\nx",
];

#[test]
fn both_grammars_agree_on_what_is_a_command() {
    for line in GOOD {
        let wire = format!("{line}\r\n");
        assert!(CommandCodec::default().decode(wire.as_bytes()).is_ok(), "the oracle refuses {line}");
        if let Err(error) = parse(line.as_bytes()) {
            panic!("{line}: {error}");
        }
    }
    for line in BAD {
        let wire = format!("{line}\r\n");
        assert!(CommandCodec::default().decode(wire.as_bytes()).is_err(), "the oracle takes {line}");
        assert!(parse(line.as_bytes()).is_err(), "we take {line}");
    }
}

#[test]
fn what_is_understood_is_what_was_written() {
    let read = |line: &str| parse(line.as_bytes()).unwrap();
    assert_eq!(
        read("a SELECT Envoy&AOk-s"),
        Command::Select { folder: "Envoyés".into(), read_only: false, params: SelectParams::default() }
    );
    assert_eq!(read("a LOGIN {3+}\r\nbob secret"), Command::Login { user: "bob".into() });
    let wanted = List {
        patterns: vec!["*".into(), "INBOX".into()],
        select_subscribed: true,
        return_subscribed: true,
        return_status: Some(vec![StatusItem::Messages, StatusItem::Unseen]),
        extended: true,
        ..List::default()
    };
    let line =
        "a LIST (SUBSCRIBED) \"\" (\"*\" INBOX) RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))";
    assert_eq!(read(line), Command::List(wanted));
    let Command::Search(search) = read("a UID SEARCH RETURN (MIN COUNT) CHARSET utf-8 UNSEEN SUBJECT \"é\"")
    else {
        panic!()
    };
    assert_eq!(search.returns, Some(vec![SearchReturn::Min, SearchReturn::Count]));
    assert_eq!(search.charset.as_deref(), Some("UTF-8"));
    assert_eq!(search.keys[1], SearchKey::Header("SUBJECT".into(), "é".into()));
    let head =
        parse_append(b"a APPEND Sent (\\Seen $x) \"23-Nov-2026 10:00:00 +0100\" {310}", Dialect::default())
            .unwrap();
    assert_eq!(head.folder, "Sent");
    assert_eq!(head.message.flags, [Flag::Seen, Flag::Keyword("$x".into())]);
    assert_eq!(head.message.date.unwrap().to_string(), "2026-11-23T09:00:00Z");
}

#[test]
fn names_are_utf8_where_the_session_has_agreed_on_it() {
    let utf8 = Dialect { utf8: true };
    let name = |line: &str, dialect| match parse_in(line.as_bytes(), dialect).unwrap() {
        Command::Delete(folder) => folder,
        other => panic!("{other:?}"),
    };
    assert_eq!(name("a DELETE \"&AOk-\"", Dialect::default()), "é");
    assert_eq!(name("a DELETE \"&AOk-\"", utf8), "&AOk-");
    assert_eq!(name("a DELETE \"R&D é\"", utf8), "R&D é");
    assert!(parse(b"a CREATE R&D").is_err());
    // A command that makes no folder is answered NO, not BAD: such a folder is not there.
    assert_eq!(name("a DELETE R&D", Dialect::default()), "R&D");
    let Command::List(list) = parse_in("a LIST \"\" \"é&*\"".as_bytes(), utf8).unwrap() else { panic!() };
    assert_eq!(list.patterns, ["é&*"]);
    assert!(parse_in(b"a DELETE \"\xc3\"", utf8).is_err());
    assert_eq!(response::mailbox("R&D \"é\"", true), "\"R&D \\\"é\\\"\"");
    assert_eq!(response::mailbox("é", false), "\"&AOk-\"");
}

#[test]
fn a_folder_is_created_for_a_use() {
    let read = |line: &str| parse(line.as_bytes());
    let wanted =
        Command::Create { folder: "x".into(), special_use: Some(vec!["\\Drafts".into(), "\\Sent".into()]) };
    assert_eq!(read("a CREATE x (USE (\\Drafts \\Sent))"), Ok(wanted));
    for bad in ["a CREATE x ()", "a CREATE x (USE)", "a CREATE x (USE (Drafts))", "a CREATE x (SIZE 3)"] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_a_client_knows_is_read_whole() {
    let line = "a SELECT INBOX (QRESYNC (67890007 90060115205545359 41:211 (1,3:4 41,43:44)))";
    let Command::Select { params, .. } = parse(line.as_bytes()).unwrap() else { panic!() };
    let known = params.resync.unwrap();
    assert_eq!((known.uid_validity, known.modseq), (67_890_007, 90_060_115_205_545_359));
    let (numbers, uids) = known.pairs.unwrap();
    let pairs: Vec<(u32, u32)> = numbers.numbers().zip(uids.numbers()).collect();
    assert_eq!(pairs, [(1, 41), (3, 43), (4, 44)]);
    for bad in [
        "a SELECT x (QRESYNC (1 2 3:*))",
        "a SELECT x (QRESYNC (1 2 3 (1,2 3)))",
        "a SELECT x (QRESYNC (1 0))",
        "a SELECT x (QRESYNC (1 9223372036854775808))",
        "a FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "a UID FETCH 1 FLAGS (VANISHED)",
    ] {
        assert!(parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_mistake_is_placed() {
    let error = parse(b"a7 FETCH 1 (FLAGS BODX)").unwrap_err();
    assert_eq!(error.at, 18);
    assert_eq!(error.to_string(), "octet 18: expected a data item of FETCH (RFC 3501 §6.4.5)");
    assert!(parse(format!("a SEARCH SEEN{}", " SEEN".repeat(499)).as_bytes()).is_ok());
    assert!(parse(format!("a SEARCH SEEN{}", " SEEN".repeat(500)).as_bytes()).is_err());
    assert!(parse(format!("a FETCH 1 (UID{})", " BODY[]".repeat(100)).as_bytes()).is_err());
    assert!(parse(format!("a SEARCH {}SEEN", "NOT ".repeat(50_000)).as_bytes()).is_err());
    assert!(parse(format!("a SEARCH {}", "(".repeat(50_000)).as_bytes()).is_err());
}

fn decoded(line: &[u8]) -> Response<'_> {
    match ResponseCodec::default().decode(line) {
        Ok((b"", response)) => response,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(line)),
    }
}

#[test]
fn imap_codec_reads_every_kind_of_line_that_is_written() {
    let greeting =
        Line::untagged("OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR STARTTLS LOGINDISABLED ID] Ready").finish();
    assert!(GreetingCodec::default().decode(&greeting).is_ok());
    for text in [
        "CAPABILITY IMAP4rev1 AUTH=XOAUTH2 AUTH=EXTERNAL APPENDLIMIT=26214400",
        "LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"",
        "LSUB () \"/\" \"a b\"",
        "STATUS \"Sent\" (MESSAGES 3 UIDNEXT 4 SIZE 12345678901)",
        "FLAGS (\\Seen $x)",
        "OK [PERMANENTFLAGS (\\Seen $x \\*)] Flags",
        "3 EXISTS",
        "0 RECENT",
        "2 EXPUNGE",
        "SEARCH 1 2 3",
        "SEARCH",
        "ENABLED CONDSTORE QRESYNC",
        "ENABLED",
        "VANISHED 41,43:116",
        "VANISHED (EARLIER) 41,43:116,118,120:211,214:540",
        "49 FETCH (UID 117 FLAGS (\\Seen) MODSEQ (90060115194045001))",
        "OK [HIGHESTMODSEQ 715194045007] Highest",
        "OK [CLOSED] What follows is of another folder",
        "OK [MODIFIED 7,9] Some were changed meanwhile",
        "STATUS \"x\" (HIGHESTMODSEQ 7011231777 DELETED 1 DELETED-STORAGE 8)",
        "QUOTA \"\" (STORAGE 10 512 MESSAGE 4 9)",
        "QUOTAROOT \"INBOX\" \"\"",
        "ID (\"name\" \"Vaguemestre\" \"version\" \"0.1.0\")",
        "NAMESPACE ((\"\" \"/\")) NIL NIL",
        "BYE Closing",
        "OK [COPYUID 7 1:3,5 8:11] Moved",
        "1 FETCH (UID 7 FLAGS (\\Seen) RFC822.SIZE 12 INTERNALDATE \"23-Nov-2026 09:00:00 +0000\")",
    ] {
        if text != "ENABLED" {
            decoded(&Line::untagged(text).finish());
        }
    }
    for (code, wanted) in
        [("READ-ONLY", Some(Code::ReadOnly)), ("TRYCREATE", Some(Code::TryCreate)), ("", None)]
    {
        let line = Line::tagged("a1", "NO", code, "text").finish();
        let Response::Status(Status::Tagged(Tagged { tag, body })) = decoded(&line) else { panic!() };
        assert_eq!((tag.as_ref(), body.code), ("a1", wanted));
    }
    let line = Line::new().text("+ eyJzdGF0dXMiOiI0MDEifQ==").finish();
    let Response::CommandContinuationRequest(CommandContinuationRequest::Base64(data)) = decoded(&line)
    else {
        panic!()
    };
    assert_eq!(&data[..], b"{\"status\":\"401\"}");
}

proptest! {
    #[test]
    fn strings_survive(bytes in prop::collection::vec(1u8.., 0..60)) {
        let mut line = b"* 1 FETCH (BODY[] ".to_vec();
        response::string(&mut line, &bytes);
        line.extend_from_slice(b")\r\n");
        let Response::Data(Data::Fetch { items, .. }) = decoded(&line) else { panic!() };
        let shown = format!("{items:?}");
        prop_assert!(shown.contains("BodyExt"));
        // And our own client's reader gives the same octets back.
        let mut reader = imap::client::ResponseReader::default();
        reader.push(&line);
        let Some(imap::client::Response::Untagged(imap::client::Untagged::Fetch(fetched))) = reader.poll().unwrap() else { panic!() };
        prop_assert_eq!(&fetched.body("").unwrap()[..], &bytes[..]);
    }

    #[test]
    fn texts_cannot_end_a_line(text in "\\PC{0,20}[\r\n]{0,2}\\PC{0,20}") {
        let line = Line::tagged("a", "NO", "", &text).finish();
        prop_assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }

    #[test]
    fn internal_dates_are_read_by_the_oracle(second in 0i64..4_000_000_000) {
        let at = kernel::Timestamp::from_second(second).unwrap();
        decoded(&Line::untagged(&format!("1 FETCH (INTERNALDATE {})", internal_date(at))).finish());
    }

    #[test]
    fn folder_names_are_read_by_the_oracle(name in "\\PC{1,20}") {
        decoded(&Line::untagged(&format!("LIST () \"/\" {}", response::folder(&name))).finish());
    }

    #[test]
    fn no_command_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80), good in 0..GOOD.len(), at in 0usize..60) {
        let mut line = GOOD[good].as_bytes().to_vec();
        let at = at.min(line.len());
        line.splice(at..at, bytes.iter().copied());
        let _ = parse(&line);
        let _ = parse_append(&line, Dialect::default());
        let _ = framing::without_literals(&line, 0);
        let _ = parse(&[b"a FETCH 1 ", &bytes[..]].concat());
    }

    #[test]
    fn sets_are_read_by_the_oracle(numbers in prop::collection::btree_set(1u32..100, 1..20)) {
        let numbers: Vec<u32> = numbers.into_iter().collect();
        decoded(&Line::untagged(&format!("OK [COPYUID 7 {0} {0}] x", Compact(&numbers))).finish());
    }
}
