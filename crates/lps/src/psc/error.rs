use kernel::{Failure, RetryClass, Stage};

/// Why a login, a session or a call to PSC did not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Our own settings cannot work.
    Config(String),
    /// PSC is away, slow or overloaded: the same call may succeed later. Mail that needs no new token is not disturbed
    /// (SC.MSS/CONF.08).
    Unavailable(String),
    /// The PSC session, the code or the refresh token is over (`invalid_grant`): the person logs in again
    /// (SC.MSS/CONF.10).
    LoginAgain,
    /// The person said no.
    Denied,
    /// The person did not answer in time.
    Expired,
    /// The login was given up on our side.
    Cancelled,
    /// This login was not begun here, was begun too long ago, or was finished already.
    UnknownLogin,
    /// The session is locked or closed on our side: a new login opens another.
    Closed,
    /// PSC refuses what we ask, with this registered code; usually our client's registration is wrong.
    Refused(String),
    /// PSC's answer breaks a rule: nobody is logged in with it.
    Breach(Breach),
}

/// The first rule that an answer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Breach {
    /// The discovery document is another issuer's (OpenID Connect Discovery §4.3).
    DiscoveryIssuer,
    /// An endpoint of the discovery document is missing or not https.
    DiscoveryEndpoint,
    /// An answer that is not what the endpoint must give; its HTTP status.
    Answer(u16),
    /// The callback repeats a parameter or has neither code nor error.
    Callback,
    /// `state` is not the one of this browser's login (RFC 6749 §10.12).
    State,
    /// The callback comes from another issuer, or does not say from which though it should (RFC 9207).
    CallbackIssuer,
    /// There is no ID token.
    NoIdToken,
    /// The ID token is not a JWT that can be read.
    Malformed,
    /// It is not signed with RS256; `none` and HMAC included.
    Algorithm,
    /// Its key is not among PSC's, also after they were fetched again.
    Key,
    /// It names no key, and PSC has several.
    AmbiguousKey,
    /// Its signature does not match.
    Signature,
    /// It is another issuer's.
    Issuer,
    /// It is not for us alone.
    Audience,
    /// `azp` is not us.
    AuthorizedParty,
    /// A claim is missing or has no sense: its name.
    Claim(&'static str),
    /// Its life is over.
    Expired,
    /// It is from the future.
    NotYetValid,
    /// It answers another request.
    Nonce,
    /// The access token beside it is another one (`at_hash`).
    AccessTokenHash,
    /// The level of authentication is not accepted (`acr`).
    Level,
    /// It is another person's than before, or than the one who was asked.
    Person,
    /// The user information is another person's (OpenID Connect Core §5.3.2).
    UserinfoSubject,
    /// Nothing says who the person is.
    NoNationalId,
}

impl Error {
    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the person must identify herself again.
    pub fn needs_login(&self) -> bool {
        matches!(self, Self::LoginAgain | Self::Closed | Self::Expired | Self::UnknownLogin | Self::Breach(_))
    }

    /// What an OAuth error code means (RFC 6749 §5.2, CIBA §11 and §13).
    pub(super) fn from_code(code: &str, status: u16) -> Self {
        match code {
            "invalid_grant" => Self::LoginAgain,
            "access_denied" => Self::Denied,
            "expired_token" => Self::Expired,
            "server_error" | "temporarily_unavailable" => Self::Unavailable(format!("{code}, HTTP {status}")),
            _ => Self::Refused(crate::refresh::registered(Some(code), status)),
        }
    }

    /// What an answer means that is no OAuth answer.
    pub(super) fn from_status(status: u16) -> Self {
        match status {
            408 | 425 | 429 | 500.. => Self::Unavailable(format!("HTTP {status}")),
            _ => Self::Breach(Breach::Answer(status)),
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Config(what) => write!(f, "the Pro Santé Connect settings cannot be used: {what}"),
            Self::Unavailable(why) => write!(f, "Pro Santé Connect cannot be reached: {why}"),
            Self::LoginAgain => {
                f.write_str("the Pro Santé Connect session is over (invalid_grant): log in again")
            }
            Self::Denied => f.write_str("the person refused the login"),
            Self::Expired => f.write_str("the person did not answer in time: begin the login again"),
            Self::Cancelled => f.write_str("the login was given up"),
            Self::UnknownLogin => {
                f.write_str("this login is not known here, or no longer: begin the login again")
            }
            Self::Closed => f.write_str("the session is locked or closed: log in again"),
            Self::Refused(code) => {
                write!(f, "Pro Santé Connect refused the request ({code}): check the client's registration")
            }
            Self::Breach(breach) => write!(f, "Pro Santé Connect's answer is refused: {breach}"),
        }
    }
}

impl std::fmt::Display for Breach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiscoveryIssuer => "the discovery document is another issuer's",
            Self::DiscoveryEndpoint => {
                "the discovery document lacks an endpoint, or has one that is not https"
            }
            Self::Answer(status) => return write!(f, "HTTP {status} without an answer that can be read"),
            Self::Callback => "the callback repeats a parameter, or has neither code nor error",
            Self::State => "the callback's state is not the one of this login",
            Self::CallbackIssuer => "the callback comes from another issuer",
            Self::NoIdToken => "there is no ID token",
            Self::Malformed => "the ID token cannot be read",
            Self::Algorithm => "the ID token is not signed with RS256",
            Self::Key => "the ID token's key is not one of this Pro Santé Connect's",
            Self::AmbiguousKey => "the ID token names no key, and there are several",
            Self::Signature => "the ID token's signature does not match",
            Self::Issuer => "the ID token is another issuer's",
            Self::Audience => "the ID token is for another client",
            Self::AuthorizedParty => "the ID token was given to another client",
            Self::Claim(name) => {
                return write!(f, "the ID token's claim `{name}` is missing or has no sense");
            }
            Self::Expired => "the ID token has expired",
            Self::NotYetValid => "the ID token is from the future",
            Self::Nonce => "the ID token answers another request",
            Self::AccessTokenHash => "the access token is not the one that the ID token announces",
            Self::Level => "the level of authentication is not accepted",
            Self::Person => "the answer is about another person",
            Self::UserinfoSubject => "the user information is another person's",
            Self::NoNationalId => "nothing says what the person's national identifier is",
        })
    }
}

impl std::error::Error for Error {}

impl From<Breach> for Error {
    fn from(breach: Breach) -> Self {
        Self::Breach(breach)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (stage, retry) = match &error {
            Error::Config(_) => (Stage::Input, RetryClass::Never),
            Error::Unavailable(_) => (Stage::Authenticate, RetryClass::Later),
            _ => (Stage::Authenticate, RetryClass::Never),
        };
        Self { stage, retry, message: error.to_string() }
    }
}
