use std::fmt;

use kernel::Timestamp;
use xdm::{Archive, Limits};

use super::archive::{Opened, ReceivedArchive, Unopened, holds_metadata, is_xdm_name};
use super::attachment::{Attachment, FileKind};
use super::problem::MailProblem;
use super::sender::{Sender, Settings};
use crate::mailbox::clean;
use crate::mime::{Fault, Node, Shape, Tree, decode_words};
use crate::receipt::{MdnRequest, Report};
use crate::suggestion::{self, Suggestion};
use crate::{Action, Hprim, Indicators, MailLimits, Mailbox, MessageId, read_hprim, without_marker};

/// A received mail, as a list of mails and the filing of its documents need it.
///
/// Everything is read as far as it can be; what could not be is in [`Interpreted::problems`]. Nothing of it is trusted:
/// [`Interpreted::html`] is a stranger's, and suggestions are only that.
#[derive(Clone, Debug)]
pub struct Interpreted {
    /// The subject, decoded, on one line.
    pub subject: String,
    /// The subject for people: without the mark of XDM (SC.MSS/UX.28).
    pub shown_subject: String,
    /// The subject has the mark of XDM (ECO.2.1.3).
    pub marked: bool,
    /// The subject says *Annule et remplace*: to be shown; what is replaced is told by the documents alone (spec 02 §6.3).
    pub replaces: bool,
    /// The subject is `[FIN]`, exactly: the patient may no longer answer to any mail (spec 01 §5).
    pub closes_exchange: bool,
    /// From, the first one.
    pub from: Option<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Reply-To, the first one: where answers go, and what a patient's contacts learn.
    pub reply_to: Option<Mailbox>,
    /// Who wrote it.
    pub sender: Sender,
    /// Date, as the sender wrote it.
    pub date: Option<Timestamp>,
    /// Message-ID.
    pub message_id: Option<MessageId>,
    /// In-Reply-To, the first one.
    pub in_reply_to: Option<MessageId>,
    /// References, oldest first, each once.
    pub references: Vec<MessageId>,
    /// The `X-MSS-*` headers.
    pub indicators: Indicators,
    /// The text; of a mail that has HTML alone, its words.
    pub text: String,
    /// The HTML, as it came: never to be shown as it is.
    pub html: Option<String>,
    /// The structure, each part before what it holds.
    pub parts: Vec<PartFacts>,
    /// The files, those of attached mails included.
    pub attachments: Vec<Attachment>,
    /// The archives, each opened once, here: whoever judges or files a mail finds what it needs of them.
    pub archives: Vec<ReceivedArchive>,
    /// The documents of archives, and CDA documents that came bare.
    pub documents: Vec<ReceivedDocument>,
    /// HPRIM reports, by the place of their attachment; `None` where they are the mail's own text.
    pub hprim: Vec<(Option<usize>, Hprim)>,
    /// The receipt that the sender asks for.
    pub receipt_request: Option<MdnRequest>,
    /// Where the sender asks for a receipt of delivery (`Return-Receipt-To`): the operator's business, shown only.
    pub delivery_receipt: Vec<Mailbox>,
    /// What the mail reports of another.
    pub report: Option<Report>,
    /// What subject, names of files and text say of patient and document. Never certainties.
    pub suggestions: Vec<Suggestion>,
    /// What could not be read, or is not as it should be.
    pub problems: Vec<MailProblem>,
}

/// A part, for whoever wants to see how a mail is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFacts {
    /// Place of what holds it; `None` for the mail itself.
    pub parent: Option<usize>,
    /// How deep it stands.
    pub depth: usize,
    /// Its type, in lower case.
    pub mime: String,
    /// Octets as they stand in the mail, headers excluded.
    pub size: usize,
    /// The charset declared, as written (ECO.2.2.3); `None` where none is.
    pub charset: Option<String>,
    /// Whether it is a text to be read, and no file.
    pub is_body: bool,
    /// Whether it belongs to a mail that is attached to this one.
    pub nested: bool,
    /// Whether it is a text to be read of ASCII alone, its transfer encoding undone.
    pub is_ascii: bool,
}

