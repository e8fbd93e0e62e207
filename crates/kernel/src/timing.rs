use std::time::Duration;

/// Every announced duration of the sandbox, in one table.
///
/// *Accelerated* means shorter announced durations, said in the verdict; dates on the wire are always real.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// Whether this is the shortened table.
    pub accelerated: bool,
    /// Life of a PSC access token (spec 04 §2.3: 120 s).
    pub access_token: Duration,
    /// Life of a PSC refresh token, renewed at each use (spec 04 §2.3: 30 min).
    pub refresh_token: Duration,
    /// Longest PSC session (spec 04 §2.3: 4 h).
    pub session: Duration,
    /// Idle time after which a PSC session ends (spec 04 §2.3: 30 min).
    pub session_idle: Duration,
    /// Life of an authorization code (spec 04 §8: 60 s).
    pub authorization_code: Duration,
    /// Silence on an authenticated IMAP connection before `* BYE` (RFC 9051 §5.4 asks for at least 30 min).
    pub imap_idle: Duration,
    /// Silence on an IMAP or SMTP connection that has not authenticated.
    pub login: Duration,
    /// Silence on an SMTP session (RFC 5321 §4.5.3.2.7: 5 min).
    pub smtp_idle: Duration,
    /// What "a slow answer" lasts when one is scripted.
    pub slow_answer: Duration,
    /// How long an adapter has for one step.
    pub adapter: Duration,
    /// Between TERM and KILL of an adapter that is past its deadline.
    pub adapter_kill: Duration,
    /// How long a window stays open after its adapter ended.
    pub window_grace: Duration,
    /// How long a window that waits for a person stays open after the last thing that was needed: what the client says in
    /// the same breath still belongs to it.
    pub settle: Duration,
    /// How long the window of a person stays open when nobody says otherwise.
    pub window: Duration,
    /// Age at which a positive control no longer counts for a negative job.
    pub control_age: Duration,
}

impl Timing {
    /// The durations of the real world.
    pub fn real() -> Self {
        Self {
            accelerated: false,
            access_token: Duration::from_secs(120),
            refresh_token: Duration::from_secs(30 * 60),
            session: Duration::from_secs(4 * 3600),
            session_idle: Duration::from_secs(30 * 60),
            authorization_code: Duration::from_secs(60),
            imap_idle: Duration::from_secs(30 * 60),
            login: Duration::from_secs(60),
            smtp_idle: Duration::from_secs(5 * 60),
            slow_answer: Duration::from_secs(30),
            adapter: Duration::from_secs(20),
            adapter_kill: Duration::from_secs(2),
            window_grace: Duration::from_millis(300),
            settle: Duration::from_millis(50),
            window: Duration::from_secs(120),
            control_age: Duration::from_secs(600),
        }
    }

    /// The shortened table: token 5 s, idle 3 s, slow answers 2 s.
    pub fn accelerated() -> Self {
        Self {
            accelerated: true,
            access_token: Duration::from_secs(5),
            imap_idle: Duration::from_secs(3),
            slow_answer: Duration::from_secs(2),
            ..Self::real()
        }
    }
}
