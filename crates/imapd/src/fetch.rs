//! FETCH (RFC 3501 §6.4.5, RFC 3516, RFC 7162, RFC 8474, RFC 8514, RFC 8970).
//!
//! What was learned of a message as it came in answers ENVELOPE, BODYSTRUCTURE and PREVIEW, and says where its parts
//! are; a message of which nothing was learned is read once. Small bodies come many at a time, large ones are
//! streamed in chunks.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use imap::command::{FetchItem, Section, SectionText};
use imap::framing::without_literals;
use imap::mime::{
    Envelope, Learner, Octets, Part, Scanner, Stored, end_of_header, locate, select_fields, write_envelope,
    write_structure,
};
use imap::{SequenceSet, date, response};
use mailstore::{FlagChange, Flags, MailStore, Meta, Parts};

use crate::connection::End;
use crate::pieces::{Piece, Pieces};
use crate::selected::{Selected, flags_of, number};
use crate::session::{Answer, Handled, Session};

/// Messages whose metadata is read at once.
const BATCH: usize = 256;
/// The same where each comes with up to 64 KiB of header, or as much of structure.
const HEAVY_BATCH: usize = 64;
/// Octets of a body read at once; the store's own chunk.
const CHUNK: u64 = 256 * 1024;
/// Octets of small bodies read ahead.
const AHEAD: u64 = 1024 * 1024;
/// Octets of one answer that are put together before they are sent; bodies are streamed and do not count.
const MOST_HELD: usize = 4 * 1024 * 1024;
/// A header that is read as a whole to select fields from it.
const LONGEST_HEADER: u64 = 1024 * 1024;
/// How a FETCH ends well.
const FETCHED: &str = "Messages fetched";
/// Structures kept by a session: clients ask for one, then for its parts.
const STRUCTURES: usize = 16;

/// The structures found last, by body. Bodies never change, so they stay true.
#[derive(Default)]
pub(crate) struct Structures(VecDeque<(i64, Arc<Part>)>);

/// What goes wrong while a response is put together.
pub(crate) enum Fault {
    Store(db::Error),
    /// RFC 3516 §4.3: the part's encoding is not known.
    UnknownEncoding,
    /// The same headers asked for over and over: the answer would not fit in memory.
    TooMuch,
}

impl From<db::Error> for Fault {
    fn from(error: db::Error) -> Self {
        Self::Store(error)
    }
}

/// A message in hand: its metadata, and its body where it was read ahead.
pub(crate) struct InHand<'a> {
    pub(crate) meta: &'a Meta,
    pub(crate) body: Option<Bytes>,
}

impl InHand<'_> {
    /// Octets of the body from `start`, up to `len` of them or as many as are read at once.
    pub(crate) async fn read(&self, store: &MailStore, start: u64, len: u64) -> Result<Bytes, db::Error> {
        if let Some(body) = &self.body {
            let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(body.len());
            return Ok(body.slice(at(start)..at(start.saturating_add(len))));
        }
        store.read_body(self.meta.body, start, len.min(CHUNK)).await
    }

    /// The whole tree of parts, read from the message itself.
    async fn scan(&self, store: &MailStore) -> Result<Part, db::Error> {
        let mut scanner = Scanner::new();
        let mut at = 0;
        while at < self.meta.size {
            let chunk = self.read(store, at, self.meta.size - at).await?;
            if chunk.is_empty() {
                break;
            }
            scanner.push(&chunk);
            at += chunk.len() as u64;
        }
        Ok(scanner.finish())
    }

    /// The preview of a message that was stored without one.
    async fn preview(&self, store: &MailStore) -> Result<String, db::Error> {
        let mut learner = Learner::new();
        let mut at = 0;
        while at < self.meta.size {
            let chunk = self.read(store, at, self.meta.size - at).await?;
            if chunk.is_empty() {
                break;
            }
            learner.push(&chunk);
            at += chunk.len() as u64;
        }
        Ok(learner.finish().preview)
    }
}

