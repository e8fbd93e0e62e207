use std::fmt;

use ins::Identity;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// What a CDA document says in its header, and the PDF that it carries.
///
/// Paths are those of `ClinicalDocument`. What the document does not say is `None` or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// `id`: this version of the document.
    pub id: Option<Id>,
    /// `setId`: what all versions of it share. Documents before volet 1.16 may lack it.
    pub set_id: Option<Id>,
    /// `versionNumber`.
    pub version: Option<u32>,
    /// `templateId`, in order: which models it claims to follow.
    pub templates: Vec<Id>,
    /// `code`: the type of the document (JDV_J07). Filing goes by it, never by the label.
    pub code: Option<Code>,
    /// `title`, blanks folded.
    pub title: String,
    /// `effectiveTime`: when it was made.
    pub effective_time: Option<Time>,
    /// `confidentialityCode`.
    pub confidentiality: Option<Code>,
    /// All `confidentialityCode`s: the schema allows one, senders add those of masking. See [`crate::Masking`].
    pub confidentialities: Vec<Code>,
    /// `languageCode`.
    pub language: Option<String>,
    /// The patient: the INS among their identifiers, and their traits.
    pub patient: Identity,
    /// `recordTarget/patientRole/id`, all of them, in order.
    pub patient_ids: Vec<Id>,
    /// `author`, people and devices.
    pub authors: Vec<Professional>,
    /// `custodian`.
    pub custodian: Option<Organisation>,
    /// `legalAuthenticator`.
    pub legal_authenticator: Option<Professional>,
    /// `informationRecipient`: to whom it is addressed.
    pub recipients: Vec<Professional>,
    /// `componentOf/encompassingEncounter`: the stay or visit that it comes from.
    pub encounter: Option<Encounter>,
    /// `documentationOf/serviceEvent`. See [`Document::principal_act`].
    pub acts: Vec<Act>,
    /// `componentOf/…/healthCareFacility/code`.
    pub facility: Option<Code>,
    /// `relatedDocument[@typeCode='RPLC']/parentDocument/id`: the document that this one replaces.
    pub replaces: Option<Id>,
    /// Whether the body is structured.
    pub level: Level,
    /// The body of a document of level 1.
    pub body: Option<Media>,
    /// The PDF copy of the whole document that one of level 3 may hold (section 55108-5, *Copie du document*). PDFs
    /// elsewhere in the body are attachments of their own and are not taken for a copy.
    pub copy: Option<Media>,
    /// What could not be read and did not stop the rest, in English and without the patient's data.
    pub problems: Vec<String>,
}

impl Document {
    /// The act that the document is about: the first with a performer, else the first.
    pub fn principal_act(&self) -> Option<&Act> {
        self.acts.iter().find(|act| act.performed).or_else(|| self.acts.first())
    }

    /// When the act began: of the first act that says so (XDS serviceStartTime, the date in ECO.2.1.6's file names).
    pub fn service_start(&self) -> Option<&Time> {
        self.acts.iter().find_map(|act| act.start.as_ref())
    }

    /// The document as a PDF, where it carries one: the body of level 1, or the copy in level 3. The first octets decide,
    /// not the declared type.
    pub fn pdf(&self) -> Option<&[u8]> {
        let media = self.body.as_ref().or(self.copy.as_ref())?;
        media.bytes.starts_with(b"%PDF-").then_some(media.bytes.as_slice())
    }

    /// The first identifier of the patient that is no INS: the sender's own file number (IPP).
    pub fn local_id(&self) -> Option<&Id> {
        self.patient_ids.iter().find(|id| {
            id.extension.is_some() && !id.root.is_empty() && ins::Nature::from_oid(&id.root).is_none()
        })
    }
}

/// An HL7 identifier (II): an OID or UUID, with or without an extension. Most documents are named by the root alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id {
    /// OID or UUID; empty where the document gives an extension alone.
    pub root: String,
    /// The rest.
    pub extension: Option<String>,
}

impl Id {
    /// An identifier that is a root alone.
    pub fn root(root: impl Into<String>) -> Self {
        Self { root: root.into(), extension: None }
    }

    /// An identifier with an extension.
    pub fn new(root: impl Into<String>, extension: impl Into<String>) -> Self {
        Self { root: root.into(), extension: Some(extension.into()) }
    }
}

/// `root`, or `root^extension`: the form of XDS uniqueId.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.extension {
            Some(extension) => write!(f, "{}^{extension}", self.root),
            None => f.write_str(&self.root),
        }
    }
}

/// A code of a terminology.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Code {
    /// The code; never empty in what was read.
    pub code: String,
    /// The OID of its terminology; empty where the document leaves it out.
    pub system: String,
    /// Its label as the document spells it; empty where left out. Never to be compared: spellings differ.
    pub display_name: String,
}

impl Code {
    /// A code.
    pub fn new(code: impl Into<String>, system: impl Into<String>, display_name: impl Into<String>) -> Self {
        Self { code: code.into(), system: system.into(), display_name: display_name.into() }
    }
}

