use std::collections::HashMap;
use std::time::Duration;

use kernel::{Timestamp, random};

use super::request::AuthRequest;

/// How long a page waits for its button.
const PATIENCE: Duration = Duration::from_secs(600);

/// Pages that wait at a time; past that the oldest is forgotten.
const PAGES: usize = 1_000;

/// Authorization requests whose page is shown and whose button is not pressed yet.
#[derive(Debug, Default)]
pub(crate) struct Pending(HashMap<String, Page>);

#[derive(Debug)]
struct Page {
    request: AuthRequest,
    browser: String,
    shown: Timestamp,
}

impl Pending {
    /// Keeps a request; gives the unguessable number that the page's form carries.
    pub(super) fn add(&mut self, request: AuthRequest, browser: &str, now: Timestamp) -> String {
        self.0.retain(|_, page| now < page.shown + PATIENCE);
        if self.0.len() >= PAGES {
            let oldest = self.0.iter().min_by_key(|(_, page)| page.shown).map(|(number, _)| number.clone());
            oldest.and_then(|number| self.0.remove(&number));
        }
        let number = random::id();
        self.0.insert(number.clone(), Page { request, browser: browser.to_owned(), shown: now });
        number
    }

    /// Takes the request of this number, once, for the browser it was shown in. Another browser's attempt leaves it
    /// where it is.
    pub(super) fn take(&mut self, number: &str, browser: &str, now: Timestamp) -> Option<AuthRequest> {
        let page = self.0.get(number)?;
        if page.browser != browser || now >= page.shown + PATIENCE {
            return None;
        }
        self.0.remove(number).map(|page| page.request)
    }
}
