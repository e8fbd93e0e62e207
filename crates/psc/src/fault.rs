//! What the sandbox can be told to do wrong, for one client or for all (spec of the sandbox: bad tokens, outages).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::provider::Psc;

/// Faults armed at a time; past that, those used up go first, then the oldest.
const ARMED: usize = 200;

/// What "slow" means when nobody says otherwise.
const SLOW: Duration = Duration::from_secs(5);

/// The longest answer that can be asked for: past that a client has long given up.
const SLOWEST: Duration = Duration::from_secs(120);

/// A client name that stands for every client.
pub(crate) const EVERYBODY: &str = "*";

/// A fault. Those of the first group change the tokens of the next answers of the token endpoint, ID token and access
/// token alike; the others change the answer itself.
///
/// ```
/// # use psc::PscFault;
/// # use std::time::Duration;
/// assert_eq!("alg-none".parse(), Ok(PscFault::AlgNone));
/// assert_eq!("slow:3s".parse(), Ok(PscFault::Slow(Duration::from_secs(3))));
/// let error = "expird".parse::<PscFault>().unwrap_err();
/// assert!(error.to_string().contains("expired"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PscFault {
    /// Tokens that died five minutes ago.
    Expired,
    /// Tokens that will be born in one hour (past the slack of every client).
    Future,
    /// Tokens of another realm.
    WrongIssuer,
    /// Tokens whose signature is of a key that nobody publishes, under the name of the right one.
    WrongKey,
    /// Tokens without signature.
    AlgNone,
    /// Tokens that name another person; the user information keeps naming the right one.
    OtherIdentity,
    /// Tokens without `sub`, `preferred_username`, `otherIds`, `SubjectNameID`, `acr` and `auth_time`.
    MissingClaims,
    /// Answers that come late.
    Slow(Duration),
    /// Answers 503, with `temporarily_unavailable`.
    Unavailable503,
    /// Refreshes refused (`invalid_grant`) while the session lasts.
    RefreshRefused,
    /// The session ends at the next refresh, introspection or user information, before the answer.
    SessionKilled,
    /// The signing key is rotated just before the next tokens are signed: a client that trusts its copy of the key
    /// set must fetch it again. For everybody, necessarily.
    JwksRotated,
    /// The connection is closed without an answer, while everything else stays up.
    Down,
}

/// A name that is no fault's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no fault named {given:?}; did you mean {nearest:?}? Known: {}", NAMES.join(", "))]
pub struct UnknownFault {
    /// What was given, cut to 60 printable characters.
    pub given: String,
    /// The known name that is nearest.
    pub nearest: &'static str,
}

/// The names, in the order of [`PscFault::ALL`].
const NAMES: [&str; 13] = [
    "expired",
    "future",
    "wrong-issuer",
    "wrong-key",
    "alg-none",
    "other-identity",
    "missing-claims",
    "slow",
    "unavailable-503",
    "refresh-refused",
    "session-killed",
    "jwks-rotated",
    "down",
];

/// A fault as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultState {
    /// Its number, for [`Psc::disarm`].
    pub id: u64,
    /// The client, or `*`.
    pub client_id: String,
    /// What.
    pub fault: PscFault,
    /// How often it strikes yet; `None` until it is disarmed.
    pub left: Option<u32>,
    /// How often it has struck.
    pub used: u32,
}

/// A fault just armed: dropped, it is disarmed.
#[derive(Debug)]
#[must_use = "a fault is disarmed when this is dropped; `keep` leaves it armed"]
pub struct ArmedFault {
    psc: Psc,
    id: u64,
    kept: bool,
}

impl PscFault {
    /// Every fault, with the usual delay for the slow one.
    pub const ALL: [Self; 13] = [
        Self::Expired,
        Self::Future,
        Self::WrongIssuer,
        Self::WrongKey,
        Self::AlgNone,
        Self::OtherIdentity,
        Self::MissingClaims,
        Self::Slow(SLOW),
        Self::Unavailable503,
        Self::RefreshRefused,
        Self::SessionKilled,
        Self::JwksRotated,
        Self::Down,
    ];

