//! Random operations against a model that is too simple to be wrong.

use std::collections::BTreeMap;

use mailstore::{FlagChange, Flags};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::Lab;

const FOLDERS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Deliver { folders: Vec<usize>, flags: u8 },
    Store { folder: usize, uids: Vec<u32>, change: u8, flags: u8 },
    Expunge { folder: usize, uids: Option<Vec<u32>> },
    Copy { from: usize, uids: Vec<u32>, to: usize, remove: bool },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let folder = 0..FOLDERS;
    let uids = || prop::collection::vec(1..12u32, 1..6);
    let op = prop_oneof![
        3 => (prop::collection::vec(0..FOLDERS, 1..4), 0..64u8)
            .prop_map(|(folders, flags)| Op::Deliver { folders, flags }),
        3 => (folder.clone(), uids(), 0..3u8, 0..64u8)
            .prop_map(|(folder, uids, change, flags)| Op::Store { folder, uids, change, flags }),
        1 => (folder.clone(), prop::option::of(uids())).prop_map(|(folder, uids)| Op::Expunge { folder, uids }),
        2 => (folder.clone(), uids(), folder, any::<bool>())
            .prop_map(|(from, uids, to, remove)| Op::Copy { from, uids, to, remove }),
    ];
    prop::collection::vec(op, 1..40)
}

/// Five system flags and one keyword.
fn flags(bits: u8) -> Flags {
    let has = |bit: u8| bits & (1 << bit) != 0;
    Flags {
        seen: has(0),
        answered: has(1),
        flagged: has(2),
        deleted: has(3),
        draft: has(4),
        keywords: if has(5) { vec![String::from("lu")] } else { Vec::new() },
    }
}

/// A folder: what it holds, and the last UID it gave.
#[derive(Clone, Default)]
struct Model {
    messages: BTreeMap<u32, (u8, u32)>,
    last: u32,
}

impl Model {
    fn add(&mut self, flags: u8, content: u32) -> u32 {
        self.last += 1;
        self.messages.insert(self.last, (flags, content));
        self.last
    }

    fn picked(&self, uids: &[u32]) -> Vec<u32> {
        self.messages.keys().copied().filter(|uid| uids.contains(uid)).collect()
    }
}

async fn play(lab: &Lab, ops: &[Op], address: &str) {
    let account = lab.store.create_account(address).await.unwrap().id;
    let mut ids = Vec::new();
    for name in ["INBOX", "Sent", "Archive"] {
        ids.push(lab.store.folder(account, name).await.unwrap().unwrap().id);
    }
    let mut models = vec![Model::default(); FOLDERS];
    // Past states, by folder: mod-sequence, and flags by UID.
    let mut past: Vec<Vec<(u64, BTreeMap<u32, Flags>)>> = vec![vec![(1, BTreeMap::new())]; FOLDERS];
    let mut contents = 0;
    for op in ops {
        match op {
            Op::Deliver { folders, flags: bits } => {
                contents += 1;
                let into: Vec<i64> = folders.iter().map(|folder| ids[*folder]).collect();
                let mut delivery = lab.delivery(format!("{address} {contents}").as_bytes(), "", &into).await;
                delivery.flags = flags(*bits);
                let given = lab.commit(delivery).await.unwrap().uids;
                let wanted: Vec<u32> =
                    folders.iter().map(|folder| models[*folder].add(*bits, contents)).collect();
                assert_eq!(given, wanted);
            }
            Op::Store { folder, uids, change, flags: bits } => {
                let how = [FlagChange::Add, FlagChange::Remove, FlagChange::Replace][usize::from(*change)];
                let rows = lab.store.store_flags(ids[*folder], uids, how, &flags(*bits), None).await.unwrap();
                let picked = models[*folder].picked(uids);
                assert_eq!(rows.iter().map(|row| row.uid).collect::<Vec<_>>(), picked);
                for (uid, row) in picked.iter().zip(rows) {
                    let (own, _) = models[*folder].messages.get_mut(uid).unwrap();
                    *own = [*own | bits, *own & !bits, *bits][usize::from(*change)];
                    assert_eq!(row.flags, flags(*own));
                }
            }
            Op::Expunge { folder, uids } => {
                let gone = lab.store.expunge(ids[*folder], uids.as_deref()).await.unwrap();
                let model = &mut models[*folder];
                let picked = uids
                    .as_ref()
                    .map_or_else(|| model.messages.keys().copied().collect(), |u| model.picked(u));
                let wanted: Vec<u32> =
                    picked.into_iter().filter(|uid| model.messages[uid].0 & 8 != 0).collect();
                model.messages.retain(|uid, _| !wanted.contains(uid));
                assert_eq!(gone, wanted);
            }
            Op::Copy { from, uids, to, remove } => {
                let pairs = lab.store.copy(ids[*from], uids, ids[*to], *remove).await.unwrap();
                let mut wanted = Vec::new();
                for uid in models[*from].picked(uids) {
                    let (bits, content) = models[*from].messages[&uid];
                    wanted.push((uid, models[*to].add(bits, content)));
                    if *remove {
                        models[*from].messages.remove(&uid);
                    }
                }
                assert_eq!(pairs, wanted);
            }
        }
        for (at, model) in models.iter().enumerate() {
            check(lab, ids[at], model, &mut past[at]).await;
        }
    }
    for (id, model) in ids.iter().zip(&models) {
        for meta in lab.store.meta(*id, &model.messages.keys().copied().collect::<Vec<_>>()).await.unwrap() {
            let content = model.messages[&meta.uid].1;
            let bytes = lab.store.read_body(meta.body, 0, 99).await.unwrap();
            assert_eq!(bytes, format!("{address} {content}"));
        }
    }
}

