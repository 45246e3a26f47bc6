//! Service control policies, decided by an IAM simulator: who passes, and who does not.

use serde_json::{Value, json};

use super::policy_file::{PolicyFile, example};
use crate::programs::iam::{Call, allowed};

const MEMBER: &str = "444455556666";
const HUB: &str = "222233334444";
const DOCUMENT: &str = "arn:aws:ssm:eu-central-1:444455556666:document/SSM-SessionManagerRunShell";

/// Every action of SSM that changes a document.
const CHANGES: [&str; 10] = [
    "ssm:AddTagsToResource",
    "ssm:CreateDocument",
    "ssm:DeleteDocument",
    "ssm:DeleteResourcePolicy",
    "ssm:ModifyDocumentPermission",
    "ssm:PutResourcePolicy",
    "ssm:RemoveTagsFromResource",
    "ssm:UpdateDocument",
    "ssm:UpdateDocumentDefaultVersion",
    "ssm:UpdateDocumentMetadata",
];
/// Whom the example names, one for each way to be named.
const NAMED: [&str; 5] = [
    "role/RunasReactorMember",
    "role/AWSControlTowerExecution",
    "role/AWSAccelerator-SecurityResources-Custom",
    "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_BreakGlass_0123456789abcdef",
    "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_BreakGlass_0123456789abcdef",
];
/// Whom it does not: administrators, and names that resemble those of the example.
const OTHERS: [&str; 14] = [
    "root",
    "user/admin",
    "user/RunasReactorMember",
    "role/Admin",
    "role/OrganizationAccountAccessRole",
    "role/stacksets-exec-0123456789abcdef",
    "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_AdministratorAccess_0123456789abcdef",
    "role/elsewhere/RunasReactorMember",
    "role/RunasReactorMember2",
    "role/elsewhere/AWSControlTowerExecution",
    "role/elsewhere/AWSAccelerator-Pipeline",
    "role/awsaccelerator-Pipeline",
    "role/AWSReservedSSO_BreakGlass_0123456789abcdef",
    "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Break_0123456789abcdef",
];

fn in_member(principal: &str) -> String {
    format!("arn:aws:iam::{MEMBER}:{principal}")
}

fn in_hub(principal: &str) -> String {
    format!("arn:aws:iam::{HUB}:{principal}")
}

/// The policies with such a name.
fn policies_of(file: &PolicyFile, name: &str) -> Vec<Value> {
    let all = file.scp(&[]).ends(0).policies();
    all.into_iter().filter(|(found, _)| found.starts_with(name)).map(|(_, policy)| policy).collect()
}

#[track_caller]
fn all(policies: &[Value], calls: &[Call], expected: bool) {
    assert!(!calls.is_empty());
    let decided = allowed(policies, calls);
    let wrong = calls.iter().zip(decided).filter(|(_, allowed)| *allowed != expected);
    let wrong: Vec<String> = wrong.map(|(call, _)| call.words()).collect();
    assert!(wrong.is_empty(), "should be {}: {wrong:#?}", if expected { "allowed" } else { "denied" });
}

fn changes_by(principals: &[&str]) -> Vec<Call> {
    let calls = principals.iter().flat_map(|who| CHANGES.map(|action| Call::new(&in_member(who), action, DOCUMENT)));
    calls.collect()
}

#[test]
fn principals_of_the_policy_may_change_the_document() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-document");
    all(&policies, &changes_by(&NAMED), true);
}

#[test]
fn no_other_principal_may_change_the_document_whatever_its_name_resembles() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-document");
    all(&policies, &changes_by(&OTHERS), false);
}

