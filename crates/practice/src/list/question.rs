//! The one statement of a page, and which condition leads it.

use db::{Backend, Values};

use super::scope::{self, Place, RARE, Scope};
use super::{Counts, Filter, Sort, rows};
use crate::State;

/// What the database starts from; every other condition is looked at on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// The documents of the rarest word.
    Word,
    /// One patient's.
    Patient,
    /// Those about which a request waits.
    Request,
    /// The critical ones.
    Critical,
    /// Those of one person.
    Assigned,
    /// What one person has not read.
    Unread,
    /// One state in one mailbox, in order of arrival.
    MailboxState,
    /// One state, in order of arrival.
    State,
    /// The order of the list.
    Order,
}

pub(super) fn lead(filter: &Filter, scope: &Scope) -> Lead {
    let one_state = filter.states.len() == 1 && filter.sort == Sort::Received;
    if scope.words.first().is_some_and(|word| word.count <= RARE) {
        Lead::Word
    } else if scope.patient.is_some() {
        Lead::Patient
    } else if filter.request {
        Lead::Request
    } else if filter.unread {
        Lead::Unread
    } else if filter.critical || filter.unacknowledged {
        Lead::Critical
    } else if filter.assigned.is_some() {
        Lead::Assigned
    } else if one_state && scope.mailboxes.as_ref().is_some_and(|mailboxes| mailboxes.len() == 1) {
        Lead::MailboxState
    } else if one_state {
        Lead::State
    } else {
        Lead::Order
    }
}

/// Rows of a page.
pub(super) fn page(backend: Backend, filter: &Filter, scope: &Scope, limit: usize) -> (String, Values) {
    let mut sql = Sql { backend, conditions: String::new(), values: Values::new(), place: 0 };
    let viewer = sql.int(scope.viewer.unwrap_or(0));
    let inner = sql.inner(filter, scope, limit);
    let order = order(filter, "d.id");
    let text = format!(
        "SELECT {} FROM ({inner}) page JOIN lps_document d ON d.id = page.id {} ORDER BY {order}",
        rows::columns(&viewer),
        rows::JOINS
    );
    (text, sql.values)
}

/// Rows of two columns: a word of [`State`] or of [`Counts`], a number.
pub(super) fn counts(backend: Backend, filter: &Filter, scope: &Scope, found: bool) -> (String, Values) {
    let mut sql = Sql { backend, conditions: String::new(), values: Values::new(), place: 0 };
    // As for a page: nothing but the index that is meant is entered.
    let mut of = |column: &str| match &scope.mailboxes {
        Some(mailboxes) => format!(" AND +{column} IN ({})", sql.ints(mailboxes)),
        None => String::new(),
    };
    let (states, requests, critical, unread) = (of("mailbox"), of("mailbox"), of("mailbox"), of("d.mailbox"));
    let mut parts = vec![
        format!(
            "SELECT state AS what, count(*) AS number FROM lps_document WHERE 1 = 1{states} GROUP BY state"
        ),
        format!("SELECT 'requests', count(*) FROM lps_document WHERE request IS NOT NULL{requests}"),
        format!(
            "SELECT 'critical', count(*) FROM lps_document WHERE critical = 1 AND acknowledged_at IS NULL \
             AND coalesce(state, '') IN ({LIVE}){critical}"
        ),
    ];
    if let Some(viewer) = scope.viewer {
        let viewer = sql.int(viewer);
        parts.push(match &scope.mailboxes {
            None => format!("SELECT 'unread', count(*) FROM lps_unread WHERE person = {viewer}"),
            Some(_) => format!(
                "SELECT 'unread', count(*) FROM lps_unread u CROSS JOIN lps_document d \
                 WHERE u.person = {viewer} AND d.id = u.document{unread}"
            ),
        });
    }
    if found {
        let most = usize::try_from(Counts::FOUND_MOST).unwrap_or(1_000);
        let inner = sql.inner(filter, scope, most);
        parts.push(format!("SELECT 'found', count(*) FROM ({inner}) page"));
    }
    (parts.join(" UNION ALL "), sql.values)
}

/// States in which a critical result waits for somebody.
pub(crate) const LIVE: &str = "'to_do', 'filed'";

struct Sql {
    backend: Backend,
    conditions: String,
    values: Values,
    place: usize,
}

impl Sql {
    /// The `id`s of the page: narrow, so that an index alone may answer.
    fn inner(&mut self, filter: &Filter, scope: &Scope, limit: usize) -> String {
        let lead = lead(filter, scope);
        self.conditions = String::from("1 = 1");
        self.leading(lead, filter, scope);
        self.following(lead, filter, scope);
        let unread_order = lead == Lead::Unread && filter.sort == Sort::Received;
        let (value, id) = match unread_order {
            true => ("u.received", "u.document"),
            false => (scope::column(filter.sort), "d.id"),
        };
        if let Some(after) = &scope.after {
            let place = match &after.value {
                Place::Number(number) => self.int(*number),
                Place::Text(text) => self.text(text),
            };
            let last = self.int(after.id);
            let than = if descends(filter) { "<" } else { ">" };
            self.and(format!("({value}, {id}) {than} ({place}, {last})"));
        }
        let from = match lead {
            // CROSS JOIN: SQLite keeps the order of the tables.
            Lead::Unread => "lps_unread u CROSS JOIN lps_document d",
            _ => "lps_document d",
        };
        let way = if descends(filter) { "DESC" } else { "ASC" };
        let text = std::mem::take(&mut self.conditions);
        format!("SELECT d.id AS id FROM {from} WHERE {text} ORDER BY {value} {way}, {id} {way} LIMIT {limit}")
    }

