//! Messages that are not what they should be: put aside, ignored, or not believed, and never in the way of others.

use runas_reactor::domain::signal::Cause;
use serde_json::json;

use super::queue::{ReceivedAlert, created, kinds, organizations_event, work};
use super::stage::{FRANKFURT, HOME, HUB, MANAGEMENT, PATIENCE, PAYMENTS, SEARCH, Stage};
use crate::support::lambda::has_a_key_twice;

#[test]
fn undecodable_message_is_kept_with_its_reason_and_alerted_once_while_others_are_served() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    stage.administrator(PAYMENTS, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    let broken = "{ this is not JSON".to_owned();
    let wrong = json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.ssm", "account": 7, "region": HOME,
        "detail": {"eventName": "UpdateDocument", "eventVersion": "1.11"}});
    let list = "[1, 2]".to_owned();
    // As long as a message in SQS can be.
    let long = format!("[{}", "\"x".repeat((1_048_576 - 1) / 2));
    let undecodable = [broken, wrong.to_string(), list, long];
    for text in &undecodable {
        stage.deliver_texts(&[text]);
    }
    stage.deliver(&stage.events());
    stage.deliver(&[created("123", MANAGEMENT, "no-account"), work(SEARCH, HOME, Cause::Sweep)]);

    let batch = stage.receive();
    assert_eq!(batch.len(), 8);
    assert_eq!(stage.invoke(&lambda, &batch), 0, "handed back; {:#?}", lambda.logs());
    stage.assert_right(PAYMENTS, HOME);
    stage.assert_right(SEARCH, HOME);
    let alerts = stage.alerts();
    let (aside, served): (Vec<ReceivedAlert>, Vec<ReceivedAlert>) =
        alerts.into_iter().partition(|alerts| alerts.kind() == "undecodable_message");
    assert_eq!(kinds(&served), ["edit_reverted"]);
    assert_eq!(aside.len(), 5);
    assert!(aside.iter().all(|alerts| alerts.severity() == "warning" && alerts.body["account"] == HUB), "{aside:#?}");
    let dead = stage.dead_letters();
    for (text, reason) in undecodable.iter().zip(["not usable as JSON", "`account`", "no object", "not usable as JSON"])
    {
        let (body, why) = dead.iter().find(|(body, _)| text.starts_with(body.as_str())).expect("it is put aside");
        assert!(why.contains(reason), "{why}");
        assert!(body.len() > 1_000_000 || body == text, "as it was, or as much as SQS takes");
        assert!(
            body.len() + "reasonString".len() + why.len() <= 1_048_576,
            "SQS counts attributes, the emulator does not"
        );
        assert!(aside.iter().any(|alerts| alerts.text().contains(why)), "{why}");
    }
    assert_eq!(dead.len(), 5);

    // It was served, and the answer got lost.
    assert_eq!(stage.invoke(&lambda, &batch), 0);
    assert_eq!(stage.alerts(), []);
}

#[test]
fn members_claim_about_the_organisation_is_untrusted_and_alerted_once_an_hour_and_counted() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(SEARCH, HOME)]);
    let rows = stage.rows();
    let departed = json!({"accountDepartedOrganizationStatus": {"accountId": SEARCH}});
    let forged = [
        organizations_event("AccountDepartedOrganization", &departed, PAYMENTS, "forged-departure"),
        created(SEARCH, PAYMENTS, "forged-account"),
    ];
    for _ in 0..2 {
        stage.deliver(&forged);
        stage.settle(&lambda);
    }
    let alerts = stage.alerts();
    let sent = stage.rows_of(HUB, &format!("SENT#untrusted_source:{PAYMENTS}:"));
    // Two only where the hour ended in between.
    assert!(kinds(&alerts).iter().all(|kind| kind == "untrusted_source") && alerts.len() == sent.len(), "{alerts:#?}");
    assert!(sent.len() == 1 || sent.len() == 2, "{sent:#?}");
    assert_eq!(sent.values().filter_map(|row| row["count"].as_i64()).sum::<i64>(), 4, "nothing is uncounted");
    assert!(alerts.iter().all(|alerts| alerts.text().contains(&format!("from {PAYMENTS}"))), "{alerts:#?}");
    let mut after = stage.rows();
    after.retain(|key, _| !key.starts_with(&format!("ACCOUNT#{HUB} SENT#untrusted_source:")));
    assert_eq!(after, rows, "nothing else came of it");
    // It is still governed.
    stage.administrator(SEARCH, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&lambda);
    stage.assert_right(SEARCH, HOME);
}

