//! One target as a small synchronous world: the document with SSM's conditions, the ledger with its generation check, a
//! clock, an agenda, and invocations that take one step at a time, so that acts, other invocations and a crash fit between
//! any two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use runas_reactor::domain::document::{Change, Content, FieldChange};
use runas_reactor::domain::edit::{Action, Edit};
use runas_reactor::domain::fact::CallFact;
use runas_reactor::domain::policy::schema::OnSharing;
use runas_reactor::domain::policy::{Mode, Owned, Resolution};
use runas_reactor::domain::principal::Principal;
use runas_reactor::domain::record::Record;
use runas_reactor::domain::signal::{Cause, Work};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::{SECOND_MS, Time};

mod invocation;
mod notified;
mod ssm;

pub(crate) use invocation::Invocation;
pub(crate) use notified::{RaisedAlert, ToldAct};
pub(crate) use ssm::Document;

/// One step of an invocation takes this long.
pub(crate) const STEP_MS: i64 = 20;
/// A message that an invocation did not finish comes again after this (visibility timeout).
const VISIBILITY_TIMEOUT_MS: i64 = 360 * SECOND_MS;
/// The events of the reactor's own calls arrive together, at the next full second but one.
const ECHO_MS: i64 = 2 * SECOND_MS;
/// More items than any story needs: beyond it messages have no end.
const ITEMS_MAX: usize = 2_000;

/// The caller of a call on the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// The reactor.
    Reactor,
    /// A principal that the policy trusts.
    Pipeline,
    /// Any other, by the place of its act in the story.
    Mallory(usize),
}

/// A call that took place.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) actor: Actor,
    pub(crate) edit: Rc<Edit>,
    /// To the millisecond; CloudTrail tells whole seconds.
    pub(crate) at: Time,
    /// The version that it made.
    pub(crate) created: Option<Time>,
    /// What that changed: against the version before, or the whole content of a first one.
    pub(crate) wrote: Option<Wrote>,
    /// Its place in the story.
    pub(crate) event: Option<usize>,
    /// Its event arrived.
    pub(crate) arrived: bool,
    /// Its event arrives after that of a later call, or long after the call.
    pub(crate) late: bool,
}

/// What a version changed.
#[derive(Clone, Debug)]
pub(crate) enum Wrote {
    /// Fields, on top of the version before.
    Change(Change),
    /// Everything: it is the first version of its document.
    First(Content),
}

/// A message of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) work: Work,
    pub(crate) receives: u32,
}

/// One line of what took place.
#[derive(Debug)]
struct Line {
    at: Time,
    text: String,
    before: Option<Rc<Line>>,
}

/// What is due at a time.
#[derive(Clone, Debug)]
enum Item {
    /// The act at this place of the story.
    Act(usize),
    /// A message arrives.
    Message(Box<Message>),
    /// The events of the reactor's own calls up to here arrive.
    Echo,
    /// An invocation takes its next step.
    Step(u64),
}

/// What a step of the world was.
pub(crate) enum Played {
    /// The agenda is empty.
    Nothing,
    /// The act at this place is to be performed.
    Act(usize),
    /// An invocation took a step after which a crash makes a difference.
    Effect(u64),
    /// Anything else.
    Other,
}

/// The world.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) now: Time,
    pub(crate) document: Option<Document>,
    pub(crate) record: Rc<Record>,
    /// Event ids whose calls have left the record.
    pub(crate) seen: BTreeSet<String>,
    /// Alerts by their id, and whether they went out.
    pub(crate) outbox: BTreeMap<String, (Rc<RaisedAlert>, bool)>,
    /// Acts that incidents counted without showing them, and that were named at the incident's end.
    pub(crate) counted: u32,
    pub(crate) calls: Vec<Call>,
    /// Versions that some committed record knew.
    pub(crate) observed: BTreeSet<Time>,
    /// Versions that the reactor wrote.
    pub(crate) puts: u32,
    pub(crate) crashes: u32,
    /// Invocations that lost too many races and left their message to come again.
    pub(crate) given_up: u32,
    /// Promises of the write path that were broken.
    pub(crate) broken: Vec<String>,
    pub(crate) mode: Mode,
    /// What took place, the last line first.
    log: Option<Rc<Line>>,
    /// The edits that invocations received since the world was idle, and all earlier ones.
    arrived: (Vec<Edit>, Vec<Edit>),
    agenda: BTreeMap<(Time, u64), Item>,
    running: BTreeMap<u64, Rc<Invocation>>,
    echoes: Vec<Edit>,
    items: usize,
    serial: u64,
    events: u64,
    names: u64,
}

