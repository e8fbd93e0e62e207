//! Where a document goes: to a patient, to nobody, back.

use db::Values;
use ins::{Decision, Identity, Reason, Record, Status};
use sqlx::Row as _;

use super::{Came, Case, Doc, reason};
use crate::patients::{self, Stored};
use crate::people::May;
use crate::{ChangeKind, Error, Key, Standing, State, proposal};

impl Case<'_> {
    /// *Intégrer au dossier*, *Rattacher à un autre patient*.
    pub(super) async fn file(&mut self, document: &Key, patient: Option<&Key>) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        if doc.state == State::Filed {
            return self.filed_already(doc, patient).await;
        }
        self.may_be_filed(&doc, patient.is_some())?;
        let to = match patient {
            Some(key) => patients::by_key(self.tx, key).await?,
            None => self.certain(&doc.identity).await?,
        };
        self.file_to(doc, to).await
    }

    /// *Créer le dossier*: a patient of the document's traits, and the document in it.
    pub(super) async fn file_to_new(
        &mut self,
        document: &Key,
        host_ref: Option<String>,
    ) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        if doc.state == State::Filed {
            return Err(Error::refused("already_filed", "the document is in a file: take it out first"));
        }
        self.may_be_filed(&doc, true)?;
        let traits = &doc.identity.traits;
        if traits.birth_name.as_deref().is_none_or(|name| name.trim().is_empty()) {
            return Err(Error::refused("no_traits", "the document does not name its patient: choose one"));
        }
        if host_ref.as_deref().is_some_and(|name| name.is_empty() || name.chars().count() > 200) {
            return Err(Error::bad("host_ref", "between 1 and 200 characters"));
        }
        let (matched, _) = proposal::decide(self.tx, &doc.identity, self.world).await?;
        let known = matches!(
            matched.decision,
            Decision::File { .. }
                | Decision::Confirm { .. }
                | Decision::Conflict { .. }
                | Decision::Duplicates { .. }
        );
        if known {
            return Err(Error::refused(
                "ins_known",
                "a patient of this number is here already: file to them",
            ));
        }
        if matched.reasons.contains(&Reason::TestIdentity) {
            return Err(Error::refused(
                "test_identity",
                "a number of tests makes no patient of the real world",
            ));
        }
        // Without one of the four OIDs the number is none of an INS: the traits alone are taken over. Nobody has checked
        // the identity here, so that it is *provisoire* (RNIV, spec 02 §7.3).
        let identity = match doc.identity.ins() {
            Some(_) => doc.identity.clone(),
            None => Identity { matricule: None, oid: None, traits: traits.clone() },
        };
        let record = Record { identity, status: Status::Provisional, ..Record::default() };
        let to = patients::insert(self.tx, host_ref, record).await?;
        self.told(ChangeKind::PatientChanged, &to.patient.key).await?;
        self.file_to(doc, to).await
    }

    /// *Pas mon patient*.
    pub(super) async fn not_mine(&mut self, document: &Key) -> Result<Came, Error> {
        self.put_aside(document, State::NotMine).await
    }

    /// Put aside, with a reason, which the trace keeps.
    pub(super) async fn dismiss(&mut self, document: &Key, why: &str) -> Result<Came, Error> {
        reason(why)?;
        self.put_aside(document, State::Dismissed).await
    }

    async fn put_aside(&mut self, document: &Key, state: State) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        if doc.state == state {
            return Ok(Came::of(doc, false));
        }
        if !matches!(doc.state, State::ToDo | State::History) {
            return Err(not_to_do(&doc));
        }
        doc.set(self.tx, "state = $2", |values| values.text(state.word())).await?;
        Ok(Came::of(doc, true))
    }

    /// *Annuler*: à traiter again.
    pub(super) async fn reopen(&mut self, document: &Key) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        let open = if doc.history { State::History } else { State::ToDo };
        if doc.state == open {
            return Ok(Came::of(doc, false));
        }
        let request = self.withdraw(&doc).await?;
        let text = "UPDATE lps_document SET replaced_by = NULL, stamp = stamp + 1 WHERE replaced_by = $1 RETURNING key";
        let freed = db::query(text, Values::new().int(doc.id)).fetch_all(&mut *self.tx).await?;
        for row in &freed {
            self.told(ChangeKind::DocumentChanged, &Key::stored(row.try_get(0)?)).await?;
        }
        doc.set(self.tx, "state = $2, patient = NULL, filed_at = NULL, filed_by = NULL", |values| {
            values.text(open.word())
        })
        .await?;
        Ok(Came { request, ..Came::of(doc, true) })
    }

    /// Files, and says of the version that it comes after that it is replaced. A request to replace that it came with is
    /// accepted with it.
    pub(super) async fn file_to(&mut self, doc: Doc, to: Stored) -> Result<Came, Error> {
        let (at, by) = (crate::columns::millis(self.at), self.actor.name.clone());
        doc.set(self.tx, "state = 'filed', patient = $2, filed_at = $3, filed_by = $4", |values| {
            values.int(to.id).int(at).text(by)
        })
        .await?;
        let request = self.accepted_with(&doc).await?;
        if let (Standing::NewVersion, Some(older)) = (doc.standing, doc.standing_of) {
            let older = Doc::by_id(self.tx, older).await?;
            older.set(self.tx, "replaced_by = $2", |values| values.int(doc.id)).await?;
            self.told(ChangeKind::DocumentChanged, &older.key).await?;
        }
        Ok(Came { changed: true, doc, patient: Some(to.patient), request })
    }

    /// The patient to whom it may go without asking.
    pub(super) async fn certain(&mut self, identity: &Identity) -> Result<Stored, Error> {
        let (matched, stored) = proposal::decide(self.tx, identity, self.world).await?;
        proposal::certain(&matched, &stored).cloned().ok_or_else(|| {
            let code = matched.code().map(|code| format!(" ({code})")).unwrap_or_default();
            Error::refused(
                "not_certain",
                format!("no patient is certain{code}: compare the traits and choose one"),
            )
        })
    }

    /// Whether it may go into a file. `named`: the patient was named, nothing is done without a decision.
    pub(super) fn may_be_filed(&self, doc: &Doc, named: bool) -> Result<(), Error> {
        if !matches!(doc.state, State::ToDo | State::History) {
            return Err(not_to_do(doc));
        }
        let by_hand = named && self.actor.person.is_some();
        match doc.standing {
            Standing::New | Standing::NewVersion => Ok(()),
            Standing::Duplicate => Err(Error::refused("duplicate", "this document is here already")),
            Standing::DeletionRequest => {
                Err(Error::refused("deletion_request", "it asks for a deletion, and is no document to file"))
            }
            Standing::Obsolete | Standing::SameIdOtherContent if by_hand => Ok(()),
            Standing::Obsolete => Err(Error::refused(
                "obsolete",
                "a newer version is here; a person who names the patient may file it",
            )),
            Standing::SameIdOtherContent => Err(Error::refused(
                "same_id_other_content",
                "another document has its identifier; a person who names the patient may file it",
            )),
        }
    }

    async fn filed_already(&mut self, doc: Doc, patient: Option<&Key>) -> Result<Came, Error> {
        let id = doc.patient.ok_or_else(|| Error::damaged("a document is filed to nobody"))?;
        let stored = patients::by_id(self.tx, id).await?;
        if patient.is_some_and(|wanted| *wanted != stored.patient.key) {
            return Err(Error::refused(
                "already_filed",
                "it is in another patient's file: take it out first",
            ));
        }
        Ok(Came { patient: Some(stored.patient), ..Came::of(doc, false) })
    }
}

fn not_to_do(doc: &Doc) -> Error {
    Error::refused("not_to_do", format!("its state is {}: reopen it first", doc.state))
}
