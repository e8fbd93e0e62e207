//! SEARCH, SORT and THREAD (RFC 3501 §6.4.4, RFC 4731, RFC 5182, RFC 5256).
//!
//! Which messages match is a mask over the folder's rows. A key narrows the mask with what costs least: flags and
//! sets are in memory, dates and sizes in narrow rows, headers and texts in what the store learned as the message came
//! in. Only a message of which nothing was learned is read, and only where the other keys have left it over.

use std::future::Future;
use std::pin::Pin;

use imap::command::{Flag, Search, SearchKey, SearchReturn, Sort, SortKey, Thread};
use imap::date::day_number;
use imap::mime::{Finder, fold};
use imap::response::Line;
use imap::search::{field_holds, header_holds, sent_day};
use imap::sort::Sortable;
use imap::{Compact, SequenceSet};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mailstore::{Flags, Found, HeadField, MailStore, Meta, Parts, Row};

use crate::fetch::{email_id, thread_id};
use crate::selected::{Selected, number};
use crate::session::{Answer, Handled, Session};

/// Narrow rows read at once.
const NARROW: usize = 1_024;
/// Rows with their headers (up to 64 KiB each) read at once.
const WIDE: usize = 64;
/// Octets of a body read at once.
const CHUNK: u64 = 256 * 1024;
/// For BADCHARSET: what clients use. Others of the Encoding Standard are known too.
const CHARSETS: &str = "BADCHARSET (US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252)";

/// One entry per row of the folder: whether it is still meant.
type Mask = Vec<bool>;
type Narrowed<'a> = Pin<Box<dyn Future<Output = Result<Mask, db::Error>> + Send + 'a>>;

impl Session {
    pub(crate) async fn search(&mut self, tag: &str, search: &Search) -> Handled {
        let mask = match self.meant(search).await {
            Ok(mask) => mask,
            Err(answer) => return Ok(self.not_saved(search, answer)),
        };
        let Some(selected) = &self.selected else { return Ok(Answer::bad("Select a folder first")) };
        let places: Vec<usize> = (0..mask.len()).filter(|at| mask[*at]).collect();
        self.tell(tag, "SEARCH", search, selected.called(&places, search.uid), places);
        Ok(Answer::ok("Search done"))
    }

    /// SORT (RFC 5256), also in the form of RFC 5267 §2.
    pub(crate) async fn sort(&mut self, tag: &str, sort: &Sort) -> Handled {
        let by_header = sort.criteria.iter().any(|(key, _)| !matches!(key, SortKey::Arrival | SortKey::Size));
        let mut messages = match self.sortable(&sort.search, by_header).await {
            Ok(messages) => messages,
            Err(answer) => return Ok(self.not_saved(&sort.search, answer)),
        };
        imap::sort::sort(&mut messages, &sort.criteria);
        let Some(selected) = &self.selected else { return Ok(Answer::bad("Select a folder first")) };
        let places: Vec<usize> =
            messages.iter().filter_map(|message| usize::try_from(message.id).ok()?.checked_sub(1)).collect();
        self.tell(tag, "SORT", &sort.search, selected.called(&places, sort.search.uid), places);
        Ok(Answer::ok("Sorted"))
    }

    /// THREAD (RFC 5256).
    pub(crate) async fn thread(&mut self, thread: &Thread) -> Handled {
        let mut messages = match self.sortable(&thread.search, true).await {
            Ok(messages) => messages,
            Err(answer) => return Ok(answer),
        };
        if let (true, Some(selected)) = (thread.search.uid, &self.selected) {
            for message in &mut messages {
                let at = usize::try_from(message.id).unwrap_or(0).saturating_sub(1);
                message.id = selected.rows.get(at).map_or(0, |row| row.uid);
            }
        }
        let text = imap::thread::thread(messages, thread.algorithm);
        self.connection.say(Line::untagged(&format!("THREAD{text}")));
        Ok(Answer::ok("Threaded"))
    }

