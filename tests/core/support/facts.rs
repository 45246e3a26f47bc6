//! A target's story, act by act: the versions of its document, the calls that CloudTrail reports, and the writes of the
//! reactor, as the facts that they leave.

use std::collections::BTreeMap;

use runas_reactor::domain::accepted::{Accepted, fold};
use runas_reactor::domain::attribution::pair;
use runas_reactor::domain::document::{Body, Content, parse};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::fact::{
    Base, CallFact, Delta, Echo, Ended, Facts, Intended, Intent, LastSeen, Notified, VersionFact,
};
use runas_reactor::domain::merge::merge;
use runas_reactor::domain::observation::{DocumentStatus, Observation, Seen, Version, VersionInfo};
use runas_reactor::domain::policy::Owned;
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::time::{SECOND_MS, Time};
use runas_reactor::domain::witness::witness;
use serde_json::{Value, json};

/// A value that no test may ever find accepted.
pub(crate) const HOSTILE: &str = "hostile";
/// One of the fields that a policy does not own.
pub(crate) const LOGS: &str = "cloudWatchLogGroupName";
/// Another one.
pub(crate) const KEY: &str = "kmsKeyId";
/// A third one.
pub(crate) const BUCKET: &str = "s3BucketName";

/// Seconds after the day began.
pub(crate) fn at(seconds: i64) -> Time {
    at_ms(seconds * SECOND_MS)
}

/// Milliseconds after the day began.
pub(crate) fn at_ms(ms: i64) -> Time {
    "2026-11-20T08:00:00Z".parse::<Time>().unwrap().plus_ms(ms)
}

/// The document that is accepted in most stories, with these fields set.
pub(crate) fn document(fields: &[(&str, &str)]) -> Content {
    let mut inputs = json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", LOGS: "logs" });
    for (field, value) in fields {
        inputs[*field] = json!(value);
    }
    content(&inputs)
}

/// The document with these inputs, and no others.
pub(crate) fn content(inputs: &Value) -> Content {
    let text = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs }).to_string();
    parse(&text).content().unwrap().clone()
}

/// The fields that the policy owns.
pub(crate) fn owned() -> Owned {
    BTreeMap::from([("runAsEnabled".to_owned(), json!(true)), ("runAsDefaultUser".to_owned(), json!("ops"))])
}

/// A call of this time, by a principal that the policy attributes like this.
pub(crate) fn call(action: Action, when: Time, attribution: Attribution) -> CallFact {
    let name = match attribution {
        Attribution::Trusted => "pipeline",
        Attribution::BreakGlass => "break-glass",
        Attribution::Reactor | Attribution::Untrusted | Attribution::Unattributed => "mallory",
    };
    let principal = Principal {
        kind: "AssumedRole".to_owned(),
        arn: Some(format!("arn:aws:iam::444455556666:role/{name}")),
        name: Some(name.to_owned()),
    };
    let edit = Edit {
        id: format!("{name} {action:?} {when}"),
        at: when,
        action,
        principal,
        failed: None,
        agent: "cli".to_owned(),
        source_ip: "203.0.113.9".to_owned(),
        sharing: None,
    };
    let received = when.plus_ms(5 * SECOND_MS);
    CallFact {
        edit,
        attribution,
        via_reactor_role: false,
        received,
        checked: false,
        over: false,
        notified: Notified::No,
    }
}

/// The `UpdateDocument` that made this version, at this second.
pub(crate) fn wrote(number: u64, second: i64, attribution: Attribution) -> CallFact {
    call(Action::Updated { version: Some(number) }, at(second), attribution)
}

/// A `CreateDocument` of this second.
pub(crate) fn created(second: i64, attribution: Attribution) -> CallFact {
    call(Action::Created, at(second), attribution)
}

/// A `DeleteDocument` of this second.
pub(crate) fn deleted(second: i64, attribution: Attribution) -> CallFact {
    call(Action::Deleted, at(second), attribution)
}

/// The same call through a role that the reactor works through.
pub(crate) fn via_reactor_role(call: CallFact) -> CallFact {
    CallFact { via_reactor_role: true, attribution: Attribution::Untrusted, ..call }
}

/// The same call, which was denied.
pub(crate) fn denied(mut call: CallFact) -> CallFact {
    call.edit.failed = Some("AccessDenied".to_owned());
    call
}

/// A write of the reactor that was logged at this second.
pub(crate) fn intent(write: Intended, number: u64, second: i64, content: Option<&Content>) -> Intent {
    Intent {
        write,
        number,
        digest: content.map(Content::digest),
        owned: if content.is_some() { owned() } else { Owned::new() },
        over: None,
        from: at(second),
        until: at(second + 15),
        ended: Some(Ended::Landed(at(second + 2))),
        notified: Notified::No,
    }
}

