use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{attributes, code, id, laboratory};
use crate::xml::Xml;
use crate::{Block, Body, Code, Draft, Id, LOINC, SectionDraft};

/// The name by which the narrative of the copy shows the file.
const COPY: &str = "copie";

/// Names for elements, `ID` of XML: each is given once in a document.
#[derive(Debug, Default)]
pub(super) struct Names(u32);

impl Names {
    pub(super) fn next(&mut self) -> String {
        self.0 += 1;
        format!("r{}", self.0)
    }
}

pub(super) fn write(xml: &mut Xml, draft: &Draft) {
    xml.open("component", &[]);
    match &draft.body {
        Body::Pdf(bytes) => {
            xml.open("nonXMLBody", &[]);
            let kind = [("mediaType", "application/pdf"), ("representation", "B64")];
            xml.text("text", &kind, &STANDARD.encode(bytes));
        }
        Body::Text { sections, copy } => {
            xml.open("structuredBody", &[]);
            let mut names = Names::default();
            for section in sections {
                self::section(xml, section, &mut names);
            }
            if let Some(bytes) = copy {
                self::copy(xml, bytes);
            }
        }
    }
    xml.close();
    xml.close();
}

fn section(xml: &mut Xml, section: &SectionDraft, names: &mut Names) {
    xml.open("component", &[]);
    xml.open("section", &[]);
    for template in &section.templates {
        id(xml, "templateId", template);
    }
    code(xml, "code", &section.code);
    xml.text("title", &[], &section.title);
    let entries = laboratory::named(&section.entries, names);
    xml.open("text", &[]);
    for block in &section.blocks {
        self::block(xml, block);
    }
    laboratory::narrative(xml, &entries);
    xml.close();
    laboratory::write(xml, &section.code, &entries);
    for inner in &section.sections {
        self::section(xml, inner, names);
    }
    xml.close();
    xml.close();
}

fn block(xml: &mut Xml, block: &Block) {
    match block {
        Block::Paragraph(text) => xml.text("paragraph", &[], text),
        Block::List(items) if items.is_empty() => {}
        Block::List(items) => {
            xml.open("list", &[]);
            for item in items {
                xml.text("item", &[], item);
            }
            xml.close();
        }
        Block::Table { rows, .. } if rows.iter().all(Vec::is_empty) => {}
        Block::Table { head, rows } => {
            xml.open("table", &[]);
            if !head.is_empty() {
                xml.open("thead", &[]);
                row(xml, "th", head);
                xml.close();
            }
            xml.open("tbody", &[]);
            for cells in rows.iter().filter(|cells| !cells.is_empty()) {
                row(xml, "td", cells);
            }
            xml.close();
            xml.close();
        }
    }
}

pub(super) fn row(xml: &mut Xml, cell: &str, cells: &[String]) {
    xml.open("tr", &[]);
    for text in cells {
        xml.text(cell, &[], text);
    }
    xml.close();
}

/// The PDF of the whole document, in the section that says so (spec 02 §2.2: *FR-Document-PDF-copie*).
fn copy(xml: &mut Xml, bytes: &[u8]) {
    let loinc = |code: &str, label: &str| Code::new(code, LOINC, label);
    let copied = loinc("55108-5", "Copie du document");
    xml.open("component", &[]);
    xml.open("section", &[]);
    id(xml, "templateId", &Id::root("1.2.250.1.213.1.1.2.243"));
    code(xml, "code", &copied);
    xml.text("title", &[], "Copie du document");
    xml.open("text", &[]);
    xml.open("paragraph", &[]);
    xml.empty("renderMultiMedia", &[("referencedObject", COPY)]);
    xml.close();
    xml.close();
    xml.open("entry", &[]);
    xml.open("organizer", &[("classCode", "CLUSTER"), ("moodCode", "EVN")]);
    id(xml, "templateId", &Id::root("1.2.250.1.213.1.1.3.18"));
    code(xml, "code", &loinc("55107-7", "Document attaché"));
    xml.empty("statusCode", &[("code", "completed")]);
    xml.open("component", &[]);
    xml.open("observation", &[("classCode", "OBS"), ("moodCode", "EVN")]);
    for model in ["1.3.6.1.4.1.19376.1.5.3.1.4.13", "1.2.250.1.213.1.1.3.48", "1.2.250.1.213.1.1.3.48.18"] {
        id(xml, "templateId", &Id::root(model));
    }
    code(xml, "code", &loinc("69764-9", "Type de document"));
    xml.empty("statusCode", &[("code", "completed")]);
    xml.empty("effectiveTime", &[("nullFlavor", "NA")]);
    let mut value = vec![("xsi:type", "CD")];
    value.extend(attributes(&copied));
    xml.empty("value", &value);
    xml.close();
    xml.close();
    xml.open("component", &[]);
    xml.open("observationMedia", &[("classCode", "OBS"), ("moodCode", "EVN"), ("ID", COPY)]);
    let kind = [("mediaType", "application/pdf"), ("representation", "B64")];
    xml.text("value", &kind, &STANDARD.encode(bytes));
    for _ in ["observationMedia", "component", "organizer", "entry", "section", "component"] {
        xml.close();
    }
}
