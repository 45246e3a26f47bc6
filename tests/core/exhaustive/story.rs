//! Stories: foreign acts on a document in sync, every order in which their events arrive, and one crash.
//!
//! Stories that begin alike are played together up to where they part: before each arrival there is one story for each event
//! that may come next, and one in which all others are lost; after each step of an invocation there is one in which it stops.

use std::cell::RefCell;
use std::collections::BTreeMap;

use runas_reactor::domain::document::{Body, Content, parse};
use runas_reactor::domain::fact::Facts;
use runas_reactor::domain::time::{HOUR_MS, MINUTE_MS, SECOND_MS, Time};

use super::check::check;
use super::order::Learned;
use crate::support::world::{Actor, Played, World, with};

/// A foreign act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HostileEdit,
    TrustedEdit,
    /// What a pipeline read while a hostile version was the latest, with its own change, on top of what is there by now.
    TrustedCopy,
    Rollback,
    HostileDeletion,
    HostileRecreation,
    TrustedDeletion,
    TrustedRecreation,
}

/// How acts and events are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timing {
    name: &'static str,
    /// Between two acts.
    acts_ms: i64,
    /// Between the two calls of one act.
    calls_ms: i64,
    /// From a call to its event, at the least.
    latency_ms: i64,
    /// Between the arrivals of two events.
    arrivals_ms: i64,
}

/// Between the steps of one invocation.
pub(crate) const BURST: Timing = Timing { name: "burst", acts_ms: 100, calls_ms: 10, latency_ms: 50, arrivals_ms: 10 };
/// Minutes apart: each act is answered before the next, unless its event is late.
pub(crate) const CALM: Timing = Timing {
    name: "calm",
    acts_ms: 2 * MINUTE_MS,
    calls_ms: 1_500,
    latency_ms: 3 * SECOND_MS,
    arrivals_ms: 5 * SECOND_MS,
};
/// Acts between the steps of one invocation, and events that straggle in.
pub(crate) const STRAGGLING: Timing =
    Timing { name: "straggling", acts_ms: 120, calls_ms: 10, latency_ms: 50, arrivals_ms: 90 * SECOND_MS };
/// Events that arrive when versions are not presumed right any more.
pub(crate) const LATE: Timing = Timing {
    name: "late",
    acts_ms: MINUTE_MS,
    calls_ms: 1_500,
    latency_ms: 11 * MINUTE_MS,
    arrivals_ms: 4 * MINUTE_MS,
};

/// Where an invocation stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crashes {
    /// Nowhere.
    Never,
    /// After each step of a write, while its intent is open.
    #[allow(dead_code, reason = "three acts need it, which `wide` plays")]
    Writing,
    /// After each step that leaves something behind, and before the first one.
    Anywhere,
}

/// What becomes of the stories of some acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    pub(crate) timing: Timing,
    /// How often an event may arrive.
    pub(crate) arrivals: usize,
    /// Whether one may not arrive at all.
    pub(crate) losses: bool,
    pub(crate) crashes: Crashes,
    /// The two events of one act arrive one after the other, if both do.
    pub(crate) adjacent: bool,
    /// All hostile acts are of one principal; otherwise each is of another.
    pub(crate) one_principal: bool,
    /// The one order of events that is played; otherwise each.
    pub(crate) only: Option<&'static [usize]>,
}

/// Each event arrives once or never, and no invocation stops.
pub(crate) const ONCE: Scope = Scope {
    timing: BURST,
    arrivals: 1,
    losses: true,
    crashes: Crashes::Never,
    adjacent: false,
    one_principal: false,
    only: None,
};

/// How many cases were played, and what went wrong in them.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) cases: u64,
    failed: u64,
    /// An example of each kind of failure, and how many there are.
    examples: BTreeMap<String, (u64, String)>,
}

/// The stories of a sequence of acts.
struct Stories<'a> {
    acts: &'a [Kind],
    scope: Scope,
    calls: Vec<Due>,
    began: Time,
}

/// One call of an act: the act's place, which of its calls, and when, from the beginning.
#[derive(Clone, Copy)]
struct Due {
    place: usize,
    second: bool,
    at: i64,
}

/// Stories up to where they part.
#[derive(Clone)]
struct Node {
    world: World,
    /// The events that arrived, in their order.
    arrived: Vec<usize>,
    /// When the last one did, from the beginning.
    last: i64,
    /// Steps so far after which an invocation may stop, and the one after which it did.
    steps: usize,
    crash: Option<usize>,
}

/// An event that arrives within this time of its call is not late.
const PROMPT_MS: i64 = 3 * SECOND_MS;

/// Plays all stories of a sequence of acts.
pub(super) fn play_all(acts: &[Kind], scope: Scope, tally: &mut Tally) {
    let mut world = in_sync();
    let calls = calls(acts, scope.timing);
    let began = world.now;
    for (event, due) in calls.iter().enumerate() {
        world.schedule_act(began.plus_ms(due.at), event);
    }
    let stories = Stories { acts, scope, calls, began };
    let node = Node { world, arrived: Vec::new(), last: i64::MIN / 2, steps: 0, crash: None };
    stories.part(&node, tally);
}

