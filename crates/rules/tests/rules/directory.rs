//! Looking a correspondent up: the search, its answer and the recipient, in the order in which they came.

use std::collections::BTreeMap;

use kernel::Timestamp;
use rules::{Criterion, DirectoryTrouble, FoundFirst, Outcome, SearchedBy, Taken, Transcript, Wanted};
use wire::{ConnectionId, Direction, Event, Fact, MailFacts, SearchFacts, Service};

const ADDRESS: &str = "banc-r31-abc@mail.lab";
const OTHER: &str = "someone@other.mssante.test";

fn wanted(criteria: &[(Criterion, &[&str])]) -> Wanted {
    let criteria: BTreeMap<_, _> = criteria
        .iter()
        .map(|(criterion, values)| (*criterion, values.iter().map(|value| (*value).to_owned()).collect()))
        .collect();
    Wanted { address: ADDRESS.into(), criteria }
}

/// Events in order, those of the directory each on a connection of its own, those of the mail server on one.
#[derive(Default)]
struct Wire(Vec<Event>);

impl Wire {
    fn push(mut self, connection: i64, service: Service, fact: Fact) -> Self {
        let seq = self.0.len() as i64 + 1;
        let connection = ConnectionId(connection);
        self.0.push(Event { seq, at: Timestamp::UNIX_EPOCH, connection, service, fact });
        self
    }

    fn search(self, resource: &str, parameter: (&str, &str), status: u16, addresses: &[&str]) -> Self {
        let connection = 100 + self.0.len() as i64;
        let search = SearchFacts {
            resource: resource.into(),
            parameters: vec![(parameter.0.into(), parameter.1.into())],
            status,
            found: addresses.len() as u64,
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
            key_sha256: None,
        };
        self.push(connection, Service::Directory, Fact::Search { search })
    }

    fn fault(self) -> Self {
        let fact = Fact::Fault {
            point: "directory".into(),
            name: "html".into(),
            what: "answered 200".into(),
            nth: 1,
        };
        self.push(99, Service::Directory, fact)
    }

    fn names(self, address: &str) -> Self {
        let text = format!("rcpt to:<{address}> NOTIFY=NEVER");
        self.push(1, Service::Smtp, Fact::Line { direction: Direction::Client, text })
    }

    fn mail(self, address: &str) -> Self {
        let mail = MailFacts {
            queue_id: "Q1".into(),
            mailbox: "a@mail.lab".into(),
            from: "a@mail.lab".into(),
            to: vec![address.to_owned()],
            size: 10,
            sha256: String::new(),
            message_id: None,
            helo: "x".into(),
        };
        self.push(1, Service::Smtp, Fact::Mail { mail })
    }

    fn taken(&self) -> Vec<Taken<'_>> {
        let mails = self.0.iter().filter_map(|event| match &event.fact {
            Fact::Mail { mail } => Some(Taken { seq: event.seq, mail, message: None }),
            _ => None,
        });
        mails.collect()
    }

    fn found_first(&self) -> (Outcome, String) {
        let wanted = wanted(&[(Criterion::Family, &["DUPOND"])]);
        let check = FoundFirst { requirement: "SC.MSS/CONF.20", wanted: &wanted }
            .check(&Transcript::new(&self.0), &self.taken());
        assert_eq!(check.next.is_empty(), check.outcome == Outcome::Passed);
        (check.outcome, check.received.fr)
    }

    fn searched_by(&self, criterion: Criterion, values: &[&str]) -> (Outcome, String) {
        let wanted = wanted(&[(criterion, values)]);
        let check =
            SearchedBy { requirement: "SC.MSS/UX.41", wanted: &wanted }.check(&Transcript::new(&self.0));
        (check.outcome, check.received.fr)
    }

    fn trouble(&self, said: Option<&str>) -> (Outcome, String) {
        let wanted = wanted(&[(Criterion::Family, &["DUPOND"])]);
        let check = DirectoryTrouble { requirement: "SC.MSS/CONF.20", wanted: &wanted, fault: "html", said }
            .check(&Transcript::new(&self.0), &self.taken());
        (check.outcome, check.received.fr)
    }
}

