use imap::client::{
    Code, Command, NoticeKind, ReadError, Response, ResponseReader, Status, Tags, Untagged, append,
    authenticate,
};
use imap_codec::CommandCodec;
use imap_codec::decode::Decoder;
use kernel::RetryClass;
use proptest::prelude::*;

/// What a Dovecot 2.3 says, abridged: from its documentation and the examples of the RFCs, not from ourselves.
const TRANSCRIPT: &[u8] = b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS LOGINDISABLED] Dovecot ready.\r\n\
* LIST (\\HasNoChildren \\Sent) \"/\" \"Envoy&AOk-s\"\r\n\
* LIST (\\Noselect) NIL {4}\r\nodd \r\n\
* 172 EXISTS\r\n\
* OK [UIDVALIDITY 3857529045] UIDs valid\r\n\
* FLAGS (\\Answered \\Seen $MDNSent)\r\n\
* 12 FETCH (UID 4827313 FLAGS (\\Seen) MODSEQ (624140003) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 \
ENVELOPE (\"Wed\" {3}\r\n\"(x ((\"Terry\" NIL \"gray\" \"cac\")) NIL NIL NIL NIL NIL NIL \"<B27397>\") BODY[HEADER]<0> {8}\r\nA: b\r\n\r\n BODY[1.MIME] NIL)\r\n\
* SEARCH 2 84 882\r\n\
* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n\
* ID (\"name\" \"Dovecot\" \"os\" NIL)\r\n\
* VANISHED 41\r\n\
+ eyJzdGF0dXMiOiI0MDEifQ==\r\n\
v1 NO [AUTHENTICATIONFAILED] Nope\r\n\
v2 OK [APPENDUID 38505 3955] APPEND completed\r\n\
v3 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n\
* BYE [UNAVAILABLE] Later\r\n";

fn read_all(bytes: &[u8], chunk: usize) -> Vec<Response> {
    let mut reader = ResponseReader::default();
    let mut out = Vec::new();
    for piece in bytes.chunks(chunk) {
        reader.push(piece);
        while let Some(response) = reader.poll().unwrap() {
            out.push(response);
        }
    }
    assert_eq!(reader.buffered(), 0);
    out
}

#[test]
fn a_transcript_is_read_whole() {
    let all = read_all(TRANSCRIPT, TRANSCRIPT.len());
    assert_eq!(all.len(), 16);
    let Response::Untagged(Untagged::Notice(greeting)) = &all[0] else { panic!() };
    assert_eq!(greeting.kind, NoticeKind::Ok);
    let Some(Code::Capability(capabilities)) = &greeting.code else { panic!() };
    assert!(capabilities.contains(&"STARTTLS".to_owned()));
    let Response::Untagged(Untagged::List(sent)) = &all[1] else { panic!() };
    assert_eq!(
        (sent.name.as_str(), sent.separator, sent.attributes[1].as_str()),
        ("Envoyés", Some('/'), "\\Sent")
    );
    let Response::Untagged(Untagged::List(odd)) = &all[2] else { panic!() };
    assert_eq!((odd.name.as_str(), odd.separator), ("odd ", None));
    assert_eq!(all[3], Response::Untagged(Untagged::Exists(172)));
    let Response::Untagged(Untagged::Fetch(fetched)) = &all[6] else { panic!() };
    assert_eq!(
        (fetched.number, fetched.uid, fetched.size, fetched.modseq),
        (12, Some(4_827_313), Some(4286), Some(624_140_003))
    );
    assert_eq!(&fetched.body("HEADER").unwrap()[..], b"A: b\r\n\r\n");
    assert_eq!((fetched.bodies[0].origin, fetched.bodies[1].data.as_ref()), (Some(0), None));
    assert_eq!(all[7], Response::Untagged(Untagged::Search(vec![2, 84, 882])));
    assert_eq!(all[10], Response::Untagged(Untagged::Vanished { earlier: false, uids: vec![(41, 41)] }));
    assert_eq!(all[11], Response::Continuation("eyJzdGF0dXMiOiI0MDEifQ==".into()));
    let Response::Tagged(refused) = &all[12] else { panic!() };
    assert_eq!((refused.tag.as_str(), refused.status), ("v1", Status::No));
    assert_eq!(refused.code.as_ref().unwrap().retry(), RetryClass::NewCredential);
    let Response::Tagged(appended) = &all[13] else { panic!() };
    assert_eq!(appended.code, Some(Code::AppendUid { validity: 38505, uid: 3955 }));
    let Response::Untagged(Untagged::Notice(bye)) = &all[15] else { panic!() };
    assert_eq!((bye.kind, bye.code.as_ref().unwrap().retry()), (NoticeKind::Bye, RetryClass::Later));
}

#[test]
fn limits_end_the_reading() {
    let mut reader = ResponseReader::new(100, 10);
    reader.push(b"* 1 FETCH (BODY[] {11}\r\n");
    assert_eq!(reader.poll().unwrap_err(), ReadError::TooBig { announced: 11, limit: 10 });
    let mut reader = ResponseReader::new(100, 10);
    reader.push(&[b'x'; 101]);
    assert_eq!(reader.poll().unwrap_err(), ReadError::TooLong(100));
    let mut reader = ResponseReader::default();
    reader.push(b"* 1 FETCH (BODY[] {99999999999999999999}\r\n");
    assert!(reader.poll().is_err());
}

