//! The way to a new account that has no member role yet: the function's right to ask the broker, and the broker's own role.

use serde_json::Value;

use super::play::{Play, Sign, WAIT_SECONDS};
use crate::e2e::hub::Deployed;
use crate::e2e::hub::roles::{BROKER, REACTOR, Role};
use crate::e2e::stage::{HOME, REGIONS};

/// The role, its action, the new account, and what `runasctl status` says.
type Case = (&'static Role<'static>, &'static str, &'static str, &'static str);

pub(super) const CASES: [Case; 3] = [
    (
        &REACTOR,
        "lambda:InvokeFunction",
        "900000000001",
        "fix: allow the function's role lambda:InvokeFunction on the broker",
    ),
    (&BROKER, "organizations:DescribeAccount", "900000000002", "and allow its role organizations:DescribeAccount"),
    (&BROKER, "sts:AssumeRole", "900000000003", "and let the broker's role assume it"),
];

impl Play {
    fn vends_without(&self, (role, action, account, words): Case) {
        let whole = self.take(role, action);
        self.deployed.start_afresh();
        let known = self.denials(role.name, action);
        let event = self.deployed.vend_with_gap_role(account);
        self.deployed.put_onto_its_bus(&event);
        let before = self.await_denial(role.name, action, known);
        self.await_sign(Sign::Status(words), action, (account, HOME));
        self.deployed.stage.pass(WAIT_SECONDS);
        self.await_denial(role.name, action, before);
        self.deployed.put_policy(role, &whole);
        self.deployed.start_afresh();
        let all = || REGIONS.into_iter().all(|region| self.is_right((account, region)));
        let what = format!("the account is right everywhere once {action} is given back");
        self.pass_until(&what, all, || self.explained((account, HOME)));
        self.nothing_was_put_aside();
        self.come_to_rest();
        let late = |alert: &Value| alert["kind"] == "configuration_lag";
        let alerted = self.alerts(account);
        assert!(!alerted.is_empty() && alerted.iter().all(late), "on-call hears of it once it is over: {alerted:#?}");
    }
}

#[test]
fn new_account_that_lacks_a_permission_of_the_broker_waits_says_why_and_is_configured() {
    let play = Play::of(Deployed::installed());
    for case in CASES {
        play.vends_without(case);
    }
}
