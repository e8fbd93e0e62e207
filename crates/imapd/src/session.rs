use std::sync::Arc;

use faults::{Asker, Point};
use imap::command::{Command, Dialect, parse_in};
use imap::framing::{Frame, Refused, tag_of};
use imap::response::Line;
use sasl::{Granted, Offer};
use wire::{Fact, TlsFacts};

use crate::Context;
use crate::capability::{self, At, Extension};
use crate::connection::{Connection, End};
use crate::fetch::Structures;
use crate::rates::Address;
use crate::selected::Selected;

/// One client's session, from the greeting to the end.
pub(crate) struct Session {
    pub(crate) context: Arc<Context>,
    pub(crate) connection: Connection,
    pub(crate) tls: Option<TlsFacts>,
    /// The listener's until somebody logs in, then the mailbox's.
    pub(crate) offer: Offer,
    pub(crate) login: Option<Granted>,
    pub(crate) selected: Option<Selected>,
    pub(crate) enabled: Enabled,
    pub(crate) structures: Structures,
    pub(crate) failed_logins: u32,
    pub(crate) faults: Asker,
    errors: u32,
    address: Option<Arc<Address>>,
}

/// The longest literal that LITERAL- lets a client send without waiting (RFC 7888 §5).
const LITERAL_MINUS: u64 = 4_096;

/// What the client has switched on (RFC 5161), for the whole session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Enabled {
    /// Mod-sequences in every FETCH of flags (RFC 7162 §3.1).
    pub(crate) condstore: bool,
    /// VANISHED in the place of EXPUNGE (RFC 7162 §3.2).
    pub(crate) qresync: bool,
    /// UTF8=ACCEPT (RFC 9755): names and quoted strings in UTF-8.
    pub(crate) utf8: bool,
    /// IMAP4rev2 (RFC 9051): no RECENT, ESEARCH answers, names in UTF-8.
    pub(crate) rev2: bool,
}

/// How a command ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) code: String,
    pub(crate) text: String,
}

/// What a handler returns: an answer, or the end of the connection.
pub(crate) type Handled = Result<Answer, End>;

impl Answer {
    pub(crate) fn ok(text: &str) -> Self {
        Self { status: "OK", code: String::new(), text: text.to_owned() }
    }

    pub(crate) fn coded(code: impl Into<String>, text: &str) -> Self {
        Self { status: "OK", code: code.into(), text: text.to_owned() }
    }

    pub(crate) fn no(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { status: "NO", code: code.into(), text: text.into() }
    }

    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { status: "BAD", code: String::new(), text: text.into() }
    }

    /// The answer was given already.
    pub(crate) fn none() -> Self {
        Self { status: "", code: String::new(), text: String::new() }
    }

    /// The store did not do it. What the client asked for in vain is no fault of ours; anything else is, and is
    /// temporary as far as the client is concerned.
    pub(crate) fn failed(error: &db::Error) -> Self {
        match error {
            db::Error::Missing(_) => return Self::no("NONEXISTENT", "It is gone meanwhile"),
            db::Error::Invalid(why) => return Self::no("CANNOT", why.clone()),
            db::Error::OverQuota(why) => return Self::no("OVERQUOTA", why.clone()),
            _ => {}
        }
        tracing::error!(%error, "the mail store failed");
        Self::no("UNAVAILABLE", "The mail store does not answer; try again later")
    }
}

impl Session {
    pub(crate) fn new(context: Arc<Context>, connection: Connection, offer: Offer, faults: Asker) -> Self {
        let mut session = Self {
            context,
            connection,
            tls: None,
            offer,
            login: None,
            selected: None,
            enabled: Enabled::default(),
            structures: Structures::default(),
            failed_logins: 0,
            faults,
            errors: 0,
            address: None,
        };
        session.take_offer(offer);
        session
    }

    /// From now on this is what the client is offered: the listener's offer first, then the mailbox's.
    pub(crate) fn take_offer(&mut self, offer: Offer) {
        self.offer = offer;
        // RFC 9051 §6.3.1: a server without IMAP4rev1 has nothing to be switched.
        self.enabled.rev2 = self.enabled.rev2 || !self.knows(Extension::Rev1);
        let unwaited = match (self.knows(Extension::LiteralPlus), self.knows(Extension::LiteralMinus)) {
            (true, _) => Some(u64::MAX),
            (_, true) => Some(LITERAL_MINUS),
            _ => None,
        };
        self.connection.limit_unwaited(unwaited);
    }