/// A document of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedDocument {
    /// Place of its attachment.
    pub attachment: usize,
    /// Path in the archive; the file's name for one that came bare.
    pub path: String,
    /// What the sender asks to be done. To be read before anything else (spec 02 §6.2).
    pub action: Action,
    /// Title by METADATA.XML; may be empty.
    pub title: String,
    /// Type as declared; may be empty.
    pub mime: String,
    /// Whether a METADATA.XML names it.
    pub listed: bool,
    /// DocumentEntry.uniqueId.
    pub unique_id: Option<String>,
    /// DocumentEntry.patientId, an HL7 v2 CX: whose document it is (ECO.2.1.2).
    pub patient_id: Option<String>,
    /// DocumentEntry.typeCode, the code alone.
    pub type_code: Option<String>,
    /// The octets.
    pub bytes: Vec<u8>,
    /// It stands in a mail that is attached to this one: a document forwarded, not sent.
    pub nested: bool,
}

impl ReceivedDocument {
    /// Reads it, if it is a CDA document.
    ///
    /// # Errors
    /// As [`cda::read`].
    pub fn read(&self) -> Result<cda::Document, cda::Error> {
        cda::read(&self.bytes)
    }

    /// Whether it is an XML document that may be a CDA, by its beginning.
    pub fn looks_like_cda(&self) -> bool {
        cda::looks_like_cda(&self.bytes)
    }

    /// Whether it is declared or named as XML.
    pub fn is_xml(&self) -> bool {
        self.mime.contains("xml") || self.path.to_ascii_uppercase().ends_with(".XML")
    }
}

impl fmt::Debug for ReceivedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceivedDocument({}, {}, {} octets)", self.path, self.action, self.bytes.len())
    }
}

/// Reads a mail, with the usual settings. Never fails and never panics; time and memory are bounded by [`MailLimits`].
pub fn interpret(message: &[u8]) -> Interpreted {
    interpret_with(message, &Settings::default())
}

/// As [`interpret`], with the settings of a trust space.
pub fn interpret_with(message: &[u8], settings: &Settings) -> Interpreted {
    let limits = MailLimits::default();
    let size = message.len() as u64;
    if size > limits.message {
        let mut nothing = headers(&Tree::read(&[], &limits), settings);
        nothing.problems = vec![MailProblem::TooLarge { size, limit: limits.message }];
        return nothing;
    }
    let tree = Tree::read(message, &limits);
    let mut mail = headers(&tree, settings);
    mail.structure(&tree, &limits);
    mail.body(&tree, &limits);
    mail.files(&tree, &limits);
    mail.suggestions = suggestion::of(&mail, limits.suggestions);
    mail
}

/// What the header section says.
fn headers(tree: &Tree<'_>, settings: &Settings) -> Interpreted {
    let root = tree.nodes.first();
    let field = |name: &str| root.and_then(|root| root.field(name)).unwrap_or_default();
    let subject = clean(&decode_words(field("subject")));
    let shown = without_marker(&subject);
    let ids = |name: &str| -> Vec<MessageId> {
        let mut found: Vec<MessageId> = Vec::new();
        let inner = field(name).split('<').skip(1).filter_map(|rest| rest.split_once('>'));
        for id in inner.filter_map(|(id, _)| MessageId::parse(id).ok()).take(500) {
            if !found.contains(&id) {
                found.push(id);
            }
        }
        found
    };
    let mailboxes = |name: &str| Mailbox::list(field(name));
    let from = mailboxes("from").into_iter().next();
    let report = Report::of(tree);
    let server = matches!(report, Some(Report::Dsn(_) | Report::Bounce(_)));
    let automatic = field("auto-submitted").trim().to_ascii_lowercase().starts_with("auto-generated");
    let mut indicators = Indicators::default();
    for (name, value) in root.map(|root| root.fields.as_slice()).unwrap_or_default() {
        let kept = match name.as_str() {
            "x-mss-nil" => &mut indicators.nil,
            "x-mss-ins" => &mut indicators.ins,
            "x-mss-codecda" => &mut indicators.codecda,
            "x-mss-mes" => &mut indicators.mes,
            _ => continue,
        };
        kept.push(value.clone());
    }
    let folded = ins::folded(&subject);
    Interpreted {
        marked: shown.is_some(),
        replaces: folded.contains("ANNULE ET REMPLACE"),
        closes_exchange: decode_words(field("subject")) == "[FIN]",
        shown_subject: shown.unwrap_or_else(|| subject.clone()),
        subject,
        sender: settings.sender(from.as_ref(), server, automatic),
        from,
        to: mailboxes("to"),
        cc: mailboxes("cc"),
        reply_to: mailboxes("reply-to").into_iter().next(),
        date: jiff::fmt::rfc2822::parse(field("date").trim()).ok().map(|date| date.timestamp()),
        message_id: ids("message-id").into_iter().next(),
        in_reply_to: ids("in-reply-to").into_iter().next(),
        references: ids("references"),
        indicators,
        text: String::new(),
        html: None,
        parts: Vec::new(),
        attachments: Vec::new(),
        archives: Vec::new(),
        documents: Vec::new(),
        hprim: Vec::new(),
        receipt_request: MdnRequest::of(tree),
        delivery_receipt: mailboxes("return-receipt-to"),
        report,
        suggestions: Vec::new(),
        problems: Vec::new(),
    }
}

