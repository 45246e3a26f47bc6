//! The member role, which is another one in each account: all that it lacks is played at the same time, each in an account of
//! its own.

use aws_sdk_ssm::types::{DocumentPermissionType, DocumentType};
use runas_reactor::domain::target::DOCUMENT_NAME;
use serde_json::{Value, json};

use super::play::{Play, Sign, WAIT_SECONDS};
use crate::e2e::hub::Deployed;
use crate::e2e::hub::chain::{JAKARTA, MEMBER_ROLE, OTHERS};
use crate::e2e::hub::roles::Role;
use crate::e2e::stage::HOME;

/// What comes about while the permission is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Situation {
    /// An administrator edits the document.
    Edit,
    /// The same, and the event gets lost.
    LostEdit,
    /// An administrator deletes it.
    Deletion,
    /// An administrator puts a document of another type in its place.
    OtherType,
    /// The same, and shares it.
    Shared,
    /// Nothing: the sweep looks.
    Quiet,
    /// The account switches a region on that the policy does not govern.
    Region,
}

use Situation::{Deletion, Edit, LostEdit, OtherType, Quiet, Region, Shared};

const UNREAD: Sign = Sign::Alert("unreachable", "cannot be read");
const UNWRITTEN: Sign = Sign::Alert("unreachable", "denies the reactor the write");

/// The action, the account, what comes about, and what shows.
type Case = (&'static str, &'static str, Situation, Sign);

pub(super) const CASES: [Case; 11] = [
    ("ssm:GetDocument", "800000000001", Edit, UNREAD),
    ("ssm:ListDocumentVersions", "800000000002", Edit, UNREAD),
    ("ssm:UpdateDocument", "800000000003", Edit, UNWRITTEN),
    ("ssm:UpdateDocumentDefaultVersion", "800000000004", Edit, UNWRITTEN),
    ("ssm:CreateDocument", "800000000005", Deletion, UNWRITTEN),
    ("ssm:DeleteDocument", "800000000006", OtherType, UNWRITTEN),
    ("ssm:DescribeDocumentPermission", "800000000007", OtherType, UNWRITTEN),
    ("ssm:ModifyDocumentPermission", "800000000008", Shared, UNWRITTEN),
    ("ssm:DescribeDocument", "800000000009", Quiet, Sign::Log("the quick check is denied")),
    ("account:ListRegions", "800000000010", Region, Sign::Log("which regions are enabled is not known anew")),
    ("cloudtrail:LookupEvents", "800000000011", LostEdit, Sign::Log("CloudTrail does not tell who made a change")),
];

fn role_in(account: &str) -> Role<'_> {
    Role { account, name: MEMBER_ROLE, policy: "document" }
}

impl Play {
    fn comes_about_in(&self, account: &str, situation: Situation) {
        let stage = &self.deployed.stage;
        let mallory = stage.administrator(account, "mallory");
        match situation {
            Edit | LostEdit => {
                mallory.edits(HOME, &json!({"runAsDefaultUser": "root"}));
            }
            Deletion => mallory.deletes(HOME),
            OtherType | Shared => {
                mallory.deletes(HOME);
                let ssm = mallory.ssm(HOME);
                let content = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "run",
                    "inputs": {"runCommand": ["id"]}}]});
                let create = ssm.create_document().name(DOCUMENT_NAME).document_type(DocumentType::Command);
                stage.run(create.content(content.to_string()).send()).expect("there is none");
                if situation == Shared {
                    let share = ssm.modify_document_permission().name(DOCUMENT_NAME);
                    let share = share.permission_type(DocumentPermissionType::Share).account_ids_to_add(OTHERS[0]);
                    stage.run(share.send()).expect("it can be shared");
                }
            }
            Quiet => {}
            Region => stage.aws.switches(&json!({"regions_on": [{"account": account, "region": JAKARTA}]})),
        }
        if situation == LostEdit {
            stage.events();
        }
    }

    /// What there is to see of a case once its permission is back.
    fn is_over(&self, (_, account, situation, _): Case) -> bool {
        match situation {
            Edit | Deletion | OtherType | Shared => self.is_undone((account, HOME), "mallory"),
            // The name was asked for in vain once; the document is right, and on-call alarmed without it.
            LostEdit => self.is_undone((account, HOME), "edit_reverted"),
            Quiet => self.is_right((account, HOME)),
            Region => {
                let alerted = self.is_alerted_of_a_region();
                self.is_right((account, HOME)) && alerted
            }
        }
    }

    fn is_alerted_of_a_region(&self) -> bool {
        self.any_alert(|alert| alert["kind"] == "region_ungoverned" && alert.to_string().contains(JAKARTA))
    }

    /// How often each action was denied.
    fn denied(&self) -> [usize; CASES.len()] {
        let checks = self.deployed.hub.checks();
        let denied = |action: &str| {
            checks.iter().filter(|it| it.role == MEMBER_ROLE && it.action == action && !it.allowed).count()
        };
        CASES.map(|(action, ..)| denied(action))
    }
}

