use kernel::Timestamp;

use crate::Bench;
use crate::error::Error;

/// One line of the checklist that MOTCO2 asks for before an account is made (spec 00).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// `convergence`, `nil`, `candidature`, `droits`, `cpx`, `id-psc`, `id-app`, `bas-psc`.
    pub id: &'static str,
    /// When it was ticked, if it is.
    pub ticked: Option<Timestamp>,
}

impl Bench {
    /// The checklist of a product, in the order in which things are done.
    ///
    /// # Errors
    /// `unknown_product`.
    pub async fn prerequisites(&self, nil: &str) -> Result<Vec<Prerequisite>, Error> {
        let _ = nil;
        todo!()
    }

    /// Ticks or unticks a line; a line ticked again keeps its first date.
    ///
    /// # Errors
    /// `unknown_product`; `bad_input` where no line has this id.
    pub async fn tick(&self, nil: &str, id: &str, ticked: bool) -> Result<(), Error> {
        let _ = (nil, id, ticked);
        todo!()
    }
}
