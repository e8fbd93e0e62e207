//! What the bench knows of the tokens that it issued or saw: digests and identifiers, from its journal.

use std::collections::HashMap;

use bench::{Code, Error};
use db::Db;
use sqlx::Row as _;

use crate::cli::Cli;
use crate::data::{DATABASE, default_path};

/// Digests (lower-case hexadecimal) of tokens, with the `jti` where it is known.
pub(super) type Known = HashMap<String, Option<String>>;

/// Rows that are read at a time.
const PAGE: i64 = 5_000;

/// The digests of the data directory's journal; empty where there is no such directory: a disk can be searched on any
/// machine.
pub(super) async fn digests(cli: &Cli) -> Result<Known, Error> {
    let data = match &cli.data {
        Some(data) => data.clone(),
        None => default_path()?,
    };
    let file = data.join(DATABASE);
    if !file.is_file() {
        if cli.data.is_some() {
            let message = format!("{} is no data directory: it holds no {DATABASE}", data.display());
            let next = "Give the --data of vaguemestre up, or none to search by form alone.";
            return Err(Error::new(Code::BadInput, message, next).field("data"));
        }
        return Ok(Known::new());
    }
    let db = Db::open_sqlite(&file).await?;
    let outcome = read(&db).await;
    db.close().await;
    outcome
}

async fn read(db: &Db) -> Result<Known, Error> {
    let (mut known, mut after) = (Known::new(), 0_i64);
    loop {
        let text =
            "SELECT seq, fact FROM event WHERE seq > $1 AND fact LIKE '%sha256%' ORDER BY seq LIMIT $2";
        let values = db::Values::new().int(after).int(PAGE);
        let rows =
            db::query(text.to_owned(), values).fetch_all(db.reader()).await.map_err(db::Error::from)?;
        for row in &rows {
            after = row.try_get(0).map_err(db::Error::from)?;
            note(&row.try_get::<String, _>(1).map_err(db::Error::from)?, &mut known);
        }
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
            return Ok(known);
        }
    }
}

/// Every digest that a fact names, with the `jti` that stands beside it.
fn note(fact: &str, known: &mut Known) {
    let jti = ["jti=", "\"claimed_jti\":\""].iter().find_map(|label| {
        let rest = &fact[fact.find(label)? + label.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    });
    let mut rest = fact;
    while let Some(at) = rest.find("sha256") {
        rest = rest[at + 6..].trim_start_matches(['"', ':', '=', ' ']);
        let digest = rest.get(..64).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(digest) = digest {
            known.insert(digest.to_ascii_lowercase(), jti.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_from_notes_and_from_logins() {
        let (one, two) = ("a".repeat(64), "B".repeat(64));
        let mut known = Known::new();
        note(&format!(r#"{{"text":"token granted by=refresh jti=12-ab sid=9 sha256={one}"}}"#), &mut known);
        note(&format!(r#"{{"token":{{"sha256":"{two}","claimed_jti":"x-1"}}}}"#), &mut known);
        note(r#"{"sha256":"short"}"#, &mut known);
        assert_eq!(known.len(), 2);
        assert_eq!(known[&one].as_deref(), Some("12-ab"));
        assert_eq!(known[&two.to_ascii_lowercase()].as_deref(), Some("x-1"));
    }
}
