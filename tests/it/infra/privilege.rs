//! Who can do what: the policies of the deployed roles, with session and service control policies, decided by an IAM simulator
//! that knows every action with its resources and keys.

use serde_json::{Value, json};

use super::deployed::{Organization, any_package, management, member};
use super::permissions::session_policies;
use super::places::{HOME, MANAGEMENT, PAYMENTS};
use super::template::grants;
use crate::deploy::cloud::{Cloud, PACKAGE, Place};
use crate::programs::iam::{Call, decisions};

const HUB: &str = "222233334444";
const DOCUMENT: &str = "SSM-SessionManagerRunShell";

impl Call {
    /// The same by a principal that has these policies and no others.
    pub(super) fn having(mut self, policies: &[Value]) -> Self {
        self.identity = Some(policies.to_vec());
        self
    }

    /// The same in a session that this policy limits.
    pub(super) fn within(mut self, session_policy: &Value) -> Self {
        self.limit = Some(session_policy.clone());
        self
    }
}

/// Of administrators, of pipelines, and of an intruder who has a role of runas-reactor: none of it is for these roles.
const BEYOND: [(&str, &str); 14] = [
    ("ssm:StartSession", "arn:aws:ec2:eu-west-1:444455556666:instance/i-0123456789abcdef0"),
    ("ssm:SendCommand", "arn:aws:ec2:eu-west-1:444455556666:instance/i-0123456789abcdef0"),
    ("ssm:UpdateDocument", "arn:aws:ssm:eu-west-1:444455556666:document/Other"),
    ("ssm:UpdateDocument", "arn:aws:ssm:eu-west-1:555566667777:document/SSM-SessionManagerRunShell"),
    ("ssm:PutParameter", "arn:aws:ssm:eu-west-1:444455556666:parameter/key"),
    ("iam:CreateRole", "arn:aws:iam::444455556666:role/Backdoor"),
    ("iam:PutRolePolicy", "arn:aws:iam::444455556666:role/RunasReactorMember"),
    ("iam:PassRole", "arn:aws:iam::444455556666:role/Admin"),
    ("account:EnableRegion", "arn:aws:account::444455556666:account"),
    ("cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-west-1:444455556666:trail/organisation"),
    ("events:DisableRule", "arn:aws:events:eu-west-1:444455556666:rule/runas-reactor-documents"),
    ("s3:GetObject", "arn:aws:s3:::sessions/log"),
    ("organizations:LeaveOrganization", "*"),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:222233334444:function:runas-reactor"),
];

