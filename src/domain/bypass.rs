//! Calls that get past the document, or at the reactor's own parts. On-call is alerted to them; the reactor undoes none.
//!
//! Where the document has Run As on, Session Manager takes the OS user from the tag [`RUN_AS_TAG`] of the session or of its
//! principal before the document's default user [docs: session-preferences-run-as]. A session may name another Session
//! document.

use serde::Serialize;

use super::principal::Principal;
use super::target::Target;

/// The tag whose value is the OS user of a principal's sessions.
pub const RUN_AS_TAG: &str = "SSMSessionRunAs";
/// The beginning of the names of the reactor's rules, in the templates.
pub const RULE_PREFIX: &str = "runas-reactor-";
/// The beginnings of the names of the reactor's roles, in the templates.
pub const ROLE_PREFIXES: [&str; 3] = ["RunasReactor", "RunasBroker", "RunasWatcher"];
/// Names of the inline policies that the templates give to roles.
const OWN_POLICIES: [&str; 6] = ["broker", "document", "forward", "function", "preflight", "schedule"];
/// The service behind calls that a stack makes [docs: CloudTrail record, `invokedBy`].
const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";

/// One such call, as CloudTrail reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bypass {
    /// Where the call was made.
    pub target: Target,
    /// What it does.
    pub act: BypassAct,
    /// The caller.
    pub principal: Principal,
    /// The call's error code, if it failed: nothing changed.
    pub failed: Option<String>,
    /// The calling program's name for itself; no proof.
    pub agent: String,
    /// Where the call came from: an address, or the DNS name of an AWS service.
    pub source_ip: String,
    /// The AWS service that made the call for the caller.
    pub through: Option<String>,
}

impl Bypass {
    /// Whether a CloudFormation stack made the call.
    pub fn is_of_a_stack(&self) -> bool {
        self.through.as_deref() == Some(CLOUDFORMATION)
    }
}

/// What such a call does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum BypassAct {
    /// `TagRole`, `TagUser`, `CreateRole` or `CreateUser` with the tag.
    Tagged {
        /// The principal that carries the tag.
        bearer: Bearer,
        /// The tag's key as the caller wrote it; IAM ignores case.
        key: String,
        /// The tag's value: the OS user.
        user: String,
        /// Whether the call created the principal.
        created: bool,
    },
    /// `UntagRole` or `UntagUser` of the tag, or `TagRole` or `TagUser` with a blank value, which the agent passes over.
    Untagged {
        /// The principal that carried the tag.
        bearer: Bearer,
    },
    /// A change of Identity Center's attributes for access control, which become session tags.
    Mapped {
        /// The ARN of the Identity Center instance.
        instance: String,
        /// What they say of the tag now.
        mapping: Mapping,
    },
    /// `CreateDocument` or `UpdateDocument` of a Session document other than the one that the reactor keeps.
    SessionDocument {
        /// Its name.
        name: String,
        /// Whether the call created it.
        created: bool,
        /// What CloudTrail shows of its content.
        content: Option<SessionContent>,
    },
    /// A change of one of the reactor's rules.
    Rule {
        /// Its name.
        name: String,
        /// The bus that it is on, where the call names one.
        bus: Option<String>,
        /// The change.
        change: RuleChange,
    },
    /// A change of the hub's bus.
    Bus {
        /// The change.
        change: BusChange,
    },
    /// `CreateArchive` of a bus that the reactor's rules are on.
    Archived {
        /// The archive's name.
        name: String,
        /// The ARN of the bus.
        bus: String,
    },
    /// `StartReplay` onto a bus that the reactor's rules are on.
    Replayed {
        /// The replay's name.
        name: String,
        /// The ARN of the bus.
        bus: String,
    },
    /// A change of a role. The decoder does not know which roles are the reactor's; the policy names its member roles.
    Role {
        /// Its name.
        name: String,
        /// The change.
        change: RoleChange,
    },
}

/// A principal that may carry the tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// A role, by its name.
    Role(String),
    /// A user, by its name.
    User(String),
}

