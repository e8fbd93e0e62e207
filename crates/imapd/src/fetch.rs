//! FETCH (RFC 3501 §6.4.5). What the header answers is answered from the header; the rest is a range of the stored
//! octets, streamed in chunks.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use imap::command::{FetchItem, Section, SectionText};
use imap::framing::without_literals;
use imap::mime::{
    Envelope, Octets, Part, Scanner, end_of_header, locate, select_fields, write_envelope, write_structure,
};
use imap::{SequenceSet, date, response};
use mailstore::{FlagChange, Flags, MailStore, Meta};

use crate::connection::End;
use crate::selected::{Selected, flags_of, number};
use crate::session::{Answer, Handled, Session};

/// Messages whose metadata is read at once: each comes with up to 64 KiB of header.
pub(crate) const BATCH: usize = 64;
/// Octets of a body read at once; the store's own chunk.
const CHUNK: u64 = 256 * 1024;
/// A header that is read as a whole to select fields from it.
const LONGEST_HEADER: u64 = 1024 * 1024;
/// Structures kept by a session: clients ask for one, then for its parts.
const STRUCTURES: usize = 16;

/// The structures computed last, by body. Bodies never change, so they stay true.
#[derive(Default)]
pub(crate) struct Structures(VecDeque<(i64, Arc<Part>)>);

impl Structures {
    async fn of(&mut self, store: &MailStore, meta: &Meta) -> Result<Arc<Part>, db::Error> {
        if let Some((_, part)) = self.0.iter().find(|(body, _)| *body == meta.body) {
            return Ok(part.clone());
        }
        let mut scanner = Scanner::new();
        let mut at = 0;
        while at < meta.size {
            let chunk = store.read_body(meta.body, at, CHUNK.min(meta.size - at)).await?;
            if chunk.is_empty() {
                break;
            }
            scanner.push(&chunk);
            at += chunk.len() as u64;
        }
        let part = Arc::new(scanner.finish());
        self.0.truncate(STRUCTURES - 1);
        self.0.push_front((meta.body, part.clone()));
        Ok(part)
    }
}

/// A piece of a response.
enum Piece {
    Text(Vec<u8>),
    /// Octets of the stored body.
    Body {
        start: u64,
        len: u64,
    },
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
        let mut wanted = selected.resolve(set, uid);
        if let Some(since) = changed_since {
            wanted.retain(|(_, uid)| selected.find(*uid).is_some_and(|at| selected.rows[at].modseq > since));
        }
        let mut items = items.to_vec();
        if uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        let marks = !selected.read_only
            && items.iter().any(|item| matches!(item, FetchItem::Section { peek: false, .. }));
        let light = items.iter().all(|item| matches!(item, FetchItem::Uid | FetchItem::Flags | FetchItem::ModSeq));
        let mut missing = false;
        for batch in wanted.chunks(BATCH) {
            if light {
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
            let metas = match self.context.store.meta(selected.folder.id, &uids).await {
                Ok(metas) => metas,
                Err(error) => return Ok(Answer::failed(&error)),
            };
            missing |= metas.len() < uids.len();
            for meta in metas {
                let told = items.contains(&FetchItem::Flags);
                let flags_too = seen.contains(&meta.uid) && !told;
                if let Err(error) = self.fetch_one(&meta, &items, flags_too).await? {
                    return Ok(Answer::failed(&error));
                }
            }
        }
        Ok(if missing {
            Answer::coded("EXPUNGEISSUED", "Some messages are gone")
        } else {
            Answer::ok("Messages fetched")
        })
    }

