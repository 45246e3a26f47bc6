//! The demo's organisation.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{AccountRow, Expectation, Moment, MomentKind, Scene};
use crate::domain::policy::{Mode, Policy};
use crate::domain::target::{AccountFacts, AccountId, AccountState, IdError, OuId, Region, Target};
use crate::domain::time::{SECOND_MS, Time};
use crate::policy_file;
use crate::ports::Clock as _;
use crate::reactor::{PolicySource, Reactor};
use crate::sim::drive::run_for;
use crate::sim::{Account, Sim, Switches};

/// Start of the demo's clock.
const EPOCH: &str = "2026-11-02T08:00:00Z";
const POLICY: &str = include_str!("policy.yaml");
/// The simulated AWS behaves in the less friendly of the ways that its documentation allows.
const SWITCHES: Switches =
    Switches { duplicates: crate::sim::Duplicates::Any, pending_reads: 1, stale_ms: 0, ..Switches::PLAIN };

pub(super) const MANAGEMENT: &str = "111122223333";
pub(super) const PAYMENTS: &str = "333344445555";
pub(super) const SEARCH: &str = "444455556666";
pub(super) const APPLIANCE: &str = "555566667777";
pub(super) const PILOT: &str = "666677778888";
pub(super) const VENDED: &str = "888899990000";
pub(super) const REGIONS: [&str; 3] = ["eu-west-1", "eu-central-1", "us-east-1"];

/// The organisation, and the reactor at work in it.
pub(super) struct Stage {
    pub(super) reactor: Reactor<Sim>,
    policy: Policy,
    epoch: Time,
    shown: Shown,
    announced: Option<Moment>,
}

/// The number of calls and alerts that the timeline already shows.
#[derive(Default)]
struct Shown {
    calls: usize,
    alerts: usize,
}

impl Stage {
    /// Sets up five accounts in three regions with typical existing documents.
    pub(super) fn set() -> Result<Self, String> {
        let epoch = EPOCH.parse::<Time>().map_err(|error| error.to_string())?;
        let (policy, _) = policy_file::parse("demo policy", POLICY, epoch).map_err(|problems| problems.to_string())?;
        let sim = Sim::new(SWITCHES, epoch, 7);
        sim.push_policy(policy.clone());
        let stage = Self {
            reactor: Reactor::new(sim, PolicySource::Table),
            policy,
            epoch,
            shown: Shown::default(),
            announced: None,
        };
        stage.people_it().map_err(|error| error.to_string())?;
        // These calls happened before the reactor was deployed.
        stage.sim().forget_messages();
        let shown = Shown { calls: stage.sim().calls().len(), alerts: 0 };
        Ok(Self { shown, ..stage })
    }

    fn people_it(&self) -> Result<(), IdError> {
        let root = ["r-demo"];
        let production = ["r-demo", "ou-demo-workloads", "ou-demo-production"];
        let sandbox = ["r-demo", "ou-demo-workloads", "ou-demo-sandbox"];
        let accounts: [(&str, &str, &[&str]); 5] = [
            (MANAGEMENT, "management", &root),
            (PAYMENTS, "payments", &production),
            (SEARCH, "search", &production),
            (APPLIANCE, "appliance", &sandbox),
            (PILOT, "pilot", &sandbox),
        ];
        for (id, name, path) in accounts {
            self.sim().put_account(account(id, name, path, self.epoch, self.epoch)?);
        }
        // LZA has configured logging in production, with Run As off as usual; the appliance has its own users.
        for id in [PAYMENTS, SEARCH] {
            for region in REGIONS {
                let _ = self.sim().lza_writes(&target(id, region)?, "AWSAccelerator-sessionmanager-logs");
            }
        }
        let own = json!({ "schemaVersion": "1.0", "sessionType": "Standard_Stream",
            "inputs": { "runAsEnabled": true, "runAsDefaultUser": "vendor" } });
        for id in [APPLIANCE, PILOT] {
            let target = target(id, "eu-west-1")?;
            let _ = self.sim().create(&target, &crate::sim::Caller::administrator(&target.account, "setup"), &own);
        }
        Ok(())
    }

    pub(super) fn sim(&self) -> &Sim {
        self.reactor.world()
    }

    /// Adds a new account: SSM answers after eight seconds, the member role exists after twenty.
    pub(super) fn vend(&mut self, id: &str, name: &str) -> Result<(), IdError> {
        let now = self.sim().now();
        let new = account(id, name, &["r-demo"], now.plus_ms(8 * SECOND_MS), now.plus_ms(20 * SECOND_MS))?;
        self.sim().account_created(&target(MANAGEMENT, "us-east-1")?, &new.facts.account);
        self.sim().put_account(new);
        let ms = u32::try_from(now.since(self.epoch)).unwrap_or(0);
        let what = format!("account {name} ({id}) was created");
        self.announced = Some(Moment {
            at_s: f64::from(ms) / 1000.0,
            who: "Organizations".to_owned(),
            what,
            kind: MomentKind::Other,
        });
        Ok(())
    }

    /// Lets the reactor work for some seconds, and returns what happened.
    pub(super) async fn play(&mut self, title: &'static str, story: &'static str, seconds: i64) -> Scene {
        run_for(&self.reactor, seconds).await;
        Scene { title, story, moments: self.moments(), expectations: Vec::new() }
    }

