/// Something about a mail that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailProblem {
    /// Nothing of it was read.
    #[error("the mail has {size} octets; at most {limit} are read")]
    TooLarge {
        /// Its size.
        size: u64,
        /// [`crate::MailLimits::message`].
        limit: u64,
    },
    /// No field at all.
    #[error("the mail has no header")]
    NoHeader,
    /// [`crate::MailLimits::parts`].
    #[error("the mail has too many parts: those after the first {limit} were not read")]
    TooManyParts {
        /// The limit.
        limit: usize,
    },
    /// [`crate::MailLimits::depth`].
    #[error("the mail is nested too deep: what stands deeper than {limit} was not read")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// [`crate::MailLimits::head`] or [`crate::MailLimits::fields`].
    #[error("a header section is too long: its end was not read")]
    Head,
    /// A multipart without its boundary.
    #[error("a multipart has no boundary, or one that its body does not hold: it was read as text")]
    NoBoundary,
    /// A multipart that ends without its closing delimiter: the mail may have been cut.
    #[error("a multipart is not closed: the mail may have been cut")]
    NotClosed,
    /// A file whose transfer encoding is damaged.
    #[error("attachment {position}: its base64 or quoted-printable is damaged")]
    Transfer {
        /// From 1.
        position: usize,
    },
    /// A declared type that the octets deny.
    #[error("attachment {position}: it is declared {declared} and is something else")]
    Mislabelled {
        /// From 1.
        position: usize,
        /// As declared.
        declared: String,
    },
    /// Outlook's `winmail.dat` (TNEF): what is in it stays unread.
    #[error(
        "attachment {position} is a winmail.dat of Outlook (TNEF): the text and the files in it were not read"
    )]
    Tnef {
        /// From 1.
        position: usize,
    },
    /// An archive that cannot be opened.
    #[error("attachment {position}: {error}")]
    Archive {
        /// From 1.
        position: usize,
        /// Why.
        error: xdm::OpenError,
    },
    /// A fault of an archive that was read all the same.
    #[error("attachment {position}: {problem}")]
    Xdm {
        /// From 1.
        position: usize,
        /// The fault.
        problem: xdm::Problem,
    },
    /// More than one archive (MSS/va1.01), or more than are opened.
    #[error("the mail has {count} IHE_XDM archives; one is allowed")]
    Archives {
        /// How many.
        count: usize,
    },
    /// The text is cut at [`crate::MailLimits::text`].
    #[error("the text is too long: its end is left out")]
    Text,
}
