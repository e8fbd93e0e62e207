//! What the names in a filter mean, in one statement.

use db::{Backend, Values};
use sqlx::{AnyConnection, Row as _};

use super::{Filter, Sort, enter, fetch};
use crate::{Error, Key};

/// What a filter's names mean today.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The mailboxes that count; `None` for all there are.
    pub(super) mailboxes: Option<Vec<i64>>,
    pub(super) viewer: Option<i64>,
    pub(super) patient: Option<i64>,
    /// The document that the page begins after.
    pub(super) after: Option<After>,
    /// The words that are looked for, the rarest first.
    pub(super) words: Vec<Word>,
}

/// The last row of the page before.
#[derive(Clone, Debug)]
pub(super) struct After {
    pub(super) id: i64,
    pub(super) value: Place,
}

/// What rows are ordered by.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Number(i64),
    Text(String),
}

/// A word that is looked for.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) word: String,
    /// Documents that have one beginning so, up to [`RARE`] and one.
    pub(super) count: i64,
}

/// Up to so many documents a word is rare: they are looked at one by one, and sorted.
pub(super) const RARE: i64 = 3_000;
/// Words of a question.
const WORDS: usize = 6;

/// `None`: nothing can be found, whatever is asked next.
pub(super) async fn find(
    conn: &mut AnyConnection,
    backend: Backend,
    filter: &Filter,
    after: Option<&Key>,
    today: &str,
) -> Result<Option<Scope>, Error> {
    let words = asked(filter);
    let (text, values) = statement(backend, filter, after, &words, today);
    let mut scope = Scope::default();
    let (mut allowed, mut total) = (Vec::new(), None);
    for row in fetch(conn, text, values).await? {
        let (kind, number, text): (String, i64, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match kind.as_str() {
            "mailbox" => allowed.push(number),
            "total" => total = Some(number),
            "viewer" => scope.viewer = Some(number),
            "patient" => scope.patient = Some(number),
            "after" => {
                let value = match filter.sort {
                    Sort::Received | Sort::Made => Place::Number(text.parse().unwrap_or_default()),
                    Sort::Patient | Sort::Type => Place::Text(text),
                };
                scope.after = Some(After { id: number, value });
            }
            _ => {
                let at: usize = text.parse().unwrap_or_default();
                scope.words.extend(words.get(at).map(|word| Word { word: word.clone(), count: number }));
            }
        }
    }
    if filter.viewer.is_some() && scope.viewer.is_none() {
        return Err(Error::refused("no_right", "the person is not of this practice (any more)"));
    }
    if after.is_some() && scope.after.is_none() {
        return Err(Error::bad(
            "after",
            "the page before ended at a document that is not here: begin again without it",
        ));
    }
    scope.words.sort_by_key(|word| word.count);
    let restricted = filter.viewer.is_some() || !filter.mailboxes.is_empty();
    let all = i64::try_from(allowed.len()).ok() == total;
    let empty = (restricted && allowed.is_empty())
        || (filter.patient.is_some() && scope.patient.is_none())
        || (filter.unread && scope.viewer.is_none())
        || scope.words.first().is_some_and(|word| word.count == 0)
        || (words.is_empty() && filter.text.as_deref().is_some_and(|text| !text.trim().is_empty()));
    scope.mailboxes = (restricted && !all).then_some(allowed);
    Ok((!empty).then_some(scope))
}

/// The words of the question, folded as those of documents.
fn asked(filter: &Filter) -> Vec<String> {
    let text: String = filter.text.iter().flat_map(|text| text.chars()).take(200).collect();
    let mut words: Vec<String> =
        enter::fold([text.as_str()]).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.sort_unstable();
    words.dedup();
    // A word that another one begins with says nothing more.
    let longer = words.clone();
    words.retain(|word| !longer.iter().any(|other| other != word && other.starts_with(word.as_str())));
    words.truncate(WORDS);
    words
}

/// Rows of three columns: what, a number, a text.
fn statement(
    backend: Backend,
    filter: &Filter,
    after: Option<&Key>,
    words: &[String],
    today: &str,
) -> (String, Values) {
    let mut parts =
        vec![String::from("SELECT 'total' AS what, count(*) AS number, '' AS word FROM lps_mailbox")];
    let mut values = Values::new();
    let mut place = 0;
    let mut next = |count: usize| {
        place += count;
        place - count + 1
    };
    if let Some(viewer) = &filter.viewer {
        let (who, day, again) = (next(1), next(1), next(1));
        values = values.text(viewer.as_str()).text(today).text(viewer.as_str());
        let of = of_filter(filter, &mut next, &mut values);
        parts.push(format!(
            "SELECT 'mailbox', b.id, '' FROM lps_person p JOIN lps_right r ON r.person = p.id \
             JOIN lps_mailbox b ON b.id = r.mailbox WHERE p.key = ${who} AND p.removed = 0 \
             AND coalesce(r.since, '') <= ${day} AND coalesce(r.until, '9999') >= ${day}{of}"
        ));
        parts.push(format!("SELECT 'viewer', id, '' FROM lps_person WHERE key = ${again} AND removed = 0"));
    } else if !filter.mailboxes.is_empty() {
        let of = of_filter(filter, &mut next, &mut values);
        parts.push(format!("SELECT 'mailbox', b.id, '' FROM lps_mailbox b WHERE 1 = 1{of}"));
    }
    if let Some(patient) = &filter.patient {
        parts.push(format!("SELECT 'patient', id, '' FROM lps_patient WHERE key = ${}", next(1)));
        values = values.text(patient.as_str());
    }
    if let Some(after) = after {
        let value = column(filter.sort).replace("d.", "");
        parts.push(format!(
            "SELECT 'after', id, cast({value} AS text) FROM lps_document WHERE key = ${}",
            next(1)
        ));
        values = values.text(after.as_str());
    }
    for (at, word) in words.iter().enumerate() {
        let (low, high) = (next(1), next(1));
        values = values.text(word).text(beyond(backend, word));
        parts.push(format!(
            "SELECT 'word', count(*), '{at}' FROM (SELECT 1 AS one FROM lps_word WHERE word >= ${low} AND word <= ${high} \
             LIMIT {}) w{at}",
            RARE + 1
        ));
    }
    (parts.join(" UNION ALL "), values)
}

fn of_filter(filter: &Filter, next: &mut impl FnMut(usize) -> usize, values: &mut Values) -> String {
    let keys: Vec<&Key> = filter.mailboxes.iter().take(100).collect();
    if keys.is_empty() {
        return String::new();
    }
    let first = next(db::rung(keys.len()));
    *values = crate::columns::texts(std::mem::take(values), keys.iter().map(|key| key.as_str()));
    format!(" AND b.key IN ({})", db::list(first, keys.len()))
}

/// What rows are ordered by, as a column of `d`.
pub(super) fn column(sort: Sort) -> &'static str {
    match sort {
        Sort::Received => "d.received",
        Sort::Made => "coalesce(d.made, d.received)",
        Sort::Patient => "d.patient_name",
        Sort::Type => "d.type_label",
    }
}

/// A text that comes after all that begin with `word`. PostgreSQL orders by its language, in which the last character of
/// Unicode may have no weight: there, a word of other letters than ours is found whole only.
pub(super) fn beyond(backend: Backend, word: &str) -> String {
    match backend {
        Backend::Sqlite => format!("{word}\u{10ffff}"),
        Backend::Postgres => format!("{word}{}", "Z".repeat(40)),
    }
}
