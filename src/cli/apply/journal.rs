//! The journal beside a plan: each step is on disk before the next one, so that a killed run can be resumed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::outcome::TargetOutcome;
use crate::cli::files::private;
use crate::domain::target::Target;
use crate::domain::time::Time;

const SCHEMA_VERSION: u32 = 1;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    schema_version: u32,
    /// Id of the plan.
    plan: String,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
struct JournalLine {
    at: Time,
    /// The identity of the run that wrote it.
    by: String,
    #[serde(flatten)]
    target: Target,
    /// The outcome; absent in the line that begins the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<TargetOutcome>,
}

/// The journal of a plan, locked by this run.
pub(super) struct Journal {
    file: Mutex<File>,
    by: String,
    /// The entries of earlier runs; `None` where one was begun and not finished.
    before: BTreeMap<Target, Option<TargetOutcome>>,
}

/// Why no journal can be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalProblem {
    #[error("cannot write {0}: {1}; fix: put the plan into a directory that you may write to")]
    Unwritable(String, io::Error),
    #[error("this plan is being applied at this moment ({0} is locked); fix: wait until that has ended")]
    Locked(String),
    #[error("{0} is of another plan, or damaged; fix: move it away, and make a new plan")]
    Foreign(String),
}

/// The path of a plan's journal. A new plan in the same file has another journal.
fn path_of(plan: &Path, id: &str) -> PathBuf {
    let mut name = plan.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.journal", id.get(..12).unwrap_or(id)));
    plan.with_file_name(name)
}

impl Journal {
    /// Opens or creates the journal of a plan.
    pub(super) fn open(plan: &Path, id: &str, by: &str) -> Result<Self, JournalProblem> {
        let path = path_of(plan, id);
        let name = path.display().to_string();
        let unwritable = |error| JournalProblem::Unwritable(name.clone(), error);
        let mut options = OpenOptions::new();
        let mut file =
            private(options.read(true).write(true).create(true).truncate(false)).open(&path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalProblem::Locked(name)),
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unwritable)?;
        let header = Header { schema_version: SCHEMA_VERSION, plan: id.to_owned() };
        let whole = whole_lines(&text);
        let Some(before) = read(whole, &header) else { return Err(JournalProblem::Foreign(name)) };
        // Drops a line that an earlier run was killed in.
        let end = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end))).map_err(unwritable)?;
        let journal = Self { file: Mutex::new(file), by: by.to_owned(), before };
        if whole.is_empty() {
            journal.append(&header).and_then(|()| sync_directory(&path)).map_err(unwritable)?;
        }
        Ok(journal)
    }

    /// The outcome of an entry in an earlier run.
    pub(super) fn ended(&self, target: &Target) -> Option<&TargetOutcome> {
        self.before.get(target)?.as_ref()
    }

    /// Whether an earlier run has begun an entry.
    pub(super) fn was_begun(&self, target: &Target) -> bool {
        self.before.contains_key(target)
    }

    pub(super) fn begin(&self, target: &Target, at: Time) -> io::Result<()> {
        self.append(&JournalLine { at, by: self.by.clone(), target: target.clone(), ended: None })
    }

    pub(super) fn end(&self, target: &Target, at: Time, outcome: &TargetOutcome) -> io::Result<()> {
        self.append(&JournalLine { at, by: self.by.clone(), target: target.clone(), ended: Some(outcome.clone()) })
    }

    fn append(&self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_string(line).map_err(io::Error::other)?;
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())?;
        file.sync_data()
    }
}

/// The text up to its last line end.
fn whole_lines(text: &str) -> &str {
    text.rfind('\n').and_then(|end| text.get(..=end)).unwrap_or_default()
}

/// Parses the lines; `None` where they belong to another plan or are damaged.
fn read(text: &str, header: &Header) -> Option<BTreeMap<Target, Option<TargetOutcome>>> {
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return Some(BTreeMap::new()) };
    if serde_json::from_str::<Header>(first).ok()? != *header {
        return None;
    }
    let mut before = BTreeMap::new();
    for line in lines {
        let line: JournalLine = serde_json::from_str(line).ok()?;
        before.insert(line.target, line.ended);
    }
    Some(before)
}

/// A new file survives a power failure only if its directory is synced too.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn target(region: &str) -> Target {
        Target::new("444455556666".parse().unwrap(), region.parse().unwrap())
    }

    fn at() -> Time {
        Time::from_ms(1_790_000_000_000)
    }

    #[test]
    fn what_was_begun_and_ended_is_known_to_the_next_run() {
        let files = tempfile::tempdir().unwrap();
        let plan = files.path().join("plan.json");
        let journal = Journal::open(&plan, "p-1", "me").unwrap();
        journal.begin(&target("eu-west-1"), at()).unwrap();
        journal.end(&target("eu-west-1"), at(), &TargetOutcome::Written { version: 4 }).unwrap();
        journal.begin(&target("us-east-1"), at()).unwrap();
        assert_eq!(journal.ended(&target("eu-west-1")), None, "this is about runs before");
        drop(journal);
        let journal = Journal::open(&plan, "p-1", "me").unwrap();
        assert_eq!(journal.ended(&target("eu-west-1")), Some(&TargetOutcome::Written { version: 4 }));
        assert_eq!((journal.ended(&target("us-east-1")), journal.was_begun(&target("us-east-1"))), (None, true));
        assert!(!journal.was_begun(&target("eu-central-1")));
    }

    #[test]
    fn half_a_line_is_cut_off_and_written_over() {
        let files = tempfile::tempdir().unwrap();
        let plan = files.path().join("plan.json");
        Journal::open(&plan, "p-1", "me").unwrap().begin(&target("eu-west-1"), at()).unwrap();
        let path = path_of(&plan, "p-1");
        let whole = fs::read_to_string(&path).unwrap();
        for cut in [whole.len() - 1, whole.len() - 20, 3, 0] {
            fs::write(&path, whole.as_bytes().get(..cut).unwrap()).unwrap();
            let journal = Journal::open(&plan, "p-1", "me").unwrap();
            assert!(!journal.was_begun(&target("eu-west-1")), "{cut}");
            journal.begin(&target("eu-west-1"), at()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{cut}");
        }
    }

    #[test]
    fn the_journal_of_another_plan_and_one_in_use_are_left_alone() {
        let files = tempfile::tempdir().unwrap();
        let plan = files.path().join("plan.json");
        let journal = Journal::open(&plan, "p-1", "me").unwrap();
        journal.begin(&target("eu-west-1"), at()).unwrap();
        assert!(matches!(Journal::open(&plan, "p-1", "me"), Err(JournalProblem::Locked(_))));
        drop(journal);
        assert!(!Journal::open(&plan, "p-2", "me").unwrap().was_begun(&target("eu-west-1")));
        for foreign in
            ["{}\n", "{\"schema_version\":1,\"plan\":\"p-2\"}\n", "{\"schema_version\":1,\"plan\":\"p-1\"}\n{}\n"]
        {
            fs::write(path_of(&plan, "p-1"), foreign).unwrap();
            assert!(matches!(Journal::open(&plan, "p-1", "me"), Err(JournalProblem::Foreign(_))), "{foreign}");
        }
    }
}
