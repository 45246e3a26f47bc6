//! A plan of a simulated target, the acts after it, and what it still approves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::PlanApproval;
use crate::cli::plan::entry::PlanEntry;
use crate::cli::plan::survey::look_at;
use crate::domain::case::{Case, Decision, Refusal, Write};
use crate::domain::policy::Policy;
use crate::domain::record::Loaded;
use crate::domain::target::{AccountFacts, AccountState, Target};
use crate::policy_file;
use crate::reactor::{Approval as _, preview};
use crate::sim::{Account, Caller, Sim, Switches};

const POLICY: &str = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1]
access: { roles: [RunasReactorMember] }
unplaced: enforce
defaults: { mode: enforce, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
"#;

/// One account, and the policy by which it is planned.
struct Stage {
    sim: Sim,
    policy: Policy,
    target: Target,
    alice: Caller,
}

impl Stage {
    fn set() -> Self {
        let epoch = "2026-11-02T08:00:00Z".parse().unwrap();
        let Ok((policy, _)) = policy_file::parse("the test's policy", POLICY, epoch) else { panic!("it is valid") };
        let target = Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap());
        let sim = Sim::new(Switches::PLAIN, epoch, 11);
        let facts = AccountFacts {
            account: target.account.clone(),
            name: "workload".to_owned(),
            ou_path: vec!["r-root".parse().unwrap()],
            state: AccountState::Active,
        };
        let roles = BTreeMap::from([("RunasReactorMember".to_owned(), epoch)]);
        let (regions_off, opted_in) = (BTreeSet::new(), BTreeSet::new());
        sim.put_account(Account { facts, roles, ready: epoch, regions_off, opted_in });
        let alice = Caller::administrator(&target.account, "alice@example.com");
        Self { sim, policy, target, alice }
    }

    /// A stage with a session document of two versions, the first of which is the default.
    fn with_document() -> Self {
        let stage = Self::set();
        stage.creates("sessions");
        stage.sim.update_text(&stage.target, &stage.alice, &session("other").to_string()).unwrap();
        stage
    }

    fn creates(&self, log_group: &str) {
        self.sim.create(&self.target, &self.alice, &session(log_group)).unwrap();
    }

    fn deletes(&self) {
        self.sim.delete_document(&self.target, &self.alice).unwrap();
    }

    /// What the reactor would do at this moment.
    async fn decides(&self) -> (Case, Decision) {
        let account = self.sim.find_account(&self.target.account).unwrap();
        let work = look_at(self.target.clone(), "plan", &self.sim);
        preview(&self.sim, &self.policy, &work, &account.facts, Loaded::default()).await.unwrap()
    }

    async fn plans(&self) -> PlanApproval {
        let (case, decision) = self.decides().await;
        assert!(decision.write.is_some(), "a plan without a write approves nothing: {decision:?}");
        PlanApproval::of(&[PlanEntry::decided(&case, &decision)])
    }

    /// Why the plan does not approve what the reactor would do at this moment.
    async fn refusal(&self, plan: &PlanApproval) -> Option<String> {
        let (case, decision) = self.decides().await;
        plan.approve(&case, &decision).err()
    }
}

fn session(log_group: &str) -> Value {
    json!({"schemaVersion": "1.0", "description": "", "sessionType": "Standard_Stream", "inputs": {"cloudWatchLogGroupName": log_group}})
}

#[tokio::test]
async fn a_document_as_the_plan_saw_it_may_be_written() {
    for stage in [Stage::set(), Stage::with_document()] {
        assert_eq!(stage.refusal(&stage.plans().await).await, None);
    }
}

#[tokio::test]
async fn a_document_that_changed_since_is_refused_with_the_difference() {
    type Act = fn(&Stage);
    let changes: [(Stage, Act, &str); 4] = [
        (
            Stage::with_document(),
            |stage| drop(stage.sim.edit_inputs(&stage.target, &stage.alice, &json!({"runAsEnabled": false}))),
            "the latest version was 2 and the default 1; now they are 3 and 3",
        ),
        (
            Stage::with_document(),
            |stage| {
                stage.deletes();
                stage.creates("renewed");
                stage.sim.update_text(&stage.target, &stage.alice, &session("other").to_string()).unwrap();
            },
            "the document was deleted and made anew",
        ),
        (Stage::with_document(), Stage::deletes, "there was a document, and now there is none"),
        (Stage::set(), |stage| stage.creates("sessions"), "there was no document, and now there is one (version 1)"),
    ];
    for (stage, act, why) in changes {
        let plan = stage.plans().await;
        act(&stage);
        assert_eq!(stage.refusal(&plan).await.as_deref(), Some(why));
    }
}

