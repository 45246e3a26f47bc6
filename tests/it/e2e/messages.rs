//! Messages that are not what they should be: put aside, ignored, or not believed, and never in the way of others.

use runas_reactor::domain::signal::Cause;
use serde_json::json;

use super::queue::{Told, created, kinds, organizations_event, work};
use super::stage::{FRANKFURT, HOME, HUB, MANAGEMENT, PAYMENTS, SEARCH, Stage};

#[test]
fn poison_is_put_aside_with_its_reason_and_told_once_while_others_are_served() {
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
    let poison = [broken, wrong.to_string(), list, long];
    for text in &poison {
        stage.deliver_texts(&[text]);
    }
    stage.deliver(&stage.events());
    stage.deliver(&[created("123", MANAGEMENT, "no-account"), work(SEARCH, HOME, Cause::Swept)]);

    let batch = stage.receive();
    assert_eq!(batch.len(), 8);
    assert_eq!(stage.invoke(&lambda, &batch), 0, "handed back; {:#?}", lambda.logs());
    stage.assert_right(PAYMENTS, HOME);
    stage.assert_right(SEARCH, HOME);
    let told = stage.told();
    let (aside, served): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|told| told.kind() == "poison");
    assert_eq!(kinds(&served), ["edit_reverted"]);
    assert_eq!(aside.len(), 5);
    assert!(aside.iter().all(|told| told.severity() == "warning" && told.body["account"] == HUB), "{aside:#?}");
    let dead = stage.dead_letters();
    for (text, reason) in poison.iter().zip(["not usable as JSON", "`account`", "no object", "not usable as JSON"]) {
        let (body, why) = dead.iter().find(|(body, _)| text.starts_with(body.as_str())).expect("it is put aside");
        assert!(why.contains(reason), "{why}");
        assert!(body.len() > 1_000_000 || body == text, "as it was, or as much as SQS takes");
        assert!(
            body.len() + "reasonString".len() + why.len() <= 1_048_576,
            "SQS counts attributes, the emulator does not"
        );
        assert!(aside.iter().any(|told| told.text().contains(why)), "{why}");
    }
    assert_eq!(dead.len(), 5);

    // It was served, and the answer got lost.
    assert_eq!(stage.invoke(&lambda, &batch), 0);
    assert_eq!(stage.told(), []);
}

#[test]
fn what_a_member_says_about_the_organisation_is_not_believed_and_told_once() {
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
    let told = stage.told();
    assert_eq!(kinds(&told), ["distrusted"; 2]);
    assert!(told.iter().all(|told| told.text().contains(&format!("from {PAYMENTS}"))), "{told:#?}");
    let mut after = stage.rows();
    after.retain(|key, _| !key.starts_with(&format!("ACCOUNT#{HUB} SENT#distrusted:")));
    assert_eq!(after, rows, "nothing else came of it");
    // It is still governed.
    stage.administrator(SEARCH, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&lambda);
    stage.assert_right(SEARCH, HOME);
}

#[test]
fn an_account_that_left_is_not_looked_at_any_more() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(SEARCH, HOME)]);
    let leaves = stage.organizations().remove_account_from_organization().account_id(SEARCH);
    stage.run(leaves.send()).expect("an account can be removed");
    let departed = json!({"accountDepartedOrganizationStatus": {"accountId": SEARCH}});
    stage.deliver(&[organizations_event("AccountDepartedOrganization", &departed, MANAGEMENT, "departure")]);
    stage.settle(&lambda);
    assert_eq!(stage.rows_of(SEARCH, "META")["META"]["state"], "left");
    stage.administrator(SEARCH, "alice@example.com").edits(HOME, &json!({"runAsEnabled": false}));
    stage.settle(&lambda);
    assert_eq!(stage.document(SEARCH, HOME).latest(), 2, "not ours any more");
    assert_eq!(stage.told(), []);
}

#[test]
fn an_account_that_nobody_knows_is_left_alone_and_told_once() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    let stranger = "111111111111";
    stage.administrator(stranger, "eve@example.com").creates(HOME, &json!({"runAsEnabled": false}));
    let events = stage.events();
    for _ in 0..2 {
        stage.deliver(&events);
        stage.settle(&lambda);
    }
    assert_eq!(stage.document(stranger, HOME).latest(), 1);
    assert_eq!(stage.rows_of(stranger, "").len(), 0);
    let told = stage.told();
    assert_eq!(kinds(&told), ["distrusted"]);
    told[0].assert_says(&[stranger, "not in the organisation"]);
}

#[test]
fn a_new_account_that_organizations_does_not_list_yet_is_asked_for_again() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.deliver(&[created("111111111111", MANAGEMENT, "early")]);
    assert_eq!(stage.pump(&lambda), 0);
    assert_eq!(stage.queued(), [0, 3, 0], "once for each region");
    assert_eq!(stage.told(), []);
}

#[test]
fn an_attempt_that_was_denied_is_told_once_and_counted_and_is_no_edit() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(PAYMENTS, HOME), (PAYMENTS, FRANKFURT)]);
    let eve = stage.restrained(PAYMENTS, "eve@example.com");
    eve.fails_to_delete(HOME);
    eve.fails_to_delete(HOME);
    eve.fails_to_delete(FRANKFURT);
    stage.settle(&lambda);
    let outbox = stage.rows_of(PAYMENTS, "SENT#denied:");
    let told = stage.told();
    // Two rows only where the hour ended in between.
    assert_eq!(told.len(), outbox.len(), "{told:#?}");
    assert!(outbox.len() == 1 || outbox.len() == 2, "{outbox:#?}");
    assert_eq!(outbox.values().filter_map(|row| row["count"].as_i64()).sum::<i64>(), 3, "nothing is uncounted");
    assert_eq!((told[0].kind().as_str(), told[0].severity().as_str()), ("attempt_denied", "warning"));
    told[0].assert_says(&["eve@example.com", "AccessDenied", "deleted the document"]);
    assert_eq!(stage.document(PAYMENTS, HOME).latest(), 1);
    assert_eq!(stage.rows_of(PAYMENTS, "INCIDENT#").len(), 0, "nothing happened");

    stage.administrator(PAYMENTS, "alice@example.com").deletes(HOME);
    stage.settle(&lambda);
    stage.assert_right(PAYMENTS, HOME);
    assert_eq!(kinds(&stage.told()), ["edit_reverted"], "what does happen is told as ever");
}
