//! What replacing one policy by another means for existing accounts.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Mode, Owned, Policy};
use crate::domain::target::{AccountFacts, AccountId, AccountState, Region};
use crate::domain::time::Time;

/// What changes in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountImpact {
    /// The account.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Regions in which the reactor starts to write.
    pub newly_enforced: BTreeSet<Region>,
    /// Regions in which it writes other values than before.
    pub rewritten: BTreeSet<Region>,
    /// Regions in which it starts to undo sharing by principals that are not trusted, and writes the same values.
    pub unshared: BTreeSet<Region>,
    /// Regions in which it stops writing.
    pub released: BTreeSet<Region>,
    /// The rules behind this.
    pub reason: String,
}

impl AccountImpact {
    /// Targets that change.
    pub fn targets(&self) -> usize {
        self.newly_enforced.len() + self.rewritten.len() + self.unshared.len() + self.released.len()
    }
}

/// What changes, account by account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Impact {
    /// Accounts that change, in their order.
    pub accounts: Vec<AccountImpact>,
    /// Number of accounts compared.
    pub of: usize,
}

impl Impact {
    /// What `after` in place of `before` means for these accounts. Closed accounts and those that left do not count.
    pub fn of(before: Option<&Policy>, after: &Policy, accounts: &[AccountFacts], now: Time) -> Self {
        let active: Vec<&AccountFacts> = accounts.iter().filter(|facts| facts.state == AccountState::Active).collect();
        let each = active.iter().map(|facts| account(before, after, facts, now));
        Self { of: active.len(), accounts: each.filter(|impact| impact.targets() > 0).collect() }
    }

    /// Targets that become enforced.
    pub fn newly_enforced(&self) -> usize {
        self.accounts.iter().map(|account| account.newly_enforced.len()).sum()
    }

    /// Targets that were enforced and stay so, with other values.
    pub fn rewritten(&self) -> usize {
        self.accounts.iter().map(|account| account.rewritten.len()).sum()
    }

    /// Targets that were enforced and stay so, where sharing is undone from now on and the values are the same.
    pub fn unshared(&self) -> usize {
        self.accounts.iter().map(|account| account.unshared.len()).sum()
    }

    /// Targets that are no longer enforced.
    pub fn released(&self) -> usize {
        self.accounts.iter().map(|account| account.released.len()).sum()
    }

    /// All targets that change.
    pub fn targets(&self) -> usize {
        self.accounts.iter().map(AccountImpact::targets).sum()
    }
}

fn account(before: Option<&Policy>, after: &Policy, facts: &AccountFacts, now: Time) -> AccountImpact {
    let old = before.map(|policy| Enforced::by(policy, facts, now)).unwrap_or_default();
    let new = Enforced::by(after, facts, now);
    let same = old.owned == new.owned;
    let stays: BTreeSet<Region> = old.regions.intersection(&new.regions).cloned().collect();
    AccountImpact {
        account: facts.account.clone(),
        name: facts.name.clone(),
        newly_enforced: new.regions.difference(&old.regions).cloned().collect(),
        released: old.regions.difference(&new.regions).cloned().collect(),
        unshared: if new.unshares && !old.unshares && same { stays.clone() } else { BTreeSet::new() },
        rewritten: if same { BTreeSet::new() } else { stays },
        reason: new.reason,
    }
}

/// Where a policy lets the reactor write in one account, and which values.
#[derive(Default)]
struct Enforced {
    regions: BTreeSet<Region>,
    owned: Owned,
    unshares: bool,
    reason: String,
}

