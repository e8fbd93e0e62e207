//! What people decide (MSS/va1.28, LGC.MSS/UX.05, LGC.MDV.06): one act, one transaction, one trace.
//!
//! Every act comes through [`Practice::act`], whoever triggers it: a screen, the host API, a command. It checks the right
//! before it looks at anything else, applies all of it or nothing, and is traced either way: what was refused is traced
//! too (SC.MSS/CONF.18). An act that finds things as it would leave them changes nothing and says so, so that a click that
//! was sent twice is no error.

use db::Tx;
use ins::World;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

use crate::people::{ActorStanding, May};
use crate::{
    Act, Actor, ChangeKind, Error, Key, NewTrace, Outcome, Patient, Practice, Row, changes, list, traces,
};

mod doc;
mod filing;
mod marks;
mod requests;

use doc::Doc;

/// What an act has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Whether anything is other than before.
    pub changed: bool,
    /// The document as the actor sees it now; for a decision about a request, the document that it is about.
    pub row: Option<Row>,
    /// The patient that the document was filed to.
    pub patient: Option<Patient>,
    /// The request that was decided, by this act or with it.
    pub request: Option<Key>,
}

impl Act {
    /// A short word for it: that of JSON and of traces.
    pub fn word(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::FileToNew { .. } => "file_to_new",
            Self::NotMine { .. } => "not_mine",
            Self::Reopen { .. } => "reopen",
            Self::Dismiss { .. } => "dismiss",
            Self::Accept { .. } => "accept",
            Self::Refuse { .. } => "refuse",
            Self::Confirm { .. } => "confirm",
            Self::Visa { .. } => "visa",
            Self::Assign { .. } => "assign",
            Self::Note { .. } => "note",
            Self::Read { .. } => "read",
            Self::Acknowledge { .. } => "acknowledge",
        }
    }

    /// The document that it names; `None` for a decision about a request.
    pub fn document(&self) -> Option<&Key> {
        match self {
            Self::File { document, .. }
            | Self::FileToNew { document, .. }
            | Self::NotMine { document }
            | Self::Reopen { document }
            | Self::Dismiss { document, .. }
            | Self::Visa { document }
            | Self::Assign { document, .. }
            | Self::Note { document, .. }
            | Self::Read { document, .. }
            | Self::Acknowledge { document } => Some(document),
            Self::Accept { .. } | Self::Refuse { .. } | Self::Confirm { .. } => None,
        }
    }

    /// What is asked, for the trace: names and reasons, never a note's text.
    fn request(&self) -> String {
        let word = self.word();
        match self {
            Self::File { patient: Some(patient), .. } => format!("{word} to patient {patient}"),
            Self::Dismiss { reason, .. } => format!("{word}: {reason}"),
            Self::Accept { request } | Self::Confirm { request } => format!("{word} request {request}"),
            Self::Refuse { request, reason } => format!("{word} request {request}: {reason}"),
            Self::Assign { to: Some(person), .. } => format!("{word} to person {person}"),
            Self::Read { read, .. } => String::from(if *read { "read" } else { "unread again" }),
            _ => word.to_owned(),
        }
    }
}

impl Practice {
    /// Does what the actor decides. Things that stand so already are left so: see [`Done::changed`].
    ///
    /// # Errors
    /// [`Error::NotFound`] for a document, request, patient or person; [`Error::Bad`] for a reason or note that is empty or
    /// too long; [`Error::Refused`] with one of `no_right`, `no_behalf`, `medical_only`, `nobody` (an act of a person,
    /// without one), `already_filed`, `not_to_do`, `duplicate`, `obsolete`, `same_id_other_content`, `deletion_request`,
    /// `not_certain`, `ins_known`, `no_traits`, `test_identity`, `other_patient`, `host_ref_taken`, `not_pending`,
    /// `not_accepted`, `code_900`, `code_901`, `orphan`, `effective`, `not_critical`; [`Error::Db`]. Nothing is then
    /// changed, and the trace says so.
    pub async fn act(&self, actor: &Actor, act: Act) -> Result<Done, Error> {
        let (at, today, world) = (self.now(), self.today(), self.setting().world);
        let (who, what) = (actor.clone(), act.clone());
        let done = self
            .write(move |tx| {
                let (actor, act, today) = (who.clone(), what.clone(), today.clone());
                Box::pin(async move { Case { tx, actor, at, today, world, seen: None }.apply(&act).await })
            })
            .await
            .map_err(crate::patients::taken);
        if let Err(error) = &done {
            self.trace_refusal(actor, &act, error).await;
        }
        done
    }

