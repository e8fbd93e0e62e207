//! Many rows per statement, in few texts.
//!
//! A statement through `Any` costs a hand-over to the connection's thread (SQLite) or a round trip (PostgreSQL),
//! whatever its size. Row counts are powers of two, so that a hundred texts at most are ever prepared, and each is
//! prepared once. 256 rows of at most 100 columns stay under SQLite's 32 766 and PostgreSQL's 65 535 parameters.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use sqlx::any::{Any, AnyArguments};
use sqlx::{Arguments as _, AssertSqlSafe, Row as _};

use crate::{Backend, Error, Tx};

/// Rows in the largest statement.
const MOST: usize = 256;
/// Powers of two from 1 to [`MOST`].
const RUNGS: usize = 9;

/// Values to bind, in the order of `$1, $2, …`. Each method adds one and returns the rest, so that they chain.
#[derive(Default)]
pub struct Values(AnyArguments);

impl Values {
    /// No value yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a BIGINT.
    pub fn int(mut self, value: i64) -> Self {
        self.0.add(value).expect("Any encodes every i64");
        self
    }

    /// Adds a TEXT.
    pub fn text(mut self, value: impl Into<String>) -> Self {
        self.0.add(value.into()).expect("Any encodes every string");
        self
    }

    /// Adds a TEXT or NULL.
    pub fn opt_text(mut self, value: Option<&str>) -> Self {
        self.0.add(value.map(str::to_owned)).expect("Any encodes every string");
        self
    }

    /// Adds a BIGINT or NULL.
    pub fn opt_int(mut self, value: Option<i64>) -> Self {
        self.0.add(value).expect("Any encodes every i64");
        self
    }

    /// Adds a BLOB.
    pub fn blob(mut self, value: &[u8]) -> Self {
        self.0.add(value).expect("Any encodes every byte string");
        self
    }

    /// Adds the values of a [`list`], the last one repeated up to the list's [`rung`].
    pub fn ints(mut self, values: &[i64]) -> Self {
        let last = values.last().copied().unwrap_or(-1);
        for at in 0..rung(values.len()) {
            self = self.int(values.get(at).copied().unwrap_or(last));
        }
        self
    }

    /// Adds the values of a [`table`], completed up to its [`rung`] with rows of `-1`, then zeros: keys are positive.
    pub fn int_rows<const COLUMNS: usize>(mut self, rows: &[[i64; COLUMNS]]) -> Self {
        for at in 0..rung(rows.len()) {
            let row = rows.get(at).copied().unwrap_or_else(|| std::array::from_fn(|n| -i64::from(n == 0)));
            for value in row {
                self = self.int(value);
            }
        }
        self
    }

    /// Adds the values of [`pairs`], completed up to their [`rung`] with `(-1, 0)`: keys are positive.
    pub fn int_pairs(mut self, values: &[(i64, i64)]) -> Self {
        for at in 0..rung(values.len()) {
            let (key, value) = values.get(at).copied().unwrap_or((-1, 0));
            self = self.int(key).int(value);
        }
        self
    }
}

/// A statement with its values. The text is kept prepared by the connection: write few different ones.
pub fn query(
    text: impl Into<Cow<'static, str>>,
    values: Values,
) -> sqlx::query::Query<'static, Any, AnyArguments> {
    sqlx::query_with(AssertSqlSafe(text.into()), values.0)
}

/// The number of places that a list of `count` values takes: the next power of two.
pub fn rung(count: usize) -> usize {
    count.max(1).next_power_of_two()
}

/// `$first, $first+1, …`, [`rung`]`(count)` places, for `IN (…)` with [`Values::ints`].
pub fn list(first: usize, count: usize) -> String {
    let mut out = String::new();
    for at in 0..rung(count) {
        let comma = if at == 0 { "" } else { ", " };
        let _ = write!(out, "{comma}${}", first + at);
    }
    out
}

/// `(VALUES (cast($first as bigint), cast(… as bigint)), …)`, [`rung`]`(count)` rows of `column1` and `column2`, for
/// [`Values::int_pairs`]. Both databases name the columns so.
pub fn pairs(first: usize, count: usize) -> String {
    table(first, count, 2)
}

/// [`pairs`] with that many columns (`column1`, `column2`…), for [`Values::int_rows`].
pub fn table(first: usize, count: usize, columns: usize) -> String {
    let mut out = String::from("(VALUES ");
    let mut place = first;
    for row in 0..rung(count) {
        out.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(out, "{comma}cast(${place} as bigint)");
            place += 1;
        }
        out.push(')');
    }
    out.push(')');
    out
}

