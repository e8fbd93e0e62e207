use rules::Registry;

/// A mail read whole: its parts, its documents, its suggestions.
pub(crate) fn mail(bytes: &[u8]) {
    let mail = mss::interpret(bytes);
    for attachment in &mail.attachments {
        let name = attachment.safe_name();
        assert!(
            !name.is_empty() && !name.contains(['/', '\\', '\0', '\n', '\r']),
            "not a file name: {name:?}"
        );
    }
    for document in &mail.documents {
        let _ = document.read();
    }
    let _ = mss::carried(bytes);
    let _ = mss::Indicators::read(bytes);
    let _ = mss::Parent::read(bytes);
    for field in mss::fields(bytes).take(200) {
        let _ = field;
    }
    for value in ["From", "Subject", "X-MSS-INS"].into_iter().flat_map(|name| mss::header_values(bytes, name))
    {
        let _ = mss::Mailbox::list(&value);
        let answer = mss::answer_subject(&value);
        assert_eq!(mss::answer_subject(&answer), answer, "an answer's subject is that of its answer");
        if let Ok(address) = mss::Address::parse(&value) {
            assert_eq!(mss::Address::parse(address.as_str()), Ok(address));
        }
        if let Ok(id) = mss::MessageId::parse(&value) {
            assert_eq!(mss::MessageId::parse(id.as_str()), Ok(id));
        }
    }
}

/// A mail that may report of another one: MDN, DSN, or a mail that came back.
pub(crate) fn receipt(bytes: &[u8]) {
    let _ = mss::MdnRequest::read(bytes);
    if let Some(report) = mss::Report::read(bytes) {
        let _ = report.bounce();
    }
}

/// A text that may be HPRIM Médecin.
pub(crate) fn hprim(bytes: &[u8]) {
    let _ = mss::looks_like_hprim(bytes);
    let Some(read) = mss::read_hprim(bytes) else { return };
    for result in read.reports.iter().flat_map(mss::HprimReport::results) {
        let _ = result.level();
    }
}

/// Any file, held against the requirements: whatever is found names a requirement of the registry.
pub(crate) fn inspect(bytes: &[u8]) {
    for name in ["file", "file.eml", "ORDO_20260105_NOM_PRENOM.pdf"] {
        let inspection = rules::inspect::inspect(name, bytes);
        for finding in &inspection.findings {
            assert!(Registry::get().find(&finding.rule).is_some(), "{} is in no registry", finding.rule);
            assert!(!finding.message.fr.is_empty() && !finding.message.en.is_empty());
        }
        assert!(!inspection.refused || !inspection.findings.is_empty(), "a refusal says why");
    }
    for (_, document) in rules::inspect::documents("file", bytes) {
        let _ = cda::read(&document);
    }
}
