use crate::Code;

/// From whom a document is to be kept, as its confidentiality codes say (JDV_J08). The header of a CDA says most often
/// `N` alone, and the codes of masking stand in METADATA.XML: feed both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Masking {
    /// `R` or `V` (HL7): restricted, very restricted.
    pub restricted: bool,
    /// `MASQUE_PS`: hidden from professionals, but for the author.
    pub professionals: bool,
    /// `INVISIBLE_PATIENT`: not to be seen by the patient before a professional has told them.
    pub patient: bool,
    /// `INVISIBLE_REPRESENTANTS_LEGAUX`: not to be seen by the legal representatives of a minor.
    pub representatives: bool,
}

impl Masking {
    /// What these codes say together. Codes are compared, never labels; the system is not, because senders leave it out.
    pub fn of<'a>(codes: impl IntoIterator<Item = &'a Code>) -> Self {
        codes.into_iter().fold(Self::default(), |mut found, code| {
            match code.code.trim().to_ascii_uppercase().as_str() {
                "R" | "V" => found.restricted = true,
                "MASQUE_PS" => found.professionals = true,
                "INVISIBLE_PATIENT" => found.patient = true,
                "INVISIBLE_REPRESENTANTS_LEGAUX" => found.representatives = true,
                _ => {}
            }
            found
        })
    }

    /// Whether nothing is said that keeps the document from anybody.
    pub fn is_open(self) -> bool {
        self == Self::default()
    }

    /// In French, one phrase for each.
    pub fn labels(self) -> Vec<&'static str> {
        [
            (self.restricted, "accès restreint"),
            (self.professionals, "masqué aux professionnels de santé"),
            (self.patient, "non visible par le patient"),
            (self.representatives, "non visible par les représentants légaux"),
        ]
        .into_iter()
        .filter_map(|(said, label)| said.then_some(label))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_add_up() {
        let code = |code: &str| Code::new(code, "", "");
        assert!(Masking::of([&code("N")]).is_open());
        let masking = Masking::of([&code("N"), &code("INVISIBLE_PATIENT"), &code("masque_ps")]);
        assert_eq!(masking, Masking { professionals: true, patient: true, ..Masking::default() });
        assert_eq!(masking.labels(), ["masqué aux professionnels de santé", "non visible par le patient"]);
        assert!(Masking::of([&code("V")]).restricted);
        assert!(Masking::of([&code("INVISIBLE_REPRESENTANTS_LEGAUX")]).representatives);
    }
}
