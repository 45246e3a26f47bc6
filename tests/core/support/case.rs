//! One document with its record, its callers and a clock, driven through the pure core: observe, decide, write, settle.

use std::collections::BTreeSet;

use runas_reactor::domain::case::{Applied, Case, Decision, Refusal, Write};
use runas_reactor::domain::decide::decide;
use runas_reactor::domain::document::{Body, Content, parse};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::fact::{CallFact, Ended, Intended, Notified};
use runas_reactor::domain::judgement::judge;
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::observation::{
    DocumentStatus, Observation, Obstacle, Seen, Unreadable, Version, VersionInfo,
};
use runas_reactor::domain::policy::schema::OnSharing;
use runas_reactor::domain::policy::{Limits, Mode, Owned, Resolution};
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::record::{Record, Settlement};
use runas_reactor::domain::settle::{log_intent, settle};
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::{SECOND_MS, Time};
use runas_reactor::domain::witness;
use serde_json::{Value, json};

mod reconciliation;
mod sharing;

pub(crate) use reconciliation::kinds;

/// Seconds after the day began.
pub(crate) fn at(seconds: i64) -> Time {
    "2026-11-20T08:00:00Z".parse::<Time>().unwrap().plus_ms(seconds * SECOND_MS)
}

/// How long a write of the reactor takes.
const WRITE_MS: i64 = 300;

/// A caller, as the policy classifies it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Who {
    pub(crate) role: &'static str,
    pub(crate) session: &'static str,
    pub(crate) attribution: Attribution,
    pub(crate) via_reactor_role: bool,
}

pub(crate) const PIPELINE: Who =
    Who { role: "Accelerator", session: "pipeline", attribution: Attribution::Trusted, via_reactor_role: false };
pub(crate) const MALLORY: Who =
    Who { role: "Developer", session: "mallory", attribution: Attribution::Untrusted, via_reactor_role: false };
pub(crate) const EVE: Who =
    Who { role: "Intern", session: "eve", attribution: Attribution::Untrusted, via_reactor_role: false };
pub(crate) const BREAK_GLASS: Who =
    Who { role: "Emergency", session: "oncall", attribution: Attribution::BreakGlass, via_reactor_role: false };
pub(crate) const REACTOR: Who =
    Who { role: "RunAsMember", session: "reactor", attribution: Attribution::Untrusted, via_reactor_role: true };

/// The inputs that comply: Run As on for ops, logs to `logs`.
pub(crate) fn right() -> Value {
    json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", "cloudWatchLogGroupName": "logs" })
}

/// Those, with one input changed.
pub(crate) fn right_but(field: &str, value: impl Into<Value>) -> Value {
    let mut inputs = right();
    inputs[field] = value.into();
    inputs
}

/// An owned field is wrong.
pub(crate) fn run_as_off() -> Value {
    right_but("runAsEnabled", false)
}

pub(crate) fn body(inputs: &Value) -> Body {
    parse(&json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs }).to_string())
}

pub(crate) fn content(inputs: &Value) -> Content {
    body(inputs).content().unwrap().clone()
}

/// One version as SSM has it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) number: u64,
    pub(crate) created: Time,
    pub(crate) body: Body,
    pub(crate) name: Option<String>,
}

/// The document as SSM has it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) kind: &'static str,
    pub(crate) versions: Vec<Stored>,
    pub(crate) default: u64,
    /// The status of the latest version.
    pub(crate) status: DocumentStatus,
    /// The accounts that it is shared with.
    pub(crate) shares: BTreeSet<String>,
}

/// One target over time.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) now: Time,
    pub(crate) region: &'static str,
    pub(crate) document: Option<Document>,
    /// Reads fail.
    pub(crate) obstacle: Option<Obstacle>,
    /// With whom the document is shared cannot be read.
    pub(crate) shares_obstacle: Option<Obstacle>,
    /// Writes fail.
    pub(crate) refusal: Option<Refusal>,
    /// A member role works; else a gap role is used.
    pub(crate) by_member_role: bool,
    pub(crate) record: Record,
    pub(crate) resolution: Resolution,
    pub(crate) limits: Limits,
    /// When the message that is worked on began.
    pub(crate) since: Time,
    pub(crate) requeues: u32,
    pub(crate) redelivered: bool,
    /// The reactor's own messages that are on their way.
    pub(crate) queue: Vec<Work>,
    count: u32,
}