#[test]
fn reading_and_every_other_document_stay_open() {
    let policies: Vec<Value> =
        PolicyFile::new(&example()).scp(&[]).ends(0).policies().into_iter().map(|(_, policy)| policy).collect();
    let admin = in_member("role/Admin");
    let mut calls: Vec<Call> = ["ssm:GetDocument", "ssm:DescribeDocument", "ssm:ListDocumentVersions"]
        .map(|action| Call::new(&admin, action, DOCUMENT))
        .to_vec();
    let other = DOCUMENT.replace("SSM-SessionManagerRunShell", "Patch-Linux");
    calls.extend(CHANGES.map(|action| Call::new(&admin, action, &other)));
    calls.extend([
        Call::new(&admin, "iam:CreateRole", &in_member("role/Web")),
        Call::new(&admin, "iam:PassRole", &in_member("role/Web")),
        Call::new(&admin, "events:PutRule", &events("rule/nightly")),
        Call::new(&admin, "events:CreateArchive", &events("event-bus/orders")),
        Call::new(&admin, "events:PutPermission", "*"),
    ]);
    let (own, others) = calls.split_at(calls.len() - 1);
    all(&policies, own, true);
    // Which is not so in the hub alone, and all of them are attached here.
    all(&policies, others, false);
}

/// A call on a role or user that sets or removes these tags.
fn tagging(principal: &str, action: &str, keys: &[&str]) -> Call {
    let resource = if action.ends_with("User") { "user/build" } else { "role/Developer" };
    Call::new(principal, action, &in_member(resource)).with_all("aws:TagKeys", keys)
}

/// Every call that gives a principal or its session the Run As tag, or takes it away.
const TAGS: [&str; 7] = [
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:TagRole",
    "iam:TagUser",
    "iam:UntagRole",
    "iam:UntagUser",
    "sts:TagSession",
];

#[test]
fn the_run_as_tag_is_for_those_who_may_change_the_document_in_any_case_and_beside_other_tags() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-document");
    let by = |who: &[&str], keys: &[&str]| -> Vec<Call> {
        who.iter().flat_map(|who| TAGS.map(|action| tagging(&in_member(who), action, keys))).collect()
    };
    for keys in [&["SSMSessionRunAs"][..], &["ssmsessionrunas"], &["team", "SSMSESSIONRUNAS"]] {
        all(&policies, &by(&OTHERS, keys), false);
        all(&policies, &by(&NAMED, keys), true);
    }
}

#[test]
fn every_other_tag_and_calls_without_any_stay_open() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-document");
    let admin = in_member("role/Admin");
    let mut calls = TAGS.map(|action| tagging(&admin, action, &["team", "SSMSessionRunAsUser"])).to_vec();
    calls.extend(["iam:CreateRole", "iam:CreateUser"].map(|action| {
        let resource = if action.ends_with("User") { "user/build" } else { "role/Developer" };
        Call::new(&admin, action, &in_member(resource))
    }));
    calls.push(Call::new(&admin, "sts:AssumeRole", &in_member("role/Developer")));
    all(&policies, &calls, true);
}

#[test]
fn session_that_an_identity_provider_opens_keeps_its_tag_since_no_principal_of_the_account_stands_behind_it() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-document");
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let tags: Vec<&Value> = statements.filter(|it| it["Sid"] == "Tags").collect();
    let [tags] = tags[..] else { panic!("one statement") };
    assert_eq!(tags["Condition"]["Null"], json!({"aws:PrincipalArn": ["false"]}));
}

fn events(resource: &str) -> String {
    format!("arn:aws:events:eu-central-1:{MEMBER}:{resource}")
}

#[test]
fn a_change_of_the_policy_is_a_change_of_who_may_change_the_document() {
    let pipeline = changes_by(&["role/ci/DocumentPipeline"]);
    let break_glass = changes_by(&NAMED[4..]);
    let before = policies_of(&PolicyFile::new(&example()), "runas-reactor-document");
    all(&before, &pipeline, false);
    all(&before, &break_glass, true);

    let trusted = "trusted: [\"arn:aws:iam::*:role/ci/DocumentPipeline\", ";
    let text = example().replace("trusted: [", trusted);
    let text = text.lines().filter(|line| !line.contains("AWSReservedSSO_BreakGlass")).collect::<Vec<_>>().join("\n");
    let after = policies_of(&PolicyFile::new(&text), "runas-reactor-document");
    all(&after, &pipeline, true);
    all(&after, &break_glass, false);
}

