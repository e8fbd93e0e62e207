//! What the list needs of a document beside its row: its words, and who has not read it.

use db::{Insert, Tx, Values};

use crate::Error;

/// A document that was just filed in its table.
#[derive(Clone, Debug)]
pub(crate) struct Entered {
    pub(crate) id: i64,
    pub(crate) mailbox: i64,
    /// As its column.
    pub(crate) received: i64,
    /// As its column: see [`fold`].
    pub(crate) folded: String,
    /// Whether it waits to be read; not so what is of before *reprise depuis le*.
    pub(crate) unread: bool,
}

/// Words of a document that can be looked for.
const WORDS: usize = 60;
/// Characters of a word.
const LETTERS: usize = 40;

static WORD: Insert = Insert::new("INSERT INTO lps_word (word, document)", 2);

/// The text that is searched: unaccented words in upper case, one space before each. What stands between words (a
/// parenthesis, a comma) is no part of them.
pub(crate) fn fold<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for text in texts {
        for word in ins::folded(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            out.push(' ');
            out.push_str(word);
        }
    }
    out
}

/// Enters new documents into the list, in the transaction that files them.
pub(crate) async fn enter(tx: &mut Tx, documents: &[Entered]) -> Result<(), Error> {
    let mut rows = Vec::new();
    for document in documents {
        rows.extend(words_of(&document.folded).into_iter().map(|word| (word, document.id)));
    }
    // In the order of the tree: neighbours share pages.
    rows.sort_unstable();
    WORD.run(tx, &rows, |values, (word, id)| values.text(word).int(*id)).await?;
    let unread: Vec<[i64; 3]> =
        documents.iter().filter(|document| document.unread).map(|d| [d.id, d.received, d.mailbox]).collect();
    for part in unread.chunks(256) {
        let text = format!(
            "INSERT INTO lps_unread (person, received, document) SELECT r.person, v.column2, v.column1 \
             FROM {} v JOIN lps_right r ON r.mailbox = v.column3 WHERE v.column1 > 0 ON CONFLICT DO NOTHING",
            db::table(1, part.len(), 3)
        );
        db::query(text, Values::new().int_rows(part)).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Takes the words of a document back, before it is read anew with other ones; `folded` is what was entered.
pub(crate) async fn leave(tx: &mut Tx, id: i64, folded: &str) -> Result<(), Error> {
    for word in words_of(folded) {
        db::query("DELETE FROM lps_word WHERE word = $1 AND document = $2", Values::new().text(word).int(id))
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

fn words_of(folded: &str) -> Vec<String> {
    let cut = |word: &str| word.chars().take(LETTERS).collect::<String>();
    let mut words: Vec<String> =
        folded.split(' ').filter(|word| !word.is_empty()).take(WORDS).map(cut).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unaccented_bare_and_few() {
        let folded = fold(["Glycémie à jeun (mg/l), d\u{2019}Été", "", "PAT-TROIS Dominique"]);
        assert_eq!(folded, " GLYCEMIE A JEUN MG L D ETE PAT TROIS DOMINIQUE");
        assert_eq!(words_of(" B A B"), ["A", "B"]);
        assert_eq!(words_of(&" X1".repeat(10_000)).len(), 1);
        assert_eq!(words_of(&"É".repeat(100))[0].chars().count(), LETTERS);
    }
}
