use db::Error;

/// System flags and keywords of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `\Seen`.
    pub seen: bool,
    /// `\Answered`.
    pub answered: bool,
    /// `\Flagged`.
    pub flagged: bool,
    /// `\Deleted`.
    pub deleted: bool,
    /// `\Draft`.
    pub draft: bool,
    /// Keywords as first written, no duplicates (compared without case). A keyword is an atom (RFC 3501 §9): one that
    /// is empty or holds a space or a control character is not kept.
    pub keywords: Vec<String>,
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// `+FLAGS`.
    Add,
    /// `-FLAGS`.
    Remove,
    /// `FLAGS`.
    Replace,
}

const SEEN: i64 = 1;
const ANSWERED: i64 = 2;
const FLAGGED: i64 = 4;
/// The bit of `\Deleted` in the column `flags`.
pub(crate) const DELETED: i64 = 8;
const DRAFT: i64 = 16;
/// Octets of keywords that a message has at most, spaces between them included: every listing of a folder reads them.
const MOST_KEYWORDS: usize = 4_096;

/// Flags as the table holds them: a bit mask, and keywords with a space between.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Packed {
    pub(crate) bits: i64,
    pub(crate) keywords: String,
}

impl Flags {
    pub(crate) fn pack(&self) -> Packed {
        let bit = |set: bool, bit: i64| if set { bit } else { 0 };
        let bits = bit(self.seen, SEEN)
            | bit(self.answered, ANSWERED)
            | bit(self.flagged, FLAGGED)
            | bit(self.deleted, DELETED)
            | bit(self.draft, DRAFT);
        let mut kept: Vec<&str> = Vec::with_capacity(self.keywords.len());
        for keyword in &self.keywords {
            let atom =
                !keyword.is_empty() && !keyword.contains(|c: char| c.is_whitespace() || c.is_control());
            if atom && !kept.iter().any(|known| known.eq_ignore_ascii_case(keyword)) {
                kept.push(keyword);
            }
        }
        Packed { bits, keywords: kept.join(" ") }
    }
}

impl Packed {
    pub(crate) fn unpack(&self) -> Flags {
        Self::unpacked(self.bits, &self.keywords)
    }

    pub(crate) fn unpacked(bits: i64, keywords: &str) -> Flags {
        let has = |bit: i64| bits & bit != 0;
        Flags {
            seen: has(SEEN),
            answered: has(ANSWERED),
            flagged: has(FLAGGED),
            deleted: has(DELETED),
            draft: has(DRAFT),
            keywords: keywords.split_ascii_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Whether there are no more keywords than a message may have.
    pub(crate) fn fits(&self) -> bool {
        self.keywords.len() <= MOST_KEYWORDS
    }

    /// The flags after a STORE.
    pub(crate) fn changed(&self, change: FlagChange, by: &Packed) -> Packed {
        let named = |word: &&str| by.keywords.split(' ').any(|other| other.eq_ignore_ascii_case(word));
        let own = || self.keywords.split(' ').filter(|word| !word.is_empty());
        match change {
            FlagChange::Replace => by.clone(),
            FlagChange::Remove => Packed {
                bits: self.bits & !by.bits,
                keywords: own().filter(|word| !named(word)).collect::<Vec<_>>().join(" "),
            },
            FlagChange::Add => {
                let mut words: Vec<&str> = own().collect();
                for word in by.keywords.split(' ').filter(|word| !word.is_empty()) {
                    if !words.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                        words.push(word);
                    }
                }
                Packed { bits: self.bits | by.bits, keywords: words.join(" ") }
            }
        }
    }
}

/// What is said of keywords that do not fit.
pub(crate) fn too_long() -> Error {
    Error::invalid(format!("a message has at most {MOST_KEYWORDS} octets of keywords"))
}

/// A UID as the table holds it.
pub(crate) fn uid(value: i64) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| Error::corrupt(format!("UID {value}")))
}

/// A count, a size or a mod-sequence as the table holds it.
pub(crate) fn unsigned(value: i64) -> Result<u64, Error> {
    u64::try_from(value).map_err(|_| Error::corrupt(format!("negative number {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(words: &[&str]) -> Flags {
        Flags { keywords: words.iter().map(|word| (*word).to_owned()).collect(), ..Flags::default() }
    }

    #[test]
    fn packing_is_undone_by_unpacking() {
        let flags = Flags { seen: true, draft: true, ..keywords(&["$MDNSent", "lu"]) };
        assert_eq!(flags.pack().unpack(), flags);
    }

    #[test]
    fn keywords_are_compared_without_case_and_must_be_atoms() {
        assert_eq!(keywords(&["A", "a", "two words", "", "B"]).pack().keywords, "A B");
        let stored = keywords(&["Important", "lu"]).pack();
        assert_eq!(
            stored.changed(FlagChange::Add, &keywords(&["LU", "new"]).pack()).keywords,
            "Important lu new"
        );
        assert_eq!(stored.changed(FlagChange::Remove, &keywords(&["important"]).pack()).keywords, "lu");
        assert_eq!(stored.changed(FlagChange::Remove, &Flags::default().pack()), stored);
        assert_eq!(stored.changed(FlagChange::Replace, &Flags::default().pack()).keywords, "");
    }
}