impl Bearer {
    /// The kind in words and in commands, and the name.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Role(name) => ("role", name),
            Self::User(name) => ("user", name),
        }
    }
}

/// What Identity Center's attributes say of the tag after a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mapping {
    /// It has this attribute of the directory as its value.
    To(String),
    /// The attributes do not have it; whether they had it before is not known.
    Missing,
    /// There are no attributes any more.
    Deleted,
    /// CloudTrail does not show the attributes.
    Hidden,
}

/// The content of a Session document, as far as it decides who sessions run as. A field that is absent is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionContent {
    /// `sessionType`.
    pub session_type: String,
    /// `inputs.runAsEnabled`.
    pub run_as_enabled: String,
    /// `inputs.runAsDefaultUser`.
    pub run_as_default_user: String,
}

/// A change of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleChange {
    /// `DisableRule`.
    Disabled,
    /// `PutRule` with the state `DISABLED`, which replaces the pattern, too.
    WrittenDisabled,
    /// `DeleteRule`.
    Deleted,
    /// `PutRule`.
    Written,
    /// `PutTargets`.
    TargetsSet,
    /// `RemoveTargets`.
    TargetsRemoved,
}

/// A change of a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BusChange {
    /// `PutPermission`.
    PolicyWritten,
    /// `RemovePermission`.
    PolicyRemoved,
    /// `UpdateEventBus`.
    Updated,
    /// `DeleteEventBus`.
    Deleted,
}

/// A change of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleChange {
    /// `DeleteRole`.
    Deleted,
    /// `UpdateAssumeRolePolicy`.
    TrustChanged,
    /// `PutRolePolicy`, with the policy's name.
    PolicyWritten(String),
    /// `DeleteRolePolicy`, with the policy's name.
    PolicyDeleted(String),
    /// `AttachRolePolicy`, with the policy's ARN.
    PolicyAttached(String),
    /// `DetachRolePolicy`, with the policy's ARN.
    PolicyDetached(String),
    /// `PutRolePermissionsBoundary`.
    BoundarySet,
    /// `DeleteRolePermissionsBoundary`.
    BoundaryDeleted,
}

impl BypassAct {
    /// Whether a deployment of the templates does it in each account.
    pub fn is_of_the_templates(&self) -> bool {
        match self {
            Self::Rule { change, .. } => matches!(change, RuleChange::Written | RuleChange::TargetsSet),
            Self::Role { change: RoleChange::PolicyWritten(policy), .. } => OWN_POLICIES.contains(&policy.as_str()),
            Self::Role { change, .. } => *change == RoleChange::TrustChanged,
            Self::Tagged { .. }
            | Self::Untagged { .. }
            | Self::Mapped { .. }
            | Self::SessionDocument { .. }
            | Self::Bus { .. }
            | Self::Archived { .. }
            | Self::Replayed { .. } => false,
        }
    }

    /// Whether it takes away a part that the reactor needs; a deployment only writes.
    pub fn takes_away(&self) -> bool {
        use RoleChange::{Deleted, PolicyDeleted, PolicyDetached};
        match self {
            Self::Rule { change, .. } => !matches!(change, RuleChange::Written | RuleChange::TargetsSet),
            Self::Bus { change } => matches!(change, BusChange::PolicyRemoved | BusChange::Deleted),
            Self::Role { change, .. } => matches!(change, Deleted | PolicyDeleted(_) | PolicyDetached(_)),
            Self::Tagged { .. }
            | Self::Untagged { .. }
            | Self::Mapped { .. }
            | Self::SessionDocument { .. }
            | Self::Archived { .. }
            | Self::Replayed { .. } => false,
        }
    }

    /// Whether it concerns a region: IAM and Identity Center are global.
    pub(super) fn is_regional(&self) -> bool {
        !matches!(self, Self::Tagged { .. } | Self::Untagged { .. } | Self::Mapped { .. } | Self::Role { .. })
    }

    /// In words, to follow the caller's name.
    pub fn in_words(&self) -> String {
        let (did, _, what) = self.words();
        format!("{did} {what}")
    }

