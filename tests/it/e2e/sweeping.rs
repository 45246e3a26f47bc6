//! Sweeps with the real function: the whole organisation, the management account included, at the cost of one call a target.

use std::collections::BTreeSet;

use runas_reactor::domain::target::DOCUMENT_NAME;
use serde_json::{Value, json};

use super::queue::kinds;
use super::stage::{
    APPLIANCE, HUB, MANAGEMENT, MEMBERS, PATIENCE, PAYMENTS, PILOT, REGIONS, SANDBOX, SEARCH, Stage, text_of,
};
use crate::support::lambda::{Lambda, Outcome};

impl Stage {
    /// The schedule's word, and everything that follows from it.
    fn sweep(&self, lambda: &Lambda, id: &str) {
        self.deliver(&[json!({"kind": "sweep", "schema": 1, "executionId": id})]);
        self.settle(lambda);
    }

    /// The state of an account as the ledger knows it.
    fn state_of(&self, account: &str) -> String {
        text_of(&self.rows_of(account, "META")["META"]["state"])
    }

    /// Where the last sweep has come to.
    fn last_sweep(&self) -> Value {
        self.rows()["SWEEP LAST"].clone()
    }

    /// Moves an account into the OU of another, and tells nobody.
    fn move_beside(&self, account: &str, other: &str) {
        let client = self.organizations();
        let parent = |child: &str| {
            let parents = self.run(client.list_parents().child_id(child).send()).expect("it is there").parents;
            parents.and_then(|mut parents| parents.pop()?.id).expect("it is somewhere")
        };
        let (from, to) = (parent(account), parent(other));
        let request = client.move_account().account_id(account).source_parent_id(from).destination_parent_id(to);
        self.run(request.send()).expect("accounts can be moved");
    }
}

#[test]
fn a_target_in_sync_takes_one_call_and_no_write_in_every_sweep_but_the_first_two() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.sweep(&lambda, "first");
    stage.sweep(&lambda, "second");
    let rows = stage.rows();
    stage.aws.clear_log();
    stage.sweep(&lambda, "third");
    let in_sync = [HUB, PAYMENTS, SEARCH, SANDBOX, MANAGEMENT];
    let calls = stage.calls("ssm");
    for account in in_sync {
        let made: Vec<&Value> = calls.iter().filter(|call| call["account"] == account).collect();
        let actions: Vec<String> = made.iter().map(|call| text_of(&call["action"])).collect();
        assert_eq!(actions, ["DescribeDocument"; 3], "{account}");
        assert!(made.iter().all(|call| call["target"] == DOCUMENT_NAME), "{made:#?}");
    }
    let others = calls.iter().filter(|call| [APPLIANCE, PILOT].contains(&text_of(&call["account"]).as_str())).count();
    assert!(others > 6, "what is not in sync gets the full look, each time: {others}");
    let records = |rows: &std::collections::BTreeMap<String, Value>| -> Vec<(String, Value)> {
        rows.clone().into_iter().filter(|(key, _)| key.contains(" REGION#")).collect()
    };
    assert_eq!(records(&stage.rows()), records(&rows), "no row of a target was written");
    let transactions = stage.actions("dynamodb").into_iter().filter(|action| action == "TransactWriteItems").count();
    assert_eq!(transactions, 0);
    let sweep = stage.last_sweep();
    assert_eq!(
        (&sweep["state"], &sweep["accounts"], &sweep["targets"]),
        (&json!("ended"), &json!(7), &json!(21)),
        "{sweep}"
    );
}

/// However many processes there are: all that a sweep looks at in an account is looked at by one of them.
#[test]
fn a_sweep_assumes_one_role_an_account_even_where_each_batch_goes_to_another_process() {
    let stage = Stage::set();
    stage.sweep(&stage.lambda(), "first");
    let before = stage.aws.assumed().len();
    stage.deliver(&[json!({"kind": "sweep", "schema": 1, "executionId": "second"})]);
    while stage.queued()[0] > 0 {
        assert_eq!(stage.invoke(&stage.lambda(), &stage.receive()), 0);
    }
    let assumed = stage.aws.assumed();
    let mut accounts: Vec<String> = assumed[before..].iter().map(|role| text_of(&role["account"])).collect();
    accounts.sort();
    let mut expected = MEMBERS.into_iter().chain([MANAGEMENT]).collect::<Vec<_>>();
    expected.sort_unstable();
    assert_eq!(accounts, expected);
    let by_the_hub =
        |role: &&Value| (&role["role"], &role["caller_account"]) == (&json!("RunasReactorMember"), &json!(HUB));
    assert_eq!(assumed.iter().find(|role| !by_the_hub(role)), None, "the management account's among them");
}

#[test]
fn change_of_the_organisation_without_an_event_is_found_by_a_sweep() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.sweep(&lambda, "first");
    stage.alerts();
    stage.move_beside(SANDBOX, SEARCH);
    let gone = stage.organizations().remove_account_from_organization().account_id(PAYMENTS);
    stage.run(gone.send()).expect("an account can be removed");
    stage.aws.clear_log();
    stage.sweep(&lambda, "second");
    for region in REGIONS {
        let inputs = stage.document(SANDBOX, region).inputs();
        assert_eq!(inputs["runAsDefaultUser"], "prodops", "the baseline of its new OU: {inputs}");
    }
    assert_eq!((stage.state_of(PAYMENTS).as_str(), stage.state_of(SANDBOX).as_str()), ("left", "active"));
    assert!(!stage.rows_of(PAYMENTS, "REGION#").is_empty(), "kept as history");
    assert!(stage.calls("ssm").iter().all(|call| call["account"] != PAYMENTS), "and not looked at any more");
    assert_eq!(kinds(&stage.alerts()), [""; 0]);
}

