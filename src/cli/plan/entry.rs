//! One line of a plan: the current document, the desired one, and what would be done about the difference.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::risk::{Risk, risk};
use crate::cli::login::fix;
use crate::domain::case::{Case, Decision, Verdict, Write};
use crate::domain::document::{Body, Change, Content, FieldChange, REVIEWED_FIELDS};
use crate::domain::observation::{Observation, Obstacle, Seen, Unreadable};
use crate::domain::policy::{Mode, Owned, Resolution};
use crate::domain::target::{AccountFacts, Target};
use crate::domain::text::sha256;
use crate::domain::time::Time;
use crate::ports::Fault;

/// What would be done about a target, or why nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Action {
    /// It is as desired.
    InSync,
    /// The policy exempts the account.
    Exempt,
    /// It differs, and something prevents a write for now.
    Wait,
    /// It differs, and the policy only observes it.
    Observe,
    /// The document is missing.
    Create,
    /// A new version, another default version, or fewer accounts that the document is shared with.
    Change,
    /// Deleted and recreated, because it cannot be changed.
    Replace,
    /// It cannot be read, so its state is unknown.
    Unreachable,
}

impl Action {
    /// In the order of display: the most important is last, next to the summary.
    pub(in crate::cli) const ALL: [Self; 8] = [
        Self::InSync,
        Self::Exempt,
        Self::Wait,
        Self::Observe,
        Self::Create,
        Self::Change,
        Self::Replace,
        Self::Unreachable,
    ];

    /// Whether something would be written.
    pub(in crate::cli) fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Change | Self::Replace)
    }
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct PlanEntry {
    /// The account and the region.
    #[serde(flatten)]
    pub(in crate::cli) target: Target,
    /// The account's name, for people.
    pub(in crate::cli) account_name: String,
    pub(in crate::cli) action: Action,
    /// What the policy wants, and why.
    pub(in crate::cli) baseline: Resolution,
    /// The reasons of the decision.
    pub(in crate::cli) reasons: Vec<String>,
    /// The observed document; absent where nothing could be observed.
    pub(in crate::cli) seen: Option<DocumentState>,
    /// Fields of the latest version that the policy owns, or that can run code or send session data elsewhere.
    pub(in crate::cli) today: BTreeMap<String, Value>,
    /// The same fields of the default version, where it differs from the latest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::cli) default_today: BTreeMap<String, Value>,
    pub(in crate::cli) changes: Vec<Planned>,
    /// Fields that are adopted from the first observation and should be reviewed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) adopts: Vec<String>,
    /// The exact write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) write: Option<Write>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) obstacle: Option<Blocked>,
}

/// A field that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Planned {
    #[serde(flatten)]
    pub(in crate::cli) change: FieldChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) risk: Option<Risk>,
}

/// Why a target cannot be read, and the fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Blocked {
    /// A stable word for programs per kind of obstacle.
    pub(in crate::cli) kind: String,
    pub(in crate::cli) cause: String,
    pub(in crate::cli) fix: String,
}

/// The observed document, in enough detail to detect a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(in crate::cli) enum DocumentState {
    /// There was no document.
    Absent,
    /// There was a document.
    Present {
        document_type: String,
        latest: u64,
        /// Creation time of the latest version; it detects a recreated document, which counts from 1 again.
        created: Time,
        default: u64,
        /// SHA-256 over the canonical content of the latest version.
        latest_sha256: String,
        /// The same for the default version.
        default_sha256: String,
    },
}

impl DocumentState {
    /// The state in an observation; `None` where it is unknown.
    pub(in crate::cli) fn of(observation: &Observation) -> Option<Self> {
        match observation {
            Observation::Unknown(_) => None,
            Observation::Absent => Some(Self::Absent),
            Observation::Present(seen) => Some(Self::Present {
                document_type: seen.document_type.clone(),
                latest: seen.latest.number,
                created: seen.latest_created(),
                default: seen.default.number,
                latest_sha256: digest(&seen.latest.body),
                default_sha256: digest(&seen.default.body),
            }),
        }
    }
}

/// An invalid document has no canonical content, so its reason is hashed; number and date identify it.
fn digest(body: &Body) -> String {
    match body {
        Body::Valid(content) => content.digest(),
        Body::Invalid { why } => sha256(why),
    }
}

impl PlanEntry {
    /// The line of an observed target.
    pub(in crate::cli) fn decided(case: &Case, decision: &Decision) -> Self {
        let resolution = &case.resolution;
        let seen = match &case.observation {
            Observation::Present(seen) => Some(seen.as_ref()),
            Observation::Absent | Observation::Unknown(_) => None,
        };
        let (change, in_use) = (difference(decision, &resolution.owned), seen.map(users_in_use).unwrap_or_default());
        let planned = |change: FieldChange| Planned { risk: risk(&change, &in_use), change };
        let obstacle = match &decision.verdict {
            Verdict::Unknown { why } => Some(Blocked::by(why, case)),
            _ => None,
        };
        Self {
            target: case.target.clone(),
            account_name: case.account_name.clone(),
            action: action(resolution.mode, decision),
            baseline: resolution.clone(),
            reasons: decision.reasons.clone(),
            seen: DocumentState::of(&case.observation),
            today: seen.map(|seen| shown(&seen.latest.body, &resolution.owned)).unwrap_or_default(),
            default_today: seen
                .filter(|seen| seen.default.number != seen.latest.number)
                .map(|seen| shown(&seen.default.body, &resolution.owned))
                .unwrap_or_default(),
            changes: change.into_iter().map(planned).collect(),
            adopts: seen.map(|seen| adopted(case, seen)).unwrap_or_default(),
            write: decision.write.clone(),
            obstacle,
        }
    }

