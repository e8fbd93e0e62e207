use ins::Identity;
use kernel::Timestamp;

use super::{Block, Body, LabEntry, SectionDraft, SmallKind, plain_pdf};
use crate::lab::{
    Bound, OBSERVATION_INTERPRETATION, Observation, Previous, Range, Value, interpretation_label,
};
use crate::{Code, Draft, Id, LOINC, Organisation, STRUCTURES, Time};

/// Structures of health care (TRE_R02), the code system of JDV_J02.
const FACILITIES: &str = "1.2.250.1.71.4.2.4";
/// Frames of practice, the code system of JDV_J04.
const SETTINGS: &str = "1.2.250.1.213.1.1.4.9";
const SPECIALTIES: &str = "1.2.250.1.213.1.1.4.5";
const SNOMED: &str = "2.16.840.1.113883.6.96";

/// Documents ready to be written, invented from end to end and saying so: for demonstrations, tests, and whoever wants
/// to drop something into a mailbox. The PDF files within are of [`plain_pdf`]: what is to be sent goes through
/// `pdfa::sample`, which puts PDF/A-1b in their place (ECO.2.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sample {
    /// *CR d'examens biologiques* (11502-2), level 3: all results normal, one with an earlier result.
    NormalResults,
    /// The same kind, with results out of their ranges, in a battery.
    AbnormalResults,
    /// The same kind, with critical results (HH, LL, AA) among normal ones.
    CriticalResults,
    /// The same kind: a germ with its antibiogram.
    Microbiology,
    /// *CR d'imagerie médicale* (18748-4), level 3.
    ImagingReport,
    /// *Lettre de liaison à la sortie d'un établissement de soins* (11490-0), level 3.
    DischargeLetter,
    /// *Prescription de produits de santé* (57833-6), level 3.
    Prescription,
    /// A discharge letter at level 1: its body is a PDF.
    PdfLetter,
}

impl Sample {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NormalResults,
        Self::AbnormalResults,
        Self::CriticalResults,
        Self::Microbiology,
        Self::ImagingReport,
        Self::DischargeLetter,
        Self::Prescription,
        Self::PdfLetter,
    ];

    /// The type of the document, with the label of JDV_J07.
    pub fn code(self) -> Code {
        match self {
            Self::NormalResults | Self::AbnormalResults | Self::CriticalResults | Self::Microbiology => {
                SmallKind::LabReport.code()
            }
            Self::ImagingReport => Code::new("18748-4", LOINC, "CR d'imagerie médicale"),
            Self::DischargeLetter | Self::PdfLetter => SmallKind::DischargeLetter.code(),
            Self::Prescription => Code::new("57833-6", LOINC, "Prescription de produits de santé"),
        }
    }

    /// The document about `patient`, version 1, named `id_root` (an OID), of `time`.
    pub fn draft(self, id_root: &str, patient: Identity, time: Timestamp) -> Draft {
        let mut draft = Draft::small(SmallKind::DischargeLetter, id_root, patient);
        (draft.time, draft.service_start, draft.service_stop) = (time, time, Some(time));
        draft.code = self.code();
        match self {
            Self::NormalResults => laboratory(&mut draft, "Biochimie", "18719-5", normal(time)),
            Self::AbnormalResults => laboratory(&mut draft, "Biochimie", "18719-5", abnormal(time)),
            Self::CriticalResults => laboratory(&mut draft, "Biochimie", "18719-5", critical(time)),
            Self::Microbiology => laboratory(&mut draft, "Microbiologie", "18725-2", microbiology(time)),
            Self::ImagingReport => imaging(&mut draft),
            Self::DischargeLetter => discharge(&mut draft),
            Self::Prescription => prescription(&mut draft),
            Self::PdfLetter => {
                let lines = [
                    "Lettre de liaison à la sortie",
                    "",
                    "Document d'essai sans valeur médicale.",
                    "Séjour sans complication. Sortie à domicile.",
                ];
                return draft.at_level_1(plain_pdf(&lines));
            }
        }
        draft
    }
}

/// Who writes, where: `specialty` and `facility` are codes with their labels.
fn written_by(draft: &mut Draft, specialty: (&str, &str), organisation: &str, facility: (&str, &str)) {
    draft.author.specialty = Some(Code::new(specialty.0, SPECIALTIES, specialty.1));
    draft.author.organisation =
        Some(Organisation { id: Some(Id::new(STRUCTURES, "1000000002")), name: organisation.to_owned() });
    draft.facility = Code::new(facility.0, FACILITIES, facility.1);
    draft.setting = Code::new("AMBULATOIRE", SETTINGS, "Ambulatoire");
}