#[test]
fn a_trusted_principal_of_one_account_is_trusted_there_only() {
    let text = example().replace("trusted: [", "trusted: [\"arn:aws:iam::555566667777:role/Appliance\", ");
    let policies = policies_of(&PolicyFile::new(&text), "runas-reactor-document");
    let at = |account: &str| {
        let principal = format!("arn:aws:iam::{account}:role/Appliance");
        Call::new(&principal, "ssm:UpdateDocument", &DOCUMENT.replace(MEMBER, account))
    };
    assert_eq!(allowed(&policies, &[at("555566667777"), at(MEMBER)]), [true, false]);
}

#[test]
fn no_name_that_passes_can_be_taken_by_an_administrator() {
    let text = example().replace("trusted: [", "trusted: [\"arn:aws:iam::*:user/ci/runas-*\", ");
    let file = PolicyFile::new(&text);
    let policies = policies_of(&file, "runas-reactor-names");
    let (admin, root) = (in_member("role/Admin"), in_member("root"));
    let mut calls = Vec::new();
    for role in ["role/RunasReactorMember", "role/RunasReactorForwarder-eu-west-1", "role/AWSControlTowerExecution"] {
        calls.extend([&admin, &root].map(|who| Call::new(who, "iam:CreateRole", &in_member(role))));
        calls.push(Call::new(&admin, "iam:UpdateAssumeRolePolicy", &in_member(role)));
    }
    // A pattern that ends in `*` fits paths, too; and those who deploy are exempt by their names.
    for role in ["role/AWSAccelerator-X", "role/AWSAccelerator-X/any/Thing", "role/stacksets-exec-0123"] {
        calls.push(Call::new(&admin, "iam:CreateRole", &in_member(role)));
        calls.push(Call::new(&admin, "iam:PassRole", &in_member(role)));
    }
    calls.push(Call::new(&admin, "iam:CreateUser", &in_member("user/ci/runas-a")));
    calls.push(Call::new(&admin, "iam:CreateAccessKey", &in_member("user/ci/runas-a")));
    calls.push(Call::new(&in_hub("role/Admin"), "iam:UpdateAssumeRolePolicy", &in_hub("role/Deployer")));
    all(&policies, &calls, false);
}

#[test]
fn an_administrator_cannot_blind_the_forwarding_nor_replay_old_events() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-names");
    let (admin, rule) = (in_member("role/Admin"), events("rule/runas-reactor-documents"));
    let break_glass = in_member(NAMED[4]);
    let actions =
        ["events:DeleteRule", "events:DisableRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"];
    let mut calls = actions.map(|action| Call::new(&admin, action, &rule)).to_vec();
    calls.push(Call::new(&break_glass, "events:DisableRule", &rule));
    let bus = events("event-bus/default");
    calls.extend(["events:CreateArchive", "events:StartReplay"].map(|action| Call::new(&admin, action, &bus)));
    all(&policies, &calls, false);
}

#[test]
fn an_administrator_cannot_swap_what_preflight_runs_on_nodes_nor_take_or_lend_its_role() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-names");
    let preflight = DOCUMENT.replace("SSM-SessionManagerRunShell", "RunasReactorPreflight");
    let role = in_member("role/RunasReactorPreflight");
    let by = |who: &&str| {
        let on_document = CHANGES.map(|action| Call::new(&in_member(who), action, &preflight));
        let on_role = ["CreateRole", "DeleteRole", "PassRole", "PutRolePolicy", "UpdateAssumeRolePolicy"];
        let on_role = on_role.map(|action| Call::new(&in_member(who), &format!("iam:{action}"), &role));
        [&on_document[..], &on_role].concat()
    };
    // Neither a principal that may change the preferences nor any other may change what preflight uses.
    let others =
        OTHERS.iter().filter(|who| !who.starts_with("role/stacksets-exec-")).chain([&NAMED[0], &NAMED[3], &NAMED[4]]);
    all(&policies, &others.flat_map(by).collect::<Vec<_>>(), false);
    all(&policies, &by(&"role/stacksets-exec-0123456789abcdef"), true);
    let asks = ["ssm:GetDocument", "ssm:SendCommand"].map(|action| Call::new(&role, action, &preflight));
    all(&policies, &asks, true);
}

