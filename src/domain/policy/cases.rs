//! Operators' test cases for their own policy: an account with its expected baseline and rule, or a principal with its
//! expected attribution.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Mode, Owned, Policy};
use crate::domain::principal::{Attribution, Principal};
use crate::domain::target::{AccountFacts, AccountId, AccountState, OuId};
use crate::domain::time::Time;

/// The version of the file format.
pub const VERSION: u32 = 1;

/// A file of cases.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Version of this file format.
    pub version: u32,
    /// Expected resolutions of accounts.
    #[serde(default)]
    pub accounts: Vec<AccountCase>,
    /// Expected attributions of principals.
    #[serde(default)]
    pub principals: Vec<PrincipalCase>,
}

/// The expected resolution of one account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountCase {
    /// The case's name.
    pub name: String,
    /// The account.
    pub account: AccountId,
    /// The root and the OUs above it, outermost first; left out, the account is directly under the root.
    #[serde(default)]
    pub ou_path: Vec<OuId>,
    /// The time of the resolution; left out, now.
    #[serde(default)]
    pub at: Option<Time>,
    /// What is expected.
    pub expect: ExpectedBaseline,
}

/// A baseline, and the reason for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedBaseline {
    /// The mode.
    pub mode: Mode,
    /// Exactly the fields that the policy owns there; left out, they are not compared.
    #[serde(default)]
    pub preferences: Option<Owned>,
    /// Part of the reason that `runasctl policy explain` gives: it names the expected rule.
    pub reason: String,
}

/// The expected attribution of one principal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalCase {
    /// The case's name.
    pub name: String,
    /// The ARN of a role or user, or the DNS name of an AWS service.
    pub principal: String,
    /// The attribution of its edits.
    pub expect: Attribution,
}

/// The outcome of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The case's name.
    pub name: String,
    /// Differences from the expectation; empty where the case holds.
    pub differences: Vec<Difference>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The mode, a field, the reason or the attribution.
    pub what: String,
    /// The expected value; absent where there should be none.
    pub expected: Option<Value>,
    /// The actual value.
    pub found: Option<Value>,
}

impl CaseFile {
    /// Tries every case, in the order of the file.
    pub fn try_on(&self, policy: &Policy, now: Time) -> Vec<Tried> {
        let accounts = self.accounts.iter().map(|case| case.try_on(policy, now));
        let principals = self.principals.iter().map(|case| case.try_on(policy));
        accounts.chain(principals).collect()
    }
}

impl AccountCase {
    fn try_on(&self, policy: &Policy, now: Time) -> Tried {
        let facts = AccountFacts {
            account: self.account.clone(),
            name: String::new(),
            ou_path: self.ou_path.clone(),
            state: AccountState::Active,
        };
        let found = policy.resolve(&facts, self.at.unwrap_or(now));
        let expect = &self.expect;
        let mut differences = Vec::new();
        if found.mode != expect.mode {
            differences.push(difference("mode", Some(json!(expect.mode)), Some(json!(found.mode))));
        }
        if let Some(expected) = &expect.preferences {
            let fields = expected.keys().chain(found.owned.keys().filter(|field| !expected.contains_key(*field)));
            for field in fields {
                let (expected, found) = (expected.get(field), found.owned.get(field));
                if expected != found {
                    differences.push(difference(field, expected.cloned(), found.cloned()));
                }
            }
        }
        if !found.reason.contains(&expect.reason) {
            differences.push(difference("reason", Some(json!(expect.reason)), Some(json!(found.reason))));
        }
        Tried { name: self.name.clone(), differences }
    }
}

impl PrincipalCase {
    fn try_on(&self, policy: &Policy) -> Tried {
        let is_arn = self.principal.starts_with("arn:");
        let text = Some(self.principal.clone());
        let principal = if is_arn {
            Principal { kind: "AssumedRole".to_owned(), arn: text, name: None }
        } else {
            Principal { kind: "AWSService".to_owned(), arn: None, name: text }
        };
        let found = policy.attribute(&principal);
        let differs = found != self.expect;
        let difference = differs.then(|| difference("attribution", Some(json!(self.expect)), Some(json!(found))));
        Tried { name: self.name.clone(), differences: difference.into_iter().collect() }
    }
}

fn difference(what: &str, expected: Option<Value>, found: Option<Value>) -> Difference {
    Difference { what: what.to_owned(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::tests::{example, policy};

    fn differences(case: &Value) -> Vec<String> {
        let file: CaseFile = serde_json::from_value(case.clone()).unwrap();
        let now = "2026-11-20T12:00:00Z".parse().unwrap();
        let tried = file.try_on(&policy(&example()), now);
        tried.into_iter().flat_map(|tried| tried.differences).map(|difference| difference.what).collect()
    }

    fn production(mode: &str, preferences: &Value, reason: &str) -> Value {
        json!({ "version": 1, "accounts": [{
            "name": "production", "account": "666677778888", "ou_path": ["r-ab12", "ou-ab12-11111111"],
            "expect": { "mode": mode, "preferences": preferences, "reason": reason },
        }]})
    }

    #[test]
    fn a_case_holds_only_with_its_mode_its_baseline_and_its_reason() {
        let baseline = json!({ "runAsEnabled": true, "runAsDefaultUser": "prodops", "idleSessionTimeout": "15" });
        let holds: [&str; 0] = [];
        assert_eq!(differences(&production("enforce", &baseline, "scope `production`")), holds);
        assert_eq!(differences(&production("observe", &baseline, "scope `production`")), ["mode"]);
        assert_eq!(differences(&production("enforce", &baseline, "scope `pilot`")), ["reason"]);
        let short = json!({ "runAsEnabled": true, "runAsDefaultUser": "prodops" });
        assert_eq!(differences(&production("enforce", &short, "production")), ["idleSessionTimeout"]);
        let other =
            json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", "idleSessionTimeout": "15", "kmsKeyId": "k" });
        assert_eq!(differences(&production("enforce", &other, "production")), ["kmsKeyId", "runAsDefaultUser"]);
    }

    #[test]
    fn a_case_can_be_about_another_time() {
        let at = |at: &str| {
            let expect = json!({ "mode": "exempt", "reason": "team-net" });
            let case = json!({ "name": "appliance", "account": "555566667777", "at": at, "expect": expect });
            differences(&json!({ "version": 1, "accounts": [case] }))
        };
        assert_eq!(at("2027-01-31T23:59:59Z").len(), 0);
        assert_eq!(at("2027-02-01T00:00:00Z"), ["mode"]);
    }

    #[test]
    fn policy_case_can_state_the_trust_in_a_principal() {
        let principal = |text: &str, expect: &str| {
            let case = json!({ "name": "who", "principal": text, "expect": expect });
            differences(&json!({ "version": 1, "principals": [case] }))
        };
        assert_eq!(principal("arn:aws:iam::444455556666:role/AWSAccelerator-X", "trusted").len(), 0);
        assert_eq!(principal("arn:aws:iam::444455556666:role/Admin", "trusted"), ["attribution"]);
        assert_eq!(principal("ssm.amazonaws.com", "untrusted").len(), 0);
    }
}
