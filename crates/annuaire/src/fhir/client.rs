use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Failure, Secret, Stage, Timestamp};
use reqwest::Url;
use rustls::ClientConfig;

use super::DAYS_BACK;
use super::http::Http;
use super::read::{self, Resource};

/// Longest address that is asked with GET; longer ones go as a form to `_search`.
const LONGEST: usize = 1_500;

/// Pages followed at most in one go.
const PAGES: usize = 10_000;

/// How the API is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its address: [`super::BASE`], or that of a sandbox. Without TLS on this machine only: the key would be read on the way.
    pub base: String,
    /// The application's key (`ESANTE-API-KEY`).
    pub key: Secret<String>,
    /// Which servers are trusted; may be missing for a sandbox without TLS.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long one answer may take. The API gives up after 30 s.
    pub patience: Duration,
}

/// A client of the API; cheap to clone. Its clones share one pace, below the 17 calls a second that an application has.
#[derive(Clone, Debug)]
pub struct Client {
    base: Url,
    http: Http,
}

/// One page of a search.
#[derive(Clone, Debug)]
pub struct Page {
    /// Resources that match, in the server's order.
    pub matches: Vec<Resource>,
    /// Resources that came along (`_include`, `_revinclude`).
    pub included: Vec<Resource>,
    /// Matches on all pages, where the server counted them.
    pub total: Option<u64>,
    /// Entries that were no resource.
    pub unread: usize,
    next: Option<Url>,
}

impl Page {
    /// Whether there is another page.
    pub fn has_next(&self) -> bool {
        self.next.is_some()
    }
}