/// One reconciliation.
#[derive(Clone, Debug)]
pub(crate) struct Reconciliation {
    pub(crate) case: Case,
    pub(crate) decision: Decision,
    pub(crate) settlement: Settlement,
}

impl Scenario {
    /// Nothing is known, and there is no document.
    pub(crate) fn blank() -> Self {
        let owned =
            Owned::from([("runAsDefaultUser".to_owned(), json!("ops")), ("runAsEnabled".to_owned(), json!(true))]);
        Self {
            now: at(0),
            region: "eu-west-1",
            document: None,
            obstacle: None,
            shares_obstacle: None,
            refusal: None,
            by_member_role: true,
            record: Record::default(),
            resolution: Resolution {
                mode: Mode::Enforce,
                owned,
                reason: "defaults".to_owned(),
                exemption: None,
                sharing: OnSharing::Alert,
            },
            limits: Limits::default(),
            since: at(0),
            requeues: 0,
            redelivered: false,
            queue: Vec::new(),
            count: 0,
        }
    }

    /// A document that was found in sync a while ago: version 1 of second 0; it is second 7,200.
    pub(crate) fn in_sync() -> Self {
        let mut scenario = Self::blank();
        scenario.puts_version(&right(), None);
        scenario.now = at(3_600);
        scenario.sweeps();
        scenario.now = at(7_200);
        scenario
    }

    /// A document of long ago with these inputs, to which the reactor comes for the first time.
    pub(crate) fn found(region: &'static str, inputs: &Value) -> Self {
        let mut scenario = Self { region, ..Self::blank() };
        scenario.writes(PIPELINE, inputs);
        scenario.wait(86_400);
        scenario
    }

    pub(crate) fn observing(mut self) -> Self {
        self.resolution.mode = Mode::Observe;
        self
    }

    /// The policy wants sharing undone.
    pub(crate) fn undoing_sharing(mut self) -> Self {
        self.resolution.sharing = OnSharing::Undo;
        self
    }

    pub(crate) fn exempt(mut self) -> Self {
        self.resolution.mode = Mode::Exempt;
        self
    }

    pub(crate) fn wait(&mut self, seconds: i64) {
        self.now = self.now.plus_ms(seconds * SECOND_MS);
    }

    pub(crate) fn doc(&mut self) -> &mut Document {
        self.document.as_mut().unwrap()
    }

    pub(crate) fn latest(&self) -> u64 {
        self.document.as_ref().map_or(0, |document| document.versions.last().unwrap().number)
    }

    /// The content of the default version: what Session Manager uses.
    pub(crate) fn in_force(&self) -> &Content {
        let document = self.document.as_ref().unwrap();
        let default = document.versions.iter().find(|version| version.number == document.default);
        default.unwrap().body.content().unwrap()
    }

    fn puts_version(&mut self, inputs: &Value, name: Option<String>) -> u64 {
        self.puts_body(body(inputs), name)
    }

    fn puts_body(&mut self, body: Body, name: Option<String>) -> u64 {
        // A write of the reactor lands within the second; no two versions share a date.
        let earliest = if name.is_some() { self.now.plus_ms(WRITE_MS) } else { self.now };
        let document = self.document.get_or_insert_with(|| Document {
            kind: "Session",
            versions: Vec::new(),
            default: 1,
            status: DocumentStatus::Active,
            shares: BTreeSet::new(),
        });
        let last = document.versions.last();
        let number = last.map_or(1, |version| version.number + 1);
        let created = last.map_or(earliest, |version| earliest.max(version.created.plus_ms(1)));
        document.versions.push(Stored { number, created, body, name });
        document.default = number;
        number
    }

