//! Logins that the sandbox answers in the person's place, for whoever watches a client's login from end to end.
//!
//! A bench hands a client an address of return that nobody else has. A request that comes with it is answered at once for
//! the person that was named, without a page, and the sessions that come of it are known by their `sid`.

use std::sync::PoisonError;

use crate::provider::Psc;

/// A login that is waited for; dropped, the address of return is good no more.
#[derive(Debug)]
#[must_use = "the login is no longer answered when this is dropped"]
pub struct AwaitedLogin {
    psc: Psc,
    redirect_uri: String,
}

/// One that is waited for.
#[derive(Debug)]
pub(crate) struct Awaited {
    client_id: String,
    redirect_uri: String,
    identity: String,
    sids: Vec<String>,
}

/// Sessions of one login that are remembered: a client that begins again for ever costs nothing.
const SESSIONS: usize = 50;

impl Psc {
    /// Answers requests of this client that return to `redirect_uri` in the place of this person, for as long as the guard
    /// lives. The address need not be registered; it is compared character by character, as always.
    pub fn await_login(&self, client_id: &str, redirect_uri: &str, national_id: &str) -> AwaitedLogin {
        let awaited = Awaited {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            identity: national_id.to_owned(),
            sids: Vec::new(),
        };
        self.awaited().push(awaited);
        AwaitedLogin { psc: self.clone(), redirect_uri: redirect_uri.to_owned() }
    }

    /// Who answers a request, where it is one that is waited for.
    pub(crate) fn answers_for(&self, client_id: &str, redirect_uri: &str) -> Option<String> {
        let awaited = self.awaited();
        let one = awaited.iter().find(|one| one.client_id == client_id && one.redirect_uri == redirect_uri);
        one.map(|one| one.identity.clone())
    }

    /// Notes the session that came of a request.
    pub(crate) fn session_of(&self, redirect_uri: &str, sid: &str) {
        if let Some(one) = self.awaited().iter_mut().find(|one| one.redirect_uri == redirect_uri)
            && one.sids.len() < SESSIONS
        {
            one.sids.push(sid.to_owned());
        }
    }

    fn awaited(&self) -> std::sync::MutexGuard<'_, Vec<Awaited>> {
        self.0.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AwaitedLogin {
    /// The sessions that came of it up to now, in order.
    pub fn sids(&self) -> Vec<String> {
        let awaited = self.psc.awaited();
        let one = awaited.iter().find(|one| one.redirect_uri == self.redirect_uri);
        one.map(|one| one.sids.clone()).unwrap_or_default()
    }
}

impl Drop for AwaitedLogin {
    fn drop(&mut self) {
        self.psc.awaited().retain(|one| one.redirect_uri != self.redirect_uri);
    }
}
