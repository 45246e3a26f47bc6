//! Roles and delegation allow the calls that the code makes, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use runas_reactor::domain::target::Target;
use runas_reactor::ports::{Access, Clock as _, Directory as _, Documents as _, Lookup, World as _};
use serde_json::{Value, json};

use super::deployed::{Organization, member};
use super::places::{HOME, PAYMENTS};
use super::template::{HUB, MANAGEMENT, MEMBER, allowed, grants, policies, statements, template};
use crate::deploy::cloud::Place;
use crate::support::hub::Hub;

/// The session policies that the function asks STS for: of the document, and of the history.
pub(super) async fn session_policies() -> [Value; 2] {
    let hub = Hub::new().await;
    let world = hub.world();
    let target = Target::new(PAYMENTS.parse().unwrap(), HOME.parse().unwrap());
    let access =
        Access { roles: vec!["RunasReactorMember".to_owned()], gap_roles: Vec::new(), correlation: "c-1".to_owned() };
    world.documents().observe(&target, &access, &BTreeSet::new()).await.unwrap();
    world.directory().enabled_regions(&target.account, &access).await.unwrap();
    world.documents().lookup_events(&target, &access, &Lookup::Since(world.now().plus_ms(-60_000))).await.unwrap();
    let sessions = hub.aws.assumed().into_iter().map(|mut session| session["policy"].take());
    sessions.collect::<Vec<_>>().try_into().expect("a session for the document, and one for the history")
}

#[tokio::test]
async fn the_member_role_allows_what_the_session_policies_allow_and_nothing_else() {
    let asked: BTreeSet<_> = session_policies().await.iter().flat_map(grants).collect();
    assert_eq!(grants(policies(MEMBER, "MemberRole")), asked, "left: the member role; right: the session policies");
}

#[tokio::test]
async fn a_session_of_the_deployed_role_does_what_its_policy_is_for_and_not_what_the_other_is_for() {
    let [document, history] = session_policies().await;
    let organization = Organization::deploy_hub(&[]);
    let stack = member(&organization, Place { account: PAYMENTS, region: HOME }, &[]);
    let role = &stack.outputs["MemberRoleArn"];
    for (own, other) in [(&document, &history), (&history, &document)] {
        for (action, resource) in grants(own) {
            let resource = resource.replace(":*:", ":eu-west-3:");
            let decide = |policy| organization.cloud.decide(role, &action, &resource, Some(policy));
            assert_eq!(decide(own), "Allow", "{action}");
            assert_eq!(decide(other), "ImplicitDeny", "{action}");
        }
    }
}

#[test]
fn the_member_role_allows_each_call_that_is_made_in_a_member_account() {
    let calls = calls_below(Path::new("src/aws"));
    let role: BTreeSet<&str> = allowed(policies(MEMBER, "MemberRole"))
        .into_iter()
        .filter_map(|action| Some(action.split_once(':')?.1))
        .collect();
    let made: BTreeSet<&str> = calls.iter().filter(|call| call.in_member).map(|call| call.name.as_str()).collect();
    assert!(made.len() >= 9 && made.is_subset(&role), "left out: {:?}", made.difference(&role));
    let all: BTreeSet<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    assert!(role.is_subset(&all), "allowed, and never called: {:?}", role.difference(&all));
}

#[test]
fn the_delegation_allows_the_calls_of_organizations_and_the_function_those_that_it_makes() {
    let qualified = |calls: &[Call]| -> BTreeSet<String> {
        calls.iter().map(|call| format!("organizations:{}", call.name)).collect()
    };
    let mut all = calls_below(Path::new("src/aws/directory"));
    all.extend(calls_of(Path::new("src/aws/directory.rs")));
    let delegated = &template(MANAGEMENT)["Resources"]["Delegation"]["Properties"]["Content"];
    let delegated: BTreeSet<String> = allowed(delegated).into_iter().map(str::to_owned).collect();
    assert_eq!(delegated, qualified(&all), "left: the delegation policy; right: src/aws/directory");

    // `all.rs` is the operator's: the function is built without it.
    all.retain(|call| call.name != "ListAccounts");
    let function = allowed(policies(HUB, "Role")).into_iter().filter(|action| action.starts_with("organizations:"));
    assert_eq!(function.map(str::to_owned).collect::<BTreeSet<_>>(), qualified(&all));
}

#[test]
fn the_broker_assumes_gap_roles_asks_for_the_age_of_accounts_and_writes_its_log() {
    let policy = policies(MANAGEMENT, "BrokerRole");
    let actions: BTreeSet<&str> = allowed(policy).into_iter().collect();
    let expected = ["logs:CreateLogStream", "logs:PutLogEvents", "organizations:DescribeAccount", "sts:AssumeRole"];
    assert_eq!(actions, BTreeSet::from(expected));
    let statements = statements(policy);
    let gap = statements.iter().find(|it| it["Action"] == "sts:AssumeRole").unwrap();
    assert_eq!(gap["Resource"], json!({"Fn::Sub": "arn:${AWS::Partition}:iam::*:role/${GapRoleName}"}));
}

/// A call that a source file names.
pub(super) struct Call {
    pub(super) name: String,
    in_member: bool,
}

/// Without the calls of the broker, whose sessions are of the gap role, and those of preflight, whose role is an optional one.
fn calls_below(folder: &Path) -> Vec<Call> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let paths = entries.map(|entry| folder.join(entry.unwrap().file_name()));
    let of_reactor = paths.filter(|path| !path.starts_with("src/aws/broker") && path != Path::new("src/aws/nodes.rs"));
    of_reactor.flat_map(|path| if path.extension().is_some() { calls_of(&path) } else { calls_below(&path) }).collect()
}

/// `Call::read("X")` and `Call::write("X")`, with `.in_member()` behind it or not, and the operation names of shapes.
pub(super) fn calls_of(file: &Path) -> Vec<Call> {
    if file.extension().is_none_or(|extension| extension != "rs") || file.ends_with("tests.rs") {
        return Vec::new();
    }
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let starts = ["Call::read(\"", "Call::write(\"", "    name: \""];
    let found = starts.iter().flat_map(|start| text.split(start).skip(1)).filter_map(|rest| rest.split_once('"'));
    found.map(|(name, rest)| Call { name: name.to_owned(), in_member: rest.starts_with(").in_member()") }).collect()
}
