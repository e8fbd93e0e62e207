use crate::archive::{find, is_aside, is_metadata};
use crate::entries::Packed;
use crate::{Action, Limits, OpenError, metadata};

/// How much of a document is unpacked at first, in octets. Headers of published examples have 25 000.
const HEAD: u64 = 64 * 1024;

/// A document of an archive, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Path in the archive.
    pub path: String,
    /// What is to be done with it.
    pub action: Action,
    /// Whether METADATA.XML names it.
    pub listed: bool,
    /// Whose it is, what it is, what it replaces: its header.
    pub header: Result<cda::Document, cda::Error>,
}

/// Whose the documents of an archive are, what they are, and what is to be done with them: for a list of mails, where the
/// documents themselves are of no use yet. CDA documents alone, those of METADATA.XML first and in its order.
///
/// The archive is refused as [`crate::Archive::open`] refuses it, as far as can be told without unpacking what is not
/// needed: checksums, hashes, sizes and what unpacks to too much are that function's to find, and a document must be opened
/// with it before it is used.
///
/// # Errors
/// [`OpenError`].
pub fn glance(bytes: &[u8], limits: &Limits) -> Result<Vec<Glance>, OpenError> {
    let mut packed = Packed::open(bytes, limits)?;
    let count = packed.paths.len();
    let mut taken = vec![false; count];
    let mut found = Vec::new();
    for index in 0..count {
        if !is_metadata(&packed.paths[index]) {
            continue;
        }
        taken[index] = true;
        let path = packed.paths[index].clone();
        let Some(bytes) = packed.unpack(index)? else { continue };
        for entry in metadata::read(&bytes).unwrap_or_default() {
            let paths = packed.paths.iter().map(String::as_str);
            let at = entry.uri.as_deref().and_then(|uri| find(paths, &path, uri));
            if let Some(at) = at.filter(|&at| !std::mem::replace(&mut taken[at], true)) {
                found.extend(look(&mut packed, at, entry.action, true)?);
            }
        }
    }
    for at in (0..count).filter(|&at| !taken[at]) {
        if !is_aside(&packed.paths[at]) {
            found.extend(look(&mut packed, at, Action::Create, false)?);
        }
    }
    Ok(found)
}

/// `None` for what is no CDA.
fn look(
    packed: &mut Packed<'_>,
    at: usize,
    action: Action,
    listed: bool,
) -> Result<Option<Glance>, OpenError> {
    let Some(head) = packed.beginning(at, HEAD)?.filter(|head| cda::looks_like_cda(head)) else {
        return Ok(None);
    };
    let mut header = cda::read_header(&head);
    if header.is_err() && head.len() as u64 == HEAD {
        // A header longer than most, or an encoding that is cut in the middle of a character.
        if let Some(whole) = packed.unpack(at)? {
            header = cda::read_header(&whole);
        }
    }
    Ok(Some(Glance { path: packed.paths[at].clone(), action, listed, header }))
}
