//! MAIL and RCPT: who sends, to whom, and what the sender wants to be told (RFC 3461).

use faults::{Moment, Point, Protocol};
use smtp::{
    ForwardPath, MailParameters, Notify, OriginalRecipient, RcptParameters, Response, Ret, ReversePath,
};

use crate::Resolution;
use crate::connection::End;
use crate::receive::Incoming;
use crate::session::{Session, later};

/// Between MAIL and the end of the message.
pub(crate) struct Transaction {
    pub(crate) from: ReversePath,
    pub(crate) smtputf8: bool,
    pub(crate) envid: Option<String>,
    pub(crate) ret: Option<Ret>,
    pub(crate) recipients: Vec<Recipient>,
    /// The message so far, once its first chunk has come (BDAT).
    pub(crate) incoming: Option<Incoming>,
}

/// One accepted RCPT.
#[derive(Clone)]
pub(crate) struct Recipient {
    pub(crate) address: String,
    pub(crate) notify: Notify,
    pub(crate) orcpt: Option<OriginalRecipient>,
    pub(crate) fate: Fate,
}

/// What becomes of the message for a recipient.
#[derive(Clone)]
pub(crate) enum Fate {
    /// Into that INBOX; `late` says why a delay is told first.
    Inbox { account: i64, folder: i64, late: Option<String> },
    /// Nowhere.
    Fails { status: &'static str, text: String },
}

impl Transaction {
    /// Each INBOX once.
    pub(crate) fn folders(&self) -> Vec<i64> {
        let mut folders = Vec::with_capacity(self.recipients.len());
        for recipient in &self.recipients {
            if let Fate::Inbox { folder, .. } = recipient.fate
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
        folders
    }
}

impl Session {
    pub(crate) async fn mail(&mut self, from: ReversePath, parameters: MailParameters) -> Result<(), End> {
        let gate = self.gate();
        if gate.is_none()
            && let Some(hit) = self.fault(Point::Mail)
            && self.suffer(hit).await?
        {
            return Ok(());
        }
        let refusal = gate.or_else(|| self.refuse_sender(&from, &parameters));
        if let Some(refusal) = refusal {
            return self.answer(refusal).await;
        }
        let MailParameters { smtputf8, envid, ret, .. } = parameters;
        self.transaction =
            Some(Transaction { from, smtputf8, envid, ret, recipients: vec![], incoming: None });
        self.answer(Response::new(250, "2.1.0", "Ok")).await
    }

    /// Octets that one message of this session may have.
    pub(crate) fn largest(&self) -> u64 {
        let limit = self.context().limits.message;
        self.allowance().message.map_or(limit, |own| own.min(limit))
    }

    /// Recipients that one message of this session may have.
    pub(crate) fn most_recipients(&self) -> usize {
        let limit = self.context().limits.recipients;
        self.allowance().recipients.map_or(limit, |own| own.min(limit))
    }

    fn allowance(&self) -> crate::Allowance {
        match &self.login {
            Some(login) => self.context().recipients.allowance(&login.mailbox),
            None => crate::Allowance::default(),
        }
    }