fn warning() -> Block {
    Block::Paragraph("Document d'essai sans valeur médicale.".into())
}

fn laboratory(draft: &mut Draft, discipline: &str, code: &str, entries: Vec<LabEntry>) {
    let specialty = ("G15_10/SM03", "Médecin - Biologie médicale (SM)");
    written_by(draft, specialty, "Laboratoire d'essai", ("SA25", "Laboratoire de biologie médicale"));
    draft.title = "Compte rendu d'examens biologiques".into();
    // IHE XD-LAB, and CI-SIS's model of the report.
    draft.templates = vec![Id::root("1.3.6.1.4.1.19376.1.3.3"), Id::new("1.2.250.1.213.1.1.1.55", "2024.01")];
    draft.act = Code::new(code, LOINC, discipline);
    let copy = Some(copy(&draft.title, &entries));
    let sections = vec![SectionDraft {
        // IHE XD-LAB *Laboratory Specialty Section*, and CI-SIS's *Chapitre*.
        templates: vec![Id::root("1.3.6.1.4.1.19376.1.3.3.2.1"), Id::root("1.2.250.1.213.1.1.2.70")],
        code: draft.act.clone(),
        title: discipline.to_owned(),
        blocks: vec![warning()],
        entries,
        sections: vec![],
    }];
    draft.body = Body::Text { sections, copy };
}

/// The copy in PDF, which CI-SIS's model of the report wants.
fn copy(title: &str, entries: &[LabEntry]) -> Vec<u8> {
    let results = entries.iter().flat_map(|entry| match entry {
        LabEntry::Result(result) => vec![result.as_ref()],
        LabEntry::Battery { results, .. } => results.iter().collect(),
        LabEntry::Isolate { results, antibiogram, .. } => results.iter().chain(antibiogram).collect(),
    });
    let said = |result: &Observation| match result.interpretation() {
        Some(said) => format!("{} : {} ({said})", result.label, result.value()),
        None => format!("{} : {}", result.label, result.value()),
    };
    let results: Vec<String> = results.map(said).collect();
    let mut lines = vec![title, "", "Document d'essai sans valeur médicale.", ""];
    lines.extend(results.iter().map(String::as_str));
    plain_pdf(&lines)
}

/// A result in figures: LOINC code and its label, name in the table, value, unit, range, interpretation.
type Figure<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, (Option<&'a str>, Option<&'a str>), &'a str);

fn measured(time: Timestamp, figure: Figure<'_>) -> Observation {
    let (code, label, name, value, unit, (low, high), said) = figure;
    let bound = |value: Option<&str>| {
        value.map(|value| Bound { value: value.into(), unit: unit.into(), inclusive: true })
    };
    let range =
        Range { low: bound(low), high: bound(high), text: None, interpretation: Some(interpretation("N")) };
    Observation {
        code: Some(Code::new(code, LOINC, label)),
        label: name.into(),
        values: vec![Value::Quantity { value: value.into(), unit: unit.into() }],
        interpretations: vec![interpretation(said)],
        ranges: if low.or(high).is_some() { vec![range] } else { vec![] },
        time: Some(Time::from_timestamp(time)),
        status: Some("completed".into()),
        ..Observation::default()
    }
}

fn interpretation(code: &str) -> Code {
    let label = interpretation_label(code).unwrap_or_default();
    Code::new(code, OBSERVATION_INTERPRETATION, label)
}

/// With an earlier value, of 2025.
fn since(mut result: Observation, value: &str) -> Observation {
    let unit = match result.values.first() {
        Some(Value::Quantity { unit, .. }) => unit.clone(),
        _ => String::new(),
    };
    result.previous.push(Previous {
        time: Time::parse("20250912081500+0200"),
        values: vec![Value::Quantity { value: value.into(), unit }],
    });
    result
}

const GLUCOSE: (&str, &str, &str) =
    ("14749-6", "Glucose [Moles/Volume] Sérum/Plasma ; Numérique", "Glycémie à jeun");
const CREATININE: (&str, &str, &str) =
    ("14682-9", "Créatinine [Moles/Volume] Sérum/Plasma ; Numérique", "Créatinine");
const POTASSIUM: (&str, &str, &str) =
    ("2823-3", "Potassium [Moles/Volume] Sérum/Plasma ; Numérique", "Potassium");
const SODIUM: (&str, &str, &str) = ("2951-2", "Sodium [Moles/Volume] Sérum/Plasma ; Numérique", "Sodium");

