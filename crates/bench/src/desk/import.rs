use std::collections::{BTreeMap, HashMap};

use csv::StringRecord;
use operator::Kind;
use serde_json::json;

use super::accounts::Owners;
use super::history::fold;
use crate::error::{Code, Error};
use crate::{Bench, NewProduct, Product};

/// The largest file that is read.
const MOST_OCTETS: usize = 1024 * 1024;
/// The most rows that are read.
const MOST_ROWS: usize = 10_000;

/// What a CSV list of products holds, row by row.
#[derive(Clone, Debug)]
pub struct ImportReport {
    /// Every row, in the file's order; the header line is none.
    pub rows: Vec<ImportRow>,
    /// Whether the good rows were registered.
    pub committed: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub struct ImportRow {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its NIL, as written.
    pub nil: String,
    /// Its product name, as written.
    pub name: String,
    /// Why it cannot be registered; `None` where it can be, or was.
    pub error: Option<Error>,
}

impl Bench {
    /// Reads a list of products: CSV (RFC 4180), `;` or `,` between fields, UTF-8 with or without BOM, with a header
    /// line that names the columns `nil, name, version, psc_id, app_id, type, parcours, demarche, statut` in any order (the
    /// French headings of the list of products are read too). With `commit` the good rows are registered, and the
    /// bad ones left out; without, nothing is written.
    ///
    /// # Errors
    /// `bad_input` where the file is no such list at all (no header, a missing column, not UTF-8, more than 1 MiB or
    /// 10 000 rows); a bad row is no error: it is named in the report.
    pub async fn import(&self, csv: &[u8], commit: bool) -> Result<ImportReport, Error> {
        let table = Table::read(csv)?;
        let mut base = Base::of(&self.products().await?);
        let mut rows = Vec::new();
        for row in table.rows {
            let (line, read) = (row.line, row.fields);
            let nil = table.columns.field(&read, Column::Nil).to_owned();
            let name = table.columns.field(&read, Column::Name).to_owned();
            let checked = match row.fault.map_or_else(|| table.columns.product(&read), Err) {
                Ok(new) => base.take(&new).map(|()| new),
                Err(error) => Err(error),
            };
            let outcome = match checked {
                Ok(new) if commit => self.add_product(new).await.map(drop),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            rows.push(ImportRow { line, nil, name, error: outcome.err().map(|error| at_line(error, line)) });
        }
        Ok(ImportReport { rows, committed: commit })
    }
}

/// The columns that a list of products may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Nil,
    Name,
    Version,
    PscId,
    AppId,
    Type,
    Course,
    Procedure,
    Status,
}

impl Column {
    /// Every column: the name that we write, then the headings of the list of products, folded.
    const ALL: [(Self, &'static [&'static str]); 9] = [
        (Self::Nil, &["nil", "ref. produit", "reference produit (nil)", "reference produit", "ref produit"]),
        (Self::Name, &["name", "nom du produit", "nom"]),
        (Self::Version, &["version", "version du produit"]),
        (Self::PscId, &["psc_id", "identifiant national psc"]),
        (Self::AppId, &["app_id", "identifiant national auth_cli"]),
        (Self::Type, &["type"]),
        (Self::Course, &["parcours"]),
        (Self::Procedure, &["demarche"]),
        (Self::Status, &["statut", "status"]),
    ];
    /// Those without which no product can be registered.
    const NEEDED: [Self; 4] = [Self::Nil, Self::Name, Self::PscId, Self::AppId];

    fn parse(heading: &str) -> Option<Self> {
        let heading = fold(heading.split_whitespace().collect::<Vec<_>>().join(" ").as_str());
        Self::ALL.iter().find(|(_, names)| names.contains(&heading.as_str())).map(|(column, _)| *column)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, _)| *column == self).map_or("", |(_, names)| names[0])
    }
}

/// Where each column is.
#[derive(Debug)]
struct Columns {
    places: BTreeMap<Column, usize>,
    count: usize,
}

