use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What the sandbox does wrong on demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Answers late, by the slow answer of [`kernel::Timing`].
    Slow,
    /// 429, with `Retry-After`.
    TooManyRequests,
    /// 503, with `Retry-After`.
    Unavailable,
    /// 401: the key is not known any more.
    Unauthorized,
    /// 200 with a page for people in place of FHIR, as a gateway under maintenance does.
    Html,
    /// 200 with a bundle that holds nothing.
    Empty,
    /// 200 with the first half of the answer.
    CutJson,
    /// 410 to a link to the next page.
    PageExpired,
}

/// No fault has this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFault {
    /// What was written.
    pub name: String,
    /// The name that is nearest to it.
    pub nearest: Fault,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 8] = [
        Self::Slow,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::Unauthorized,
        Self::Html,
        Self::Empty,
        Self::CutJson,
        Self::PageExpired,
    ];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::TooManyRequests => "too-many-requests",
            Self::Unavailable => "unavailable",
            Self::Unauthorized => "unauthorized",
            Self::Html => "html",
            Self::Empty => "empty",
            Self::CutJson => "cut-json",
            Self::PageExpired => "page-expired",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, UnknownFault> {
        let near = |fault: &Self| distance(fault.name(), name);
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| UnknownFault {
            name: name.chars().take(60).collect(),
            nearest: Self::ALL.into_iter().min_by_key(near).unwrap_or(Self::Slow),
        })
    }
}

impl fmt::Display for UnknownFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Fault::ALL.into_iter().map(Fault::name).collect();
        let Self { name, nearest } = self;
        write!(f, "the directory has no fault {name:?}: did you mean {nearest}? One of: {}", names.join(", "))
    }
}

impl std::error::Error for UnknownFault {}

/// Levenshtein's distance over characters, on at most 60 of each.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(60).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().take(60).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (at, wanted) in other.iter().enumerate() {
            let cost = diagonal + usize::from(letter != *wanted);
            diagonal = row[at + 1];
            row[at + 1] = cost.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

type Kept = Mutex<Vec<Arc<Arm>>>;

#[derive(Debug)]
struct Arm {
    fault: Fault,
    times: u32,
    left: Mutex<u32>,
}

/// A fault that is armed; dropping it disarms.
#[derive(Debug)]
#[must_use = "dropping it disarms the fault"]
pub struct Armed {
    arm: Arc<Arm>,
    arms: Weak<Kept>,
}

impl Armed {
    /// How often it will still be used.
    pub fn left(&self) -> u32 {
        *self.arm.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(arms) = self.arms.upgrade() {
            let mut arms = arms.lock().unwrap_or_else(PoisonError::into_inner);
            arms.retain(|arm| !Arc::ptr_eq(arm, &self.arm));
        }
    }
}

/// The faults that are armed, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arms(Arc<Kept>);

impl Arms {
    pub(crate) fn arm(&self, fault: Fault, times: u32) -> Armed {
        let arm = Arc::new(Arm { fault, times, left: Mutex::new(times) });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&arm));
        Armed { arm, arms: Arc::downgrade(&self.0) }
    }

    /// Takes one use of the first fault that fits a request; with it the how many-eth use of that arm it is.
    pub(crate) fn take(&self, is_page: bool) -> Option<(Fault, u32)> {
        let arms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arms.iter().filter(|arm| is_page || arm.fault != Fault::PageExpired).find_map(|arm| {
            let mut left = arm.left.lock().unwrap_or_else(PoisonError::into_inner);
            *left = left.checked_sub(1)?;
            Some((arm.fault, arm.times - *left))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_a_wrong_one_gets_the_nearest() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(fault));
        }
        let error = "unavailible".parse::<Fault>().unwrap_err();
        assert_eq!(error.nearest, Fault::Unavailable);
        assert!(error.to_string().contains("did you mean unavailable?"), "{error}");
    }

    #[test]
    fn a_fault_is_used_as_often_as_it_was_armed_for_and_dropping_it_disarms() {
        let arms = Arms::default();
        let html = arms.arm(Fault::Html, 1);
        let slow = arms.arm(Fault::Slow, 5);
        assert_eq!([arms.take(false), arms.take(false)], [Some((Fault::Html, 1)), Some((Fault::Slow, 1))]);
        assert_eq!((html.left(), slow.left()), (0, 4));
        drop(slow);
        assert_eq!(arms.take(false), None);
        let _page = arms.arm(Fault::PageExpired, 1);
        assert_eq!([arms.take(false), arms.take(true)], [None, Some((Fault::PageExpired, 1))]);
    }
}
