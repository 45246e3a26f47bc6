//! The list of permissions, held against the templates.

use std::collections::BTreeSet;

use super::{broker, member, reactor, senders};
use crate::e2e::hub::roles::{BROKER, REACTOR};
use crate::infra::template::{HUB, MANAGEMENT, MEMBER, allowed, of_type, template};

const PAGE: &str = include_str!("../../../../../../infra/README.md");
/// Actions that no emulator asks for: the page tells how a sandbox proves them.
const NOT_ASKED_FOR: [(&str, &str, &str); 6] = [
    (HUB, "Role", "kms:Decrypt"),
    (HUB, "Role", "kms:GenerateDataKey"),
    (HUB, "Role", "logs:CreateLogStream"),
    (HUB, "Role", "logs:PutLogEvents"),
    (MANAGEMENT, "BrokerRole", "logs:CreateLogStream"),
    (MANAGEMENT, "BrokerRole", "logs:PutLogEvents"),
];

type Permission = (&'static str, String, String);

/// Each role of the stacks with each of its actions. The delegation repeats what the function's role says, and the role of
/// `preflight.yaml` is an operator's, whose command says what it was denied.
fn granted() -> BTreeSet<Permission> {
    let roles = [HUB, MANAGEMENT, MEMBER].into_iter().flat_map(|name| {
        of_type(template(name), "AWS::IAM::Role").into_iter().map(move |(role, properties)| (name, role, properties))
    });
    let actions = roles.flat_map(|(name, role, properties)| {
        allowed(&properties["Policies"]).into_iter().map(move |action| (name, role.clone(), action.to_owned()))
    });
    actions.collect()
}

fn played() -> BTreeSet<Permission> {
    let function = reactor::CASES.iter().map(|case| (HUB, "Role", case.0));
    let gap = broker::CASES.iter().map(|case| match case.0.name {
        name if name == REACTOR.name => (HUB, "Role", case.1),
        name if name == BROKER.name => (MANAGEMENT, "BrokerRole", case.1),
        name => panic!("whose role is {name}?"),
    });
    let members = member::CASES.iter().map(|case| (MEMBER, "MemberRole", case.0));
    let senders = [
        (HUB, "ScheduleRole", senders::SENDS),
        (MEMBER, "Forwarder", senders::FORWARDS),
        (MEMBER, "Watcher", senders::FORWARDS),
        (MANAGEMENT, "Forwarder", senders::FORWARDS),
    ];
    let all = function.chain(gap).chain(members).chain(senders);
    all.map(|(name, role, action)| (name, role.to_owned(), action.to_owned())).collect()
}

#[test]
fn each_permission_of_the_templates_is_taken_away_in_a_play_or_proved_in_a_sandbox() {
    let (_, sandbox) = PAGE.split_once("## To be proved in a sandbox").expect("the page has the list");
    let mut covered = played();
    for (name, role, action) in NOT_ASKED_FOR {
        assert!(sandbox.contains(action), "{action} is not on the list of {PAGE}");
        assert!(covered.insert((name, role.to_owned(), action.to_owned())), "{action} is played");
    }
    assert_eq!(granted(), covered, "left: what the templates grant; right: what is played, or listed for a sandbox");
}
