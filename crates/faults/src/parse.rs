//! TOML to [`Script`]: every refusal names its line, and the name that was probably meant.

use std::time::Duration;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use crate::script::{Action, End, Fault, Script, nearest};
use crate::{Point, Protocol};

/// A script that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

const KEYS: [&str; 11] =
    ["name", "at", "protocol", "command", "recipient", "byte", "skip", "times", "percent", "do", "seed"];
const ACTIONS: [&str; 15] = [
    "delay",
    "delay_ms",
    "throttle",
    "split",
    "say",
    "raw",
    "answer",
    "tag",
    "omit",
    "add",
    "challenge",
    "tls",
    "uidvalidity",
    "end",
    "slow",
];
/// What `slow = true` lasts.
const SLOW: Duration = Duration::from_secs(30);
/// The longest delay.
const LONGEST: u64 = 3_600_000;
/// The largest script, and the most faults in one.
const LARGEST: usize = 256 * 1024;
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    seed: Option<u64>,
    #[serde(default)]
    fault: Vec<Spanned<Table>>,
}

pub(crate) fn script(text: &str) -> Result<Script, ScriptError> {
    if text.len() > LARGEST {
        return Err(ScriptError { line: 1, what: format!("a script is at most {LARGEST} octets") });
    }
    let raw: Raw = toml::from_str(text).map_err(|error| ScriptError {
        line: line_at(text, error.span().map_or(0, |span| span.start)),
        what: error.message().to_owned(),
    })?;
    let mut script = Script { seed: raw.seed, faults: Vec::new() };
    for table in raw.fault {
        let start = table.span().start;
        let reader = Reader { text, start, line: line_at(text, start) };
        let fault = reader.fault(table.get_ref())?;
        if let Some(earlier) = script.faults.iter().find(|earlier| earlier.hides(&fault)) {
            return Err(ScriptError {
                line: fault.line,
                what: format!(
                    "this fault can never happen: the one of line {} is at the same point, and for ever (times = 0)",
                    earlier.line
                ),
            });
        }
        if script.faults.len() == MOST {
            return Err(ScriptError {
                line: fault.line,
                what: format!("a script has at most {MOST} faults"),
            });
        }
        script.faults.push(fault);
    }
    name_apart(&mut script.faults);
    if script.faults.is_empty() {
        return Err(ScriptError { line: 1, what: "no [[fault]] in this script".into() });
    }
    Ok(script)
}

/// Faults that were given no name have that of their point: the second one `greeting-2`, and so on, so that a journal
/// tells them apart.
fn name_apart(faults: &mut [Fault]) {
    for at in 1..faults.len() {
        let (before, rest) = faults.split_at_mut(at);
        let taken = |name: &str| before.iter().any(|fault| fault.name == name);
        let point = rest[0].at.name();
        let fault = &mut rest[0];
        if fault.name == point && taken(point) {
            let free = (2..).map(|number| format!("{point}-{number}")).find(|name| !taken(name));
            fault.name = free.unwrap_or_default();
        }
    }
}

impl Fault {
    /// Whether, with this one before it, another can never happen.
    fn hides(&self, other: &Self) -> bool {
        self.times == 0
            && self.skip <= other.skip
            && self.percent == 100
            && self.at == other.at
            && (self.protocol.is_none() || self.protocol == other.protocol)
            && (self.command.is_none() || self.command == other.command)
            && (self.recipient.is_none() || self.recipient == other.recipient)
    }
}

/// One table of the script.
struct Reader<'a> {
    text: &'a str,
    start: usize,
    line: usize,
}