pub(super) fn role(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

/// The policies that a stack has given to a role.
pub(super) fn policies_of(cloud: &Cloud, account: &str, name: &str) -> Vec<Value> {
    let place = Place { account, region: HOME };
    let listed = cloud.aws_in(place, "iam", "list_role_policies", &json!({"RoleName": name}));
    let named = listed["PolicyNames"].as_array().unwrap().iter();
    let get = |policy: &Value| {
        let mut found = cloud.aws_in(place, "iam", "get_role_policy", &json!({"RoleName": name, "PolicyName": policy}));
        found["PolicyDocument"].take()
    };
    named.map(get).collect()
}

pub(super) fn trust_of(cloud: &Cloud, account: &str, name: &str) -> Value {
    let mut found = cloud.aws_in(Place { account, region: HOME }, "iam", "get_role", &json!({"RoleName": name}));
    found["Role"]["AssumeRolePolicyDocument"].take()
}

#[track_caller]
pub(super) fn all(calls: &[Call], scps: &[Value], expected: &str) {
    for (decision, call) in decisions(scps, calls).iter().zip(calls) {
        assert_eq!(decision, expected, "{}", call.words());
    }
}

/// The calls that a session policy is for, by a role with these policies, in a session with that policy.
fn calls_of(session_policy: &Value, principal: &str, policies: &[Value]) -> Vec<Call> {
    let call = |(action, resource): (String, String)| {
        let resource = resource.replace(":*:", ":eu-west-1:");
        Call::new(principal, &action, &resource).having(policies).within(session_policy)
    };
    grants(session_policy).into_iter().map(call).collect()
}

pub(super) fn beyond(principal: &str, policies: &[Value]) -> Vec<Call> {
    BEYOND.iter().map(|(action, resource)| Call::new(principal, action, resource).having(policies)).collect()
}

#[tokio::test]
async fn session_in_a_member_account_reaches_one_document_and_stolen_credentials_little_more() {
    let organization = Organization::deploy_hub(&[]);
    member(&organization, Place { account: PAYMENTS, region: HOME }, &[]);
    let principal = role(PAYMENTS, "RunasReactorMember");
    let policies = policies_of(&organization.cloud, PAYMENTS, "RunasReactorMember");
    let [of_document, of_history] = session_policies().await;
    let (document, history) =
        (calls_of(&of_document, &principal, &policies), calls_of(&of_history, &principal, &policies));
    assert_eq!((document.len(), history.len()), (10, 1), "nine on the document, the regions, the history");
    all(&[document, history].concat(), &[], "Allowed");
    let history_by_the_other = Call::new(&principal, "cloudtrail:LookupEvents", "*").having(&policies);
    all(&[history_by_the_other.within(&of_document)], &[], "ImplicitlyDenied");
    all(&beyond(&principal, &policies), &[], "ImplicitlyDenied");
}

#[tokio::test]
async fn quarantine_keeps_the_member_role_out_and_lets_the_lent_session_do_nine_calls() {
    let organization = Organization::deploy_hub(&[]);
    member(&organization, Place { account: PAYMENTS, region: HOME }, &[]);
    let [mut session_policy, _] = session_policies().await;
    let statements = session_policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Resource"].as_str().is_some_and(|arn| arn.contains(DOCUMENT)));
    let exempt = json!(["arn:aws:iam::*:role/AWSAccelerator*", "arn:aws:iam::*:role/AWSControlTowerExecution"]);
    let quarantine = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": exempt}}}]});
    let everything =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});

    let gap_role = role(PAYMENTS, "AWSControlTowerExecution");
    let assumed = calls_of(&session_policy, &gap_role, std::slice::from_ref(&everything));
    assert_eq!(assumed.len(), 9);
    all(&assumed, std::slice::from_ref(&quarantine), "Allowed");
    let more: Vec<Call> =
        beyond(&gap_role, &[everything]).into_iter().map(|call| call.within(&session_policy)).collect();
    all(&more, std::slice::from_ref(&quarantine), "ImplicitlyDenied");

    let principal = role(PAYMENTS, "RunasReactorMember");
    let policies = policies_of(&organization.cloud, PAYMENTS, "RunasReactorMember");
    all(&calls_of(&session_policy, &principal, &policies), &[quarantine], "ExplicitlyDenied");
}

#[test]
fn function_of_the_hub_gets_into_accounts_by_the_member_role_and_by_no_other() {
    let organization = Organization::deploy_hub(&[]);
    member(&organization, Place { account: PAYMENTS, region: HOME }, &[]);
    let principal = role(HUB, "RunasReactor");
    let policies = policies_of(&organization.cloud, HUB, "RunasReactor");
    let trust = trust_of(&organization.cloud, PAYMENTS, "RunasReactorMember");
    let assume = |name: &str, principal: &str, organization: &str| {
        Call::new(principal, "sts:AssumeRole", &role(PAYMENTS, name))
            .with("aws:PrincipalOrgID", organization)
            .with("aws:ResourceOrgID", "o-exampleorgid")
            .on(PAYMENTS, &trust)
    };
    let reactor = |name: &str| assume(name, &principal, "o-exampleorgid").having(&policies);
    all(&[reactor("RunasReactorMember")], &[], "Allowed");
    let administrators = ["OrganizationAccountAccessRole", "AWSControlTowerExecution", "RunasReactorMember2"];
    all(&administrators.map(reactor), &[], "ImplicitlyDenied");
    let foreign = [
        assume("RunasReactorMember", &role(HUB, "Admin"), "o-exampleorgid"),
        assume("RunasReactorMember", &role(MANAGEMENT, "RunasReactor"), "o-exampleorgid"),
        assume("RunasReactorMember", &principal, "o-anotherorgid"),
    ];
    all(&foreign, &[], "ImplicitlyDenied");
    all(&beyond(&principal, &policies), &[], "ImplicitlyDenied");
}

