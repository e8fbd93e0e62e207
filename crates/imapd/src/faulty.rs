//! Where a session asks whether to do wrong, and what it does then.
//!
//! Crate `faults` decides, this module obeys. A listener without a script asks nobody: one comparison at each point.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use faults::{Action, Hit, Moment, Point, Protocol};
use sasl::Mechanism;
use tls::Acceptor;

use crate::connection::End;
use crate::session::{Answer, Session};

/// The longest name of a command.
const LONGEST: usize = 24;

impl Session {
    /// What goes wrong here. It is not in the journal yet: it may be for a later octet.
    pub(crate) fn ask(&self, point: Point, command: &str) -> Option<Hit> {
        if self.faults.is_quiet() {
            return None;
        }
        let mailbox = self.login.as_ref().map(|login| login.mailbox.as_str());
        self.faults.at(&Moment::new(Protocol::Imap, point).command(command).mailbox(mailbox))
    }

    /// What goes wrong here, and is in the journal. Who comes back to it over and over is sent away.
    pub(crate) fn fault(&mut self, point: Point, command: &str) -> Result<Option<Hit>, End> {
        let Some(hit) = self.ask(point, command) else { return Ok(None) };
        self.connection.tell_fault(&hit);
        if !hit.is_loop() {
            return Ok(Some(hit));
        }
        let most = Hit::MOST_RETURNS;
        let what = format!("the client came back to the fault “{}” more than {most} times", hit.name);
        self.connection.pen.violation(&what);
        Err(match point {
            Point::Connect | Point::Handshake => End::Broken(what), // nobody could read a goodbye
            _ => End::Refused(format!("You came back more than {most} times; this is a loop")),
        })
    }

    /// Does all that a fault says, in its order; true where it answered in our place. What it answers stands behind
    /// `prefix`, the command's tag or `*`, unless it says BYE.
    pub(crate) async fn suffer(&mut self, hit: &Hit, prefix: &str) -> Result<bool, End> {
        let prefix = hit.tag().filter(|_| prefix != "*").unwrap_or(prefix);
        let mut answered = false;
        for action in &hit.actions {
            let Action::Answer(text) = action else {
                self.connection.inflict(action, hit.point).await?;
                continue;
            };
            answered = true;
            if is_bye(text) {
                self.connection.say_as_it_is(&format!("* {text}"));
                self.connection.inflict(&Action::End(faults::End::Cut), hit.point).await?;
            }
            self.connection.say_as_it_is(&format!("{prefix} {text}"));
        }
        Ok(answered)
    }

    /// Asks, and does it all; true where the fault answered.
    pub(crate) async fn wrong(&mut self, point: Point, command: &str, prefix: &str) -> Result<bool, End> {
        match self.fault(point, command)? {
            Some(hit) => self.suffer(&hit, prefix).await,
            None => Ok(false),
        }
    }

    /// The list of what is offered, as a fault has it; `None` where it answered in the place of whatever would have held
    /// the list.
    pub(crate) async fn offered(&mut self, command: &str, prefix: &str) -> Result<Option<String>, End> {
        let list = self.capabilities();
        let Some(hit) = self.fault(Point::Capability, command)? else { return Ok(Some(list)) };
        if self.suffer(&hit, prefix).await? {
            return Ok(None);
        }
        Ok(Some(changed(&list, &hit.actions)))
    }

    /// Who shakes hands: the true server, or one of the TLS lab.
    pub(crate) async fn handshaker(&mut self) -> Result<Acceptor, End> {
        let Some(hit) = self.fault(Point::Handshake, "")? else { return Ok(self.context.acceptor.clone()) };
        self.suffer(&hit, "*").await?;
        self.connection.flush().await?;
        let Some(name) = hit.tls() else { return Ok(self.context.acceptor.clone()) };
        (self.context.tls_faults)(name)
            .ok_or_else(|| End::Broken(format!("no server of the TLS lab is named “{name}”")))
    }

    /// The last line of STARTTLS, with what a fault puts before it and, still in clear, behind it: all of it in one
    /// packet. False where TLS does not begin.
    pub(crate) async fn agree_to_tls(&mut self, tag: &str) -> Result<bool, End> {
        let Some(hit) = self.fault(Point::Starttls, "STARTTLS")? else {
            self.connection.say_as_it_is(&format!("{tag} {START_TLS}"));
            return Ok(true);
        };
        if hit.answer().is_some() {
            self.suffer(&hit, tag).await?;
            return Ok(false);
        }
        let tag = hit.tag().unwrap_or(tag).to_owned();
        let mut agreed = false;
        for action in &hit.actions {
            if matches!(action, Action::Say(_) | Action::Raw(_)) && !std::mem::replace(&mut agreed, true) {
                self.connection.say_as_it_is(&format!("{tag} {START_TLS}"));
            }
            self.connection.inflict(action, hit.point).await?;
        }
        if !agreed {
            self.connection.say_as_it_is(&format!("{tag} {START_TLS}"));
        }
        Ok(true)
    }

