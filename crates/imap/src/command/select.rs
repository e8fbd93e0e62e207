//! Parameters of SELECT and EXAMINE (RFC 7162 §3.1.8, §3.2.5).

use crate::SequenceSet;
use crate::cursor::{Cursor, Parse, ParseError};

/// What a client asks beside the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectParams {
    /// CONDSTORE: mod-sequences are wanted from now on.
    pub condstore: bool,
    /// QRESYNC: tell what changed since.
    pub resync: Option<Resync>,
}

/// What a client that comes back still knows of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resync {
    /// The folder's UIDVALIDITY as the client knows it; where it is another one, nothing else counts.
    pub uid_validity: u32,
    /// The mod-sequence up to which the client knows everything.
    pub modseq: u64,
    /// The UIDs that the client has; all, where there are none.
    pub known_uids: Option<SequenceSet>,
    /// Sequence numbers and the UIDs that they stood for: two sets of the same length, without `*`.
    pub pairs: Option<(SequenceSet, SequenceSet)>,
}

/// Reads ` (CONDSTORE QRESYNC (...))`, space included, or nothing.
pub(super) fn params(cursor: &mut Cursor<'_>) -> Parse<SelectParams> {
    let mut params = SelectParams::default();
    if !cursor.eat(b' ') {
        return Ok(params);
    }
    cursor.list(|cursor| {
        let at = cursor.at();
        match cursor.atom()?.to_ascii_uppercase().as_str() {
            "CONDSTORE" => params.condstore = true,
            "QRESYNC" if params.resync.is_none() => {
                cursor.space()?;
                params.resync = Some(resync(cursor)?);
            }
            _ => return Err(ParseError { at, expected: "CONDSTORE or QRESYNC, each once (RFC 7162)" }),
        }
        Ok(())
    })?;
    Ok(params)
}

fn resync(cursor: &mut Cursor<'_>) -> Parse<Resync> {
    cursor.expect(b'(', "( and the UIDVALIDITY that is known")?;
    let uid_validity = cursor.nz_number()?;
    cursor.space()?;
    let at = cursor.at();
    let modseq = modseq(cursor)?;
    if modseq == 0 {
        return Err(ParseError { at, expected: "a mod-sequence above 0" });
    }
    let (mut known_uids, mut pairs) = (None, None);
    if cursor.eat(b' ') {
        if cursor.peek() != Some(b'(') {
            known_uids = Some(known(cursor)?);
        }
        if known_uids.is_none() || cursor.eat(b' ') {
            let at = cursor.at();
            cursor.expect(b'(', "( and the known sequence numbers")?;
            let numbers = known(cursor)?;
            cursor.space()?;
            let uids = known(cursor)?;
            cursor.expect(b')', ") after the known UIDs")?;
            if numbers.len() != uids.len() {
                return Err(ParseError { at, expected: "as many known sequence numbers as known UIDs" });
            }
            pairs = Some((numbers, uids));
        }
    }
    cursor.expect(b')', ") at the end of QRESYNC's parameters")?;
    Ok(Resync { uid_validity, modseq, known_uids, pairs })
}

/// `known-uids`: a set without `*`.
fn known(cursor: &mut Cursor<'_>) -> Parse<SequenceSet> {
    let at = cursor.at();
    let set = SequenceSet::read(cursor)?;
    if set.has_last() { Err(ParseError { at, expected: "a set without *" }) } else { Ok(set) }
}

/// `mod-sequence-valzer`: at most 63 bits (RFC 7162 §7).
pub(super) fn modseq(cursor: &mut Cursor<'_>) -> Parse<u64> {
    let at = cursor.at();
    let value = cursor.number64()?;
    if i64::try_from(value).is_err() {
        return Err(ParseError { at, expected: "a mod-sequence below 2^63" });
    }
    Ok(value)
}
