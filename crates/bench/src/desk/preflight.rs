use std::time::Duration;

use crate::Bench;
use crate::Product;
use crate::adapter::Adapter;
use crate::error::Error;
use crate::scenario::Scenario;

/// One named step of what is looked at before a window opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightStep {
    /// `address`, `port`, `tls`, `certificate`, `token`, `mailbox`, `adapter`.
    pub id: &'static str,
    /// What was looked at: `localhost:1143`, an address, a file, a program.
    pub subject: String,
    /// Why it cannot be used; `None` where it can.
    pub fault: Option<String>,
    /// What to do where it cannot.
    pub next: String,
    /// How long it took.
    pub took: Duration,
}

impl Bench {
    /// Looks at everything that a run of `job` needs, so that what fails later is the client: the address (or name),
    /// the port, the TLS trust of the lab's own anchors with STARTTLS, the AUTH_CLI certificate (there, matching its key, not
    /// expired), a token from PSC, the mailbox, the adapter's program. Only what the job needs is looked at.
    ///
    /// # Errors
    /// Where the database cannot be read; a fault is no error, it is in its step.
    pub async fn preflight(
        &self,
        product: &Product,
        job: &Scenario,
        adapter: Option<&Adapter>,
    ) -> Result<Vec<PreflightStep>, Error> {
        let _ = (product, job, adapter);
        todo!()
    }
}