/// What is accepted by these facts.
pub(crate) fn accepted(facts: &Facts) -> Accepted {
    fold(facts, &pair(facts), &[], None)
}

/// The value of a field in what is accepted.
pub(crate) fn accepted_field(facts: &Facts, field: &str) -> Option<Value> {
    accepted(facts).content.and_then(|content| content.field(field))
}

/// A story in the making. Each act appends to the document; [`Story::facts`] is what is known at the end.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) facts: Facts,
    /// The newest version, where there is a document, and its number.
    newest: Option<(Time, u64)>,
    /// The last valid content.
    there: Content,
}

impl Story {
    /// The document is known since its version 4 of second 0, and that is accepted.
    pub(crate) fn known() -> Self {
        let there = document(&[]);
        let facts = Facts {
            base: Some(base(Some(&there), at(0), at(10))),
            last: Some(LastSeen { at: at(10), latest: Some(at(0)), default: 4 }),
            ..Facts::default()
        };
        Self { facts, newest: Some((at(0), 4)), there }
    }

    /// The account was observed at second 10, and there was no document.
    pub(crate) fn no_document() -> Self {
        let facts = Facts {
            base: Some(base(None, Time::ZERO, at(10))),
            last: Some(LastSeen { at: at(10), latest: None, default: 0 }),
            ..Facts::default()
        };
        Self { facts, newest: None, there: Content::minimal() }
    }

    /// The next version, observed a second after it was made.
    pub(crate) fn version(self, second: i64, content: &Content) -> Self {
        self.version_at(at(second), content)
    }

    /// The same, made at this time.
    pub(crate) fn version_at(self, created: Time, content: &Content) -> Self {
        let delta = if self.newest.is_none() {
            Delta::First(content.clone())
        } else {
            Delta::Change(self.there.change_to(content))
        };
        let mut story = self.append(created, delta, Some(content.digest()));
        story.there = content.clone();
        story
    }

    /// The document is deleted, and another one created.
    pub(crate) fn replaced(self, second: i64, content: &Content) -> Self {
        self.gone().version(second, content)
    }

    /// The document is deleted.
    pub(crate) fn gone(self) -> Self {
        Self { newest: None, ..self }
    }

    /// The next version, of which this is all that can be said.
    pub(crate) fn unusual(self, second: i64, delta: Delta) -> Self {
        self.unusual_at(at(second), delta)
    }

    /// The same, made at this time.
    pub(crate) fn unusual_at(self, created: Time, delta: Delta) -> Self {
        self.append(created, delta, None)
    }

    fn append(mut self, created: Time, delta: Delta, digest: Option<String>) -> Self {
        let number = self.newest.map_or(1, |(_, number)| number + 1);
        let version = VersionFact {
            number,
            previous: self.newest.map(|(created, _)| created),
            delta,
            digest,
            name: None,
            observed: created.plus_ms(SECOND_MS),
            adopted: false,
            notified: Notified::No,
        };
        self.facts.versions.insert(created, version);
        self.newest = Some((created, number));
        self
    }

    /// The reactor logs a put and writes the next version, which holds this.
    pub(crate) fn reactor(self, second: i64, content: &Content) -> Self {
        self.ours_at(at(second), content)
    }

    /// The same, made at this time.
    pub(crate) fn ours_at(self, created: Time, content: &Content) -> Self {
        let second = created.since(at(0)).div_euclid(SECOND_MS);
        let name = format!("runas-reactor-{second}");
        let story = self.version_at(created, content);
        let put = intent(Intended::Put, story.number(), second - 1, Some(content));
        story.intent(&name, put).latest(|version| version.name = Some(name))
    }

    /// The reactor logs a write.
    pub(crate) fn intent(mut self, name: &str, intent: Intent) -> Self {
        self.facts.intents.insert(name.to_owned(), intent);
        self
    }

    /// CloudTrail reports the write of the newest version, which is the reactor's, at this time; that takes three seconds.
    pub(crate) fn echo(mut self, when: Time) -> Self {
        let (created, number) = self.newest.unwrap();
        let echo = Echo { at: when, made: Some(number), received: created.plus_ms(3 * SECOND_MS) };
        self.facts.echoes.insert(format!("echo-of-{created}"), echo);
        self
    }

    /// Earlier echoes have shown that CloudTrail's clock is behind SSM's by this many seconds.
    pub(crate) fn behind_by(mut self, seconds: i64) -> Self {
        self.facts.base.as_mut().unwrap().clock_ms = Some(seconds * SECOND_MS + SECOND_MS / 2);
        self
    }