impl Structures {
    /// The tree of parts: offsets only, where it comes from what was learned.
    async fn of(&mut self, store: &MailStore, message: &InHand<'_>) -> Result<Arc<Part>, db::Error> {
        let meta = message.meta;
        if let Some((_, part)) = self.0.iter().find(|(body, _)| *body == meta.body) {
            return Ok(part.clone());
        }
        let stored =
            meta.structure.as_deref().and_then(Stored::read).and_then(|stored| stored.part(meta.size));
        let part = Arc::new(match stored {
            Some(part) => part,
            None => message.scan(store).await?,
        });
        self.0.truncate(STRUCTURES - 1);
        self.0.push_front((meta.body, part.clone()));
        Ok(part)
    }
}

/// What the items of one FETCH need of each message.
struct Needs {
    parts: Parts,
    /// Whether small bodies are worth reading ahead.
    bodies: bool,
    /// Whether `\Seen` is set.
    marks: bool,
    /// Whether the session knows it all.
    light: bool,
}

impl Needs {
    fn of(items: &[FetchItem]) -> Self {
        let mut needs = Self { parts: Parts::default(), bodies: false, marks: false, light: true };
        for item in items {
            needs.light &= matches!(item, FetchItem::Uid | FetchItem::Flags | FetchItem::ModSeq);
            let parts = &mut needs.parts;
            match item {
                FetchItem::Envelope
                | FetchItem::Structure { extended: true }
                | FetchItem::BinarySize { .. } => {
                    parts.structure = true;
                }
                FetchItem::Structure { extended: false } => needs.bodies = true,
                FetchItem::Preview { .. } => parts.preview = true,
                FetchItem::ThreadId => parts.headers = true,
                FetchItem::Section { section, partial, peek, .. } => {
                    needs.marks |= !peek;
                    let of_message = section.part.is_empty();
                    match section.text {
                        SectionText::Whole if of_message => {}
                        SectionText::Header
                        | SectionText::HeaderFields(_)
                        | SectionText::HeaderFieldsNot(_)
                            if of_message =>
                        {
                            parts.headers = true;
                            continue;
                        }
                        _ => parts.structure = true,
                    }
                    needs.bodies |=
                        partial.is_none_or(|(first, most)| u64::from(first) + u64::from(most) >= CHUNK / 8);
                }
                FetchItem::Binary { peek, part, .. } => {
                    needs.marks |= !peek;
                    needs.bodies = true;
                    parts.structure |= !part.is_empty();
                }
                _ => {}
            }
        }
        needs
    }
}

impl Session {
    pub(crate) async fn fetch(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        items: &[FetchItem],
        changed_since: Option<u64>,
        vanished: bool,
    ) -> Handled {
        if vanished && !self.enabled.qresync {
            return Ok(Answer::bad("VANISHED after ENABLE QRESYNC only (RFC 7162 §3.2.6)"));
        }
        if items.contains(&FetchItem::ModSeq) {
            self.enable_condstore();
        }
        if let (true, Some(since)) = (vanished, changed_since)
            && let Err(answer) = self.tell_vanished(set, since).await
        {
            return Ok(answer);
        }
        let Some(selected) = &self.selected else { return Ok(Answer::bad("Select a folder first")) };
        let mut wanted = match selected.named(set, uid) {
            Ok(wanted) => wanted,
            Err(answer) => return Ok(answer),
        };
        if let Some(since) = changed_since {
            wanted.retain(|(_, uid)| selected.find(*uid).is_some_and(|at| selected.rows[at].modseq > since));
        }
        let mut items = items.to_vec();
        if uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        if let [(_, uid)] = wanted[..]
            && self.fetch_ahead(uid, &items).await?
        {
            return Ok(Answer::ok(FETCHED));
        }
        let needs = Needs::of(&items);
        let Some(selected) = &self.selected else { return Ok(Answer::bad("Select a folder first")) };
        let marks = !selected.read_only && needs.marks;
        let mut missing = false;
        let heavy = needs.parts.headers || needs.parts.structure;
        for batch in wanted.chunks(if heavy { HEAVY_BATCH } else { BATCH }) {
            if needs.light {
                self.light(batch, &items).await?;
                continue;
            }
            let uids: Vec<u32> = batch.iter().map(|(_, uid)| *uid).collect();
            let seen = if marks { self.mark_seen(&uids).await } else { Ok(Vec::new()) };
            let seen = match seen {
                Ok(seen) => seen,
                Err(error) => return Ok(Answer::failed(&error)),
            };
            let Some(selected) = &self.selected else { break };
            let metas = match self.context.store.meta_parts(selected.folder.id, &uids, needs.parts).await {
                Ok(metas) => metas,
                Err(error) => return Ok(Answer::failed(&error)),
            };
            missing |= metas.len() < uids.len();
            self.learn_flags(&metas);
            match self.fetch_batch(&metas, &items, &needs, &seen).await? {
                Ok(all) => missing |= !all,
                Err(answer) => return Ok(answer),
            }
        }
        Ok(if missing {
            Answer::coded("EXPUNGEISSUED", "Some messages are gone")
        } else {
            Answer::ok(FETCHED)
        })
    }