impl World {
    /// A world in which nothing was ever observed.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            now,
            document: None,
            record: Rc::new(Record::default()),
            seen: BTreeSet::new(),
            outbox: BTreeMap::new(),
            counted: 0,
            calls: Vec::new(),
            observed: BTreeSet::new(),
            puts: 0,
            crashes: 0,
            given_up: 0,
            broken: Vec::new(),
            mode: Mode::Enforce,
            log: None,
            arrived: (Vec::new(), Vec::new()),
            agenda: BTreeMap::new(),
            running: BTreeMap::new(),
            echoes: Vec::new(),
            items: 0,
            serial: 0,
            events: 0,
            names: 0,
        }
    }

    /// When the next item of the agenda is due.
    pub(crate) fn next_at(&self) -> Option<Time> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        self.log = Some(Rc::new(Line { at: self.now, text: what(), before: self.log.take() }));
    }

    /// Everything that took place, line by line.
    pub(crate) fn alerts(&self) -> String {
        let lines = std::iter::successors(self.log.as_ref(), |line| line.before.as_ref());
        let mut lines: Vec<String> = lines.map(|line| format!("{} {}", line.at, line.text)).collect();
        lines.reverse();
        lines.join("\n")
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The name of the version that the next write makes.
    fn next_name(&mut self) -> String {
        self.names += 1;
        format!("runas-reactor-{:016x}", self.names)
    }

    fn at(&mut self, at: Time, item: Item) {
        let serial = self.next_serial();
        self.agenda.insert((at.max(self.now), serial), item);
    }

    /// Puts an act of the story on the agenda.
    pub(crate) fn schedule_act(&mut self, at: Time, place: usize) {
        self.at(at, Item::Act(place));
    }

    /// Puts the event of a call on its way.
    pub(crate) fn deliver(&mut self, at: Time, edits: Vec<Edit>) {
        let since = edits.iter().map(|edit| edit.at).min().unwrap_or(at);
        let correlation = edits.first().map_or_else(String::new, |edit| edit.id.clone());
        let work = Work { cause: Cause::DocumentEvent, edits, correlation, since, ..work(at) };
        self.at(at, Item::Message(Box::new(Message { work, receives: 0 })));
    }

    /// Puts a sweep on its way.
    pub(crate) fn sweep(&mut self, at: Time) {
        self.at(at, Item::Message(Box::new(Message { work: work(at), receives: 0 })));
    }

    /// Plays what is due next.
    pub(crate) fn play(&mut self) -> Played {
        let Some(((at, _), item)) = self.agenda.pop_first() else { return Played::Nothing };
        self.now = self.now.max(at);
        self.items += 1;
        if self.items > ITEMS_MAX {
            self.agenda.clear();
            self.broken.push("messages have no end".to_owned());
            return Played::Nothing;
        }
        match item {
            Item::Act(place) => return Played::Act(place),
            Item::Message(message) => self.receive(*message),
            Item::Echo => {
                let edits = std::mem::take(&mut self.echoes);
                self.deliver(self.now, edits);
            }
            Item::Step(id) => return self.step(id),
        }
        Played::Other
    }

    /// Starts the story: earlier events are no part of it.
    pub(crate) fn begin(&mut self, now: Time) {
        self.arrived = (Vec::new(), Vec::new());
        self.now = now;
        self.calls.clear();
        self.outbox.clear();
        self.counted = 0;
        self.puts = 0;
        self.log = None;
    }

    /// Plays until nothing is due any more. Acts do not occur.
    pub(crate) fn rest(&mut self) {
        while !matches!(self.play(), Played::Nothing) {}
    }

    fn receive(&mut self, mut message: Message) {
        if let Some(until) = message.work.not_before.filter(|until| *until > self.now) {
            message.work.requeues += 1;
            self.send(message.work, until);
            return;
        }
        message.receives += 1;
        self.arrived.0.extend(message.work.edits.iter().cloned());
        let id = self.next_serial();
        self.running.insert(id, Rc::new(Invocation::new(message)));
        self.at(self.now, Item::Step(id));
    }

    /// Sends a message of the reactor's own.
    fn send(&mut self, work: Work, at: Time) {
        self.at(at, Item::Message(Box::new(Message { work, receives: 0 })));
    }

    fn step(&mut self, id: u64) -> Played {
        let Some(invocation) = self.running.remove(&id) else { return Played::Other };
        let invocation = Rc::try_unwrap(invocation).unwrap_or_else(|shared| (*shared).clone());
        let (next, effect) = invocation.step(self);
        if let Some((next, pause)) = next {
            self.running.insert(id, Rc::new(next));
            self.at(self.now.plus_ms(pause), Item::Step(id));
        } else if effect {
            // Only its message is left, which goes away when the invocation answers.
            return Played::Other;
        }
        if effect { Played::Effect(id) } else { Played::Other }
    }

    /// Whether an invocation has logged an intent, and is not through with its write.
    pub(crate) fn is_writing(&self, id: u64) -> bool {
        self.running.get(&id).is_some_and(|invocation| invocation.is_writing())
    }

    /// Copies of all events that were worked on say nothing new: an invocation with them leaves what one without any event
    /// leaves. So stories in which more copies arrive need not be played: each is one more observation.
    pub(crate) fn copies_change(&mut self) -> Option<String> {
        if !self.running.is_empty() || self.arrived.0.is_empty() {
            return None;
        }
        let (news, known) = &mut self.arrived;
        known.append(news);
        let (with, without) = (self.after(self.arrived.1.clone()), self.after(Vec::new()));
        let alerts = |world: &Self| world.outbox.keys().cloned().collect::<Vec<_>>();
        let same = with.record == without.record && with.puts == without.puts && alerts(&with) == alerts(&without);
        let differ = || differ(&with.record, &without.record);
        (!same).then(|| {
            format!("copies of {} events changed something at {}: {}", self.arrived.1.len(), self.now, differ())
        })
    }

    /// The world after one more invocation.
    fn after(&self, edits: Vec<Edit>) -> Self {
        let mut other = self.clone();
        other.agenda.clear();
        other.deliver(self.now, edits);
        other.play();
        while !other.running.is_empty() {
            other.play();
        }
        other
    }

    /// An invocation stops where it is; its message comes again.
    pub(crate) fn crash(&mut self, id: u64) {
        if let Some(invocation) = self.running.remove(&id) {
            self.crashes += 1;
            self.tell(|| "an invocation stops".to_owned());
            self.agenda.retain(|_, item| !matches!(item, Item::Step(step) if *step == id));
            self.comes_again(invocation.message.clone());
        }
    }

    fn comes_again(&mut self, message: Message) {
        let again = |edit: &Edit| !message.work.edits.contains(edit);
        self.arrived.0.retain(again);
        self.arrived.1.retain(again);
        self.at(self.now.plus_ms(VISIBILITY_TIMEOUT_MS), Item::Message(Box::new(message)));
    }

    /// The event of a call of the reactor's own.
    fn echo(&mut self, edit: &Edit) {
        if self.echoes.is_empty() {
            let second = Time::from_ms(self.now.ms() / SECOND_MS * SECOND_MS);
            self.at(second.plus_ms(ECHO_MS), Item::Echo);
        }
        self.echoes.push(edit.clone());
    }

    /// Notes a call, and gives what CloudTrail reports of it.
    pub(crate) fn log(
        &mut self,
        actor: Actor,
        action: Action,
        created: Option<Time>,
        wrote: Option<Wrote>,
    ) -> Rc<Edit> {
        self.events += 1;
        let edit = Rc::new(Edit {
            id: format!("e{}", self.events),
            at: Time::from_ms(self.now.ms() / SECOND_MS * SECOND_MS),
            action,
            principal: principal(actor),
            failed: None,
            agent: String::new(),
            source_ip: String::new(),
            sharing: None,
        });
        self.tell(|| format!("{} {} {:?}", actor.name(), action.in_words(), edit.id));
        let edit_of = Rc::clone(&edit);
        self.calls.push(Call {
            actor,
            edit: edit_of,
            at: self.now,
            created,
            wrote,
            event: None,
            arrived: false,
            late: false,
        });
        edit
    }
}

