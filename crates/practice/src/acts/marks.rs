//! What people write on a document: *lu*, *visé*, to whom it goes, a note, a critical result taken in charge.

use db::Values;

use super::{Came, Case, words};
use crate::columns::millis;
use crate::people::{self, May};
use crate::{Actor, Error, Key};

impl Case<'_> {
    /// The medical *visa*: a doctor's. The first one stays.
    pub(super) async fn visa(&mut self, document: &Key) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        self.medical()?;
        let text = "SELECT 1 FROM lps_document WHERE id = $1 AND vised_at IS NOT NULL";
        if db::query(text, Values::new().int(doc.id)).fetch_optional(&mut *self.tx).await?.is_some() {
            return Ok(Came::of(doc, false));
        }
        let (by, at) = (self.actor.name.clone(), millis(self.at));
        doc.set(self.tx, "vised_by = $2, vised_at = $3", |values| values.text(by).int(at)).await?;
        Ok(Came::of(doc, true))
    }

    /// To a person who may act in the mailbox, or to nobody.
    pub(super) async fn assign(&mut self, document: &Key, to: Option<&Key>) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        if let Some(to) = to {
            let (_, person) = people::by_key(self.tx, to).await?;
            let other = Actor { person: Some(person.key), name: person.name, behalf: None };
            people::standing(self.tx, &other, doc.mailbox, May::Act, &self.today).await?;
        }
        let to = to.map(Key::as_str);
        let text = "SELECT 1 FROM lps_document WHERE id = $1 AND coalesce(assigned, '') = $2";
        let values = Values::new().int(doc.id).text(to.unwrap_or_default());
        if db::query(text, values).fetch_optional(&mut *self.tx).await?.is_some() {
            return Ok(Came::of(doc, false));
        }
        doc.set(self.tx, "assigned = $2", |values| values.opt_text(to)).await?;
        Ok(Came::of(doc, true))
    }

    /// A note of the practice, 4 000 characters at most; the empty one takes it away. Its text is not traced.
    pub(super) async fn note(&mut self, document: &Key, text: &str) -> Result<Came, Error> {
        let text = words("text", text, 4_000)?;
        let doc = self.doc(document, May::Act).await?;
        doc.set(self.tx, "note = $2", |values| values.opt_text((!text.is_empty()).then_some(text))).await?;
        Ok(Came::of(doc, true))
    }

    /// *Lu* and *non lu* are each person's own.
    pub(super) async fn read(&mut self, document: &Key, read: bool) -> Result<Came, Error> {
        let doc = self.doc(document, May::Read).await?;
        let Some(person) = self.seen.as_ref().and_then(|seen| seen.person) else {
            return Err(Error::refused("nobody", "reading is a person's: say who has read"));
        };
        let text = match read {
            true => "DELETE FROM lps_unread WHERE person = $1 AND received = $2 AND document = $3",
            false => {
                "INSERT INTO lps_unread (person, received, document) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
            }
        };
        let values = Values::new().int(person).int(doc.received).int(doc.id);
        let changed = db::query(text, values).execute(&mut *self.tx).await?.rows_affected() > 0;
        Ok(Came::of(doc, changed))
    }

    /// A critical result is taken in charge: by a doctor, once.
    pub(super) async fn acknowledge(&mut self, document: &Key) -> Result<Came, Error> {
        let doc = self.doc(document, May::Act).await?;
        self.medical()?;
        if !doc.critical {
            return Err(Error::refused("not_critical", "the document holds no critical result"));
        }
        if doc.acknowledged {
            return Ok(Came::of(doc, false));
        }
        let (by, at) = (self.actor.name.clone(), millis(self.at));
        doc.set(self.tx, "acknowledged_by = $2, acknowledged_at = $3", |values| values.text(by).int(at))
            .await?;
        Ok(Came::of(doc, true))
    }
}