impl Columns {
    fn read(header: &StringRecord) -> Result<Self, Error> {
        let mut places = BTreeMap::new();
        for (at, heading) in header.iter().enumerate() {
            // Columns that we do not know are somebody else's.
            let Some(column) = Column::parse(heading) else { continue };
            if places.insert(column, at).is_some() {
                let message =
                    format!("two columns are the {:?} column, the second is {heading:?}", column.name());
                return Err(refused(message, "Keep one of the two columns."));
            }
        }
        let missing: Vec<&str> = Column::NEEDED
            .into_iter()
            .filter(|column| !places.contains_key(column))
            .map(Column::name)
            .collect();
        if !missing.is_empty() {
            let message = format!("the first line names no column {}", missing.join(", "));
            let next = "The first line must name the columns: nil;name;version;psc_id;app_id;type;parcours;demarche;statut (or the French headings of the list of products).";
            return Err(refused(message, next));
        }
        Ok(Self { places, count: header.len() })
    }

    fn field<'a>(&self, row: &'a StringRecord, column: Column) -> &'a str {
        self.places.get(&column).and_then(|at| row.get(*at)).unwrap_or_default().trim()
    }

    fn product(&self, row: &StringRecord) -> Result<NewProduct, Error> {
        if row.len() != self.count {
            let message =
                format!("the line has {} fields, the first line of the file has {}", row.len(), self.count);
            let next = "Give each line as many fields as the first; put a field that holds the separator between double quotes.";
            return Err(refused(message, next));
        }
        let text = |column| self.field(row, column).to_owned();
        let kind = match self.field(row, Column::Type) {
            "" => Kind::Per,
            name => Kind::parse(name).filter(|kind| *kind != Kind::App).ok_or_else(|| {
                let message = format!("{name:?} is no type of mailbox of a product");
                refused(message, "Give PER or ORG; the APP mailbox comes with every product.").field("type")
            })?,
        };
        let new = NewProduct {
            nil: text(Column::Nil),
            name: text(Column::Name),
            version: Some(text(Column::Version)).filter(|version| !version.is_empty()),
            kind,
            psc_identity: text(Column::PscId),
            app_identity: text(Column::AppId),
            course: text(Column::Course),
            procedure: text(Column::Procedure),
            status: text(Column::Status),
        };
        new.validate()?;
        Ok(new)
    }
}

/// The file, cut into rows with their line numbers.
struct Table {
    columns: Columns,
    rows: Vec<Line>,
}

struct Line {
    line: usize,
    fields: StringRecord,
    fault: Option<Error>,
}