impl Enforced {
    fn by(policy: &Policy, facts: &AccountFacts, now: Time) -> Self {
        let resolution = policy.resolve(facts, now);
        let regions = match resolution.mode {
            // Only the account itself knows which further regions it has enabled.
            Mode::Enforce => policy.regions_of(None),
            Mode::Observe | Mode::Exempt => Vec::new(),
        };
        let unshares = resolution.undoes_sharing();
        Self { regions: regions.into_iter().collect(), owned: resolution.owned, unshares, reason: resolution.reason }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::policy::tests::{example, policy};

    fn facts(account: &str, path: &[&str]) -> AccountFacts {
        AccountFacts {
            account: account.parse().unwrap(),
            name: "some".to_owned(),
            ou_path: path.iter().map(|ou| ou.parse().unwrap()).collect(),
            state: AccountState::Active,
        }
    }

    /// One in production, one in no scope, one under the root, the pilot, and the exempt one.
    fn accounts() -> Vec<AccountFacts> {
        let workloads = ["r-ab12", "ou-ab12-22222222"];
        vec![
            facts("666677778888", &["r-ab12", "ou-ab12-11111111"]),
            facts("777788889999", &workloads),
            facts("888899990000", &["r-ab12"]),
            facts("444455556666", &workloads),
            facts("555566667777", &workloads),
        ]
    }

    fn counts(before: Option<&Value>, after: &Value) -> [usize; 3] {
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let impact = Impact::of(before.map(policy).as_ref(), &policy(after), &accounts(), now);
        assert_eq!(impact.of, 5);
        let counts = [impact.newly_enforced(), impact.rewritten(), impact.released()];
        assert_eq!(impact.unshared(), 0);
        assert_eq!(impact.targets(), counts.iter().sum::<usize>());
        counts
    }

    fn with(pointer: &str, value: Value) -> Value {
        let mut policy = example();
        *policy.pointer_mut(pointer).unwrap() = value;
        policy
    }

    #[test]
    fn without_a_policy_before_all_that_is_enforced_is_new() {
        assert_eq!(counts(None, &example()), [6, 0, 0], "two accounts in three regions");
        assert_eq!(counts(None, &with("/defaults/mode", json!("observe"))), [0, 0, 0]);
    }

    #[test]
    fn the_same_policy_changes_nothing() {
        assert_eq!(counts(Some(&example()), &example()), [0, 0, 0]);
        assert_eq!(counts(Some(&example()), &with("/principals/trusted", json!([]))), [0, 0, 0]);
    }

    #[test]
    fn sharing_that_is_undone_from_now_on_counts_where_documents_are_enforced() {
        let undoing = |mode: &str| {
            let mut policy = with("/defaults/mode", json!(mode));
            policy["sharing"] = json!("undo");
            policy
        };
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let unshared = |before: &Value, after: &Value| {
            let impact = Impact::of(Some(&policy(before)), &policy(after), &accounts(), now);
            (impact.unshared(), impact.targets())
        };
        assert_eq!(unshared(&example(), &undoing("enforce")), (6, 6));
        assert_eq!(unshared(&undoing("enforce"), &example()), (0, 0));
        assert_eq!(unshared(&with("/defaults/mode", json!("observe")), &undoing("enforce")), (0, 6));
        assert_eq!(unshared(&undoing("observe"), &undoing("observe")), (0, 0));
    }

    #[test]
    fn a_mode_a_value_and_a_region_are_counted_each_by_itself() {
        let example = example();
        let observed = with("/defaults/mode", json!("observe"));
        assert_eq!(counts(Some(&observed), &example), [6, 0, 0]);
        assert_eq!(counts(Some(&example), &observed), [0, 0, 6]);
        let user = with("/defaults/preferences/runAsDefaultUser", json!("admin"));
        assert_eq!(counts(Some(&example), &user), [0, 3, 0], "production has a user of its own");
        let regions = with("/regions", json!(["eu-west-1", "eu-north-1"]));
        assert_eq!(counts(Some(&example), &regions), [2, 0, 4]);
        assert_eq!(counts(Some(&example), &with("/unplaced", json!("enforce"))), [3, 0, 0]);
        assert_eq!(counts(Some(&example), &with("/exemptions", json!([]))), [3, 0, 0]);
        assert_eq!(counts(Some(&with("/regions", json!("enabled"))), &example), [0, 0, 28]);
    }

    #[test]
    fn an_account_that_is_gone_does_not_count() {
        let mut gone = accounts();
        for facts in &mut gone {
            facts.state = AccountState::Closed;
        }
        let impact = Impact::of(None, &policy(&example()), &gone, Time::ZERO);
        assert_eq!(impact, Impact::default());
    }
}
