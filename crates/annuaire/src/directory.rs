use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use kernel::{Clock, Timestamp};

use crate::error::Error;
use crate::found::{Found, Query};
use crate::import::{self, ImportOptions, Progress, Report};
use crate::index::{Base, records, sheet_of};
use crate::model::{Card, Sheet};
use crate::refresh::Outage;
use crate::search::Opened;

/// The directory of one data directory. Cheap to clone; searches run beside each other and beside an import, each on the
/// base that was current when it began.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    clock: Clock,
    opened: RwLock<Option<Arc<Opened>>>,
    importing: Mutex<()>,
    outage: RwLock<Option<Outage>>,
}

/// What is known of the base that serves.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct State {
    /// Date of the extraction (RFC 3339), or null where it could not be told.
    pub source_date: Option<String>,
    /// Whether the extraction is older than [`State::STALE_AFTER_DAYS`].
    pub stale: bool,
    /// How many cards there are.
    pub cards: u64,
    /// What the import did.
    pub report: Report,
    /// Why the base could not be brought up to date, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
}

impl State {
    /// The State publishes every day, with outages of up to ten: after three days a person should be told.
    pub const STALE_AFTER_DAYS: i64 = 3;
}

impl Directory {
    /// Opens the base of `dir`, where there is one; a directory without a base is opened too, and says so when asked.
    ///
    /// # Errors
    /// When there is a base and it cannot be read: of another version, or damaged.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, Error> {
        let directory = Self::without_base(dir, clock);
        match directory.reload() {
            Ok(()) | Err(Error::NoBase(_)) => Ok(directory),
            Err(error) => Err(error),
        }
    }

    /// The directory of `dir` with nothing opened: an import may still put a base there, where [`Directory::open`] failed.
    pub fn without_base(dir: &Path, clock: Clock) -> Self {
        let (opened, importing, outage) = (RwLock::new(None), Mutex::new(()), RwLock::new(None));
        Self(Arc::new(Inner { dir: dir.to_owned(), clock, opened, importing, outage }))
    }

    /// Opens the base that is current on disk; the one that serves stays when that fails.
    ///
    /// # Errors
    /// When there is no base, or it cannot be read.
    pub fn reload(&self) -> Result<(), Error> {
        let base = import::current(&self.0.dir).ok_or_else(|| Error::NoBase(self.0.dir.clone()))?;
        let opened = Arc::new(Opened::new(Base::open(&base)?));
        *self.0.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        Ok(())
    }

    /// What serves; none where nothing was imported yet.
    pub fn state(&self) -> Option<State> {
        let opened = self.opened().ok()?;
        let report = opened.base.meta.report.clone();
        Some(State {
            stale: self.is_stale(report.source_date.as_deref()),
            source_date: report.source_date.clone(),
            cards: opened.base.cards(),
            report,
            outage: self.outage(),
        })
    }

    /// The best `limit` cards (200 at most) for this question. An empty question has no hits; a question that matches
    /// nothing has none either, and says which criterion to give up, or what was probably meant.
    ///
    /// # Errors
    /// When there is no base, or its files went away: never an empty answer for that.
    pub fn search(&self, query: &Query, limit: usize) -> Result<Found, Error> {
        let opened = self.opened()?;
        let stale = self.is_stale(opened.base.meta.report.source_date.as_deref());
        let found = opened.search(query, limit, stale)?;
        Ok(Found { outage: self.outage(), ..found })
    }

    /// Everything about one card, by the identifier of a hit, an RPPS, a FINESS or an address.
    ///
    /// # Errors
    /// When there is no base, or nobody has this identifier.
    pub fn show(&self, id: &str) -> Result<Sheet, Error> {
        let opened = self.opened()?;
        let packed = opened.card(id)?.ok_or_else(|| Error::UnknownCard(id.to_owned()))?;
        let date = opened.base.meta.report.source_date.clone();
        let sheet = sheet_of(&records(&packed), date).ok_or_else(|| Error::UnknownCard(id.to_owned()))?;
        Ok(Sheet { outage: self.outage(), ..sheet })
    }

    /// The card alone: see [`Directory::show`].
    ///
    /// # Errors
    /// As [`Directory::show`].
    pub fn card(&self, id: &str) -> Result<Card, Error> {
        self.show(id).map(|sheet| sheet.card)
    }

    /// Imports these files (ZIP or text, together one base) and serves the result. Blocks for seconds: call it from a
    /// thread that may.
    ///
    /// # Errors
    /// When a file is no extraction, is cut, or the new base is much smaller; when the disk is full; when another import is
    /// under way. The base that served before serves on.
    pub fn import(
        &self,
        files: &[PathBuf],
        options: &ImportOptions,
        progress: Progress<'_>,
    ) -> Result<Report, Error> {
        let _one = self.0.importing.try_lock().map_err(|_| Error::Busy(self.0.dir.clone()))?;
        let report = import::run(&self.0.dir, files, options, progress)?;
        self.reload()?;
        self.forget_outage();
        Ok(report)
    }

    /// Why the base could not be brought up to date, where it could not ([`Directory::keep_fresh`]).
    pub fn outage(&self) -> Option<Outage> {
        self.0.outage.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_outage(&self, outage: Option<Outage>) {
        *self.0.outage.write().unwrap_or_else(PoisonError::into_inner) = outage;
    }

    pub(crate) fn forget_outage(&self) {
        self.set_outage(None);
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Where the bases are.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    fn opened(&self) -> Result<Arc<Opened>, Error> {
        if let Some(opened) = self.0.opened.read().unwrap_or_else(PoisonError::into_inner).clone() {
            return Ok(opened);
        }
        self.reload()?;
        let opened = self.0.opened.read().unwrap_or_else(PoisonError::into_inner).clone();
        opened.ok_or_else(|| Error::NoBase(self.0.dir.clone()))
    }

    fn is_stale(&self, date: Option<&str>) -> bool {
        let Some(date) = date.and_then(|date| date.parse::<Timestamp>().ok()) else { return false };
        let age = self.0.clock.now().as_second() - date.as_second();
        age > State::STALE_AFTER_DAYS * 24 * 3_600
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}
