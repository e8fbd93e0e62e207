//! What senders ask for, and what becomes of it (LGC.MSS/UX.05; spec 02 §6.2, spec 01 §4.8).
//!
//! Pending, then accepted or refused by a person, then effective when the host has confirmed. Accepting a deletion hides
//! the document and keeps it; accepting a replacement files the new version beside the old one, which stays readable.

use db::Values;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::{Came, Case, Doc, reason};
use crate::columns::{millis, word};
use crate::people::May;
use crate::{ChangeKind, Error, Key, RequestKind, RequestState, Standing, State, patients, proposal};

struct Asked {
    id: i64,
    key: Key,
    kind: RequestKind,
    document: i64,
    target: Option<i64>,
    code: Option<i64>,
    state: RequestState,
}

impl Case<'_> {
    /// *Supprimer du dossier*, *Intégrer la nouvelle version*.
    pub(super) async fn accept(&mut self, key: &Key) -> Result<Came, Error> {
        let (asked, carrier) = self.asked(key).await?;
        if matches!(asked.state, RequestState::Accepted | RequestState::Effective) {
            return self.decided(&asked, carrier).await;
        }
        pending(&asked)?;
        match asked.code {
            Some(901) => {
                return Err(Error::refused(
                    "code_901",
                    "it comes from another author than the document's: refuse it",
                ));
            }
            Some(_) => return Err(Error::refused("code_900", "it is not about the last version: refuse it")),
            None => {}
        }
        let Some(target) = asked.target else {
            return Err(Error::refused("orphan", "the document that it is about is not here"));
        };
        let target = Doc::by_id(self.tx, target).await?;
        match asked.kind {
            RequestKind::Deletion => {
                self.decide(&asked, RequestState::Accepted, None).await?;
                target.set(self.tx, "state = 'deleted'", |values| values).await?;
                self.carrier_done(&carrier).await?;
                Ok(Came { request: Some(asked.key), ..Came::of(target, true) })
            }
            RequestKind::Replacement => {
                let carrier = match carrier.state {
                    State::Filed => return self.replaced_by_hand(&asked, carrier).await,
                    _ => carrier,
                };
                self.may_be_filed(&carrier, true)?;
                let to = match target.patient {
                    Some(patient) => patients::by_id(self.tx, patient).await?,
                    None => self.certain(&carrier.identity).await?,
                };
                self.fits(&carrier, &to.patient.record).await?;
                self.file_to(carrier, to).await
            }
        }
    }

    /// *Refuser la demande*, with a reason.
    pub(super) async fn refuse(&mut self, key: &Key, why: &str) -> Result<Came, Error> {
        let why = reason(why)?;
        let (asked, carrier) = self.asked(key).await?;
        if asked.state == RequestState::Refused {
            return self.decided(&asked, carrier).await;
        }
        if asked.state != RequestState::Orphan {
            pending(&asked)?;
        }
        self.decide(&asked, RequestState::Refused, Some(why)).await?;
        self.carrier_done(&carrier).await?;
        let mut came = self.decided(&asked, carrier).await?;
        came.changed = true;
        Ok(came)
    }

    /// The host has done it.
    pub(super) async fn confirm(&mut self, key: &Key) -> Result<Came, Error> {
        let (asked, carrier) = self.asked(key).await?;
        match asked.state {
            RequestState::Effective => self.decided(&asked, carrier).await,
            RequestState::Accepted => {
                let text = "UPDATE lps_request SET state = 'effective', effective_at = $2 WHERE id = $1";
                db::query(text, Values::new().int(asked.id).int(millis(self.at)))
                    .execute(&mut *self.tx)
                    .await?;
                self.told(ChangeKind::RequestChanged, &asked.key).await?;
                let mut came = self.decided(&asked, carrier).await?;
                came.changed = true;
                Ok(came)
            }
            _ => Err(Error::refused("not_accepted", "nobody has accepted it: there is nothing to confirm")),
        }
    }

    /// The request to replace that this document came with, accepted as it is filed.
    pub(super) async fn accepted_with(&mut self, doc: &Doc) -> Result<Option<Key>, Error> {
        let text = format!(
            "{SELECT} WHERE document = $1 AND kind = 'replacement' AND state = 'pending' AND code IS NULL ORDER BY id LIMIT 1"
        );
        let row = db::query(text, Values::new().int(doc.id)).fetch_optional(&mut *self.tx).await?;
        let Some(asked) = row.as_ref().map(read).transpose()? else { return Ok(None) };
        self.decide(&asked, RequestState::Accepted, None).await?;
        Ok(Some(asked.key))
    }

    /// A document that comes back to *à traiter* takes back what was accepted about it, or with it; what the host has
    /// confirmed of a deletion cannot be taken back.
    pub(super) async fn withdraw(&mut self, doc: &Doc) -> Result<Option<Key>, Error> {
        let text = format!(
            "{SELECT} WHERE state IN ('accepted', 'effective') AND (target = $1 AND kind = 'deletion' \
             OR document = $1 AND kind = 'replacement') ORDER BY id DESC LIMIT 1"
        );
        let row = db::query(text, Values::new().int(doc.id)).fetch_optional(&mut *self.tx).await?;
        let Some(asked) = row.as_ref().map(read).transpose()? else { return Ok(None) };
        if asked.state == RequestState::Effective {
            return match asked.kind {
                RequestKind::Deletion if doc.state == State::Deleted => Err(Error::refused(
                    "effective",
                    "the host has confirmed the deletion: file it anew at the host",
                )),
                _ => Ok(None),
            };
        }
        let text =
            "UPDATE lps_request SET state = 'pending', decided_by = NULL, decided_at = NULL WHERE id = $1";
        db::query(text, Values::new().int(asked.id)).execute(&mut *self.tx).await?;
        if let Some(target) = asked.target {
            let text = "UPDATE lps_document SET request = $2 WHERE id = $1";
            db::query(text, Values::new().int(target).int(asked.id)).execute(&mut *self.tx).await?;
        }
        if asked.kind == RequestKind::Deletion {
            let carrier = Doc::by_id(self.tx, asked.document).await?;
            let open = if carrier.history { State::History } else { State::ToDo };
            carrier.set(self.tx, "state = $2", |values| values.text(open.word())).await?;
            self.told(ChangeKind::DocumentChanged, &carrier.key).await?;
        }
        self.told(ChangeKind::RequestChanged, &asked.key).await?;
        Ok(Some(asked.key))
    }

    async fn asked(&mut self, key: &Key) -> Result<(Asked, Doc), Error> {
        let text = format!("{SELECT} WHERE key = $1");
        let row = db::query(text, Values::new().text(key.as_str())).fetch_optional(&mut *self.tx).await?;
        let asked = read(&row.ok_or_else(|| Error::not_found("request", key))?)?;
        let carrier = Doc::by_id(self.tx, asked.document).await?;
        self.admit(&carrier, May::Act).await?;
        Ok((asked, carrier))
    }

    /// Writes the decision; the target says from now on which other request waits, if one does.
    async fn decide(&mut self, asked: &Asked, state: RequestState, why: Option<&str>) -> Result<(), Error> {
        let text =
            "UPDATE lps_request SET state = $2, reason = $3, decided_by = $4, decided_at = $5 WHERE id = $1";
        let values = Values::new()
            .int(asked.id)
            .text(state.word())
            .opt_text(why)
            .text(&self.actor.name)
            .int(millis(self.at));
        db::query(text, values).execute(&mut *self.tx).await?;
        if let Some(target) = asked.target {
            let text = "UPDATE lps_document SET stamp = stamp + 1, request = (SELECT max(r.id) FROM lps_request r \
                        WHERE r.target = $1 AND r.state = 'pending') WHERE id = $1 RETURNING key";
            let row = db::query(text, Values::new().int(target)).fetch_one(&mut *self.tx).await?;
            self.told(ChangeKind::DocumentChanged, &Key::stored(row.try_get(0)?)).await?;
        }
        self.told(ChangeKind::RequestChanged, &asked.key).await
    }

    /// A decided request leaves nothing to do with what carried it.
    async fn carrier_done(&mut self, carrier: &Doc) -> Result<(), Error> {
        if matches!(carrier.state, State::ToDo | State::History) {
            carrier.set(self.tx, "state = 'dismissed'", |values| values).await?;
            self.told(ChangeKind::DocumentChanged, &carrier.key).await?;
        }
        Ok(())
    }

    /// The new version was filed before its request was looked at.
    async fn replaced_by_hand(&mut self, asked: &Asked, carrier: Doc) -> Result<Came, Error> {
        self.decide(asked, RequestState::Accepted, None).await?;
        if let Some(target) = asked.target {
            let older = Doc::by_id(self.tx, target).await?;
            older.set(self.tx, "replaced_by = $2", |values| values.int(carrier.id)).await?;
        }
        Ok(Came { request: Some(asked.key.clone()), ..Came::of(carrier, true) })
    }

    /// A new version that speaks of somebody else is not filed because the old one was here.
    async fn fits(&mut self, carrier: &Doc, record: &ins::Record) -> Result<(), Error> {
        let with = ins::compare(&carrier.identity, record);
        let other = matches!(
            with.ins,
            ins::InsLikeness::Differs | ins::InsLikeness::OtherWorld | ins::InsLikeness::OtherNature
        );
        let differs = with.unequal().iter().any(|(_, how)| *how == ins::Likeness::Differs);
        if other || differs {
            let (matched, _) = proposal::decide(self.tx, &carrier.identity, self.world).await?;
            let code = matched.code().map(|code| format!(" ({code})")).unwrap_or_default();
            return Err(Error::refused(
                "other_patient",
                format!("the new version does not name the patient of the old one{code}: file it by hand"),
            ));
        }
        Ok(())
    }

    /// What the act is about: the target, or what carried an orphan.
    async fn decided(&mut self, asked: &Asked, carrier: Doc) -> Result<Came, Error> {
        let doc = match asked.target {
            Some(target) if carrier.standing == Standing::DeletionRequest => {
                Doc::by_id(self.tx, target).await?
            }
            _ => carrier,
        };
        Ok(Came { request: Some(asked.key.clone()), ..Came::of(doc, false) })
    }
}

fn pending(asked: &Asked) -> Result<(), Error> {
    match asked.state {
        RequestState::Pending => Ok(()),
        RequestState::Orphan => Err(Error::refused("orphan", "the document that it is about is not here")),
        other => Err(Error::refused("not_pending", format!("the request is {other} already"))),
    }
}

const SELECT: &str = "SELECT id, key, kind, document, target, code, state FROM lps_request";

fn read(row: &AnyRow) -> Result<Asked, Error> {
    Ok(Asked {
        id: row.try_get(0)?,
        key: Key::stored(row.try_get(1)?),
        kind: word(row, 2, RequestKind::parse)?,
        document: row.try_get(3)?,
        target: row.try_get(4)?,
        code: row.try_get(5)?,
        state: word(row, 6, RequestState::parse)?,
    })
}
