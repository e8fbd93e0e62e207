//! The parts of a received mail. The MIME reader has a history of panics on crafted input: it is called behind a net, and
//! nowhere else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{MessageParser, MimeHeaders as _, PartType};

/// Parts of one mail that are looked at.
const MOST_PARTS: usize = 1_000;

/// A part that is no container.
pub(crate) struct Part {
    /// The file name, decoded (RFC 2231, RFC 2047).
    pub(crate) name: Option<String>,
    /// The content, its transfer encoding undone.
    pub(crate) bytes: Vec<u8>,
}

/// Why a mail's parts cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MimeError {
    /// Larger than any mail that an operator takes.
    #[error("the mail is larger than any that is read")]
    TooLarge,
    /// No header at all, or a structure that the reader gives up on.
    #[error("the mail's MIME structure cannot be read")]
    Unreadable,
}

/// The parts that are files: containers, texts without a name and mails within the mail are left out.
pub(crate) fn parts(message: &[u8]) -> Result<Vec<Part>, MimeError> {
    if message.len() as u64 > 4 * kernel::Limits::default().message {
        return Err(MimeError::TooLarge);
    }
    let read = catch_unwind(AssertUnwindSafe(|| {
        let parsed = MessageParser::default().parse(message)?;
        let parts = parsed.parts.iter().take(MOST_PARTS).filter_map(|part| {
            let name = part.attachment_name().map(str::to_owned);
            let file = match part.body {
                PartType::Binary(_) | PartType::InlineBinary(_) => true,
                PartType::Text(_) | PartType::Html(_) => name.is_some(),
                PartType::Message(_) | PartType::Multipart(_) => false,
            };
            file.then(|| Part { name, bytes: part.contents().to_vec() })
        });
        Some(parts.collect())
    }));
    match read {
        Ok(Some(parts)) => Ok(parts),
        Ok(None) => Err(MimeError::Unreadable),
        Err(_) => {
            tracing::warn!("the MIME reader gave up on a mail");
            Err(MimeError::Unreadable)
        }
    }
}
