//! A practice of one mailbox, for the tests of this crate: real SQLite, a clock that stands still, documents as reading
//! writes them.

use db::{Db, Values};
use ins::{BirthDate, Identity, Matricule, Nature, Record, Sex, Status, Traits, World};
use kernel::{Clock, ManualClock};
use sqlx::{Connection as _, Row as _};

use crate::list::{self, Entered};
use crate::requests::{self, NewRequest};
use crate::{
    Actor, Key, MailboxKind, May, NewPerson, PersonRole, Practice, RequestKind, Right, Setting, Standing,
    State,
};

pub(crate) struct Lab {
    pub(crate) practice: Practice,
    pub(crate) db: Db,
    pub(crate) clock: ManualClock,
    pub(crate) mailbox: Key,
    _directory: tempfile::TempDir,
}

/// A document to be put into the list.
pub(crate) struct Put {
    pub(crate) identity: Identity,
    pub(crate) title: &'static str,
    pub(crate) standing: Standing,
    pub(crate) of: Option<Key>,
    pub(crate) critical: bool,
    pub(crate) history: bool,
    /// Minutes before now.
    pub(crate) ago: i64,
}

impl Default for Put {
    fn default() -> Self {
        Self {
            identity: dominique(),
            title: "Compte rendu de biologie médicale",
            standing: Standing::New,
            of: None,
            critical: false,
            history: false,
            ago: 10,
        }
    }
}

/// The software by itself.
pub(crate) fn software() -> Actor {
    Actor { person: None, name: "system".into(), behalf: None }
}

pub(crate) fn dominique() -> Identity {
    let born = BirthDate::parse("19790328").unwrap();
    let traits = Traits::strict("PAT-TROIS", "DOMINIQUE MARIE-LOUISE", born, Sex::Female, "51215");
    Identity::new(Matricule::from_body("2790351215189").unwrap(), Nature::Test, traits)
}

pub(crate) fn qualified(identity: Identity) -> Record {
    Record { identity, status: Status::Qualified, ..Record::default() }
}

/// A database that no other test uses: a file of `directory`, or a schema of its own of the PostgreSQL server whose URL is in
/// `VAGUEMESTRE_TEST_POSTGRES` (with the collation C, by which some tests sort).
pub(crate) async fn database(directory: &std::path::Path) -> Db {
    let Ok(url) = std::env::var("VAGUEMESTRE_TEST_POSTGRES") else {
        return Db::open_sqlite(&directory.join("lps.db")).await.unwrap();
    };
    sqlx::any::install_default_drivers();
    let schema = format!("t_{}", kernel::random::mark());
    let mut admin = sqlx::AnyConnection::connect(&url).await.unwrap();
    db::query(format!("CREATE SCHEMA {schema}"), Values::new()).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let joint = if url.contains('?') { '&' } else { '?' };
    Db::open_postgres(&format!("{url}{joint}options[search_path]={schema}")).await.unwrap()
}

