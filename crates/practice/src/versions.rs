//! How a document stands among those that are here (spec 02 §6.2), in whatever order they come.
//!
//! The action is read first: a deletion carries the very octets of the document that it withdraws. What is decided here is
//! never done here: a replacement or a deletion becomes a request, and a person answers it.

use std::collections::BTreeSet;

use db::{Tx, Values};
use sqlx::Row as _;

use crate::columns::{opt_instant, texts, word};
use crate::draft::DocumentDraft;
use crate::{Action, Error, Key, Practice, RequestKind, Standing, State, Version};

/// Documents that one question brings in at most: no real set has a hundredth of it.
const MOST: i64 = 5_000;

impl Practice {
    /// The versions of a document that are here, itself among them, the last one first: those of its set, and those that
    /// name each other as replaced. Duplicates and carriers of deletions are left out.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Db`].
    pub async fn versions(&self, document: &Key) -> Result<Vec<Version>, Error> {
        let found = db::query(
            "SELECT cda_id, set_id, replaces_id FROM lps_document WHERE key = $1",
            Values::new().text(document.as_str()),
        )
        .fetch_optional(self.reader())
        .await?;
        let row = found.ok_or_else(|| Error::not_found("document", document))?;
        let (cda, set, replaces): (Option<String>, Option<String>, Option<String>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let rows = db::query(
            "SELECT key, version, made, received, state, standing, replaced_by FROM lps_document \
             WHERE (key = $1 OR set_id = $2 OR cda_id = $3 OR cda_id = $4 OR replaces_id = $3) \
             AND (key = $1 OR standing NOT IN ('duplicate', 'deletion_request')) \
             ORDER BY coalesce(version, 0) DESC, coalesce(made, received) DESC, id DESC LIMIT 1000",
            Values::new()
                .text(document.as_str())
                .opt_text(set.as_deref())
                .opt_text(cda.as_deref())
                .opt_text(replaces.as_deref()),
        )
        .fetch_all(self.reader())
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Version {
                    document: Key::stored(row.try_get(0)?),
                    version: row
                        .try_get::<Option<i64>, _>(1)?
                        .and_then(|version| u32::try_from(version).ok()),
                    made: opt_instant(row, 2)?,
                    received: crate::columns::instant(row.try_get(3)?),
                    state: word(row, 4, State::parse)?,
                    standing: word(row, 5, Standing::parse)?,
                    replaced: row.try_get::<Option<i64>, _>(6)?.is_some(),
                })
            })
            .collect()
    }
}

/// What tells a document from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) cda_id: Option<String>,
    pub(crate) set_id: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) replaces_id: Option<String>,
    pub(crate) sha256: String,
    pub(crate) organisation: String,
    pub(crate) organisation_id: Option<String>,
    /// The address that sent it.
    pub(crate) sender: Option<String>,
}

/// A document that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) marks: Marks,
    pub(crate) standing: Standing,
    /// A later version has taken its place.
    pub(crate) replaced: bool,
}

/// A request to delete that waits for what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Orphan {
    pub(crate) request: i64,
    pub(crate) marks: Marks,
}

/// What is decided of a new document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) standing: Standing,
    /// The document that it is compared with.
    pub(crate) of: Option<i64>,
    /// What is asked for: kind, target, code.
    pub(crate) request: Option<(RequestKind, Option<i64>, Option<u16>)>,
}

/// The documents that new ones may have to do with, and the orphans that may be about them. Grows as a batch is decided.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) known: Vec<Known>,
    pub(crate) orphans: Vec<Orphan>,
}