    /// What matches, with what sorting looks at; `id` is the number.
    async fn sortable(&mut self, search: &Search, by_header: bool) -> Result<Vec<Sortable>, Answer> {
        let mask = self.meant(search).await?;
        let selected = self.selected.as_ref().ok_or_else(|| Answer::bad("Select a folder first"))?;
        let hunt = self.hunt(selected);
        let mut out = Vec::new();
        let parts = Parts { headers: by_header, ..Parts::default() };
        let read = hunt.each(&mask, parts, |at, meta| {
            let arrival = meta.internal_date.as_second();
            out.push(Sortable::read(number(at), arrival, meta.size, &meta.headers));
            false
        });
        read.await.map_err(|error| Answer::failed(&error))?;
        Ok(out)
    }

    /// The rows that a search means.
    async fn meant(&mut self, search: &Search) -> Result<Mask, Answer> {
        if !search.charset_known {
            return Err(Answer::no(CHARSETS, "This charset is not known here"));
        }
        if search.keys.iter().any(SearchKey::needs_modseq) {
            self.enable_condstore();
        }
        let selected = self.selected.as_ref().ok_or_else(|| Answer::bad("Select a folder first"))?;
        let hunt = self.hunt(selected);
        let all = vec![true; selected.rows.len()];
        hunt.every(&search.keys, all).await.map_err(|error| Answer::failed(&error))
    }

    fn hunt<'a>(&'a self, selected: &'a Selected) -> Hunt<'a> {
        Hunt { store: &self.context.store, selected, now: self.context.clock.now() }
    }

    /// A search that fails empties what `$` stands for (RFC 5182 §2.1).
    fn not_saved(&mut self, search: &Search, answer: Answer) -> Answer {
        if let (Some(selected), "NO") = (&mut self.selected, answer.status)
            && search.returns.as_ref().is_some_and(|returns| returns.contains(&SearchReturn::Save))
        {
            selected.saved.clear();
        }
        answer
    }

    /// Says what was found, in its order, and keeps it for `$` where that is asked for.
    fn tell(&mut self, tag: &str, verb: &str, search: &Search, found: Vec<u32>, places: Vec<usize>) {
        let rev2 = self.enabled.rev2 && verb == "SEARCH";
        let Some(selected) = &mut self.selected else { return };
        let modseqs = search.keys.iter().any(SearchKey::needs_modseq);
        let highest = |places: &[usize]| places.iter().map(|at| selected.rows[*at].modseq).max();
        let line = match &search.returns {
            None if !rev2 => {
                let mut line = String::with_capacity(verb.len() + found.len() * 7);
                line.push_str(verb);
                for id in &found {
                    line.push(' ');
                    line.push_str(&id.to_string());
                }
                if let (true, Some(highest)) = (modseqs, highest(&places)) {
                    line.push_str(&format!(" (MODSEQ {highest})"));
                }
                Some(line)
            }
            // RFC 5182 §2.1: SAVE alone says nothing. RFC 9051 §6.4.4: always the extended form.
            Some(returns) if returns.as_slice() == [SearchReturn::Save] => None,
            returns => {
                let returns = returns.as_deref().unwrap_or(&[SearchReturn::All]);
                let told = highest(&ends(returns, &places));
                let modseq = if modseqs { told } else { None };
                Some(extended(tag, search.uid, returns, &found, modseq))
            }
        };
        if let Some(returns) = search.returns.as_ref().filter(|list| list.contains(&SearchReturn::Save)) {
            let mut saved: Vec<u32> =
                ends(returns, &places).into_iter().map(|at| selected.rows[at].uid).collect();
            saved.sort_unstable();
            saved.dedup();
            selected.saved = saved;
        }
        if let Some(line) = line {
            self.connection.say(Line::untagged(&line));
        }
    }
}

impl Selected {
    /// Numbers or UIDs of rows.
    fn called(&self, places: &[usize], uid: bool) -> Vec<u32> {
        places.iter().map(|at| if uid { self.rows[*at].uid } else { number(*at) }).collect()
    }
}

