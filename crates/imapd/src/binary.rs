//! BINARY (RFC 3516): parts with their encoding undone, in two readings: one counts, the other sends. Neither holds
//! more than a chunk.

use imap::mime::{Part, Transfer, TransferDecoder, part_of};

use crate::connection::End;
use crate::fetch::{Fault, InHand, cut};
use crate::pieces::{Decoded, Pieces};
use crate::session::Session;

/// What the first reading finds.
struct Measure {
    size: u64,
    has_nul: bool,
}

impl Session {
    /// Adds a part's decoded octets; NIL where there is no such part.
    pub(crate) async fn binary(
        &self,
        message: &InHand<'_>,
        tree: Option<&Part>,
        part: &[u32],
        partial: Option<(u32, u32)>,
        out: &mut Pieces,
    ) -> Result<(), Fault> {
        let Some((start, end, transfer)) = range(message, tree, part)? else {
            out.text("NIL");
            return Ok(());
        };
        let measure = self.measure(message, start, end, transfer).await?;
        let (skip, len) = cut(measure.size, partial);
        out.decoded(Decoded { start, end, transfer, skip, len }, measure.has_nul);
        Ok(())
    }

    /// How many octets the part is, decoded; 0 where there is no such part.
    pub(crate) async fn binary_size(
        &self,
        message: &InHand<'_>,
        tree: Option<&Part>,
        part: &[u32],
    ) -> Result<u64, Fault> {
        match range(message, tree, part)? {
            None => Ok(0),
            Some((start, end, transfer)) => Ok(self.measure(message, start, end, transfer).await?.size),
        }
    }

    async fn measure(
        &self,
        message: &InHand<'_>,
        start: u64,
        end: u64,
        transfer: Transfer,
    ) -> Result<Measure, db::Error> {
        let mut measure = Measure { size: 0, has_nul: false };
        let mut decoder = TransferDecoder::new(transfer);
        let (mut at, mut octets) = (start, Vec::new());
        loop {
            octets.clear();
            let chunk = if at < end {
                message.read(&self.context.store, at, end - at).await?
            } else {
                Default::default()
            };
            if chunk.is_empty() {
                decoder.finish(&mut octets);
            } else {
                decoder.push(&chunk, &mut octets);
            }
            measure.size += octets.len() as u64;
            measure.has_nul |= octets.contains(&0);
            at += chunk.len() as u64;
            if chunk.is_empty() {
                return Ok(measure);
            }
        }
    }

    pub(crate) async fn stream_decoded(&mut self, message: &InHand<'_>, wanted: &Decoded) -> Result<(), End> {
        let mut decoder = TransferDecoder::new(wanted.transfer);
        let (mut at, mut octets) = (wanted.start, Vec::new());
        let (mut skip, mut left) = (wanted.skip, wanted.len);
        let mut wrong = self.wrong_literal(wanted.len);
        self.connection.mid_literal = true;
        while left > 0 {
            octets.clear();
            if at < wanted.end {
                let chunk = self.literal_chunk(message, at, wanted.end).await?;
                at += chunk.len() as u64;
                decoder.push(&chunk, &mut octets);
            } else {
                decoder.finish(&mut octets);
                if octets.is_empty() {
                    return Err(End::Broken("a decoded part became shorter".into()));
                }
            }
            let from = usize::try_from(skip).unwrap_or(usize::MAX).min(octets.len());
            skip -= from as u64;
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(octets.len() - from);
            left -= count as u64;
            self.literal_octets(&octets[from..from + count], &mut wrong).await?;
        }
        self.connection.mid_literal = false;
        Ok(())
    }
}

/// Where the part's body is, and how it is written. The message itself is as it is.
fn range(
    message: &InHand<'_>,
    tree: Option<&Part>,
    numbers: &[u32],
) -> Result<Option<(u64, u64, Transfer)>, Fault> {
    let Some(tree) = tree else { return Ok(Some((0, message.meta.size, Transfer::Identity))) };
    let Some(part) = part_of(tree, numbers) else { return Ok(None) };
    let transfer = Transfer::of(&part.encoding).ok_or(Fault::UnknownEncoding)?;
    Ok(Some((part.body, part.end, transfer)))
}
