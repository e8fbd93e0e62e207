//! A CDA document by itself.

use cda::{Document, Error, Whole};
use ins::Missing;
use mss::Action;

use super::facts::DocumentFacts;
use super::finding::Findings;
use super::{At, Facts, file_name};
use crate::Text;
use crate::text::shown;

/// A document that was read and judged.
pub(super) struct Read {
    /// Its place among the documents of the file.
    pub(super) index: usize,
    pub(super) facts: DocumentFacts,
    pub(super) whole: Whole,
}

/// A document that came without archive.
pub(super) fn inspect(name: &str, bytes: &[u8], findings: &mut Findings) -> Facts {
    let name = file_name(name);
    let document = read(name, Action::Create, bytes, findings, true);
    Facts { documents: document.into_iter().map(|read| read.facts).collect() }
}

/// Reads and judges a document; `None` where it cannot be read, which is told. `alone` says that the whole file is this
/// document: then a document that cannot be read is a file that cannot be judged.
pub(super) fn read(
    path: &str,
    action: Action,
    bytes: &[u8],
    findings: &mut Findings,
    alone: bool,
) -> Option<Read> {
    match cda::read_whole(bytes) {
        Ok(whole) => {
            judge(path, &whole, findings);
            Some(Read { index: 0, facts: DocumentFacts::new(path, action, bytes, &whole), whole })
        }
        Err(error) => {
            unreadable(path, &error, findings, alone);
            None
        }
    }
}

fn unreadable(path: &str, error: &Error, findings: &mut Findings, alone: bool) {
    let line = match error {
        Error::Xml { line, .. } | Error::Shape { line, .. } if *line > 0 => Some(*line as usize),
        _ => None,
    };
    let limit = matches!(error, Error::TooLarge { .. } | Error::TooManyNodes { .. } | Error::Shape { .. });
    let at = At { line, ..At::entry(path) };
    let said = shown(&error.to_string());
    let message = Text::new(
        format!("Le document CDA ne peut pas être lu ({said}). Le corriger ou l’enregistrer à nouveau."),
        format!("The CDA document cannot be read ({said}). Repair it or save it again."),
    );
    let values = ("ClinicalDocument", said.as_str());
    if alone || limit {
        findings.refuse("SC.CDA/VISU.01", values, at, message);
    } else {
        findings.error("SC.CDA/VISU.01", values, at, message);
    }
}

fn judge(path: &str, whole: &Whole, findings: &mut Findings) {
    let document = &whole.header;
    let at = || At::entry(path);
    if document.id.is_none() {
        findings.error(
            "SC.CDA/INT.18",
            ("ClinicalDocument/id", ""),
            at(),
            Text::new(
                "Le document n’a pas d’identifiant : ni doublon, ni remplacement, ni suppression ne peuvent être reconnus. Écrire ClinicalDocument/id.",
                "The document has no identifier: no duplicate, replacement or deletion can be told. Write ClinicalDocument/id.",
            ),
        );
    }
    for (missing, name) in
        [(document.set_id.is_none(), "setId"), (document.version.is_none(), "versionNumber")]
    {
        if missing {
            findings.warning(
                "SC.CDA/INT.18",
                (name, ""),
                at(),
                Text::new(
                    format!(
                        "{name} est absent : le destinataire ne pourra pas relier les versions du document."
                    ),
                    format!("{name} is missing: the recipient cannot link the document's versions."),
                ),
            );
        }
    }
    if document.code.is_none() {
        findings.error(
            "SC.CDA/INT.17",
            ("ClinicalDocument/code/@code", ""),
            at(),
            Text::new(
                "Le document n’a pas de type : il ne peut être ni classé ni compté (X-MSS-CODECDA). Écrire ClinicalDocument/code.",
                "The document has no type: it cannot be filed or counted (X-MSS-CODECDA). Write ClinicalDocument/code.",
            ),
        );
    }
    patient(path, document, findings);
    for problem in document.problems.iter().take(20) {
        let problem = shown(problem);
        findings.warning(
            "SC.CDA/VISU.01",
            ("", &problem),
            at(),
            Text::new(
                format!("Une partie du document n’a pas pu être lue : {problem}"),
                format!("Part of the document could not be read: {problem}"),
            ),
        );
    }
    if document.level == cda::Level::N1 && document.body.is_none() {
        findings.warning(
            "SC.CDA/VISU.01",
            ("nonXMLBody", ""),
            at(),
            Text::new("Le document n’a pas de corps.", "The document has no body."),
        );
    }
    for file in whole.media.iter().filter(|file| !file.is_as_declared()).take(20) {
        findings.warning(
            "SC.CDA/VISU.01",
            (&file.media.media_type, file.kind.media_type()),
            at(),
            Text::new(
                format!(
                    "Un fichier inséré est déclaré {} et est en fait {}.",
                    shown(&file.media.media_type),
                    file.kind.media_type()
                ),
                format!(
                    "An embedded file is declared {} and is in fact {}.",
                    shown(&file.media.media_type),
                    file.kind.media_type()
                ),
            ),
        );
    }
}