#[tokio::test]
async fn a_write_without_a_clear_answer_is_named_where_the_document_has_changed() {
    let stage = Stage::with_document();
    let plan = stage.plans().await;
    stage.sim.edit_inputs(&stage.target, &stage.alice, &json!({"runAsEnabled": false})).unwrap();
    let (mut case, decision) = stage.decides().await;
    let before = plan.approve(&case, &decision).unwrap_err();
    case.refused.push(Refusal::Conflict);
    assert_eq!(plan.approve(&case, &decision), Err(before.clone()), "it is known not to have landed");
    case.refused.push(Refusal::Unconfirmed);
    let after = plan.approve(&case, &decision).unwrap_err();
    assert_eq!(after, format!("{before}; a write of this run had no clear answer, and may be part of that"));
}

#[tokio::test]
async fn what_another_run_has_written_of_the_plan_may_be_finished() {
    let stage = Stage::with_document();
    let plan = stage.plans().await;
    let (_, decision) = stage.decides().await;
    let Some(Write::Put { content, .. }) = decision.write else { panic!("{decision:?}") };
    stage.sim.update_text(&stage.target, &stage.alice, &content.render(0)).unwrap();
    let (case, decision) = stage.decides().await;
    assert_eq!(decision.write, Some(Write::Promote { version: 3 }));
    assert_eq!(plan.approve(&case, &decision), Ok(()));
    let other = Decision { write: Some(Write::Promote { version: 2 }), ..decision };
    assert!(plan.approve(&case, &other).is_err(), "version 2 has not the planned content");
    stage.sim.move_default(&stage.target, &stage.alice, 3).unwrap();
    assert_eq!(stage.refusal(&plan).await, None, "it is already right");
}

#[tokio::test]
async fn a_document_between_deletion_and_recreation_is_made_anew_only_after_an_attempt() {
    let stage = Stage::set();
    let command = json!({"schemaVersion": "2.2", "mainSteps": []}).to_string();
    stage.sim.create_of_type(&stage.target, &stage.alice, "Command", &command).unwrap();
    let plan = stage.plans().await;
    stage.deletes();
    let (mut case, decision) = stage.decides().await;
    assert!(plan.approve(&case, &decision).is_err(), "another principal deleted it");
    case.redelivered = true;
    assert_eq!(plan.approve(&case, &decision), Ok(()), "a run before this one may have deleted it");
    case.redelivered = false;
    case.refused.push(Refusal::Unconfirmed);
    assert_eq!(plan.approve(&case, &decision), Ok(()), "this run may have deleted it");
}

#[tokio::test]
async fn a_write_that_the_plan_does_not_show_is_refused() {
    let stage = Stage::with_document();
    let plan = stage.plans().await;
    let (case, decision) = stage.decides().await;
    let Some(Write::Put { base, content }) = decision.write.clone() else { panic!("{decision:?}") };
    let (_, Decision { write: Some(Write::Put { content: other, .. }), .. }) = Stage::set().decides().await else {
        panic!("a missing document is written")
    };
    let writes = [
        Write::Put { base: base.map(|base| base - 1), content: content.clone() },
        Write::Put { base, content: other },
        Write::Recreate { content },
        Write::Promote { version: 2 },
        Write::Unshare { accounts: vec!["all".to_owned()] },
    ];
    for write in writes {
        let decision = Decision { write: Some(write), ..decision.clone() };
        let refused = plan.approve(&case, &decision).expect_err("it was not planned");
        assert_eq!(refused, "what would be written now is not what the plan shows", "{decision:?}");
    }
    let elsewhere = Case { target: Target::new(case.target.account.clone(), "us-east-1".parse().unwrap()), ..case };
    let refused = plan.approve(&elsewhere, &decision).expect_err("it is no entry");
    assert_eq!(refused, "the plan has no entry of 444455556666/us-east-1");
}
