//! In observe mode, and where we cannot look.

use runas_reactor::domain::signal::Cause;
use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::queue::{ReceivedAlert, kinds, work};
use super::stage::{APPLIANCE, HOME, PAYMENTS, PILOT, Stage, VIRGINIA, text_of};

/// An edit in an account that is that the reactor must not write to.
fn watched(account: &str) -> ReceivedAlert {
    let stage = Stage::set();
    stage.administrator(account, "setup").creates(HOME, &lza_inputs());
    stage.events();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(account, HOME)]);
    stage
        .administrator(account, "bob@example.com")
        .edits(HOME, &json!({"runAsEnabled": true, "runAsDefaultUser": "root2"}));
    stage.settle(&lambda);
    let document = stage.document(account, HOME);
    assert_eq!((document.default(), document.latest()), (2, 2), "not written");
    let writes = ["CreateDocument", "UpdateDocument", "UpdateDocumentDefaultVersion", "DeleteDocument"];
    let by_reactor = |call: &&Value| text_of(&call["session"]).starts_with("runas-reactor");
    let written =
        stage.calls("ssm").iter().filter(by_reactor).any(|call| writes.contains(&text_of(&call["action"]).as_str()));
    assert!(!written, "{:#?}", stage.calls("ssm"));
    let alerts = stage.alerts();
    let [alerts] = &alerts[..] else { panic!("one alert, and not {alerts:#?}") };
    alerts.assert_says(&["bob@example.com", "runAsDefaultUser  \"\" -> \"root2\""]);
    alerts.clone()
}

#[test]
fn edit_in_an_observed_account_is_alerted_and_left() {
    let alerts = watched(PILOT);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("edit_noticed", "warning"));
    alerts.assert_says(&["observe"]);
}

#[test]
fn edit_in_an_exempt_account_is_alerted_and_left() {
    let alerts = watched(APPLIANCE);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("exempt_touched", "info"));
    alerts.assert_says(&["appliance with its own users", "team-net"]);
}

#[test]
fn disabled_region_is_alerted_and_configured_once_it_is_enabled() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    stage.aws.switches(&json!({"regions_off": [{"account": PAYMENTS, "region": VIRGINIA}]}));
    stage.deliver(&[work(PAYMENTS, VIRGINIA, Cause::Sweep)]);
    assert_eq!(stage.pump(&lambda), 0);
    let row = &stage.rows_of(PAYMENTS, "REGION#")["REGION#us-east-1"];
    assert_eq!((&row["status"], &row["attention"]), (&json!("unreachable"), &json!("unreachable")));
    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts), ["unreachable"]);
    alerts[0].assert_says(&["UnrecognizedClientException"]);
    stage.deliver(&[work(PAYMENTS, VIRGINIA, Cause::Sweep)]);
    assert_eq!(stage.pump(&lambda), 0);
    assert_eq!(stage.alerts(), [], "alerted once");

    stage.aws.switches(&json!({"regions_off": []}));
    let enabled = json!({
        "version": "0", "id": "opt-in", "detail-type": "Region Opt-In Status Change", "source": "aws.account",
        "account": PAYMENTS, "region": VIRGINIA, "time": "2026-11-01T08:00:00Z", "resources": [],
        "detail": {"accountId": PAYMENTS, "regionName": VIRGINIA, "status": "ENABLED"},
    });
    stage.deliver(&[enabled]);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, VIRGINIA);
    assert_eq!(kinds(&stage.alerts()), ["reachable_again"]);
}

#[test]
fn missing_role_is_alerted_once_and_loses_no_edit() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    stage.aws.switches(&json!({"denied_roles": [{"account": PAYMENTS}]}));
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.deliver(&stage.events());
    // Without the sessions that were there before.
    let later = stage.lambda();
    assert_eq!(stage.pump(&later), 0);
    assert_eq!(stage.queued(), [0, 1, 0], "observed again");
    assert_eq!(kinds(&stage.alerts()), ["unreachable"]);
    stage.aws.switches(&json!({"denied_roles": []}));
    stage.pass(6);
    stage.settle(&later);
    stage.assert_right(PAYMENTS, HOME);
    let alerts = stage.alerts();
    assert!(kinds(&alerts).contains(&"edit_reverted".to_owned()), "{alerts:#?}");
    alerts.iter().find(|alerts| alerts.kind() == "edit_reverted").unwrap().assert_says(&["alice@example.com"]);
}
