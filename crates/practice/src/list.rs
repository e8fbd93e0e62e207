//! The work list across mailboxes (ERGO/va1.05, va1.08; MSS/va1.25; LGC.MDV.06).
//!
//! # Why so
//!
//! A page costs two statements, whatever the filter. The first says what the filter's names mean: which mailboxes the
//! person may see today, where the page before ended, how frequent the words are. The second reads one page. Between the
//! two, [`question`] chooses what leads (a rare word, a patient, a state, or the order itself) and writes the other
//! conditions so that the database does not lead with them: without statistics, SQLite would. Whatever leads, the walk
//! reads narrow index entries and not rows, so that even a filter that finds nothing among 100 000 rows is quick.
//!
//! A page continues after a document, not after a number of rows: rows that come in meanwhile move nothing. The cursor
//! names that document by its key, because a patient's name has no business in a URL.

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::words::words;
use crate::{Error, Key, Practice, Provenance, Row, Standing, State};

mod cursor;
mod enter;
mod question;
mod rows;
mod scope;

pub use cursor::Cursor;
pub(crate) use enter::{Entered, enter, fold, leave};
pub(crate) use question::LIVE;
pub(crate) use rows::row_of;

use scope::Scope;

/// What the list is ordered by; equals by the order of arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sort {
    /// When the mail arrived.
    #[default]
    Received,
    /// When the document was made; its arrival, where it does not say.
    Made,
    /// The patient as the document names them.
    Patient,
    /// The type, in words.
    Type,
}

words!(Sort { Received = "received", Made = "made", Patient = "patient", Type = "type" });

/// Which rows, in which order. The default: all of them, the newest arrivals first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Who looks: rows of the mailboxes that this person may read today, and their own *lu*. `None`: all, for the software.
    pub viewer: Option<Key>,
    /// Of these mailboxes; all, where there is none.
    pub mailboxes: Vec<Key>,
    /// In one of these states; any, where there is none.
    pub states: Vec<State>,
    /// Standing so (*doublon*, *version obsolète*…).
    pub standing: Option<Standing>,
    /// From this kind of sender.
    pub provenance: Option<Provenance>,
    /// Filed to this patient.
    pub patient: Option<Key>,
    /// Of this type (JDV_J07).
    pub type_code: Option<String>,
    /// With a critical result.
    pub critical: bool,
    /// With a critical result that nobody has taken in charge.
    pub unacknowledged: bool,
    /// About which a replacement or a deletion waits for a decision.
    pub request: bool,
    /// Not read by the viewer yet. Nothing, without a viewer.
    pub unread: bool,
    /// Assigned to this person.
    pub assigned: Option<Key>,
    /// Received not before.
    pub from: Option<Timestamp>,
    /// Received before.
    pub until: Option<Timestamp>,
    /// Every word of it begins a word of title, patient, author or type; accents and case do not count.
    pub text: Option<String>,
    /// The order.
    pub sort: Sort,
    /// The other way round: oldest first, or Z to A. As it stands, dates go down and words go up.
    pub reversed: bool,
}

/// Rows, and where the next ones are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Row>,
    /// To be given back for the rows after these; `None` after the last.
    pub next: Option<Cursor>,
}

/// How many there are, within the viewer's mailboxes and those of the filter; its other fields do not count but for
/// `found`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// *À traiter*.
    pub to_do: u64,
    /// *Intégré*.
    pub filed: u64,
    /// *Pas mon patient*.
    pub not_mine: u64,
    /// Put aside.
    pub dismissed: u64,
    /// Taken out of the file.
    pub deleted: u64,
    /// Of before *reprise depuis le*.
    pub history: u64,
    /// Not read by the viewer.
    pub unread: u64,
    /// Critical, and nobody has taken it in charge.
    pub critical: u64,
    /// Requests that wait for a decision.
    pub requests: u64,
    /// Rows that the whole filter finds, counted up to [`Counts::FOUND_MOST`].
    pub found: u64,
}

impl Counts {
    /// Where [`Counts::found`] stops: "1 000 and more".
    pub const FOUND_MOST: u64 = 1_000;
}

/// Rows of a page, at most.
const MOST: usize = 200;

impl Practice {
    /// A page of the list: the rows after `after`, `limit` at most (200). Two statements.
    ///
    /// # Errors
    /// [`Error::Bad`] for a cursor of another order, or of nothing; [`Error::Refused`] (`no_right`) for a viewer who is
    /// not of the practice; [`Error::Db`].
    pub async fn rows(&self, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Result<Page, Error> {
        let limit = limit.clamp(1, MOST);
        let none = Page { rows: Vec::new(), next: None };
        let mut conn = self.reader().acquire().await?;
        let Some(scope) = self.scope(&mut conn, filter, after).await? else { return Ok(none) };
        let (text, values) = question::page(self.backend(), filter, &scope, limit + 1);
        let found = fetch(&mut conn, text, values).await?;
        let mut rows = found.iter().map(rows::read).collect::<Result<Vec<Row>, Error>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| Cursor::after(filter, &row.key));
        Ok(Page { rows, next })
    }

    /// How many there are. Two statements.
    ///
    /// # Errors
    /// As [`Practice::rows`].
    pub async fn counts(&self, filter: &Filter) -> Result<Counts, Error> {
        let mut conn = self.reader().acquire().await?;
        let wide = Filter { text: None, patient: None, ..filter.clone() };
        let found = self.scope(&mut conn, filter, None).await?;
        let scope = match &found {
            Some(scope) => scope.clone(),
            None => match self.scope(&mut conn, &wide, None).await? {
                Some(scope) => scope,
                None => return Ok(Counts::default()),
            },
        };
        let (text, values) = question::counts(self.backend(), filter, &scope, found.is_some());
        let rows = fetch(&mut conn, text, values).await?;
        rows::counts(&rows)
    }

    /// One row, as this person sees it (with every right, where there is none). `None` for an unknown document, or one of
    /// a mailbox that the person may not read today.
    ///
    /// # Errors
    /// [`Error::Db`].
    pub async fn row(&self, document: &Key, for_person: Option<&Key>) -> Result<Option<Row>, Error> {
        let mut conn = self.reader().acquire().await?;
        rows::row_of(&mut conn, document, for_person, Some(&self.today())).await
    }

    async fn scope(
        &self,
        conn: &mut AnyConnection,
        filter: &Filter,
        after: Option<&Cursor>,
    ) -> Result<Option<Scope>, Error> {
        let after = after.map(|cursor| cursor.read(filter)).transpose()?;
        scope::find(conn, self.backend(), filter, after.as_ref(), &self.today()).await
    }
}

/// Every statement of the list goes through here.
async fn fetch(conn: &mut AnyConnection, text: String, values: db::Values) -> Result<Vec<AnyRow>, Error> {
    #[cfg(test)]
    tests::ASKED.with_borrow_mut(|asked| asked.push(text.clone()));
    Ok(db::query(text, values).fetch_all(conn).await?)
}

#[cfg(test)]
mod tests;