impl Call {
    /// The call as a fact.
    pub(crate) fn reported(&self, at: Time) -> CallFact {
        invocation::call_fact(&self.edit, at)
    }
}

impl Actor {
    /// What alerts call it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Reactor => "runas-hub".to_owned(),
            Self::Pipeline => "pipeline".to_owned(),
            Self::Mallory(place) => format!("mallory-{place}"),
        }
    }
}

fn principal(actor: Actor) -> Principal {
    let name = actor.name();
    Principal {
        kind: "IAMUser".to_owned(),
        arn: Some(format!("arn:aws:iam::111111111111:user/{name}")),
        name: Some(name),
    }
}

fn work(now: Time) -> Work {
    Work {
        target: target(),
        cause: Cause::Sweep,
        edits: Vec::new(),
        correlation: "sweep".to_owned(),
        since: now,
        requeues: 0,
        not_before: None,
    }
}

pub(crate) fn target() -> Target {
    Target::new("111111111111".parse().expect("an account"), "eu-west-1".parse().expect("a region"))
}

/// What the policy owns.
pub(crate) fn owned() -> Owned {
    Owned::from([("runAsEnabled".to_owned(), true.into()), ("runAsDefaultUser".to_owned(), "ops".into())])
}

fn resolution(mode: Mode) -> Resolution {
    Resolution { mode, owned: owned(), reason: "defaults".to_owned(), exemption: None, sharing: OnSharing::Alert }
}

/// The lines in which two records differ.
fn differ(one: &Record, other: &Record) -> String {
    let text = |record: &Record| serde_json::to_string_pretty(record).unwrap_or_default();
    let (one, other) = (text(one), text(other));
    let only = |these: &str, those: &str| {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.map(str::trim).collect::<Vec<_>>().join(" ")
    };
    format!("+ {} - {}", only(&one, &other), only(&other, &one))
}

/// The same content with a field set.
pub(crate) fn with(content: &Content, field: &str, value: &str) -> Content {
    let change = FieldChange { field: field.to_owned(), from: None, to: Some(value.into()) };
    content.with_change(&vec![change])
}
