//! Writes the first inputs of every target into `fuzz/corpus`, made by our own writers and by hand. What fuzzing finds
//! beyond them is added by `cargo fuzz`, minimised, and kept beside them.
//!
//! `cargo run -p hostile --example seeds`

use std::path::Path;

use cda::{Draft, SmallKind};
use ins::{BirthDate, Identity, Matricule, Nature, Sex, Traits};
use kernel::Timestamp;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = root.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("seed-{name}")), bytes)
    };
    for (kind, name) in [(SmallKind::DischargeLetter, "letter"), (SmallKind::LabReport, "report")] {
        let document = document(kind, 1);
        for target in ["cda", "inspect"] {
            put(target, name, &document)?;
        }
    }
    put("cda", "narrative", NARRATIVE.as_bytes())?;
    put("cda", "laboratory", LABORATORY.as_bytes())?;
    put("cda", "latin1", &latin1(NARRATIVE))?;
    put("pdfa", "letter", &document(SmallKind::DischargeLetter, 1))?;
    put("pdfa", "narrative", NARRATIVE.as_bytes())?;
    let archive = archive(&[document(SmallKind::DischargeLetter, 1)]);
    put("xdm", "one", &archive)?;
    put("xdm", "bare", &[b"PK\x05\x06".as_slice(), &[0; 18]].concat())?;
    put("inspect", "archive", &archive)?;
    put("inspect", "pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(x)>>>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF")?;

    for (name, text) in
        [("nir", "2780526318021"), ("corsica", "1 75 10 2A 004 001"), ("key", "178059912345649")]
    {
        put("matricule", name, text.as_bytes())?;
    }
    for (index, mail) in mails().iter().enumerate() {
        put("mail", &index.to_string(), mail)?;
        put("imap_mime", &index.to_string(), mail)?;
        put("smtp_data", &index.to_string(), &smtp::client::dot_stuff(mail))?;
    }
    put("inspect", "mail", &mails()[0])?;
    put("mail", "carried", &carrying())?;
    put("receipt", "mdn", MDN.as_bytes())?;
    put("receipt", "dsn", DSN.as_bytes())?;
    put("receipt", "words", BOUNCE.as_bytes())?;
    put("receipt", "asked", &mails()[0])?;
    put("hprim", "text", HPRIM.as_bytes())?;
    put(
        "mail",
        "hprim",
        format!("Subject: =?utf-8?q?R=C3=A9sultats?=\r\nContent-Type: text/plain\r\n\r\n{HPRIM}").as_bytes(),
    )?;

    put("imap_command", "session", IMAP_CLIENT)?;
    put("imap_command", "search", IMAP_SEARCH)?;
    put("imap_response", "session", IMAP_SERVER)?;
    put("imap_thread", "replies", THREADS.as_bytes())?;
    for (index, name) in ["INBOX", "Envoy&AOk-s &- re&AOc-us", "&U,BTFw-/&ZeVnLIqe-", "&2D3eAA-", "&", "&AO-"]
        .iter()
        .enumerate()
    {
        put("mutf7", &index.to_string(), name.as_bytes())?;
    }
    put("smtp_command", "session", SMTP_CLIENT)?;
    put("smtp_reply", "session", SMTP_SERVER)?;
    put("smtp_data", "smuggled", b"Subject: a\r\n\r\ntext\n.\r\nMAIL FROM:<x@y>\r\n.\r\n")?;
    put("smtp_data", "empty", b".\r\n")?;
    let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJodHRwczovL2xvY2FsaG9zdCIsImp0aSI6IjEiLCJzdWIiOiJmOjE6ODk5NyJ9.AAAA";
    let secret = kernel::Secret::new(token.to_owned());
    put("sasl", "xoauth2", sasl::xoauth2_response("899700000018@mail.fr", &secret).reveal().as_bytes())?;
    put("sasl", "external", sasl::external_response("163254178@mail.fr").as_bytes())?;
    put("sasl", "line", b"a1 AUTHENTICATE XOAUTH2 dXNlcj1hAWF1dGg9QmVhcmVyIHgBAQ==")?;
    put("sasl", "challenge", b"eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=")?;
    put("oidc", "token", token.as_bytes())?;
    put("oidc", "keys", format!("{KEYS}\n{token}").as_bytes())?;
    put("oidc", "form", b"grant_type=refresh_token&client_id=a%20b&scope=openid+scope_all&state=%C3%A9")?;
    put("oidc", "response", br#"{"access_token":"a","expires_in":120,"refresh_token":"b","refresh_expires_in":1800,"token_type":"Bearer","id_token":"c","scope":"openid"}"#)?;
    put("oidc", "refused", br#"{"error":"invalid_grant","error_description":"Session not active"}"#)?;
    put("client_hello", "tls13", &hello())?;
    for name in ["psc-ins", "psc-token-refused", "cert-tls-floor", "segur-v2-parcours"] {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/scenarios").join(format!("{name}.toml"));
        put("scenario", name, &std::fs::read(file)?)?;
    }
    Ok(())
}

fn document(kind: SmallKind, id: u128) -> Vec<u8> {
    let born = BirthDate::parse("19780526").expect("a date");
    let traits = Traits::strict("CORSE", "ANNE", born, Sex::Female, "63220");
    let patient =
        Identity::new(Matricule::from_body("2780526318021").expect("a matricule"), Nature::Test, traits);
    cda::write(&Draft::small(kind, &cda::oid_of(id), patient))
}

fn time() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("a date within range")
}