impl Table {
    fn read(csv: &[u8]) -> Result<Self, Error> {
        if csv.len() > MOST_OCTETS {
            let message = format!("the file has {} octets, {MOST_OCTETS} are read at most", csv.len());
            return Err(refused(message, "Cut the list into several files."));
        }
        let text = std::str::from_utf8(csv).map_err(|error| {
            let line = csv[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("the file is not UTF-8: line {line} holds other octets");
            refused(message, "Save the list as “CSV UTF-8”.").detail(json!({"line": line}))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let count = |separator| header.matches(separator).count();
        let separator = if count(';') >= count(',') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let (mut columns, mut rows) = (None, Vec::new());
        let (mut line, mut seen) = (1, 0);
        let mut record = StringRecord::new();
        let unreadable = |error: csv::Error| {
            refused(format!("the file cannot be read: {error}"), "Give a CSV file (RFC 4180).")
        };
        while reader.read_record(&mut record).map_err(unreadable)? {
            line += lines_to(text, &mut seen, &record);
            if record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            let end = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let fault = unclosed_quote(text.get(seen..end).unwrap_or_default());
            if columns.is_none() {
                columns = Some(fault.map_or_else(|| Columns::read(&record), Err)?);
                continue;
            }
            if rows.len() == MOST_ROWS {
                let message = format!("the list has more than {MOST_ROWS} products");
                return Err(refused(message, "Cut the list into several files."));
            }
            rows.push(Line { line, fields: record.clone(), fault });
        }
        let Some(columns) = columns else {
            return Err(refused(
                "the file is empty".into(),
                "Give a CSV file whose first line names the columns.",
            ));
        };
        Ok(Self { columns, rows })
    }
}

/// A quote that nobody closes makes one field of all the lines that follow: said, so that they are not lost in silence.
fn unclosed_quote(row: &str) -> Option<Error> {
    let swallowed = row.trim_end().matches('\n').count();
    let odd = row.matches('"').count() % 2 == 1;
    (odd && swallowed > 0).then(|| {
        let message = format!(
            "a double quote that this line opens is not closed: the {swallowed} lines after it were read as its text"
        );
        refused(message, "Close the quote, or write it twice where it is part of the text; then import again.")
    })
}

/// Line ends between `seen` and the start of a record, and `seen` moved there. The reader's own count stops before the
/// line end that leads to the record.
fn lines_to(text: &str, seen: &mut usize, record: &StringRecord) -> usize {
    let from = record.position().map_or(*seen, |place| usize::try_from(place.byte()).unwrap_or(usize::MAX));
    let rest = text.get(from..).unwrap_or_default();
    let start = text.len() - rest.trim_start_matches(['\r', '\n']).len();
    let passed = text.get(*seen..start).unwrap_or_default();
    *seen = start;
    passed.bytes().filter(|byte| *byte == b'\n').count()
}

/// What is registered already, and what the rows before register: a row meets what it would meet if it were added.
#[derive(Debug, Default)]
struct Base {
    products: HashMap<String, Known>,
    owners: Owners,
}

#[derive(Debug)]
struct Known {
    name: String,
    version: Option<String>,
    identities: [String; 2],
}

impl Base {
    fn of(products: &[Product]) -> Self {
        let mut base = Self { products: HashMap::new(), owners: Owners::of(products.iter()) };
        for product in products {
            let known = Known {
                name: product.name.clone(),
                version: product.version.clone(),
                identities: [product.psc_identity.clone(), product.app_identity.clone()],
            };
            base.products.insert(product.nil.clone(), known);
        }
        base
    }

    /// Refuses what [`Bench::add_product`] would refuse, in its words; else counts the row as registered.
    fn take(&mut self, new: &NewProduct) -> Result<(), Error> {
        let identities = [new.psc_identity.clone(), new.app_identity.clone()];
        let Some(old) = self.products.get_mut(&new.nil) else {
            self.owners.refuse_taken(new)?;
            self.owners.insert(&new.nil, &new.name, [&new.psc_identity, &new.app_identity]);
            let known = Known { name: new.name.clone(), version: new.version.clone(), identities };
            self.products.insert(new.nil.clone(), known);
            return Ok(());
        };
        if old.identities != identities {
            let [psc, app] = &old.identities;
            let message = format!("product {} is registered with the identifiers {psc} and {app}", new.nil);
            let next = "Give the same identifiers to add a version of this product.";
            return Err(Error::new(Code::DuplicateNil, message, next).field("nil"));
        }
        if new.version.is_none() || new.version == old.version {
            let message =
                format!("product {} ({}) is already registered with this version", new.nil, old.name);
            let next = "Nothing to do, or give --product-version for a new version of it.";
            let error = Error::new(Code::DuplicateNil, message, next).field("nil");
            return Err(error.detail(json!({"name": old.name})));
        }
        old.version.clone_from(&new.version);
        old.name.clone_from(&new.name);
        Ok(())
    }
}

fn refused(message: String, next: &str) -> Error {
    Error::new(Code::BadInput, message, next)
}

/// Says in the error's detail where in the file it is.
fn at_line(mut error: Error, line: usize) -> Error {
    if let Some(detail) = error.detail.as_object_mut() {
        detail.insert("line".into(), json!(line));
    }
    error
}