    /// Changes the newest version.
    pub(crate) fn latest(mut self, change: impl FnOnce(&mut VersionFact)) -> Self {
        let (created, _) = self.newest.unwrap();
        change(self.facts.versions.get_mut(&created).unwrap());
        self
    }

    /// CloudTrail reports a call.
    pub(crate) fn call(mut self, call: CallFact) -> Self {
        self.facts.calls.insert(call.edit.id.clone(), call);
        self
    }

    /// The number of the newest version.
    pub(crate) fn number(&self) -> u64 {
        self.newest.unwrap().1
    }

    /// The last valid content.
    pub(crate) fn there(&self) -> &Content {
        &self.there
    }

    /// What is known.
    pub(crate) fn facts(self) -> Facts {
        self.facts
    }

    /// What is accepted.
    pub(crate) fn accepted(&self) -> Accepted {
        accepted(&self.facts)
    }

    /// The value of a field in what is accepted.
    pub(crate) fn field(&self, field: &str) -> Option<Value> {
        accepted_field(&self.facts, field)
    }

    /// Whose the version of this second is.
    pub(crate) fn author(&self, second: i64) -> Attribution {
        let version = &self.facts.versions[&at(second)];
        pair(&self.facts).author(&self.facts, at(second), version).attribution()
    }
}

/// A base of this content.
pub(crate) fn base(content: Option<&Content>, until: Time, made: Time) -> Base {
    Base { content: content.cloned(), until, at: made, digest: content.map(Content::digest), ..Base::default() }
}

/// A document as SSM shows it, version by version.
#[derive(Clone, Debug)]
pub(crate) struct Doc {
    versions: Vec<(VersionInfo, Body)>,
    default: Option<u64>,
    document_type: &'static str,
}

impl Doc {
    /// A document of type Session without versions.
    pub(crate) fn new() -> Self {
        Self { versions: Vec::new(), default: None, document_type: "Session" }
    }

    /// A document of another type.
    pub(crate) fn other_type() -> Self {
        Self { document_type: "Command", ..Self::new() }
    }

    /// A version of this second.
    pub(crate) fn version(self, number: u64, second: i64, content: &Content) -> Self {
        self.body(number, second, Body::Valid(content.clone()))
    }

    /// A version that is no Session document.
    pub(crate) fn invalid(self, number: u64, second: i64) -> Self {
        self.body(number, second, Body::Invalid { why: "not a JSON object".to_owned() })
    }

    fn body(mut self, number: u64, second: i64, body: Body) -> Self {
        let info = VersionInfo { number, created: at(second), status: DocumentStatus::Active, name: None };
        self.versions.push((info, body));
        self
    }

    /// The name of the newest version.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.versions.last_mut().unwrap().0.name = Some(name.to_owned());
        self
    }

    /// The default version, where that is not the newest.
    pub(crate) fn default(self, number: u64) -> Self {
        Self { default: Some(number), ..self }
    }

    /// What is read of it: list, latest and default, and the contents of these other versions.
    pub(crate) fn read(&self, between: &[u64]) -> Seen {
        let body = |number: u64| self.versions.iter().find(|(info, _)| info.number == number).unwrap().1.clone();
        let latest = self.versions.last().unwrap().0.number;
        let default = self.default.unwrap_or(latest);
        Seen {
            document_type: self.document_type.to_owned(),
            latest: Version { number: latest, body: body(latest) },
            default: Version { number: default, body: body(default) },
            versions: self.versions.iter().rev().map(|(info, _)| info.clone()).collect(),
            older_exist: false,
            between: between.iter().map(|number| (*number, body(*number))).collect(),
            shares: None,
        }
    }

    /// Everything that can be read of it.
    pub(crate) fn seen(&self) -> Seen {
        let numbers: Vec<u64> = self.versions.iter().map(|(info, _)| info.number).collect();
        self.read(&numbers)
    }

    /// The same as an observation.
    pub(crate) fn observation(&self) -> Observation {
        Observation::Present(Box::new(self.seen()))
    }
}

/// What is known after an observation at this second.
pub(crate) fn observed(facts: &Facts, observation: &Observation, second: i64) -> Facts {
    merge(facts, &witness(facts, observation, at(second)))
}

/// The calls alone, as facts.
pub(crate) fn reported(calls: &[CallFact]) -> Facts {
    let calls = calls.iter().map(|call| (call.edit.id.clone(), call.clone())).collect();
    Facts { calls, ..Facts::default() }
}
