use xdm::{Archive, OpenError, Problem};

/// An IHE_XDM archive of a mail. Its documents are in [`crate::Interpreted::documents`], those of this archive by
/// [`crate::ReceivedDocument::attachment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedArchive {
    /// Place of its attachment.
    pub attachment: usize,
    /// It was told by its name, `IHE_XDM.zip` in any case; else by the METADATA.XML that it holds.
    pub named: bool,
    /// It stands in a mail that is attached to this one.
    pub nested: bool,
    /// What is in it, documents apart; or why that is not known.
    pub outcome: Result<Opened, Unopened>,
}

/// What an archive holds besides its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Every file, by path, in the order of the archive.
    pub files: Vec<String>,
    /// Faults that did not stop the reading.
    pub problems: Vec<Problem>,
}

/// Why an archive was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unopened {
    /// It is damaged, or hostile.
    #[error(transparent)]
    Refused(OpenError),
    /// The mail holds more than [`crate::MailLimits::archives`].
    #[error("the mail holds more than {limit} archives: this one was not opened")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// `IHE_XDM.zip` as the reference spells it, in any case; with a hyphen, as some senders do.
pub(crate) fn is_xdm_name(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case(xdm::FILE_NAME) || name.eq_ignore_ascii_case("ihe-xdm.zip")
}

pub(crate) fn holds_metadata(archive: &Archive) -> bool {
    archive.files.iter().any(|path| {
        let path = path.to_ascii_uppercase();
        path.starts_with("IHE_XDM/") && path.ends_with("/METADATA.XML")
    })
}