    /// Messages whose metadata are there, with their small bodies read ahead some at a time. False where another
    /// session expunged one meanwhile.
    async fn fetch_batch(
        &mut self,
        metas: &[Meta],
        items: &[FetchItem],
        needs: &Needs,
        seen: &[u32],
    ) -> Result<Result<bool, Answer>, End> {
        let mut rest = metas;
        let mut all = true;
        while !rest.is_empty() {
            let mut ahead = 0;
            let fits = |meta: &&Meta| {
                ahead += meta.size.min(CHUNK);
                ahead <= AHEAD
            };
            let count = if needs.bodies { rest.iter().take_while(fits).count().max(1) } else { rest.len() };
            let (some, after) = rest.split_at(count);
            rest = after;
            let mut bodies = HashMap::new();
            if needs.bodies {
                let small: Vec<(i64, u64)> = some
                    .iter()
                    .filter(|meta| meta.size <= CHUNK)
                    .map(|meta| (meta.body, meta.size))
                    .collect();
                match self.context.store.small_bodies(&small).await {
                    Ok(found) => bodies.extend(small.iter().map(|(body, _)| *body).zip(found)),
                    Err(error) => return Ok(Err(Answer::failed(&error))),
                }
            }
            for meta in some {
                let told = items.contains(&FetchItem::Flags);
                let flags_too = seen.contains(&meta.uid) && !told;
                let body = bodies.get(&meta.body).cloned().flatten();
                if needs.bodies && body.is_none() {
                    // Expunged since its metadata were read? Better known before a literal is announced than in it.
                    match self.context.store.read_body(meta.body, 0, 1).await {
                        Err(error) if error.is_missing() => {
                            all = false;
                            continue;
                        }
                        _ => {}
                    }
                }
                let message = InHand { meta, body };
                match self.fetch_one(&message, items, flags_too).await? {
                    Ok(()) => {}
                    Err(Fault::Store(error)) if error.is_missing() => all = false,
                    Err(Fault::Store(error)) => return Ok(Err(Answer::failed(&error))),
                    Err(Fault::TooMuch) => {
                        return Ok(Err(Answer::no(
                            "LIMIT",
                            "Too many header octets in one answer: ask for less at once",
                        )));
                    }
                    Err(Fault::UnknownEncoding) => {
                        return Ok(Err(Answer::no(
                            "UNKNOWN-CTE",
                            "The encoding of a part is not known here",
                        )));
                    }
                }
            }
        }
        Ok(Ok(all))
    }

    /// Keywords that another session has just set are told before a FETCH shows them.
    fn learn_flags(&mut self, metas: &[Meta]) {
        if let Some(selected) = &mut self.selected {
            metas.iter().for_each(|meta| selected.learn(&meta.flags));
        }
        self.tell_new_keywords();
    }

    fn flags_text(&self, meta: &Meta) -> String {
        let text = match &self.selected {
            Some(selected) => selected.flags_text(meta.uid, &meta.flags),
            None => response::flags(&flags_of(&meta.flags)),
        };
        format!("FLAGS {text}")
    }

