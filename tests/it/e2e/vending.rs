//! New accounts: configured everywhere as soon as they can be, and remembered.

use serde_json::{Value, json};

use super::queue::kinds;
use super::stage::{APPLIANCE, MANAGEMENT, MEMBERS, PILOT, REGIONS, Stage, text_of};

const NEWCOMER: &str = "888899990000";
const LATECOMER: &str = "999900001111";

/// No document without a row that remembers it, and no row without facts about its account.
fn assert_remembered(stage: &Stage) {
    let rows = stage.rows();
    let documents = stage.aws.documents();
    for (account, regions) in documents.as_object().unwrap() {
        for region in regions.as_object().unwrap().keys() {
            assert!(rows.contains_key(&format!("ACCOUNT#{account} REGION#{region}")), "{account}/{region}");
            assert!(rows.contains_key(&format!("ACCOUNT#{account} META")), "{account}");
        }
    }
}

#[test]
fn new_account_is_configured_in_every_governed_region_and_recorded() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver(&[stage.vend(NEWCOMER)]);
    assert_eq!(stage.pump(&lambda), 0);
    for region in REGIONS {
        stage.assert_right(NEWCOMER, region);
        assert_eq!(stage.document(NEWCOMER, region).latest(), 1);
    }
    assert_eq!(stage.queued(), [0, 3, 0], "each region is watched until our own event has come back");
    stage.settle(&lambda);

    assert_remembered(&stage);
    let rows = stage.rows_of(NEWCOMER, "");
    let meta = &rows["META"];
    assert_eq!((&meta["name"], &meta["state"]), (&json!("newcomer"), &json!("active")));
    assert!(text_of(&meta["ou_path"]).starts_with("r-"), "directly under the root: {meta}");
    for region in REGIONS {
        let row = &rows[&format!("REGION#{region}")];
        assert_eq!((&row["status"], &row["attention"]), (&json!("in_sync"), &Value::Null), "{row}");
        assert!(row["configured"].is_string(), "{row}");
        assert!(text_of(&row["record"]).contains("\"echoes\""), "the reactor's own event has come back: {row}");
    }
    assert_eq!(stage.alerts(), [], "there is nothing to tell");
}

#[test]
fn account_that_is_not_ready_is_waited_for_and_then_configured() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    let vended = [stage.vend(NEWCOMER), stage.vend(LATECOMER)];
    stage.aws.switches(&json!({
        "not_ready": [{"account": NEWCOMER}],
        "denied_roles": [{"account": LATECOMER, "role": "RunasReactorMember"}],
    }));
    stage.deliver(&vended);
    assert_eq!(stage.pump(&lambda), 0, "waiting is no failed receive");
    assert_eq!(stage.queued(), [0, 6, 0], "a successor for each target");
    for account in [NEWCOMER, LATECOMER] {
        for region in REGIONS {
            assert!(stage.find(account, region).is_none());
            let row = &stage.rows_of(account, "REGION#")[&format!("REGION#{region}")];
            assert_eq!((&row["status"], &row["attention"]), (&json!("waiting"), &json!("waiting")), "{row}");
        }
    }
    let why = |account: &str| text_of(&stage.rows_of(account, "REGION#")["REGION#eu-west-1"]["why"]);
    assert!(why(NEWCOMER).contains("SubscriptionRequiredException"), "{}", why(NEWCOMER));
    assert!(why(LATECOMER).contains("no role admits the reactor"), "{}", why(LATECOMER));
    assert_eq!(stage.alerts(), [], "a new account is not ready at first, and nobody has to hear of it");

    stage.aws.switches(&json!({"not_ready": [], "denied_roles": []}));
    stage.pass(6);
    assert_eq!(stage.pump(&lambda), 0);
    for account in [NEWCOMER, LATECOMER] {
        for region in REGIONS {
            stage.assert_right(account, region);
        }
    }
    stage.settle(&lambda);
    assert_remembered(&stage);
    assert_eq!(stage.alerts(), []);
}

#[test]
fn the_first_sweep_puts_the_whole_organisation_right_but_for_what_is_only_watched() {
    let stage = Stage::set();
    let vendor = json!({"runAsEnabled": true, "runAsDefaultUser": "vendor"});
    for account in [APPLIANCE, PILOT] {
        stage.administrator(account, "setup").creates("eu-west-1", &vendor);
    }
    stage.events();
    let lambda = stage.lambda();
    stage.deliver(&[json!({"kind": "sweep", "schema": 1, "scheduledTime": "2026-11-02T08:00:00Z"})]);
    stage.settle(&lambda);
    for account in MEMBERS.into_iter().chain([MANAGEMENT]).filter(|account| ![APPLIANCE, PILOT].contains(account)) {
        for region in REGIONS {
            stage.assert_right(account, region);
        }
    }
    for account in [APPLIANCE, PILOT] {
        let document = stage.document(account, "eu-west-1");
        assert_eq!((document.latest(), &document.inputs()["runAsDefaultUser"]), (1, &json!("vendor")));
        assert!(stage.find(account, "us-east-1").is_none(), "not made in {account}");
    }
    assert_remembered(&stage);
    assert_eq!(stage.rows().keys().filter(|key| key.contains(" REGION#")).count(), 21);
    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts), ["drift_observed"; 3], "{alerts:#?}");
    assert!(alerts.iter().all(|alerts| alerts.body["account"] == PILOT), "{alerts:#?}");
}