    /// A call as CloudTrail will report it; it changes nothing here.
    pub(crate) fn call(&mut self, who: Who, action: Action) -> CallFact {
        self.count += 1;
        let principal = Principal {
            kind: "AssumedRole".to_owned(),
            arn: Some(format!("arn:aws:iam::444455556666:role/{}", who.role)),
            name: Some(who.session.to_owned()),
        };
        let edit = Edit {
            id: format!("event-{:04}", self.count),
            at: Time::from_ms(self.now.ms() / SECOND_MS * SECOND_MS),
            action,
            principal,
            failed: None,
            agent: "cli".to_owned(),
            source_ip: "203.0.113.9".to_owned(),
            sharing: None,
        };
        CallFact {
            edit,
            attribution: who.attribution,
            via_reactor_role: who.via_reactor_role,
            received: self.now,
            checked: false,
            over: false,
            notified: Notified::No,
        }
    }

    /// A call that was refused with this code.
    pub(crate) fn fails(&mut self, who: Who, action: Action, code: &str) -> CallFact {
        let mut call = self.call(who, action);
        call.edit.failed = Some(code.to_owned());
        call
    }

    /// A new version, made the default; the call that made it.
    pub(crate) fn writes(&mut self, who: Who, inputs: &Value) -> CallFact {
        self.writes_body(who, body(inputs))
    }

    pub(crate) fn writes_body(&mut self, who: Who, body: Body) -> CallFact {
        let created = self.document.is_none();
        let number = self.puts_body(body, None);
        let action = if created { Action::Created } else { Action::Updated { version: Some(number) } };
        self.call(who, action)
    }

    pub(crate) fn moves_default(&mut self, who: Who, number: u64) -> CallFact {
        self.doc().default = number;
        self.call(who, Action::DefaultMoved { version: Some(number) })
    }

    pub(crate) fn deletes(&mut self, who: Who) -> CallFact {
        self.document = None;
        self.call(who, Action::Deleted)
    }

    /// What a read shows now.
    pub(crate) fn observation(&self) -> Observation {
        if let Some(obstacle) = self.obstacle {
            return Observation::Unknown(Unreadable { obstacle, detail: "AccessDenied: no".to_owned() });
        }
        let Some(document) = &self.document else { return Observation::Absent };
        let latest = document.versions.last().unwrap();
        let version = |number: u64| {
            let stored = document.versions.iter().find(|version| version.number == number).unwrap();
            Version { number, body: stored.body.clone() }
        };
        let info = |stored: &Stored| VersionInfo {
            number: stored.number,
            created: stored.created,
            status: if stored.number == latest.number { document.status } else { DocumentStatus::Active },
            name: stored.name.clone(),
        };
        Observation::Present(Box::new(Seen {
            document_type: document.kind.to_owned(),
            latest: version(latest.number),
            default: version(document.default),
            versions: document.versions.iter().rev().map(info).collect(),
            older_exist: false,
            between: document.versions.iter().map(|stored| (stored.number, stored.body.clone())).collect(),
            shares: None,
        }))
    }

    /// The case that an invocation puts together from the record, an observation and the calls of its message.
    pub(crate) fn case(&self, cause: Cause, calls: &[CallFact]) -> Case {
        let mut record = self.record.clone();
        let calls: Vec<CallFact> = calls.iter().map(|call| CallFact { received: self.now, ..call.clone() }).collect();
        let mut observation = self.observation();
        record.facts = merge(&record.facts, &witness::calls(&record.facts, &calls, &BTreeSet::new()));
        if let Observation::Present(seen) = &mut observation {
            seen.shares = self.asked_shares(&record.facts);
        }
        record.facts = merge(&record.facts, &witness::witness(&record.facts, &observation, self.now));
        Case {
            target: Target::new("444455556666".parse().unwrap(), self.region.parse().unwrap()),
            account_name: "search".to_owned(),
            now: self.now,
            cause,
            since: self.since,
            requeues: self.requeues,
            redelivered: self.redelivered,
            correlation: "signal".to_owned(),
            newest_call: calls.iter().map(|call| call.edit.at).max(),
            calls: calls.into_iter().map(|call| call.edit.id).collect(),
            by_member_role: self.by_member_role,
            resolution: self.resolution.clone(),
            policy: "7".to_owned(),
            limits: self.limits,
            observation,
            record,
            refused: Vec::new(),
            random: 5,
        }
    }

