//! Fetching: octets of messages that the store wants, asked for by the handful and in advance, kept as they come.
//!
//! The wait for an answer is what fetching costs (97 % of one peer's time), so that two commands are under way while a
//! third is written to the store, and one command asks for many messages. What is in memory is bounded: one message in the
//! reader, one batch being filled, one being written, for each of [`super::Settings::fetchers`] mailboxes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use imap::Compact;
use kernel::{Failure, Stage};
use practice::{FolderState, Key, Wanted};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Report;
use super::actor::Actor;
use crate::ImapSession;
use crate::imap_session::Streamed;

/// Messages that the store is asked for at once.
const WANTED: usize = 512;
/// Messages, and octets, of one FETCH.
const HANDFUL: usize = 32;
const HANDFUL_OCTETS: u64 = 4 * 1024 * 1024;
/// FETCH commands under way.
const DEPTH: usize = 3;
/// Messages, and octets, of one commit.
const BATCH: usize = 64;
const BATCH_OCTETS: usize = 4 * 1024 * 1024;
/// How long a mailbox that fetches counts among those that do.
const TURN: Duration = Duration::from_secs(30);
/// How long one message may take.
const MESSAGE_WAIT: Duration = Duration::from_secs(300);

impl Actor {
    /// Fetches what the store wants of a folder, which is selected.
    pub(super) async fn fill(
        &mut self,
        session: &mut ImapSession,
        folder: &FolderState,
    ) -> Result<Report, Failure> {
        let mut report = Report::default();
        let mut tried: HashSet<Key> = HashSet::new();
        loop {
            let wanted = self.shared.practice.wanted(&self.key, &folder.name, WANTED).await;
            let mut wanted = wanted.map_err(|error| error.failure())?;
            wanted.retain(|one| tried.insert(one.mail.clone())); // whatever the store says, once a round
            if wanted.is_empty() {
                return Ok(report);
            }
            let shared = Arc::clone(&self.shared);
            let turn = shared.fetching.acquire().await.map_err(|_| super::stopped())?;
            {
                let filling = self.fill_some(session, folder, wanted, &mut report);
                tokio::pin!(filling);
                match timeout(TURN, &mut filling).await {
                    Ok(done) => done?,
                    Err(_) => {
                        drop(turn); // slow: it holds little memory, and costs nobody else a place
                        filling.await?;
                    }
                }
            }
            if self.leave {
                return Ok(report);
            }
        }
    }

    async fn fill_some(
        &mut self,
        session: &mut ImapSession,
        folder: &FolderState,
        wanted: Vec<Wanted>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        self.come_back(session, folder).await?;
        let wanted = self.weigh(session, folder, wanted, report).await?;
        let mut handfuls = handfuls(wanted);
        let mut under_way: VecDeque<HashMap<u32, Key>> = VecDeque::new();
        let mut keeper = Keeper::new(self);
        loop {
            // Nothing new is begun while a person waits.
            while under_way.len() < DEPTH && !self.is_pressed() {
                let Some(handful) = handfuls.pop_front() else { break };
                let mut uids: Vec<u32> = handful.iter().map(|one| one.uid).collect();
                uids.sort_unstable();
                session.begin_fetch(&Compact(&uids).to_string(), "(UID BODY.PEEK[])").await?;
                under_way.push_back(handful.into_iter().map(|one| (one.uid, one.mail)).collect());
            }
            if under_way.is_empty() {
                keeper.flush(report).await?;
                self.serve(session).await?;
                if self.leave || handfuls.is_empty() {
                    return keeper.finish(report).await;
                }
                self.come_back(session, folder).await?;
                continue;
            }
            let piece = match timeout(MESSAGE_WAIT, session.next_streamed()).await {
                Ok(Ok(piece)) => piece,
                Ok(Err(failure)) => return self.cut_short(failure, under_way, keeper, report).await,
                Err(_) => {
                    let failure = Failure::temporary(Stage::Command, "one message takes the server too long");
                    return self.cut_short(failure, under_way, keeper, report).await;
                }
            };
            match piece {
                Streamed::Fetched(fetched) => {
                    let Some(uid) = fetched.uid else { continue };
                    if fetched.left_out.is_none() && fetched.body("").is_none() {
                        continue; // flags that another client changed
                    }
                    // Only what was asked for: a server cannot give one message in another's place.
                    let Some(mail) = under_way.iter_mut().find_map(|one| one.remove(&uid)) else { continue };
                    match (fetched.left_out, fetched.body("")) {
                        (None, Some(octets)) => keeper.add(mail, octets.to_vec(), report).await?,
                        (size, _) => self.refuse(&mail, size.unwrap_or(0), report).await?,
                    }
                }
                Streamed::Vanished(_) => {} // the next look tells
                Streamed::Done => {
                    for (_, mail) in under_way.pop_front().unwrap_or_default() {
                        let why = Failure::temporary(Stage::Command, "the server did not give the message");
                        self.fetch_failed(&mail, why, report).await?;
                    }
                }
                Streamed::Refused(failure) => {
                    for (_, mail) in under_way.pop_front().unwrap_or_default() {
                        let why = Failure::temporary(failure.stage, failure.message.clone());
                        self.fetch_failed(&mail, why, report).await?;
                    }
                }
            }
        }
    }

