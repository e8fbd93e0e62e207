use proptest::prelude::*;
use smtp_proto::Request;

use super::*;

fn parse(line: &str) -> Result<Command, SyntaxError> {
    Command::parse(line.as_bytes())
}

fn code(line: &str) -> (u16, &'static str) {
    let response = parse(line).unwrap_err().response();
    (response.code(), response.enhanced().unwrap())
}

#[test]
fn commands_of_a_usual_session_are_read() {
    assert_eq!(parse("ehlo POSTE_1.local").unwrap(), Command::Ehlo("POSTE_1.local".into()));
    assert_eq!(parse("HELO [127.0.0.1]").unwrap(), Command::Helo("[127.0.0.1]".into()));
    assert_eq!(parse("StartTls").unwrap(), Command::StartTls);
    assert_eq!(parse("NOOP anything at all").unwrap(), Command::Noop);
    assert_eq!(parse("DATA  ").unwrap(), Command::Data);
    let auth = parse("auth xoauth2 dXNlcg==").unwrap();
    assert_eq!(format!("{auth:?}"), "Auth { mechanism: \"XOAUTH2\", initial: Some(Secret(…)) }");
}

#[test]
fn mail_takes_the_parameters_that_are_offered() {
    let Command::Mail { from, parameters } =
        parse("MAIL FROM:<a@b.fr> SIZE=1234 body=8bitmime SMTPUTF8 AUTH=a+2Bb@c.fr").unwrap()
    else {
        panic!("not MAIL")
    };
    assert_eq!(from.address(), "a@b.fr");
    let expected = MailParameters {
        size: Some(1234),
        body: Some(BodyType::EightBitMime),
        smtputf8: true,
        auth: Some("a+b@c.fr".into()),
        ..MailParameters::default()
    };
    assert_eq!(parameters, expected);
    assert!(matches!(parse("mail from:<>").unwrap(), Command::Mail { from: ReversePath::Null, .. }));
}

#[test]
fn what_is_wrong_has_its_reply() {
    assert_eq!(code("MAIL FROM: <a@b>"), (501, "5.5.2"));
    assert_eq!(code("MAIL FROM:a@b"), (501, "5.1.7"));
    assert_eq!(code("MAIL FROM:<a@b>SIZE=1"), (501, "5.1.7"));
    assert_eq!(code("MAIL <a@b>"), (501, "5.5.2"));
    assert_eq!(code("MAIL FROM:<a@b> HOLDFOR=1"), (555, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b> RET=NONE"), (501, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b> BODY=BINARYMIME"), (501, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b>  SIZE=1"), (555, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b> SIZE=1 SIZE=1"), (501, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b> SIZE=-1"), (501, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b> SIZE"), (501, "5.5.4"));
    assert_eq!(code("MAIL FROM:<a@b> SMTPUTF8=1"), (501, "5.5.4"));
    assert_eq!(code("RCPT TO:<>"), (501, "5.1.3"));
    assert_eq!(code("RCPT TO:<@r:a@b>"), (501, "5.1.3"));
    assert_eq!(code("RCPT TO:<a@b> SIZE=1"), (555, "5.5.4"));
    assert_eq!(code("RCPT TO:<a@b> NOTIFY=NEVER,FAILURE"), (501, "5.5.4"));
    assert_eq!(code("RCPT TO:<a@b> NOTIFY=NEVER NOTIFY=NEVER"), (501, "5.5.4"));
    assert_eq!(code("RCPT TO:<a@b> ORCPT=a@b"), (501, "5.5.4"));
    for bad in ["BDAT", "BDAT x", "BDAT 1 FIRST", "BDAT 1 LAST 2", "BDAT -1", "BDAT  1"] {
        assert_eq!(code(bad), (501, "5.5.4"), "{bad}");
    }
    assert_eq!(code("STARTTLS now"), (501, "5.5.4"));
    assert_eq!(code("AUTH"), (501, "5.5.4"));
    assert_eq!(code("AUTH  XOAUTH2"), (501, "5.5.4"));
    assert_eq!(code("AUTH XOAUTH2 a b"), (501, "5.5.4"));
    assert_eq!(code("EHLO"), (501, "5.5.4"));
    assert_eq!(code("EHLO a b"), (501, "5.5.4"));
    assert_eq!(code("EHLO é"), (501, "5.5.4"));
    assert_eq!(code("GET / HTTP/1.1"), (500, "5.5.2"));
    assert_eq!(code(""), (500, "5.5.2"));
    assert_eq!(code("NOOP\0"), (500, "5.5.2"));
    assert_eq!(Command::parse(b"NOOP \xff").unwrap_err(), SyntaxError::Characters);
}