#[test]
fn those_who_deploy_into_the_accounts_still_can() {
    let file = PolicyFile::new(&example());
    let by = |roles: &[&str]| {
        let calls = roles.iter().flat_map(|role| {
            let role = in_member(role);
            [
                Call::new(&role, "iam:CreateRole", &in_member("role/RunasReactorMember")),
                Call::new(&role, "events:PutTargets", &events("rule/runas-reactor-documents")),
            ]
        });
        calls.collect::<Vec<_>>()
    };
    let stack_sets = by(&["role/stacksets-exec-0123456789abcdef"]);
    let pipelines = by(&["role/AWSControlTowerExecution", "role/AWSAccelerator-Deployment"]);
    let policies = policies_of(&file, "runas-reactor-names");
    all(&policies, &stack_sets, true);
    all(&policies, &pipelines, true);
    let deployer = Call::new(&in_hub("role/Deployer"), "iam:CreateRole", &in_hub("role/RunasReactor"));
    all(&policies, &[deployer], true);

    let other = file.scp(&["--member-deployer", "ci/StackSets"]).ends(0).policies();
    let other: Vec<Value> =
        other.into_iter().filter(|(name, _)| name.contains("names")).map(|(_, policy)| policy).collect();
    all(&other, &by(&["role/ci/StackSets"]), true);
    all(&other, &stack_sets, false);
}

/// A concrete resource for a pattern of one.
fn concrete(resource: &str) -> String {
    if resource == "*" {
        return resource.to_owned();
    }
    let [partition, service, region, account, rest] =
        <[&str; 5]>::try_from(resource.splitn(6, ':').skip(1).collect::<Vec<_>>()).unwrap();
    let region = region.replace('*', "eu-west-1");
    let account = account.replace('*', MEMBER);
    format!("arn:{partition}:{service}:{region}:{account}:{}", rest.replace('*', "x1"))
}

/// Actions that IAM knows, for one that may have a wildcard.
fn concrete_actions(action: &str) -> Vec<String> {
    let known = |names: &[&str]| names.iter().map(|name| format!("lambda:{name}")).collect();
    match action {
        "lambda:Add*" => known(&["AddPermission"]),
        "lambda:Create*" => known(&["CreateFunction", "CreateAlias", "CreateFunctionUrlConfig"]),
        "lambda:Delete*" => known(&["DeleteFunction", "DeleteFunctionConcurrency"]),
        "lambda:Invoke*" => known(&["InvokeFunction", "InvokeFunctionUrl"]),
        "lambda:Publish*" => known(&["PublishVersion"]),
        "lambda:Put*" => known(&["PutFunctionConcurrency", "PutFunctionEventInvokeConfig"]),
        "lambda:Remove*" => known(&["RemovePermission"]),
        "lambda:Update*" => known(&["UpdateFunctionCode", "UpdateFunctionConfiguration"]),
        action => vec![action.to_owned()],
    }
}

/// The tag that CloudFormation puts on what a stack makes.
const STACK_TAG: &str = "aws:ResourceTag/aws:cloudformation:stack-name";