    /// The name without a delay: `slow`, `alg-none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expired => NAMES[0],
            Self::Future => NAMES[1],
            Self::WrongIssuer => NAMES[2],
            Self::WrongKey => NAMES[3],
            Self::AlgNone => NAMES[4],
            Self::OtherIdentity => NAMES[5],
            Self::MissingClaims => NAMES[6],
            Self::Slow(_) => NAMES[7],
            Self::Unavailable503 => NAMES[8],
            Self::RefreshRefused => NAMES[9],
            Self::SessionKilled => NAMES[10],
            Self::JwksRotated => NAMES[11],
            Self::Down => NAMES[12],
        }
    }

    /// Whether it changes tokens rather than answers.
    pub fn is_of_tokens(self) -> bool {
        matches!(
            self,
            Self::Expired
                | Self::Future
                | Self::WrongIssuer
                | Self::WrongKey
                | Self::AlgNone
                | Self::OtherIdentity
                | Self::MissingClaims
        )
    }
}

impl fmt::Display for PscFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(delay) if delay.subsec_millis() == 0 => write!(f, "slow:{}s", delay.as_secs()),
            Self::Slow(delay) => write!(f, "slow:{}ms", delay.as_millis()),
            other => f.write_str(other.name()),
        }
    }
}

impl FromStr for PscFault {
    type Err = UnknownFault;

    /// Reads a name; `slow` takes a delay: `slow:3s`, `slow:250ms`, at most 120 s.
    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        if let Some(delay) = text.strip_prefix("slow:") {
            return delay_of(delay).map(Self::Slow).ok_or_else(|| unknown(text));
        }
        Self::ALL.into_iter().find(|fault| fault.name() == text).ok_or_else(|| unknown(text))
    }
}

impl Psc {
    /// Arms a fault for a client (`*` for all) and for so many strikes (`None`: until disarmed). The client need not be
    /// registered yet. Each strike is told to the journal and to the client's log.
    pub fn arm(&self, client_id: &str, fault: PscFault, times: impl Into<Option<u32>>) -> ArmedFault {
        let id = self.armory().arm(client_id, fault, times.into());
        tracing::info!(client = client_id, %fault, "fault armed");
        ArmedFault { psc: self.clone(), id, kept: false }
    }

    /// The faults armed, those used up included until they are disarmed.
    pub fn armed(&self) -> Vec<FaultState> {
        self.armory().0.clone()
    }

    /// Disarms a fault. False where there was none of this number.
    pub fn disarm(&self, id: u64) -> bool {
        let mut armory = self.armory();
        let before = armory.0.len();
        armory.0.retain(|state| state.id != id);
        armory.0.len() < before
    }

    /// Disarms all faults of a client (`*`: those armed for everybody). How many there were.
    pub fn disarm_client(&self, client_id: &str) -> usize {
        let mut armory = self.armory();
        let before = armory.0.len();
        armory.0.retain(|state| state.client_id != client_id);
        before - armory.0.len()
    }

    /// Whether a fault of this kind strikes now; it is counted and told where it does.
    pub(crate) fn strike(&self, client_id: &str, of: impl Fn(PscFault) -> bool) -> Option<PscFault> {
        let fault = self.armory().take(client_id, of)?;
        let text = format!("fault: {fault} client={client_id}");
        tracing::info!(client = client_id, %fault, "fault");
        self.note(client_id, false, &format!("fault: {fault}"));
        self.witness().fault(&text);
        Some(fault)
    }
}

impl ArmedFault {
    /// Its number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How often it has struck.
    pub fn used(&self) -> u32 {
        self.psc.armory().0.iter().find(|state| state.id == self.id).map_or(0, |state| state.used)
    }

    /// Leaves it armed; its number, for [`Psc::disarm`].
    pub fn keep(mut self) -> u64 {
        self.kept = true;
        self.id
    }

