//! Statements that protect the hub. The queue policy admits only the function and its rules. An administrator of the
//! account could change that policy, a rule's target or the code, and so forge messages that the reactor trusts.

use super::names::{ROLE_ACTIONS, RULE_ACTIONS};
use super::{Ground, HUB_ROLE, OWN_NAMES, SCHEDULE_ROLE, Statement, once};
use crate::cli::render::principals::{Nameable, nameable};

/// The bus and its rules.
const BUS_ACTIONS: [&str; 2] = ["events:DeleteEventBus", "events:UpdateEventBus"];
/// The policy of a bus. These actions support no resources, so they are denied for every bus of the account.
const BUS_POLICY_ACTIONS: [&str; 2] = ["events:PutPermission", "events:RemovePermission"];
/// The schedule of the sweeps, whose messages the reactor trusts.
const SCHEDULE_ACTIONS: [&str; 3] =
    ["scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:UpdateSchedule"];
/// The queues' policies and messages.
const QUEUE_ACTIONS: [&str; 5] =
    ["sqs:AddPermission", "sqs:DeleteQueue", "sqs:PurgeQueue", "sqs:RemovePermission", "sqs:SetQueueAttributes"];
/// The function: its code, configuration and policy. A direct invocation could forge messages of the queue.
const FUNCTION_ACTIONS: [&str; 8] = [
    "lambda:Add*",
    "lambda:Create*",
    "lambda:Delete*",
    "lambda:Invoke*",
    "lambda:Publish*",
    "lambda:Put*",
    "lambda:Remove*",
    "lambda:Update*",
];
/// Event source mappings: the function would trust messages of any other queue.
const FEED_ACTIONS: [&str; 3] =
    ["lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"];
/// The ledger's items, including the policy.
const ITEM_ACTIONS: [&str; 7] = [
    "dynamodb:BatchWriteItem",
    "dynamodb:DeleteItem",
    "dynamodb:PartiQLDelete",
    "dynamodb:PartiQLInsert",
    "dynamodb:PartiQLUpdate",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
];
/// The table itself.
const TABLE_ACTIONS: [&str; 6] = [
    "dynamodb:DeleteResourcePolicy",
    "dynamodb:DeleteTable",
    "dynamodb:PutResourcePolicy",
    "dynamodb:UpdateContinuousBackups",
    "dynamodb:UpdateTable",
    "dynamodb:UpdateTimeToLive",
];
/// The topics, their policies, and their subscriptions: pagers and people.
const TOPIC_ACTIONS: [&str; 7] = [
    "sns:AddPermission",
    "sns:DeleteTopic",
    "sns:PutDataProtectionPolicy",
    "sns:RemovePermission",
    "sns:SetSubscriptionAttributes",
    "sns:SetTopicAttributes",
    "sns:Unsubscribe",
];
/// The key of the topics: disabled, deleted or with another policy it stops every alert.
const KEY_ACTIONS: [&str; 3] = ["kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"];
/// The alarms about the reactor itself.
const ALARM_ACTIONS: [&str; 2] = ["cloudwatch:DeleteAlarms", "cloudwatch:DisableAlarmActions"];
/// The stack: with a service role, an update acts as that role for every principal that may update the stack.
const STACK_ACTIONS: [&str; 7] = [
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:DeleteStack",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:RollbackStack",
    "cloudformation:SetStackPolicy",
    "cloudformation:UpdateStack",
];

/// The tag that CloudFormation puts on what a stack makes [docs: cloudformation, aws-properties-resource-tags].
const STACK_TAG: &str = "aws:ResourceTag/aws:cloudformation:stack-name";

pub(super) fn statements(ground: &Ground<'_>) -> Vec<Statement> {
    let Ground { policy, installation, .. } = ground;
    let (partition, stack) = (installation.partition, &installation.hub_stack);
    let (region, account) = (policy.home_region().as_str(), policy.hub_account().as_str());
    let arn = |service: &str, resource: &str| partition.arn(service, region, account, resource);
    let named = |service: &str, kind: &str| vec![arn(service, &format!("{kind}{stack}-*"))];
    let deny = |sid: &str, actions: &[&str], resources: Vec<String>| {
        Statement::deny(sid, actions, resources, installation.hub_deployers.clone())
    };
    let function = arn("lambda", &format!("function:{OWN_NAMES}*"));
    let rules = vec![arn("events", &format!("rule/{OWN_NAMES}/*"))];
    let table = named("dynamodb", "table/");
    let function_role = vec![partition.role(account, HUB_ROLE)];
    let writers = once([&function_role, &installation.operators, &installation.hub_deployers]);
    vec![
        deny("Roles", &ROLE_ACTIONS, roles(ground)),
        deny("Rules", &RULE_ACTIONS, rules),
        deny("Bus", &BUS_ACTIONS, vec![arn("events", &format!("event-bus/{OWN_NAMES}"))]),
        deny("BusPolicies", &BUS_POLICY_ACTIONS, vec!["*".to_owned()]),
        deny("Schedule", &SCHEDULE_ACTIONS, named("scheduler", "schedule/*/")),
        deny("Queues", &QUEUE_ACTIONS, named("sqs", "")),
        deny("Function", &FUNCTION_ACTIONS, vec![function.clone()]),
        deny("Feed", &FEED_ACTIONS, vec!["*".to_owned()]).where_like("lambda:FunctionArn", function),
        Statement::deny("Items", &ITEM_ACTIONS, table.clone(), writers),
        deny("Table", &TABLE_ACTIONS, table),
        deny("Topic", &TOPIC_ACTIONS, named("sns", "")),
        deny("Key", &KEY_ACTIONS, vec![arn("kms", "key/*")]).where_equal(STACK_TAG, stack.clone()),
        deny("Alarms", &ALARM_ACTIONS, named("cloudwatch", "alarm:")),
        deny("Stack", &STACK_ACTIONS, vec![arn("cloudformation", &format!("stack/{stack}/*"))]),
    ]
}

/// The roles of the hub's stack, and the roles that are exempt here. What the account has like every other one, its rules and
/// roles of infra/member.yaml, is made by the roles that deploy into accounts, and is protected with the names.
fn roles(ground: &Ground<'_>) -> Vec<String> {
    let Ground { policy, installation, .. } = ground;
    let account = policy.hub_account().as_str();
    let own = [HUB_ROLE, SCHEDULE_ROLE].map(|name| installation.partition.role(account, name)).to_vec();
    let mut roles = once([&own, &installation.hub_deployers, &installation.operators]);
    roles.retain(|arn| nameable(arn, policy.management_account()) == Some(Nameable::Role));
    roles
}