fn normal(time: Timestamp) -> Vec<LabEntry> {
    let (g, c, k) = (GLUCOSE, CREATININE, POTASSIUM);
    vec![
        measured(time, (g.0, g.1, g.2, "5.1", "mmol/L", (Some("4.1"), Some("5.9")), "N")).into(),
        since(measured(time, (c.0, c.1, c.2, "74", "umol/L", (Some("45"), Some("84")), "N")), "71").into(),
        measured(time, (k.0, k.1, k.2, "4.2", "mmol/L", (Some("3.5"), Some("5.1")), "N")).into(),
    ]
}

fn abnormal(time: Timestamp) -> Vec<LabEntry> {
    let (g, c) = (GLUCOSE, CREATININE);
    let lipids = [
        (
            "2093-3",
            "Cholestérol [Masse/Volume] Sérum/Plasma ; Numérique",
            "Cholestérol total",
            "2.61",
            "2.00",
        ),
        ("2571-8", "Triglycérides [Masse/Volume] Sérum/Plasma ; Numérique", "Triglycérides", "1.12", "1.50"),
        (
            "13457-7",
            "Cholestérol LDL [Masse/Volume] Sérum/Plasma ; Numérique",
            "Cholestérol LDL",
            "1.78",
            "1.60",
        ),
    ];
    let lipids = lipids.map(|(code, label, name, value, high)| {
        let said = if value > high { "H" } else { "N" };
        measured(time, (code, label, name, value, "g/L", (None, Some(high)), said))
    });
    let mut creatinine =
        since(measured(time, (c.0, c.1, c.2, "38", "umol/L", (Some("45"), Some("84")), "L")), "52");
    creatinine.comments.push("Résultat contrôlé.".into());
    vec![
        since(measured(time, (g.0, g.1, g.2, "7.9", "mmol/L", (Some("4.1"), Some("5.9")), "H")), "6.4")
            .into(),
        creatinine.into(),
        LabEntry::Battery { name: "Bilan lipidique".into(), code: None, results: lipids.into() },
    ]
}

fn critical(time: Timestamp) -> Vec<LabEntry> {
    let (k, n) = (POTASSIUM, SODIUM);
    let mut troponin = measured(
        time,
        (
            "10839-9",
            "Troponine I cardiaque [Masse/Volume] Sérum/Plasma ; Numérique",
            "Troponine I",
            "3.4",
            "ug/L",
            (None, Some("0.04")),
            "AA",
        ),
    );
    troponin.comments.push("Résultat transmis par téléphone au prescripteur.".into());
    vec![
        since(measured(time, (k.0, k.1, k.2, "7.1", "mmol/L", (Some("3.5"), Some("5.1")), "HH")), "4.4")
            .into(),
        measured(time, (n.0, n.1, n.2, "114", "mmol/L", (Some("136"), Some("145")), "LL")).into(),
        troponin.into(),
        measured(time, (GLUCOSE.0, GLUCOSE.1, GLUCOSE.2, "5.3", "mmol/L", (Some("4.1"), Some("5.9")), "N"))
            .into(),
    ]
}

fn microbiology(time: Timestamp) -> Vec<LabEntry> {
    let colour = Observation {
        code: Some(Code::new("5778-6", LOINC, "Couleur [Type] Urine ; Résultat nominal")),
        label: "Couleur".into(),
        values: vec![Value::Coded { code: None, text: "jaune pâle".into() }],
        time: Some(Time::from_timestamp(time)),
        status: Some("completed".into()),
        ..Observation::default()
    };
    let count = Observation {
        interpretations: vec![],
        ..measured(
            time,
            (
                "51480-2",
                "Bactérie [Nombre/Volume] Urine ; Numérique ; Comptage automate",
                "Numération",
                "100000",
                "/mL",
                (None, None),
                "N",
            ),
        )
    };
    let lines = [
        ("18864-9", "Ampicilline [Sensibilité] Isolat", "Ampicilline", Some("32"), "R"),
        (
            "18862-3",
            "Amoxicilline+clavulanate [Sensibilité] Isolat",
            "Amoxicilline - acide clavulanique",
            Some("8"),
            "I",
        ),
        ("18895-3", "Ceftriaxone [Sensibilité] Isolat", "Ceftriaxone", None, "S"),
    ];
    let antibiogram = lines.map(|(code, label, name, above, said)| {
        let bound =
            |value: &str, inclusive| Some(Bound { value: value.into(), unit: "ug/mL".into(), inclusive });
        let value = match above {
            Some(low) => Value::Interval { low: bound(low, true), high: None },
            None => Value::Interval { low: None, high: bound("0.25", false) },
        };
        Observation {
            values: vec![value],
            interpretations: vec![interpretation(said)],
            ..measured(time, (code, label, name, "", "", (None, None), said))
        }
    });
    vec![
        colour.into(),
        LabEntry::Isolate {
            germ: Code::new("112283007", SNOMED, "Escherichia coli (organism)"),
            name: "Escherichia coli".into(),
            results: vec![count],
            antibiogram: antibiogram.into(),
        },
    ]
}