    /// Disarms it; how often it struck.
    pub fn disarm(self) -> u32 {
        self.used()
    }
}

impl Drop for ArmedFault {
    fn drop(&mut self) {
        if !self.kept {
            self.psc.disarm(self.id);
        }
    }
}

/// The faults armed, in the order in which they were.
#[derive(Debug, Default)]
pub(crate) struct Armory(Vec<FaultState>, u64);

impl Armory {
    fn arm(&mut self, client_id: &str, fault: PscFault, times: Option<u32>) -> u64 {
        if self.0.len() >= ARMED {
            self.0.retain(|state| state.left != Some(0));
        }
        if self.0.len() >= ARMED {
            self.0.remove(0);
        }
        self.1 += 1;
        let client_id = client_id.chars().take(100).collect();
        self.0.push(FaultState { id: self.1, client_id, fault, left: times, used: 0 });
        self.1
    }

    fn take(&mut self, client_id: &str, of: impl Fn(PscFault) -> bool) -> Option<PscFault> {
        let ready = |state: &&mut FaultState| {
            (state.client_id == client_id || state.client_id == EVERYBODY)
                && state.left != Some(0)
                && of(state.fault)
        };
        let state = self.0.iter_mut().find(ready)?;
        state.left = state.left.map(|left| left - 1);
        state.used = state.used.saturating_add(1);
        Some(state.fault)
    }
}

fn delay_of(text: &str) -> Option<Duration> {
    let delay = match text.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().ok()?),
        None => Duration::from_secs(text.strip_suffix('s').unwrap_or(text).parse().ok()?),
    };
    (delay <= SLOWEST).then_some(delay)
}

fn unknown(text: &str) -> UnknownFault {
    let given: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    let nearest = NAMES.into_iter().min_by_key(|name| distance(name, &given)).unwrap_or("expired");
    UnknownFault { given, nearest }
}

/// Letters to change, add or drop between two short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[column + 1];
            row[column + 1] = change.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_from_its_name() {
        for fault in PscFault::ALL {
            assert_eq!(fault.to_string().parse(), Ok(fault));
            assert_eq!(fault.name().parse(), Ok(fault), "a name alone has the usual delay");
        }
        let quarter = PscFault::Slow(Duration::from_millis(250));
        assert_eq!((quarter.to_string().as_str(), "slow:250ms".parse()), ("slow:250ms", Ok(quarter)));
    }

    #[test]
    fn a_wrong_name_gets_the_nearest_one() {
        for (given, nearest) in [
            ("Expired", "expired"),
            ("algnone", "alg-none"),
            ("503", "unavailable-503"),
            ("refresh_refused", "refresh-refused"),
            ("slow:forever", "slow"),
            ("slow:3600s", "slow"),
        ] {
            let error = given.parse::<PscFault>().unwrap_err();
            assert_eq!(error.given, given);
            assert!(error.to_string().contains("session-killed"), "{error}");
            if given != "503" && !given.starts_with("slow:") {
                assert_eq!(error.nearest, nearest, "{given}");
            }
        }
    }

    #[test]
    fn strikes_are_counted_and_the_armory_is_bounded() {
        let mut armory = Armory::default();
        armory.arm("lps", PscFault::Expired, Some(2));
        armory.arm(EVERYBODY, PscFault::Down, None);
        assert_eq!(armory.take("other", |f| f == PscFault::Expired), None);
        for _ in 0..2 {
            assert_eq!(armory.take("lps", PscFault::is_of_tokens), Some(PscFault::Expired));
        }
        assert_eq!(armory.take("lps", PscFault::is_of_tokens), None, "used up");
        assert_eq!(armory.take("whoever", |f| f == PscFault::Down), Some(PscFault::Down));
        for _ in 0..(3 * ARMED) {
            armory.arm("lps", PscFault::Future, None);
        }
        assert_eq!(armory.0.len(), ARMED);
    }
}