impl Reader<'_> {
    fn fault(&self, table: &Table) -> Result<Fault, ScriptError> {
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(self.unknown("key", key, &KEYS));
        }
        let Some(at) = self.string(table, "at")? else {
            return Err(self.error("at", "a fault says where: at = \"greeting\""));
        };
        let point = Point::ALL.iter().copied().find(|point| point.name() == at).ok_or_else(|| {
            self.unknown("point", &at, &Point::ALL.iter().map(|point| point.name()).collect::<Vec<_>>())
        })?;
        let protocol = match self.string(table, "protocol")?.as_deref() {
            None => None,
            Some("imap") => Some(Protocol::Imap),
            Some("smtp") => Some(Protocol::Smtp),
            Some(other) => return Err(self.unknown("protocol", other, &["imap", "smtp"])),
        };
        let possible = [Protocol::Imap, Protocol::Smtp].into_iter().filter(|one| point.is_of(*one));
        if protocol.is_some_and(|protocol| !point.is_of(protocol)) {
            let names: Vec<_> = possible.map(Protocol::name).collect();
            return Err(
                self.error("protocol", &format!("the point “{at}” exists in {} only", names.join(", ")))
            );
        }
        let command = self.string(table, "command")?.map(|command| command.to_ascii_uppercase());
        if command.is_some() && !matches!(point, Point::Command | Point::Answer) {
            return Err(self.error("command", &format!("a command means nothing at the point “{at}”")));
        }
        let recipient = self.string(table, "recipient")?;
        if recipient.is_some() && point != Point::Rcpt {
            return Err(self.error("recipient", "a recipient means something at the point “rcpt” only"));
        }
        let byte = self.number(table, "byte", u64::MAX >> 1)?.unwrap_or_default();
        if byte > 0 && !matches!(point, Point::Literal | Point::Message) {
            return Err(self.error("byte", "byte means something at the points “literal” and “message” only"));
        }
        let percent = u8::try_from(self.number(table, "percent", 100)?.unwrap_or(100)).unwrap_or(100);
        if percent == 0 {
            return Err(self.error("percent", "with percent = 0 this fault can never happen"));
        }
        let actions = self.actions(table, point, protocol)?;
        Ok(Fault {
            name: self.string(table, "name")?.unwrap_or(at),
            line: self.line,
            at: point,
            protocol,
            command,
            recipient,
            byte,
            skip: self.count(table, "skip")?.unwrap_or(0),
            times: self.count(table, "times")?.unwrap_or(1),
            percent,
            actions,
        })
    }

    fn actions(
        &self,
        table: &Table,
        point: Point,
        protocol: Option<Protocol>,
    ) -> Result<Vec<Action>, ScriptError> {
        let list = match table.get("do") {
            Some(Value::Array(list)) if !list.is_empty() => list.as_slice(),
            Some(one @ (Value::Table(_) | Value::String(_))) => std::slice::from_ref(one),
            _ => {
                return Err(self.error("do", "a fault says what happens: do = [{ delay = \"2s\" }, \"cut\"]"));
            }
        };
        let mut actions = Vec::new();
        for item in list {
            match item {
                Value::String(word) => actions.push(self.end(word)?),
                Value::Table(one) if one.len() > 1 => {
                    // A table has no order, and a fault has one.
                    return Err(self.error("do", "one action in each pair of braces: do = [{ … }, { … }]"));
                }
                Value::Table(one) => {
                    for (key, value) in one {
                        actions.push(self.action(key, value)?);
                    }
                }
                _ => {
                    return Err(
                        self.error("do", "an action is a word or a table, such as { delay = \"2s\" }")
                    );
                }
            }
        }
        if let Some(at) = actions.iter().position(|action| matches!(action, Action::End(_)))
            && at + 1 < actions.len()
        {
            let what = format!("“{}” can never happen: the connection has ended", actions[at + 1]);
            return Err(self.error("do", &what));
        }
        let answers = actions.iter().any(|action| matches!(action, Action::Answer(_)));
        for action in &actions {
            let fits = match action {
                Action::Tls(_) => point == Point::Handshake,
                Action::Omit(_) | Action::Add(_) => point == Point::Capability,
                Action::Challenge(_) => matches!(point, Point::Challenge | Point::Login),
                Action::Tag(_) => {
                    use Point::{Answer, Capability, Challenge, Command, Idle, Login, Starttls};
                    protocol != Some(Protocol::Smtp)
                        && (matches!(point, Command | Answer | Starttls)
                            || answers && matches!(point, Capability | Challenge | Login | Idle))
                }
                Action::UidValidity(_) => protocol != Some(Protocol::Smtp) && point.is_of(Protocol::Imap),
                Action::Answer(_) => {
                    !matches!(point, Point::Connect | Point::Handshake | Point::Literal | Point::Message)
                }
                _ => true,
            };
            if !fits {
                return Err(self.error("do", &format!("“{action}” means nothing at the point “{point}”")));
            }
        }
        Ok(actions)
    }

    fn action(&self, key: &str, value: &Value) -> Result<Action, ScriptError> {
        let text = || {
            value.as_str().map(str::to_owned).ok_or_else(|| self.error(key, &format!("“{key}” wants a text")))
        };
        let word = || {
            let said = text()?;
            if said.is_empty() {
                Err(self.error(key, &format!("“{key}” wants a text that is not empty")))
            } else {
                Ok(said)
            }
        };
        let whole = |most: u64| {
            value
                .as_integer()
                .and_then(|number| u64::try_from(number).ok())
                .filter(|number| (1..=most).contains(number))
                .ok_or_else(|| self.error(key, &format!("“{key}” wants a whole number from 1 to {most}")))
        };
        Ok(match key {
            "delay" => Action::Delay(self.duration(&text()?)?),
            "delay_ms" => Action::Delay(Duration::from_millis(whole(LONGEST)?)),
            "slow" => Action::Delay(SLOW),
            "throttle" => Action::Throttle(u32::try_from(whole(1 << 30)?).unwrap_or(u32::MAX)),
            "split" => Action::Split(usize::try_from(whole(1 << 20)?).unwrap_or(1)),
            "say" => Action::Say(text()?),
            "raw" => Action::Raw(word()?),
            "answer" => Action::Answer(word()?),
            "tag" => Action::Tag(word()?),
            "omit" => Action::Omit(word()?.to_ascii_uppercase()),
            "add" => Action::Add(word()?),
            "challenge" => Action::Challenge(text()?),
            "tls" => Action::Tls(word()?),
            "uidvalidity" => Action::UidValidity(u32::try_from(whole(u64::from(u32::MAX))?).unwrap_or(1)),
            "end" => self.end(&text()?)?,
            other => return Err(self.unknown("action", other, &ACTIONS)),
        })
    }

    fn end(&self, word: &str) -> Result<Action, ScriptError> {
        [End::Cut, End::Reset, End::Silence]
            .into_iter()
            .find(|end| end.name() == word)
            .map(Action::End)
            .ok_or_else(|| self.unknown("action", word, &["cut", "reset", "silence"]))
    }

    /// `250ms`, `2s` or `1m`.
    fn duration(&self, text: &str) -> Result<Duration, ScriptError> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = match &text[split..] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            _ => 0,
        };
        text[..split]
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .filter(|ms| (1..=LONGEST).contains(ms))
            .map(Duration::from_millis)
            .ok_or_else(|| {
                self.error(text, &format!("“{text}” is no delay: write 250ms, 2s or 1m, one hour at most"))
            })
    }

    fn string(&self, table: &Table, key: &str) -> Result<Option<String>, ScriptError> {
        match table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.error(key, &format!("“{key}” wants a text"))),
        }
    }

    fn number(&self, table: &Table, key: &str, most: u64) -> Result<Option<u64>, ScriptError> {
        let Some(value) = table.get(key) else { return Ok(None) };
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        match number.filter(|number| *number <= most) {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(key, &format!("“{key}” wants a whole number from 0 to {most}"))),
        }
    }

    fn count(&self, table: &Table, key: &str) -> Result<Option<u32>, ScriptError> {
        Ok(self.number(table, key, 1_000_000)?.map(|number| u32::try_from(number).unwrap_or(u32::MAX)))
    }

    fn unknown(&self, kind: &str, word: &str, names: &[&str]) -> ScriptError {
        let near = nearest(word, names.iter().copied()).unwrap_or_default();
        self.error(
            word,
            &format!("no {kind} “{word}”; did you mean “{near}”? There are: {}", names.join(", ")),
        )
    }

    /// An error at the line of the table that holds `word`, or at its beginning.
    fn error(&self, word: &str, what: &str) -> ScriptError {
        let rest = &self.text[self.start.min(self.text.len())..];
        let body = rest.get(1..).and_then(|body| body.find("[[")).map_or(rest, |end| &rest[..=end]);
        let line = place(body, word).map_or(self.line, |at| line_at(self.text, self.start + at));
        ScriptError { line, what: what.to_owned() }
    }
}

