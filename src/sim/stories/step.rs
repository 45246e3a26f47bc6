//! The steps of a story. They are drawn without regard to the organisation, so that leaving out one keeps the others.

use std::fmt;

use crate::ports::FaultClass;
use crate::sim::faults::InjectedFault;
use crate::sim::{Duplicates, Fate, Switches};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Time passes, in milliseconds.
    Pass(u32),
    /// Time passes until the queue is empty.
    Rest,
    /// An actor acts on a document.
    Act(TargetIndex, Actor, Op),
    /// Decides the delivery of the next event.
    Fate(Fate),
    /// The nth call of the reactor from now on meets a fault.
    Fault(u8, InjectedFault),
    /// The next invocation is limited to this long, in milliseconds.
    Deadline(u32),
    /// An undecodable message arrives.
    Garbage,
    /// An account is created.
    Vend,
    /// An account moves to an OU, both by their place in the list.
    Move(u8, u8),
    /// An account leaves the organisation.
    Leave(u8),
    /// An account that left comes back.
    Rejoin(u8),
    /// An account is closed.
    Close(u8),
    /// An administrator of the first account forges an event of the management account about the second.
    Forge(u8, u8),
    /// The member role of an account can no longer be assumed.
    Lock(u8),
    /// The member role can be assumed again.
    Unlock(u8),
    /// A region of an account is disabled.
    Off(TargetIndex),
    /// It is enabled again.
    On(TargetIndex),
    /// Another policy is pushed.
    Push(bool),
    /// The schedule fires.
    Sweep,
}

/// An account and a region, by their places in the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TargetIndex {
    pub(super) account: u8,
    pub(super) region: u8,
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// An administrator, by number.
    Mallory(u16),
    /// An administrator whose session is named like the reactor's.
    Impostor(u16),
    /// An on-call engineer.
    BreakGlass(u16),
    /// The pipeline.
    Pipeline,
}

/// An act on the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Run As off, and a field that the policy does not own set to a value with this number.
    Edit(u16),
    /// The same, without making the new version the default.
    EditBehind(u16),
    /// The default moves back by this many versions.
    MoveDefault(u8),
    /// The document is deleted.
    Delete,
    /// The version this many before the latest is deleted.
    DeleteVersion(u8),
    /// The document is deleted and recreated.
    Recreate(u16),
    /// The document is deleted and recreated with another type.
    OtherType,
    /// A version that is no Session document.
    Invalid,
    /// The reactor's last text with one field changed, under a version name like the reactor's.
    CopyOurs(u16),
    /// This many versions in a row.
    Fill(u8),
    /// A call that fails.
    Fail,
    /// An edit by an administrator, and at once the pipeline's edit on top of it.
    EditThenPipeline(u16),
    /// The document is shared with an account of this number.
    Share(u16),
    /// The write of LZA from 1.14 on.
    Lza(u16),
    /// The write of LZA up to 1.13.
    OldLza(u16),
    /// The write of the AWS sample.
    Sample(u16),
}

/// A seeded random generator (`SplitMix64`).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd6e8_feb8_6659_fd93))
    }

    pub(super) fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0) % n.max(1)
    }

    fn small(&mut self, n: u8) -> u8 {
        u8::try_from(self.below(u32::from(n))).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        let at = usize::try_from(self.below(u32::try_from(from.len()).unwrap_or(1))).unwrap_or(0);
        from.get(at).copied().unwrap_or(otherwise)
    }
}

/// The main subject of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Everything at once.
    Mixed,
    /// Few acts, and many faults between calls.
    Faults,
    /// Administrators against the reactor, again and again.
    War,
    /// Pipelines of every age, and administrators between their writes.
    Pipelines,
    /// Accounts that come, move and go.
    Accounts,
    /// Events that arrive late, twice, long after, or never.
    Delivery,
}

impl Scenario {
    /// All scenarios, in the order in which seeds use them.
    pub(super) const ALL: [Self; 6] =
        [Self::Mixed, Self::Faults, Self::War, Self::Pipelines, Self::Accounts, Self::Delivery];

    /// Relative weights of acts, faults, event fates and account changes.
    fn weights(self) -> [u32; 4] {
        match self {
            Self::Mixed => [10, 5, 5, 3],
            Self::Faults => [6, 14, 1, 1],
            Self::War => [20, 1, 1, 0],
            Self::Pipelines => [14, 2, 3, 0],
            Self::Accounts => [6, 3, 2, 12],
            Self::Delivery => [8, 1, 12, 1],
        }
    }
}

/// Accounts at the beginning of a drawn story, beside the management account.
pub(crate) const ACCOUNTS: usize = 4;

