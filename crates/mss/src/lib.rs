//! MSSanté mail, without sockets: addresses, the four `X-MSS-*` headers, composing and reading.
//!
//! What goes into a message is decided here and nowhere else, so that every way of sending (a screen, a retry, the
//! adapter of the bench) yields the same bytes. Reading is lenient, because a judge must see what a bad client
//! wrote; writing is strict, because what leaves carries health data: a value that cannot be written safely is a
//! typed error, never silently dropped or repaired.
//!
//! The crate that writes MIME (`mail-builder`) stays behind this boundary; reading is our own, see the module `mime`.

mod address;
mod bundle;
mod carried;
mod compose;
mod draft;
mod header;
mod hprim;
mod interpret;
mod label;
mod limits;
mod mailbox;
mod message_id;
mod mime;
mod receipt;
mod suggestion;

pub use address::{Address, AddressError, PATIENT_DOMAIN};
pub use bundle::{one_line, type_label};
pub use carried::{Carried, CarriedDocument, carried};
pub use compose::{ComposeError, Composed, Note, compose, compose_noted};
pub use draft::{Document, Draft};
pub use header::{
    CLOSE_EXCHANGE, Field, Indicators, X_MSS_CODECDA, X_MSS_INS, X_MSS_MES, X_MSS_NIL, fields, header_values,
};
pub use hprim::{
    Hprim, HprimKind, HprimLine, HprimParty, HprimReport, HprimResult, Judged, Level, Range,
    looks_like_hprim, read_hprim,
};
pub use interpret::{
    Attachment, FileKind, Interpreted, MOTCO2_PATIENT, MailProblem, Opened, Parent, PartFacts, PatientSender,
    ReceivedArchive, ReceivedDocument, Sender, Settings, Unopened, UserDomain, XDM_MARKER, answer_subject,
    interpret, interpret_with, without_marker,
};
pub use label::Label;
pub use limits::MailLimits;
pub use mailbox::Mailbox;
pub use message_id::{MessageId, MessageIdError};
pub use receipt::{
    Answer, AnswerError, Bounce, BounceCause, Clue, Delivery, DeliveryAction, Disposition, Dsn, DsnRequest,
    IntegrationError, Mdn, MdnRequest, Original, Receipt, ReceiptBytes, Report, Reserve,
};
pub use suggestion::{Source, Suggested, Suggestion};
pub use xdm::Action;
