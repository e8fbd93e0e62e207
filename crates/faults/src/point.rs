use std::fmt;

/// Which server a fault belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// IMAP.
    Imap,
    /// SMTP submission.
    Smtp,
}

impl Protocol {
    /// `imap` or `smtp`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Smtp => "smtp",
        }
    }
}

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $imap:literal, $smtp:literal;)*) => {
        /// Where in a conversation a server asks whether to do wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Point { $($(#[$doc])* $variant,)* }

        impl Point {
            /// All points, in the order of a conversation.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in a script.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its place among a word's bits.
            pub(crate) fn bit(self) -> u32 {
                1 << (self as u32)
            }

            /// Whether a server of this protocol ever asks there.
            pub fn is_of(self, protocol: Protocol) -> bool {
                match (self, protocol) {
                    $((Self::$variant, Protocol::Imap) => $imap, (Self::$variant, Protocol::Smtp) => $smtp,)*
                }
            }
        }
    };
}

points! {
    /// The connection is open, nothing was said.
    Connect = "connect", true, true;
    /// A TLS handshake is about to begin: after STARTTLS was agreed to, or at once with implicit TLS.
    Handshake = "handshake", true, true;
    /// Before the greeting.
    Greeting = "greeting", true, true;
    /// A list of what is offered is about to be said: CAPABILITY (also in the greeting), or the reply to EHLO.
    Capability = "capability", true, true;
    /// STARTTLS was asked for and not yet answered.
    Starttls = "starttls", true, true;
    /// An initial SASL response came, or is to be asked for: before the server's challenge.
    Challenge = "challenge", true, true;
    /// Credentials came, and were not looked at yet.
    Login = "login", true, true;
    /// A command came, and was not executed. `command` says which one; any, where absent.
    Command = "command", true, true;
    /// A command was executed, and its last line not said. `command` says which one.
    Answer = "answer", true, false;
    /// A literal of a FETCH is being sent. `byte` says how many of its octets go first.
    Literal = "literal", true, false;
    /// IDLE was agreed to.
    Idle = "idle", true, false;
    /// MAIL came, and was not looked at.
    Mail = "mail", false, true;
    /// RCPT came, and was not looked at. `recipient` says which one.
    Rcpt = "rcpt", false, true;
    /// DATA came, before 354.
    Data = "data", false, true;
    /// A message is coming in. `byte` says how many octets of it were read: after DATA, or in an APPEND.
    Message = "message", true, true;
    /// The final dot came, the message is not stored. With an answer it never will be.
    Dot = "dot", false, true;
    /// The message is stored, and 250 is not said.
    Accepted = "accepted", false, true;
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
