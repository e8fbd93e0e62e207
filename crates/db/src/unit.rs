//! What is committed together, and how items of one kind meet across units.
//!
//! Items are typed where they are pushed and where they are applied, and erased in between: the writer lays the
//! items of one kind end to end, remembers which range is whose, and can so apply all of them at once, or one unit's
//! alone, without ever copying an item.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use crate::{BoxFuture, Error, Tx};

/// How a kind of item is written: many at once, inside the writer's transaction.
pub trait Applier: Send + Sync + 'static {
    /// What callers hand over.
    type Item: Send + Sync + 'static;
    /// What each item gets back once committed.
    type Reply: Clone + Send + Sync + 'static;

    /// Writes `items` in order and returns one reply for each. May be called again with the same items, or a part of
    /// them, after a failed batch.
    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        items: &'a [Self::Item],
    ) -> BoxFuture<'a, Result<Vec<Self::Reply>, Error>>;

    /// Called after the commit, in commit order and before the callers are answered: publish notices here. Must not
    /// block.
    fn committed(&self, items: &[Self::Item], replies: &[Self::Reply]) {
        let _ = (items, replies);
    }
}

/// Where a registered applier's items go.
pub struct Handle<A: Applier> {
    place: Place,
    kind: PhantomData<fn(A)>,
}

impl<A: Applier> Handle<A> {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, kind: PhantomData }
    }
}

impl<A: Applier> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self::new(self.place)
    }
}

impl<A: Applier> std::fmt::Debug for Handle<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Handle({})", self.place.applier)
    }
}

/// What is committed together.
#[derive(Default)]
pub struct Unit {
    pub(crate) parts: Vec<(Place, Box<dyn Any + Send>)>,
}

impl Unit {
    /// A unit with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds an item; its reply is read with the ticket after the commit.
    pub fn push<A: Applier>(&mut self, handle: &Handle<A>, item: A::Item) -> Ticket<A> {
        let at = self.parts.iter().position(|(place, _)| *place == handle.place).unwrap_or_else(|| {
            self.parts.push((handle.place, Box::new(Vec::<A::Item>::new())));
            self.parts.len() - 1
        });
        let items = self.parts[at]
            .1
            .downcast_mut::<Vec<A::Item>>()
            .expect("a place belongs to one applier of one database");
        items.push(item);
        Ticket { place: handle.place, item: items.len() - 1, kind: PhantomData }
    }
}

/// The answers to a unit's items.
pub struct Replies {
    pub(crate) parts: Vec<(Place, Box<dyn Any + Send + Sync>)>,
}

impl Replies {
    /// The reply to the item that the ticket was given for.
    ///
    /// # Panics
    /// Where the ticket is of another unit: a mistake in the program.
    pub fn take<A: Applier>(&mut self, ticket: Ticket<A>) -> A::Reply {
        self.parts
            .iter()
            .find(|(place, _)| *place == ticket.place)
            .and_then(|(_, replies)| replies.downcast_ref::<Vec<A::Reply>>())
            .and_then(|replies| replies.get(ticket.item))
            .cloned()
            .expect("a ticket is read on the replies of its own unit")
    }
}

/// Names the place of one item's reply.
pub struct Ticket<A: Applier> {
    place: Place,
    item: usize,
    kind: PhantomData<fn(A)>,
}

/// An applier of a database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which database: units are not for another one's writer.
    pub(crate) owner: u64,
    /// Rank of registration.
    pub(crate) applier: usize,
}

/// An applier with its types forgotten.
pub(crate) trait Kind: Send + Sync {
    /// An empty bag for one batch.
    fn bag(&self) -> Box<dyn Bag>;
}

/// The items of one kind in one batch, with their replies.
pub(crate) trait Bag: Send {
    /// Adds one unit's items and tells where they lie.
    fn append(&mut self, part: Box<dyn Any + Send>) -> Range<usize>;
    fn len(&self) -> usize;
    fn apply<'a>(&'a mut self, tx: &'a mut Tx, range: Range<usize>) -> BoxFuture<'a, Result<(), Error>>;
    /// Publishes what was applied last.
    fn committed(&self);
    /// Replies to a range within what was applied last.
    fn replies(&self, range: Range<usize>) -> Box<dyn Any + Send + Sync>;
}

pub(crate) struct TypedKind<A: Applier>(pub(crate) Arc<A>);

impl<A: Applier> Kind for TypedKind<A> {
    fn bag(&self) -> Box<dyn Bag> {
        Box::new(TypedBag {
            applier: Arc::clone(&self.0),
            items: Vec::new(),
            applied: 0..0,
            replies: Vec::new(),
        })
    }
}

struct TypedBag<A: Applier> {
    applier: Arc<A>,
    items: Vec<A::Item>,
    applied: Range<usize>,
    replies: Vec<A::Reply>,
}

impl<A: Applier> Bag for TypedBag<A> {
    fn append(&mut self, part: Box<dyn Any + Send>) -> Range<usize> {
        let from = self.items.len();
        let mut part =
            part.downcast::<Vec<A::Item>>().expect("a place belongs to one applier of one database");
        self.items.append(&mut part);
        from..self.items.len()
    }

    fn len(&self) -> usize {
        self.items.len()
    }

    fn apply<'a>(&'a mut self, tx: &'a mut Tx, range: Range<usize>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.replies = self.applier.apply(tx, &self.items[range.clone()]).await?;
            if self.replies.len() != range.len() {
                let (items, replies) = (range.len(), self.replies.len());
                return Err(Error::Other(format!("an applier gave {replies} replies to {items} items")));
            }
            self.applied = range;
            Ok(())
        })
    }

    fn committed(&self) {
        self.applier.committed(&self.items[self.applied.clone()], &self.replies);
    }

    fn replies(&self, range: Range<usize>) -> Box<dyn Any + Send + Sync> {
        let base = self.applied.start;
        Box::new(self.replies[range.start - base..range.end - base].to_vec())
    }
}