/// Which of the messages found an answer is about: the first and the last where only MIN and MAX are asked for
/// (RFC 5182 §2.1, RFC 7162 §3.1.10), else all.
fn ends(returns: &[SearchReturn], places: &[usize]) -> Vec<usize> {
    let asks = |option| returns.contains(&option);
    if asks(SearchReturn::All)
        || asks(SearchReturn::Count)
        || !(asks(SearchReturn::Min) || asks(SearchReturn::Max))
    {
        return places.to_vec();
    }
    let first = places.first().filter(|_| asks(SearchReturn::Min));
    let last = places.last().filter(|_| asks(SearchReturn::Max));
    first.into_iter().chain(last).copied().collect()
}

/// RFC 4731: nothing but the tag where nothing is found, and COUNT 0 where it is asked for.
fn extended(tag: &str, uid: bool, returns: &[SearchReturn], found: &[u32], modseq: Option<u64>) -> String {
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
    if let Some(modseq) = modseq {
        line.push_str(&format!(" MODSEQ {modseq}"));
    }
    line
}

/// One search in one folder.
struct Hunt<'a> {
    store: &'a MailStore,
    selected: &'a Selected,
    now: Timestamp,
}

impl Hunt<'_> {
    /// The rows of `within` for which all keys hold, the cheapest tried first.
    fn every<'s>(&'s self, keys: &'s [SearchKey], within: Mask) -> Narrowed<'s> {
        Box::pin(async move {
            let mut order: Vec<&SearchKey> = keys.iter().collect();
            order.sort_by_key(|key| cost(key));
            let mut left = within;
            for key in order {
                if !left.contains(&true) {
                    break;
                }
                left = self.one(key, left).await?;
            }
            Ok(left)
        })
    }

    /// The rows of `within` for which a key holds.
    fn one<'s>(&'s self, key: &'s SearchKey, within: Mask) -> Narrowed<'s> {
        Box::pin(async move {
            match key {
                SearchKey::And(keys) => self.every(keys, within).await,
                SearchKey::Not(key) => {
                    let inner = self.one(key, within.clone()).await?;
                    Ok(within.iter().zip(inner).map(|(within, inner)| *within && !inner).collect())
                }
                SearchKey::Or(one, other) => {
                    let (one, other) = if cost(one) <= cost(other) { (one, other) } else { (other, one) };
                    let first = self.one(one, within.clone()).await?;
                    let rest = within.iter().zip(&first).map(|(within, first)| *within && !first).collect();
                    let second = self.one(other, rest).await?;
                    Ok(first.iter().zip(second).map(|(first, second)| *first || second).collect())
                }
                _ => match cost(key) {
                    Cost::Memory => Ok(self.in_memory(key, within)),
                    Cost::Narrow => self.read(within, Parts::default(), |meta| self.narrow(key, meta)).await,
                    _ => self.learned(key, within).await,
                },
            }
        })
    }

    fn in_memory(&self, key: &SearchKey, mut within: Mask) -> Mask {
        let selected = self.selected;
        let saved = |row: &Row| selected.saved.binary_search(&row.uid).is_ok();
        let keep = |within: &mut Mask, test: &dyn Fn(usize, &Row) -> bool| {
            for (at, (within, row)) in within.iter_mut().zip(&selected.rows).enumerate() {
                *within = *within && test(at, row);
            }
        };
        match key {
            SearchKey::Flag(flag) => keep(&mut within, &|_, row| has(&row.flags, flag)),
            SearchKey::Numbers(set) | SearchKey::Uids(set) if set.is_saved() => {
                keep(&mut within, &|_, row| saved(row));
            }
            SearchKey::Numbers(set) => {
                let ranges = set.resolve(selected.last_number());
                keep(&mut within, &|at, _| SequenceSet::holds(&ranges, number(at)));
            }
            SearchKey::Uids(set) => {
                let ranges = set.resolve(selected.last_uid());
                keep(&mut within, &|_, row| SequenceSet::holds(&ranges, row.uid));
            }
            SearchKey::ModSeq(least) => keep(&mut within, &|_, row| row.modseq >= *least),
            SearchKey::All | SearchKey::SaveDateSupported => {}
            SearchKey::Recent => keep(&mut within, &|_, row| selected.is_recent(row.uid)),
            _ => within.fill(false),
        }
        within
    }

    fn narrow(&self, key: &SearchKey, meta: &Meta) -> bool {
        let day = || day(meta.internal_date);
        // RFC 8514 §4.3: where it is not known, INTERNALDATE is taken.
        let saved = || self::day(meta.save_date.unwrap_or(meta.internal_date));
        let age = || self.now.as_second() - meta.internal_date.as_second();
        match key {
            SearchKey::Before(date) => day() < *date,
            SearchKey::On(date) => day() == *date,
            SearchKey::Since(date) => day() >= *date,
            SearchKey::SavedBefore(date) => saved() < *date,
            SearchKey::SavedOn(date) => saved() == *date,
            SearchKey::SavedSince(date) => saved() >= *date,
            SearchKey::Younger(seconds) => age() <= i64::from(*seconds),
            SearchKey::Older(seconds) => age() >= i64::from(*seconds),
            SearchKey::Larger(size) => meta.size > *size,
            SearchKey::Smaller(size) => meta.size < *size,
            SearchKey::EmailId(id) => email_id(meta.body) == *id,
            _ => false,
        }
    }

    /// Headers and texts: what the store learned answers; where it does not know, the message is read.
    async fn learned(&self, key: &SearchKey, within: Mask) -> Result<Mask, db::Error> {
        let folder = self.selected.folder.id;
        let headers = Parts { headers: true, ..Parts::default() };
        match key {
            SearchKey::Header(name, needle) => {
                let needle = fold(needle);
                let Some(field) = kept_field(name) else {
                    return self
                        .read(within, headers, |meta| field_holds(&meta.headers, name, &needle))
                        .await;
                };
                let found = self.store.search_header(folder, field, &needle).await?;
                let (mut sure, unknown) = self.split(&within, &found);
                let read = self.read(unknown, headers, |meta| field_holds(&meta.headers, name, &needle));
                add(&mut sure, &read.await?);
                Ok(sure)
            }
            SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_) => {
                let (first, last) = match key {
                    SearchKey::SentBefore(date) => (i64::MIN, day_number(*date) - 1),
                    SearchKey::SentSince(date) => (day_number(*date), i64::MAX),
                    SearchKey::SentOn(date) => (day_number(*date), day_number(*date)),
                    _ => (1, 0),
                };
                let found = self.store.search_sent(folder, first, last).await?;
                let (mut sure, unknown) = self.split(&within, &found);
                let holds = |meta: &Meta| {
                    sent_day(&meta.headers).is_some_and(|day| (first..=last).contains(&day_number(day)))
                };
                add(&mut sure, &self.read(unknown, headers, holds).await?);
                Ok(sure)
            }
            SearchKey::Body(needle) => self.in_texts(&fold(needle), within).await,
            SearchKey::Text(needle) => {
                let needle = fold(needle);
                let mut sure =
                    self.read(within.clone(), headers, |meta| header_holds(&meta.headers, &needle)).await?;
                let rest = within.iter().zip(&sure).map(|(within, sure)| *within && !sure).collect();
                add(&mut sure, &self.in_texts(&needle, rest).await?);
                Ok(sure)
            }
            SearchKey::ThreadId(id) => {
                self.read(within, headers, |meta| thread_id(meta.body, &meta.headers) == *id).await
            }
            _ => Ok(vec![false; within.len()]),
        }
    }

    async fn in_texts(&self, needle: &str, within: Mask) -> Result<Mask, db::Error> {
        if !within.contains(&true) {
            return Ok(within);
        }
        let found = self.store.search_text(self.selected.folder.id, needle).await?;
        let (mut sure, unknown) = self.split(&within, &found);
        let mut long = Vec::new();
        self.each(&unknown, Parts::default(), |at, meta| {
            long.push((at, meta.body, meta.size));
            false
        })
        .await?;
        for (at, body, size) in long {
            let mut finder = Finder::new(vec![needle.to_owned()]);
            let mut read = 0;
            while read < size {
                let chunk = match self.store.read_body(body, read, CHUNK.min(size - read)).await {
                    Ok(chunk) if !chunk.is_empty() => chunk,
                    Err(error) if !error.is_missing() => return Err(error),
                    _ => break, // gone meanwhile
                };
                read += chunk.len() as u64;
                finder.push(&chunk);
                tokio::task::yield_now().await;
            }
            sure[at] = finder.finish().contains(&true);
        }
        Ok(sure)
    }

    /// What is found and what must be looked into, of the rows of `within`.
    fn split(&self, within: &[bool], found: &Found) -> (Mask, Mask) {
        let mask = |uids: &[u32]| {
            let mut mask = vec![false; within.len()];
            for at in uids.iter().filter_map(|uid| self.selected.find(*uid)) {
                mask[at] = within[at];
            }
            mask
        };
        (mask(&found.uids), mask(&found.unknown))
    }

    /// The rows of `within` whose metadata are as `test` says.
    async fn read(
        &self,
        within: Mask,
        parts: Parts,
        test: impl Fn(&Meta) -> bool,
    ) -> Result<Mask, db::Error> {
        self.each(&within, parts, |_, meta| test(meta)).await
    }

    /// Reads the metadata of the rows of `within`, in their order, and notes what is said of each.
    async fn each(
        &self,
        within: &[bool],
        parts: Parts,
        mut say: impl FnMut(usize, &Meta) -> bool,
    ) -> Result<Mask, db::Error> {
        let mut mask = vec![false; within.len()];
        let uids: Vec<u32> = self
            .selected
            .rows
            .iter()
            .zip(within)
            .filter(|(_, within)| **within)
            .map(|(row, _)| row.uid)
            .collect();
        for some in uids.chunks(if parts.headers { WIDE } else { NARROW }) {
            for meta in self.store.meta_parts(self.selected.folder.id, some, parts).await? {
                if let Some(at) = self.selected.find(meta.uid) {
                    mask[at] = say(at, &meta);
                }
            }
            tokio::task::yield_now().await; // a long search must not hold the others
        }
        Ok(mask)
    }
}

