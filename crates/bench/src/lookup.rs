//! A directory for one step of one run (SC.MSS/CONF.20, SC.MSS/UX.41): it alone knows the address of whom the client is
//! told to find, so that who writes there has found it.
//!
//! The people come from the run's seed. Those who would match by chance what is asked are left out, and for a question with
//! several criteria there is, for each of them, somebody who matches all the others: a client that leaves one out finds two.

use std::collections::{BTreeMap, HashSet};
use std::net::Ipv4Addr;

use fhird::{Armed, Entry, Kind, Sandbox};
use kernel::Timing;
use rules::{Criterion, Wanted};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Shared;
use crate::error::{Code, Error};
use crate::scenario::DirectoryFault;

/// How many mailboxes the people are drawn from.
const DRAWN: u64 = 300;

/// A fault without an end.
const FOR_EVER: u32 = u32::MAX;

/// Whom a step is about, and who else is in its directory.
#[derive(Clone, Debug)]
pub(crate) struct Sought {
    entry: Entry,
    others: Vec<Entry>,
    criteria: Vec<Criterion>,
}

impl Sought {
    /// Draws somebody who has this address and everything that can be asked for; `None` where nobody does, which no seed of
    /// the tests ever gave.
    pub(crate) fn draw(seed: u64, criteria: &[Criterion], address: &str) -> Option<Self> {
        let mut all: Vec<Entry> = fhird::invented(seed, DRAWN).collect();
        let at = all.iter().position(is_complete)?;
        let entry = Entry { address: address.to_owned(), ..all.swap_remove(at) };
        // As the API compares: a value that begins with what is asked, or holds it, matches.
        let shares = |other: &Entry, criterion: Criterion| {
            fhird::fold(&first(other, criterion)).contains(&fhird::fold(&first(&entry, criterion)))
        };
        all.retain(|other| {
            let is_same = other.rpps == entry.rpps || other.structure == entry.structure;
            !is_same && !criteria.iter().any(|criterion| shares(other, *criterion))
        });
        // Whoever is to be near is somebody else with a place of their own.
        let (mut people, mut places) = (HashSet::new(), HashSet::new());
        let mut near = Vec::new();
        if criteria.len() > 1 {
            for different in criteria {
                let own = |other: &Entry| {
                    let is_somewhere = !other.rpps.is_empty() && !other.structure.is_empty();
                    let has_another = !first(other, *different).is_empty();
                    let is_new = !people.contains(&other.rpps) && !places.contains(&other.structure);
                    other.kind == Kind::Per && is_somewhere && has_another && is_new
                };
                let at = all.iter().position(own)?;
                let mut other = all.swap_remove(at);
                people.insert(other.rpps.clone());
                places.insert(other.structure.clone());
                for criterion in criteria.iter().filter(|criterion| *criterion != different) {
                    copy(&entry, &mut other, *criterion);
                }
                near.push(other);
            }
            all.retain(|other| !people.contains(&other.rpps) && !places.contains(&other.structure));
        }
        near.extend(all);
        Some(Self { entry, others: near, criteria: criteria.to_vec() })
    }

    /// What the judge is told.
    pub(crate) fn wanted(&self) -> Wanted {
        let criteria: BTreeMap<_, _> =
            self.criteria.iter().map(|criterion| (*criterion, values(&self.entry, *criterion))).collect();
        Wanted { address: self.entry.address.clone(), criteria }
    }

    /// What the client is told: `facts.query` of its request.
    pub(crate) fn query(&self) -> Value {
        let mut query = Map::new();
        for criterion in &self.criteria {
            query.insert(criterion.name().into(), first(&self.entry, *criterion).into());
            let code = match criterion {
                Criterion::Profession => &self.entry.profession,
                Criterion::Specialty => &self.entry.skill,
                _ => continue,
            };
            query.insert(format!("{}_code", criterion.name()), code.clone().into());
        }
        Value::Object(query)
    }
}

/// Whether everything can be asked of this person.
fn is_complete(entry: &Entry) -> bool {
    let has_all = Criterion::ALL.into_iter().all(|criterion| !first(entry, criterion).trim().is_empty());
    entry.kind == Kind::Per && has_all && !entry.structure.is_empty()
}

/// What asks for this person by a criterion: the label first, then its code.
fn values(entry: &Entry, criterion: Criterion) -> Vec<String> {
    let line = entry.lines.first().cloned().unwrap_or_default();
    match criterion {
        Criterion::Identifier => vec![entry.rpps.clone()],
        Criterion::Family => vec![entry.family.clone()],
        Criterion::Given => vec![entry.given.clone()],
        Criterion::Profession => vec![entry.profession_label.clone(), entry.profession.clone()],
        Criterion::Specialty => vec![entry.skill_label.clone(), entry.skill.clone()],
        Criterion::Address => vec![line],
        Criterion::Organization => vec![entry.company.clone()],
        // As it is listed, without the number.
        Criterion::Street => vec![line.trim_start_matches(|c: char| c.is_ascii_digit()).trim().to_owned()],
        Criterion::Postcode => vec![entry.postcode.clone()],
        Criterion::City => vec![entry.city.clone()],
        Criterion::Email => vec![entry.address.clone()],
    }
}

