//! The columns of the four extractions, in the order in which they are published; read by name, never by place.

use crate::text::fold;

/// `Extraction_Correspondance_MSSante`: 31 columns.
pub(crate) const MAILBOXES: [&str; 31] = [
    "Type de BAL",
    "Adresse BAL",
    "Type Identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Type identifiant structure",
    "Identification Structure",
    "Service de rattachement",
    "Civilité d'exercice",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Catégorie profession",
    "Libellé de catégorie profession",
    "Code Profession",
    "Libellé Profession",
    "Code savoir-faire",
    "Libellé savoir-faire",
    "Dématérialisation",
    "Raison Sociale structure BAL",
    "Enseigne commerciale structure BAL",
    "L2COMPLEMENTLOCALISATION structure BAL",
    "L3COMPLEMENTDISTRIBUTION structure BAL",
    "L4NUMEROVOIE structure BAL",
    "L4COMPLEMENTNUMEROVOIE structure BAL",
    "NL4TYPEVOIE structure BAL",
    "L4LIBELLEVOIE structure BAL",
    "L5LIEUDITMENTION structure BAL",
    "L6LIGNEACHEMINEMENT structure BAL",
    "Code postal structure BAL",
    "Département structure BAL",
    "Pays structure BAL",
];

/// `PS_LibreAcces_Personne_activite`: 56 columns.
pub(crate) const ACTIVITIES: [&str; 56] = [
    "Type d'identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Code civilité d'exercice",
    "Libellé civilité d'exercice",
    "Code civilité",
    "Libellé civilité",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Code profession",
    "Libellé profession",
    "Code catégorie professionnelle",
    "Libellé catégorie professionnelle",
    "Code type savoir-faire",
    "Libellé type savoir-faire",
    "Code savoir-faire",
    "Libellé savoir-faire",
    "Code mode exercice",
    "Libellé mode exercice",
    "Numéro SIRET site",
    "Numéro SIREN site",
    "Numéro FINESS site",
    "Numéro FINESS établissement juridique",
    "Identifiant technique de la structure",
    "Raison sociale site",
    "Enseigne commerciale site",
    "Complément destinataire (coord. structure)",
    "Complément point géographique (coord. structure)",
    "Numéro Voie (coord. structure)",
    "Indice répétition voie (coord. structure)",
    "Code type de voie (coord. structure)",
    "Libellé type de voie (coord. structure)",
    "Libellé Voie (coord. structure)",
    "Mention distribution (coord. structure)",
    "Bureau cedex (coord. structure)",
    "Code postal (coord. structure)",
    "Code commune (coord. structure)",
    "Libellé commune (coord. structure)",
    "Code pays (coord. structure)",
    "Libellé pays (coord. structure)",
    "Téléphone (coord. structure)",
    "Téléphone 2 (coord. structure)",
    "Télécopie (coord. structure)",
    "Adresse e-mail (coord. structure)",
    "Code Département (structure)",
    "Libellé Département (structure)",
    "Ancien identifiant de la structure",
    "Autorité d'enregistrement",
    "Code secteur d'activité",
    "Libellé secteur d'activité",
    "Code section tableau pharmaciens",
    "Libellé section tableau pharmaciens",
    "Code rôle",
    "Libellé rôle",
    "Code genre activité",
    "Libellé genre activité",
];

/// Columns at the end of `PS_LibreAcces_Personne_activite` that older files do not have.
const ACTIVITIES_ALWAYS: usize = 46;

/// `PS_LibreAcces_Dipl_AutExerc`: 13 columns.
pub(crate) const DIPLOMAS: [&str; 13] = [
    "Type d'identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Code type diplôme obtenu",
    "Libellé type diplôme obtenu",
    "Code diplôme obtenu",
    "Libellé diplôme obtenu",
    "Code type autorisation",
    "Libellé type autorisation",
    "Code discipline autorisation",
    "Libellé discipline autorisation",
];

/// `PS_LibreAcces_SavoirFaire`: 13 columns.
pub(crate) const SKILLS: [&str; 13] = [
    "Type d'identifiant PP",
    "Identifiant PP",
    "Identification nationale PP",
    "Nom d'exercice",
    "Prénom d'exercice",
    "Code profession",
    "Libellé profession",
    "Code catégorie professionnelle",
    "Libellé catégorie professionnelle",
    "Code type savoir-faire",
    "Libellé type savoir-faire",
    "Code savoir-faire",
    "Libellé savoir-faire",
];

