//! The kill switches of `infra/ROLLOUT.md`, on the stack: what stops writing, what stops everything, and the ways back.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::Deployed;
use crate::deploy::hub::VIA;
use crate::e2e::stage::{HOME, PAYMENTS, text_of};

const ROLLOUT: &str = include_str!("../../../../infra/ROLLOUT.md");
/// A message is worked on sooner, on a machine that does other things too.
const A_WHILE: Duration = Duration::from_secs(4);

impl Deployed {
    /// A stack whose first policy observes, and whose second one enforces, with one document in order.
    fn rolled_out() -> Self {
        let deployed = Self::without_policy();
        let enforcing = deployed.stage.yaml.clone();
        let observing =
            enforcing.replace("mode: enforce", "mode: observe").replace("unplaced: enforce", "unplaced: observe");
        deployed.push(&observing, &["-m", "first"]);
        deployed.push(&enforcing, &["-m", "wave 1"]);
        deployed.stage.administrator(PAYMENTS, "alice").creates(HOME, &json!({"runAsEnabled": false}));
        deployed.come_to_rest();
        deployed.stage.assert_right(PAYMENTS, HOME);
        deployed.alerts();
        deployed
    }

    /// An edit that no policy wants, by the holder of a role; answers with the user that it sets.
    fn hostile_edit(&self, role: &str) -> String {
        let user = role.to_lowercase();
        self.stage.caller(PAYMENTS, role, "mallory").writes(HOME, &json!({"runAsDefaultUser": user}));
        user
    }

    fn user(&self) -> String {
        text_of(&self.stage.document(PAYMENTS, HOME).inputs()["runAsDefaultUser"])
    }

    /// The kinds of alerts since the last call.
    fn kinds(&self) -> Vec<String> {
        self.alerts().iter().map(|alert| text_of(&alert["kind"])).collect()
    }

    /// The rollback as the page has it. The function reads the policy once a minute; a process that starts now reads it at once.
    fn rolls_back(&self, version: &str) {
        self.runasctl(&["policy", "rollback", version, "-m", "stop: sessions fail in payments", "--limit", "1000000"])
            .ends(0);
        let other = json!({"FunctionName": "runas-reactor", "Timeout": 60});
        self.hub.aws("lambda", "update_function_configuration", &other);
    }

    fn mapping(&self) -> Value {
        let found = self.hub.aws("lambda", "list_event_source_mappings", &json!({"FunctionName": "runas-reactor"}));
        let [mapping] = &found["EventSourceMappings"].as_array().expect("a list")[..] else { panic!("one: {found}") };
        mapping["UUID"].clone()
    }

    fn feeds(&self, enabled: bool) {
        let call = json!({"UUID": self.mapping(), "Enabled": enabled});
        let state = self.hub.aws("lambda", "update_event_source_mapping", &call)["State"].take();
        assert_eq!(state, if enabled { "Enabled" } else { "Disabled" });
    }
}

#[test]
fn a_rollback_to_the_observing_policy_ends_writes_and_keeps_alerts_until_it_is_taken_back() {
    assert!(ROLLOUT.contains("policy rollback 1 -m \"stop: sessions fail in payments\" --limit 1000000"));
    let deployed = Deployed::rolled_out();
    deployed.hostile_edit("Deploy");
    deployed.come_to_rest();
    deployed.stage.assert_right(PAYMENTS, HOME);
    assert_eq!(deployed.kinds(), ["edit_reverted"]);

    deployed.rolls_back("1");
    // By another role: more of the same by the same one is counted in the incident that is open.
    let edited = deployed.hostile_edit("Support");
    deployed.come_to_rest();
    assert_eq!(deployed.user(), edited, "left alone");
    assert_eq!(deployed.kinds(), ["edit_noticed"]);

    deployed.rolls_back("2");
    deployed.hub.run_schedule("Sweep");
    deployed.hub.wait_until("the next sweep puts it right", || deployed.user() != edited);
    deployed.come_to_rest();
    deployed.stage.assert_right(PAYMENTS, HOME);
    let history = deployed.runasctl(&["policy", "history", "-o", "json"]).ends(0).out;
    assert_eq!(history.matches("stop: sessions fail in payments").count(), 2, "{history}");
}

#[test]
fn without_its_event_source_mapping_the_function_leaves_edits_in_the_queue_until_it_is_back() {
    assert!(ROLLOUT.contains("update-event-source-mapping --no-enabled --uuid"));
    let deployed = Deployed::rolled_out();
    deployed.feeds(false);
    // A poll that was under way takes what comes while it lasts.
    thread::sleep(A_WHILE);
    let before = deployed.stage.aws.log_via(VIA).len();
    let edited = deployed.hostile_edit("Deploy");
    assert_eq!(deployed.forward(), 1);
    thread::sleep(A_WHILE);
    assert_eq!(deployed.messages_in(&deployed.hub.outputs["QueueUrl"]), 1, "it waits");
    assert_eq!(deployed.stage.aws.log_via(VIA).len(), before, "the function calls nobody");
    assert_eq!((deployed.user(), deployed.kinds()), (edited, Vec::new()));

    deployed.feeds(true);
    deployed.come_to_rest();
    deployed.stage.assert_right(PAYMENTS, HOME);
    assert_eq!(deployed.kinds(), ["edit_reverted"]);
}