/// Each action of the policies on each of its resources, by a role.
fn every_call(policies: &[Value], role: &str) -> Vec<Call> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let mut calls = Vec::new();
    for statement in policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap()) {
        let keys = &statement["Condition"]["ArnLike"];
        for action in texts(&statement["Action"]).iter().flat_map(|action| concrete_actions(action)) {
            for resource in texts(&statement["Resource"]) {
                // The event source mappings have an ARN, and are made before they have one.
                let mapping = format!("arn:aws:lambda:eu-west-1:{HUB}:event-source-mapping:1");
                let made = action.ends_with("UpdateEventSourceMapping") || action.ends_with("DeleteEventSourceMapping");
                let resource = if made { mapping } else { concrete(&resource) };
                let tagged = if action.ends_with("User") { "user/build" } else { "role/Developer" };
                let resource = if statement["Sid"] == "Tags" { in_member(tagged) } else { resource };
                let account =
                    resource.split(':').nth(4).filter(|account| !account.is_empty()).unwrap_or(HUB).to_owned();
                let mut call = Call::new(&format!("arn:aws:iam::{account}:{role}"), &action, &resource);
                if statement["Sid"] == "Tags" {
                    call = call.with_all("aws:TagKeys", &["SSMSessionRunAs"]);
                }
                if keys.is_object() {
                    call = call
                        .with("lambda:FunctionArn", &format!("arn:aws:lambda:eu-west-1:{HUB}:function:runas-reactor"));
                }
                if let Some(stack) = statement["Condition"]["StringEquals"][STACK_TAG][0].as_str() {
                    // Without its own policy no key lets any principal of its account in.
                    let of_key = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*",
                        "Resource": "*", "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")}}]});
                    call = call.with(STACK_TAG, stack).on(HUB, &of_key);
                }
                calls.push(call);
            }
        }
    }
    calls
}

#[test]
fn each_action_of_each_policy_is_one_that_iam_knows_for_its_resource_and_is_denied_to_administrators() {
    let text = example().replace("trusted: [", "trusted: [\"arn:aws:iam::*:user/ci/runas-*\", ");
    let file = PolicyFile::new(&text);
    for name in ["runas-reactor-document", "runas-reactor-names", "runas-reactor-hub"] {
        let policies = policies_of(&file, name);
        all(&policies, &every_call(&policies, "role/Admin"), false);
    }
}

#[test]
fn in_the_hub_only_the_deployer_may_do_what_is_denied() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-hub");
    all(&policies, &every_call(&policies, "role/Deployer"), true);
    // Neither a pipeline nor the role that works in the accounts deploys the hub.
    for role in ["role/AWSAccelerator-Pipeline", "role/stacksets-exec-0123", "role/elsewhere/Deployer"] {
        all(&policies, &every_call(&policies, role), false);
    }
}

#[test]
fn stack_sets_make_the_hub_accounts_own_rules_and_roles_and_change_nothing_of_the_hub() {
    let policies: Vec<Value> =
        PolicyFile::new(&example()).scp(&[]).ends(0).policies().into_iter().map(|(_, policy)| policy).collect();
    let rule = |name: &str| format!("arn:aws:events:eu-west-1:{HUB}:rule/{name}");
    let calls = |who: &str, rules: &[&str], roles: &[&str]| {
        let who = in_hub(who);
        let on_rule = |name: &&str| {
            let on = rule(name);
            ["DeleteRule", "PutRule", "PutTargets"].map(|call| Call::new(&who, &format!("events:{call}"), &on))
        };
        let made_role = |name: &&str| {
            let on = in_hub(&format!("role/{name}"));
            ["CreateRole", "DeleteRole", "PassRole", "PutRolePolicy", "UpdateAssumeRolePolicy"]
                .map(|call| Call::new(&who, &format!("iam:{call}"), &on))
        };
        let mut calls: Vec<Call> = rules.iter().flat_map(on_rule).collect();
        calls.extend(roles.iter().flat_map(made_role));
        calls
    };
    let (rules, made) = (
        ["runas-reactor-documents", "runas-reactor-bypasses", "runas-reactor-tampering"],
        ["RunasReactorMember", "RunasReactorForwarder-eu-west-1", "RunasWatcher-eu-west-1"],
    );
    let of_the_hub =
        (["runas-reactor/runas-reactor-documents"], ["RunasReactor", "RunasReactorSchedule", "RunasReactorOperator"]);
    let stack_sets = "role/stacksets-exec-0123456789abcdef";
    all(&policies, &calls(stack_sets, &rules, &made), true);
    all(&policies, &calls(stack_sets, &of_the_hub.0, &of_the_hub.1), false);
    all(&policies, &calls("role/Deployer", &of_the_hub.0, &of_the_hub.1), true);
    all(&policies, &calls("role/Admin", &rules, &made), false);
}

