//! The texts on the screens: French first, English complete.
//!
//! Texts live in two Fluent files (`locales/fr/`, `locales/en/`, one file per area of the screens) and are compiled into the program, so a
//! screen never waits for a file and never meets half a translation: a test compares both files, identifier by
//! identifier and variable by variable, and looks for identifiers that no page uses.
//!
//! Typography is applied when the files are loaded rather than typed by hand: the narrow no-break space that
//! French wants before `: ; ? ! »` and after `«` cannot be seen in an editor, so it would be forgotten.
//!
//! ```
//! use i18n::{Lang, text, text_with};
//! assert_eq!(Lang::negotiate(Some("en-GB,en;q=0.9,fr;q=0.5"), None), Lang::En);
//! assert_eq!(text(Lang::Fr, "shell-skip"), "Aller au contenu");
//! assert!(text_with(Lang::En, "wallet-back-to", &[("place", "https://lps.example".into())]).contains("lps.example"));
//! ```

mod bundle;
mod lang;
mod typography;

pub use bundle::{Arg, text, text_with};
pub use lang::Lang;
