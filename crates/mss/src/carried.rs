use serde::{Deserialize, Serialize};

/// The health documents that a mail carries, as a judge of its `X-MSS-*` headers needs them (spec: ECO.2.4.1, ECO.2.4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// How many `IHE_XDM.zip` archives there are; one at most is allowed (MSS/va1.01).
    pub archives: usize,
    /// The CDA documents of the archives, in the order of METADATA.XML (else of the archive).
    pub documents: Vec<CarriedDocument>,
    /// What could not be read, in words: a damaged archive, a document that is no CDA. Never a reason to stop reading the rest.
    pub problems: Vec<String>,
}

/// One CDA document of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedDocument {
    /// Path in the archive, such as `IHE_XDM/SUBSET01/DOC00001.XML`.
    pub path: String,
    /// `ClinicalDocument/id`: root, or `root^extension`.
    pub id: String,
    /// `ClinicalDocument/code/@code`.
    pub code: String,
    /// Whether it holds a qualified INS: matricule, OID and the four strict traits (ECO.2.4.2, §3.8.2).
    pub qualified: bool,
    /// What is missing for that, in words (`OID`, `date de naissance`…); empty where it is qualified.
    pub missing: Vec<String>,
}

/// Reads what a mail carries. Nothing panics and nothing is trusted: sizes are bounded.
pub fn carried(message: &[u8]) -> Carried {
    let _ = message;
    todo!()
}