impl Client {
    /// A client for this API; nothing is sent yet.
    ///
    /// # Errors
    /// [`Stage::Input`] where the address is none, has no TLS and is not of this machine, or where trust is missing.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        let wrong =
            |what: String| Failure::permanent(Stage::Input, format!("the directory's address {what}"));
        let base = Url::parse(settings.base.trim_end_matches('/'))
            .map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let is_here = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match base.scheme() {
            "https" if settings.tls.is_none() => {
                return Err(wrong("has TLS, and nothing says which servers are trusted".into()));
            }
            "https" => {}
            "http" if is_here => {}
            _ => return Err(wrong("must begin with https:// (the key would be read on the way)".into())),
        }
        if base.query().is_some() || base.fragment().is_some() || !base.username().is_empty() {
            return Err(wrong("must end with its path".into()));
        }
        let http = Http::new(settings.tls.as_ref(), settings.key, settings.patience)?;
        Ok(Self { base, http })
    }

    /// The first page of a search: `resource` such as `Practitioner`, `pairs` its parameters as the API names them. A comma
    /// in a value means *or*; [`Client::escape`] takes that away.
    ///
    /// # Errors
    /// Where the API cannot be asked, refuses, or answers with something else than a bundle. Never an empty page in place
    /// of a failure.
    pub async fn search(&self, resource: &str, pairs: &[(&str, &str)]) -> Result<Page, Failure> {
        if resource.is_empty() || !resource.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Failure::permanent(Stage::Input, format!("{resource:?} is no resource")));
        }
        let mut url = self.at(resource);
        url.query_pairs_mut().extend_pairs(pairs);
        if pairs.is_empty() {
            url.set_query(None);
        }
        if url.as_str().len() <= LONGEST {
            return self.page(&url, None).await;
        }
        let form = url.query().unwrap_or_default().to_owned();
        self.page(&self.at(&format!("{resource}/_search")), Some(&form)).await
    }

    /// The page after this one; `None` after the last.
    ///
    /// # Errors
    /// As [`Client::search`]; and where the link leads to another place than the API, which the key must not go to.
    pub async fn next(&self, page: &Page) -> Result<Option<Page>, Failure> {
        match &page.next {
            Some(next) => self.page(next, None).await.map(Some),
            None => Ok(None),
        }
    }

    /// Every match and everything that came along, up to `most` matches; each resource once.
    ///
    /// # Errors
    /// As [`Client::next`]: what came before a failure is not handed out, because it would be taken for the whole. Also where
    /// there are more than `most`, or where a link leads back to a page that was read.
    pub async fn all(
        &self,
        resource: &str,
        pairs: &[(&str, &str)],
        most: usize,
    ) -> Result<Vec<Resource>, Failure> {
        let mut page = self.search(resource, pairs).await?;
        let (mut seen, mut visited, mut found, mut matches) = (HashSet::new(), HashSet::new(), Vec::new(), 0);
        for _ in 0..PAGES {
            matches += page.matches.len();
            if matches > most {
                let text = format!("the search matches more than {most}: narrow it");
                return Err(Failure::permanent(Stage::Command, text));
            }
            let all = page.matches.drain(..).chain(page.included.drain(..));
            found.extend(all.filter(|one| seen.insert((one.kind.clone(), one.id.clone()))));
            if page.next.as_ref().is_some_and(|next| !visited.insert(next.clone())) {
                break;
            }
            match self.next(&page).await? {
                Some(next) => page = next,
                None => return Ok(found),
            }
        }
        Err(Failure::temporary(Stage::Command, "the directory's links to the next page go round in a circle"))
    }

    /// What changed since then, deleted resources included ([`Resource::active`] is `false` on those).
    ///
    /// # Errors
    /// As [`Client::all`]; [`Stage::Input`] for more than [`DAYS_BACK`] days: import the extraction again.
    pub async fn changes(
        &self,
        resource: &str,
        since: Timestamp,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Resource>, Failure> {
        if now.as_second() - since.as_second() > DAYS_BACK * 86_400 {
            let text = format!("changes are kept for {DAYS_BACK} days: import the extraction again");
            return Err(Failure::permanent(Stage::Input, text));
        }
        let day = since.to_string();
        let bound = format!("ge{}", day.get(..10).unwrap_or(&day));
        self.all(resource, &[("_lastUpdated", &bound), ("_count", "1000")], most).await
    }

    /// A value in which commas, bars and backslashes are meant as they are (FHIR R4 §3.1.1.4.0.1).
    pub fn escape(value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        for c in value.chars() {
            if matches!(c, '\\' | ',' | '|' | '$') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    async fn page(&self, url: &Url, form: Option<&str>) -> Result<Page, Failure> {
        let value = self.http.json(url, form).await?;
        let bundle = read::bundle(&value).ok_or_else(|| {
            Failure::temporary(Stage::Command, "the directory answered 200 with something else than a bundle")
        })?;
        let next = bundle.next.map(|next| self.own(&next)).transpose()?;
        let (matches, included) =
            bundle.resources.into_iter().partition(|resource: &Resource| !resource.is_included);
        Ok(Page { matches, included, total: bundle.total, unread: bundle.unread, next })
    }

    /// A link of the API's own.
    fn own(&self, link: &str) -> Result<Url, Failure> {
        let url = self.base.join(link).ok();
        url.filter(|url| url.origin() == self.base.origin() && url.username().is_empty()).ok_or_else(|| {
            let text = "the link to the next page leads away from the directory: not followed, the key would go along";
            Failure::permanent(Stage::Command, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Result<Client, Failure> {
        let key = Secret::new("a-key".to_owned());
        Client::new(Settings { base: base.into(), key, tls: None, patience: Duration::from_secs(5) })
    }

    #[tokio::test]
    async fn the_key_goes_to_this_machine_or_under_tls_only() {
        for base in ["http://127.0.0.1:8803/fhir/v2", "http://localhost:1/", "http://[::1]:1/fhir/v2/"] {
            assert!(client(base).is_ok(), "{base}");
        }
        for base in [
            "http://gateway.example/fhir/v2",
            super::super::BASE,
            "ftp://localhost",
            "fhir",
            "http://127.0.0.1/?a",
        ] {
            assert_eq!(client(base).unwrap_err().stage, Stage::Input, "{base}");
        }
        let shown = format!("{:?}", client("http://127.0.0.1:1").unwrap());
        assert!(!shown.contains("a-key"), "{shown}");
    }

    #[tokio::test]
    async fn a_link_that_leads_away_is_not_followed() {
        let client = client("http://127.0.0.1:8803/fhir/v2").unwrap();
        assert!(client.own("http://127.0.0.1:8803/fhir/v2/_page?id=x").is_ok());
        for link in [
            "http://127.0.0.1:8804/fhir/v2/_page?id=x",
            "https://127.0.0.1:8803/",
            "//evil.example/",
            "http://a@127.0.0.1:8803/",
            "javascript:1",
        ] {
            assert!(client.own(link).is_err(), "{link}");
        }
    }

    #[tokio::test]
    async fn changes_older_than_a_month_and_bad_names_are_not_even_asked_for() {
        let client = client("http://127.0.0.1:9/fhir/v2").unwrap();
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let then: Timestamp = "2026-10-20T12:00:00Z".parse().unwrap();
        let failure = client.changes("Practitioner", then, now, 10).await.unwrap_err();
        assert_eq!((failure.stage, failure.is_retryable()), (Stage::Input, false));
        assert_eq!(client.search("../x", &[]).await.unwrap_err().stage, Stage::Input);
        assert_eq!(Client::escape("a,b|c\\"), "a\\,b\\|c\\\\");
    }
}
