//! Randomness: from the system where it must be unguessable, from a seed where a run must be replayed.

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng, TryRngCore};

/// `N` unguessable bytes from the operating system.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    rand::rngs::OsRng.try_fill_bytes(&mut out).expect("the operating system gives random bytes");
    out
}

/// An unguessable identifier of 128 bits, as 26 lower-case letters and digits (Crockford's base 32: no i, l, o, u).
pub fn id() -> String {
    base32(u128::from_be_bytes(bytes::<16>()), 26)
}

/// A short unguessable mark of 60 bits, as 12 letters and digits: fits the local part of an address.
pub fn mark() -> String {
    base32(u128::from_be_bytes(bytes::<16>()), 12)
}

fn base32(mut value: u128, digits: usize) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut out = vec![b'0'; digits];
    for slot in out.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    out.into_iter().map(char::from).collect()
}

/// A seeded generator: same seed, same sequence. Never used for a secret.
#[derive(Clone, Debug)]
pub struct Rng(StdRng);

impl Rng {
    /// The generator of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64 }
    }

    /// A mark of 12 letters and digits that depends on the seed alone.
    pub fn mark(&mut self) -> String {
        base32(u128::from(self.draw()), 12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_sequence() {
        let (mut a, mut b, mut c) = (Rng::seeded(7), Rng::seeded(7), Rng::seeded(8));
        assert_eq!(a.mark(), b.mark());
        assert_eq!(a.below(1000), b.below(1000));
        assert_ne!(a.draw(), c.draw());
    }

    #[test]
    fn identifiers_do_not_repeat_and_have_their_length() {
        assert_ne!(id(), id());
        assert_eq!((id().len(), mark().len()), (26, 12));
    }
}
