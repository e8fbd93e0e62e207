use journal::Journal;
use web::Peer;
use wire::{Direction, Fact, Origin, Service};

/// Tells the journal what a client asked and what it got, so that a judge can see a refresh beside a login.
///
/// One entry of the journal per request, not per connection: HTTP connections are pooled by clients and mean
/// nothing. Query and body are never told: codes and tokens travel there.
#[derive(Debug)]
pub(crate) struct Witness(Option<Journal>);

impl Witness {
    pub(crate) fn new(journal: Option<Journal>) -> Self {
        Self(journal)
    }

    /// A fault that has just struck: an entry of its own, since it may leave no answer to stand beside.
    pub(crate) fn fault(&self, text: &str) {
        self.state(None, "", text);
    }

    /// `request` is method and path; `outcome` is in words, with digests and identifiers only.
    pub(crate) fn state(&self, peer: Option<Peer>, request: &str, outcome: &str) {
        let Some(journal) = &self.0 else { return };
        let mut tap = journal.connect(Origin {
            service: Service::Psc,
            peer: peer.map_or_else(String::new, |peer| peer.address.to_string()),
            port: peer.map_or(0, |peer| peer.port),
            implicit_tls: true,
            run: None,
        });
        if !request.is_empty() {
            tap.line(Direction::Client, request, false);
        }
        tap.record(Fact::Note { text: outcome.to_owned() });
        tap.record(Fact::Closed { reason: "eof".into() });
        tap.flush();
    }
}
