//! The function's own role: the message is denied, comes again and is denied again; once the permission is given back, the same
//! message ends in a right document and an alert with a name.

use serde_json::{Value, json};

use super::play::{Play, Sign, WAIT_SECONDS};
use crate::deploy::hub::VIA;
use crate::e2e::hub::Deployed;
use crate::e2e::hub::chain::RESEARCH;
use crate::e2e::hub::roles::REACTOR;
use crate::e2e::operator::Ran;
use crate::e2e::stage::{FRANKFURT, HOME, HUB, MANAGEMENT, PAYMENTS, SANDBOX, SEARCH, VIRGINIA};

/// What comes about while the permission is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    /// An administrator edits.
    Edit,
    /// The same where Systems Manager has no time.
    Busy,
    /// The edit's event got lost, and a sweep begins.
    Sweep,
}

use Situation::{Busy, Edit, Sweep};

const AGAIN: Sign = Sign::Log("message comes again");
const OUT_OF_REACH: Sign = Sign::Alert("unreachable", "no role admits the reactor");

/// The action, what comes about, where (a document each, which nobody has written yet), and what shows.
type Case = (&'static str, Situation, (&'static str, &'static str), Sign);

pub(super) const CASES: [Case; 17] = [
    ("organizations:DescribeAccount", Edit, (SANDBOX, HOME), AGAIN),
    ("organizations:ListParents", Edit, (RESEARCH, HOME), AGAIN),
    ("dynamodb:BatchGetItem", Edit, (SEARCH, HOME), AGAIN),
    ("dynamodb:ConditionCheckItem", Edit, (SEARCH, FRANKFURT), AGAIN),
    ("dynamodb:DeleteItem", Edit, (SEARCH, VIRGINIA), AGAIN),
    ("dynamodb:PutItem", Edit, (HUB, HOME), AGAIN),
    ("dynamodb:Query", Edit, (HUB, FRANKFURT), AGAIN),
    ("dynamodb:UpdateItem", Edit, (HUB, VIRGINIA), AGAIN),
    ("sns:Publish", Edit, (MANAGEMENT, HOME), AGAIN),
    ("sqs:ReceiveMessage", Edit, (MANAGEMENT, FRANKFURT), Sign::Queue),
    ("sqs:GetQueueAttributes", Edit, (MANAGEMENT, VIRGINIA), Sign::Queue),
    ("sqs:DeleteMessage", Edit, (SANDBOX, FRANKFURT), Sign::Queue),
    ("sts:AssumeRole", Edit, (PAYMENTS, FRANKFURT), OUT_OF_REACH),
    ("sqs:ChangeMessageVisibility", Busy, (PAYMENTS, HOME), Sign::Log("visibility not changed")),
    ("sqs:SendMessage", Sweep, (RESEARCH, FRANKFURT), AGAIN),
    ("organizations:ListOrganizationalUnitsForParent", Sweep, (RESEARCH, VIRGINIA), AGAIN),
    ("organizations:ListAccountsForParent", Sweep, (PAYMENTS, VIRGINIA), AGAIN),
];
/// What is taken away for longer than a message is received, and where the edit is.
const FOR_HOURS: (&str, (&str, &str)) = ("dynamodb:UpdateItem", (SANDBOX, VIRGINIA));

/// What the operator needs to send them to work again, as `infra/OPERATING.md` has it.
const REDRIVES: [&str; 5] = [
    "sqs:ReceiveMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:SendMessage",
];

impl Play {
    fn comes_about(&self, situation: Situation, (account, region): (&str, &str)) {
        let stage = &self.deployed.stage;
        if situation == Sweep {
            self.lost_edit((account, region), "mallory", "root");
            return self.sweep();
        }
        let (mallory, root) = (stage.administrator(account, "mallory"), json!({"runAsDefaultUser": "root"}));
        if stage.find(account, region).is_none() {
            mallory.creates(region, &root);
        } else {
            mallory.edits(region, &root);
        }
        if situation == Busy {
            let busy = json!({"service": "ssm", "via": VIA, "times": 1_000, "code": "ThrottlingException", "message": "Rate exceeded"});
            stage.aws.faults_via(VIA, &json!([busy]));
        }
    }

    fn lacks(&self, (action, situation, place, sign): Case) {
        if situation == Sweep {
            self.settles(place);
        }
        let whole = self.take(&REACTOR, action);
        self.deployed.start_afresh();
        self.forget();
        let known = self.denials(REACTOR.name, action);
        self.comes_about(situation, place);
        let before = self.await_denial(REACTOR.name, action, known);
        self.await_sign(sign, action, place);
        self.deployed.stage.pass(WAIT_SECONDS);
        self.await_denial(REACTOR.name, action, before);
        self.heals(action, &whole, place);
        self.nothing_was_put_aside();
    }

    /// The permission is given back, and whatever else stood in the way is over.
    fn heals(&self, action: &str, whole: &Value, place: (&str, &str)) {
        self.deployed.stage.aws.faults_via(VIA, &json!([]));
        self.deployed.put_policy(&REACTOR, whole);
        self.deployed.start_afresh();
        let what = format!("the edit is undone and alerted once {action} is given back");
        self.pass_until(&what, || self.is_undone(place, "mallory"), || self.explained(place));
    }
}

#[test]
fn work_that_lacks_a_permission_of_the_reactor_shows_and_is_tried_again_until_it_is_done() {
    let play = Play::of(Deployed::installed());
    for case in CASES {
        play.lacks(case);
    }

    // Each message is received ten times, and put aside for fourteen days: the alarm `PutAside`. One that is still in the queue
    // has most of its ten behind it, and would be put aside after the operator has sent the others to work again.
    let (action, place) = FOR_HOURS;
    let whole = play.take(&REACTOR, action);
    play.deployed.start_afresh();
    play.forget();
    play.comes_about(Edit, place);
    let all_are_put_aside =
        || play.dead() > 0 && play.deployed.messages_in(&play.deployed.hub.outputs["QueueUrl"]) == 0;
    play.pass_until("the messages are put aside", all_are_put_aside, || play.deployed.hub.logs());
    play.deployed.put_policy(&REACTOR, &whole);
    play.deployed.start_afresh();
    let mut variables = play.deployed.variables();
    let operator = play.deployed.session_of("RunasReactorOperator", &REDRIVES);
    variables.extend(operator.map(|(name, value)| (name.to_owned(), value)));
    Ran::of(&variables, &["redrive", "send", "--all"]).ends(0);
    play.pass_until("what was put aside is done", || play.is_undone(place, "mallory"), || play.explained(place));
    play.nothing_was_put_aside();
}
