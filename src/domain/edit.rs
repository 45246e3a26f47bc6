//! What: one call that changes the document, as CloudTrail reports it.

use serde::{Deserialize, Serialize};

use super::principal::Principal;
use super::time::Time;

/// The action of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Action {
    /// `CreateDocument`.
    Created,
    /// `UpdateDocument`; the version it made, where the reply said so.
    Updated {
        /// The number of the new version.
        version: Option<u64>,
    },
    /// `UpdateDocumentDefaultVersion`; the version it chose.
    DefaultMoved {
        /// The number of the new default version.
        version: Option<u64>,
    },
    /// `DeleteDocument` of the whole document.
    Deleted,
    /// `DeleteDocument` of one version.
    VersionDeleted {
        /// The number of the version, where it was named by number.
        version: Option<u64>,
    },
    /// `ModifyDocumentPermission`.
    SharingChanged,
}

impl Action {
    /// The version that the call made; a new document starts at version 1.
    pub fn made_version(self) -> Option<u64> {
        match self {
            Self::Created => Some(1),
            Self::Updated { version } => version,
            Self::DefaultMoved { .. } | Self::Deleted | Self::VersionDeleted { .. } | Self::SharingChanged => None,
        }
    }

    /// The kind of act; on-call is notified once of a principal's acts of one kind.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Created | Self::Updated { .. } => "wrote",
            Self::Deleted => "deleted",
            Self::DefaultMoved { .. } => "moved",
            Self::VersionDeleted { .. } => "pruned",
            Self::SharingChanged => "shared",
        }
    }

    /// In words, for a call that failed.
    pub fn attempted(self) -> String {
        match self {
            Self::Created => "to create the document".to_owned(),
            Self::Updated { .. } => "to write a version".to_owned(),
            Self::DefaultMoved { version: Some(v) } => format!("to make version {v} the default"),
            Self::DefaultMoved { version: None } => "to move the default version".to_owned(),
            Self::Deleted => "to delete the document".to_owned(),
            Self::VersionDeleted { version: Some(v) } => format!("to delete version {v}"),
            Self::VersionDeleted { version: None } => "to delete a version".to_owned(),
            Self::SharingChanged => "to change who the document is shared with".to_owned(),
        }
    }

    /// In words, to follow the principal's name.
    pub fn in_words(self) -> String {
        match self {
            Self::Created => "created the document".to_owned(),
            Self::Updated { version: Some(v) } => format!("wrote version {v}"),
            Self::Updated { version: None } => "wrote a version".to_owned(),
            Self::DefaultMoved { version: Some(v) } => format!("made version {v} the default"),
            Self::DefaultMoved { version: None } => "moved the default version".to_owned(),
            Self::Deleted => "deleted the document".to_owned(),
            Self::VersionDeleted { version: Some(v) } => format!("deleted version {v}"),
            Self::VersionDeleted { version: None } => "deleted a version".to_owned(),
            Self::SharingChanged => "changed who the document is shared with".to_owned(),
        }
    }
}

/// A version that no document can have, since it has at most 1,000 [docs: gr/ssm]. `runasctl doctor` makes it the default,
/// to see whether the failed call's event arrives.
pub const PROBE_VERSION: u64 = 999_999;

/// Whom `ModifyDocumentPermission` adds and removes: account ids, or `all`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// Who may use it from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Accounts whose access the call removes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

impl Sharing {
    /// In words, as a sentence without its end.
    pub fn in_words(&self) -> String {
        match (self.added.as_slice(), self.removed.as_slice()) {
            ([], []) => "the sharing of the document was changed".to_owned(),
            (added, []) => format!("the document was shared with {}", named(added)),
            ([], removed) => format!("the document is no longer shared with {}", named(removed)),
            (added, removed) => {
                format!("the document was shared with {}, and no longer with {}", named(added), named(removed))
            }
        }
    }
}

/// Accounts in words.
pub(super) fn named(accounts: &[String]) -> String {
    if accounts.iter().any(|account| account == "all") { "everybody".to_owned() } else { accounts.join(", ") }
}

/// Whether an error code is a denial. AWS does not document which codes its services use.
pub fn is_denial(code: &str) -> bool {
    ["AccessDenied", "Unauthorized", "NotAuthorized"].iter().any(|word| code.contains(word))
}

/// One call on the document. It shows who did something, and is no evidence of the document's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// CloudTrail's `eventID`, the same in every copy and redelivery of the event.
    pub id: String,
    /// When the call was made.
    pub at: Time,
    /// Its action.
    pub action: Action,
    /// The caller.
    pub principal: Principal,
    /// The call's error code, if it failed: nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The calling program's name for itself; no proof.
    #[serde(default)]
    pub agent: String,
    /// Where the call came from: an address, or the DNS name of an AWS service.
    #[serde(default)]
    pub source_ip: String,
    /// With whom the document was shared, where the call says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
}

impl Edit {
    /// Whether this is a probe by `runasctl doctor`, which changes nothing.
    pub fn is_probe(&self) -> bool {
        self.failed.is_some() && self.action == Action::DefaultMoved { version: Some(PROBE_VERSION) }
    }
}