    /// The connection is lost. What came is kept. The message that was on its way may be the reason: it has its turn again
    /// after the others, not before them.
    async fn cut_short(
        &self,
        failure: Failure,
        under_way: VecDeque<HashMap<u32, Key>>,
        mut keeper: Keeper,
        report: &mut Report,
    ) -> Result<(), Failure> {
        keeper.flush(report).await?;
        keeper.finish(report).await?;
        let next = under_way.iter().find_map(|one| one.iter().min_by_key(|(uid, _)| **uid));
        if let Some((_, mail)) = next {
            let why = Failure::temporary(failure.stage, failure.message.clone());
            self.fetch_failed(mail, why, report).await?;
        }
        Err(failure)
    }

    /// Asks for sizes: what is too big is not asked for, what is gone is told.
    async fn weigh(
        &mut self,
        session: &mut ImapSession,
        folder: &FolderState,
        wanted: Vec<Wanted>,
        report: &mut Report,
    ) -> Result<Vec<(Wanted, u64)>, Failure> {
        let mut uids: Vec<u32> = wanted.iter().map(|one| one.uid).collect();
        uids.sort_unstable();
        let (mut sizes, mut refused): (HashMap<u32, u64>, Option<Failure>) = (HashMap::new(), None);
        session.begin_fetch(&Compact(&uids).to_string(), "(UID RFC822.SIZE)").await?;
        while session.under_way() > 0 {
            match session.next_streamed().await? {
                Streamed::Fetched(fetched) => {
                    if let (Some(uid), Some(size)) = (fetched.uid, fetched.size) {
                        sizes.insert(uid, size);
                    }
                }
                // Some servers refuse the whole where one message has just gone, and have told the others already.
                Streamed::Refused(failure) => refused = Some(failure),
                Streamed::Vanished(_) | Streamed::Done => {}
            }
        }
        let (mut light, mut gone) = (Vec::with_capacity(wanted.len()), Vec::new());
        for one in wanted {
            match sizes.get(&one.uid) {
                None if refused.is_some() => {
                    let why = refused.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
                    self.fetch_failed(&one.mail, Failure::temporary(Stage::Command, why), report).await?;
                }
                None => gone.push(one.uid..=one.uid),
                Some(size) if *size > self.shared.settings.message => {
                    self.refuse(&one.mail, *size, report).await?
                }
                Some(size) => light.push((one, *size)),
            }
        }
        if !gone.is_empty() {
            let told =
                self.shared.practice.synchronised(&self.key, folder.clone(), Vec::new(), Vec::new(), gone);
            told.await.map_err(|error| error.failure())?;
        }
        Ok(light)
    }