/// What is known before the acts, an observation after each call, and each call with the number of observations before it.
/// Nothing is answered.
pub(super) fn acted(acts: &[Kind], timing: Timing) -> (Facts, Learned) {
    let mut world = in_sync();
    let scope = Scope {
        timing,
        arrivals: 1,
        losses: false,
        crashes: Crashes::Never,
        adjacent: false,
        one_principal: false,
        only: None,
    };
    let stories = Stories { acts, scope, calls: calls(acts, timing), began: world.now };
    let mut observations = Vec::new();
    for (event, due) in stories.calls.iter().enumerate() {
        world.now = world.now.max(stories.began.plus_ms(due.at));
        stories.act(&mut world, event);
        observations.push((world.now.plus_ms(5), world.observed_now()));
    }
    let received = world.now.plus_ms(MINUTE_MS);
    let calls = world.calls.iter().filter_map(|call| Some((call.event?, call.reported(received)))).collect();
    (world.record.facts.clone(), Learned { observations, calls })
}

fn calls(acts: &[Kind], timing: Timing) -> Vec<Due> {
    let begins = (0_i64..).map(|place| place * timing.acts_ms);
    let each = acts.iter().zip(begins).enumerate().flat_map(|(place, (kind, at))| {
        let first = Due { place, second: false, at };
        let second = Due { place, second: true, at: at + timing.calls_ms };
        [Some(first), Some(second).filter(|_| kind.calls() == 2)]
    });
    each.flatten().collect()
}

impl Stories<'_> {
    /// One story for each event that may arrive next, and one in which no other does.
    fn part(&self, node: &Node, tally: &mut Tally) {
        for event in 0..self.calls.len() {
            if self.may_arrive(node, event) {
                self.play(node.clone(), Some(event), tally);
            }
        }
        let ends = self.scope.only.is_none_or(|order| order == node.arrived);
        if ends && (self.scope.losses || !node.loses()) {
            self.play(node.clone(), None, tally);
        }
    }

    fn may_arrive(&self, node: &Node, event: usize) -> bool {
        let times = node.arrived.iter().filter(|arrived| **arrived == event).count();
        let place = |event: usize| self.calls[event].place;
        let of_one_act = |one: usize, other: usize| one != other && place(one) == place(other);
        let parted = node.arrived.iter().rev().skip(1).any(|arrived| of_one_act(*arrived, event));
        let next = |order: &[usize]| order.get(node.arrived.len()) == Some(&event);
        times < self.scope.arrivals && self.scope.only.is_none_or(next) && !(self.scope.adjacent && parted)
    }

    /// Plays until the event arrives, or to the end, and from each crash on the way.
    fn play(&self, mut node: Node, event: Option<usize>, tally: &mut Tally) {
        let timing = self.scope.timing;
        let arrival = event.map(|event| (self.calls[event].at + timing.latency_ms).max(node.last + timing.arrivals_ms));
        let until = arrival.map(|at| self.began.plus_ms(at));
        while let Some(at) = node.world.next_at() {
            if until.is_some_and(|until| at >= until) {
                break;
            }
            match node.world.play() {
                Played::Act(call) => self.act(&mut node.world, call),
                Played::Effect(id) => self.crash(&mut node, id, event, tally),
                Played::Nothing | Played::Other => {}
            }
        }
        match (event, arrival) {
            (Some(event), Some(arrival)) if self.arrive(&mut node, event, arrival) => self.part(&node, tally),
            (Some(_), _) => {}
            (None, _) => self.end(node, tally),
        }
    }

    fn crash(&self, node: &mut Node, id: u64, event: Option<usize>, tally: &mut Tally) {
        let here = match self.scope.crashes {
            Crashes::Never => false,
            Crashes::Writing => node.world.is_writing(id),
            Crashes::Anywhere => true,
        };
        node.steps += 1;
        if here && node.crash.is_none() {
            let mut stopped = node.clone();
            stopped.crash = Some(node.steps);
            stopped.world.crash(id);
            self.play(stopped, event, tally);
        }
    }

    /// The event of a call arrives; none where the call was refused.
    fn arrive(&self, node: &mut Node, event: usize, arrival: i64) -> bool {
        let Some(call) = node.world.calls.iter_mut().find(|call| call.event == Some(event)) else { return false };
        call.arrived = true;
        call.late |= !node.arrived.contains(&event) && arrival > self.calls[event].at + PROMPT_MS;
        let edit = (*call.edit).clone();
        node.world.deliver(self.began.plus_ms(arrival), vec![edit]);
        node.arrived.push(event);
        node.last = arrival;
        true
    }

    /// One sweep afterwards.
    fn end(&self, mut node: Node, tally: &mut Tally) {
        if node.loses() && !self.scope.losses {
            return;
        }
        let whole = self.scope.arrivals == 1 && node.crash.is_none();
        let copies = if whole { node.world.copies_change() } else { None };
        node.world.sweep(node.world.now.plus_ms(6 * HOUR_MS));
        node.world.rest();
        tally.cases += 1;
        let wrong: Vec<String> = check(&node.world).into_iter().chain(copies).collect();
        if let Some(first) = wrong.first() {
            let kind = first.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
            tally.failed += 1;
            tally.examples.entry(kind).or_insert_with(|| (0, self.tell(&node, &wrong))).0 += 1;
        }
    }

    fn tell(&self, node: &Node, wrong: &[String]) -> String {
        let Node { arrived, crash, .. } = node;
        let story = format!("{:?} {}, arriving {arrived:?}, crash {crash:?}", self.acts, self.scope.timing.name);
        format!("{story}:\n  {}\n{}", wrong.join("\n  "), node.world.alerts())
    }

    /// One call of an act.
    fn act(&self, world: &mut World, event: usize) {
        let Due { place, second, .. } = self.calls[event];
        let kind = self.acts[place];
        let actor = kind.actor(if self.scope.one_principal { 0 } else { place });
        let latest = world.document.as_ref().map(|document| document.latest().clone());
        let base = latest.as_ref().map(|latest| latest.number);
        let there = latest.map_or_else(template, |latest| latest.content.clone());
        let edit = match (kind, second) {
            (Kind::HostileEdit, _) => world.write(actor, base, hostile(&there, place), None),
            (Kind::TrustedEdit, _) => world.write(actor, base, with(&there, &format!("b{place}"), "ok"), None),
            (Kind::TrustedCopy, _) => {
                world.write(actor, base, with(&read_before(world, there), &format!("b{place}"), "ok"), None)
            }
            (Kind::Rollback, _) => world.promote(actor, 1),
            (Kind::HostileDeletion | Kind::TrustedDeletion, _)
            | (Kind::HostileRecreation | Kind::TrustedRecreation, false) => world.delete(actor),
            (Kind::HostileRecreation, true) => world.write(actor, None, hostile(&template(), place), None),
            (Kind::TrustedRecreation, true) => {
                world.write(actor, None, with(&template(), &format!("c{place}"), "ok"), None)
            }
        };
        if edit.is_some() {
            world.calls.last_mut().expect("the call").event = Some(event);
        }
    }
}