    /// A login that a fault refuses, or `None` where it goes on: its challenge, which the client answers, then NO.
    pub(crate) async fn refused_by(
        &mut self,
        hit: &Hit,
        tag: &str,
        mechanism: Mechanism,
    ) -> Result<Option<Answer>, End> {
        let tag = hit.tag().unwrap_or(tag);
        let (mut answered, mut challenged) = (false, false);
        for action in &hit.actions {
            match action {
                Action::Challenge(text) if mechanism.is_bearer() => {
                    challenged = true;
                    self.connection.say_sasl(&format!("+ {}", BASE64_STANDARD.encode(text)));
                    let _ = self.sasl_response().await?;
                }
                Action::Answer(text) if !is_bye(text) => {
                    answered = true;
                    self.connection.say_as_it_is(&format!("{tag} {text}"));
                }
                Action::Answer(text) => {
                    self.connection.say_as_it_is(&format!("* {text}"));
                    self.connection.inflict(&Action::End(faults::End::Cut), hit.point).await?;
                }
                other => self.connection.inflict(other, hit.point).await?,
            }
        }
        Ok(match (answered, challenged) {
            (true, _) => Some(Answer::none()),
            (false, true) => Some(Answer::no("AUTHENTICATIONFAILED", "This token is refused")),
            (false, false) => None,
        })
    }

    /// Octets of a literal, and what a fault does at one of them.
    pub(crate) async fn literal_octets(
        &mut self,
        octets: &[u8],
        wrong: &mut Option<(u64, Hit)>,
    ) -> Result<(), End> {
        let count = octets.len() as u64;
        let Some((left, hit)) = wrong.take_if(|(left, _)| *left <= count) else {
            if let Some((left, _)) = wrong {
                *left -= count;
            }
            return self.connection.octets(octets).await;
        };
        let (before, behind) = octets.split_at(usize::try_from(left).unwrap_or(octets.len()));
        self.connection.octets(before).await?;
        self.connection.tell_fault(&hit);
        self.suffer(&hit, "*").await?;
        self.connection.octets(behind).await
    }

    /// What goes wrong in a literal of so many octets, and behind how many of them.
    pub(crate) fn wrong_literal(&self, len: u64) -> Option<(u64, Hit)> {
        let hit = self.ask(Point::Literal, "FETCH")?;
        if hit.byte > len {
            self.faults.missed(&hit);
            return None;
        }
        Some((hit.byte, hit))
    }

    /// The UIDVALIDITY that is told for a folder.
    pub(crate) fn told_validity(&self, truth: u32) -> u32 {
        if self.faults.is_quiet() {
            return truth;
        }
        let mailbox = self.login.as_ref().map_or("", |login| &login.mailbox);
        self.faults.uid_validity(mailbox).unwrap_or(truth)
    }

    /// The name of a command, where a fault could be at it.
    pub(crate) fn word(&self, command: &[u8]) -> String {
        if self.faults.is_quiet() { String::new() } else { word_of(command) }
    }
}

const START_TLS: &str = "OK Start TLS now";

/// A server that says BYE says it without a tag, and goes.
fn is_bye(text: &str) -> bool {
    text.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("BYE"))
}

/// The command behind the tag, upper case, without `UID`; empty where there is none.
fn word_of(command: &[u8]) -> String {
    let mut words = command.split(|byte| *byte == b' ').skip(1).map(|word| word.trim_ascii());
    let first = words.next().unwrap_or_default();
    let word = if first.eq_ignore_ascii_case(b"UID") { words.next().unwrap_or_default() } else { first };
    if word.len() > LONGEST { String::new() } else { String::from_utf8_lossy(word).to_ascii_uppercase() }
}

/// A list with words left out and put in.
fn changed(list: &str, actions: &[Action]) -> String {
    let mut words: Vec<&str> = list.split(' ').collect();
    for action in actions {
        match action {
            Action::Omit(word) => words.retain(|one| !one.eq_ignore_ascii_case(word)),
            Action::Add(word) => words.push(word),
            _ => {}
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_without_its_tag_and_without_uid() {
        for (command, word) in [
            (&b"a1 select INBOX"[..], "SELECT"),
            (b"a1 UID fetch 1 FLAGS", "FETCH"),
            (b"a1 NOOP", "NOOP"),
            (b"a1", ""),
            (b"", ""),
            (b"a \xff\xfe", "\u{fffd}\u{fffd}"),
            (b"a UID", ""),
            (b"a xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", ""),
        ] {
            assert_eq!(word_of(command), word);
        }
    }

    #[test]
    fn a_list_loses_and_gains_words() {
        let actions = [Action::Omit("STARTTLS".into()), Action::Add("AUTH=PLAIN".into())];
        assert_eq!(
            changed("IMAP4rev1 starttls LOGINDISABLED", &actions),
            "IMAP4rev1 LOGINDISABLED AUTH=PLAIN"
        );
    }
}
