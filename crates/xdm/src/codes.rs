/// A code, its label and the OID of its terminology.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The code.
    pub code: &'static str,
    /// Its French label.
    pub label: &'static str,
    /// The terminology.
    pub system: &'static str,
}

const CLASSES: &str = "1.2.250.1.213.1.1.4.1";
const FRENCH_FORMATS: &str = "1.2.250.1.213.1.1.4.2.282";
const IHE_FORMATS: &str = "1.3.6.1.4.1.19376.1.2.3";

/// DocumentEntry.classCode of a document of this type (TRE_A03). The association table ASS_X04 is not public: these
/// pairs are our derivation, which is why receivers must not depend on them (spec 02 §3.2).
pub fn class_code(type_code: &str) -> Labelled {
    let (code, label) = match type_code {
        "60591-5" | "SYNTH" | "11490-0" | "18761-7" | "74207-2" | "34133-9" | "96349-6" => ("11", "Synthèse"),
        "IMG-KOS" => ("31", "Imagerie médicale"),
        "55115-0" | "57833-6" | "57828-6" | "57832-8" => ("42", "Prescription"),
        "60593-1" | "DISP_AUT" => ("43", "Dispensation"),
        "18776-5" | "PROT_ALD" | "77604-7" => ("44", "Plan de soins, protocole de soins"),
        "80565-5" => ("45", "Traitement administré"),
        "CERT_DECL" | "89601-9" => ("52", "Certificat, déclaration"),
        "REMB" => ("60", "Données de remboursement"),
        "51851-4" | "28653-4" | "EXPORT_DUI" | "FICHE-CONTACTS" => ("95", "Document de gestion"),
        "FEUILLE-DE-STYLE" => ("99", "Document technique"),
        other if other.starts_with("PRESC-") => ("42", "Prescription"),
        other if other.starts_with("ATTEST-") => ("52", "Certificat, déclaration"),
        other if other.starts_with("DOCPAT") || other.starts_with("EXPPAT") => {
            ("90", "Autres documents déposés par le patient")
        }
        _ => ("10", "Compte rendu"),
    };
    Labelled { code, label, system: CLASSES }
}

/// DocumentEntry.formatCode, by the model that the document claims (ASS_A11, spec 02 §3.6).
pub fn format_code(document: &cda::Document) -> Labelled {
    let ihe = |code, label| Labelled { code, label, system: IHE_FORMATS };
    if document.level == cda::Level::N1 {
        return match document.pdf() {
            Some(_) => ihe("urn:ihe:iti:xds-sd:pdf:2008", "Document à corps non structuré en PDF"),
            None => ihe("urn:ihe:iti:xds-sd:text:2008", "Document à corps non structuré en texte brut"),
        };
    }
    for template in &document.templates {
        let format = match template.root.as_str() {
            "1.3.6.1.4.1.19376.1.3.3" | "1.2.250.1.213.1.1.1.55" => {
                ihe("urn:ihe:lab:xd-lab:2008", "CR structuré d'examens de biologie médicale")
            }
            "1.2.250.1.213.1.1.1.45" => {
                ihe("urn:ihe:rad:CDA:ImagingReportStructuredHeadings:2013", "CR d'imagerie médicale")
            }
            "1.2.250.1.213.1.1.1.39" => ihe("urn:ihe:pharm:pre:2010", "Prescription de produits de santé"),
            "1.2.250.1.213.1.1.1.54" => ihe("urn:ihe:pharm:dis:2010", "Dispensation de produits de santé"),
            "1.2.250.1.213.1.1.1.51" => ihe("urn:ihe:pcc:ips:2020", "Synthèse médicale"),
            "1.2.250.1.213.1.1.1.29" => {
                french("urn:asip:ci-sis:ldl-ses:2017", "Lettre de liaison à la sortie")
            }
            "1.2.250.1.213.1.1.1.21" => {
                french("urn:asip:ci-sis:ldl-ees:2017", "Lettre de liaison à l'entrée")
            }
            _ => continue,
        };
        return format;
    }
    french("urn:asipSante:modelesHorsProfils:2011", "Modèle hors profils")
}

fn french(code: &'static str, label: &'static str) -> Labelled {
    Labelled { code, label, system: FRENCH_FORMATS }
}
