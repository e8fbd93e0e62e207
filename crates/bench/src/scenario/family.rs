//! Families: many jobs that differ in a few words, from one template.
//!
//! A file holds a `template` (a scenario, with `@words@`), the `[[way]]`s in which each job exists (mailbox, protocol) and
//! the `[[variant]]`s (what the server does wrong). Each pair gives one job; a variant may name the ways it is for. The
//! words of the way are filled in first, so that they may hold words of the variant.

use std::collections::BTreeMap;

use serde::Deserialize;
use tls::BadServer;

/// The families of this build, the TLS lab's apart: its variants are the servers of the lab.
const FILES: &[(&str, &str)] = &[
    ("dns.toml", include_str!("../../scenarios/families/dns.toml")),
    ("clear.toml", include_str!("../../scenarios/families/clear.toml")),
    ("session.toml", include_str!("../../scenarios/families/session.toml")),
    ("login.toml", include_str!("../../scenarios/families/login.toml")),
    ("reading.toml", include_str!("../../scenarios/families/reading.toml")),
    ("sending.toml", include_str!("../../scenarios/families/sending.toml")),
    ("directory.toml", include_str!("../../scenarios/families/directory.toml")),
    ("outage.toml", include_str!("../../scenarios/families/outage.toml")),
];

/// The key that names a variant.
const ID: &str = "id";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Family {
    template: String,
    way: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    variant: Vec<BTreeMap<String, String>>,
}

const TLS: (&str, &str) = ("tls.toml", include_str!("../../scenarios/families/tls.toml"));

/// The scenario files of every family.
pub(super) fn all() -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    let family: Family = read(TLS)?;
    files.extend(family.expand(TLS.0, &BadServer::ALL.map(server))?);
    for (name, text) in FILES {
        let family: Family = read((name, text))?;
        files.extend(family.expand(name, &family.variant)?);
    }
    Ok(files)
}

/// A server of the TLS lab as a variant.
fn server(server: BadServer) -> BTreeMap<String, String> {
    let (title, why) = (server.title(), server.why());
    let requirement = why.fr.split("SC.MSS/").nth(1).map_or("CONF.27", |rest| &rest[..7]);
    let (must, refusal) = match server.expected() {
        tls::Expected::Refuse => ("refuse_server", "true"),
        tls::Expected::Accept => ("log_in", "false"),
        _ => ("give_up", "false"),
    };
    // A server that only says which certificates it wants is met by a client that has one.
    let ways = match server {
        BadServer::CertificateRequired | BadServer::ForeignClientCa | BadServer::SeveralClientCas => {
            "cert-imap cert-smtp"
        }
        BadServer::NoClientCertificate => "psc-imap psc-smtp",
        BadServer::Tls11Only => "psc-smtp cert-smtp",
        _ => "psc-imap cert-smtp",
    };
    let pairs = [
        (ID, server.name().trim_start_matches("tls-")),
        ("server", server.name()),
        ("fr", title.fr),
        ("en", title.en),
        ("why_fr", why.fr),
        ("why_en", why.en),
        ("requirement", requirement),
        ("must", must),
        ("refusal", refusal),
        ("ways", ways),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn read((name, text): (&str, &str)) -> Result<Family, String> {
    toml::from_str(text).map_err(|error| format!("{name}: {error}"))
}

impl Family {
    /// The scenario files of a family: name and text of each.
    ///
    /// # Errors
    /// The file, and the word that nobody fills in.
    fn expand(
        &self,
        name: &str,
        variants: &[BTreeMap<String, String>],
    ) -> Result<Vec<(String, String)>, String> {
        let mut files = Vec::new();
        for row in variants {
            let id = row.get(ID).ok_or_else(|| format!("{name}: a variant has an id"))?;
            for way in &self.way {
                let place = way.get("way").ok_or_else(|| format!("{name}: a way has a name (way)"))?;
                let ways = row.get("ways").unwrap_or(place);
                if !ways.split(' ').any(|one| one == place) {
                    continue;
                }
                let mut text = self.template.clone();
                // Twice: a way's words may hold a variant's, and the reverse.
                for (key, value) in way.iter().chain(row).chain(way) {
                    text = text.replace(&format!("@{key}@"), value);
                }
                if let Some(word) = left(&text) {
                    return Err(format!("{name}: {id}, {place}: nothing is filled in for @{word}@"));
                }
                files.push((format!("{name}: {id}, {place}"), text));
            }
        }
        Ok(files)
    }
}

/// A word that is still there.
fn left(text: &str) -> Option<&str> {
    let mut parts = text.split('@').skip(1).step_by(2);
    parts.find(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: &str = "template = 'id = \"@way@-@id@\" # @say@'\n[[way]]\nway = \"a\"\nsay = \"@what@!\"\n\
        [[way]]\nway = \"b\"\nsay = \"-\"\n[[variant]]\nid = \"x\"\nwhat = \"1\"\n[[variant]]\nid = \"y\"\nwhat = \"2\"\nways = \"b\"\n";

    fn expand(text: &str) -> Result<Vec<(String, String)>, String> {
        let family = read(("f", text)).unwrap();
        family.expand("f", &family.variant)
    }

    #[test]
    fn each_variant_in_each_of_its_ways() {
        let texts: Vec<_> = expand(FAMILY).unwrap().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["id = \"a-x\" # 1!", "id = \"b-x\" # -", "id = \"b-y\" # -"]);
    }

    #[test]
    fn a_word_that_nobody_fills_in_is_named() {
        let error = expand(&FAMILY.replace("@what@", "@other@")).unwrap_err();
        assert!(error.contains("@other@"), "{error}");
    }
}