/// Which extraction a line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Mailboxes,
    Activities,
    Diplomas,
    Skills,
}

impl Source {
    pub(crate) const ALL: [Self; 4] = [Self::Mailboxes, Self::Activities, Self::Diplomas, Self::Skills];

    /// The extraction's name as it is published.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Mailboxes => "Extraction Correspondance MSSanté",
            Self::Activities => "PS LibreAccès : personne et activité",
            Self::Diplomas => "PS LibreAccès : diplômes et autorisations d'exercice",
            Self::Skills => "PS LibreAccès : savoir-faire",
        }
    }

    pub(crate) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Mailboxes => &MAILBOXES,
            Self::Activities => &ACTIVITIES,
            Self::Diplomas => &DIPLOMAS,
            Self::Skills => &SKILLS,
        }
    }

    /// Columns without which the file is refused.
    fn always(self) -> &'static [&'static str] {
        match self {
            Self::Activities => &ACTIVITIES[..ACTIVITIES_ALWAYS],
            other => other.columns(),
        }
    }

    /// The letter that stands for it in stored cards.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Mailboxes => 'M',
            Self::Activities => 'A',
            Self::Diplomas => 'D',
            Self::Skills => 'S',
        }
    }

    pub(crate) fn of_letter(letter: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.letter() == char::from(letter))
    }
}

/// Where each column of an extraction stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) source: Source,
    /// For each column, its place in the file's lines.
    pub(crate) places: Vec<Option<usize>>,
    /// How many columns the file has.
    pub(crate) width: usize,
}

/// Why a header is none of the extractions'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoLayout {
    /// Nothing in it is known.
    Unknown,
    /// It is nearly this extraction, without these columns.
    Missing(Source, Vec<&'static str>),
}

impl Layout {
    /// Reads a header line.
    pub(crate) fn read(header: &str) -> Result<Self, NoLayout> {
        let names: Vec<String> = header.trim_end_matches(['\r', '\n']).split('|').map(fold).collect();
        let width = names.len() - usize::from(names.last().is_some_and(String::is_empty));
        let layout_of = |source: Source| -> Vec<Option<usize>> {
            let place = |column: &&str| names.iter().position(|name| *name == fold(column));
            source.columns().iter().map(place).collect()
        };
        let missing = |source: Source, places: &[Option<usize>]| -> Vec<&'static str> {
            let always = source.always().iter().zip(places);
            always.filter(|(_, place)| place.is_none()).map(|(column, _)| *column).collect()
        };
        let candidates = Source::ALL.map(|source| {
            let places = layout_of(source);
            let lacks = missing(source, &places);
            (source, places, lacks)
        });
        // SavoirFaire's columns are all in Personne_activite: the extraction of which most columns are there wins.
        let whole = candidates.iter().filter(|(_, _, lacks)| lacks.is_empty());
        if let Some((source, places, _)) = whole.max_by_key(|(source, ..)| source.columns().len()) {
            return Ok(Self { source: *source, places: places.clone(), width });
        }
        let nearest =
            candidates.into_iter().min_by_key(|(source, _, lacks)| lacks.len() * 100 / source.always().len());
        match nearest {
            Some((source, _, lacks)) if lacks.len() * 2 <= source.always().len() => {
                Err(NoLayout::Missing(source, lacks))
            }
            _ => Err(NoLayout::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_header_is_known_in_any_order_and_by_any_apostrophe() {
        for source in Source::ALL {
            let mut columns = source.columns().to_vec();
            columns.reverse();
            let header = columns.join("|").replace('\'', "’") + "|\r\n";
            let layout = Layout::read(&header).expect("known");
            assert_eq!((layout.source, layout.width), (source, columns.len()));
            assert_eq!(layout.places[0], Some(columns.len() - 1));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let header = MAILBOXES.join("|").replace("|Adresse BAL", "");
        assert_eq!(Layout::read(&header), Err(NoLayout::Missing(Source::Mailboxes, vec!["Adresse BAL"])));
        assert_eq!(Layout::read("nom;prenom;ville"), Err(NoLayout::Unknown));
        assert_eq!(Layout::read(""), Err(NoLayout::Unknown));
    }
}