    /// FLAGS and UID, which this session knows without asking the store.
    async fn light(&mut self, batch: &[(u32, u32)], items: &[FetchItem]) -> Result<(), End> {
        for (number, uid) in batch {
            let Some(selected) = &self.selected else { continue };
            let Some(row) = selected.find(*uid).map(|at| &selected.rows[at]) else { continue };
            let shown = items.iter().map(|item| match item {
                FetchItem::Uid => format!("UID {uid}"),
                FetchItem::ModSeq => format!("MODSEQ ({})", row.modseq),
                _ => format!("FLAGS {}", selected.flags_text(*uid, &row.flags)),
            });
            let line = format!("{number} FETCH ({})", shown.collect::<Vec<_>>().join(" "));
            self.connection.say(response::Line::untagged(&line));
            self.connection.relieve().await?;
        }
        Ok(())
    }

    /// Sets `\Seen` where it is not set yet, and returns where it was done.
    async fn mark_seen(&mut self, uids: &[u32]) -> Result<Vec<u32>, db::Error> {
        let Some(selected) = &mut self.selected else { return Ok(Vec::new()) };
        let unseen = |selected: &Selected, uid: &u32| {
            selected.find(*uid).is_some_and(|at| !selected.rows[at].flags.seen)
        };
        let uids: Vec<u32> = uids.iter().copied().filter(|uid| unseen(selected, uid)).collect();
        if uids.is_empty() {
            return Ok(uids);
        }
        let flags = Flags { seen: true, ..Flags::default() };
        let rows =
            self.context.store.store_flags(selected.folder.id, &uids, FlagChange::Add, &flags, None).await?;
        selected.take(&rows);
        Ok(rows.iter().map(|row| row.uid).collect())
    }

