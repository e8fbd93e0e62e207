use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Rng;

use crate::script::{Action, End, Script};
use crate::{Point, Protocol};

/// A script at work: how often each fault was met, and what comes next. Clones share the count.
#[derive(Clone)]
pub struct Plan(Arc<Inner>);

struct Inner {
    script: Script,
    /// One bit for each point at which there is a fault: elsewhere nothing is counted.
    points: u32,
    state: Mutex<State>,
}

struct State {
    /// Occurrences of each fault's point, and how often it happened.
    counts: Vec<(u32, u32)>,
    rng: Rng,
    /// What a fault has said to give for UIDVALIDITY from then on.
    uid_validity: Option<u32>,
}

/// What a server says of the point at which it asks.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Where.
    pub point: Point,
    /// On which server.
    pub protocol: Protocol,
    /// The command, upper case, without `UID`; empty where there is none.
    pub command: &'a str,
    /// The recipient of a RCPT; empty where there is none.
    pub recipient: &'a str,
    /// The mailbox logged in to; `None` before.
    pub mailbox: Option<&'a str>,
}

impl<'a> Moment<'a> {
    /// A point without a command, before any login.
    pub fn new(protocol: Protocol, point: Point) -> Self {
        Self { point, protocol, command: "", recipient: "", mailbox: None }
    }

    /// The same with a command.
    pub fn command(self, command: &'a str) -> Self {
        Self { command, ..self }
    }

    /// The same with a recipient.
    pub fn recipient(self, recipient: &'a str) -> Self {
        Self { recipient, ..self }
    }

    /// The same on a mailbox.
    pub fn mailbox(self, mailbox: Option<&'a str>) -> Self {
        Self { mailbox, ..self }
    }
}

/// A fault that happens now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The fault's name.
    pub name: String,
    /// Where.
    pub point: Point,
    /// The how many-eth time it happens, from 1.
    pub nth: u32,
    /// Octets that pass first (points `literal` and `message`).
    pub byte: u64,
    /// What is done, in order.
    pub actions: Vec<Action>,
}

/// Commands that a client may give before it logs in.
const BEFORE_LOGIN: [&str; 14] = [
    "CAPABILITY",
    "NOOP",
    "LOGOUT",
    "ID",
    "STARTTLS",
    "AUTHENTICATE",
    "LOGIN",
    "EHLO",
    "HELO",
    "AUTH",
    "QUIT",
    "RSET",
    "HELP",
    "VRFY",
];

impl Hit {
    /// A client that comes back to the same fault more often than this is in a loop: whoever serves it says so and
    /// lets it go, instead of feeding the loop for ever.
    pub const MOST_RETURNS: u32 = 500;

    /// Whether this is one time more than [`Self::MOST_RETURNS`], at a point that a client passes once for each
    /// attempt (before a login, or the login itself).
    pub fn is_loop(&self) -> bool {
        use Point::{Challenge, Connect, Greeting, Handshake, Login, Starttls};
        self.nth > Self::MOST_RETURNS
            && matches!(self.point, Connect | Handshake | Greeting | Starttls | Challenge | Login)
    }