    async fn trace_refusal(&self, actor: &Actor, act: &Act, error: &Error) {
        let mut line = NewTrace::by(self.now(), actor, act.word());
        line.outcome = if matches!(error, Error::Db(_)) { Outcome::Failed } else { Outcome::Refused };
        line.request = act.request();
        line.answer = error.to_string();
        line.document = act.document().cloned();
        if let Err(fault) = self.trace(line).await {
            tracing::warn!(%fault, act = act.word(), "an act failed, and so did its trace");
        }
    }
}

/// An act under way.
struct Case<'t> {
    tx: &'t mut Tx,
    actor: Actor,
    at: Timestamp,
    today: String,
    world: World,
    /// The actor before the mailbox, once that was asked.
    seen: Option<ActorStanding>,
}

/// What an act came to, before it is told.
struct Came {
    changed: bool,
    doc: Doc,
    patient: Option<Patient>,
    request: Option<Key>,
}

impl Came {
    fn of(doc: Doc, changed: bool) -> Self {
        Self { changed, doc, patient: None, request: None }
    }
}

impl Case<'_> {
    async fn apply(mut self, act: &Act) -> Result<Done, Error> {
        let came = match act {
            Act::File { document, patient } => self.file(document, patient.as_ref()).await?,
            Act::FileToNew { document, host_ref } => self.file_to_new(document, host_ref.clone()).await?,
            Act::NotMine { document } => self.not_mine(document).await?,
            Act::Reopen { document } => self.reopen(document).await?,
            Act::Dismiss { document, reason } => self.dismiss(document, reason).await?,
            Act::Accept { request } => self.accept(request).await?,
            Act::Refuse { request, reason } => self.refuse(request, reason).await?,
            Act::Confirm { request } => self.confirm(request).await?,
            Act::Visa { document } => self.visa(document).await?,
            Act::Assign { document, to } => self.assign(document, to.as_ref()).await?,
            Act::Note { document, text } => self.note(document, text).await?,
            Act::Read { document, read } => self.read(document, *read).await?,
            Act::Acknowledge { document } => self.acknowledge(document).await?,
        };
        if came.changed {
            changes::note(self.tx, self.at, ChangeKind::DocumentChanged, &came.doc.key).await?;
            let mut line = NewTrace::by(self.at, &self.actor, act.word()).about(&came.doc.key);
            line.behalf = self.seen.and_then(|seen| seen.behalf);
            line.mailbox = Some(came.doc.address.clone());
            line.request = act.request();
            line.answer = match &came.patient {
                Some(patient) => format!("done: patient {}", patient.key),
                None => String::from("done"),
            };
            traces::write(self.tx, line).await?;
        }
        let row = list::row_of(self.tx, &came.doc.key, self.actor.person.as_ref(), None).await?;
        Ok(Done { changed: came.changed, row, patient: came.patient, request: came.request })
    }

    /// The document, if the actor may do that much in its mailbox.
    async fn doc(&mut self, key: &Key, need: May) -> Result<Doc, Error> {
        let doc = Doc::load(self.tx, key).await?;
        self.admit(&doc, need).await?;
        Ok(doc)
    }

    async fn admit(&mut self, doc: &Doc, need: May) -> Result<(), Error> {
        let seen = crate::people::standing(self.tx, &self.actor, doc.mailbox, need, &self.today).await?;
        self.seen = Some(seen);
        Ok(())
    }

    /// The medical acts are a doctor's.
    fn medical(&self) -> Result<(), Error> {
        let seen = self.seen.as_ref().and_then(|seen| seen.role);
        match seen {
            Some(role) if role.is_medical() => Ok(()),
            Some(_) => Err(Error::refused("medical_only", "this act is a doctor's")),
            None => Err(Error::refused("nobody", "this act is a person's: say who acts")),
        }
    }

    async fn told(&mut self, kind: ChangeKind, key: &Key) -> Result<(), Error> {
        changes::note(self.tx, self.at, kind, key).await
    }
}

/// A reason or a note: something, on at most so many characters.
fn words<'a>(field: &'static str, text: &'a str, most: usize) -> Result<&'a str, Error> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(Error::bad(field, format!("{most} characters at most")));
    }
    if text.contains('\0') {
        return Err(Error::bad(field, "the character NUL cannot be kept"));
    }
    Ok(text)
}

fn reason(text: &str) -> Result<&str, Error> {
    match words("reason", text, 500)? {
        "" => Err(Error::bad("reason", "say why: it is shown and traced")),
        reason => Ok(reason),
    }
}

#[cfg(test)]
mod tests;