#[test]
fn account_that_lacks_a_permission_of_its_member_role_is_shown_and_corrected_once_it_is_back() {
    let accounts = CASES.map(|(_, account, ..)| account);
    let play = Play::of(Deployed::installed_for(&accounts));
    for account in accounts {
        play.deployed.stage.administrator(account, "alice").creates(HOME, &json!({"runAsEnabled": false}));
    }
    play.come_to_rest();
    play.forget();

    // Lost edits first: the events of all others come.
    let whole: Vec<Value> = CASES.iter().map(|(action, account, ..)| play.take(&role_in(account), action)).collect();
    let (lost, others): (Vec<_>, Vec<_>) = CASES.into_iter().partition(|case| case.2 == LostEdit);
    for (_, account, situation, _) in lost.into_iter().chain(others) {
        play.comes_about_in(account, situation);
    }
    play.sweep();
    let counts = || format!("{:?}; {}", play.denied(), play.deployed.hub.logs());
    play.pass_until("each action is denied", || !play.denied().contains(&0), counts);
    for (action, account, _, sign) in CASES {
        play.await_sign(sign, action, (account, HOME));
    }
    let before = play.denied();
    play.deployed.stage.pass(WAIT_SECONDS);
    play.sweep();
    // But for the name, which is asked for once.
    let is_again = |((case, now), known): ((Case, usize), usize)| case.2 == LostEdit || now > known;
    let again = || CASES.into_iter().zip(play.denied()).zip(before).all(is_again);
    play.pass_until("each action is denied again", again, || format!("{before:?}, and now {}", counts()));

    // A sweep tells of the regions that the one before has found, and this was the second.
    assert!(!play.is_alerted_of_a_region(), "the function cannot list that account's regions");

    for ((_, account, ..), whole) in CASES.iter().zip(&whole) {
        play.deployed.put_policy(&role_in(account), whole);
    }
    play.sweep();
    play.come_to_rest();
    play.sweep();
    let left = || {
        let left = CASES.into_iter().filter(|case| !play.is_over(*case));
        left.map(|case| format!("{case:?}: {} {:#?}", play.why((case.1, HOME)), play.alerts(case.1)))
            .collect::<Vec<_>>()
            .join("\n")
    };
    play.pass_until("all of them end well", || CASES.into_iter().all(|case| play.is_over(case)), left);
    play.nothing_was_put_aside();

    // Who made a change is known again.
    let (_, account, ..) = CASES[CASES.len() - 1];
    play.settles((account, HOME));
    play.lost_edit((account, HOME), "trudy", "admin");
    play.sweep();
    play.pass_until(
        "the event history names her",
        || play.is_undone((account, HOME), "trudy"),
        || play.explained((account, HOME)),
    );
}
