//! Calls that get past the document, or at the reactor's own parts: which of them are alerted, and how.

use super::*;
use crate::decode::fixtures::sample;

const HUB: &str = "222233334444";

/// A sample of an account's, called just now.
fn called(play: &Play, file: &str, account: &str) -> Value {
    let mut event: Value = serde_json::from_str(&sample(file)).unwrap();
    let now = play.sim().now().to_string();
    event["account"] = account.into();
    event["time"] = now.as_str().into();
    event["detail"]["eventTime"] = now.as_str().into();
    event
}

/// The same by a pipeline that the policy trusts.
fn by_pipeline(play: &Play, file: &str) -> Value {
    let mut event = called(play, file, MEMBER);
    let pipeline = format!("arn:aws:iam::{MEMBER}:role/AWSAccelerator-Deploy");
    event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = pipeline.into();
    event
}

/// The same of another role.
fn of_role(mut event: Value, role: &str) -> Value {
    event["detail"]["requestParameters"]["roleName"] = role.into();
    event
}

/// The alert of one event, by kind and severity; or why there is none.
async fn raised(play: &Play, event: &Value) -> Result<String, String> {
    let before = play.sim().alerts().len();
    let report = play.batch(&[message("1", &event.to_string())]).await;
    assert_eq!((report.failed.len(), report.undecodable.len(), report.reconciled.len()), (0, 0, 0), "{report:?}");
    let alerts = play.sim().alerts();
    match (&alerts[before..], &report.ignored[..]) {
        ([alert], []) => Ok(format!("{} {}", alert.kind, alert.severity.as_str())),
        ([], [(_, reason)]) => Err(reason.clone()),
        (alerts, ignored) => panic!("{alerts:#?} {ignored:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_way_around_the_document_has_its_own_kind_of_alert() {
    for (file, account, expected) in [
        ("tag-role", MEMBER, "run_as_tag_changed high"),
        ("attributes-updated", MANAGEMENT, "attributes_changed critical"),
        ("create-session-document", MEMBER, "other_session_document high"),
        ("disable-rule", MEMBER, "reactor_tampered critical"),
        ("put-role-policy-by-a-stack-set", MEMBER, "reactor_tampered info"),
        ("put-permission", HUB, "reactor_tampered high"),
    ] {
        let play = Play::begin();
        let event = called(&play, &format!("bypass/{file}.json"), account);
        assert_eq!(raised(&play, &event).await.as_deref(), Ok(expected), "{file}");
    }
}

/// Trust is about the fields of others: a pipeline that removes a part of the reactor is alerted all the same.
#[tokio::test(start_paused = true)]
async fn trusted_principal_is_alerted_only_where_it_removes_a_part_of_the_reactor() {
    let play = Play::begin();
    let trusted = Err("AWSAccelerator-Deploy (maria@example.com) is trusted by the policy".to_owned());
    for file in ["tag-user", "put-rule-enabled"] {
        let event = by_pipeline(&play, &format!("bypass/{file}.json"));
        assert_eq!(raised(&play, &event).await, trusted, "{file}");
    }
    let mut gone = by_pipeline(&play, "bypass/delete-rule.json");
    assert_eq!(raised(&play, &gone).await, Ok("reactor_tampered warning".to_owned()));
    gone["detail"]["errorCode"] = "AccessDenied".into();
    gone["detail"]["eventID"] = "11111111-2222-4333-8444-555555555555".into();
    assert_eq!(raised(&play, &gone).await, trusted, "nothing was taken away");
}

/// Roles of the templates are known by their names, the member roles by the policy.
#[tokio::test(start_paused = true)]
async fn role_or_bus_that_is_none_of_the_reactors_raises_no_alert() {
    let play = Play::begin();
    for (role, is_told) in [
        ("Developer", false),
        (org::ROLE, true),
        ("RunasBrokerRole", true),
        ("OpsReactor", true),
        ("OpsReactorTwo", false),
    ] {
        let policy = org::policy_with("roles: [RunasReactorMember]", "roles: [OpsReactor]");
        let play = Play::begin();
        play.sim().push_policy(policy);
        let event = of_role(called(&play, "bypass/attach-role-policy.json", MEMBER), role);
        let expected = Err(format!("the role {role} is none of the reactor's"));
        let raised = raised(&play, &event).await;
        assert!(raised.is_ok() == is_told && (is_told || raised == expected), "{role}: {raised:?}");
    }
    let bus = called(&play, "bypass/put-permission.json", MEMBER);
    assert_eq!(raised(&play, &bus).await, Err("the bus is none of the reactor's".to_owned()));
}

/// The account's name comes from the ledger, or not at all: no call is made for it.
#[tokio::test(start_paused = true)]
async fn account_of_a_bypass_is_named_where_the_ledger_knows_it() {
    for (play, place) in [(Play::begin(), format!("in {MEMBER}")), (Play::in_sync().await, "in workload".to_owned())] {
        let event = called(&play, "bypass/tag-role.json", MEMBER);
        raised(&play, &event).await.unwrap();
        let subject = &play.raised("run_as_tag_changed")[0].subject;
        assert!(subject.ends_with(&place), "{subject}");
        assert_eq!(play.made("account").len(), 0);
    }
}