/// A professional, or a device, in one of the roles of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Professional {
    /// National identifier (RPPS…) under [`crate::PROFESSIONALS`], or another.
    pub id: Option<Id>,
    /// Family name; of a device, its name.
    pub family: String,
    /// Given name; empty for a device.
    pub given: String,
    /// Profession and specialty.
    pub specialty: Option<Code>,
    /// `functionCode`: what part they had.
    pub role: Option<Code>,
    /// Their structure.
    pub organisation: Option<Organisation>,
    /// Whether this is a device.
    pub device: bool,
}

/// A structure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// National identifier (FINESS…) under [`crate::STRUCTURES`], or another.
    pub id: Option<Id>,
    /// Name; may be empty.
    pub name: String,
}

/// An act that the document reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Act {
    /// What was done.
    pub code: Option<Code>,
    /// When it began.
    pub start: Option<Time>,
    /// When it ended.
    pub stop: Option<Time>,
    /// Whether somebody is named who did it: then it is the principal act.
    pub performed: bool,
    /// The performer's frame of practice (XDS practiceSettingCode).
    pub setting: Option<Code>,
}

/// The stay or visit that a document comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encounter {
    /// What kind it is.
    pub code: Option<Code>,
    /// When it began.
    pub start: Option<Time>,
    /// When it ended.
    pub stop: Option<Time>,
    /// Where it was; may be empty.
    pub location: String,
}

/// How a body is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    /// `nonXMLBody`: one file, a PDF most often. A document without any body counts here.
    N1,
    /// `structuredBody`.
    N3,
}

/// A file within a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// As declared; documents exist that lie.
    pub media_type: String,
    /// Decoded.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({}, {} octets)", self.media_type, self.bytes.len())
    }
}

/// An HL7 point in time (TS), as written: `AAAA[MM[JJ[HHMM[SS[.SSS]]]]][±ZZZZ]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Time(String);

impl Time {
    /// Keeps `text` as it is, without the blanks around it; `None` where it does not begin with a year.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        (digits >= 4).then(|| Self(text.to_owned()))
    }

    /// Of an instant, in UTC.
    pub fn from_timestamp(time: Timestamp) -> Self {
        Self(time.strftime("%Y%m%d%H%M%S+0000").to_string())
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The day, `AAAAMMJJ`, in the zone of the writer; `None` where it is coarser.
    pub fn day(&self) -> Option<&str> {
        (self.digits().len() >= 8).then(|| &self.0[..8])
    }

    /// The instant. Missing months and days count as the first, missing hours as midnight; a missing offset counts as
    /// UTC, because nothing in the document says better. `None` for what is no date (month 13).
    pub fn timestamp(&self) -> Option<Timestamp> {
        let digits = self.digits();
        let at =
            |from: usize, otherwise: &'static str| digits.get(from..from + 2).unwrap_or(otherwise).to_owned();
        let offset = self.0.find(['+', '-']).map(|at| &self.0[at..]);
        let offset = match offset {
            Some(offset) if offset.len() == 5 && offset.is_ascii() => {
                format!("{}:{}", &offset[..3], &offset[3..])
            }
            Some(_) => return None,
            None => "Z".to_owned(),
        };
        let (month, day) = (at(4, "01"), at(6, "01"));
        let (hour, minute, second) = (at(8, "00"), at(10, "00"), at(12, "00"));
        let year = &digits[..4];
        format!("{year}-{month}-{day}T{hour}:{minute}:{second}{offset}").parse().ok()
    }

    /// In UTC, `AAAAMMJJHHMMSS`, the form of XDS; the digits as they are where they are no date.
    pub fn utc_digits(&self) -> String {
        match self.timestamp() {
            Some(time) => time.strftime("%Y%m%d%H%M%S").to_string(),
            None => self.digits().to_owned(),
        }
    }

    fn digits(&self) -> &str {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        &self.0[..count.min(14)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_length() {
        for (text, utc) in [
            ("20210401171000+0100", "20210401161000"),
            ("202302091130+0100", "20230209103000"),
            ("20050411103328", "20050411103328"),
            ("20210401171000.123-0200", "20210401191000"),
            ("20210401", "20210401000000"),
            ("2021", "20210101000000"),
            ("20211301", "20211301"),
            ("20210401171000+1", "20210401171000"),
        ] {
            assert_eq!(Time::parse(text).unwrap().utc_digits(), utc, "{text}");
        }
        assert_eq!(Time::parse("20210401171000+0100").unwrap().day(), Some("20210401"));
        assert_eq!(Time::parse("202104").unwrap().day(), None);
        assert_eq!(Time::parse("unknown"), None);
        let time: Timestamp = "2026-11-23T09:05:00Z".parse().unwrap();
        assert_eq!(Time::from_timestamp(time).timestamp(), Some(time));
    }

    #[test]
    fn an_id_is_shown_as_xds_writes_it() {
        assert_eq!(Id::root("1.2").to_string(), "1.2");
        assert_eq!(Id::new("1.2", "3").to_string(), "1.2^3");
    }
}
