use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::name::absolute;

/// Longest that an answer can be held back.
const SLOWEST: Duration = Duration::from_secs(60);

/// How an answer goes wrong, on UDP and TCP alike unless said otherwise.
///
/// In scripts a fault is a word (`nxdomain`, `not-offered`, `servfail`, `refused`, `truncate`, `truncate-without-tcp`,
/// `wrong-id`, `silent`) or a word and what it needs (`slow=2s`, `slow=800ms`, `changed-target=imap.example.fr:1143`);
/// [`FromStr`] and [`fmt::Display`] are inverses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// The name does not exist (RFC 1035 §4.1.1, RCODE 3).
    NxDomain,
    /// SRV questions alone: the only target is the root, so that the service is decidedly not available (RFC 2782).
    NotOffered,
    /// The server could not do it (RCODE 2).
    ServFail,
    /// The server does not want to (RCODE 5).
    Refused,
    /// Over UDP nothing but the TC bit; over TCP the truth (RFC 7766 §5).
    Truncate,
    /// Over UDP nothing but the TC bit; over TCP the connection closes without an answer.
    TruncateWithoutTcp,
    /// The truth, so much later. At most a minute.
    Slow(Duration),
    /// SRV questions alone: one target, which is elsewhere. While armed, that host has the sandbox's addresses.
    ChangedTarget {
        /// Host name, in the sandbox's domain or not.
        host: String,
        /// Port.
        port: u16,
    },
    /// The truth, with the identifier of another question: no client may believe it (RFC 5452 §4.3).
    WrongId,
    /// No answer at all.
    Silent,
}

/// A text that names no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is none of that name.
    #[error("there is no DNS fault {given:?}; the nearest is \"{nearest}\"")]
    Unknown {
        /// What was given.
        given: String,
        /// The name that is most like it.
        nearest: &'static str,
    },
    /// What comes after `=` does not fit.
    #[error("the DNS fault \"{fault}\" takes {expected}, not {given:?}")]
    Argument {
        /// The fault.
        fault: &'static str,
        /// What it takes, in words.
        expected: &'static str,
        /// What was given; empty where nothing was.
        given: String,
    },
}

impl Fault {
    /// The names of all faults, without what some of them need.
    pub const NAMES: [&'static str; 10] = [
        "nxdomain",
        "not-offered",
        "servfail",
        "refused",
        "truncate",
        "truncate-without-tcp",
        "slow",
        "changed-target",
        "wrong-id",
        "silent",
    ];

    /// The fault's name, without what it needs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NxDomain => "nxdomain",
            Self::NotOffered => "not-offered",
            Self::ServFail => "servfail",
            Self::Refused => "refused",
            Self::Truncate => "truncate",
            Self::TruncateWithoutTcp => "truncate-without-tcp",
            Self::Slow(_) => "slow",
            Self::ChangedTarget { .. } => "changed-target",
            Self::WrongId => "wrong-id",
            Self::Silent => "silent",
        }
    }

    /// Whether only SRV questions suffer it.
    pub(crate) fn is_about_services(&self) -> bool {
        matches!(self, Self::NotOffered | Self::ChangedTarget { .. })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Slow(wait) => write!(f, "={}ms", wait.as_millis()),
            Self::ChangedTarget { host, port } => write!(f, "={host}:{port}"),
            _ => Ok(()),
        }
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (word, argument) = match text.split_once('=') {
            Some((word, argument)) => (word.trim(), argument.trim()),
            None => (text.trim(), ""),
        };
        let given = || argument.chars().take(100).collect::<String>();
        let plain = |fault: Self| match argument {
            "" => Ok(fault),
            _ => Err(FaultError::Argument { fault: fault.name(), expected: "nothing", given: given() }),
        };
        // `nx-domain` and `NXDOMAIN` are the same word.
        let bare = |word: &str| word.replace(['-', '_'], "").to_ascii_lowercase();
        let known = Self::NAMES.into_iter().find(|name| bare(name) == bare(word));
        match known {
            Some("nxdomain") => plain(Self::NxDomain),
            Some("not-offered") => plain(Self::NotOffered),
            Some("servfail") => plain(Self::ServFail),
            Some("refused") => plain(Self::Refused),
            Some("truncate") => plain(Self::Truncate),
            Some("truncate-without-tcp") => plain(Self::TruncateWithoutTcp),
            Some("wrong-id") => plain(Self::WrongId),
            Some("silent") => plain(Self::Silent),
            Some("slow") => wait(argument).map(Self::Slow).ok_or_else(|| FaultError::Argument {
                fault: "slow",
                expected: "a duration of at most a minute, such as 2s or 800ms",
                given: given(),
            }),
            Some("changed-target") => target(argument)
                .map(|(host, port)| Self::ChangedTarget { host, port })
                .ok_or_else(|| FaultError::Argument {
                    fault: "changed-target",
                    expected: "a host name and a port, such as imap.example.fr:1143",
                    given: given(),
                }),
            _ => Err(FaultError::Unknown { given: word.chars().take(100).collect(), nearest: nearest(word) }),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}