#[test]
fn a_literal_above_the_limit_is_left_out_and_the_connection_goes_on() {
    let big = "x".repeat(5_000);
    let text = format!(
        "* 1 FETCH (UID 7 BODY[] {{5000}}\r\n{big} FLAGS (\\Seen))\r\n* 2 FETCH (UID 8 BINARY[] ~{{5000}}\r\n{big})\r\n\
         * 3 FETCH (BODY[HEADER] {{3}}\r\nabc BODY[] {{5000}}\r\n{big} UID 9)\r\n* 4 FETCH (UID 10 BODY[] {{3}}\r\nabc)\r\n"
    );
    for chunk in [1, 7, 4_096, text.len()] {
        let mut reader = ResponseReader::default().leaving_out(1_000, 6_000);
        let mut all = Vec::new();
        for piece in text.as_bytes().chunks(chunk) {
            reader.push(piece);
            assert!(reader.buffered() < 2_000 + chunk, "what is left out is not kept");
            while let Some(response) = reader.poll().unwrap() {
                let Response::Untagged(Untagged::Fetch(fetched)) = response else { panic!() };
                all.push(*fetched);
            }
        }
        let told: Vec<_> =
            all.iter().map(|one| (one.uid.unwrap(), one.left_out, one.body("").cloned())).collect();
        let kept = Some(bytes::Bytes::from_static(b"abc"));
        assert_eq!(
            told,
            [
                (7, Some(5_000), None),
                (8, Some(5_000), None),
                (9, Some(5_000), None),
                (10, None, kept.clone())
            ]
        );
        assert_eq!(all[0].flags.as_deref(), Some(&["\\Seen".to_owned()][..]), "what follows it is read");
        assert_eq!(all[2].body("HEADER").cloned(), kept);
    }
    let mut reader = ResponseReader::default().leaving_out(1_000, 6_000);
    reader.push(b"* 1 FETCH (BODY[] {6001}\r\n");
    assert_eq!(reader.poll(), Err(ReadError::TooBig { announced: 6_001, limit: 6_000 }));
}

#[test]
fn vanished_and_the_date_of_arrival() {
    let all = read_all(
        b"* VANISHED (EARLIER) 300:310,405,411:*\r\n* 1 FETCH (UID 5 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\")\r\n",
        9,
    );
    let uids = vec![(300, 310), (405, 405), (411, u32::MAX)];
    assert_eq!(all[0], Response::Untagged(Untagged::Vanished { earlier: true, uids }));
    let Response::Untagged(Untagged::Fetch(fetched)) = &all[1] else { panic!() };
    assert_eq!(fetched.received().unwrap().to_string(), "1996-07-17T09:44:25Z");
}

#[test]
fn commands_are_what_the_oracle_reads() {
    let mut tags = Tags::new();
    assert_eq!((tags.next_tag().as_str(), tags.next_tag().as_str()), ("v1", "v2"));
    let joined = |command: Command| command.literal_plus(true).finish().segments().concat();
    for command in [
        joined(Command::new("a", "SELECT").mailbox("Envoyés & reçus")),
        joined(Command::new("a", "UID FETCH").raw("1:*").raw("(UID FLAGS BODY.PEEK[])")),
        joined(Command::new("a", "SEARCH").raw("SUBJECT").literal_plus(true).string("é\r\n")),
        joined(Command::new("a", "CREATE").mailbox("NIL")),
        joined(Command::new("a", "CREATE").mailbox("a \"quoted\" \\ name")),
        authenticate("a", "XOAUTH2", Some("dXNlcg==")).reveal().clone().into_bytes(),
        authenticate("a", "EXTERNAL", None).reveal().clone().into_bytes(),
        [append("a", "Sent", "(\\Seen)", 3, true).segments().concat(), b"abc\r\n".to_vec()].concat(),
    ] {
        let shown = String::from_utf8_lossy(&command).into_owned();
        assert!(CommandCodec::default().decode(&command).is_ok(), "{shown}");
    }
    let waits = Command::new("a", "SEARCH").raw("TEXT").string("é").finish();
    assert_eq!(waits.segments(), [b"a SEARCH TEXT {2}\r\n".to_vec(), "é\r\n".as_bytes().to_vec()]);
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_responses(chunk in 1usize..50) {
        prop_assert_eq!(read_all(TRANSCRIPT, chunk), read_all(TRANSCRIPT, TRANSCRIPT.len()));
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..900) {
        let mut stream = TRANSCRIPT.to_vec();
        let at = at.min(stream.len());
        stream.splice(at..at, bytes);
        let mut reader = ResponseReader::default();
        reader.push(&stream);
        while let Ok(Some(_)) = reader.poll() {}
    }

    #[test]
    fn no_text_ends_a_command_early(text in ".{0,30}") {
        let command = Command::new("a", "SELECT").raw(&text).finish().segments().concat();
        prop_assert_eq!(command.iter().filter(|&&byte| byte == b'\n').count(), 1);
    }
}