impl Shelf {
    /// Everything that bears a mark of one of these drafts.
    pub(crate) async fn load(tx: &mut Tx, drafts: &[&DocumentDraft]) -> Result<Self, Error> {
        let of = |get: fn(&Marks) -> Option<&str>| -> BTreeSet<&str> {
            drafts.iter().filter_map(|draft| get(&draft.marks)).collect()
        };
        let mut ids = of(|marks| marks.cda_id.as_deref());
        ids.extend(of(|marks| marks.replaces_id.as_deref()));
        let mut shelf = Self::default();
        shelf.add(tx, "cda_id", &ids).await?;
        shelf.add(tx, "replaces_id", &ids).await?;
        shelf.add(tx, "sha256", &of(|marks| Some(&marks.sha256))).await?;
        // Targets that were found by their identifier bring their own sets.
        let sets: BTreeSet<String> = of(|marks| marks.set_id.as_deref())
            .into_iter()
            .chain(shelf.known.iter().filter_map(|known| known.marks.set_id.as_deref()))
            .map(str::to_owned)
            .collect();
        shelf.add(tx, "set_id", &sets.iter().map(String::as_str).collect()).await?;
        shelf.known.sort_by_key(|known| known.id);
        shelf.known.dedup_by_key(|known| known.id);
        shelf.add_orphans(tx, &ids).await?;
        Ok(shelf)
    }

    async fn add(&mut self, tx: &mut Tx, column: &str, among: &BTreeSet<&str>) -> Result<(), Error> {
        let among: Vec<&str> = among.iter().copied().collect();
        for some in among.chunks(256) {
            let text = format!(
                "SELECT d.id, d.cda_id, d.set_id, d.version, d.replaces_id, d.sha256, d.organisation, \
                 d.organisation_id, m.sender, d.standing, d.replaced_by FROM lps_document d \
                 JOIN lps_mail m ON m.id = d.mail WHERE d.{column} IN ({}) ORDER BY d.id DESC LIMIT {MOST}",
                db::list(1, some.len())
            );
            for row in db::query(text, texts(Values::new(), some.iter().copied())).fetch_all(&mut *tx).await?
            {
                self.known.push(Known {
                    id: row.try_get(0)?,
                    marks: marks(&row, 1)?,
                    standing: word(&row, 9, Standing::parse)?,
                    replaced: row.try_get::<Option<i64>, _>(10)?.is_some(),
                });
            }
        }
        Ok(())
    }

    async fn add_orphans(&mut self, tx: &mut Tx, ids: &BTreeSet<&str>) -> Result<(), Error> {
        let ids: Vec<&str> = ids.iter().copied().collect();
        for some in ids.chunks(256) {
            let text = format!(
                "SELECT r.id, d.cda_id, d.set_id, d.version, d.replaces_id, d.sha256, d.organisation, \
                 d.organisation_id, m.sender FROM lps_request r JOIN lps_document d ON d.id = r.document \
                 JOIN lps_mail m ON m.id = d.mail WHERE r.state = 'orphan' AND r.kind = 'deletion' \
                 AND d.cda_id IN ({}) ORDER BY r.id DESC LIMIT {MOST}",
                db::list(1, some.len())
            );
            for row in db::query(text, texts(Values::new(), some.iter().copied())).fetch_all(&mut *tx).await?
            {
                self.orphans.push(Orphan { request: row.try_get(0)?, marks: marks(&row, 1)? });
            }
        }
        Ok(())
    }

    /// How a new document stands. `action` is read before anything else.
    pub(crate) fn stand(&self, action: Action, new: &Marks) -> Stand {
        if action == Action::Delete {
            return self.deletion(new);
        }
        if let Some(same) = self.same(new) {
            return Stand { standing: Standing::Duplicate, of: Some(same.id), request: None };
        }
        if let Some(other) = self.with_id(new.cda_id.as_deref()) {
            return Stand { standing: Standing::SameIdOtherContent, of: Some(other.id), request: None };
        }
        if let Some(newer) = self.successor(new, true) {
            return Stand { standing: Standing::Obsolete, of: Some(newer.id), request: None };
        }
        // The parent's identifier first; where nobody here has it, or it was followed already, the last version of the
        // set: senders that write a parent of their own making are many.
        let parent = self.with_id(new.replaces_id.as_deref());
        let target = parent
            .filter(|parent| !self.is_followed(parent))
            .or_else(|| self.last_of(new.set_id.as_deref()))
            .or(parent);
        match target {
            Some(target) => {
                let code = self.code(target, new);
                let request = Some((RequestKind::Replacement, Some(target.id), code));
                Stand { standing: Standing::NewVersion, of: Some(target.id), request }
            }
            None => Stand { standing: Standing::New, of: None, request: None },
        }
    }