fn wait(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s')?, 1_000),
    };
    let milliseconds = digits.trim().parse::<u64>().ok()?.checked_mul(unit)?;
    Some(Duration::from_millis(milliseconds)).filter(|wait| *wait <= SLOWEST)
}

fn target(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    absolute(host).ok()?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some((host.trim_end_matches('.').to_ascii_lowercase(), port))
}

/// The name that takes the fewest changes of one letter to come from `word`.
fn nearest(word: &str) -> &'static str {
    let word: Vec<char> = word.chars().take(40).flat_map(char::to_lowercase).collect();
    let distance = |name: &str| {
        let mut row: Vec<usize> = (0..=word.len()).collect();
        for (line, letter) in name.chars().enumerate() {
            let mut corner = row[0];
            row[0] = line + 1;
            for column in 0..word.len() {
                let change = corner + usize::from(word[column] != letter);
                corner = row[column + 1];
                row[column + 1] = change.min(corner + 1).min(row[column] + 1);
            }
        }
        row[word.len()]
    };
    Fault::NAMES.into_iter().min_by_key(|name| distance(name)).unwrap_or(Fault::NAMES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let slow = Fault::Slow(Duration::from_millis(1_500));
        let moved = Fault::ChangedTarget { host: "imap.example.fr".into(), port: 1143 };
        for fault in [
            Fault::NxDomain,
            Fault::NotOffered,
            Fault::ServFail,
            Fault::Refused,
            Fault::Truncate,
            Fault::TruncateWithoutTcp,
            slow,
            moved,
            Fault::WrongId,
            Fault::Silent,
        ] {
            assert_eq!(fault.to_string().parse(), Ok(fault.clone()));
            assert!(Fault::NAMES.contains(&fault.name()));
        }
        assert_eq!("NX-Domain".parse(), Ok(Fault::NxDomain));
        assert_eq!("slow=2s".parse(), Ok(Fault::Slow(Duration::from_secs(2))));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_nearest_name() {
        let wrong = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(wrong("nxdomian").ends_with("the nearest is \"nxdomain\""), "{}", wrong("nxdomian"));
        assert!(wrong("trunc").ends_with("\"truncate\""), "{}", wrong("trunc"));
        assert!(wrong("").contains("nearest"));
        for text in ["slow", "slow=2", "slow=61s", "slow=-1s", "slow=99999999999999999999s"] {
            assert!(wrong(text).contains("a duration"), "{text}: {}", wrong(text));
        }
        for text in ["changed-target", "changed-target=host", "changed-target=a..b:1", "changed-target=a.b:0"]
        {
            assert!(wrong(text).contains("a host name and a port"), "{text}: {}", wrong(text));
        }
        assert!(wrong("silent=yes").contains("takes nothing"));
    }
}
