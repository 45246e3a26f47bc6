//! The way into accounts: which roles, how often, with what rights, and what happens when the way is closed.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use runas_reactor::domain::observation::Observation;
use runas_reactor::ports::{Documents as _, FaultClass, World as _};
use serde_json::json;

use super::*;

const REGIONS: [&str; 6] = ["eu-west-1", "eu-west-2", "eu-central-1", "us-east-1", "us-east-2", "ap-south-1"];

async fn look_everywhere(world: &AwsWorld, access: &Access) -> Vec<Result<Observation, Fault>> {
    let nothing = BTreeSet::new();
    let targets = REGIONS.map(target_in);
    join_all(targets.iter().map(|target| world.documents().observe(target, access, &nothing))).await
}

fn roles(hub: &Hub) -> Vec<String> {
    let assumed = hub.aws.assumed();
    assumed.iter().map(|role| role["role"].as_str().unwrap_or_default().to_owned()).collect()
}

fn denied(role: &str) -> Value {
    json!({"denied_roles": [{"account": MEMBER, "role": role}]})
}

#[tokio::test]
async fn targets_of_one_account_share_one_scoped_session() {
    let hub = Hub::new().await;
    let world = hub.world();
    let looks = look_everywhere(&world, &access_by(&["team/RunasReactorMember"])).await;
    assert!(looks.iter().all(|look| matches!(look, Ok(Observation::Absent))), "{looks:?}");
    let assumed = hub.aws.assumed();
    let [session] = assumed.as_slice() else { panic!("one AssumeRole, and not {assumed:?}") };
    assert_eq!(session["role_arn"], "arn:aws:iam::444455556666:role/team/RunasReactorMember");
    assert_eq!(session["session_name"], "runas-reactor-c-1");
    assert_eq!((&session["duration"], &session["region"]), (&json!(900), &json!(HOME)));
    let statement = &session["policy"]["Statement"];
    assert_eq!(statement[0]["Resource"], "arn:aws:ssm:*:444455556666:document/SSM-SessionManagerRunShell");
    assert_eq!(statement[0]["Action"].as_array().map(Vec::len), Some(9));
    assert_eq!(statement[1]["Action"], json!(["account:ListRegions"]));
    assert_eq!(statement.as_array().map(Vec::len), Some(2));
    // Each call went to its own region, as that session.
    let calls = hub.aws.log();
    let ssm: BTreeSet<&str> =
        calls.iter().filter(|call| call["service"] == "ssm").filter_map(|call| call["region"].as_str()).collect();
    assert_eq!(ssm, BTreeSet::from(REGIONS));
    assert!(calls.iter().filter(|call| call["service"] == "ssm").all(|call| call["account"] == MEMBER));
}

#[tokio::test]
async fn roles_are_tried_in_order_and_the_one_that_works_is_cached() {
    let hub = Hub::new().await;
    let world = hub.world();
    let access = access_by(&["First", "Second"]);
    hub.aws.switches(&denied("First"));
    world.documents().observe(&target(), &access, &BTreeSet::new()).await.unwrap();
    assert_eq!(roles(&hub), ["First", "Second"]);
    // The session is refused, so a new one is fetched: by the role that worked.
    hub.aws.faults(&json!([{"action": "GetDocument", "code": "AccessDeniedException", "times": 2}]));
    world.documents().observe(&target(), &access, &BTreeSet::new()).await.unwrap();
    assert_eq!(roles(&hub), ["First", "Second", "Second"]);
    // A policy that no longer names it is obeyed at once.
    hub.aws.switches(&json!({"denied_roles": []}));
    world.documents().observe(&target(), &access_by(&["First"]), &BTreeSet::new()).await.unwrap();
    assert_eq!(roles(&hub).last().map(String::as_str), Some("First"));
}

#[tokio::test]
async fn a_closed_account_is_knocked_at_once_for_all_its_targets() {
    let hub = Hub::new().await;
    let world = hub.world();
    hub.aws.switches(&denied("*"));
    hub.aws.faults(&json!([{"service": "sts", "delay_ms": 300}]));
    let looks = look_everywhere(&world, &access_by(&["First", "Second"])).await;
    assert_eq!(roles(&hub), ["First", "Second"]);
    for look in looks {
        let fault = look.unwrap_err();
        assert_eq!((fault.class, fault.call, fault.code.as_str()), (FaultClass::Denied, "AssumeRole", "AccessDenied"));
        assert!(fault.message.contains("tried First, Second"), "{}", fault.message);
    }
    // It is no lasting verdict: the next look asks again.
    hub.aws.switches(&json!({"denied_roles": []}));
    let again = look_everywhere(&world, &access_by(&["First", "Second"])).await;
    assert!(again.iter().all(|look| matches!(look, Ok(Observation::Absent))), "{again:?}");
}

#[tokio::test]
async fn expired_session_is_replaced_within_the_observation() {
    let hub = Hub::new().await;
    let world = hub.world();
    observe(&world).await.unwrap();
    hub.aws.faults(&json!([{"action": "GetDocument", "code": "ExpiredTokenException", "times": 2}]));
    assert_eq!(observe(&world).await.unwrap(), Observation::Absent);
    assert_eq!(roles(&hub).len(), 2);
    // A session that was fetched for this very look is not fetched once more.
    hub.aws.faults(&json!([{"action": "GetDocument", "code": "AccessDeniedException", "times": 4}]));
    let fault = observe(&world).await.unwrap_err();
    assert_eq!((fault.class, roles(&hub).len()), (FaultClass::Denied, 3));
}

#[tokio::test]
async fn trouble_with_sts_is_not_taken_for_a_denial() {
    let hub = Hub::new().await;
    let impatient = hub.impatient();
    hub.aws.faults(&json!([{"service": "sts", "code": "Throttling"}]));
    let fault =
        impatient.documents().observe(&target(), &access_by(&["First", "Second"]), &BTreeSet::new()).await.unwrap_err();
    assert_eq!((fault.class, fault.call), (FaultClass::Throttled, "AssumeRole"));
    assert_eq!(hub.calls("sts"), ["AssumeRole"]);
    hub.aws.faults(&json!([{"service": "sts", "code": "RegionDisabledException", "status": 403}]));
    let fault = observe(&impatient).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::Denied);
}

#[tokio::test]
async fn the_embedded_roots_make_a_tls_client() {
    let hub = Hub::new().await;
    // Nobody listens there; the client is complete before it finds out.
    let world =
        hub.world_with(&hub.keys, &[(config::ENDPOINT_STS, "https://127.0.0.1:1"), (config::MAX_ATTEMPTS, "1")]);
    let fault = observe(&world).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Transient, "DispatchFailure"));
}