/// Whether a text column holds `needle` (a parameter's place, such as `$2`), case and all, as a condition of this
/// database. NULL holds nothing; everything else holds the empty needle.
pub fn holds(backend: Backend, column: &str, needle: &str) -> String {
    match backend {
        Backend::Sqlite => format!("instr({column}, {needle}) > 0"),
        Backend::Postgres => format!("strpos({column}, {needle}) > 0"),
    }
}

/// Takes `count` numbers of the sequence `name`, in one statement, and returns the first. Numbers start at 1 and are
/// given back by a rollback; they are never given twice.
///
/// # Errors
/// What the database says.
pub async fn reserve(tx: &mut Tx, name: &'static str, count: i64) -> Result<i64, Error> {
    let row = query(
        "INSERT INTO sequence (name, next) VALUES ($1, 1 + $2) \
         ON CONFLICT (name) DO UPDATE SET next = sequence.next + $2 RETURNING next - $2",
        Values::new().text(name).int(count),
    )
    .fetch_one(tx)
    .await?;
    Ok(row.try_get(0)?)
}

/// A multi-row INSERT, as a `static`: `Insert::new("INSERT INTO event (seq, at_us)", 2)`.
pub struct Insert {
    head: &'static str,
    columns: usize,
    /// With `$1`, for PostgreSQL.
    numbered: [OnceLock<Arc<str>>; RUNGS],
    /// With `?`, for SQLite: it looks a numbered parameter up in a list, each time that it is bound, which makes large
    /// statements quadratic.
    anonymous: [OnceLock<Arc<str>>; RUNGS],
}

impl Insert {
    /// `head` is everything before `VALUES`, with its `columns` names.
    ///
    /// # Panics
    /// Past 100 columns, at compile time where the value is a `static`.
    pub const fn new(head: &'static str, columns: usize) -> Self {
        assert!(columns > 0 && columns <= 100, "between 1 and 100 columns");
        Self {
            head,
            columns,
            numbered: [const { OnceLock::new() }; RUNGS],
            anonymous: [const { OnceLock::new() }; RUNGS],
        }
    }

    /// Inserts `rows`, in order; `bind` adds the columns of one row.
    ///
    /// # Errors
    /// What the database says; part of the rows may then be in the transaction, which must be given up.
    pub async fn run<R: Sync>(
        &self,
        tx: &mut Tx,
        rows: &[R],
        bind: impl Fn(Values, &R) -> Values + Send + Sync,
    ) -> Result<(), Error> {
        let numbered = tx.backend_name() != "SQLite";
        let texts = if numbered { &self.numbered } else { &self.anonymous };
        let mut rest = rows;
        while !rest.is_empty() {
            let power = rest.len().min(MOST).ilog2() as usize;
            let (now, later) = rest.split_at(1 << power);
            let mut values = Values::new();
            values.0.reserve(now.len() * self.columns, 0);
            for row in now {
                values = bind(values, row);
            }
            let text = Arc::clone(texts[power].get_or_init(|| self.text(1 << power, numbered)));
            sqlx::query_with::<Any, _>(AssertSqlSafe(text), values.0).execute(&mut *tx).await?;
            rest = later;
        }
        Ok(())
    }

    fn text(&self, rows: usize, numbered: bool) -> Arc<str> {
        let mut out = format!("{} VALUES ", self.head);
        for row in 0..rows {
            out.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..self.columns {
                out.push_str(if column == 0 { "" } else { ", " });
                if numbered {
                    let _ = write!(out, "${}", row * self.columns + column + 1);
                } else {
                    out.push('?');
                }
            }
            out.push(')');
        }
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_few_and_numbered() {
        assert_eq!(list(3, 3), "$3, $4, $5, $6");
        assert_eq!(table(2, 1, 3), "(VALUES (cast($2 as bigint), cast($3 as bigint), cast($4 as bigint)))");
        assert_eq!(pairs(1, 1), "(VALUES (cast($1 as bigint), cast($2 as bigint)))");
        let insert = Insert::new("INSERT INTO a (x, y)", 2);
        assert_eq!(&*insert.text(2, true), "INSERT INTO a (x, y) VALUES ($1, $2), ($3, $4)");
        assert_eq!(&*insert.text(2, false), "INSERT INTO a (x, y) VALUES (?, ?), (?, ?)");
        assert_eq!([rung(0), rung(1), rung(5), rung(256)], [1, 1, 8, 256]);
    }
}
