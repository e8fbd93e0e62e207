#![allow(dead_code, missing_docs, clippy::todo, unused_variables)]
use rules::{Check, Protocol, Transcript};
pub struct Taken<'a> {
    pub seq: i64,
    pub mail: &'a wire::MailFacts,
    pub message: Option<&'a [u8]>,
}
macro_rules! mailcheck { ($($n:ident { $($f:ident : $t:ty),* })*) => { $(pub struct $n<'r> { pub requirement: &'r str, $(pub $f: $t),* }
 impl $n<'_> { pub fn check(&self, t: &Transcript<'_>, m: &[Taken<'_>]) -> Check { todo!() } })* } }
macro_rules! wirecheck { ($($n:ident)*) => { $(pub struct $n<'r> { pub requirement: &'r str, pub protocol: Protocol }
 impl $n<'_> { pub fn check(&self, t: &Transcript<'_>) -> Check { todo!() } })* } }
pub enum Content {
    Plain,
    Documents { count: usize, qualified: Option<bool> },
}
mailcheck! { MailReceived {} InsHeader {} CodeCdaHeader {} MesHeader { close: bool } Contents { expect: Content } UniqueMessageId {} }
pub struct NilHeader<'r> {
    pub requirement: &'r str,
    pub nil: &'r str,
}
impl NilHeader<'_> {
    pub fn check(&self, t: &Transcript<'_>, m: &[Taken<'_>]) -> Check {
        todo!()
    }
}
pub struct SentTo<'r> {
    pub requirement: &'r str,
    pub recipient: &'r str,
}
impl SentTo<'_> {
    pub fn check(&self, t: &Transcript<'_>, m: &[Taken<'_>]) -> Check {
        todo!()
    }
}
pub struct InReplyTo<'r> {
    pub requirement: &'r str,
    pub original: &'r str,
}
impl InReplyTo<'_> {
    pub fn check(&self, t: &Transcript<'_>, m: &[Taken<'_>]) -> Check {
        todo!()
    }
}
wirecheck! { StartTls TlsOffered OldTlsRefused TokenRenewed }
pub trait Faults {
    fn refuse_first_token(&self, m: &str) -> ();
    fn open_old_tls(
        &self,
        run: i64,
    ) -> impl Future<Output = std::io::Result<operator::PrivateListeners>> + Send;
}
impl Faults for operator::Operator {
    fn refuse_first_token(&self, m: &str) {}
    fn open_old_tls(
        &self,
        run: i64,
    ) -> impl Future<Output = std::io::Result<operator::PrivateListeners>> + Send {
        self.open_private(run)
    }
}
pub mod cda {
    pub enum SmallKind {
        Letter,
        Report,
    }
    pub struct Code {
        pub code: String,
    }
    pub struct Draft {
        pub code: Code,
    }
    impl Draft {
        pub fn small(k: SmallKind, root: &str, p: ins::Identity, at: kernel::Timestamp) -> Self {
            todo!()
        }
    }
    pub fn write(d: &Draft) -> Vec<u8> {
        todo!()
    }
}