impl Lab {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let db = database(directory.path()).await;
        let (clock, hands) = Clock::manual("2026-11-23T09:00:00Z".parse().unwrap());
        let setting = Setting { world: World::Sandbox, ..Setting::default() };
        let practice = Practice::open(db.clone(), clock, setting).await.unwrap();
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let settings = serde_json::json!({});
        let saved =
            practice.save_mailbox("cabinet@sim.mssante.fr", MailboxKind::Org, "Cabinet", settings, since);
        let mailbox = saved.await.unwrap().key;
        Self { practice, db, clock: hands, mailbox, _directory: directory }
    }

    /// A person with a right in the mailbox.
    pub(crate) async fn person(&self, name: &str, role: PersonRole, may: May) -> Actor {
        let person = NewPerson { name: name.into(), role, national_id: None };
        let person = self.practice.save_person(&software(), None, person).await.unwrap();
        let right = Right {
            person: person.key.clone(),
            mailbox: self.mailbox.clone(),
            may,
            behalf: None,
            since: None,
            until: None,
        };
        self.practice.grant(&software(), &right).await.unwrap();
        Actor { person: Some(person.key), name: person.name, behalf: None }
    }

    pub(crate) async fn put(&self, put: Put) -> Key {
        let key = Key::random();
        let (practice, mailbox, at, name) =
            (&self.practice, self.mailbox.clone(), self.practice.now(), key.clone());
        let received = crate::columns::millis(at) - put.ago * 60_000;
        let identity = serde_json::to_string(&put.identity).unwrap();
        let patient = put.identity.traits.birth_name.clone().unwrap_or_default();
        let folded = list::fold([put.title, &patient]);
        let state = if put.history { State::History } else { State::ToDo };
        practice
            .write(move |tx| {
                let (mailbox, key, identity, patient) =
                    (mailbox.clone(), name.clone(), identity.clone(), patient.clone());
                let (folded, of) = (folded.clone(), put.of.clone());
                Box::pin(async move {
                    let mailbox = crate::mailboxes::mailbox_id(tx, &mailbox).await?;
                    let of = match of {
                        Some(of) => Some(number(tx, "lps_document", &of).await),
                        None => None,
                    };
                    let mail = db::reserve(tx, "lps_mail", 1).await?;
                    let text = "INSERT INTO lps_mail (id, key, mailbox, folder, uid_validity, uid, received, history, flags, \
                                gone, fetch_attempts, fetch_due, parse, parser, parse_attempts, parse_due, provenance, \
                                subject, text, documents, facts) VALUES ($1, $2, $3, 0, 1, $1, $4, 0, '', 0, 0, 0, 'ok', 1, \
                                0, 0, 'professional', '', '', 1, '{}')";
                    let values = Values::new().int(mail).text(Key::random().as_str()).int(mailbox).int(received);
                    db::query(text, values).execute(&mut *tx).await?;
                    let id = db::reserve(tx, "lps_document", 1).await?;
                    let text = "INSERT INTO lps_document (id, key, mail, part, path, mailbox, form, action, type_label, title, \
                                author, organisation, received, provenance, sha256, blob, critical, masking, identity, facts, \
                                patient_name, folded, decision, standing, standing_of, state, history, stamp) \
                                VALUES ($1, $2, $3, 0, '', $4, 'cda', 'create', 'CR', $5, 'Dr House', 'Labo', $6, \
                                'professional', $2, 0, $7, 0, $8, '{}', $9, $10, '', $11, $12, $13, $14, 0)";
                    let values = Values::new()
                        .int(id)
                        .text(key.as_str())
                        .int(mail)
                        .int(mailbox)
                        .text(put.title)
                        .int(received)
                        .int(i64::from(put.critical))
                        .text(identity)
                        .text(patient)
                        .text(folded.clone())
                        .text(put.standing.word())
                        .opt_int(of)
                        .text(state.word())
                        .int(i64::from(put.history));
                    db::query(text, values).execute(&mut *tx).await?;
                    list::enter(tx, &[Entered { id, mailbox, received, folded, unread: !put.history }]).await
                })
            })
            .await
            .unwrap();
        key
    }

    pub(crate) async fn request(
        &self,
        kind: RequestKind,
        carrier: &Key,
        target: Option<&Key>,
        code: Option<u16>,
    ) -> Key {
        let (at, carrier, target) = (self.practice.now(), carrier.clone(), target.cloned());
        self.practice
            .write(move |tx| {
                let (carrier, target) = (carrier.clone(), target.clone());
                Box::pin(async move {
                    let document = number(tx, "lps_document", &carrier).await;
                    let target = match target {
                        Some(target) => Some(number(tx, "lps_document", &target).await),
                        None => None,
                    };
                    requests::raise(tx, at, NewRequest { kind, document, target, code }).await
                })
            })
            .await
            .unwrap()
    }

    /// Runs a statement as somebody would who has the file in hands.
    pub(crate) async fn tamper(&self, text: &'static str) {
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    db::query(text, Values::new()).execute(tx).await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }
}

async fn number(tx: &mut db::Tx, table: &str, key: &Key) -> i64 {
    let text = format!("SELECT id FROM {table} WHERE key = $1");
    let row = db::query(text, Values::new().text(key.as_str())).fetch_one(tx).await.unwrap();
    row.try_get(0).unwrap()
}