    /// One reconciliation, whose write lands unless writes are refused.
    pub(crate) fn reconcile(&mut self, because: Cause, reported: &[CallFact]) -> Reconciliation {
        let mut case = self.case(because, reported);
        let mut before = self.record.clone();
        let judgement = judge(&case);
        let decision = decide(&case, &judgement);
        let applied = match &decision.write {
            Some(write) => self.apply(&mut case, &mut before, write),
            None => Applied::Nothing,
        };
        let settlement = settle(&case, &judgement, &decision, &applied, &before);
        self.record = before;
        if let Some(commit) = &settlement.commit {
            assert_eq!(commit.expected, self.record.generation, "the optimistic lock");
            self.record = commit.record.clone();
        }
        self.queue.extend(settlement.next.clone().map(|(work, _)| work));
        Reconciliation { case, decision, settlement }
    }

    fn apply(&mut self, case: &mut Case, before: &mut Record, write: &Write) -> Applied {
        self.count += 1;
        let name = format!("runas-reactor-{:016x}", self.count);
        *before = log_intent(case, &name, write, before).record;
        let (applied, ended) = if let Some(refusal) = self.refusal {
            (Applied::Refused(refusal), Ended::Refused)
        } else {
            let version = self.lands(write, &name);
            let at = self.now.plus_ms(WRITE_MS);
            (Applied::Landed { version, at }, Ended::Landed(at))
        };
        case.record.facts.intents.get_mut(&name).unwrap().ended = Some(ended);
        applied
    }

    fn lands(&mut self, write: &Write, name: &str) -> u64 {
        match write {
            Write::Promote { version } => {
                self.doc().default = *version;
                *version
            }
            Write::Recreate { content } => {
                self.document = None;
                self.puts_body(Body::Valid(content.clone()), Some(name.to_owned()))
            }
            Write::Put { content, .. } => self.puts_body(Body::Valid(content.clone()), Some(name.to_owned())),
            Write::Unshare { accounts } => {
                self.doc().shares.retain(|account| !accounts.contains(account));
                self.latest()
            }
        }
    }

    /// The events of these calls arrive in one message.
    pub(crate) fn hears(&mut self, calls: &[CallFact]) -> Reconciliation {
        self.since = self.now;
        self.requeues = 0;
        self.reconcile(Cause::DocumentEvent, calls)
    }

    pub(crate) fn sweeps(&mut self) -> Reconciliation {
        self.since = self.now;
        self.requeues = 0;
        self.reconcile(Cause::Sweep, &[])
    }

    /// Works on the reactor's own messages as they fall due, until `seconds` from now.
    pub(crate) fn runs(&mut self, seconds: i64) -> Vec<Reconciliation> {
        let end = self.now.plus_ms(seconds * SECOND_MS);
        let mut reconciliations = Vec::new();
        loop {
            self.queue.sort_by_key(|work| work.not_before);
            let due = self.queue.first().and_then(|work| work.not_before).unwrap_or(self.now);
            if self.queue.is_empty() || due > end {
                break;
            }
            let work = self.queue.remove(0);
            self.now = self.now.max(due);
            (self.since, self.requeues) = (work.since, work.requeues);
            reconciliations.push(self.reconcile(work.cause, &[]));
            assert!(reconciliations.len() < 1_000, "it never rests");
        }
        self.now = end;
        reconciliations
    }

    /// The events of what the reactor itself wrote last.
    pub(crate) fn echo(&mut self) -> CallFact {
        let newest = self.record.facts.intents.values().max_by_key(|intent| intent.from).unwrap().clone();
        let action = match (newest.write, newest.number) {
            (Intended::Promote, number) => Action::DefaultMoved { version: Some(number) },
            (Intended::Unshare, _) => Action::SharingChanged,
            (_, 1) => Action::Created,
            (_, number) => Action::Updated { version: Some(number) },
        };
        let mut call = self.call(REACTOR, action);
        call.edit.at = newest.from;
        call
    }
}
