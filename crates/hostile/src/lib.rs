//! What each parser of the house is asked of any bytes; never part of a release.
//!
//! A [`Target`] takes bytes and calls a parser with them. It returns where the parser keeps its promises, whatever it
//! makes of the bytes, and panics where one is broken. The promises are more than "no panic": the same stream cut
//! elsewhere means the same, what was read and written again reads the same, a page holds no element that the house did
//! not put there, a secret does not pass the mask.
//!
//! The same functions serve the fuzzer (`fuzz/`, which finds bytes) and an ordinary test (which replays all bytes ever
//! found, at each `./check`), so that what was found once stays found.

mod documents;
mod imap_wire;
mod login;
mod mail;
mod proofs;
mod smtp_wire;

/// A parser, and what is asked of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, that of its folder in `fuzz/corpus` and of its program in `fuzz/targets`.
    pub name: &'static str,
    /// The longest input worth making, in octets.
    pub longest: usize,
    /// Panics where a promise is broken.
    pub run: fn(&[u8]),
}

/// All of them, in the order in which they are fuzzed.
pub const TARGETS: [Target; 22] = [
    Target { name: "cda", longest: 32_768, run: documents::cda },
    Target { name: "pdfa", longest: 16_384, run: documents::pdfa },
    Target { name: "xdm", longest: 32_768, run: documents::xdm },
    Target { name: "matricule", longest: 64, run: documents::matricule },
    Target { name: "mail", longest: 32_768, run: mail::mail },
    Target { name: "receipt", longest: 16_384, run: mail::receipt },
    Target { name: "hprim", longest: 16_384, run: mail::hprim },
    Target { name: "inspect", longest: 32_768, run: mail::inspect },
    Target { name: "imap_command", longest: 8_192, run: imap_wire::command },
    Target { name: "imap_response", longest: 8_192, run: imap_wire::response },
    Target { name: "imap_mime", longest: 16_384, run: imap_wire::mime },
    Target { name: "imap_thread", longest: 8_192, run: imap_wire::thread },
    Target { name: "mutf7", longest: 512, run: imap_wire::mutf7 },
    Target { name: "smtp_command", longest: 4_096, run: smtp_wire::command },
    Target { name: "smtp_data", longest: 8_192, run: smtp_wire::data },
    Target { name: "smtp_reply", longest: 4_096, run: smtp_wire::reply },
    Target { name: "sasl", longest: 4_096, run: login::sasl },
    Target { name: "oidc", longest: 8_192, run: login::oidc },
    Target { name: "client_hello", longest: 4_096, run: login::client_hello },
    Target { name: "scenario", longest: 8_192, run: proofs::scenario },
    Target { name: "fault_script", longest: 8_192, run: proofs::fault_script },
    Target { name: "proof", longest: 65_536, run: proofs::proof },
];

/// Runs one target by its name.
///
/// # Panics
/// Where there is no such target, or where the parser breaks a promise.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("no target is named {name}")).run)(bytes);
}

/// The same bytes, cut as a network might: pieces of 1 to 64 octets.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    let mut sizes = [1, 2, 5, 64, 1, 3, 17].into_iter().cycle();
    std::iter::from_fn(move || {
        let size = sizes.next()?.min(rest.len());
        let (piece, after) = rest.split_at(size);
        rest = after;
        (size > 0).then_some(piece)
    })
}