fn archive(documents: &[Vec<u8>]) -> Vec<u8> {
    xdm::Submission::new(documents.iter().cloned(), time()).write().expect("the documents are CDA")
}

fn draft() -> mss::Draft {
    let address = |text| mss::Address::parse(text).expect("an address");
    let to = vec![address("bob@ch.mssante.fr"), address("278052631802186@patient.mssante.fr")];
    let mut draft = mss::Draft::new(address("899700000018@medecin.mssante.fr"), to, "2621", time());
    draft.message_id = mss::MessageId::parse("fixed@medecin.mssante.fr").expect("an id");
    draft.read_receipt = true;
    draft.patient_close = true;
    draft.subject = "Résultats de l’examen".into();
    draft.text = "Bonjour,\n.\nci-joint é.".into();
    draft
}

fn carrying() -> Vec<u8> {
    let mut draft = draft();
    draft.documents = vec![mss::Document::new(document(SmallKind::LabReport, 1))];
    mss::compose(&draft).expect("the draft is sound")
}

fn mails() -> Vec<Vec<u8>> {
    let plain = mss::compose(&draft()).expect("the draft is sound");
    vec![plain, NESTED.as_bytes().to_vec(), PARAMETERS.as_bytes().to_vec()]
}

fn latin1(text: &str) -> Vec<u8> {
    text.replace("UTF-8", "ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

/// A ClientHello of TLS 1.3 with the extensions that are read, made octet by octet.
fn hello() -> Vec<u8> {
    let with = |size: usize, body: Vec<u8>| {
        let length = body.len().to_be_bytes();
        [length[length.len() - size..].to_vec(), body].concat()
    };
    let extension = |kind: u16, body: Vec<u8>| [kind.to_be_bytes().to_vec(), with(2, body)].concat();
    let extensions = [
        extension(0, with(2, [vec![0], with(2, b"localhost".to_vec())].concat())),
        extension(10, with(2, vec![0, 29, 0, 23])),
        extension(13, with(2, vec![4, 3, 8, 4])),
        extension(16, with(2, with(1, b"imap".to_vec()))),
        extension(43, with(1, vec![3, 4, 3, 3])),
    ]
    .concat();
    let body = [
        vec![3, 3],
        vec![7; 32],
        with(1, vec![]),
        with(2, vec![0x13, 1, 0x13, 2, 0xc0, 0x2f]),
        with(1, vec![0]),
        with(2, extensions),
    ]
    .concat();
    let handshake = [vec![1], with(3, body)].concat();
    [vec![22, 3, 1], with(2, handshake)].concat()
}

const NARRATIVE: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="2.25.7"/>
<code code="11490-0" codeSystem="2.16.840.1.113883.6.1"/><title>Lettre é</title><effectiveTime value="20260105101500+0100"/>
<confidentialityCode code="MASQUE_PS" codeSystem="1.2.250.1.213.1.1.4.13"/>
<recordTarget><patientRole><id extension="278052631802186" root="1.2.250.1.213.1.4.10"/><patient><name><family qualifier="BR">CORSE</family><given>ANNE</given></name><administrativeGenderCode code="F"/><birthTime value="19780526"/></patient></patientRole></recordTarget>
<relatedDocument typeCode="RPLC"><parentDocument><id root="2.25.6"/></parentDocument></relatedDocument>
<component><structuredBody><component><section><title>Synthèse</title><text><paragraph ID="p1">Un <content styleCode="Bold Italics" ID="c">mot</content> et H<sub>2</sub>O<br/>puis <linkHtml href="javascript:alert(1)">lien</linkHtml> <linkHtml href="https://example.org/a">autre</linkHtml> <linkHtml href="#p1">ici</linkHtml></paragraph>
<list listType="ordered"><caption>Liste</caption><item>un</item><item><list><item>deux</item></list></item></list>
<table border="1"><caption>Table</caption><colgroup><col width="20%"/></colgroup><thead><tr><th colspan="2">T</th></tr></thead><tbody><tr><td rowspan="2">a</td><td>b</td></tr><tr><td><footnote ID="f">note</footnote><footnoteRef IDREF="f"/></td></tr></tbody></table>
<renderMultiMedia referencedObject="m1"/></text><entry><observationMedia ID="m1" classCode="OBS" moodCode="EVN"><value mediaType="image/png" representation="B64">iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==</value></observationMedia></entry>
<component><section><title>Dedans</title><text>texte</text></section></component></section></component></structuredBody></component></ClinicalDocument>
"##;

const LABORATORY: &str = r##"<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><code code="11502-2" codeSystem="2.16.840.1.113883.6.1"/><component><structuredBody><component><section><code code="18719-5" codeSystem="2.16.840.1.113883.6.1"/><title>Biochimie</title><text><table><tbody><tr><td ID="l1">Potassium</td></tr></tbody></table></text>
<entry><act classCode="ACT" moodCode="EVN"><entryRelationship typeCode="COMP"><organizer classCode="BATTERY" moodCode="EVN"><component><observation classCode="OBS" moodCode="EVN"><code code="2823-3" codeSystem="2.16.840.1.113883.6.1" displayName="Potassium"><originalText><reference value="#l1"/></originalText></code><statusCode code="completed"/><effectiveTime value="20260104"/><value xsi:type="PQ" value="6.9" unit="mmol/L"/><interpretationCode code="HH"/><referenceRange><observationRange><value xsi:type="IVL_PQ"><low value="3.5" unit="mmol/L"/><high value="4.5" unit="mmol/L"/></value></observationRange></referenceRange>
<entryRelationship typeCode="REFR"><observation classCode="OBS" moodCode="EVN"><code code="2823-3"/><effectiveTime value="20251204"/><value xsi:type="PQ" value="4.1" unit="mmol/L"/></observation></entryRelationship></observation></component>
<component><observation classCode="OBS" moodCode="EVN" negationInd="true"><code nullFlavor="UNK"/><value xsi:type="CD" code="260385009" displayName="Négatif"/></observation></component><component><observation><code code="1"/><value xsi:type="IVL_PQ"><low inclusive="false" value="5"/></value></observation></component><component><observation><code code="2"/><value xsi:type="ST">S</value></observation></component></organizer></entryRelationship></act></entry></section></component></structuredBody></component></ClinicalDocument>
"##;

const NESTED: &str = "From: =?iso-8859-1?Q?Docteur_=C9ric?= <eric@medecin.mssante.fr>\r\nTo: \"Bob, le vrai\" <bob@ch.mssante.fr>, groupe: a@b.fr, c@d.fr;\r\n\
Subject: =?UTF-8?B?w6k=?= =?UTF-8?Q?t=C3=A9?=\r\nDate: Mon, 5 Jan 2026 10:15:00 +0100 (heure)\r\nMessage-ID: <1@medecin.mssante.fr>\r\nReferences: <0@a> <2@b>\r\nMIME-Version: 1.0\r\n\
X-MSS-INS: 278052631802186;1.2.250.1.213.1.4.10\r\nX-MSS-NIL: 2621\r\nContent-Type: multipart/mixed; boundary=\"a b\"\r\n\r\npréambule\r\n--a b\r\n\
Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nligne =C3=A9=\r\n suite\r\n--c\r\nContent-Type: text/html\r\n\r\n<p onclick=x>a<script>b</script></p>\r\n--c--\r\n\
--a b\r\nContent-Type: message/rfc822\r\n\r\nFrom: a@b.fr\r\nSubject: dedans\r\nContent-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: un\r\n\r\nx\r\n--d--\r\n--a b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"=?utf-8?q?r=C3=A9sultat=2Epdf?=\"\r\n\r\nJVBERi0xLjQK\r\n--a b--\r\népilogue\r\n";

const PARAMETERS: &str = "Subject: annule et remplace\r\n [FIN]\r\nContent-Type: APPLICATION/octet-stream; name*0*=utf-8'fr'r%C3%A9;\r\n\tname*1=\"su\\\"lt\"; name*2*=at%2Epdf\r\nContent-Disposition: attachment; filename*=iso-8859-1''%E9%2F..%5Cx.pdf; size=3; filename=x\r\nContent-ID: <a@b>\r\nContent-Description: =?utf-8?q?d=C3=A9?=\r\nContent-Language: fr, en\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\nContent-Location: http://a/b\r\n\r\n\u{0}\u{1}";

const MDN: &str = "From: bob@ch.mssante.fr\r\nTo: a@medecin.mssante.fr\r\nSubject: Lu : x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nLu.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\nReporting-UA: x; y\r\nFinal-Recipient: rfc822;bob@ch.mssante.fr\r\nOriginal-Message-ID: <1@a>\r\nDisposition: automatic-action/MDN-sent-automatically; processed/error\r\nError: 12 : document refusé\r\n\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=message_original.eml\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n";

const DSN: &str = "From: MAILER-DAEMON@op.fr\r\nTo: a@medecin.mssante.fr\r\nSubject: Undelivered\r\nAuto-Submitted: auto-replied\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n--b\r\n\r\nUnknown.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; op.fr\r\nOriginal-Envelope-Id: QQ+3D1\r\nArrival-Date: Mon, 5 Jan 2026 10:15:00 +0100\r\n\r\nOriginal-Recipient: rfc822;x+2By@z.fr\r\nFinal-Recipient: rfc822; x@z.fr\r\nAction: failed\r\nStatus: 5.1.1 (no user)\r\nRemote-MTA: dns; z.fr\r\nDiagnostic-Code: smtp; 550 5.1.1 <x@z.fr>:\r\n User unknown\r\nLast-Attempt-Date: Mon, 5 Jan 2026 10:16:00 +0100\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@a>\r\n\r\n--b--\r\n";

const BOUNCE: &str = "From: ne-pas-repondre@monespacesante.fr\r\nTo: a@medecin.mssante.fr\r\nSubject: =?utf-8?q?Message_non_remis?=\r\nIn-Reply-To: <1@a>\r\n\r\nVotre message n'a pas pu \u{ea}tre remis : la messagerie de ce patient est ferm\u{e9}e.\r\n";

const HPRIM: &str = "0000129610\r\nESSAI\r\nAnne\r\n12 RUE DES LILAS\r\n\r\n62580 BAILLEUL\r\n18/12/2009\r\n2 09 12 62 041 123 75\r\n506232\r\n22/05/2013\r\nC LABORATOIRE\r\nDOCDOC Dr MARTIN\r\nBonjour &eacute;\r\n****LAB****\r\nTEX|Num&eacute;ration|\r\nRES||IGET 005|A\r\nRES|H\u{e9}moglobine|HB|N|11,2|g/dL|12,0|16.0||F|112|g/L|120|160\r\nRES|Potassium|K|N|4,0|mmol/L|3,5|4,5|HH|F\r\nRES|CRP|CRP|A|<5|mg/L\r\n****FIN****\r\n****FINFICHIER****\r\n";

const IMAP_CLIENT: &[u8] = b"a1 CAPABILITY\r\na2 ID (\"name\" \"x\" \"os\" NIL)\r\na3 AUTHENTICATE XOAUTH2 dXNlcj0=\r\na4 LOGIN {3+}\r\nbob {5}\r\nabcde\r\na5 ENABLE CONDSTORE QRESYNC\r\na6 SELECT \"Envoy&AOk-s\" (QRESYNC (1 2 1:3,5 (1 2)))\r\na7 UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT \"X-A\")]<0.100> BODY[1.2.MIME] BINARY.PEEK[1] ENVELOPE BODYSTRUCTURE MODSEQ) (CHANGEDSINCE 12 VANISHED)\r\na8 STORE 1,3:* (UNCHANGEDSINCE 9) -FLAGS.SILENT (\\Deleted $x)\r\na9 APPEND INBOX (\\Seen) \" 5-Jan-2026 10:15:00 +0100\" {12+}\r\nSubject: a\r\n\r\nb0 LIST (SUBSCRIBED) \"\" (\"%\" *) RETURN (CHILDREN STATUS (MESSAGES SIZE))\r\nb1 STATUS INBOX (UIDNEXT HIGHESTMODSEQ)\r\nb2 IDLE\r\nDONE\r\nb3 UID MOVE $ Trash\r\nb4 RENAME a {2}\r\n\xc3\xa9\r\nb5 GETQUOTAROOT INBOX\r\nb6 LOGOUT\r\n";

const IMAP_SEARCH: &[u8] = b"a SEARCH RETURN (MIN MAX COUNT SAVE) CHARSET UTF-8 OR (NOT FROM \"x\" SINCE 1-Jan-2026) (UID 1:5 LARGER 10 HEADER X-MSS-INS {2+}\r\n12 MODSEQ 5 YOUNGER 60 KEYWORD $a)\r\nb UID SORT (REVERSE DATE SUBJECT) UTF-8 ALL\r\nc UID THREAD REFERENCES UTF-8 UNSEEN\r\nd UID SEARCH $\r\ne NAMESPACE\r\nf COMPRESS DEFLATE\r\ng UNSELECT\r\nh FETCH 1 (PREVIEW (LAZY) SAVEDATE EMAILID THREADID RFC822.SIZE)\r\n";

const IMAP_SERVER: &[u8] = b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n* CAPABILITY IMAP4rev1 AUTH=XOAUTH2\r\na1 OK done\r\n+ eyJzdGF0dXMiOiI0MDEifQ==\r\na2 NO [AUTHENTICATIONFAILED] no\r\n* FLAGS (\\Seen $x)\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\n* OK [HIGHESTMODSEQ 12] x\r\na3 OK [READ-WRITE] done\r\n* LIST (\\HasNoChildren \\Sent) \"/\" \"Envoy&AOk-s\"\r\n* LIST () NIL {3}\r\na\"b\r\n* STATUS INBOX (MESSAGES 3 UNSEEN 1)\r\n* SEARCH 1 2 3 (MODSEQ 5)\r\n* ESEARCH (TAG \"a\") UID MIN 1 ALL 1:3,5\r\n* 2 FETCH (UID 9 FLAGS (\\Seen) INTERNALDATE \" 5-Jan-2026 10:15:00 +0100\" RFC822.SIZE 12 MODSEQ (5) BODY[] {5}\r\nabc\r\n BODY[HEADER]<0> \"x\\\"y\" ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1))\r\n* VANISHED (EARLIER) 1:4\r\n* 4 EXPUNGE\r\n* BYE bye\r\na4 OK [APPENDUID 7 10] done\r\na5 OK [COPYUID 7 1:2 3:4] done\r\na6 BAD what\r\n";

const THREADS: &str = "Message-ID: <1@a>\nSubject: Compte rendu\nDate: Mon, 5 Jan 2026 10:15:00 +0100\nFrom: =?utf-8?q?=C3=A9?= <e@a>\n\nMessage-ID: <2@a>\nIn-Reply-To: <1@a>\nSubject: Re: [liste] Fwd: Compte rendu (fwd)\nDate: 6 Jan 2026 10:15 EST\n\nMessage-ID: <3@a>\nReferences: <1@a> <2@a>\n <9@a>\nSubject: =?utf-8?b?UmU6IMOpdMOp?=\n\nMessage-ID: <9@a>\nReferences: <3@a>\n\nSubject: [fwd: re: a]\n\nMessage-ID: <1@a>\n\nbody";

const SMTP_CLIENT: &[u8] = b"EHLO lps.example\r\nHELO [127.0.0.1]\r\nSTARTTLS\r\nAUTH XOAUTH2 dXNlcj0=\r\nauth external =\r\nMAIL FROM:<\"a b\"@mail.fr> SIZE=123 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+3D1 AUTH=<>\r\nRCPT TO:<@a,@b:bob@[IPv6:::1]> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+2By@z\r\nMAIL FROM:<>\r\nRCPT TO:<\xc3\xa9ric@h\xc3\xb4pital.fr>\r\nBDAT 12 LAST\r\nDATA\r\nRSET\r\nNOOP x\r\nVRFY a\r\nEXPN b\r\nHELP\r\na.b+c@ch.mssante.fr\r\n\"a\\\"b\"@[1.2.3.4]\r\nQUIT\r\n";

const SMTP_SERVER: &[u8] = b"220 mail.fr ESMTP\r\n250-mail.fr\r\n250-SIZE 26214400\r\n250-AUTH XOAUTH2 EXTERNAL\r\n250-8BITMIME\r\n250-LIMITS RCPTMAX=100\r\n250 ENHANCEDSTATUSCODES\r\n334 eyJzdGF0dXMiOiI0MDEifQ==\r\n535-5.7.8 no\r\n535 5.7.8 no\r\n250 2.0.0 Ok: queued as 4F2D61A0B3C\r\n354\r\n421 4.3.2 bye\r\n";

const KEYS: &str = r#"{"keys":[{"kid":"a","kty":"RSA","alg":"RS256","use":"sig","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw","e":"AQAB"}]}"#;