impl Interpreted {
    fn structure(&mut self, tree: &Tree<'_>, limits: &MailLimits) {
        if tree.nodes.first().is_none_or(|root| root.fields.is_empty()) {
            self.problems.push(MailProblem::NoHeader);
        }
        self.problems.extend(tree.faults.iter().map(|fault| match fault {
            Fault::TooManyParts => MailProblem::TooManyParts { limit: limits.parts },
            Fault::TooDeep => MailProblem::TooDeep { limit: limits.depth },
            Fault::Head => MailProblem::Head,
            Fault::NoBoundary => MailProblem::NoBoundary,
            Fault::NotClosed => MailProblem::NotClosed,
        }));
        let facts = |node: &Node<'_>| PartFacts {
            parent: node.parent,
            depth: node.depth,
            mime: node.mime.clone(),
            size: node.raw.len(),
            charset: node.declared.get("charset").map(|charset| charset.chars().take(64).collect()),
            is_body: is_body(node, limits),
            nested: node.attached,
            is_ascii: is_body(node, limits) && node.content().0.is_ascii(),
        };
        self.parts = tree.nodes.iter().map(facts).collect();
    }

    /// The first plain text that is no file, and the first HTML.
    fn body(&mut self, tree: &Tree<'_>, limits: &MailLimits) {
        let of = |mime: &str| {
            tree.nodes
                .iter()
                .find(|node| is_body(node, limits) && !node.attached && node.mime == mime)
                .map(|node| node.text().0)
        };
        self.html = of("text/html");
        let plain = of("text/plain").filter(|text| !text.trim().is_empty());
        let text = plain.or_else(|| self.html.as_deref().map(words_of_html)).unwrap_or_default();
        if let Some((at, _)) = text.char_indices().nth(limits.text) {
            self.problems.push(MailProblem::Text);
            self.text = text[..at].to_owned();
        } else {
            self.text = text;
        }
        if let Some(found) = read_hprim(self.text.as_bytes()) {
            self.hprim.push((None, found));
        }
    }

    fn files(&mut self, tree: &Tree<'_>, limits: &MailLimits) {
        // What comes back within a report is one's own mail, not a document received.
        let reported = self.report.is_some();
        for (part, node) in tree.nodes.iter().enumerate() {
            // A mail attached is a file, whole; the files in it are listed after it.
            let mail = node.shape == Shape::Message && !node.attached;
            let file = node.shape == Shape::Leaf && !is_body(node, limits);
            if !(mail || file) || (reported && (node.attached || node.mime.starts_with("message/"))) {
                continue;
            }
            let (bytes, damaged) = node.content();
            let declared = if node.declared.value.is_empty() { String::new() } else { node.mime.clone() };
            let mut file = Attachment {
                name: node.name(limits),
                kind: if mail { FileKind::Mail } else { FileKind::of(&bytes, &declared) },
                declared,
                sha256: kernel::sha256_hex(&bytes),
                bytes: bytes.into_owned(),
                damaged,
                nested: node.attached,
                part,
            };
            let (index, position) = (self.attachments.len(), self.attachments.len() + 1);
            if damaged {
                self.problems.push(MailProblem::Transfer { position });
            }
            match file.kind {
                FileKind::Hprim => {
                    self.hprim.extend(read_hprim(&file.bytes).map(|found| (Some(index), found)))
                }
                FileKind::Cda => self.documents.push(ReceivedDocument {
                    attachment: index,
                    path: file.safe_name(),
                    action: Action::Create,
                    title: String::new(),
                    mime: file.declared.clone(),
                    listed: false,
                    unique_id: None,
                    patient_id: None,
                    type_code: None,
                    bytes: file.bytes.clone(),
                    nested: file.nested,
                }),
                _ => self.archive(&mut file, index, limits),
            }
            if file.kind == FileKind::Tnef {
                self.problems.push(MailProblem::Tnef { position });
            }
            if file.is_mislabelled() {
                let declared = file.declared.chars().take(100).collect();
                self.problems.push(MailProblem::Mislabelled { position, declared });
            }
            self.attachments.push(file);
        }
        let count = self.archives.iter().filter(|archive| !archive.nested).count();
        if count > 1 {
            self.problems.push(MailProblem::Archives { count });
        }
    }

    /// Opens an archive that is named as an XDM or holds one. Those of attached mails have their own count, so that none
    /// of them keeps one of this mail from being read.
    fn archive(&mut self, file: &mut Attachment, index: usize, limits: &MailLimits) {
        let named = file.name.as_deref().is_some_and(is_xdm_name);
        if !named && file.kind != FileKind::Zip {
            return;
        }
        let (position, nested) = (index + 1, file.nested);
        let outcome = |outcome| ReceivedArchive { attachment: index, named, nested, outcome };
        if self.archives.iter().filter(|archive| archive.nested == nested).count() >= limits.archives {
            if named {
                self.archives.push(outcome(Err(Unopened::TooMany { limit: limits.archives })));
            }
            return;
        }
        match Archive::open(&file.bytes, &Limits::default()) {
            Ok(archive) if named || holds_metadata(&archive) => {
                file.kind = FileKind::Xdm;
                let told = archive.problems.iter().cloned();
                self.problems.extend(told.map(|problem| MailProblem::Xdm { position, problem }));
                self.documents.extend(archive.documents.into_iter().map(|document| ReceivedDocument {
                    attachment: index,
                    path: document.path,
                    action: document.action,
                    title: document.title,
                    mime: document.mime,
                    listed: document.listed,
                    unique_id: document.unique_id,
                    patient_id: document.patient_id,
                    type_code: document.type_code,
                    bytes: document.bytes,
                    nested,
                }));
                self.archives.push(outcome(Ok(Opened { files: archive.files, problems: archive.problems })));
            }
            Ok(_) => {}
            Err(error) => {
                // An archive that is no XDM by name is told only where it is dangerous.
                if named || !matches!(error, xdm::OpenError::NotZip { .. }) {
                    self.problems.push(MailProblem::Archive { position, error: error.clone() });
                }
                if named {
                    self.archives.push(outcome(Err(Unopened::Refused(error))));
                }
            }
        }
    }
}