fn imaging(draft: &mut Draft) {
    let specialty = ("G15_10/SM44", "Médecin - Radio-diagnostic (SM)");
    written_by(draft, specialty, "Cabinet d'imagerie d'essai", ("SA08", "Cabinet de groupe"));
    draft.title = "Échographie abdominale".into();
    draft.act = Code::new("24558-9", LOINC, "Échographie de l'abdomen");
    let section = |code: &str, label: &str, title: &str, text: &[&str]| {
        SectionDraft::paragraphs(Code::new(code, LOINC, label), title, text)
    };
    draft.body = Body::of(vec![
        section(
            "55752-0",
            "Informations cliniques",
            "Informations cliniques",
            &["Document d'essai sans valeur médicale.", "Douleurs de l'hypochondre droit."],
        ),
        section(
            "55111-9",
            "Description de l'acte d'imagerie",
            "Technique",
            &["Exploration par voie abdominale, patient à jeun."],
        ),
        section(
            "59776-5",
            "Résultats de l'acte",
            "Résultats",
            &["Foie de taille normale.", "Vésicule à paroi fine, contenant un calcul de 8 mm."],
        ),
        section("19005-8", "Conclusions", "Conclusion", &["Lithiase vésiculaire non compliquée."]),
    ]);
}

fn discharge(draft: &mut Draft) {
    let section = |code: &str, label: &str, title: &str, blocks: Vec<Block>| SectionDraft {
        code: Code::new(code, LOINC, label),
        title: title.into(),
        blocks,
        ..SectionDraft::default()
    };
    let text = |text: &str| Block::Paragraph(text.into());
    draft.body = Body::of(vec![
        section(
            "42349-1",
            "Raison de la recommandation",
            "Motif de l'hospitalisation",
            vec![warning(), text("Pneumopathie communautaire.")],
        ),
        section(
            "42545-4",
            "Evènements observés",
            "Synthèse médicale du séjour",
            vec![text("Évolution favorable sous amoxicilline. Sortie à domicile.")],
        ),
        section(
            "10183-2",
            "Traitements à la sortie",
            "Traitements à la sortie",
            vec![medicines(&[
                ("Amoxicilline 1 g, comprimé", "1 comprimé matin, midi et soir", "4 jours"),
                ("Paracétamol 1 g, comprimé", "1 comprimé si douleur, 3 par jour au plus", "4 jours"),
            ])],
        ),
        section(
            "18776-5",
            "Plan de soins",
            "Suites à donner",
            vec![Block::List(vec![
                "Consultation du médecin traitant à 7 jours.".into(),
                "Radiographie du thorax de contrôle à 6 semaines.".into(),
            ])],
        ),
    ]);
}

fn prescription(draft: &mut Draft) {
    let specialty = ("G15_10/SM26", "Médecin - Médecine générale (SM)");
    written_by(draft, specialty, "Cabinet d'essai", ("SA07", "Cabinet individuel"));
    draft.title = "Ordonnance".into();
    draft.act = draft.code.clone();
    let medicines = medicines(&[
        ("Metformine 500 mg, comprimé", "1 comprimé matin et soir, au cours des repas", "3 mois"),
        ("Ramipril 5 mg, comprimé", "1 comprimé le matin", "3 mois"),
    ]);
    draft.body = Body::of(vec![SectionDraft {
        code: Code::new("57828-6", LOINC, "Prescriptions"),
        title: "Prescription de médicaments".into(),
        blocks: vec![warning(), medicines, Block::Paragraph("2 médicaments prescrits.".into())],
        ..SectionDraft::default()
    }]);
}

fn medicines(lines: &[(&str, &str, &str)]) -> Block {
    Block::Table {
        head: ["Médicament", "Posologie", "Durée"].map(str::to_owned).into(),
        rows: lines.iter().map(|(what, how, long)| [*what, *how, *long].map(str::to_owned).into()).collect(),
    }
}