    /// The line of a target that cannot be read.
    pub(super) fn unknown(
        target: Target,
        facts: Option<&AccountFacts>,
        baseline: Resolution,
        blocked: Blocked,
    ) -> Self {
        Self {
            target,
            account_name: facts.map(|facts| facts.name.clone()).unwrap_or_default(),
            action: if baseline.mode == Mode::Exempt { Action::Exempt } else { Action::Unreachable },
            baseline,
            reasons: vec![format!("could not read: {}", blocked.cause)],
            seen: None,
            today: BTreeMap::new(),
            default_today: BTreeMap::new(),
            changes: Vec::new(),
            adopts: Vec::new(),
            write: None,
            obstacle: Some(blocked),
        }
    }

    /// Whether a change is marked as risky. Replacing a document deletes its versions and shares.
    pub(in crate::cli) fn is_risky(&self) -> bool {
        self.action == Action::Replace || self.changes.iter().any(|planned| planned.risk.is_some())
    }
}

fn action(mode: Mode, decision: &Decision) -> Action {
    if mode == Mode::Exempt {
        return Action::Exempt;
    }
    match (&decision.verdict, &decision.write) {
        (Verdict::Unknown { .. }, _) => Action::Unreachable,
        (_, Some(Write::Put { base: None, .. })) => Action::Create,
        (_, Some(Write::Put { base: Some(_), .. } | Write::Promote { .. } | Write::Unshare { .. })) => Action::Change,
        (_, Some(Write::Recreate { .. })) => Action::Replace,
        (Verdict::InSync, None) => Action::InSync,
        (Verdict::Missing | Verdict::Drifted { .. } | Verdict::Unusable { .. }, None) if mode == Mode::Observe => {
            Action::Observe
        }
        (Verdict::Missing | Verdict::Drifted { .. } | Verdict::Unusable { .. } | Verdict::Unsettled { .. }, None) => {
            Action::Wait
        }
    }
}

/// The difference between the observed and the desired fields.
fn difference(decision: &Decision, owned: &Owned) -> Change {
    match &decision.verdict {
        Verdict::Drifted { drift } => drift.clone(),
        Verdict::Missing | Verdict::Unusable { .. } => owned
            .iter()
            .map(|(field, to)| FieldChange { field: field.clone(), from: None, to: Some(to.clone()) })
            .collect(),
        Verdict::InSync | Verdict::Unknown { .. } | Verdict::Unsettled { .. } => Change::new(),
    }
}

/// The users that sessions may run as today. Which version counts is not documented, so both do.
fn users_in_use(seen: &Seen) -> BTreeSet<String> {
    let user = |body: &Body| {
        let content = body.content().filter(|content| content.input("runAsEnabled") != Some(&Value::Bool(false)))?;
        Some(content.input("runAsDefaultUser")?.as_str()?.to_owned()).filter(|user| !user.is_empty())
    };
    [&seen.latest.body, &seen.default.body].into_iter().filter_map(user).collect()
}

fn shown(body: &Body, owned: &Owned) -> BTreeMap<String, Value> {
    let Some(content) = body.content() else { return BTreeMap::new() };
    let fields = owned.keys().map(String::as_str).chain(REVIEWED_FIELDS).chain(["runAsEnabled", "runAsDefaultUser"]);
    fields.filter_map(|field| Some((field.to_owned(), content.input(field)?.clone()))).collect()
}

/// On the first observation, fields that the policy does not own are adopted.
fn adopted(case: &Case, seen: &Seen) -> Vec<String> {
    let known = case.record.facts.base.as_ref().is_some_and(|base| base.at < case.now);
    let Some(content) = seen.latest.body.content().filter(|_| !known && seen.is_session()) else { return Vec::new() };
    let set = |field: &&str| !case.resolution.owned.contains_key(*field) && is_set(content, field);
    REVIEWED_FIELDS.into_iter().filter(set).map(str::to_owned).collect()
}

/// Whether a field sends session data or runs code. Encryption flags do neither.
fn is_set(content: &Content, field: &str) -> bool {
    match content.input(field) {
        None | Some(Value::Null | Value::Bool(_)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(shells)) => shells.values().any(|shell| shell.as_str() != Some("")),
        Some(Value::Number(_) | Value::Array(_)) => true,
    }
}

impl Blocked {
    fn by(why: &Unreadable, case: &Case) -> Self {
        let region = &case.target.region;
        let (kind, what) = match why.obstacle {
            Obstacle::Denied => (
                "denied",
                "see that a role of the policy's `access.roles` is in the account, trusts the role that you use, and may read \
                 the document"
                    .to_owned(),
            ),
            Obstacle::DeniedByScp => (
                "denied_by_scp",
                "exempt the role in the service control policy (`aws:PrincipalArn`)".to_owned(),
            ),
            Obstacle::NotReady => {
                ("not_ready", "wait until the account is set up, and plan again; the function waits for it by itself".to_owned())
            }
            Obstacle::RegionOff => (
                "region_off",
                format!("enable {region} in the account, take it out of the policy's `regions`, or see that STS is active"),
            ),
        };
        Self { kind: kind.to_owned(), cause: why.detail.clone(), fix: what }
    }

    /// A failed call that says nothing about the account.
    pub(in crate::cli) fn fault(fault: &Fault) -> Self {
        Self { kind: "failed".to_owned(), cause: fault.to_string(), fix: fix(fault) }
    }
}