    /// How this session's commands and names are written.
    pub(crate) fn dialect(&self) -> Dialect {
        Dialect { utf8: self.enabled.utf8 || self.enabled.rev2 }
    }

    /// Runs to the end, and records it.
    pub(crate) async fn run(mut self, implicit_tls: bool, admitted: Result<Arc<Address>, String>) {
        let end = match self.converse(implicit_tls, admitted).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        self.connection.close(&end).await;
    }

    async fn converse(
        &mut self,
        implicit_tls: bool,
        admitted: Result<Arc<Address>, String>,
    ) -> Result<std::convert::Infallible, End> {
        if admitted.is_ok() {
            self.wrong(Point::Connect, "", "*").await?;
        }
        if implicit_tls {
            self.start_tls().await?;
        }
        self.address = Some(admitted.map_err(End::Refused)?);
        if !self.wrong(Point::Greeting, "", "*").await?
            && let Some(list) = self.offered("", "*").await?
        {
            let greeting = format!("OK [CAPABILITY {list}] Vaguemestre IMAP sandbox");
            self.connection.say(Line::untagged(&greeting));
        }
        loop {
            self.connection.flush().await?;
            match self.connection.frame().await? {
                Ok(Frame::Command { bytes, shown }) => {
                    self.connection.pen.command(&bytes, shown);
                    Box::pin(self.command(&bytes)).await?;
                }
                Ok(Frame::Continue { bytes, shown }) => {
                    self.connection.pen.command(&bytes, shown);
                    self.connection.say(Line::new().text("+ Go on"));
                }
                Ok(Frame::Append { bytes, shown, size, synchronising }) => {
                    self.connection.pen.command(&bytes, shown);
                    if let Some(Err(why)) = self.address.as_ref().map(|address| address.command()) {
                        return Err(End::Refused(why));
                    }
                    let mut tag = tag_of(&bytes).unwrap_or("*").to_owned();
                    let answered = self.command_fault("APPEND", &mut tag).await?;
                    let answer = Box::pin(self.append(&bytes, size, synchronising, answered)).await?;
                    self.finish(&tag, "APPEND", answer, true).await?;
                }
                Ok(Frame::AppendEnd(_) | Frame::AppendNext { .. }) => {} // taken by `append`
                Err(refused) => self.refused(refused)?,
            }
        }
    }

    /// Brings TLS up, and forgets all that was before (RFC 3501 §6.2.1).
    pub(crate) async fn start_tls(&mut self) -> Result<(), End> {
        let acceptor = self.handshaker().await?;
        self.tls = Some(Box::pin(self.connection.handshake(&acceptor)).await?);
        Ok(())
    }

    pub(crate) fn capabilities(&self) -> String {
        let profile = self.offer.profile;
        match (&self.login, &self.tls) {
            (Some(_), _) => capability::list(profile, At::LoggedIn(self.context.limits.message)),
            (None, Some(tls)) => {
                let mechanisms = self.context.authenticator.mechanisms(tls.certificate.as_ref(), &self.offer);
                capability::list(profile, At::Tls(&mechanisms))
            }
            (None, None) => capability::list(profile, At::Clear),
        }
    }

    async fn command(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Some(mut tag) = tag_of(bytes).map(str::to_owned) else {
            self.connection.pen.violation("a command without a tag");
            self.connection.say(Line::untagged("BAD A command starts with a tag, then a space"));
            return self.count_error();
        };
        if let Some(Err(why)) = self.address.as_ref().map(|address| address.command()) {
            return Err(End::Refused(why));
        }
        let word = self.word(bytes);
        if self.command_fault(&word, &mut tag).await? {
            if matches!(&word[..], "AUTHENTICATE" | "LOGIN") {
                self.failed_logins += 1;
            }
            return self.finish(&tag, &word, Answer::none(), false).await;
        }
        let command = match parse_in(bytes, self.dialect()) {
            Ok(command) => command,
            Err(error) => {
                self.connection.pen.violation(format!("command not understood: {error}"));
                return self.finish(&tag, &word, Answer::bad(error.to_string()), false).await;
            }
        };
        if let Some(name) = capability::lacks(self.offer.profile, &command) {
            self.connection.pen.violation(format!("a command of {name}, which is not offered"));
            let answer = Answer::bad(format!("{name} is not offered here: see CAPABILITY"));
            return self.finish(&tag, &word, answer, false).await;
        }
        // RFC 3501 §7.4.1: no EXPUNGE while these are answered, or the client's numbers would mean other messages.
        let expunge = !matches!(
            command,
            Command::Fetch { .. }
                | Command::Store { .. }
                | Command::Search(_)
                | Command::Sort(_)
                | Command::Thread(_)
        );
        let answer = self.dispatch(&tag, command).await?;
        self.finish(&tag, &word, answer, expunge).await
    }