    fn moments(&mut self) -> Vec<Moment> {
        let at_s = |at: Time| {
            let ms = u32::try_from(at.since(self.epoch)).unwrap_or(0);
            f64::from(ms) / 1000.0
        };
        let (calls, alerts) = (self.sim().calls(), self.sim().alerts());
        let calls_new = calls.iter().skip(self.shown.calls).map(|call| {
            let failed = call.failed.as_ref().map_or(String::new(), |code| format!(" ({code})"));
            Moment {
                at_s: at_s(call.at),
                who: call.who.clone(),
                what: format!("{} in {}{failed}", call.action.in_words(), self.place(&call.target)),
                kind: if call.who.starts_with("runas-reactor") { MomentKind::Reactor } else { MomentKind::Other },
            }
        });
        let alerts_at = self.sim().alerts_at();
        let alerts_new = alerts.iter().zip(alerts_at).skip(self.shown.alerts).map(|(alert, at)| Moment {
            at_s: at_s(at),
            who: format!("on-call ({})", alert.severity.as_str()),
            what: alert.subject.clone(),
            kind: MomentKind::Alert,
        });
        let mut moments: Vec<Moment> = self.announced.iter().cloned().chain(calls_new).chain(alerts_new).collect();
        moments.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        self.announced = None;
        self.shown = Shown { calls: calls.len(), alerts: alerts.len() };
        moments
    }

    fn place(&self, target: &Target) -> String {
        let accounts = self.sim().accounts();
        let name = accounts.iter().find(|account| account.facts.account == target.account);
        let name = name.map_or_else(|| target.account.to_string(), |account| account.facts.name.clone());
        format!("{name}/{}", target.region)
    }

    /// The organisation as a table.
    pub(super) fn rows(&self) -> Vec<AccountRow> {
        self.sim().accounts().iter().map(|account| self.row(account)).collect()
    }

    fn row(&self, account: &Account) -> AccountRow {
        let resolution = self.policy.resolve(&account.facts, self.sim().now());
        let regions = REGIONS.iter().filter_map(|region| {
            let target = Target::new(account.facts.account.clone(), region.parse().ok()?);
            Some(((*region).to_owned(), self.state_of(&target)))
        });
        AccountRow {
            account: account.facts.account.to_string(),
            name: account.facts.name.clone(),
            place: account.facts.ou_path.last().map_or_else(String::new, ToString::to_string),
            mode: match resolution.mode {
                Mode::Enforce => "enforce",
                Mode::Observe => "observe",
                Mode::Exempt => "exempt",
            }
            .to_owned(),
            regions: regions.collect(),
        }
    }

    /// The OS user that an engineer becomes in a target.
    fn state_of(&self, target: &Target) -> String {
        let Some(document) = self.sim().document(target) else { return "no document".to_owned() };
        let user = |version: u64| {
            let inputs = document.inputs(version);
            match (inputs.get("runAsEnabled"), inputs.get("runAsDefaultUser").and_then(Value::as_str)) {
                (Some(Value::Bool(true)), Some(user)) => user.to_owned(),
                _ => "ssm-user (off)".to_owned(),
            }
        };
        let (latest, default) = (user(document.latest()), user(document.default));
        if latest == default { latest } else { format!("{default} / {latest}") }
    }

    /// Whether latest and default version are the same and hold the policy's values.
    pub(super) fn right(&self, target: &Target) -> bool {
        let accounts = self.sim().accounts();
        let account = accounts.iter().find(|account| account.facts.account == target.account);
        let (Some(document), Some(account)) = (self.sim().document(target), account) else { return false };
        let resolution = self.policy.resolve(&account.facts, self.sim().now());
        let inputs = document.inputs(document.latest());
        document.default == document.latest()
            && resolution.owned.iter().all(|(field, want)| inputs.get(field) == Some(want))
    }

    /// The value of an input in the latest version.
    pub(super) fn input(&self, target: &Target, field: &str) -> Option<Value> {
        let document = self.sim().document(target)?;
        document.inputs(document.latest()).get(field).cloned()
    }

    /// The alerts published since the first `before` ones.
    pub(super) fn alerts_since(&self, before: usize) -> Vec<crate::domain::finding::Alert> {
        self.sim().alerts().into_iter().skip(before).collect()
    }
}

impl Scene {
    /// Adds an expectation and its result.
    pub(super) fn expect(mut self, what: &str, held: bool) -> Self {
        self.expectations.push(Expectation { what: what.to_owned(), held });
        self
    }
}

pub(super) fn target(account: &str, region: &str) -> Result<Target, IdError> {
    Ok(Target::new(account.parse()?, region.parse()?))
}

fn account(id: &str, name: &str, path: &[&str], ready: Time, role_from: Time) -> Result<Account, IdError> {
    let account: AccountId = id.parse()?;
    let ou_path: Vec<OuId> = path.iter().map(|ou| ou.parse()).collect::<Result<_, _>>()?;
    let facts = AccountFacts { account, name: name.to_owned(), ou_path, state: AccountState::Active };
    let roles = BTreeMap::from([("RunasReactorMember".to_owned(), role_from)]);
    Ok(Account { facts, roles, ready, regions_off: BTreeSet::<Region>::new(), opted_in: BTreeSet::new() })
}