/// Where a word stands in a table: as a key if it can be, else anywhere as a word of its own.
fn place(body: &str, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let whole = |at: &usize| !body[..*at].ends_with(part) && !body[at + word.len()..].starts_with(part);
    let is_key = |at: &usize| body[at + word.len()..].trim_start().starts_with('=');
    let places = || body.match_indices(word).map(|(at, _)| at);
    places().filter(whole).find(is_key).or_else(|| places().find(whole)).or_else(|| places().next())
}

fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Script>().unwrap_err().to_string()
    }

    #[test]
    fn a_script_is_read_whole() {
        let script: Script = "seed = 7\n[[fault]]\nat = \"literal\"\nbyte = 100\nskip = 1\ntimes = 2\n\
            do = [{ delay = \"250ms\" }, \"cut\"]\n[[fault]]\nname = \"busy\"\nat = \"command\"\ncommand = \"select\"\n\
            do = { answer = \"NO [INUSE] Busy\" }\n"
            .parse()
            .unwrap();
        assert_eq!(script.seed, Some(7));
        let [cut, busy] = &script.faults[..] else { panic!() };
        assert_eq!((cut.line, cut.at, cut.byte, cut.skip, cut.times), (2, Point::Literal, 100, 1, 2));
        assert_eq!(cut.actions, [Action::Delay(Duration::from_millis(250)), Action::End(End::Cut)]);
        assert_eq!((busy.line, busy.name.as_str(), busy.command.as_deref()), (8, "busy", Some("SELECT")));
    }

    #[test]
    fn unknown_names_are_refused_with_their_line_and_the_nearest_one() {
        let text = refused("\n[[fault]]\nat = \"greting\"\ndo = \"cut\"");
        assert!(text.starts_with("line 3: no point “greting”; did you mean “greeting”?"), "{text}");
        let text = refused("[[fault]]\nat = \"greeting\"\ndo = [{ dely = \"2s\" }]");
        assert!(text.starts_with("line 3: no action “dely”; did you mean “delay”?"), "{text}");
        let text = refused("[[fault]]\nat = \"greeting\"\ntime = 3\ndo = \"cut\"");
        assert!(text.starts_with("line 3: no key “time”; did you mean “times”?"), "{text}");
        let text = refused("[[fault]]\nat = \"greeting\"\ndo = \"rset\"");
        assert!(text.contains("did you mean “reset”"), "{text}");
    }

    #[test]
    fn what_can_never_happen_is_refused() {
        let text = refused("[[fault]]\nat = \"idle\"\nprotocol = \"smtp\"\ndo = \"cut\"");
        assert!(text.contains("exists in imap only"), "{text}");
        let text = refused(
            "[[fault]]\nat = \"rcpt\"\ntimes = 0\ndo = \"cut\"\n[[fault]]\nat = \"rcpt\"\ndo = \"reset\"",
        );
        assert!(text.starts_with("line 5: this fault can never happen: the one of line 1"), "{text}");
        assert!(refused("").contains("no [[fault]]"));
        assert!(
            refused("[[fault]]\nat = \"greeting\"\ndo = { tls = \"expired\" }").contains("means nothing")
        );
        assert!(refused("[[fault]]\nat = \"greeting\"\ndo = { delay = \"9h\" }").contains("is no delay"));
        assert!(refused("[[fault]]\nat = \"greeting\"").contains("says what happens"));
        assert!(refused("[[fault]\n").starts_with("line 1"));
        let text = refused("[[fault]]\nat = \"idle\"\ndo = [\"cut\", { say = \"x\" }]");
        assert!(text.starts_with("line 3: “say x” can never happen"), "{text}");
        assert!(
            refused("[[fault]]\nat = \"idle\"\npercent = 0\ndo = \"cut\"")
                .starts_with("line 3: with percent")
        );
        assert!(
            refused("[[fault]]\nat = \"idle\"\ndo = { say = \"x\", delay = \"1s\" }").contains("each pair")
        );
        assert!(refused("[[fault]]\nat = \"login\"\ndo = { answer = \"\" }").contains("not empty"));
        assert!(refused("[[fault]]\nat = \"login\"\ndo = { tag = \"x\" }").contains("means nothing"));
        assert!(refused(&" ".repeat(300_000)).contains("at most"));
        assert!(
            refused(&"[[fault]]\nat = \"idle\"\ndo = \"cut\"\n".repeat(1_001))
                .contains("at most 1000 faults")
        );
    }

    #[test]
    fn an_error_is_at_the_line_of_its_key() {
        // “at” and “do” stand in the name too.
        let text = refused("[[fault]]\nname = \"do it at last, late\"\nat = \"greeting\"\ndo = 7");
        assert!(text.starts_with("line 4: "), "{text}");
        let text = refused("[[fault]]\nat = \"greeting\"\ndo = \"cut\"\n[[fault]]\nname = \"at\"\n\nat = 3");
        assert!(text.starts_with("line 7: "), "{text}");
    }

    #[test]
    fn faults_without_a_name_are_told_apart() {
        let one = "[[fault]]\nat = \"idle\"\ndo = \"cut\"\n";
        let script: Script =
            format!("{one}{one}[[fault]]\nname = \"x\"\nat = \"idle\"\ndo = \"cut\"\n{one}").parse().unwrap();
        let names: Vec<_> = script.faults.iter().map(|fault| fault.name.as_str()).collect();
        assert_eq!(names, ["idle", "idle-2", "x", "idle-3"]);
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[ -~\r\n\"\\\\']{0,40}"]
            .prop_filter("not empty", |text| !text.is_empty())
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            (1..LONGEST).prop_map(|ms| Action::Delay(Duration::from_millis(ms))),
            (1..1u32 << 30).prop_map(Action::Throttle),
            (1..1usize << 20).prop_map(Action::Split),
            any::<String>().prop_map(Action::Say),
            text().prop_map(Action::Raw),
            text().prop_map(Action::Answer),
            (1..u32::MAX).prop_map(Action::UidValidity),
        ]
    }

    fn fault() -> impl Strategy<Value = Fault> {
        let end =
            prop_oneof![Just(None), Just(Some(End::Cut)), Just(Some(End::Reset)), Just(Some(End::Silence))];
        let counts = (0..1_000_000u32, 1..1_000_000u32, 1..=100u8);
        (
            text(),
            prop_oneof![Just(None), "[A-Z]{3,9}".prop_map(Some)],
            counts,
            prop::collection::vec(action(), 0..5),
            end,
        )
            .prop_filter("something happens", |(.., actions, end)| !actions.is_empty() || end.is_some())
            .prop_map(|(name, command, (skip, times, percent), mut actions, end)| {
                actions.extend(end.map(Action::End));
                let (line, protocol, recipient) = (0, Some(Protocol::Imap), None);
                Fault {
                    name,
                    line,
                    at: Point::Command,
                    protocol,
                    command,
                    recipient,
                    byte: 0,
                    skip,
                    times,
                    percent,
                    actions,
                }
            })
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = text.parse::<Script>();
        }

        #[test]
        fn no_script_makes_it_panic(
            at in "(greeting|literal|rcpt|message|[a-z]{0,9})",
            key in "(byte|times|percent|command|protocol|recipient|name|é)",
            value in "(-?[0-9]{1,20}|\"[ -~é]{0,9}\"|\\[\\]|true)",
            action in "(\"[a-zé]{0,9}\"|\\{ [a-z_é]{1,9} = (\"[ -~é]{0,9}\"|-?[0-9]{1,20}) \\}|\\[\\]|7)",
        ) {
            let text = format!("[[fault]]\nat = \"{at}\"\n{key} = {value}\ndo = {action}\n");
            if let Err(error) = text.parse::<Script>() {
                prop_assert!((1..=5).contains(&error.line), "{}", error);
            }
        }

        #[test]
        fn what_is_written_is_read_again(seed in prop_oneof![Just(None), (0..u64::MAX >> 1).prop_map(Some)], fault in fault()) {
            let script = Script { seed, faults: vec![fault] };
            let mut again: Script = script.to_string().parse().map_err(|error| {
                TestCaseError::fail(format!("{error}: {script}"))
            })?;
            again.faults[0].line = 0;
            prop_assert_eq!(again, script);
        }
    }
}
