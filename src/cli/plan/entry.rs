//! One line of a plan: what is there, what should be, and what would be done about the difference.

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

/// What would be done about a target, or why nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::cli) enum Action {
    /// It is as it should be.
    InSync,
    /// Somebody has said why we stay away.
    Exempt,
    /// It is not as it should be, and something stands in the way for now.
    Wait,
    /// It is not as it should be, and is only observed.
    Observe,
    /// There is no document, and there should be.
    Create,
    /// Another version, or another default version.
    Change,
    /// Deleted and made anew: it cannot be changed.
    Replace,
    /// It cannot be read, so that nobody knows.
    Unreachable,
}

impl Action {
    /// In the order in which they are shown: what matters most is nearest to the summary, which comes last.
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

/// One planned line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::cli) struct PlanEntry {
    /// Where.
    #[serde(flatten)]
    pub(in crate::cli) target: Target,
    /// The account's name, for people.
    pub(in crate::cli) account_name: String,
    pub(in crate::cli) action: Action,
    /// What the policy says, and why.
    pub(in crate::cli) baseline: Resolution,
    /// Why this follows.
    pub(in crate::cli) reasons: Vec<String>,
    /// What was seen; absent where nothing could be.
    pub(in crate::cli) seen: Option<DocumentState>,
    /// Fields of the latest version that the policy sets, and those that can run code or send sessions elsewhere.
    pub(in crate::cli) today: BTreeMap<String, Value>,
    /// The same of the default version, where that is another one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::cli) default_today: BTreeMap<String, Value>,
    pub(in crate::cli) changes: Vec<Planned>,
    /// Fields that stay as they were found at first sight and ought to be reviewed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::cli) adopts: Vec<String>,
    /// Exactly what would be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) write: Option<Write>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) obstacle: Option<Blocked>,
}

/// A field that would get another value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Planned {
    #[serde(flatten)]
    pub(in crate::cli) change: FieldChange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) risk: Option<Risk>,
}

/// Why a target cannot be read, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cli) struct Blocked {
    /// A word for programs, the same for the same kind of obstacle.
    pub(in crate::cli) kind: String,
    pub(in crate::cli) cause: String,
    pub(in crate::cli) fix: String,
}

/// What was seen of a document, as far as it tells whether it is still the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(in crate::cli) enum DocumentState {
    /// There was none.
    Absent,
    /// There was one.
    Present {
        document_type: String,
        latest: u64,
        /// When the latest version was made: a document that was deleted and made anew counts from 1 again.
        created: Time,
        default: u64,
        /// SHA-256 over the canonical content of the latest version.
        latest_sha256: String,
        /// The same of the default version.
        default_sha256: String,
    },
}

impl DocumentState {
    /// What an observation shows; nothing where it shows nothing.
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

/// Of what is no valid document only the reason is known; its number and date tell it apart.
fn digest(body: &Body) -> String {
    match body {
        Body::Valid(content) => content.digest(),
        Body::Invalid { why } => sha256(why),
    }
}

impl PlanEntry {
    /// The line of a target that was looked at.
    pub(super) fn decided(case: &Case, decision: &Decision) -> Self {
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

    /// The line of a target that nothing can be said about.
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

    /// Whether one of its differences is marked. Deleting a document takes its versions and shares with it.
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
        (_, Some(Write::Put { base: Some(_), .. } | Write::Promote { .. })) => Action::Change,
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

/// What is there beside what is to come.
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

/// The users that sessions may run as today. Which of the two versions counts is not documented, so both do.
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

/// At first sight of a document, what it says beyond the policy stays.
fn adopted(case: &Case, seen: &Seen) -> Vec<String> {
    let known = case.record.facts.base.as_ref().is_some_and(|base| base.at < case.now);
    let Some(content) = seen.latest.body.content().filter(|_| !known && seen.is_session()) else { return Vec::new() };
    let set = |field: &&str| !case.resolution.owned.contains_key(*field) && is_set(content, field);
    REVIEWED_FIELDS.into_iter().filter(set).map(str::to_owned).collect()
}

/// Whether a field sends something somewhere or runs something. Whether what is sent is encrypted does neither.
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

    /// A call that failed for a reason that says nothing about the account.
    pub(super) fn fault(fault: &Fault) -> Self {
        Self { kind: "failed".to_owned(), cause: fault.to_string(), fix: fix(fault) }
    }
}