#[test]
fn function_of_the_hub_reads_the_policy_and_never_writes_it() {
    let organization = Organization::deploy_hub(&[]);
    let table = organization.stack.id("Table");
    let table = if table.starts_with("arn:") {
        table.to_owned()
    } else {
        format!("arn:aws:dynamodb:{HOME}:{HUB}:table/{table}")
    };
    let principal = role(HUB, "RunasReactor");
    let policies = policies_of(&organization.cloud, HUB, "RunasReactor");
    let call = |action: &str, keys: &str| {
        let call = Call::new(&principal, &format!("dynamodb:{action}"), &table);
        call.with("dynamodb:LeadingKeys", keys).having(&policies)
    };
    let account = format!("ACCOUNT#{PAYMENTS}");
    all(&["PutItem", "UpdateItem", "DeleteItem", "Query"].map(|action| call(action, &account)), &[], "Allowed");
    all(&["PutItem", "UpdateItem", "DeleteItem"].map(|action| call(action, "POLICY")), &[], "ExplicitlyDenied");
    all(&[call("BatchGetItem", "POLICY")], &[], "Allowed");
    let two_rows = Call::new(&principal, "dynamodb:PutItem", &table).having(&policies);
    all(&[two_rows.with_all("dynamodb:LeadingKeys", &["SWEEP", "POLICY"])], &[], "ExplicitlyDenied");
    let whole = ["DeleteTable", "UpdateTable", "UpdateTimeToLive"];
    let whole = whole.map(|action| Call::new(&principal, &format!("dynamodb:{action}"), &table).having(&policies));
    all(&whole, &[], "ImplicitlyDenied");
}

#[test]
fn broker_gets_into_accounts_by_the_gap_role_and_forwarders_send_to_one_bus() {
    let organization = Organization::deploy_hub(&[]);
    let cloud = &organization.cloud;
    let code = cloud.upload(Place { account: MANAGEMENT, region: HOME }, &any_package());
    let broker = [("CodeBucket", code.as_str()), ("CodeKey", PACKAGE)];
    management(&organization, Place { account: MANAGEMENT, region: HOME }, &broker);
    let principal = role(MANAGEMENT, "RunasBroker");
    let policies = policies_of(cloud, MANAGEMENT, "RunasBroker");
    // Control Tower's and Organizations' roles trust the management account.
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{MANAGEMENT}:root")}}]});
    let assume =
        |name| Call::new(&principal, "sts:AssumeRole", &role(PAYMENTS, name)).having(&policies).on(PAYMENTS, &trust);
    all(&[assume("AWSControlTowerExecution")], &[], "Allowed");
    let others = ["OrganizationAccountAccessRole", "RunasReactorMember", "Admin"].map(assume);
    all(&others, &[], "ImplicitlyDenied");
    all(&beyond(&principal, &policies), &[], "ImplicitlyDenied");

    let far = Place { account: PAYMENTS, region: "us-east-1" };
    member(&organization, far, &[]);
    let name = "RunasReactorForwarder-us-east-1";
    let policies = policies_of(cloud, PAYMENTS, name);
    let principal = role(PAYMENTS, name);
    let bus = &organization.stack.outputs["BusArn"];
    let put = |bus: &str| Call::new(&principal, "events:PutEvents", bus).having(&policies);
    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "events:PutEvents",
        "Principal": "*", "Resource": "*"}]});
    all(&[put(bus).on(HUB, &open)], &[], "Allowed");
    let other = format!("arn:aws:events:{HOME}:{PAYMENTS}:event-bus/default");
    all(&[put(&other)], &[], "ImplicitlyDenied");
    all(&beyond(&principal, &policies), &[], "ImplicitlyDenied");
}