#[test]
fn author_of_an_edit_without_an_event_is_found_in_cloudtrail() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.sweep(&lambda, "first");
    stage.alerts();
    stage.administrator(PAYMENTS, "mallory@example.com").edits("eu-west-1", &json!({"runAsEnabled": false}));
    stage.pipeline(SEARCH).edits("eu-central-1", &json!({"cloudWatchLogGroupName": "AWSAccelerator-sessions-2027"}));
    stage.events(); // lost
    stage.aws.clear_log();
    stage.sweep(&lambda, "second");
    stage.assert_right(PAYMENTS, "eu-west-1");
    let kept = stage.document(SEARCH, "eu-central-1").inputs();
    assert_eq!(kept["cloudWatchLogGroupName"], "AWSAccelerator-sessions-2027", "trusted, and kept");
    let mut alerts = stage.alerts();
    alerts.sort_by_key(|alerts| alerts.severity() == "info");
    let [undone, noticed] = &alerts[..] else { panic!("two alerts, and not {alerts:#?}") };
    undone.assert_says(&["Admin (mallory@example.com) wrote version ", "(not trusted)", "runAsEnabled  true -> false"]);
    assert_eq!((noticed.kind().as_str(), noticed.severity().as_str()), ("edit_kept", "info"));
    let lookups = stage.calls("cloudtrail");
    let places: BTreeSet<(String, String)> =
        lookups.iter().map(|call| (text_of(&call["account"]), text_of(&call["region"]))).collect();
    let two = [(SEARCH, "eu-central-1"), (PAYMENTS, "eu-west-1")].map(|(a, r)| (a.to_owned(), r.to_owned()));
    assert_eq!(places, two.into(), "nothing else was a riddle");
    let scopes: BTreeSet<String> = stage.aws.assumed().iter().map(|it| it["policy"]["Statement"].to_string()).collect();
    assert_eq!(
        scopes.len(),
        2 + MEMBERS.len(),
        "one for each account's document, and one to look events up: {scopes:#?}"
    );
}

/// The function is killed while a call of a sweep's step hangs, and the message comes again to another process.
fn killed_during(fault: &Value) {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver(&[json!({"kind": "sweep", "schema": 1, "executionId": "first"})]);
    let begun = stage.receive();
    assert_eq!(stage.invoke(&lambda, &begun), 0);
    let mut hang = json!({"delay_ms": 60_000, "drop": true});
    hang.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
    stage.aws.faults(&json!([hang]));
    let step = stage.receive();
    assert_eq!(step.len(), 1);
    let invocation = lambda.begin(&step.event(), PATIENCE);
    stage.aws.await_faults(PATIENCE);
    lambda.kill();
    assert_eq!(invocation.wait(), Outcome::Died);
    assert_eq!(stage.last_sweep()["state"], "under way");

    stage.aws.faults(&json!([]));
    stage.reappear(&step);
    stage.settle(&stage.lambda());
    let sweep = stage.last_sweep();
    assert_eq!((&sweep["state"], &sweep["accounts"], &sweep["targets"]), (&json!("ended"), &json!(7), &json!(21)));
    stage.assert_right(PAYMENTS, "eu-west-1");
    stage.assert_right(MANAGEMENT, "us-east-1");
    assert_eq!(kinds(&stage.alerts()), ["drift_observed"; 3]);
}

#[test]
fn a_sweep_that_is_killed_before_the_next_step_is_sent_goes_on() {
    // The first batch holds the accounts.
    killed_during(&json!({"service": "sqs", "action": "SendMessageBatch", "skip": 1}));
}

#[test]
fn ungoverned_region_is_alerted_and_shown_by_status() {
    let stage = Stage::set();
    stage.put_policy(&stage.yaml, Some(1));
    let lambda = stage.lambda_with(&[("RUNAS_POLICY", "table")]);
    stage.sweep(&lambda, "first");
    let on = |account: &str, region: &str| json!({"account": account, "region": region});
    stage.aws.switches(&json!({"regions_on": [
        on(SEARCH, "me-south-1"), on(PAYMENTS, "me-south-1"), on(APPLIANCE, "ap-east-1")]}));
    stage
        .aws
        .faults(&json!([{"service": "account", "account": PILOT, "code": "AccessDeniedException", "status": 403}]));
    stage.sweep(&lambda, "second");
    lambda.await_log("which regions are enabled is not known anew", PATIENCE);
    stage.alerts();
    stage.sweep(&lambda, "third");
    let alerts = stage.alerts();
    let [alerts] = &alerts[..] else { panic!("one alert, and not {alerts:#?}") };
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("region_ungoverned", "warning"));
    alerts.assert_says(&[
        "me-south-1, enabled in 2 accounts, such as ",
        "new since the last sweep",
        "add them to `regions` of the policy",
    ]);
    assert!(!alerts.text().contains("ap-east-1"), "the appliance is exempt: {}", alerts.text());
    stage.sweep(&lambda, "fourth");
    assert_eq!(kinds(&stage.alerts()), [""; 0]);

    let status = stage.runasctl(&[], &["status"]);
    let (first, second) = (PAYMENTS.min(SEARCH), PAYMENTS.max(SEARCH));
    let line = format!("enabled, but not governed, in 2 accounts ({first}, {second}): me-south-1\n");
    assert!(status.out.contains(&line), "{}", status.out);
    let data = stage.runasctl(&[], &["status", "-o", "json"]).data();
    assert_eq!(data["ungoverned"], json!([{"regions": ["me-south-1"], "accounts": [first, second]}]));
    assert_eq!(data["regions_not_reported"], json!(0), "what was reported once stays, although one was denied since");
}