fn first(entry: &Entry, criterion: Criterion) -> String {
    values(entry, criterion).swap_remove(0)
}

/// Makes somebody match by one criterion more.
fn copy(from: &Entry, to: &mut Entry, criterion: Criterion) {
    match criterion {
        Criterion::Identifier | Criterion::Email => {}
        Criterion::Family => to.family.clone_from(&from.family),
        Criterion::Given => to.given.clone_from(&from.given),
        Criterion::Profession => {
            to.profession.clone_from(&from.profession);
            to.profession_label.clone_from(&from.profession_label);
            to.category.clone_from(&from.category);
        }
        Criterion::Specialty => {
            to.skill.clone_from(&from.skill);
            to.skill_label.clone_from(&from.skill_label);
        }
        Criterion::Address | Criterion::Street => to.lines.clone_from(&from.lines),
        Criterion::Organization => to.company.clone_from(&from.company),
        Criterion::Postcode => to.postcode.clone_from(&from.postcode),
        Criterion::City => to.city.clone_from(&from.city),
    }
}

/// The directory; it ends when this is dropped.
pub(crate) struct Lookup {
    pub(crate) port: u16,
    base: String,
    _armed: Option<Armed>,
    _stop: watch::Sender<bool>,
}

impl Lookup {
    /// Answers on a free port, with these people.
    pub(crate) async fn open(
        bench: &Shared,
        run: i64,
        timing: &Timing,
        sought: &Sought,
        fault: Option<&DirectoryFault>,
    ) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let base = format!("http://127.0.0.1:{port}{}", fhird::PATH);
        let settings = fhird::Settings {
            base: base.clone(),
            clock: bench.parts.clock.clone(),
            timing: timing.clone(),
            journal: Some(bench.parts.journal.clone()),
        };
        let sandbox = Sandbox::new(settings).of_run(run);
        sandbox.fill([sought.entry.clone()].into_iter().chain(sought.others.iter().cloned()));
        let armed = match fault {
            Some(wanted) => {
                let fault = wanted.fault.parse().map_err(|error: fhird::UnknownFault| {
                    Error::new(Code::BadInput, format!("the directory of the step: {error}"), "")
                })?;
                Some(sandbox.arm(fault, wanted.times.unwrap_or(FOR_EVER)))
            }
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(sandbox.serve(listener, stopped));
        Ok(Self { port, base, _armed: armed, _stop: stop })
    }

    /// The object `directory` of an adapter's request.
    pub(crate) fn told(&self) -> Value {
        json!(self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_matches_what_is_asked_and_each_criterion_left_out_brings_another() {
        let address = "banc-r1-x@mail.lab";
        for seed in (0..8).chain([u64::MAX]) {
            for criterion in Criterion::ALL {
                let sought = Sought::draw(seed, &[criterion], address).unwrap();
                let alone = fhird::fold(&first(&sought.entry, criterion));
                let alike = |other: &&Entry| fhird::fold(&first(other, criterion)).contains(&alone);
                assert_eq!(sought.others.iter().find(alike), None, "{seed} {criterion:?}");
                assert!(sought.others.len() > 20, "{seed} {criterion:?}: {}", sought.others.len());
            }
            let all = [Criterion::Profession, Criterion::Street, Criterion::City];
            let sought = Sought::draw(seed, &all, address).unwrap();
            let matching = |wanted: &[Criterion]| {
                let same = |other: &&Entry| {
                    wanted.iter().all(|one| first(other, *one) == first(&sought.entry, *one))
                };
                sought.others.iter().filter(same).count()
            };
            assert_eq!(matching(&all), 0, "seed {seed}");
            for (left_out, _) in all.iter().enumerate() {
                let mut some = all.to_vec();
                some.remove(left_out);
                assert!(matching(&some) >= 1, "seed {seed}: {some:?}");
            }
        }
    }

    #[test]
    fn the_client_is_told_labels_and_codes_and_never_the_address() {
        let sought =
            Sought::draw(8, &[Criterion::Profession, Criterion::City], "banc-r1-x@mail.lab").unwrap();
        let query = sought.query();
        let keys: Vec<&String> = query.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["city", "profession", "profession_code"]);
        assert_eq!(query["profession_code"], "10");
        assert!(!query.to_string().contains("banc-r1-x"));
        assert_eq!(sought.wanted().criteria[&Criterion::Profession][1], "10");
        let again = Sought::draw(8, &[Criterion::City], "a@b").unwrap();
        assert_eq!(again.query()["city"], query["city"], "the same seed, the same person");
    }
}