    async fn refuse(&self, mail: &Key, size: u64, report: &mut Report) -> Result<(), Failure> {
        let limit = self.shared.settings.message;
        let why = Failure::permanent(
            Stage::Command,
            format!("the message has {size} octets; at most {limit} are fetched"),
        );
        self.fetch_failed(mail, why, report).await
    }

    async fn fetch_failed(&self, mail: &Key, why: Failure, report: &mut Report) -> Result<(), Failure> {
        report.failed += 1;
        self.shared.practice.fetch_failed(mail, why).await.map_err(|error| error.failure())
    }

    /// People may have had another folder opened.
    async fn come_back(&self, session: &mut ImapSession, folder: &FolderState) -> Result<(), Failure> {
        if session.selected() == Some(folder.name.as_str()) {
            return Ok(());
        }
        let selected = session.select(&folder.name).await?;
        if selected.uid_validity != folder.uid_validity {
            return Err(Failure::temporary(Stage::Command, "the server has just numbered the folder anew"));
        }
        Ok(())
    }
}

/// Groups what one command asks for. In the store's order: newest first.
fn handfuls(wanted: Vec<(Wanted, u64)>) -> VecDeque<Vec<Wanted>> {
    let mut out: VecDeque<Vec<Wanted>> = VecDeque::new();
    let mut octets = 0;
    for (one, size) in wanted {
        match out.back_mut() {
            Some(last) if last.len() < HANDFUL && octets + size <= HANDFUL_OCTETS => {
                last.push(one);
                octets += size;
            }
            _ => {
                out.push_back(vec![one]);
                octets = size;
            }
        }
    }
    out
}

/// Writes batches to the store while the next one comes in: one at a time, so that a slow disk slows the network down.
struct Keeper {
    shared: Arc<super::Shared>,
    batch: Vec<(Key, Vec<u8>)>,
    octets: usize,
    writing: Option<JoinHandle<Result<(u64, u64), Failure>>>,
}

impl Keeper {
    fn new(actor: &Actor) -> Self {
        Self { shared: Arc::clone(&actor.shared), batch: Vec::new(), octets: 0, writing: None }
    }

    async fn add(&mut self, mail: Key, octets: Vec<u8>, report: &mut Report) -> Result<(), Failure> {
        self.octets += octets.len();
        self.batch.push((mail, octets));
        if self.batch.len() >= BATCH || self.octets >= BATCH_OCTETS {
            self.flush(report).await
        } else {
            Ok(())
        }
    }

    async fn flush(&mut self, report: &mut Report) -> Result<(), Failure> {
        self.settle(report).await?;
        let (batch, octets) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.octets));
        if batch.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        self.writing = Some(tokio::spawn(async move {
            let count = batch.len() as u64;
            shared.practice.keep(batch).await.map_err(|error| error.failure())?;
            shared.to_read.notify_one();
            Ok((count, octets as u64))
        }));
        Ok(())
    }

    /// Waits for what is being written.
    async fn settle(&mut self, report: &mut Report) -> Result<(), Failure> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        let done = writing.await;
        let (count, octets) =
            done.unwrap_or_else(|_| Err(Failure::temporary(Stage::Storage, "the store's task has ended")))?;
        report.fetched += count;
        report.octets += octets;
        Ok(())
    }

    async fn finish(mut self, report: &mut Report) -> Result<(), Failure> {
        self.flush(report).await?;
        self.settle(report).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_asks_for_many_messages_and_not_for_too_many_octets() {
        let wanted = |sizes: &[u64]| -> Vec<(Wanted, u64)> {
            let one = |(uid, size): (u32, &u64)| (Wanted { mail: Key::random(), uid }, *size);
            (1..).zip(sizes).map(one).collect()
        };
        let counts = |sizes: &[u64]| -> Vec<usize> { handfuls(wanted(sizes)).iter().map(Vec::len).collect() };
        assert_eq!(counts(&[120_000; 100]), [32, 32, 32, 4], "0.03 command for each message");
        assert_eq!(counts(&[3_000_000, 3_000_000, 500_000, 30_000_000, 1]), [1, 2, 1, 1]);
        assert!(counts(&[]).is_empty());
    }
}