    /// The orphan that is about this document, if there is one, and the code that it has now.
    pub(crate) fn orphan_of(&self, new: &Known) -> Option<(i64, Option<u16>)> {
        let id = new.marks.cda_id.as_deref()?;
        let orphan = self.orphans.iter().find(|orphan| orphan.marks.cda_id.as_deref() == Some(id))?;
        Some((orphan.request, self.code(new, &orphan.marks)))
    }

    fn deletion(&self, new: &Marks) -> Stand {
        let target = self.with_id(new.cda_id.as_deref());
        let code = target.and_then(|target| self.code(target, new));
        let of = target.map(|target| target.id);
        Stand { standing: Standing::DeletionRequest, of, request: Some((RequestKind::Deletion, of, code)) }
    }

    /// The first document of the same octets, or of the same id and version.
    fn same(&self, new: &Marks) -> Option<&Known> {
        let same_id = |known: &Known| {
            new.cda_id.is_some() && known.marks.cda_id == new.cda_id && known.marks.version == new.version
        };
        self.originals().find(|known| known.marks.sha256 == new.sha256 || same_id(known))
    }

    fn with_id(&self, id: Option<&str>) -> Option<&Known> {
        let id = id?;
        self.originals()
            .filter(|known| known.marks.cda_id.as_deref() == Some(id))
            .min_by_key(|known| (known.standing == Standing::SameIdOtherContent, known.id))
    }

    /// A document that comes after this one: a higher version of its set (`or_same`: or the same version under another
    /// id), or one that says that it replaces it.
    fn successor(&self, of: &Marks, or_same: bool) -> Option<&Known> {
        let names_it = |known: &Known| of.cda_id.is_some() && known.marks.replaces_id == of.cda_id;
        let later = |known: &Known| match (known.marks.version, of.version) {
            (Some(theirs), Some(ours)) => theirs > ours || (or_same && theirs == ours),
            _ => false,
        };
        let in_set = |known: &Known| of.set_id.is_some() && known.marks.set_id == of.set_id && later(known);
        self.originals()
            .filter(|known| of.cda_id.is_none() || known.marks.cda_id != of.cda_id)
            .filter(|known| names_it(known) || in_set(known))
            .max_by_key(|known| (known.marks.version, known.id))
    }

    fn is_followed(&self, known: &Known) -> bool {
        known.replaced || self.successor(&known.marks, false).is_some()
    }

    fn last_of(&self, set: Option<&str>) -> Option<&Known> {
        let set = set?;
        self.originals()
            .filter(|known| known.marks.set_id.as_deref() == Some(set))
            .max_by_key(|known| (known.marks.version, known.id))
    }

    /// Why a request about `target` should not be obeyed: 900 where it is not the last version, 901 where neither the
    /// sender nor the author's structure is the target's. `by` is the document that asks.
    fn code(&self, target: &Known, by: &Marks) -> Option<u16> {
        if self.is_followed(target) {
            return Some(900);
        }
        (!same_author(&target.marks, by)).then_some(901)
    }

    /// What is here in its own right.
    fn originals(&self) -> impl Iterator<Item = &Known> {
        self.known
            .iter()
            .filter(|known| !matches!(known.standing, Standing::Duplicate | Standing::DeletionRequest))
    }
}

/// Whether the two come from one place: the same sending mailbox, or the same structure of the author, by its identifier,
/// by its name where one of them has no identifier.
fn same_author(a: &Marks, b: &Marks) -> bool {
    let same_sender = a.sender.is_some() && a.sender == b.sender;
    let same_structure = match (&a.organisation_id, &b.organisation_id) {
        (Some(a), Some(b)) => a == b,
        _ => !a.organisation.is_empty() && ins::folded(&a.organisation) == ins::folded(&b.organisation),
    };
    same_sender || same_structure
}

fn marks(row: &sqlx::any::AnyRow, from: usize) -> Result<Marks, Error> {
    Ok(Marks {
        cda_id: row.try_get(from)?,
        set_id: row.try_get(from + 1)?,
        version: row.try_get(from + 2)?,
        replaces_id: row.try_get(from + 3)?,
        sha256: row.try_get(from + 4)?,
        organisation: row.try_get(from + 5)?,
        organisation_id: row.try_get(from + 6)?,
        sender: row.try_get(from + 7)?,
    })
}

#[cfg(test)]
mod tests;