    /// What goes wrong at a command before it is executed; true where it is answered already. The tag may be another
    /// one from here on.
    async fn command_fault(&mut self, word: &str, tag: &mut String) -> Result<bool, End> {
        let Some(hit) = self.fault(Point::Command, word)? else { return Ok(false) };
        if let Some(other) = hit.tag() {
            other.clone_into(tag);
        }
        self.suffer(&hit, tag).await
    }

    async fn dispatch(&mut self, tag: &str, command: Command) -> Handled {
        match command {
            Command::Capability => {
                let Some(list) = self.offered("CAPABILITY", tag).await? else { return Ok(Answer::none()) };
                self.connection.say(Line::untagged(&format!("CAPABILITY {list}")));
                Ok(Answer::ok("Capabilities told"))
            }
            Command::Noop => {
                self.look_now_and_then();
                Ok(Answer::ok("Nothing done"))
            }
            Command::Logout => {
                self.connection.say(Line::untagged("BYE Goodbye"));
                if !self.wrong(Point::Answer, "LOGOUT", tag).await? {
                    self.connection.say(Line::tagged(tag, "OK", "", "Logged out"));
                }
                Err(End::Logout)
            }
            Command::Id(fields) => Ok(self.id(&fields)),
            Command::StartTls => self.command_start_tls(tag).await,
            Command::Authenticate { mechanism, initial_response } => {
                self.authenticate(tag, &mechanism, initial_response).await
            }
            Command::Login { user } => self.refuse_login(&user),
            command if self.login.is_none() => {
                let _ = command;
                Ok(Answer::bad("Log in first, with AUTHENTICATE"))
            }
            command => self.logged_in(tag, command).await,
        }
    }

    async fn logged_in(&mut self, tag: &str, command: Command) -> Handled {
        match command {
            Command::Enable(names) => Ok(self.enable(&names)),
            Command::Select { folder, read_only, params } => self.select(&folder, read_only, &params).await,
            Command::Create { folder, special_use } => self.create(&folder, special_use.as_deref()).await,
            Command::Delete(folder) => self.delete(&folder).await,
            Command::Rename { from, to } => self.rename(&from, &to).await,
            Command::Subscribe(folder) => self.subscribe(&folder, true).await,
            Command::Unsubscribe(folder) => self.subscribe(&folder, false).await,
            Command::List(list) => self.list(&list).await,
            Command::Lsub { reference, pattern } => self.lsub(&reference, &pattern).await,
            Command::Namespace => {
                self.connection.say(Line::untagged("NAMESPACE ((\"\" \"/\")) NIL NIL"));
                Ok(Answer::ok("One namespace"))
            }
            Command::Status { folder, items } => self.status(&folder, &items).await,
            Command::GetQuota(root) => self.get_quota(&root).await,
            Command::GetQuotaRoot(folder) => self.get_quota_root(&folder).await,
            Command::SetQuota { .. } => Ok(Answer::no("NOPERM", "Limits are the operator's to set")),
            Command::Idle => self.idle(tag).await,
            Command::Compress(algorithm) => self.compress(tag, &algorithm).await,
            command if self.selected.is_none() => {
                let _ = command;
                Ok(Answer::bad("Select a folder first"))
            }
            Command::Check => {
                self.look_now_and_then();
                Ok(Answer::ok("Everything is on disk already"))
            }
            Command::Close => self.close().await,
            Command::Unselect => {
                self.selected = None;
                Ok(Answer::ok("No folder is selected"))
            }
            Command::Expunge(set) => self.expunge(set.as_ref()).await,
            Command::Search(search) if self.enabled.utf8 && search.charset.is_some() => {
                Ok(Answer::bad("No CHARSET after ENABLE UTF8=ACCEPT: all is UTF-8 (RFC 9755 §3)"))
            }
            Command::Search(search) => self.search(tag, &search).await,
            Command::Sort(sort) => self.sort(tag, &sort).await,
            Command::Thread(thread) => self.thread(&thread).await,
            Command::Fetch { uid, set, items, changed_since, vanished } => {
                self.fetch(uid, &set, &items, changed_since, vanished).await
            }
            Command::Store { uid, set, unchanged_since, change, silent, flags } => {
                self.store(uid, &set, unchanged_since, change, silent, &flags).await
            }
            Command::Copy { uid, set, folder, remove } => self.copy(uid, &set, &folder, remove).await,
            _ => Ok(Answer::bad("This command is not for this state")),
        }
    }