#[test]
fn event_not_sent_by_aws_or_replayed_has_no_effect_and_is_alerted_and_counted() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME)]);
    let alice = stage.administrator(PAYMENTS, "alice@example.com");
    alice.writes(HOME, &json!({"runAsEnabled": false}));
    let [edit] = &stage.events()[..] else { panic!("one event") };
    let mut forged = edit.clone();
    forged["source"] = json!("custom.ssm");
    let mut replayed = edit.clone();
    replayed["replay-name"] = json!("last-week");
    let mut unrelated = forged.clone();
    unrelated["detail"]["requestParameters"]["name"] = json!("AWS-RunShellScript");
    stage.deliver(&[forged, replayed, unrelated]);
    assert_eq!(stage.pump(&lambda), 0);
    assert_eq!(stage.document(PAYMENTS, HOME).latest(), 2, "nobody checked");
    let (alerts, sent) = (stage.alerts(), stage.rows_of(HUB, "SENT#untrusted_source:"));
    assert!(alerts.len() == sent.len() && (1..=2).contains(&alerts.len()), "{alerts:#?} {sent:#?}");
    assert!(sent.keys().all(|key| key.contains(PAYMENTS)), "{sent:#?}");
    assert_eq!(
        sent.values().filter_map(|row| row["count"].as_i64()).sum::<i64>(),
        2,
        "the unrelated one is not counted"
    );
    alerts[0].assert_says(&["who may put events on the bus"]);
}

#[test]
fn every_line_of_the_log_has_each_key_once_and_names_the_message_that_it_is_about() {
    assert!(has_a_key_twice(r#"{"level":"INFO","message":"m-1","message":"ignored"}"#));
    assert!(!has_a_key_twice(r#"{"a":{"a":1},"b":[{"a":1}]}"#) && !has_a_key_twice("no JSON"));
    let stage = Stage::set();
    let lambda = stage.lambda_with(&[("AWS_MAX_ATTEMPTS", "1")]);
    let mut forged = created(SEARCH, MANAGEMENT, "forged");
    forged["source"] = json!("custom.organizations");
    let throttled = json!([{"service": "ssm", "action": "*", "code": "ThrottlingException", "times": 50}]);
    stage.aws.faults(&throttled);
    stage.deliver_texts(&["{ this is not JSON"]);
    stage.deliver(&[forged, json!({"detail-type": "order placed", "source": "shop.orders", "account": PAYMENTS})]);
    stage.deliver(&[created(SEARCH, PAYMENTS, "of-a-member"), work(PAYMENTS, HOME, Cause::Sweep)]);
    stage.invoke(&lambda, &stage.receive());
    for about in ["undecodable: put aside", "\"ignored\"", "\"untrusted_source\"", "message comes again"] {
        let line = lambda.await_log(about, PATIENCE);
        assert!(line.contains("\"message_id\":") && !has_a_key_twice(&line), "{line}");
    }
    stage.aws.faults(&json!([]));
}

#[test]
fn denied_attempt_is_alerted_once_and_counted_and_is_no_edit() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME), (PAYMENTS, FRANKFURT)]);
    let eve = stage.restrained(PAYMENTS, "eve@example.com");
    eve.fails_to_delete(HOME);
    eve.fails_to_delete(HOME);
    eve.fails_to_delete(FRANKFURT);
    stage.settle(&lambda);
    let outbox = stage.rows_of(PAYMENTS, "SENT#denied:");
    let alerts = stage.alerts();
    // Two rows only where the hour ended in between.
    assert_eq!(alerts.len(), outbox.len(), "{alerts:#?}");
    assert!(outbox.len() == 1 || outbox.len() == 2, "{outbox:#?}");
    assert_eq!(outbox.values().filter_map(|row| row["count"].as_i64()).sum::<i64>(), 3, "nothing is uncounted");
    assert_eq!((alerts[0].kind().as_str(), alerts[0].severity().as_str()), ("attempt_denied", "warning"));
    alerts[0].assert_says(&["eve@example.com", "AccessDenied", "to delete the document"]);
    assert_eq!(stage.document(PAYMENTS, HOME).latest(), 1);
    assert_eq!(stage.rows_of(PAYMENTS, "INCIDENT#").len(), 0, "nothing happened");

    stage.administrator(PAYMENTS, "alice@example.com").deletes(HOME);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.alerts()), ["edit_reverted"], "a real edit is alerted as ever");
}
