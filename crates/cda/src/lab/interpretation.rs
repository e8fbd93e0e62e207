/// HL7 ObservationInterpretation, the code system of JDV_HL7_ObservationInterpretation.
pub const OBSERVATION_INTERPRETATION: &str = "2.16.840.1.113883.5.83";

/// What an interpretation means to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// An alert.
    Critical,
    /// Not normal.
    Abnormal,
    /// Normal.
    Normal,
    /// To be pointed out, neither normal nor abnormal by itself.
    Notable,
    /// Anything else: absence, susceptibility, trend, what is not known.
    Other,
}

/// What an interpretation code means. Codes are told apart by case as HL7 has them.
pub fn meaning(code: &str) -> Meaning {
    find(code).map_or(Meaning::Other, |(_, meaning, _)| *meaning)
}

/// An interpretation code in French; `None` for a code that is not in the value set.
pub fn interpretation_label(code: &str) -> Option<&'static str> {
    find(code).map(|(_, _, label)| *label)
}

fn find(code: &str) -> Option<&'static (&'static str, Meaning, &'static str)> {
    TABLE.iter().find(|(known, _, _)| *known == code)
}

/// The 39 codes of the value set, with labels for a screen.
const TABLE: [(&str, Meaning, &str); 39] = [
    ("AA", Meaning::Critical, "alerte : très anormal"),
    ("HH", Meaning::Critical, "alerte : très élevé"),
    ("LL", Meaning::Critical, "alerte : très bas"),
    ("A", Meaning::Abnormal, "anormal"),
    ("H", Meaning::Abnormal, "élevé"),
    ("L", Meaning::Abnormal, "bas"),
    ("HU", Meaning::Abnormal, "nettement élevé"),
    ("LU", Meaning::Abnormal, "nettement bas"),
    ("EX", Meaning::Abnormal, "hors des seuils"),
    ("HX", Meaning::Abnormal, "au-dessus du seuil"),
    ("LX", Meaning::Abnormal, "sous le seuil"),
    ("<", Meaning::Abnormal, "sous la limite de détection"),
    (">", Meaning::Abnormal, "au-dessus de la limite de mesure"),
    ("N", Meaning::Normal, "normal"),
    ("POS", Meaning::Notable, "positif"),
    ("DET", Meaning::Notable, "détecté"),
    ("RR", Meaning::Notable, "réactif"),
    ("WR", Meaning::Notable, "faiblement réactif"),
    ("R", Meaning::Notable, "résistant"),
    ("NS", Meaning::Notable, "non sensible"),
    ("SYN-R", Meaning::Notable, "synergie : résistant"),
    ("CAR", Meaning::Notable, "porteur"),
    ("UNE", Meaning::Notable, "inattendu"),
    ("NEG", Meaning::Other, "négatif"),
    ("ND", Meaning::Other, "non détecté"),
    ("NR", Meaning::Other, "non réactif"),
    ("IND", Meaning::Other, "indéterminé"),
    ("E", Meaning::Other, "douteux"),
    ("EXP", Meaning::Other, "attendu"),
    ("S", Meaning::Other, "sensible"),
    ("I", Meaning::Other, "intermédiaire"),
    ("SDD", Meaning::Other, "sensible à forte dose"),
    ("SYN-S", Meaning::Other, "synergie : sensible"),
    ("IE", Meaning::Other, "données insuffisantes"),
    ("NCL", Meaning::Other, "sans seuil défini"),
    ("U", Meaning::Other, "en hausse"),
    ("D", Meaning::Other, "en baisse"),
    ("B", Meaning::Other, "en amélioration"),
    ("W", Meaning::Other, "en aggravation"),
];