#[test]
fn notices_are_asked_for() {
    let Command::Mail { parameters, .. } = parse("MAIL FROM:<a@b> ret=hdrs ENVID=QQ314159+2Bx").unwrap()
    else {
        panic!("not MAIL")
    };
    assert_eq!((parameters.ret, parameters.envid.as_deref()), (Some(Ret::Headers), Some("QQ314159+x")));
    assert_eq!(parameters.extension(), Some("RET"));
    let Command::Rcpt { parameters, .. } =
        parse("RCPT TO:<a@b> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob+2Bx@c.fr").unwrap()
    else {
        panic!("not RCPT")
    };
    let notify = Notify { success: true, failure: false, delay: true };
    assert_eq!(parameters.notify, Some(notify));
    assert_eq!(parameters.orcpt.unwrap().to_string(), "rfc822;Bob+2Bx@c.fr");
    assert_eq!(parse("BDAT 86 last").unwrap(), Command::Bdat { size: 86, last: true });
    assert_eq!(parse("BDAT 0").unwrap(), Command::Bdat { size: 0, last: false });
}

#[test]
fn a_size_past_64_bits_is_the_largest() {
    let Command::Mail { parameters, .. } = parse("MAIL FROM:<> SIZE=99999999999999999999").unwrap() else {
        panic!("not MAIL")
    };
    assert_eq!(parameters.size, Some(u64::MAX));
}

/// What another implementation makes of the same line: the address, and the size for MAIL.
fn oracle(line: &str) -> Option<(String, usize)> {
    let line = format!("{line}\r\n");
    match Request::parse(&mut line.as_bytes().iter()).ok()? {
        Request::Mail { from } => Some((from.address.into_owned(), from.size)),
        Request::Rcpt { to } => Some((to.address.into_owned(), 0)),
        _ => None,
    }
}

/// The other implementation keeps a local part without its quotes.
fn unquoted(address: &str) -> String {
    match crate::Mailbox::parse(address) {
        Ok(mailbox) => format!("{}@{}", mailbox.local(), mailbox.domain()),
        Err(_) => address.to_owned(),
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Command::parse(&line).map_err(|error| error.response());
    }

    #[test]
    fn parsing_near_the_grammar_never_panics(
        line in "(MAIL FROM:|RCPT TO:|AUTH |EHLO )[<>@\"\\\\a-c.:=\\[\\] 0-9é+]{0,40}( SIZE=[0-9]{0,25}| AUTH=[+<>A-F0-9]{0,9})?",
    ) {
        let _ = parse(&line).map_err(|error| error.response());
    }

    #[test]
    fn what_we_accept_another_parser_reads_alike(
        local in "[a-z0-9+_-]{1,10}(\\.[a-z0-9]{1,5})?|\"[a-z .@>]{1,10}\"",
        domain in "[a-z0-9]{1,10}(-[a-z0-9]{1,3})?(\\.[a-z]{2,5}){0,2}",
        size in proptest::option::of(0_u32..1_000_000_000),
        recipient in any::<bool>(),
    ) {
        let verb = if recipient { "RCPT TO" } else { "MAIL FROM" };
        let size = size.filter(|_| !recipient);
        let parameter = size.map(|size| format!(" SIZE={size}")).unwrap_or_default();
        let line = format!("{verb}:<{local}@{domain}>{parameter}");
        let ours = match parse(&line).unwrap() {
            Command::Mail { from, parameters } => (from.address(), parameters.size.unwrap_or(0)),
            Command::Rcpt { to, .. } => (to.address(), 0),
            other => panic!("{other:?}"),
        };
        let theirs = oracle(&line).expect("the other parser accepts the line");
        prop_assert_eq!((unquoted(&ours.0), ours.1), (theirs.0, theirs.1 as u64));
    }
}
