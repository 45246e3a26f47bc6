//! The observed state: absent, present or unknown. Unknown never leads to a write (invariant 3).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::document::Body;
use super::time::Time;

mod assemble;

pub use assemble::{Answers, Disagreement, LISTED_MAX, VersionAnswer, VersionList, assemble};

/// A document as one observation shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// There is no such document.
    Absent,
    /// There is one.
    Present(Box<Seen>),
    /// The document could not be read.
    Unknown(Unreadable),
}

/// Everything that an observation of a present document shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `DocumentType`; only `Session` is right.
    pub document_type: String,
    /// The latest version.
    pub latest: Version,
    /// The default version; the same as `latest` where they coincide.
    pub default: Version,
    /// The newest versions that SSM lists, newest first, at most fifty. `latest` is the first of them; `default` is one of
    /// them unless it is older.
    pub versions: Vec<VersionInfo>,
    /// Whether SSM lists older versions too.
    pub older_exist: bool,
    /// Contents of further versions that were requested and could be read.
    #[serde(default)]
    pub between: BTreeMap<u64, Body>,
    /// With whom it is shared; absent where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<Shares>,
}

/// With whom a document is shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shares {
    /// With these accounts; `all` where it is public.
    With(BTreeSet<String>),
    /// That could not be read.
    Unknown(Unreadable),
}

/// One version with its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number.
    pub number: u64,
    /// Its content.
    pub body: Body,
}

/// A version as SSM lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// Its number.
    pub number: u64,
    /// When it was created. A recreated document counts from 1 again; the date distinguishes its versions.
    pub created: Time,
    /// Its status in SSM.
    pub status: DocumentStatus,
    /// `VersionName`, unique within the document while the version exists. Any caller can choose any name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Prefix of the names of the reactor's versions, for readers in the console.
pub const VERSION_NAME: &str = "runas-reactor-";

/// SSM accepts `[a-zA-Z0-9_\-.]{1,128}` (API model).
const VERSION_NAME_CHARS_MAX: usize = 128;

/// A `VersionName` as SSM gives it, bounded; an empty one is none.
pub fn version_name(given: Option<&str>) -> Option<String> {
    given.map(|name| name.chars().take(VERSION_NAME_CHARS_MAX).collect()).filter(|name: &String| !name.is_empty())
}

/// `DocumentStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentStatus {
    /// Usable.
    Active,
    /// `Creating` or `Updating`: soon usable.
    Pending,
    /// Being deleted.
    Deleting,
    /// Never usable.
    Failed,
}

/// Why a target could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// The kind of obstacle.
    pub obstacle: Obstacle,
    /// What AWS said, bounded.
    pub detail: String,
}

/// Kinds of obstacles to reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// No role could be assumed, or the role may not read.
    Denied,
    /// A service control policy denies it.
    DeniedByScp,
    /// The account is too new: SSM is not available yet.
    NotReady,
    /// The region is not enabled in the account.
    RegionOff,
}

impl Seen {
    /// Whether it has the only type that Session Manager reads preferences from.
    pub fn is_session(&self) -> bool {
        self.document_type == "Session"
    }

    /// The list's entry of a version.
    pub fn info(&self, number: u64) -> Option<&VersionInfo> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The content of a version, where this observation has it.
    pub fn body(&self, number: u64) -> Option<&Body> {
        if number == self.latest.number {
            Some(&self.latest.body)
        } else if number == self.default.number {
            Some(&self.default.body)
        } else {
            self.between.get(&number)
        }
    }

    /// The status of the latest version; `Active` where it is not listed.
    pub fn latest_status(&self) -> DocumentStatus {
        self.info(self.latest.number).map_or(DocumentStatus::Active, |version| version.status)
    }

    /// When the latest version was made.
    pub fn latest_created(&self) -> Time {
        self.info(self.latest.number).map_or(Time::ZERO, |version| version.created)
    }
}

#[cfg(test)]
mod tests;
