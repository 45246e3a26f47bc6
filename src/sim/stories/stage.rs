//! The organisation of a story, and what its callers do in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::step::{ACCOUNTS, Actor, Op, Step, Story, TargetIndex};
use crate::domain::edit::Sharing;
use crate::domain::policy::Policy;
use crate::domain::target::{AccountFacts, AccountId, AccountState, Target};
use crate::domain::time::{SECOND_MS, Time};
use crate::policy_file;
use crate::ports::{Clock as _, Fault};
use crate::sim::{Account, Caller, Sim};

const EPOCH: &str = "2026-11-02T08:00:00Z";
const POLICY: &str = include_str!("policy.yaml");
pub(super) const ROLE: &str = "RunasReactorMember";
pub(super) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const MANAGEMENT: &str = "111122223333";
const EXEMPT: &str = "555566667777";
/// The first accounts of a story, each with its OU.
const PLACES: [(&str, usize); ACCOUNTS] = [("333344445555", 0), ("444455556666", 1), ("666677778888", 2), (EXEMPT, 1)];
const ROOT: &str = "r-stry";
const OUS: [&str; 3] = ["ou-stry-production", "ou-stry-workloads", "ou-stry-pilotscope"];
/// Marks everything that an untrusted actor writes, so that the checker recognises it.
pub(super) const EVIL: &str = "evil";
/// Accounts that a story can add to the first five.
const VENDED_MAX: usize = 4;

/// What the policy wants of an account, computed independently of the reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Run As for this user, and an idle timeout where it is owned.
    Enforced { user: &'static str, idle: Option<&'static str> },
    /// Observe and notify, never write.
    Watched,
}

/// The state of a story beyond the simulated world.
#[derive(Debug)]
pub(super) struct Stage {
    policies: [Policy; 2],
    other_policy: bool,
    /// All accounts that ever existed, in order.
    pub(super) accounts: Vec<AccountId>,
    away: BTreeMap<AccountId, Account>,
    /// Number of undecodable messages so far.
    pub(super) garbage: usize,
}

impl Stage {
    /// Sets up the story's accounts with typical existing documents.
    pub(super) fn set(story: &Story) -> Result<(Self, Sim), String> {
        let epoch = EPOCH.parse::<Time>().map_err(|error| error.to_string())?;
        let policy = |text: &str| {
            let parsed = policy_file::parse("the story's policy", text, epoch);
            parsed.map(|(policy, _)| policy).map_err(|problems| problems.to_string())
        };
        let policies = [policy(POLICY)?, policy(&POLICY.replace("ops }", "engineers }"))?];
        let sim = Sim::new(story.switches, epoch, story.seed);
        let [first, _] = &policies;
        sim.push_policy(first.clone());
        let mut stage = Self { policies, other_policy: false, accounts: Vec::new(), away: BTreeMap::new(), garbage: 0 };
        let places = PLACES.into_iter().take(story.accounts).map(|(id, ou)| (id, Some(ou)));
        for (id, ou) in places.chain([(MANAGEMENT, None)]) {
            stage.add(&sim, account(id, ou, epoch, epoch)?);
        }
        let with_document = [0, 1, 3].into_iter().filter(|account| usize::from(*account) < story.accounts);
        for place in with_document.flat_map(|account| [0, 1].map(|region| TargetIndex { account, region })) {
            if let Some(target) = stage.target(place) {
                let _ = sim.lza_writes(&target, "logs");
            }
        }
        sim.forget_messages();
        Ok((stage, sim))
    }

    fn add(&mut self, sim: &Sim, account: Account) {
        self.accounts.push(account.facts.account.clone());
        sim.put_account(account);
    }

    /// The target at a place; places beyond the lists wrap around.
    pub(super) fn target(&self, place: TargetIndex) -> Option<Target> {
        let account = self.account(place.account)?;
        let region = REGIONS.get(usize::from(place.region) % REGIONS.len())?;
        Some(Target::new(account, region.parse().ok()?))
    }

