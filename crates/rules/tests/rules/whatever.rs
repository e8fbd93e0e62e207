//! Whatever a client sends, a check comes of it.

use proptest::prelude::*;
use rules::{
    CodeCdaHeader, Content, Contents, InReplyTo, InsHeader, MesHeader, NilHeader, Outcome, Protocol,
    StartTls, TokenRenewed, UniqueMessageId,
};

use crate::story::Story;

fn mail() -> impl Strategy<Value = Vec<u8>> {
    let field =
        "(X-MSS-(NIL|INS|CODECDA|MES)|Message-ID|References|In-Reply-To|Content-Type): ?\\PC{0,40}\r\n";
    let headers = proptest::collection::vec(field, 0..6).prop_map(|fields| fields.concat().into_bytes());
    let body = proptest::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (headers, body).prop_map(|(headers, body)| [headers, b"\r\n".to_vec(), body].concat()),
    ]
}

proptest! {
    #[test]
    fn no_mail_panics_a_checker(bytes in mail(), close in any::<bool>()) {
        let mut story = Story::smtp();
        story.connect().mail("r1@bal.lab", &bytes);
        let requirement = "SC.MSS/CONF.14";
        let checks = [
            story.judge(|t, m| NilHeader { requirement, nil: "2621" }.check(t, m)),
            story.judge(|t, m| InsHeader { requirement }.check(t, m)),
            story.judge(|t, m| CodeCdaHeader { requirement }.check(t, m)),
            story.judge(|t, m| MesHeader { requirement, close }.check(t, m)),
            story.judge(|t, m| InReplyTo { requirement, original: "<q@lab>" }.check(t, m)),
            story.judge(|t, m| UniqueMessageId { requirement }.check(t, m)),
            story.judge(|t, m| Contents { requirement, expect: Content::Plain }.check(t, m)),
        ];
        for check in checks {
            prop_assert!(!check.received.is_empty() && !check.expected.is_empty());
            prop_assert!(check.outcome == Outcome::Passed || !check.next.is_empty());
            prop_assert!(check.received.fr.chars().all(|c| !c.is_control()));
        }
    }

    #[test]
    fn no_conversation_panics_a_checker(lines in proptest::collection::vec("\\PC{0,30}|[a-z]{1,3} STARTTLS|AUTH X", 0..8)) {
        for mut story in [Story::imap(), Story::smtp()] {
            story.connect();
            for line in &lines {
                story.says(line);
            }
            story.tls();
            for protocol in [Protocol::Imap, Protocol::Smtp] {
                let start = story.judge(|t, _| StartTls { requirement: "SC.MSS/CONF.05", protocol }.check(t));
                let renewed = story.judge(|t, _| TokenRenewed { requirement: "SC.MSS/CONF.11", protocol }.check(t));
                for check in [start, renewed] {
                    prop_assert!(check.outcome == Outcome::Passed || !check.next.is_empty());
                }
            }
        }
    }
}