    /// Tells what changed meanwhile, then how the command ended.
    async fn finish(&mut self, tag: &str, word: &str, answer: Answer, expunge: bool) -> Result<(), End> {
        self.updates(expunge).await?;
        if !answer.status.is_empty() {
            let hit = self.fault(Point::Answer, word)?;
            let tag = hit.as_ref().and_then(|hit| hit.tag()).unwrap_or(tag);
            let answered = match &hit {
                Some(hit) => self.suffer(hit, tag).await?,
                None => false,
            };
            if !answered {
                let code = if self.tells(&answer.code) { &answer.code[..] } else { "" };
                self.connection.say(Line::tagged(tag, answer.status, code, &answer.text));
            }
        }
        if answer.status == "BAD" {
            return self.count_error();
        }
        if self.failed_logins >= self.context.limits.failed_logins {
            return Err(End::Refused("Too many failed logins".into()));
        }
        self.errors = 0;
        Ok(())
    }

    fn refused(&mut self, refused: Refused) -> Result<(), End> {
        let text = refused.what.to_string();
        self.connection.pen.violation(&text);
        match &refused.tag {
            Some(tag) => self.connection.say(Line::tagged(tag, "BAD", "", &text)),
            None => self.connection.say(Line::untagged(&format!("BAD {text}"))),
        }
        if refused.fatal { Err(End::Refused(text)) } else { self.count_error() }
    }

    fn count_error(&mut self) -> Result<(), End> {
        self.errors += 1;
        if self.errors >= self.context.limits.errors {
            return Err(End::Refused("Too many commands that cannot be executed".into()));
        }
        Ok(())
    }

    /// Whether a response code belongs to what is offered: a server of RFC 3501 alone knows six, and APPENDUID and
    /// COPYUID came with UIDPLUS (RFC 4315).
    fn tells(&self, code: &str) -> bool {
        const FIRST: [&str; 6] =
            ["ALERT", "BADCHARSET", "CAPABILITY", "READ-ONLY", "READ-WRITE", "TRYCREATE"];
        let word = code.split(' ').next().unwrap_or_default();
        self.knows(Extension::UidPlus) || FIRST.contains(&word)
    }

    /// ENABLE (RFC 5161): what is known and offered is switched on, and the rest passed over.
    fn enable(&mut self, names: &[String]) -> Answer {
        let mut done = String::new();
        for name in names {
            let (extension, name) = match name.as_str() {
                "CONDSTORE" => (Extension::Condstore, "CONDSTORE"),
                "QRESYNC" => (Extension::Qresync, "QRESYNC"),
                "UTF8=ACCEPT" => (Extension::Utf8Accept, "UTF8=ACCEPT"),
                "IMAP4REV2" => (Extension::Rev2, "IMAP4rev2"),
                _ => continue,
            };
            if !self.knows(extension) || done.contains(name) {
                continue;
            }
            match extension {
                Extension::Rev2 => self.enabled.rev2 = true,
                Extension::Utf8Accept => self.enabled.utf8 = true,
                Extension::Qresync => {
                    // RFC 7162 §3.2.3: who asks for QRESYNC asks for CONDSTORE.
                    self.enable_condstore();
                    self.enabled.qresync = true;
                }
                _ => self.enable_condstore(),
            }
            done.push(' ');
            done.push_str(name);
        }
        self.connection.say(Line::untagged(&format!("ENABLED{done}")));
        Answer::ok("Enabled what is known")
    }

    fn id(&mut self, fields: &[(String, Option<String>)]) -> Answer {
        let name = fields.iter().find(|(key, _)| key.eq_ignore_ascii_case("name"));
        if let Some((_, Some(name))) = name {
            self.connection.pen.record(Fact::Greeting { verb: "ID".into(), name: name.clone() });
        }
        let version = env!("CARGO_PKG_VERSION");
        self.connection
            .say(Line::untagged(&format!("ID (\"name\" \"Vaguemestre\" \"version\" \"{version}\")")));
        Answer::ok("Pleased to meet you")
    }
}