    /// The tag of the answer, where it is not the client's.
    pub fn tag(&self) -> Option<&str> {
        self.actions.iter().find_map(|action| match action {
            Action::Tag(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// What the fault answers with, where it answers.
    pub fn answer(&self) -> Option<&str> {
        self.actions.iter().find_map(|action| match action {
            Action::Answer(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// How it ends the connection, where it does.
    pub fn end(&self) -> Option<End> {
        self.actions.iter().find_map(|action| match action {
            Action::End(end) => Some(*end),
            _ => None,
        })
    }

    /// The server of the TLS lab that shakes hands.
    pub fn tls(&self) -> Option<&str> {
        self.actions.iter().find_map(|action| match action {
            Action::Tls(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The actions in words, for the journal.
    pub fn what(&self) -> String {
        let words: Vec<String> = self.actions.iter().map(Action::to_string).collect();
        words.join(", ")
    }
}

/// What became of one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Its name.
    pub name: String,
    /// Line of the script.
    pub line: usize,
    /// Where.
    pub point: Point,
    /// How often its point was reached.
    pub seen: u32,
    /// How often it happened; 0 is a fault that proved nothing.
    pub happened: u32,
    /// Whether the server behaves again: it happened as often as it should.
    pub healed: bool,
}

impl Plan {
    /// A script with a seed: what is drawn by lot follows from the seed alone.
    pub fn new(script: Script, seed: u64) -> Self {
        let counts = vec![(0, 0); script.faults.len()];
        let points = script.faults.iter().fold(0, |points, fault| points | fault.at.bit());
        let state = State { counts, rng: Rng::seeded(seed), uid_validity: None };
        Self(Arc::new(Inner { script, points, state: Mutex::new(state) }))
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.0.script
    }

    /// What happens at this moment; `None` where all is well. Each call is one occurrence.
    pub fn at(&self, moment: &Moment<'_>) -> Option<Hit> {
        if !self.watches(moment.point) {
            return None;
        }
        let state = &mut *self.state();
        let mut hit = None;
        for (fault, (seen, happened)) in self.0.script.faults.iter().zip(&mut state.counts) {
            let meant = fault.at == moment.point
                && fault.protocol.is_none_or(|protocol| protocol == moment.protocol)
                && fault.command.as_ref().is_none_or(|command| command.eq_ignore_ascii_case(moment.command))
                && fault.recipient.as_ref().is_none_or(|one| one.eq_ignore_ascii_case(moment.recipient));
            if !meant {
                continue;
            }
            *seen = seen.saturating_add(1);
            let due = *seen > fault.skip && (fault.times == 0 || *happened < fault.times);
            if hit.is_some()
                || !due
                || (fault.percent < 100 && state.rng.below(100) >= u64::from(fault.percent))
            {
                continue;
            }
            *happened = happened.saturating_add(1);
            for action in &fault.actions {
                if let Action::UidValidity(value) = action {
                    state.uid_validity = Some(*value);
                }
            }
            hit = Some(Hit {
                name: fault.name.clone(),
                point: fault.at,
                nth: *happened,
                byte: fault.byte,
                actions: fault.actions.clone(),
            });
        }
        hit
    }

    /// Whether any fault is at this point.
    pub fn watches(&self, point: Point) -> bool {
        self.0.points & point.bit() != 0
    }

    /// Gives a fault back that could not be done, the last time that it happened; whether it was one of this plan.
    pub fn missed(&self, hit: &Hit) -> bool {
        let state = &mut *self.state();
        for (fault, (_, happened)) in self.0.script.faults.iter().zip(&mut state.counts) {
            if fault.name == hit.name && fault.at == hit.point && *happened == hit.nth {
                *happened -= 1;
                return true;
            }
        }
        false
    }

    /// What became of each fault, in the order of the script.
    pub fn report(&self) -> Vec<Reached> {
        let state = self.state();
        let faults = self.0.script.faults.iter().zip(&state.counts);
        faults
            .map(|(fault, (seen, happened))| Reached {
                name: fault.name.clone(),
                line: fault.line,
                point: fault.at,
                seen: *seen,
                happened: *happened,
                healed: fault.times > 0 && *happened >= fault.times,
            })
            .collect()
    }

    /// The UIDVALIDITY to give for every folder, once a fault has said so: for the life of the plan, on every later
    /// connection too.
    pub fn uid_validity(&self) -> Option<u32> {
        self.state().uid_validity
    }

    /// The servers of the TLS lab that the script names, for who must know whether there are such.
    pub fn tls_names(&self) -> impl Iterator<Item = &str> {
        let actions = self.0.script.faults.iter().flat_map(|fault| &fault.actions);
        actions.filter_map(|action| if let Action::Tls(name) = action { Some(name.as_str()) } else { None })
    }

    /// Whether any fault is at a point that comes before a login: nobody can be told from anybody there. A fault at a
    /// command that only who is logged in gives is at none.
    pub fn begins_before_login(&self) -> bool {
        use Point::{Answer, Capability, Challenge, Command, Connect, Greeting, Handshake, Login, Starttls};
        let early = |command: &Option<String>| {
            command.as_ref().is_none_or(|command| BEFORE_LOGIN.contains(&command.as_str()))
        };
        self.0.script.faults.iter().any(|fault| match fault.at {
            Connect | Handshake | Greeting | Capability | Starttls | Challenge | Login => true,
            Command | Answer => early(&fault.command),
            _ => false,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plan").field(&self.report()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str, seed: u64) -> Plan {
        Plan::new(text.parse().unwrap(), seed)
    }

    fn greeting() -> Moment<'static> {
        Moment::new(Protocol::Imap, Point::Greeting)
    }

    #[test]
    fn a_fault_lets_some_pass_happens_some_times_and_heals() {
        let plan = plan("[[fault]]\nat = \"greeting\"\nskip = 1\ntimes = 2\ndo = \"cut\"", 1);
        let happened: Vec<_> = (0..5).map(|_| plan.at(&greeting()).map(|hit| hit.nth)).collect();
        assert_eq!(happened, [None, Some(1), Some(2), None, None]);
        let report = &plan.report()[0];
        assert_eq!((report.seen, report.happened, report.healed), (5, 2, true));
    }

    #[test]
    fn a_uidvalidity_lasts_longer_than_its_fault() {
        let plan = plan("[[fault]]\nat = \"command\"\ncommand = \"SELECT\"\ndo = { uidvalidity = 7 }", 1);
        let select = Moment::new(Protocol::Imap, Point::Command).command("SELECT");
        assert_eq!(plan.uid_validity(), None);
        assert!(plan.at(&select).is_some() && plan.at(&select).is_none());
        assert_eq!(plan.uid_validity(), Some(7));
    }

    #[test]
    fn a_command_of_who_is_logged_in_is_nobody_elses() {
        let before = |at: &str| plan(&format!("[[fault]]\n{at}\ndo = \"cut\""), 1).begins_before_login();
        assert!(before("at = \"command\"") && before("at = \"answer\"\ncommand = \"capability\""));
        assert!(!before("at = \"command\"\ncommand = \"select\"") && !before("at = \"literal\""));
    }

    #[test]
    fn who_comes_back_five_hundred_times_is_in_a_loop() {
        let plan = plan("[[fault]]\nat = \"login\"\ntimes = 0\ndo = { answer = \"NO x\" }", 1);
        let moment = Moment::new(Protocol::Imap, Point::Login);
        let first = (0..Hit::MOST_RETURNS).filter_map(|_| plan.at(&moment)).any(|hit| hit.is_loop());
        assert!(!first && plan.at(&moment).unwrap().is_loop());
    }

    #[test]
    fn a_fault_that_came_too_late_is_given_back() {
        let plan = plan("[[fault]]\nat = \"message\"\nbyte = 9\ndo = \"cut\"", 1);
        assert!(plan.watches(Point::Message) && !plan.watches(Point::Dot));
        let moment = Moment::new(Protocol::Smtp, Point::Message);
        let hit = plan.at(&moment).unwrap();
        assert!(plan.at(&moment).is_none());
        assert!(plan.missed(&hit) && !plan.missed(&hit));
        assert_eq!(plan.at(&moment).unwrap().nth, 1);
    }

    #[test]
    fn one_fault_at_a_time_the_next_one_when_the_first_has_healed() {
        let text = "[[fault]]\nname = \"a\"\nat = \"greeting\"\ndo = \"cut\"\n\
            [[fault]]\nname = \"b\"\nat = \"greeting\"\ndo = \"reset\"";
        let plan = plan(text, 1);
        let names: Vec<_> = (0..3).map(|_| plan.at(&greeting()).map(|hit| hit.name)).collect();
        assert_eq!(names, [Some("a".into()), Some("b".into()), None]);
    }

    #[test]
    fn a_command_and_a_recipient_are_compared_without_case() {
        let plan = plan("[[fault]]\nat = \"command\"\ncommand = \"Select\"\ntimes = 0\ndo = \"cut\"", 1);
        let moment = Moment::new(Protocol::Imap, Point::Command);
        assert!(plan.at(&moment.command("FETCH")).is_none());
        assert!(plan.at(&moment.command("SELECT")).is_some());
        assert_eq!(plan.report()[0].seen, 1);
    }

    #[test]
    fn the_same_seed_draws_the_same_lots() {
        let text = "[[fault]]\nat = \"greeting\"\ntimes = 0\npercent = 50\ndo = \"cut\"";
        let draw = |seed| {
            let plan = plan(text, seed);
            (0..64).map(|_| plan.at(&greeting()).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn what_never_happened_is_said() {
        let plan = plan("[[fault]]\nname = \"late\"\nat = \"idle\"\ndo = \"cut\"", 1);
        assert!(plan.at(&greeting()).is_none());
        assert_eq!((plan.report()[0].name.as_str(), plan.report()[0].happened), ("late", 0));
    }
}
