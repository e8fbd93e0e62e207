use std::fmt;

/// What a real operator's server looks like to a client. A client that works with one only has not been tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Profile {
    /// IMAP4rev1 and IMAP4rev2 together, with every extension that the server knows.
    #[default]
    Modern,
    /// IMAP4rev1 (RFC 3501) with the extensions of its time; IMAP4rev2 is neither offered nor enabled.
    Rev1Only,
    /// IMAP4rev2 (RFC 9051) alone: no RECENT, ESEARCH answers, UTF-8 names.
    Rev2Only,
    /// IMAP4rev1 and nothing else: no SASL-IR, no LITERAL+, no UIDPLUS, no IDLE; SMTP with AUTH and SIZE alone.
    Old,
    /// As Mailiz does (spec 01 §3.3): a refused token gets the `334`/`+` with the JSON, then the connection drops.
    Mailiz,
}

impl Profile {
    /// Every profile, the default first.
    pub const ALL: [Self; 5] = [Self::Modern, Self::Rev1Only, Self::Rev2Only, Self::Old, Self::Mailiz];

    /// The name in settings and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Rev1Only => "rev1-only",
            Self::Rev2Only => "rev2-only",
            Self::Old => "old",
            Self::Mailiz => "mailiz",
        }
    }

    /// Reads a name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is offered on a port before anybody is known, and to a mailbox once its owner is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offer {
    /// Capabilities and refusals.
    pub profile: Profile,
    /// Whether OAUTHBEARER (RFC 7628) is offered beside XOAUTH2. Off by default: curl takes it whenever it is there.
    pub oauthbearer: bool,
}

/// What somebody may do with a mailbox. An organisational one has several people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Open it by IMAP.
    pub read: bool,
    /// Submit mail whose From is its address.
    pub send_as: bool,
}

impl Rights {
    /// The owner's.
    pub const ALL: Self = Self { read: true, send_as: true };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(&profile.name().to_uppercase()), Some(profile));
        }
        assert_eq!(Profile::parse("exchange"), None);
    }
}