    fn refuse_sender(&self, from: &ReversePath, parameters: &MailParameters) -> Option<Response> {
        if self.helo.is_none() {
            return Some(Response::new(503, "5.5.1", "Send EHLO first"));
        }
        if self.transaction.is_some() {
            return Some(Response::new(503, "5.5.1", "A transaction is open already; RSET ends it"));
        }
        if let Some(keyword) = parameters.extension().filter(|_| !self.extensions) {
            return Some(not_offered(keyword));
        }
        let limit = self.largest();
        if parameters.size.is_some_and(|size| size > limit) {
            return Some(Response::new(552, "5.3.4", format!("Message over the limit of {limit} octets")));
        }
        if !from.is_ascii() && !parameters.smtputf8 {
            return Some(needs_smtputf8());
        }
        let login = self.login.as_ref()?;
        // `<>` is what MDNs are sent with (RFC 8098 §3); the journal knows who was logged in.
        let (address, asked) = match from {
            ReversePath::Null => (login.mailbox.clone(), "<>".to_owned()),
            ReversePath::Mailbox(mailbox) => (mailbox.key(), format!("<{}>", mailbox.key())),
        };
        if !self.context().recipients.may_send_as(login, &address) {
            let text = if address.eq_ignore_ascii_case(&login.mailbox) {
                format!("Sender refused: {} may read {}, not send as it", login.identity, login.mailbox)
            } else {
                format!("Sender {asked} refused: this session belongs to {}", login.mailbox)
            };
            return Some(Response::new(553, "5.7.1", text));
        }
        let most = self.context().recipients.allowance(&login.mailbox).per_minute?;
        let wait = self.context().rates.take(&login.mailbox, most, self.context().clock.now())?;
        let text = format!(
            "At most {most} messages a minute from this mailbox; try again in {} s",
            wait.as_secs() + 1
        );
        Some(Response::new(450, "4.7.1", text))
    }

    pub(crate) async fn rcpt(&mut self, to: ForwardPath, parameters: RcptParameters) -> Result<(), End> {
        let most = self.most_recipients();
        let refusal = self.gate().or_else(|| match &self.transaction {
            None => Some(Response::new(503, "5.5.1", "Send MAIL first")),
            Some(transaction) if transaction.incoming.is_some() => {
                Some(Response::new(503, "5.5.1", "The message has begun; RSET ends the transaction"))
            }
            Some(transaction) if transaction.recipients.len() >= most => {
                Some(Response::new(452, "4.5.3", format!("Too many recipients: at most {most}")))
            }
            Some(transaction) if !to.is_ascii() && !transaction.smtputf8 => Some(needs_smtputf8()),
            Some(_) => parameters.extension().filter(|_| !self.extensions).map(not_offered),
        });
        if let Some(refusal) = refusal {
            return self.answer(refusal).await;
        }
        let address = to.address();
        if let Some(hit) = self.fault_of(Moment::new(Protocol::Smtp, Point::Rcpt).recipient(&address))
            && self.suffer(hit).await?
        {
            return Ok(());
        }
        let fate = match self.context().recipients.resolve(&address).await {
            Resolution::Deliver { account } => self.inbox(account, None).await,
            Resolution::Delayed { account, text } => self.inbox(account, Some(text)).await,
            Resolution::Fails { status, text } => Ok(Fate::Fails { status, text }),
            Resolution::Refused { code, enhanced, text } => Err(Response::new(code, enhanced, text)),
            Resolution::Unavailable => Err(later()),
        };
        let response = match fate {
            Ok(fate) => {
                let RcptParameters { notify, orcpt } = parameters;
                let notify = notify.unwrap_or_default();
                if let Some(transaction) = &mut self.transaction {
                    transaction.recipients.push(Recipient { address, notify, orcpt, fate });
                }
                Response::new(250, "2.1.5", "Ok")
            }
            Err(refusal) => refusal,
        };
        self.answer(response).await
    }

    async fn inbox(&self, account: i64, late: Option<String>) -> Result<Fate, Response> {
        match self.shared.inboxes.of(&self.shared.context.store, account).await {
            Ok(Some(folder)) => Ok(Fate::Inbox { account, folder, late }),
            Ok(None) => {
                tracing::error!(account, "a recipient's account has no INBOX");
                Err(later())
            }
            Err(error) => {
                tracing::error!(%error, "the store could not be asked for an INBOX");
                Err(later())
            }
        }
    }
}

fn not_offered(keyword: &str) -> Response {
    Response::new(555, "5.5.4", format!("Parameter {keyword} is not offered by this server"))
}

fn needs_smtputf8() -> Response {
    Response::new(553, "5.6.7", "This address needs the SMTPUTF8 parameter of MAIL")
}
