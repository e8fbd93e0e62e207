use std::fmt;
use std::str::FromStr;

use ins::Matricule;
use serde::{Deserialize, Serialize};

use crate::{Address, Mailbox, PATIENT_DOMAIN};

/// Who wrote a mail, as a list of mails shows it: the reader must not have to read the domain (SC.MSS/UX.25).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A patient, through Mon espace santé.
    Patient(PatientSender),
    /// A program that says so (`Auto-Submitted: auto-generated`), or a mailbox that the settings name.
    Application,
    /// A server: reports and bounces.
    Operator,
    /// A professional or a structure: everybody else of the trust space.
    Professional,
    /// No sender that can be read.
    Unknown,
}

/// A patient that writes. The label is the patient's own word, never a proof (SC.MSS/UX.31).
#[derive(Clone, PartialEq, Eq)]
pub struct PatientSender {
    /// The matricule before the `@`; `None` in test spaces, whose patients have shorter numbers. Its key may be wrong. The
    /// address says no OID: it ranks a patient by itself only together with one of one's own base.
    pub matricule: Option<Matricule>,
    /// What stands before the `@`.
    pub local_part: String,
    /// Given name, by the label; may be empty.
    pub given: String,
    /// Family name, by the label: what is in upper case, else the last word; may be empty.
    pub family: String,
}

impl PatientSender {
    fn read(mailbox: &Mailbox, address: &Address) -> Self {
        let (given, family) = names(&mailbox.label);
        let local_part = address.local_part().to_owned();
        Self { matricule: Matricule::parse(&local_part).ok(), local_part, given, family }
    }
}

/// `Prénom NOM (matricule INS)`, or the number alone (SC.MSS/UX.31).
impl fmt::Display for PatientSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = format!("{} {}", self.given, self.family.to_uppercase());
        match names.trim() {
            "" => f.write_str(&self.local_part),
            names => write!(f, "{names} ({})", self.local_part),
        }
    }
}

/// The matricule stays out of logs.
impl fmt::Debug for PatientSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientSender(…)")
    }
}

/// `Léo DUPOND`, `DUPOND Léo`, `Leo Dupond`: what is all in upper case is the family name, else the last word.
pub(super) fn names(label: &str) -> (String, String) {
    let words: Vec<&str> = label.split_whitespace().collect();
    let upper = |word: &&str| {
        word.chars().any(char::is_alphabetic) && word.to_uppercase() == **word && word.chars().count() > 1
    };
    let family: Vec<&str> = words.iter().copied().filter(|word| upper(word)).collect();
    if family.is_empty() || family.len() == words.len() {
        return match words.split_last() {
            Some((last, [])) => (String::new(), (*last).to_owned()),
            Some((last, given)) => (given.join(" "), (*last).to_owned()),
            None => (String::new(), String::new()),
        };
    }
    let given: Vec<&str> = words.iter().copied().filter(|word| !upper(word)).collect();
    (given.join(" "), family.join(" "))
}

/// What stands before the `@` of MOTCO2's patient, and of its twin in test spaces made after it.
pub const MOTCO2_PATIENT: &str = "184131175";

/// Which addresses are of patients, besides those of Mon espace santé: a setting, because test spaces have their own
/// form. MOTCO2's patient is a number of nine digits in the domain of everybody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserDomain {
    domain: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Any,
    Digits(usize),
    Exactly(String),
}

impl UserDomain {
    /// That of Mon espace santé.
    pub fn mon_espace_sante() -> Self {
        Self { domain: PATIENT_DOMAIN.to_owned(), form: Form::Any }
    }

    /// MOTCO2's one patient, an address among the others of its domain: its mailboxes of applications have nine digits too.
    pub fn motco2() -> Self {
        Self {
            domain: "mail-tests-editeur.espacedeconfiance.mssante.fr".to_owned(),
            form: Form::Exactly(MOTCO2_PATIENT.to_owned()),
        }
    }

    /// Whether the address is of this form.
    pub fn holds(&self, address: &Address) -> bool {
        let local = address.local_part();
        address.domain() == self.domain
            && match &self.form {
                Form::Any => true,
                Form::Digits(count) => local.len() == *count && local.bytes().all(|b| b.is_ascii_digit()),
                Form::Exactly(exact) => local.eq_ignore_ascii_case(exact),
            }
    }
}

/// `patient.mssante.fr`: everybody there. `184131175@tests.mssante.fr`: one address. `#########@tests.mssante.fr`: as many
/// digits as signs.
impl FromStr for UserDomain {
    type Err = crate::AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let Some((local, domain)) = text.split_once('@') else {
            let domain = Address::parse(&format!("x@{text}"))?.domain().to_owned();
            return Ok(Self { domain, form: Form::Any });
        };
        let domain = Address::parse(&format!("x@{domain}"))?.domain().to_owned();
        if !local.is_empty() && local.bytes().all(|b| b == b'#') {
            if local.len() > 64 {
                return Err(crate::AddressError::TooLong);
            }
            return Ok(Self { domain, form: Form::Digits(local.len()) });
        }
        Address::parse(&format!("{local}@{domain}"))?;
        Ok(Self { domain, form: Form::Exactly(local.to_owned()) })
    }
}

impl fmt::Display for UserDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Any => f.write_str(&self.domain),
            Form::Digits(count) => write!(f, "{}@{}", "#".repeat(*count), self.domain),
            Form::Exactly(local) => write!(f, "{local}@{}", self.domain),
        }
    }
}

impl TryFrom<String> for UserDomain {
    type Error = crate::AddressError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<UserDomain> for String {
    fn from(domain: UserDomain) -> Self {
        domain.to_string()
    }
}

/// What a reader of mails must know of the space that it reads in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The forms of patients' addresses.
    pub user_domains: Vec<UserDomain>,
    /// Mailboxes that are known to be of applications: nothing in an address says it.
    pub applications: Vec<Address>,
}

impl Default for Settings {
    /// Mon espace santé, and no application known.
    fn default() -> Self {
        Self { user_domains: vec![UserDomain::mon_espace_sante()], applications: Vec::new() }
    }
}

impl Settings {
    /// The usual settings, and MOTCO2's patient: how a bench reads, because what it is given is often a test's mail.
    pub fn with_motco2() -> Self {
        Self { user_domains: vec![UserDomain::mon_espace_sante(), UserDomain::motco2()], ..Self::default() }
    }

    /// Whether the address is a patient's.
    pub fn is_patient(&self, address: &Address) -> bool {
        self.user_domains.iter().any(|domain| domain.holds(address))
    }

    /// The kind of a sender, `server` where the mail's fields say that a server wrote it.
    pub(super) fn sender(&self, from: Option<&Mailbox>, server: bool, automatic: bool) -> Sender {
        // A bounce of Mon espace santé may come from the patient's domain: what the mail is comes first.
        if server {
            return Sender::Operator;
        }
        let Some((mailbox, address)) = from.and_then(|mailbox| Some((mailbox, mailbox.address.as_ref()?)))
        else {
            return Sender::Unknown;
        };
        if self.is_patient(address) {
            Sender::Patient(PatientSender::read(mailbox, address))
        } else if automatic || self.applications.contains(address) {
            Sender::Application
        } else {
            Sender::Professional
        }
    }
}
