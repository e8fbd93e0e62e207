//! What IMAP will be asked of a message, learned while the message streams in, so that nobody reads it again.
//!
//! A crate of its own because both servers take messages in (SMTP, and APPEND), neither knows the other, `imap` knows of no
//! store, and the store of no IMAP.

use std::sync::Arc;

use imap::date::day_number;
use imap::mime::Learner;
use kernel::Timestamp;
use mailstore::{Heads, Learned};

/// Reads a message in pieces, its trace lines first where it has some: what is learned is of the whole that is stored.
#[derive(Debug, Default)]
pub struct Reading(Learner);

impl Reading {
    /// Reads the next octets, of any number.
    pub fn push(&mut self, piece: &[u8]) {
        self.0.push(piece);
    }

    /// What was learned, as the store keeps it.
    pub fn finish(self) -> Arc<Learned> {
        let learned = self.0.finish();
        let heads = learned.heads;
        Arc::new(Learned {
            structure: learned.structure.into(),
            preview: Some(learned.preview),
            heads: Some(Heads {
                from: heads.from,
                to: heads.to,
                cc: heads.cc,
                bcc: heads.bcc,
                subject: heads.subject,
                message_id: heads.message_id,
                sent_day: heads.sent.map(day_number),
                sent_at: heads.sent_at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
            }),
            text: learned.text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_a_part_of_what_is_learned() {
        let mut reading = Reading::default();
        reading.push(b"Return-Path: <>\r\n");
        reading
            .push(b"From: Dr <a@b>\r\nDate: Sat, 3 Jan 1970 23:00:00 -0500\r\nSubject: x\r\n\r\nBonjour\r\n");
        let learned = reading.finish();
        let heads = learned.heads.as_ref().unwrap();
        assert_eq!((heads.from.as_deref(), heads.sent_day), (Some("dr <a@b>"), Some(2)));
        assert_eq!(heads.sent_at.unwrap().to_string(), "1970-01-04T04:00:00Z");
        assert_eq!(learned.preview.as_deref(), Some("Bonjour"));
        assert!(!learned.structure.is_empty());
    }
}
