//! Calls that get past the document, or at the reactor's own parts: told once, with who it was, and nothing is written.

use serde_json::{Value, json};

use super::queue::kinds;
use super::stage::{HOME, PAYMENTS, SEARCH, Stage};
use crate::decode::fixtures::sample;

/// A sample in an account of the stage, just now.
pub(super) fn event(stage: &Stage, file: &str, account: &str) -> Value {
    let mut event: Value = serde_json::from_str(&sample(file)).expect("a sample is JSON");
    let now = stage.aws.clock().now().to_string();
    event["account"] = account.into();
    event["time"] = now.as_str().into();
    event["detail"]["eventTime"] = now.as_str().into();
    event
}

#[test]
fn tag_of_a_role_is_told_once_with_who_and_the_way_back_however_often_its_event_comes() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(SEARCH, HOME)]);
    let tag = event(&stage, "bypass/tag-role.json", SEARCH);
    stage.deliver(&[tag.clone(), tag.clone()]);
    assert_eq!(stage.pump(&lambda), 0, "{:#?}", lambda.logs());
    stage.deliver(&[tag]);
    assert_eq!(stage.pump(&lambda), 0, "{:#?}", lambda.logs());

    let told = stage.alerts();
    assert_eq!(kinds(&told), ["run_as_tag_changed"]);
    assert_eq!((told[0].severity().as_str(), told[0].body["account"].as_str()), ("high", Some(SEARCH)));
    assert_eq!(
        told[0].subject,
        "Not undone: PlatformAdmin (maria@example.com) made role Developer run as dbadmin in search"
    );
    told[0].assert_says(&[
        "maria@example.com, signed in through Identity Center",
        "198.51.100.23",
        "aws iam untag-role --role-name Developer --tag-keys SSMSessionRunAs",
        "#/events/2151046d-9f84-5649-8b47-c62d61857e6a",
    ]);
    assert_eq!(stage.calls("iam"), [json!(null); 0], "the function has no rights there");
    assert_eq!(stage.actions("ssm"), [""; 0], "there is no document to look at");
}

#[test]
fn each_way_around_is_told_in_its_own_kind_and_trusted_principals_and_roles_of_others_are_not() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    let by_pipeline = |file| {
        let mut event = event(&stage, file, SEARCH);
        let pipeline = format!("arn:aws:iam::{SEARCH}:role/AWSAccelerator-Deploy");
        event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = pipeline.into();
        event
    };
    let mut of_another = event(&stage, "bypass/attach-role-policy.json", SEARCH);
    of_another["detail"]["requestParameters"]["roleName"] = "Developer".into();
    stage.deliver(&[
        event(&stage, "bypass/attributes-updated.json", PAYMENTS),
        event(&stage, "bypass/create-session-document.json", SEARCH),
        event(&stage, "bypass/disable-rule.json", SEARCH),
        event(&stage, "bypass/put-role-policy-by-a-stack-set.json", SEARCH),
        event(&stage, "bypass/put-role-policy-by-a-stack-set.json", PAYMENTS),
        event(&stage, "bypass/tag-role-replayed.json", SEARCH),
        by_pipeline("bypass/tag-user.json"),
        by_pipeline("bypass/put-rule-enabled.json"),
        // Trust is about the fields of others, and not about the reactor's own parts.
        by_pipeline("bypass/delete-rule.json"),
        of_another,
        event(&stage, "bypass/put-permission.json", SEARCH),
    ]);
    assert_eq!(stage.pump(&lambda), 0, "{:#?}", lambda.logs());
    let mut told: Vec<(String, String)> = stage.alerts().iter().map(|told| (told.kind(), told.severity())).collect();
    told.sort();
    let expected = [
        ("attributes_changed", "critical"),
        ("other_session_document", "high"),
        ("reactor_tampered", "critical"),
        ("reactor_tampered", "info"),
        ("reactor_tampered", "warning"),
        ("untrusted_source", "warning"),
    ];
    assert_eq!(told, expected.map(|(kind, severity)| (kind.to_owned(), severity.to_owned())));
    assert_eq!(stage.dead_letters().len(), 0);
}
