//! What the writer takes at once, and who is told what became of it.

use std::any::Any;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, RwLock};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::unit::{Bag, Kind, Place};
use crate::{BoxFuture, Error, Replies, Tx, Unit};

/// What travels to the writer.
pub(crate) enum Job {
    Unit(UnitJob),
    Work(Box<dyn Work>),
    Barrier(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

pub(crate) struct UnitJob {
    pub(crate) unit: Unit,
    pub(crate) answer: Option<oneshot::Sender<Result<Replies, Error>>>,
    /// Held until the job is taken from the queue; none where nobody waits.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// A closure with its types forgotten.
pub(crate) trait Work: Send {
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Result<(), Error>>;
    fn taken(&mut self);
    fn finish(self: Box<Self>, outcome: Result<(), Error>);
}

/// A closure to run, its notice, and who waits.
pub(crate) struct Closure<T, F, G> {
    pub(crate) work: F,
    pub(crate) committed: G,
    pub(crate) result: Option<T>,
    pub(crate) answer: Option<oneshot::Sender<Result<T, Error>>>,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

impl<T, F, G> Work for Closure<T, F, G>
where
    T: Send + 'static,
    F: for<'a> Fn(&'a mut Tx) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
    G: FnOnce(&T) + Send + 'static,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> BoxFuture<'a, Result<(), Error>> {
        let work = (self.work)(tx);
        Box::pin(async {
            self.result = Some(work.await?);
            Ok(())
        })
    }

    fn taken(&mut self) {
        self.room = None;
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) {
        let Self { committed, result, answer, .. } = *self;
        let outcome = outcome.and_then(|()| {
            let result = result
                .ok_or_else(|| Error::Other(String::from("a closure was committed without running")))?;
            guarded("notice", || committed(&result));
            Ok(result)
        });
        match (answer, outcome) {
            (Some(answer), outcome) => drop(answer.send(outcome)),
            (None, Err(error)) => refused(&error),
            (None, Ok(_)) => {}
        }
    }
}

/// Which part of a batch a transaction holds.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    All,
    Unit(usize),
    Work(usize),
}

#[derive(Default)]
pub(crate) struct Batch {
    /// By applier; none where the batch has no item of that kind.
    pub(crate) bags: Vec<Option<Box<dyn Bag>>>,
    pub(crate) units: Vec<Member>,
    /// None once answered.
    pub(crate) works: Vec<Option<Box<dyn Work>>>,
    pub(crate) barriers: Vec<oneshot::Sender<()>>,
    pub(crate) closing: Vec<oneshot::Sender<()>>,
}

/// One unit's share of the bags.
pub(crate) struct Member {
    ranges: Vec<(Place, Range<usize>)>,
    answer: Option<oneshot::Sender<Result<Replies, Error>>>,
    answered: bool,
}

impl Batch {
    pub(crate) fn jobs(&self) -> usize {
        self.units.len() + self.works.len()
    }

    pub(crate) fn add(&mut self, kinds: &RwLock<Vec<Arc<dyn Kind>>>, job: UnitJob) {
        let UnitJob { unit, answer, room } = job;
        drop(room);
        let mut ranges = Vec::with_capacity(unit.parts.len());
        for (place, part) in unit.parts {
            if self.bags.len() <= place.applier {
                self.bags.resize_with(place.applier + 1, || None);
            }
            let bag = self.bags[place.applier].get_or_insert_with(|| {
                let kinds = kinds.read().unwrap_or_else(std::sync::PoisonError::into_inner);
                kinds[place.applier].bag()
            });
            ranges.push((place, bag.append(part)));
        }
        ranges.sort_by_key(|(place, _)| place.applier);
        self.units.push(Member { ranges, answer, answered: false });
    }

    pub(crate) async fn apply(&mut self, tx: &mut Tx, scope: Scope) -> Result<(), Error> {
        match scope {
            Scope::All => {
                for bag in self.bags.iter_mut().flatten() {
                    let all = 0..bag.len();
                    bag.apply(tx, all).await?;
                }
                for work in self.works.iter_mut().flatten() {
                    work.run(tx).await?;
                }
            }
            Scope::Unit(at) => {
                for (place, range) in &self.units[at].ranges {
                    if let Some(bag) = &mut self.bags[place.applier] {
                        bag.apply(tx, range.clone()).await?;
                    }
                }
            }
            Scope::Work(at) => {
                if let Some(work) = &mut self.works[at] {
                    work.run(tx).await?;
                }
            }
        }
        Ok(())
    }

    /// Publishes a unit that was committed alone.
    pub(crate) fn publish(&self, scope: Scope) {
        let Scope::Unit(at) = scope else { return };
        for (place, _) in &self.units[at].ranges {
            if let Some(bag) = &self.bags[place.applier] {
                guarded("notice", || bag.committed());
            }
        }
    }

    pub(crate) fn answer(&mut self, scope: Scope, outcome: Result<(), Error>) {
        match scope {
            Scope::All => {}
            Scope::Unit(at) => self.answer_unit(at, outcome),
            Scope::Work(at) => self.answer_work(at, outcome),
        }
    }

    pub(crate) fn answer_unit(&mut self, at: usize, outcome: Result<(), Error>) {
        let member = &mut self.units[at];
        if std::mem::replace(&mut member.answered, true) {
            return;
        }
        match (member.answer.take(), outcome) {
            (Some(answer), Ok(())) => {
                let bags = &self.bags;
                let replies = member.ranges.iter().filter_map(|(place, range)| {
                    let bag = bags[place.applier].as_ref()?;
                    Some((*place, bag.replies(range.clone()) as Box<dyn Any + Send + Sync>))
                });
                let _ = answer.send(Ok(Replies { parts: replies.collect() }));
            }
            (Some(answer), Err(error)) => drop(answer.send(Err(error))),
            (None, Err(error)) => refused(&error),
            (None, Ok(())) => {}
        }
    }

    pub(crate) fn answer_work(&mut self, at: usize, outcome: Result<(), Error>) {
        if let Some(work) = self.works[at].take() {
            work.finish(outcome);
        }
    }

    pub(crate) fn refuse_all(&mut self, error: &Error) {
        (0..self.units.len()).for_each(|at| self.answer_unit(at, Err(error.clone())));
        (0..self.works.len()).for_each(|at| self.answer_work(at, Err(error.clone())));
    }
}

/// Somebody who does not wait must still be heard. A hand-over after the end is a matter of shutdown order.
pub(crate) fn refused(error: &Error) {
    match error {
        Error::Closed => tracing::warn!("a write was handed over after the database was closed, and is lost"),
        _ => tracing::error!(%error, "a write that nobody waits for failed"),
    }
}

/// Runs somebody else's hook; its panic must not end the writer.
pub(crate) fn guarded(what: &str, hook: impl FnOnce()) {
    if std::panic::catch_unwind(AssertUnwindSafe(hook)).is_err() {
        tracing::error!("a {what} hook panicked after a commit");
    }
}
