//! The desk: everything around the runs that a tester needs to sit down and work. Accounts are corrected, lists come
//! in as CSV, prerequisites are ticked, the history is searched, services are looked at before a window opens.
//!
//! Nothing here judges: a verdict is made by [`judge`](crate::judge) alone.

mod accounts;
mod compare;
mod history;
mod import;
mod nodes;
mod preflight;
mod prerequisites;
mod probe;
mod settings;

pub(crate) use accounts::Owners;
pub use accounts::ProductEdit;
pub use compare::{Comparison, Difference};
pub use history::{Activity, Filter, Page, Rerun};
pub use import::{ImportReport, ImportRow};
pub use nodes::{Node, NodeState};
pub use preflight::PreflightStep;
pub use prerequisites::Prerequisite;
pub use probe::{is_probe, tells_probe};
pub use settings::Settings;