async fn check(lab: &Lab, folder: i64, model: &Model, past: &mut Vec<(u64, BTreeMap<u32, Flags>)>) {
    let now: BTreeMap<u32, Flags> =
        model.messages.iter().map(|(uid, (bits, _))| (*uid, flags(*bits))).collect();
    let rows = lab.store.rows(folder).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.uid, row.flags.clone())).collect::<Vec<_>>(),
        Vec::from_iter(now.clone())
    );
    let status = lab.store.status(folder).await.unwrap();
    assert_eq!((status.messages as usize, status.uid_next), (now.len(), model.last + 1));
    let (last, before) = past.last().unwrap();
    assert!(status.highest_modseq >= *last, "mod-sequences never go back");
    assert_eq!(status.highest_modseq > *last, now != *before, "and go on exactly where something changed");
    assert!(rows.iter().all(|row| row.modseq <= status.highest_modseq));
    // From any past state, the changes lead to the present one.
    for (since, state) in past.iter() {
        let changes = lab.store.changes(folder, *since).await.unwrap();
        let mut state = state.clone();
        state.extend(changes.changed.iter().map(|row| (row.uid, row.flags.clone())));
        state.retain(|uid, _| !changes.vanished.contains(uid));
        assert_eq!(state, now, "since {since}");
        assert_eq!(changes.highest_modseq, status.highest_modseq);
    }
    if status.highest_modseq > *last {
        past.push((status.highest_modseq, now));
    }
}

fn run(cases: u32, lab: impl AsyncFnOnce() -> Option<Lab>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Some(lab) = runtime.block_on(lab()) else { return };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let count = std::cell::Cell::new(0);
    runner
        .run(&ops(), |ops| {
            count.set(count.get() + 1);
            runtime.block_on(play(&lab, &ops, &format!("{}@test", count.get())));
            Ok(())
        })
        .unwrap();
    runtime.block_on(lab.db.close());
}

#[test]
fn the_store_behaves_as_the_model_on_sqlite() {
    run(24, async || Some(crate::sqlite(kernel::Clock::system()).await));
}

#[test]
fn the_store_behaves_as_the_model_on_postgresql() {
    run(12, async || crate::postgres(kernel::Clock::system()).await);
}