/// A story: its switches and its steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Story {
    pub(crate) seed: u64,
    pub(crate) scenario: Scenario,
    pub(crate) switches: Switches,
    /// Accounts at the beginning, at most [`ACCOUNTS`]; the management account comes in addition.
    pub(crate) accounts: usize,
    pub(crate) steps: Vec<Step>,
}

impl Story {
    /// Draws the story of a seed.
    pub(crate) fn draw(seed: u64, scenario: Option<Scenario>) -> Self {
        let mut dice = Dice::new(seed);
        let drawn = dice.pick(&Scenario::ALL, Scenario::Mixed);
        let scenario = scenario.unwrap_or(drawn);
        // Drawn from separate dice, so that these settings do not change the rest of a story.
        let torn_ms = Dice::new(!seed).pick(&[0, 0, 80, 400], 0);
        let skew_ms =
            Dice::new(seed.rotate_left(32)).pick(&[0, 0, 0, -60_000, -7_000, -2_000, 2_000, 7_000, 60_000], 0);
        let slow_ms = Dice::new(!seed.rotate_left(32)).pick(&[0, 0, 1_500], 0);
        let switches = Switches { torn_ms, skew_ms, slow_ms, ..switches(&mut dice) };
        // A single recurring attacker, a few, or a new one each time.
        let foes = dice.pick(&[1, 3, u16::MAX], 3);
        let mut steps = Vec::new();
        for number in 0..10 + dice.below(50) {
            let number = u16::try_from(number).unwrap_or(0);
            steps.push(draw(&mut dice, scenario, number, foes));
            steps.push(pause(&mut dice));
        }
        share(&mut Dice::new(seed.rotate_left(16)), &mut steps);
        Self { seed, scenario, switches, accounts: ACCOUNTS, steps }
    }
}

/// Shares the document in a third of all stories, a few times. The dice are separate, so that the other steps stay.
fn share(dice: &mut Dice, steps: &mut Vec<Step>) {
    if dice.below(3) > 0 {
        return;
    }
    for number in 0..=u16::from(dice.small(4)) {
        let place = TargetIndex { account: dice.pick(&[0, 0, 0, 1, 4], 0), region: dice.pick(&[0, 0, 0, 1], 0) };
        let actor = match dice.below(8) {
            0 => Actor::BreakGlass(number),
            1 => Actor::Impostor(number),
            2 | 3 => Actor::Pipeline,
            _ => Actor::Mallory(number),
        };
        let at = dice.below(u32::try_from(steps.len()).unwrap_or(0));
        let act = Step::Act(place, actor, Op::Share(number));
        steps.insert(usize::try_from(at).unwrap_or(0), act);
    }
}

fn switches(dice: &mut Dice) -> Switches {
    let duplicates = dice.pick(&[Duplicates::Latest, Duplicates::Any, Duplicates::AnyMeaning], Duplicates::Latest);
    Switches {
        duplicates,
        pending_reads: dice.pick(&[0, 0, 1, 2, 5], 0),
        stale_ms: dice.pick(&[0, 0, 700, 1_500, 3_000], 0),
        versions_max: dice.pick(&[1_000, 1_000, 70], 1_000),
        ..Switches::PLAIN
    }
}

fn pause(dice: &mut Dice) -> Step {
    match dice.below(40) {
        0 => Step::Rest,
        1..=3 => Step::Pass(60_000 * (1 + dice.below(90))),
        4..=12 => Step::Pass(1_000 * (1 + dice.below(60))),
        13..=20 => Step::Pass(0),
        _ => Step::Pass(dice.below(4_000)),
    }
}

fn draw(dice: &mut Dice, scenario: Scenario, number: u16, foes: u16) -> Step {
    let weights = scenario.weights();
    let mut left = dice.below(weights.iter().sum());
    let mut kind = 0;
    for weight in weights {
        if left < weight {
            break;
        }
        left -= weight;
        kind += 1;
    }
    match kind {
        0 => act(dice, scenario, number, foes),
        1 => fault(dice),
        2 => fate(dice),
        _ => news(dice),
    }
}

