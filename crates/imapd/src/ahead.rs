//! Reading ahead for clients that fetch whole messages one at a time, one after the other.
//!
//! Two questions to the store for each message, each handed over to the database's thread and back, are most of what
//! such a client waits for. So its second message brings the next ones along, in the same two questions. Only what never
//! changes is answered from here: octets, size, dates; flags are asked for each time.

use std::collections::VecDeque;

use bytes::Bytes;
use imap::command::{FetchItem, SectionText};
use mailstore::{Meta, Parts};

use crate::connection::End;
use crate::fetch::{Fault, InHand};
use crate::selected::Selected;
use crate::session::Session;

/// Messages brought along at once.
const MOST: usize = 16;
/// Octets brought along at once: what a session may hold until its next command.
const ROOM: u64 = 128 * 1024;

/// What was brought along, and which message would make it worth while.
#[derive(Default)]
pub(crate) struct Ahead {
    held: VecDeque<(Meta, Bytes)>,
    /// The UID that comes after the one fetched last.
    next: Option<u32>,
}

impl Ahead {
    /// Forgets what is held: a session that waits holds nothing.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    fn take(&mut self, uid: u32) -> Option<(Meta, Bytes)> {
        while self.held.front().is_some_and(|(meta, _)| meta.uid < uid) {
            self.held.pop_front();
        }
        if self.held.front()?.0.uid == uid { self.held.pop_front() } else { None }
    }
}

/// Whether all that is asked for is the message itself and what never changes of it.
fn is_still(items: &[FetchItem]) -> bool {
    let mut whole = false;
    items.iter().all(|item| match item {
        FetchItem::Uid | FetchItem::InternalDate | FetchItem::Size => true,
        FetchItem::Section { section, peek: true, .. } => {
            whole = true;
            section.part.is_empty() && section.text == SectionText::Whole
        }
        _ => false,
    }) && whole
}

impl Session {
    /// Answers the FETCH of one message from what was brought along, or brings along what follows it. False where the
    /// message is to be fetched as any other.
    pub(crate) async fn fetch_ahead(&mut self, uid: u32, items: &[FetchItem]) -> Result<bool, End> {
        let Some(selected) = self.selected.as_mut().filter(|_| is_still(items)) else { return Ok(false) };
        let Some(at) = selected.find(uid).filter(|_| !selected.is_gone(uid)) else { return Ok(false) };
        let follows = selected.ahead.next == Some(uid);
        selected.ahead.next = selected.rows.get(at + 1).map(|row| row.uid);
        let held = match selected.ahead.take(uid) {
            Some(held) => Some(held),
            None if follows => self.bring(at).await,
            None => None,
        };
        let Some((meta, body)) = held else { return Ok(false) };
        let message = InHand { meta: &meta, body: Some(body) };
        match self.fetch_one(&message, items, false).await? {
            Ok(()) => Ok(true),
            // Nothing was written yet: the ordinary way tells what is wrong.
            Err(Fault::Store(_) | Fault::UnknownEncoding | Fault::TooMuch) => Ok(false),
        }
    }

    /// Reads the message at `at` and some after it; keeps those, gives that one. Whatever stands in the way is left to the
    /// ordinary way, which says it.
    async fn bring(&mut self, at: usize) -> Option<(Meta, Bytes)> {
        let selected = self.selected.as_ref()?;
        let uids: Vec<u32> = selected.rows[at..].iter().take(MOST).map(|row| row.uid).collect();
        let store = &self.context.store;
        let mut metas = store.meta_parts(selected.folder.id, &uids, Parts::default()).await.ok()?;
        let mut room = ROOM;
        let fits = |meta: &&Meta| match room.checked_sub(meta.size) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        };
        let count = metas.iter().take_while(fits).count();
        metas.truncate(count);
        let small: Vec<(i64, u64)> = metas.iter().map(|meta| (meta.body, meta.size)).collect();
        let bodies = store.small_bodies(&small).await.ok()?;
        let held = metas.into_iter().zip(bodies).map_while(|(meta, body)| Some((meta, body?))).collect();
        let selected: &mut Selected = self.selected.as_mut()?;
        selected.ahead.held = held;
        let first = selected.rows.get(at)?.uid;
        selected.ahead.take(first)
    }
}