    /// FLAGS and UID, which this session knows without asking the store.
    async fn light(&mut self, batch: &[(u32, u32)], items: &[FetchItem]) -> Result<(), End> {
        for (number, uid) in batch {
            let Some(row) =
                self.selected.as_ref().and_then(|selected| Some(&selected.rows[selected.find(*uid)?]))
            else {
                continue;
            };
            let shown = items.iter().map(|item| match item {
                FetchItem::Uid => format!("UID {uid}"),
                FetchItem::ModSeq => format!("MODSEQ ({})", row.modseq),
                _ => format!("FLAGS {}", response::flags(&flags_of(&row.flags))),
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

    async fn fetch_one(
        &mut self,
        meta: &Meta,
        items: &[FetchItem],
        flags_too: bool,
    ) -> Result<Result<(), db::Error>, End> {
        let Some(at) = self.selected.as_ref().and_then(|selected| selected.find(meta.uid)) else {
            return Ok(Ok(()));
        };
        let pieces = match self.pieces(at, meta, items, flags_too).await {
            Ok(pieces) => pieces,
            Err(error) => return Ok(Err(error)),
        };
        let mut shown = String::new();
        for piece in &pieces {
            if let Piece::Text(text) = piece {
                shown.push_str(without_literals(text, 0).trim_end_matches(['\r', '\n']));
            }
        }
        self.connection.pen.response(shown.as_bytes());
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.connection.octets(&text).await?,
                Piece::Body { start, len } => self.stream_body(meta, start, len).await?,
            }
        }
        self.connection.octets(b"\r\n").await?;
        Ok(Ok(()))
    }

    async fn stream_body(&mut self, meta: &Meta, start: u64, len: u64) -> Result<(), End> {
        let (mut at, end) = (start, start + len);
        self.connection.mid_literal = true;
        while at < end {
            let chunk = match self.context.store.read_body(meta.body, at, CHUNK.min(end - at)).await {
                Ok(chunk) if !chunk.is_empty() => chunk,
                Ok(_) => {
                    tracing::error!(
                        body = meta.body,
                        at,
                        end,
                        "a stored body is shorter than its message says"
                    );
                    return Err(End::Broken("the stored message is incomplete".into()));
                }
                Err(error) => {
                    tracing::error!(%error, "the mail store failed in the middle of a message");
                    return Err(End::Broken("the mail store failed in the middle of a message".into()));
                }
            };
            at += chunk.len() as u64;
            self.connection.octets(&chunk).await?;
        }
        self.connection.mid_literal = false;
        Ok(())
    }

    async fn pieces(
        &mut self,
        at: usize,
        meta: &Meta,
        items: &[FetchItem],
        flags_too: bool,
    ) -> Result<Vec<Piece>, db::Error> {
        let mut out = Pieces::new(format!("* {} FETCH (", number(at)));
        for item in items {
            out.separate();
            match item {
                FetchItem::Uid => out.text(&format!("UID {}", meta.uid)),
                FetchItem::Flags => out.text(&flags_text(&meta.flags)),
                FetchItem::ModSeq => out.text(&format!("MODSEQ ({})", meta.modseq)),
                FetchItem::InternalDate => {
                    out.text(&format!("INTERNALDATE {}", date::internal_date(meta.internal_date)));
                }
                FetchItem::Size => out.text(&format!("RFC822.SIZE {}", meta.size)),
                FetchItem::Envelope => {
                    out.text("ENVELOPE ");
                    let envelope = if header_len(meta).is_some() {
                        Envelope::read(&meta.headers)
                    } else {
                        let part = self.structures.of(&self.context.store, meta).await?;
                        part.envelope.as_deref().cloned().unwrap_or_default()
                    };
                    write_envelope(&mut out.text, &envelope);
                }
                FetchItem::Structure { extended } => {
                    out.text(if *extended { "BODYSTRUCTURE " } else { "BODY " });
                    let part = self.structures.of(&self.context.store, meta).await?;
                    write_structure(&mut out.text, &part, *extended);
                }
                FetchItem::Section { label, section, partial, .. } => {
                    out.text(label);
                    out.text(" ");
                    self.section(meta, section, *partial, &mut out).await?;
                }
            }
        }
        if flags_too {
            out.separate();
            out.text(&flags_text(&meta.flags));
            if self.enabled.condstore && !items.contains(&FetchItem::ModSeq) {
                out.text(&format!(" MODSEQ ({})", meta.modseq));
            }
        }
        out.text(")");
        Ok(out.finish())
    }

    async fn section(
        &mut self,
        meta: &Meta,
        section: &Section,
        partial: Option<(u32, u32)>,
        out: &mut Pieces,
    ) -> Result<(), db::Error> {
        // The message itself needs no scan: where its header ends is known.
        let part = match header_len(meta) {
            Some(body) if section.part.is_empty() => {
                Arc::new(Part { body, end: meta.size, ..Part::default() })
            }
            None if section.part.is_empty() && section.text == SectionText::Whole => {
                Arc::new(Part { end: meta.size, ..Part::default() })
            }
            _ => self.structures.of(&self.context.store, meta).await?,
        };
        let cut = |len: u64| match partial {
            Some((first, most)) => {
                let first = u64::from(first).min(len);
                (first, u64::from(most).min(len - first))
            }
            None => (0, len),
        };
        match locate(&part, section) {
            Octets::Missing => out.text("NIL"),
            Octets::Range { start, end } => {
                let (skipped, len) = cut(end.saturating_sub(start));
                out.body(start + skipped, len);
            }
            Octets::Fields { start, end, names, except } => {
                let header = self.header(meta, start, end.min(start + LONGEST_HEADER)).await?;
                let kept = select_fields(&header, &names, except);
                let (skipped, len) = cut(kept.len() as u64);
                let skipped = usize::try_from(skipped).unwrap_or(kept.len());
                let len = usize::try_from(len).unwrap_or_default();
                out.literal(&kept[skipped..skipped + len]);
            }
        }
        Ok(())
    }

    async fn header(&self, meta: &Meta, start: u64, end: u64) -> Result<Bytes, db::Error> {
        let known = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        if let Some((start, end)) = known
            && end <= meta.headers.len()
        {
            return Ok(meta.headers.slice(start..end));
        }
        self.context.store.read_body(meta.body, start, end - start).await
    }
}

/// A response being put together.
struct Pieces {
    done: Vec<Piece>,
    text: Vec<u8>,
    first: bool,
}

impl Pieces {
    fn new(start: String) -> Self {
        Self { done: Vec::new(), text: start.into_bytes(), first: true }
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.text.push(b' ');
        }
    }

    fn text(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn literal(&mut self, bytes: &[u8]) {
        self.text(&format!("{{{}}}\r\n", bytes.len()));
        self.text.extend_from_slice(bytes);
    }

    fn body(&mut self, start: u64, len: u64) {
        if len == 0 {
            return self.text("\"\"");
        }
        self.text(&format!("{{{len}}}\r\n"));
        self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        self.done.push(Piece::Body { start, len });
    }

    fn finish(mut self) -> Vec<Piece> {
        self.done.push(Piece::Text(self.text));
        self.done
    }
}

fn flags_text(flags: &Flags) -> String {
    format!("FLAGS {}", response::flags(&flags_of(flags)))
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