/// A text without a name that is not declared as a file.
fn is_body(node: &Node<'_>, limits: &MailLimits) -> bool {
    node.shape == Shape::Leaf
        && matches!(node.mime.as_str(), "text/plain" | "text/html")
        && node.disposition.value != "attachment"
        && node.name(limits).is_none()
}

/// The words of an HTML text, for a list and for suggestions: what stands between tags, without styles and programs.
fn words_of_html(html: &str) -> String {
    let (mut out, mut rest, mut hidden) = (String::new(), html, None::<&str>);
    while let Some(at) = rest.find('<') {
        if hidden.is_none() {
            out.push_str(&rest[..at]);
        }
        rest = &rest[at + 1..];
        let end = rest.find('>').unwrap_or(rest.len());
        let tag = rest[..end].trim_start().to_ascii_lowercase();
        let closing = tag.starts_with('/');
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).take(12).collect();
        match (hidden, name.as_str()) {
            (None, "script" | "style" | "head" | "title") if !closing => {
                hidden = ["script", "style", "head", "title"].into_iter().find(|known| *known == name);
            }
            (Some(open), name) if closing && name == open => hidden = None,
            (None, "br" | "p" | "div" | "tr" | "li" | "h1" | "h2" | "h3") => out.push('\n'),
            (None, "td" | "th") => out.push(' '),
            _ => {}
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    if hidden.is_none() {
        out.push_str(rest);
    }
    crate::hprim::undone(&out).trim().to_owned()
}