fn by_family() -> Wire {
    Wire::default().search("Practitioner", ("family", "Dupond"), 200, &[OTHER, ADDRESS])
}

#[test]
fn found_first_and_written_to_afterwards_passes() {
    let wire = by_family().names(&ADDRESS.to_uppercase()).mail(ADDRESS);
    let (outcome, received) = wire.found_first();
    assert_eq!(outcome, Outcome::Passed, "{received}");
    assert!(received.contains("Practitioner?family=Dupond → 200, 2"), "{received}");
}

#[test]
fn an_address_that_the_directory_had_not_given_fails_even_where_the_server_refuses_it() {
    let without = Wire::default().names(ADDRESS).mail(ADDRESS);
    let too_late = Wire::default()
        .names(ADDRESS)
        .search("Practitioner", ("family", "Dupond"), 200, &[ADDRESS])
        .mail(ADDRESS);
    for wire in [without, too_late] {
        let (outcome, received) = wire.found_first();
        assert_eq!(outcome, Outcome::Failed);
        assert!(received.contains("sans recherche"), "{received}");
    }
    let (outcome, received) = by_family().names("dupond@mail.lab").found_first();
    assert_eq!(outcome, Outcome::Failed);
    assert!(received.contains("n’a pas donné cette adresse"), "{received}");
    let refused = Wire::default().search("Practitioner", ("family", "Dupond"), 503, &[ADDRESS]);
    assert_eq!(refused.names(ADDRESS).mail(ADDRESS).found_first().0, Outcome::Failed);
}

#[test]
fn a_homonym_is_another_entry() {
    let (outcome, received) = by_family().names(OTHER).found_first();
    assert_eq!(outcome, Outcome::Failed);
    assert!(received.contains("une autre entrée"), "{received}");
}

#[test]
fn silence_proves_nothing() {
    assert_eq!(Wire::default().found_first().0, Outcome::Inconclusive);
    let (outcome, received) = by_family().found_first();
    assert_eq!(outcome, Outcome::Inconclusive);
    assert!(received.contains("aucun message"), "{received}");
    // Named, and the mail cut before its end.
    assert_eq!(by_family().names(ADDRESS).found_first().0, Outcome::Inconclusive);
    assert_eq!(Wire::default().searched_by(Criterion::City, &["LYON"]).0, Outcome::Inconclusive);
}

#[test]
fn each_criterion_is_known_in_its_parameters_by_label_part_or_code() {
    let cases: [(Criterion, &[&str], &str, &str, &str); 10] = [
        (
            Criterion::Identifier,
            &["99900000018"],
            "Practitioner",
            "identifier",
            "https://rpps.esante.gouv.fr|99900000018",
        ),
        (Criterion::Identifier, &["99900000018"], "Practitioner", "identifier", "899900000018"),
        (Criterion::Given, &["Jean-Rémi"], "Practitioner", "given", "jean remi"),
        (Criterion::Profession, &["Médecin", "10"], "Practitioner", "qualification-code", "urn:x|10"),
        (Criterion::Specialty, &["Dermatologie", "SM15"], "Practitioner", "qualification-code", "SM04,SM15"),
        (Criterion::Street, &["PL DE L EGLISE"], "Organization", "address-line:contains", "de l'église"),
        (Criterion::Address, &["2 PL DE L EGLISE"], "Organization", "address", "2 place, 2 PL DE L EGLISE"),
        (Criterion::Postcode, &["97500"], "Organization", "address-postalcode", "97500"),
        (Criterion::City, &["SAINT-PIERRE"], "Organization", "address-city", "saint pierre"),
        (Criterion::Email, &[ADDRESS], "PractitionerRole", "mailbox-mss", ADDRESS),
    ];
    for (criterion, values, resource, name, value) in cases {
        let wire = Wire::default().search(resource, (name, value), 200, &[ADDRESS]);
        let (outcome, received) = wire.searched_by(criterion, values);
        assert_eq!(outcome, Outcome::Passed, "{criterion:?} {received}");
        // The same words anywhere else ask for something else.
        let elsewhere = Wire::default().search(resource, ("_id", value), 200, &[ADDRESS]);
        let (outcome, received) = elsewhere.searched_by(criterion, values);
        assert_eq!(outcome, Outcome::Failed, "{criterion:?}");
        assert!(received.contains("sans le critère"), "{received}");
    }
    // A code is whole, and two letters are in too many names.
    for (values, value) in
        [(&["Médecin", "10"], "SM10"), (&["Médecin", "10"], "100"), (&["Médecin", "10"], "mé")]
    {
        let wire = Wire::default().search("Practitioner", ("qualification-code", value), 200, &[ADDRESS]);
        assert_eq!(wire.searched_by(Criterion::Profession, values).0, Outcome::Failed, "{value}");
    }
}