    pub(crate) async fn fetch_one(
        &mut self,
        message: &InHand<'_>,
        items: &[FetchItem],
        flags_too: bool,
    ) -> Result<Result<(), Fault>, End> {
        let Some(at) = self.selected.as_ref().and_then(|selected| selected.find(message.meta.uid)) else {
            return Ok(Ok(()));
        };
        let pieces = match self.pieces(at, message, items, flags_too).await {
            Ok(pieces) => pieces,
            Err(error) => return Ok(Err(error)),
        };
        if self.connection.pen.keeps() {
            let mut shown = String::new();
            for piece in &pieces {
                if let Piece::Text(text) = piece {
                    shown.push_str(without_literals(text, 0).trim_end_matches(['\r', '\n']));
                }
            }
            self.connection.pen.response(shown.as_bytes());
        } else {
            self.connection.pen.skip();
        }
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.connection.octets(&text).await?,
                Piece::Body { start, len } => self.stream_body(message, start, len).await?,
                Piece::Decoded(decoded) => self.stream_decoded(message, &decoded).await?,
            }
        }
        self.connection.octets(b"\r\n").await?;
        Ok(Ok(()))
    }

    async fn stream_body(&mut self, message: &InHand<'_>, start: u64, len: u64) -> Result<(), End> {
        let (mut at, end) = (start, start + len);
        let mut wrong = self.wrong_literal(len);
        self.connection.mid_literal = true;
        while at < end {
            let chunk = self.literal_chunk(message, at, end).await?;
            at += chunk.len() as u64;
            self.literal_octets(&chunk, &mut wrong).await?;
        }
        self.connection.mid_literal = false;
        Ok(())
    }

    /// The next octets of a literal that was announced: without them the connection is of no use any more.
    pub(crate) async fn literal_chunk(&self, message: &InHand<'_>, at: u64, end: u64) -> Result<Bytes, End> {
        let body = message.meta.body;
        match message.read(&self.context.store, at, end - at).await {
            Ok(chunk) if !chunk.is_empty() => Ok(chunk),
            Ok(_) => {
                tracing::error!(body, at, end, "a stored body is shorter than its message says");
                Err(End::Broken("the stored message is incomplete".into()))
            }
            Err(error) if error.is_missing() => {
                Err(End::Broken("the message was removed while it was read".into()))
            }
            Err(error) => {
                tracing::error!(%error, "the mail store failed in the middle of a message");
                Err(End::Broken("the mail store failed in the middle of a message".into()))
            }
        }
    }

    async fn pieces(
        &mut self,
        at: usize,
        message: &InHand<'_>,
        items: &[FetchItem],
        flags_too: bool,
    ) -> Result<Vec<Piece>, Fault> {
        let meta = message.meta;
        let mut out = Pieces::new(format!("* {} FETCH (", number(at)));
        for item in items {
            if out.held() > MOST_HELD {
                return Err(Fault::TooMuch);
            }
            out.separate();
            match item {
                FetchItem::Uid => out.text(&format!("UID {}", meta.uid)),
                FetchItem::Flags => out.text(&self.flags_text(meta)),
                FetchItem::ModSeq => out.text(&format!("MODSEQ ({})", meta.modseq)),
                FetchItem::InternalDate => {
                    out.text(&format!("INTERNALDATE {}", date::internal_date(meta.internal_date)));
                }
                FetchItem::SaveDate => match meta.save_date {
                    Some(at) => out.text(&format!("SAVEDATE {}", date::internal_date(at))),
                    None => out.text("SAVEDATE NIL"),
                },
                FetchItem::Size => out.text(&format!("RFC822.SIZE {}", meta.size)),
                FetchItem::EmailId => out.text(&format!("EMAILID ({})", email_id(meta.body))),
                FetchItem::ThreadId => {
                    out.text(&format!("THREADID ({})", thread_id(meta.body, &meta.headers)));
                }
                FetchItem::Preview { lazy } => self.preview(message, *lazy, &mut out).await?,
                FetchItem::Envelope | FetchItem::Structure { .. } => {
                    self.structure(message, item, &mut out).await?;
                }
                FetchItem::Section { label, section, partial, .. } => {
                    out.text(label);
                    out.text(" ");
                    self.section(message, section, *partial, &mut out).await?;
                }
                FetchItem::Binary { label, part, partial, .. } => {
                    out.text(label);
                    out.text(" ");
                    let tree = self.tree_for(message, part).await?;
                    self.binary(message, tree.as_deref(), part, *partial, &mut out).await?;
                }
                FetchItem::BinarySize { label, part } => {
                    let tree = self.tree_for(message, part).await?;
                    let size = self.binary_size(message, tree.as_deref(), part).await?;
                    out.text(&format!("{label} {size}"));
                }
            }
        }
        if flags_too {
            out.separate();
            out.text(&self.flags_text(meta));
            if self.enabled.condstore && !items.contains(&FetchItem::ModSeq) {
                out.text(&format!(" MODSEQ ({})", meta.modseq));
            }
        }
        out.text(")");
        Ok(out.finish())
    }

    async fn preview(&self, message: &InHand<'_>, lazy: bool, out: &mut Pieces) -> Result<(), Fault> {
        out.text("PREVIEW ");
        match &message.meta.preview {
            Some(preview) => out.string(preview.as_bytes()),
            None if lazy => out.text("NIL"),
            None => {
                let preview = message.preview(&self.context.store).await?;
                out.string(preview.as_bytes());
            }
        }
        Ok(())
    }

    async fn structure(&self, message: &InHand<'_>, item: &FetchItem, out: &mut Pieces) -> Result<(), Fault> {
        let stored = message.meta.structure.as_deref().and_then(Stored::read);
        match (item, stored) {
            (FetchItem::Envelope, Some(stored)) => {
                out.text("ENVELOPE ");
                out.octets(stored.envelope());
            }
            (FetchItem::Structure { extended: true }, Some(stored)) => {
                out.text("BODYSTRUCTURE ");
                out.octets(stored.structure());
            }
            (FetchItem::Envelope, None) => {
                let part = message.scan(&self.context.store).await?;
                out.text("ENVELOPE ");
                let none = Envelope::default();
                write_envelope(out.raw(), part.envelope.as_deref().unwrap_or(&none));
            }
            (FetchItem::Structure { extended }, _) => {
                let part = message.scan(&self.context.store).await?;
                out.text(if *extended { "BODYSTRUCTURE " } else { "BODY " });
                write_structure(out.raw(), &part, *extended);
            }
            _ => {}
        }
        Ok(())
    }

    /// The tree of parts where a part is asked for; `None` for the message itself.
    async fn tree_for(&mut self, message: &InHand<'_>, part: &[u32]) -> Result<Option<Arc<Part>>, db::Error> {
        if part.is_empty() {
            return Ok(None);
        }
        self.structures.of(&self.context.store, message).await.map(Some)
    }

    async fn section(
        &mut self,
        message: &InHand<'_>,
        section: &Section,
        partial: Option<(u32, u32)>,
        out: &mut Pieces,
    ) -> Result<(), db::Error> {
        let meta = message.meta;
        // The message itself needs no scan: where its header ends is known.
        let part = match header_len(meta) {
            _ if section.part.is_empty() && section.text == SectionText::Whole => {
                Arc::new(Part { end: meta.size, ..Part::default() })
            }
            Some(body) if section.part.is_empty() => {
                Arc::new(Part { body, end: meta.size, ..Part::default() })
            }
            _ => self.structures.of(&self.context.store, message).await?,
        };
        let cut = |len: u64| cut(len, partial);
        match locate(&part, section) {
            Octets::Missing => out.text("NIL"),
            Octets::Range { start, end } => {
                let (skipped, len) = cut(end.saturating_sub(start));
                out.body(start + skipped, len);
            }
            Octets::Fields { start, end, names, except } => {
                let header = self.header(message, start, end.min(start + LONGEST_HEADER)).await?;
                let kept = select_fields(&header, &names, except);
                let (skipped, len) = cut(kept.len() as u64);
                let skipped = usize::try_from(skipped).unwrap_or(kept.len());
                let len = usize::try_from(len).unwrap_or_default();
                out.literal(&kept[skipped..skipped + len]);
            }
        }
        Ok(())
    }

    async fn header(&self, message: &InHand<'_>, start: u64, end: u64) -> Result<Bytes, db::Error> {
        let headers = &message.meta.headers;
        let known = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        if let Some((start, end)) = known
            && end <= headers.len()
        {
            return Ok(headers.slice(start..end));
        }
        let mut out = bytes::BytesMut::new();
        while (out.len() as u64) < end - start {
            let at = start + out.len() as u64;
            let chunk = message.read(&self.context.store, at, end - at).await?;
            if chunk.is_empty() {
                break;
            }
            out.extend_from_slice(&chunk);
        }
        Ok(out.freeze())
    }
}

/// First octet and number of octets of a partial section of `len` octets.
pub(crate) fn cut(len: u64, partial: Option<(u32, u32)>) -> (u64, u64) {
    match partial {
        Some((first, most)) => {
            let first = u64::from(first).min(len);
            (first, u64::from(most).min(len - first))
        }
        None => (0, len),
    }
}

/// RFC 8474 §5.1: the same for the same octets, in whatever folder: a stored body is shared by its copies.
pub(crate) fn email_id(body: i64) -> String {
    format!("M{body}")
}

/// RFC 8474 §5.2: made of the message that the conversation began with, as the header names it; a message that
/// names none is a conversation of its own.
pub(crate) fn thread_id(body: i64, header: &[u8]) -> String {
    match imap::sort::conversation(header) {
        Some(first) => format!("T{}", &kernel::hex(&kernel::sha256(first.as_bytes()))[..24]),
        None => format!("T-{body}"),
    }
}

/// Length of the header, where the store kept all of it.
fn header_len(meta: &Meta) -> Option<u64> {
    let kept = meta.headers.len() as u64;
    match end_of_header(&meta.headers) {
        Some(end) => Some(end as u64),
        None if kept == meta.size => Some(kept),
        None => None,
    }
}
