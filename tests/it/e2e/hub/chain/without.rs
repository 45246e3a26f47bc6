//! What an edit needs of the reactor's deployed role, taken away one by one: the message is denied, comes again and is denied
//! again; once the permission is given back, the same message ends in a right document and an alert with a name.
//!
//! Time passes for functions, queues and both emulators at once, so that what waits for minutes takes none. Not played here:
//! the roles of members and the broker, sweeps, and what the emulators do not ask for (the topic's key, logs).

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::RESEARCH;
use crate::e2e::hub::Deployed;
use crate::e2e::hub::roles::{REACTOR, actions_of, without};
use crate::e2e::stage::{FRANKFURT, HOME, HUB, MANAGEMENT, SANDBOX, SEARCH, VIRGINIA};
use crate::support::cloud::Cloud;

/// Longer than a failed message is hidden.
const WAIT_SECONDS: i64 = 16 * 60;
/// The denied action, and where the edit is: documents that nobody has written yet.
const CASES: [(&str, &str, &str); 12] = [
    ("organizations:DescribeAccount", SANDBOX, HOME),
    ("organizations:ListParents", RESEARCH, HOME),
    ("dynamodb:BatchGetItem", SEARCH, HOME),
    ("dynamodb:ConditionCheckItem", SEARCH, FRANKFURT),
    ("dynamodb:DeleteItem", SEARCH, VIRGINIA),
    ("dynamodb:PutItem", HUB, HOME),
    ("dynamodb:Query", HUB, FRANKFURT),
    ("dynamodb:UpdateItem", HUB, VIRGINIA),
    ("sns:Publish", MANAGEMENT, HOME),
    ("sqs:ReceiveMessage", MANAGEMENT, FRANKFURT),
    ("sqs:GetQueueAttributes", MANAGEMENT, VIRGINIA),
    ("sqs:DeleteMessage", SANDBOX, FRANKFURT),
];

impl Deployed {
    /// Waits until the action is denied, and for the moment not any more; says how often it was.
    fn denials(&self, action: &str) -> usize {
        let mut before = 0;
        self.hub.wait_until(&format!("{action} is denied"), || {
            self.forward();
            let now = self.did(REACTOR.name, action, false);
            let rests = now > 0 && now == before;
            before = now;
            thread::sleep(Duration::from_millis(150));
            rests
        });
        before
    }

    /// Lets time pass until the document is right and the alert names who wrote it.
    fn ends_right(&self, what: &str, account: &str, region: &str) {
        let (mut next, mut told) = (Instant::now(), Vec::new());
        let named = |alert: &Value| alert["account"] == account && alert.to_string().contains("mallory");
        let is_over = || {
            self.forward();
            told.extend(self.alerts());
            if Instant::now() >= next {
                self.stage.pass(WAIT_SECONDS);
                next = Instant::now() + Duration::from_secs(2);
            }
            self.status(account, region) == "in_sync" && self.stage.is_right(account, region) && told.iter().any(named)
        };
        Cloud::wait_and_explain(what, is_over, || self.status(account, region));
    }

    fn edit_without(&self, action: &str, account: &str, region: &str) {
        let whole = self.policy_of(&REACTOR);
        self.put_policy(&REACTOR, &without(action, &whole));
        self.start_afresh();
        self.alerts();
        self.stage.administrator(account, "mallory").creates(region, &json!({"runAsDefaultUser": "root"}));
        let before = self.denials(action);
        self.stage.pass(WAIT_SECONDS);
        let again = || self.did(REACTOR.name, action, false) > before;
        self.hub.wait_until(&format!("the message comes again without {action}"), again);
        self.put_policy(&REACTOR, &whole);
        self.start_afresh();
        self.ends_right(&format!("the edit is undone and told once {action} is given back"), account, region);
        assert_eq!(self.messages_in(&self.hub.outputs["DeadLetterUrl"]), 0, "{action}");
    }
}

#[test]
fn edit_that_lacks_a_permission_of_the_reactor_is_tried_again_until_it_is_undone_and_told() {
    let deployed = Deployed::installed();
    let played: BTreeSet<String> = CASES.iter().map(|case| case.0.to_owned()).collect();
    let granted: BTreeSet<String> = actions_of(&deployed.policy_of(&REACTOR)).into_iter().collect();
    assert!(played.is_subset(&granted), "the role allows {granted:?}");
    for (action, account, region) in CASES {
        deployed.edit_without(action, account, region);
    }
}