/// What it costs to try a key on a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Memory,
    Narrow,
    Kept,
    Headers,
    Texts,
    Both,
}

fn cost(key: &SearchKey) -> Cost {
    match key {
        SearchKey::All
        | SearchKey::Flag(_)
        | SearchKey::Recent
        | SearchKey::Numbers(_)
        | SearchKey::Uids(_)
        | SearchKey::ModSeq(_)
        | SearchKey::SaveDateSupported => Cost::Memory,
        SearchKey::Header(name, _) if kept_field(name).is_some() => Cost::Kept,
        SearchKey::SentBefore(_) | SearchKey::SentOn(_) | SearchKey::SentSince(_) => Cost::Kept,
        SearchKey::Header(..) | SearchKey::ThreadId(_) => Cost::Headers,
        SearchKey::Body(_) => Cost::Texts,
        SearchKey::Text(_) => Cost::Both,
        SearchKey::Not(key) => cost(key),
        SearchKey::Or(one, other) => cost(one).max(cost(other)),
        SearchKey::And(keys) => keys.iter().map(cost).max().unwrap_or(Cost::Memory),
        _ => Cost::Narrow,
    }
}

fn kept_field(name: &str) -> Option<HeadField> {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    Some(match () {
        () if is("From") => HeadField::From,
        () if is("To") => HeadField::To,
        () if is("Cc") => HeadField::Cc,
        () if is("Bcc") => HeadField::Bcc,
        () if is("Subject") => HeadField::Subject,
        () if is("Message-ID") => HeadField::MessageId,
        () => return None,
    })
}

fn add(mask: &mut Mask, more: &[bool]) {
    for (mask, more) in mask.iter_mut().zip(more) {
        *mask = *mask || *more;
    }
}

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn has(flags: &Flags, flag: &Flag) -> bool {
    match flag {
        Flag::Seen => flags.seen,
        Flag::Answered => flags.answered,
        Flag::Flagged => flags.flagged,
        Flag::Deleted => flags.deleted,
        Flag::Draft => flags.draft,
        Flag::Keyword(word) => flags.keywords.iter().any(|known| known.eq_ignore_ascii_case(word)),
    }
}
