use kernel::{Failure, Stage};

use super::client::{Client, Page};
use super::read::{Mailbox, Resource};

/// Longest address (RFC 5321 §4.5.3.1.3).
const LONGEST: usize = 254;

/// What the directory says of an address at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// It is listed; for each holder what is said of them.
    Listed(Vec<Holder>),
    /// It is not listed, by a directory that lists others. It may still exist: boxes on the red list are not shown.
    Absent,
}

/// Who has an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// `Practitioner`, `PractitionerRole` or `Organization`.
    pub kind: String,
    /// The resource's id.
    pub id: String,
    /// Name of the person or the structure; empty where it did not come along.
    pub name: String,
    /// RPPS number; empty for a structure.
    pub rpps: String,
    /// Last change of the resource, as written.
    pub updated: String,
    /// The address with its type.
    pub mailbox: Mailbox,
}

impl Live {
    /// Whether it is listed.
    pub fn is_listed(&self) -> bool {
        matches!(self, Self::Listed(_))
    }
}

impl Client {
    /// Asks whether an MSSanté address is listed now (ANN/va1.04): of people, then of situations, then of structures, until
    /// one has it.
    ///
    /// # Errors
    /// [`Stage::Input`] for what is no address; else as [`Client::search`]: an outage is never *absent*, nor is a directory
    /// that lists nobody at all.
    pub async fn verify_address(&self, address: &str) -> Result<Live, Failure> {
        let address = address.trim();
        let is_address = address.len() <= LONGEST
            && address.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !domain.is_empty() && !domain.contains('@')
            })
            && !address.chars().any(|c| c.is_whitespace() || c.is_control());
        if !is_address {
            return Err(Failure::permanent(Stage::Input, "this is no mail address"));
        }
        // Exact and whole: `:contains` is unreliable in production (spec of the directory, §2.2).
        let value = Self::escape(address);
        let asked = ("mailbox-mss", value.as_str());
        let along = ("_include", "PractitionerRole:practitioner");
        for (resource, pairs) in [
            ("Practitioner", vec![asked]),
            ("PractitionerRole", vec![asked, along]),
            ("Organization", vec![asked]),
        ] {
            let mut page = self.search(resource, &pairs).await?;
            loop {
                let holders = holders(&page, address);
                if !holders.is_empty() {
                    return Ok(Live::Listed(holders));
                }
                match self.next(&page).await? {
                    Some(next) => page = next,
                    None => break,
                }
            }
        }
        let control = self.search("Practitioner", &[("_count", "1")]).await?;
        if control.matches.is_empty() {
            let text = "the directory lists nobody at all: what it says of one address means nothing";
            return Err(Failure::temporary(Stage::Command, text));
        }
        Ok(Live::Absent)
    }
}

/// Those who have this very address: the server compares the beginning only.
fn holders(page: &Page, address: &str) -> Vec<Holder> {
    let is_it = |mailbox: &&Mailbox| mailbox.address.to_lowercase() == address.to_lowercase();
    let active = page.matches.iter().filter(|resource| resource.active);
    let with = active.filter_map(|resource| Some((resource, resource.mailboxes.iter().find(is_it)?)));
    with.map(|(resource, mailbox)| {
        let person = page.included.iter().find(|one| !one.id.is_empty() && one.id == resource.practitioner);
        let who = person.unwrap_or(resource);
        Holder {
            kind: resource.kind.clone(),
            id: resource.id.clone(),
            name: name(who),
            rpps: who.rpps.clone(),
            updated: resource.updated.clone(),
            mailbox: mailbox.clone(),
        }
    })
    .collect()
}

fn name(resource: &Resource) -> String {
    let whole = format!("{} {}", resource.given, resource.family);
    if whole.trim().is_empty() { resource.name.clone() } else { whole.trim().to_owned() }
}