    fn account(&self, number: u8) -> Option<AccountId> {
        let count = self.accounts.len().max(1);
        self.accounts.get(usize::from(number) % count).cloned()
    }

    /// Every target of the organisation.
    pub(super) fn targets(&self) -> Vec<Target> {
        let regions = REGIONS.iter().filter_map(|region| region.parse().ok());
        let regions: Vec<crate::domain::target::Region> = regions.collect();
        let pairs = self.accounts.iter().flat_map(|account| regions.iter().map(move |region| (account, region)));
        pairs.map(|(account, region)| Target::new(account.clone(), region.clone())).collect()
    }

    /// What the policy wants of an account in its place.
    pub(super) fn expected(&self, facts: &AccountFacts) -> Expected {
        let user = if self.other_policy { "engineers" } else { "ops" };
        let place = facts.ou_path.last().map_or("", |ou| ou.as_str());
        match place {
            _ if facts.account.as_str() == EXEMPT => Expected::Watched,
            "ou-stry-production" => Expected::Enforced { user: "prodops", idle: Some("15") },
            "ou-stry-pilotscope" => Expected::Watched,
            _ => Expected::Enforced { user, idle: None },
        }
    }

    /// Performs one step, unless it concerns time or faults.
    pub(super) fn play(&mut self, sim: &Sim, step: Step) {
        match step {
            Step::Act(place, actor, op) => {
                if let Some(target) = self.target(place).filter(|target| ripe(sim, target, actor)) {
                    let _ = act(sim, &target, actor, op);
                }
            }
            Step::Fate(fate) => sim.next_fate(fate),
            Step::Garbage => {
                self.garbage += 1;
                sim.enqueue(&format!("{{ garbage {} }}", self.garbage));
            }
            Step::Vend => self.vend(sim),
            Step::Move(number, ou) => self.relocate(sim, number, ou),
            Step::Leave(number) => self.leave(sim, number),
            Step::Rejoin(number) => self.rejoin(sim, number),
            Step::Close(number) => self.close(sim, number),
            Step::Forge(from, about) => self.forge(sim, from, about),
            Step::Lock(number) => self.with(sim, number, |account, _| account.roles.clear()),
            Step::Unlock(number) => self.with(sim, number, |account, now| {
                account.roles.entry(ROLE.to_owned()).or_insert(now);
            }),
            Step::Off(place) => self.switch(sim, place, false),
            Step::On(place) => self.switch(sim, place, true),
            Step::Push(other) => {
                self.other_policy = other;
                let [first, second] = &self.policies;
                sim.push_policy(if other { second } else { first }.clone());
            }
            Step::Sweep => sim.enqueue(r#"{"kind":"sweep","schema":1}"#),
            Step::Pass(_) | Step::Rest | Step::Fault(..) | Step::Deadline(_) => {}
        }
    }

    fn with(&self, sim: &Sim, number: u8, change: impl FnOnce(&mut Account, Time)) {
        let now = sim.now();
        if let Some(id) = self.account(number) {
            sim.change_account(&id, |account| change(account, now));
        }
    }

    fn vend(&mut self, sim: &Sim) {
        let number = self.accounts.len().saturating_sub(5);
        if number >= VENDED_MAX {
            return;
        }
        let now = sim.now();
        let later = |seconds: i64| now.plus_ms(seconds * SECOND_MS * i64::try_from(number).unwrap_or(0));
        let id = format!("9000000000{number:02}");
        if let (Ok(account), Some(management)) = (account(&id, Some(1), later(8), later(25)), management()) {
            sim.account_created(&management, &account.facts.account);
            self.add(sim, account);
        }
    }

    fn relocate(&self, sim: &Sim, number: u8, ou: u8) {
        let (Some(id), Some(management)) = (self.account(number), management()) else { return };
        let Some(path) = OUS.get(usize::from(ou) % OUS.len()).and_then(|ou| path(Some(ou))) else { return };
        if sim.find_account(&id).is_some() {
            sim.change_account(&id, |account| account.facts.ou_path = path);
            sim.account_moved(&management, &id);
        }
    }

    fn leave(&mut self, sim: &Sim, number: u8) {
        let (Some(id), Some(management)) = (self.account(number), management()) else { return };
        if id.as_str() == MANAGEMENT {
            return;
        }
        if let Some(account) = sim.take_account(&id) {
            self.away.insert(id.clone(), account);
            sim.account_departed(&management, &id);
        }
    }

    fn close(&self, sim: &Sim, number: u8) {
        let (Some(id), Some(management)) = (self.account(number), management()) else { return };
        let open = sim.find_account(&id).is_some_and(|account| account.facts.state == AccountState::Active);
        if !open || id.as_str() == MANAGEMENT {
            return;
        }
        sim.change_account(&id, |account| {
            account.facts.state = AccountState::Closed;
            account.roles.clear();
        });
        sim.account_closed(&management, &id);
    }

    /// Sends an event that a member account could forge with its own rules and buses.
    fn forge(&self, sim: &Sim, from: u8, about: u8) {
        let place = TargetIndex { account: from, region: 0 };
        let (Some(from), Some(about)) = (self.target(place), self.account(about)) else { return };
        if from.account.as_str() == MANAGEMENT || from.account == about {
            return;
        }
        match from.account.as_str().bytes().chain(about.as_str().bytes()).map(u32::from).sum::<u32>() % 3 {
            0 => sim.account_departed(&from, &about),
            1 => sim.account_closed(&from, &about),
            _ => sim.account_moved(&from, &about),
        }
    }

    fn rejoin(&mut self, sim: &Sim, number: u8) {
        let (Some(id), Some(management)) = (self.account(number), management()) else { return };
        if let Some(account) = self.away.remove(&id) {
            sim.put_account(account);
            sim.account_joined(&management, &id);
        }
    }

    fn switch(&self, sim: &Sim, place: TargetIndex, on: bool) {
        let Some(target) = self.target(place) else { return };
        sim.change_account(&target.account, |account| {
            if on {
                account.regions_off.remove(&target.region);
            } else {
                account.regions_off.insert(target.region.clone());
            }
        });
        sim.region_switched(&target, on);
    }
}

/// Before the reactor first observes a document, only pipelines act on it: the existing content is adopted.
fn ripe(sim: &Sim, target: &Target, actor: Actor) -> bool {
    let known = sim.record(target).is_some_and(|record| record.facts.base.is_some());
    let there = sim.find_account(&target.account).is_some_and(|account| {
        account.facts.state == AccountState::Active && !account.regions_off.contains(&target.region)
    });
    there && (known || actor == Actor::Pipeline)
}

fn management() -> Option<Target> {
    Some(Target::new(MANAGEMENT.parse().ok()?, "us-east-1".parse().ok()?))
}

fn path(ou: Option<&&str>) -> Option<Vec<crate::domain::target::OuId>> {
    [Some(&ROOT), ou].into_iter().flatten().map(|id| id.parse().ok()).collect()
}

fn account(id: &str, ou: Option<usize>, ready: Time, role_from: Time) -> Result<Account, String> {
    let account = id.parse().map_err(|error| format!("{error}"))?;
    let ou_path = path(ou.and_then(|ou| OUS.get(ou))).ok_or("no such OU")?;
    let facts = AccountFacts { account, name: format!("account-{id}"), ou_path, state: AccountState::Active };
    let roles = BTreeMap::from([(ROLE.to_owned(), role_from)]);
    Ok(Account { facts, roles, ready, regions_off: BTreeSet::new(), opted_in: BTreeSet::new() })
}

fn caller(target: &Target, actor: Actor) -> Caller {
    let name = actor.to_string();
    match actor {
        Actor::Mallory(_) => Caller::administrator(&target.account, &name),
        Actor::Impostor(_) => Caller::role(&target.account, "Admin", &name),
        Actor::BreakGlass(_) => Caller::break_glass(&target.account, &name),
        Actor::Pipeline => Caller::lza(&target.account),
    }
}

fn act(sim: &Sim, target: &Target, actor: Actor, op: Op) -> Result<(), Fault> {
    let caller = caller(target, actor);
    let document = sim.document(target);
    let latest = document.as_ref().map_or(0, crate::sim::Document::latest);
    let back = |by: u8| latest.saturating_sub(u64::from(by)).max(1);
    let value = |tag: u16| if actor == Actor::Pipeline { format!("trusted-{tag}") } else { format!("{EVIL}-{tag}") };
    let field = |tag: u16| ["s3BucketName", "shellProfile", "maxSessionDuration"].into_iter().nth(usize::from(tag % 3));
    let inputs = |tag: u16| json!({ "runAsEnabled": false, field(tag).unwrap_or_default(): value(tag) });
    match op {
        Op::Edit(tag) => sim.edit_inputs(target, &caller, &inputs(tag)).map(drop),
        Op::EditBehind(tag) => {
            let mut body = latest_body(sim, target);
            merge(&mut body, &inputs(tag));
            sim.update_text(target, &caller, &body.to_string()).map(drop)
        }
        Op::MoveDefault(by) => sim.move_default(target, &caller, back(by)),
        Op::Delete => sim.delete_document(target, &caller),
        Op::DeleteVersion(by) => sim.delete_version(target, &caller, back(by)),
        Op::Recreate(tag) => {
            // A pipeline writes its own content; an administrator keeps the current one.
            let mut body = if actor == Actor::Pipeline { empty_body() } else { latest_body(sim, target) };
            merge(&mut body, &inputs(tag));
            let _ = sim.delete_document(target, &caller);
            sim.create(target, &caller, &body).map(drop)
        }
        Op::OtherType => {
            let _ = sim.delete_document(target, &caller);
            sim.create_of_type(target, &caller, "Command", r#"{"schemaVersion":"2.2"}"#).map(drop)
        }
        Op::Invalid => sim.update_text(target, &caller, r#"{"schemaVersion":"2.2"}"#).map(drop),
        Op::CopyOurs(tag) => {
            let mut body = latest_body(sim, target);
            merge(&mut body, &json!({ "kmsKeyId": value(tag) }));
            let name = format!("runas-reactor-{tag:016x}");
            let written = sim.update_named(target, &caller, &body.to_string(), &name)?;
            sim.move_default(target, &caller, written.version)
        }
        Op::Fill(count) => (0..count).try_for_each(|n| {
            let inputs = json!({ "idleSessionTimeout": format!("{EVIL}-{n}") });
            sim.edit_inputs(target, &caller, &inputs).map(drop)
        }),
        Op::Fail => sim.move_default(target, &caller, latest + 9),
        Op::EditThenPipeline(tag) => {
            sim.edit_inputs(target, &caller, &inputs(tag))?;
            sim.edit_inputs(target, &Caller::lza(&target.account), &json!({ "s3KeyPrefix": format!("trusted-{tag}") }))
                .map(drop)
        }
        Op::Share(tag) => {
            let id = if actor == Actor::Pipeline { format!("{:012}", 200 + tag) } else { format!("{:012}", 100 + tag) };
            sim.share(target, &caller, &Sharing { added: vec![id], removed: Vec::new() })
        }
        Op::Lza(tag) => sim.lza_writes(target, &format!("logs-{tag}")),
        Op::OldLza(tag) => sim.old_lza_writes(target, &format!("logs-{tag}")),
        Op::Sample(tag) => sim.sample_writes(target, &format!("logs-{tag}")),
    }
}

/// The latest content, or an empty valid document.
fn latest_body(sim: &Sim, target: &Target) -> Value {
    let document = sim.document(target);
    let text = document.and_then(|document| document.versions.get(&document.latest()).map(|v| v.text.clone()));
    let body: Option<Value> = text.and_then(|text| serde_json::from_str(&text).ok());
    body.filter(|body| body["inputs"].is_object()).unwrap_or_else(empty_body)
}

fn empty_body() -> Value {
    json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": {} })
}

fn merge(body: &mut Value, inputs: &Value) {
    if let (Some(there), Some(inputs)) = (body["inputs"].as_object_mut(), inputs.as_object()) {
        there.extend(inputs.clone());
    }
}