fn act(dice: &mut Dice, scenario: Scenario, number: u16, foes: u16) -> Step {
    // Most steps concern one place, because conflicts arise there.
    let account = dice.pick(&[0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6], 0);
    let place = TargetIndex { account, region: dice.pick(&[0, 0, 0, 1], 0) };
    let trusted = match scenario {
        Scenario::War => dice.below(12) == 0,
        Scenario::Pipelines => dice.below(2) == 0,
        _ => dice.below(3) == 0,
    };
    if trusted {
        let op = match dice.below(12) {
            0..=4 => Op::Lza(number),
            5 | 6 => Op::OldLza(number),
            7 | 8 => Op::Sample(number),
            9 => Op::Delete,
            10 => Op::Edit(number),
            _ => Op::Recreate(number),
        };
        return Step::Act(place, Actor::Pipeline, op);
    }
    let foe = number % foes;
    let actor = match dice.below(12) {
        0 => Actor::BreakGlass(foe),
        1 | 2 => Actor::Impostor(foe),
        _ => Actor::Mallory(foe),
    };
    let op = match dice.below(24) {
        0..=6 => Op::Edit(number),
        7 | 8 => Op::EditBehind(number),
        9..=11 => Op::MoveDefault(1 + dice.small(3)),
        12 | 13 => Op::Delete,
        14 => Op::DeleteVersion(1 + dice.small(3)),
        15 | 16 => Op::Recreate(number),
        17 => Op::OtherType,
        18 => Op::Invalid,
        19 => Op::CopyOurs(number),
        20 => Op::Fill(dice.pick(&[3, 9, 12, 60], 3)),
        21 => Op::Fail,
        _ => Op::EditThenPipeline(number),
    };
    Step::Act(place, actor, op)
}

fn fault(dice: &mut Dice) -> Step {
    match dice.below(20) {
        0 => Step::Garbage,
        1 => Step::Deadline(1_500 + dice.below(900)),
        _ => {
            let fault = match dice.below(12) {
                0 => InjectedFault::Refused(FaultClass::Denied),
                1 => InjectedFault::Refused(FaultClass::DeniedByScp),
                2 | 3 => InjectedFault::Refused(FaultClass::Throttled),
                4 => InjectedFault::TimeoutBefore,
                5..=7 => InjectedFault::TimeoutAfter,
                8 | 9 => InjectedFault::StopBefore,
                _ => InjectedFault::StopAfter,
            };
            Step::Fault(1 + dice.small(24), fault)
        }
    }
}

fn fate(dice: &mut Dice) -> Step {
    Step::Fate(match dice.below(12) {
        0 | 1 => Fate::Prompt,
        2 | 3 => Fate::Twice,
        4..=6 => Fate::Late(5 + dice.below(120)),
        7 => Fate::Late(600 + dice.below(23 * 3_600)),
        8 => Fate::Replayed(3_600 + dice.below(72 * 3_600)),
        _ => Fate::Lost,
    })
}

fn news(dice: &mut Dice) -> Step {
    let account = dice.small(7);
    let place = TargetIndex { account, region: dice.small(2) };
    match dice.below(18) {
        0..=2 => Step::Vend,
        3..=5 => Step::Move(account, dice.small(3)),
        6 => Step::Leave(account),
        7 | 8 => Step::Rejoin(account),
        9 => Step::Lock(account),
        10 | 11 => Step::Unlock(account),
        12 => Step::Off(place),
        13 => Step::On(place),
        14 => Step::Push(dice.below(2) == 0),
        15 => Step::Forge(account, dice.small(7)),
        16 if dice.below(4) == 0 => Step::Close(account),
        _ => Step::Sweep,
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass(ms) => write!(f, "{} s pass", f64::from(*ms) / 1000.0),
            Self::Rest => f.write_str("time passes until the queue is empty"),
            Self::Act(place, actor, op) => write!(f, "in {place}, {actor}: {op:?}"),
            Self::Fate(fate) => write!(f, "the next event: {fate:?}"),
            Self::Fault(nth, fault) => write!(f, "call {nth} of the reactor from now on: {fault:?}"),
            Self::Deadline(ms) => write!(f, "the next invocation has {ms} ms"),
            Self::Garbage => f.write_str("a message that cannot be decoded"),
            Self::Vend => f.write_str("a new account"),
            Self::Move(account, ou) => write!(f, "account {account} moves to OU {ou}"),
            Self::Leave(account) => write!(f, "account {account} leaves"),
            Self::Rejoin(account) => write!(f, "account {account} comes back"),
            Self::Close(account) => write!(f, "account {account} is closed"),
            Self::Forge(from, about) => write!(f, "account {from} forges news of account {about}"),
            Self::Lock(account) => write!(f, "account {account}: the member role is gone"),
            Self::Unlock(account) => write!(f, "account {account}: the member role works"),
            Self::Off(place) => write!(f, "{place}: the region is switched off"),
            Self::On(place) => write!(f, "{place}: the region is switched on"),
            Self::Push(other) => write!(f, "the {} policy is pushed", if *other { "other" } else { "first" }),
            Self::Sweep => f.write_str("a sweep"),
        }
    }
}

impl fmt::Display for TargetIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {} region {}", self.account, self.region)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mallory(n) => write!(f, "mallory-{n}"),
            Self::Impostor(n) => write!(f, "runas-reactor-mallory-{n}"),
            Self::BreakGlass(n) => write!(f, "oncall-{n}"),
            Self::Pipeline => f.write_str("the pipeline"),
        }
    }
}
