//! Statements that protect the exempted names in the member accounts: an exemption by name is only as safe as the name.

use super::document::ACTIONS as DOCUMENT_ACTIONS;
use super::{Ground, OWN_NAMES, OWN_ROLES, Statement, once};
use crate::cli::render::principals::{Nameable, nameable};
use crate::domain::target::PREFLIGHT;

/// Creates, deletes, opens or widens a role, or passes it to a service, which then acts under its name.
pub(super) const ROLE_ACTIONS: [&str; 14] = [
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PassRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
];
/// Creates, deletes or widens a user, or makes credentials for it. `UpdateUser` renames, and IAM checks both names.
const USER_ACTIONS: [&str; 17] = [
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateUser",
    "iam:DeactivateMFADevice",
    "iam:DeleteUser",
    "iam:DeleteUserPermissionsBoundary",
    "iam:DeleteUserPolicy",
    "iam:DetachUserPolicy",
    "iam:EnableMFADevice",
    "iam:PutUserPermissionsBoundary",
    "iam:PutUserPolicy",
    "iam:ResyncMFADevice",
    "iam:UpdateAccessKey",
    "iam:UpdateLoginProfile",
    "iam:UpdateUser",
    "iam:UploadSigningCertificate",
];
/// Stops a rule, or changes what it sends.
pub(super) const RULE_ACTIONS: [&str; 5] =
    ["events:DeleteRule", "events:DisableRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets"];
/// Lets a genuine past event arrive again at a chosen moment. Both actions support the bus as a resource.
const REPLAY_ACTIONS: [&str; 2] = ["events:CreateArchive", "events:StartReplay"];

pub(super) fn statements(ground: &Ground<'_>) -> Vec<Statement> {
    let partition = ground.installation.partition;
    let deployers = deployers(ground);
    let (roles, users) = protected(ground);
    let forwarding = partition.arn("events", "*", "*", &format!("rule/{OWN_NAMES}*"));
    let bus = partition.arn("events", "*", "*", "event-bus/default");
    // An operator's next check runs on the nodes, as root, what this document says. Its role is among the reactor's own.
    let preflight = partition.arn("ssm", "*", "*", &format!("document/{PREFLIGHT}"));
    let mut statements = vec![Statement::deny("Roles", &ROLE_ACTIONS, roles, deployers.clone())];
    if !users.is_empty() {
        statements.push(Statement::deny("Users", &USER_ACTIONS, users, deployers.clone()));
    }
    statements.push(Statement::deny("ForwardingRules", &RULE_ACTIONS, vec![forwarding], deployers.clone()));
    statements.push(Statement::deny("Preflight", &DOCUMENT_ACTIONS, vec![preflight], deployers.clone()));
    statements.push(Statement::deny("Replays", &REPLAY_ACTIONS, vec![bus], deployers));
    statements
}

/// The principals that maintain roles and rules in the accounts. In an emergency, break-glass needs only the document.
fn deployers(ground: &Ground<'_>) -> Vec<String> {
    let Ground { principals, installation, .. } = ground;
    once([&principals.gap, &principals.trusted, &installation.member_deployers, &installation.hub_deployers])
}

/// The roles and users whose names are exempted, the deployers included.
fn protected(ground: &Ground<'_>) -> (Vec<String>, Vec<String>) {
    let own = OWN_ROLES.map(|name| ground.installation.partition.role("*", name)).to_vec();
    let names = once([&own, &ground.principals.all(), &deployers(ground)]);
    let is = |kind| move |arn: &String| nameable(arn, ground.policy.management_account()) == Some(kind);
    let (roles, others): (Vec<_>, Vec<_>) = names.into_iter().partition(is(Nameable::Role));
    (roles, others.into_iter().filter(is(Nameable::User)).collect())
}