    /// The one condition that an index is entered by.
    fn leading(&mut self, lead: Lead, filter: &Filter, scope: &Scope) {
        match lead {
            Lead::Word => {
                if let Some(rarest) = scope.words.first() {
                    let beyond = scope::beyond(self.backend, &rarest.word);
                    let (low, high) = (self.text(&rarest.word), self.text(&beyond));
                    self.and(format!(
                        "d.id IN (SELECT document FROM lps_word WHERE word >= {low} AND word <= {high})"
                    ));
                }
            }
            Lead::Patient => {
                let patient = self.int(scope.patient.unwrap_or(0));
                self.and(format!("d.patient = {patient}"));
            }
            Lead::Request => self.and("d.request IS NOT NULL"),
            Lead::Critical => self.and("d.critical = 1"),
            Lead::Assigned => {
                let to = self.text(filter.assigned.as_ref().map(crate::Key::as_str).unwrap_or_default());
                self.and(format!("d.assigned = {to}"));
            }
            Lead::Unread => {
                let viewer = self.int(scope.viewer.unwrap_or(0));
                self.and(format!("u.person = {viewer} AND d.id = u.document"));
            }
            Lead::MailboxState | Lead::State => {
                if lead == Lead::MailboxState {
                    let mailbox = self.int(scope.mailboxes.iter().flatten().copied().next().unwrap_or(0));
                    self.and(format!("d.mailbox = {mailbox}"));
                }
                let state = self.text(filter.states.first().map_or("", |state| state.word()));
                self.and(format!("d.state = {state}"));
            }
            Lead::Order => {}
        }
    }

    /// All others, written so that no index is entered by them.
    fn following(&mut self, lead: Lead, filter: &Filter, scope: &Scope) {
        if lead != Lead::MailboxState
            && let Some(mailboxes) = &scope.mailboxes
        {
            let list = self.ints(mailboxes);
            self.and(format!("+d.mailbox IN ({list})"));
        }
        if !matches!(lead, Lead::State | Lead::MailboxState) && !filter.states.is_empty() {
            let words: Vec<String> =
                filter.states.iter().map(|state| format!("'{}'", State::word(*state))).collect();
            self.and(format!("coalesce(d.state, '') IN ({})", words.join(", ")));
        }
        if let Some(provenance) = filter.provenance {
            self.and(format!("coalesce(d.provenance, '') = '{}'", provenance.word()));
        }
        if let Some(standing) = filter.standing {
            self.and(format!("coalesce(d.standing, '') = '{}'", standing.word()));
        }
        if let Some(code) = &filter.type_code {
            let code = self.text(code);
            self.and(format!("coalesce(d.type_code, '') = {code}"));
        }
        if lead != Lead::Patient
            && let Some(patient) = scope.patient
        {
            let patient = self.int(patient);
            self.and(format!("+d.patient = {patient}"));
        }
        if (filter.critical || filter.unacknowledged) && lead != Lead::Critical {
            self.and("+d.critical = 1");
        }
        if filter.unacknowledged {
            self.and(format!("d.acknowledged_at IS NULL AND coalesce(d.state, '') IN ({LIVE})"));
        }
        if filter.request && lead != Lead::Request {
            self.and("+d.request IS NOT NULL");
        }
        if filter.unread && lead != Lead::Unread {
            let viewer = self.int(scope.viewer.unwrap_or(0));
            self.and(format!(
                "EXISTS (SELECT 1 FROM lps_unread n WHERE n.person = {viewer} AND n.received = d.received \
                 AND n.document = d.id)"
            ));
        }
        if lead != Lead::Assigned
            && let Some(to) = &filter.assigned
        {
            let to = self.text(to.as_str());
            self.and(format!("coalesce(d.assigned, '') = {to}"));
        }
        let leads = usize::from(lead == Lead::Word);
        for word in scope.words.iter().skip(leads) {
            let needle = self.text(&format!(" {}", word.word));
            self.and(db::holds(self.backend, "d.folded", &needle));
        }
        // In order of arrival the period bounds the walk; else it is one more condition.
        let received = match (lead, filter.sort) {
            (Lead::Unread, Sort::Received) => "u.received",
            (_, Sort::Received) => "d.received",
            _ => "+d.received",
        };
        for (than, at) in [(">=", filter.from), ("<", filter.until)] {
            if let Some(at) = at {
                let at = self.int(crate::columns::millis(at));
                self.and(format!("{received} {than} {at}"));
            }
        }
    }

    fn and(&mut self, condition: impl AsRef<str>) {
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition.as_ref());
    }

    fn int(&mut self, value: i64) -> String {
        self.values = std::mem::take(&mut self.values).int(value);
        self.next()
    }

    fn text(&mut self, value: &str) -> String {
        self.values = std::mem::take(&mut self.values).text(value);
        self.next()
    }

    fn ints(&mut self, values: &[i64]) -> String {
        let list = db::list(self.place + 1, values.len());
        self.values = std::mem::take(&mut self.values).ints(values);
        self.place += db::rung(values.len());
        list
    }

    fn next(&mut self) -> String {
        self.place += 1;
        format!("${}", self.place)
    }
}

/// Dates go down, words go up, unless the other way round is asked for.
fn descends(filter: &Filter) -> bool {
    matches!(filter.sort, Sort::Received | Sort::Made) != filter.reversed
}

fn order(filter: &Filter, id: &str) -> String {
    let way = if descends(filter) { "DESC" } else { "ASC" };
    format!("{} {way}, {id} {way}", scope::column(filter.sort))
}
