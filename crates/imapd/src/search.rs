use imap::Compact;
use imap::command::{Search, SearchKey, SearchReturn};
use imap::response::Line;
use imap::search::{Candidate, Matcher};
use mailstore::Meta;

use crate::connection::End;
use crate::fetch::BATCH;
use crate::selected::{flags_of, number};
use crate::session::{Answer, Handled, Session};

impl Session {
    pub(crate) async fn search(&mut self, tag: &str, search: &Search) -> Handled {
        if search.charset.as_deref().is_some_and(|name| !matches!(name, "UTF-8" | "US-ASCII")) {
            return Ok(Answer::no("BADCHARSET (US-ASCII UTF-8)", "This charset is not known here"));
        }
        let found = match self.found(search).await? {
            Ok(found) => found,
            Err(answer) => return Ok(answer),
        };
        let line = match &search.returns {
            // RFC 9051 §6.4.4: always the extended form.
            None if self.enabled.rev2 => extended(tag, search.uid, &[SearchReturn::All], &found),
            None => found.iter().fold(String::from("SEARCH"), |line, number| format!("{line} {number}")),
            Some(returns) => extended(tag, search.uid, returns, &found),
        };
        self.connection.say(Line::untagged(&line));
        Ok(Answer::ok("Search done"))
    }

    /// Numbers or UIDs of what matches, ascending.
    async fn found(&mut self, search: &Search) -> Result<Result<Vec<u32>, Answer>, End> {
        let Some(selected) = &self.selected else { return Ok(Err(Answer::bad("Select a folder first"))) };
        let now = self.context.clock.now();
        let matcher = Matcher::new(&search.keys, selected.last_number(), selected.last_uid(), now);
        let needs_meta = search.keys.iter().any(needs_meta);
        let needs_body = search.keys.iter().any(SearchKey::needs_body);
        let store = self.context.store.clone();
        let mut found = Vec::new();
        for (place, batch) in selected.rows.chunks(BATCH).enumerate() {
            let uids: Vec<u32> = batch.iter().map(|row| row.uid).collect();
            let metas: Vec<Meta> =
                match if needs_meta { store.meta(selected.folder.id, &uids).await } else { Ok(Vec::new()) } {
                    Ok(metas) => metas,
                    Err(error) => return Ok(Err(Answer::failed(&error))),
                };
            for (at, row) in batch.iter().enumerate() {
                let meta = metas.binary_search_by_key(&row.uid, |meta| meta.uid).ok().map(|at| &metas[at]);
                if needs_meta && meta.is_none() {
                    continue; // gone, and not yet told
                }
                let mut whole = None;
                if let (true, Some(meta)) = (needs_body, meta) {
                    match store.read_body(meta.body, 0, meta.size.min(self.context.limits.message)).await {
                        Ok(bytes) => whole = Some(bytes),
                        Err(error) => return Ok(Err(Answer::failed(&error))),
                    }
                }
                let number = number(place * BATCH + at);
                let flags = flags_of(&row.flags);
                let candidate = Candidate {
                    number,
                    uid: row.uid,
                    flags: &flags,
                    size: meta.map_or(0, |meta| meta.size),
                    internal_date: meta.map_or(now, |meta| meta.internal_date),
                    header: meta.map(|meta| &meta.headers[..]).unwrap_or_default(),
                    whole: whole.as_deref(),
                };
                if matcher.matches(&candidate) {
                    found.push(if search.uid { row.uid } else { number });
                }
            }
            tokio::task::yield_now().await; // a long search must not hold the others
        }
        Ok(Ok(found))
    }
}

/// RFC 4731: nothing but the tag where nothing is found, and COUNT 0 where it is asked for.
fn extended(tag: &str, uid: bool, returns: &[SearchReturn], found: &[u32]) -> String {
    let mut line = format!("ESEARCH (TAG \"{tag}\")");
    if uid {
        line.push_str(" UID");
    }
    let (first, last) = (found.first(), found.last());
    for option in returns {
        match (option, first.zip(last)) {
            (SearchReturn::Min, Some((first, _))) => line.push_str(&format!(" MIN {first}")),
            (SearchReturn::Max, Some((_, last))) => line.push_str(&format!(" MAX {last}")),
            (SearchReturn::All, Some(_)) => line.push_str(&format!(" ALL {}", Compact(found))),
            (SearchReturn::Count, _) => line.push_str(&format!(" COUNT {}", found.len())),
            _ => {}
        }
    }
    line
}

fn needs_meta(key: &SearchKey) -> bool {
    match key {
        SearchKey::All
        | SearchKey::Flag(_)
        | SearchKey::Recent
        | SearchKey::Numbers(_)
        | SearchKey::Uids(_) => false,
        SearchKey::Not(key) => needs_meta(key),
        SearchKey::Or(one, other) => needs_meta(one) || needs_meta(other),
        SearchKey::And(keys) => keys.iter().any(needs_meta),
        _ => true,
    }
}