#[test]
fn the_function_and_the_operator_still_do_their_work_in_the_hub() {
    let policies = policies_of(&PolicyFile::new(&example()), "runas-reactor-hub");
    let at = |service: &str, resource: &str| format!("arn:aws:{service}:eu-west-1:{HUB}:{resource}");
    let (table, queue) = (at("dynamodb", "table/runas-reactor-Table-1ABC"), at("sqs", "runas-reactor-Queue-1ABC"));
    let topic = at("sns", "runas-reactor-Topic-1ABC");
    let (function, operator) = (in_hub("role/RunasReactor"), in_hub("role/RunasReactorOperator"));
    let mut calls = Vec::new();
    for action in ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:Query"] {
        calls.extend([&function, &operator].map(|who| Call::new(who, action, &table)));
    }
    for action in ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"] {
        calls.extend([&function, &operator].map(|who| Call::new(who, action, &queue)));
    }
    calls.push(Call::new(&function, "sns:Publish", &topic));
    calls.push(Call::new(&in_hub("role/Admin"), "sns:Subscribe", &topic));
    calls.push(Call::new(&in_hub("role/Admin"), "sqs:SetQueueAttributes", &at("sqs", "orders")));
    calls.push(
        Call::new(&in_hub("role/Admin"), "lambda:CreateEventSourceMapping", "*")
            .with("lambda:FunctionArn", &at("lambda", "function:orders")),
    );
    all(&policies, &calls, true);
}

#[test]
fn a_hub_in_the_management_account_gets_no_policy_since_none_holds_there() {
    let text = example().replace("hub_account: \"222233334444\"", "hub_account: \"111122223333\"");
    let ran = PolicyFile::new(&text).render(&["scp"]).ends(0);
    let names: Vec<String> = ran.policies().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["runas-reactor-document", "runas-reactor-names"]);
    assert!(ran.err.contains("no service control policy holds there"), "{}", ran.err);
}

#[test]
fn each_partition_has_its_own_arns() {
    for (partition, home) in [("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")] {
        let text = example()
            .replace("arn:aws:", &format!("arn:{partition}:"))
            .replace("home_region: eu-west-1", &format!("home_region: {home}"))
            .replace("regions: [eu-west-1, eu-central-1, us-east-1]", &format!("regions: [{home}]"));
        let ran = PolicyFile::new(&text).scp(&[]).ends(0);
        assert!(!ran.out.contains("arn:aws:"), "{}", ran.out);
        let policies: Vec<Value> = ran.policies().into_iter().map(|(_, policy)| policy).collect();
        let document = format!("arn:{partition}:ssm:{home}:{MEMBER}:document/SSM-SessionManagerRunShell");
        let by = |role: &str| Call::new(&format!("arn:{partition}:iam::{MEMBER}:{role}"), CHANGES[7], &document);
        assert_eq!(allowed(&policies, &[by(NAMED[0]), by(NAMED[4]), by("role/Admin")]), [true, true, false]);
    }
}

#[test]
fn a_partition_that_a_pattern_leaves_open_is_the_organisations_own() {
    let text = example().replace("arn:aws:iam::*:role/AWSAccelerator-*", "arn:*:iam::*:role/AWSAccelerator-*");
    assert_eq!(
        PolicyFile::new(&text).scp(&[]).ends(0).policies(),
        PolicyFile::new(&example()).scp(&[]).ends(0).policies()
    );
}

#[test]
fn the_policies_of_the_example() {
    let ran = PolicyFile::new(&example()).scp(&["--pretty"]).ends(0);
    insta::assert_snapshot!("scp", ran.out);
    insta::assert_snapshot!(
        "scp_notes",
        ran.err.lines().skip_while(|line| !line.starts_with("runas-reactor")).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(ran.json(), PolicyFile::new(&example()).scp(&[]).ends(0).json());
    assert_eq!(ran.json()["schema_version"], json!(1));
}