/// The INS and the traits (ECO.2.4.2, INS/va1.53, spec of *Structuration minimale*: matricule, OID and traits together).
fn patient(path: &str, document: &Document, findings: &mut Findings) {
    const RULE: &str = "INS/va1.53";
    let (patient, traits) = (&document.patient, &document.patient.traits);
    let at = || At::entry(path);
    let missing = patient.qualified().err().unwrap_or_default();
    let list = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let Some(matricule) = patient.matricule.as_ref().filter(|_| !missing.contains(&Missing::Oid)) else {
        findings.info(
            RULE,
            ("INS qualifiée", &format!("il manque : {list}")),
            at(),
            Text::new(
                format!("Pas d’INS qualifiée dans ce document (il manque : {list}) : X-MSS-INS vaut N, sauf autre document."),
                format!("No qualified INS in this document (missing: {list}): X-MSS-INS is N, unless another document has one."),
            ),
        );
        return;
    };
    if !missing.is_empty() {
        findings.error(
            RULE,
            ("matricule, OID et traits stricts", &format!("il manque : {list}")),
            at(),
            Text::new(
                format!("Le document porte un matricule INS sans tous les traits (il manque : {list}). Un matricule ne voyage qu’avec ses traits, pour une identité qualifiée."),
                format!("The document carries a matricule INS without all its traits (missing: {list}). A matricule travels with its traits only, for a qualified identity."),
            ),
        );
    }
    if !matricule.key_is_right() {
        findings.warning(
            RULE,
            ("clé juste", matricule.key()),
            at(),
            Text::new(
                "La clé du matricule INS est fausse : vérifier le numéro.",
                "The key of the matricule INS is wrong: check the number.",
            ),
        );
    }
    let deduced = matricule.deduced();
    let sexes = deduced.sex.zip(traits.sex).is_some_and(|(one, other)| one != other);
    if sexes || traits.birth_date.is_some_and(|born| !deduced.fits(born)) {
        findings.warning(
            RULE,
            ("matricule et traits concordants", if sexes { "sexe" } else { "date de naissance" }),
            at(),
            Text::new(
                "Le matricule ne concorde pas avec le sexe ou la date de naissance du document. C’est possible (changement d’état civil), mais à vérifier.",
                "The matricule does not fit the document's sex or birth date. It may be right (civil status changed), but check it.",
            ),
        );
    }
    for (absent, name) in [
        (traits.given_names.is_none(), "liste des prénoms"),
        (traits.birth_place.is_none(), "lieu de naissance (COG)"),
    ] {
        if absent {
            findings.warning(
                RULE,
                (name, ""),
                at(),
                Text::new(
                    format!("Un trait strict manque à côté du matricule : {name}."),
                    format!("A strict trait is missing beside the matricule: {name}."),
                ),
            );
        }
    }
    if patient.nature().is_some_and(|nature| !nature.is_production()) {
        findings.info(
            RULE,
            ("OID de production", patient.oid.as_deref().unwrap_or_default()),
            at(),
            Text::new(
                "L’INS est sous un OID de test ou de démonstration : jamais en production.",
                "The INS stands under an OID of tests or demonstrations: never in production.",
            ),
        );
    }
}