    /// In words, for a call that failed.
    pub fn attempted(&self) -> String {
        let (_, attempt, what) = self.words();
        format!("to {attempt} {what}")
    }

    /// The verb in the past and as an infinitive, and its object.
    fn words(&self) -> (&'static str, &'static str, String) {
        let of = |bearer: &Bearer| format!("{} {}", bearer.parts().0, bearer.parts().1);
        match self {
            Self::Tagged { bearer, user, created: false, .. } => {
                ("made", "make", format!("{} run as {user}", of(bearer)))
            }
            Self::Tagged { bearer, user, created: true, .. } => {
                ("created", "create", format!("{} to run as {user}", of(bearer)))
            }
            Self::Untagged { bearer } => ("left", "leave", format!("{} without a user in {RUN_AS_TAG}", of(bearer))),
            Self::Mapped { mapping, .. } => mapping.words(),
            Self::SessionDocument { name, created: true, .. } => {
                ("created", "create", format!("the Session document {name}"))
            }
            Self::SessionDocument { name, created: false, .. } => {
                ("changed", "change", format!("the Session document {name}"))
            }
            Self::Rule { name, change, .. } => change.words(name),
            Self::Bus { change } => change.words(),
            Self::Archived { .. } => ("archived", "archive", "the events of the reactor's bus".to_owned()),
            Self::Replayed { .. } => ("replayed", "replay", "old events onto the reactor's bus".to_owned()),
            Self::Role { name, change } => change.words(name),
        }
    }
}

impl Mapping {
    fn words(&self) -> (&'static str, &'static str, String) {
        match self {
            Self::To(source) => ("mapped", "map", format!("{RUN_AS_TAG} to {source}")),
            Self::Missing => ("wrote", "write", format!("Identity Center's attributes without {RUN_AS_TAG}")),
            Self::Deleted => ("deleted", "delete", "Identity Center's attributes".to_owned()),
            Self::Hidden => ("changed", "change", "Identity Center's attributes".to_owned()),
        }
    }
}

impl RuleChange {
    fn words(self, name: &str) -> (&'static str, &'static str, String) {
        let (rule, targets) = (format!("the rule {name}"), format!("the targets of the rule {name}"));
        match self {
            Self::Disabled => ("disabled", "disable", rule),
            Self::WrittenDisabled => ("wrote", "write", format!("{rule}, disabled")),
            Self::Deleted => ("deleted", "delete", rule),
            Self::Written => ("wrote", "write", rule),
            Self::TargetsSet => ("set", "set", targets),
            Self::TargetsRemoved => ("removed", "remove", targets),
        }
    }
}

impl BusChange {
    fn words(self) -> (&'static str, &'static str, String) {
        let (bus, policy) = ("the reactor's bus".to_owned(), "the policy of the reactor's bus".to_owned());
        match self {
            Self::PolicyWritten => ("wrote", "write", policy),
            Self::PolicyRemoved => ("removed", "remove", policy),
            Self::Updated => ("changed", "change", bus),
            Self::Deleted => ("deleted", "delete", bus),
        }
    }
}

impl RoleChange {
    fn words(&self, name: &str) -> (&'static str, &'static str, String) {
        match self {
            Self::Deleted => ("deleted", "delete", format!("the role {name}")),
            Self::TrustChanged => ("changed", "change", format!("who may assume the role {name}")),
            Self::PolicyWritten(policy) => ("wrote", "write", format!("the policy {policy} of the role {name}")),
            Self::PolicyDeleted(policy) => ("deleted", "delete", format!("the policy {policy} of the role {name}")),
            Self::PolicyAttached(arn) => ("attached", "attach", format!("{} to the role {name}", last(arn))),
            Self::PolicyDetached(arn) => ("detached", "detach", format!("{} from the role {name}", last(arn))),
            Self::BoundarySet => ("set", "set", format!("the permissions boundary of the role {name}")),
            Self::BoundaryDeleted => ("deleted", "delete", format!("the permissions boundary of the role {name}")),
        }
    }
}

/// The name in a policy's ARN.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