#[test]
fn a_search_that_was_refused_or_does_not_give_the_entry_fails() {
    let refused = Wire::default().search("Practitioner", ("family", "Dupond"), 400, &[]);
    assert_eq!(refused.searched_by(Criterion::Family, &["DUPOND"]).0, Outcome::Failed);
    let (outcome, received) = Wire::default()
        .search("Practitioner", ("family", "Dupond"), 200, &[])
        .searched_by(Criterion::Family, &["DUPOND"]);
    assert_eq!(outcome, Outcome::Failed);
    assert!(received.contains("dans aucune réponse"), "{received}");
    // What the first search does not give, one that follows from it may.
    let in_two = Wire::default().search("Practitioner", ("family", "Dupond"), 200, &[]).search(
        "PractitionerRole",
        ("practitioner", "003-1"),
        200,
        &[ADDRESS],
    );
    assert_eq!(in_two.searched_by(Criterion::Family, &["DUPOND"]).0, Outcome::Passed);
}

#[test]
fn an_outage_is_told_or_outlived_and_nothing_else() {
    let met = || Wire::default().fault().search("Practitioner", ("family", "Dupond"), 200, &[]);
    assert_eq!(met().trouble(Some("error")).0, Outcome::Passed);
    assert_eq!(met().trouble(Some("refused")).0, Outcome::Passed);
    let (outcome, received) = met().trouble(Some("done"));
    assert_eq!(outcome, Outcome::Failed);
    assert!(received.contains("absence de résultat"), "{received}");
    for said in [None, Some("timeout"), Some("unreadable")] {
        assert_eq!(met().trouble(said).0, Outcome::Inconclusive);
    }
    let later = || met().search("Practitioner", ("family", "Dupond"), 200, &[ADDRESS]).names(ADDRESS);
    assert_eq!(later().mail(ADDRESS).trouble(Some("done")).0, Outcome::Passed);
    assert_eq!(later().trouble(Some("error")).0, Outcome::Inconclusive);
    // Whatever it says: an address that nobody gave is a bad deed, met or not.
    for wire in [met().names(ADDRESS), Wire::default().names("guess@mail.lab")] {
        assert_eq!(wire.trouble(Some("error")).0, Outcome::Failed);
    }
    assert_eq!(Wire::default().trouble(Some("error")).0, Outcome::Inconclusive, "never met");
}

#[test]
fn every_criterion_has_a_name_that_reads_back() {
    for criterion in Criterion::ALL {
        let quoted = serde_json_name(criterion);
        assert_eq!(quoted, criterion.name());
        assert!(!criterion.words().is_empty() && !criterion.parameters().is_empty());
    }
}

/// The name that a scenario file uses.
fn serde_json_name(criterion: Criterion) -> String {
    #[derive(serde::Serialize)]
    struct One {
        criterion: Criterion,
    }
    let text = toml::to_string(&One { criterion }).unwrap();
    text.trim().trim_start_matches("criterion = ").trim_matches('"').to_owned()
}