impl Node {
    /// The event of some call did not arrive.
    fn loses(&self) -> bool {
        self.world.calls.iter().any(|call| call.event.is_some() && !call.arrived)
    }
}

impl Kind {
    fn calls(self) -> usize {
        match self {
            Self::HostileRecreation | Self::TrustedRecreation => 2,
            Self::HostileEdit
            | Self::TrustedEdit
            | Self::TrustedCopy
            | Self::Rollback
            | Self::HostileDeletion
            | Self::TrustedDeletion => 1,
        }
    }

    fn actor(self, place: usize) -> Actor {
        match self {
            Self::TrustedEdit | Self::TrustedCopy | Self::TrustedDeletion | Self::TrustedRecreation => Actor::Pipeline,
            Self::HostileEdit | Self::Rollback | Self::HostileDeletion | Self::HostileRecreation => {
                Actor::Mallory(place)
            }
        }
    }
}

impl Tally {
    /// All cases ended right.
    pub(super) fn assert_right(&self) {
        let like = |(count, example): &(u64, String)| format!("{count} like {example}");
        let examples: Vec<String> = self.examples.values().map(like).collect();
        assert!(self.failed == 0, "{} of {} cases\n{}", self.failed, self.cases, examples.join("\n"));
    }
}

/// The content of the newest hostile version, if there is one.
fn read_before(world: &World, there: Content) -> Content {
    let versions = world.document.iter().flat_map(|document| document.versions.values().rev());
    let hostile = |content: &Content| content.input("a").is_some_and(|value| value != "ok");
    versions.map(|version| version.content.clone()).find(hostile).unwrap_or(there)
}

/// A field that the policy does not own, and one that it owns.
fn hostile(content: &Content, place: usize) -> Content {
    with(&with(content, "a", &format!("evil-{place}")), "runAsDefaultUser", &format!("evil-{place}"))
}

/// What a pipeline writes where there is no document.
pub(super) fn template() -> Content {
    let text =
        r#"{"schemaVersion":"1.0","sessionType":"Standard_Stream","inputs":{"a":"ok","z":"ok","runAsEnabled":false}}"#;
    match parse(text) {
        Body::Valid(content) => content,
        Body::Invalid { why } => panic!("{why}"),
    }
}

thread_local! {
    static IN_SYNC: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// The document in sync at a version of the reactor's on top of a pipeline's.
fn in_sync() -> World {
    IN_SYNC.with_borrow_mut(|kept| kept.get_or_insert_with(found_in_sync).clone())
}

fn found_in_sync() -> World {
    let mut world = World::new("2026-10-01T09:00:00Z".parse().expect("a time"));
    world.write(Actor::Pipeline, None, template(), None).expect("the first version");
    for minutes in [30, 60] {
        world.sweep(world.now.plus_ms(minutes * MINUTE_MS));
        world.rest();
    }
    world.begin("2026-10-01T12:00:00.400Z".parse().expect("a time"));
    let document = world.document.as_ref().expect("a document");
    assert_eq!((document.latest().number, document.default), (2, 2));
    world
}
