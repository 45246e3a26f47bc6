//! Managed nodes and Run Command, with the limits of the API model.

use aws_sdk_ssm::Client as Ssm;
use aws_sdk_ssm::types::{CommandInvocationStatus as Status, DocumentType};
use serde_json::{Value, json};

use super::{MEMBER, admin, code};
use crate::support::emulator::Emulator;

const DOCUMENT: &str = "Check";

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// An account with nodes, of which the last is offline, and a document that takes lower-case letters.
async fn account(aws: &Emulator, nodes: usize) -> Ssm {
    let node = |number: usize| {
        let ping = if number + 1 == nodes { "ConnectionLost" } else { "Online" };
        json!({"account": MEMBER, "id": id(number), "ping": ping, "users": ["ops"]})
    };
    aws.switches(&json!({"nodes": (0..nodes).map(node).collect::<Vec<Value>>()}));
    let ssm = admin(aws);
    let step = json!({"name": "check", "action": "aws:runShellScript", "inputs": {"runCommand": ["id {{ user }} && echo here"]}});
    let content = json!({"schemaVersion": "2.2", "mainSteps": [step],
        "parameters": {"user": {"type": "String", "allowedPattern": "^[a-z]+$"}}});
    let request = ssm.create_document().name(DOCUMENT).document_type(DocumentType::Command);
    request.content(content.to_string()).send().await.expect("the document is not there yet");
    ssm
}

async fn sent(ssm: &Ssm, document: &str, nodes: Vec<String>, user: &str, timeout_s: i32) -> Result<String, String> {
    let request = ssm.send_command().document_name(document).set_instance_ids(Some(nodes)).timeout_seconds(timeout_s);
    let answer = request.parameters("user", vec![user.to_owned()]).send().await.map_err(code)?;
    Ok(answer.command.and_then(|command| command.command_id).expect("a command has an id"))
}

#[tokio::test]
async fn a_command_goes_to_fifty_nodes_at_most_all_of_them_online_with_parameters_that_fit() {
    let aws = Emulator::start();
    let ssm = account(&aws, 60).await;
    let nodes = |count: usize| (0..count).map(id).collect::<Vec<_>>();
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(sent(&ssm, DOCUMENT, nodes(51), "ops", 60).await, refused("ValidationException"));
    assert_eq!(sent(&ssm, DOCUMENT, nodes(1), "ops", 29).await, refused("ValidationException"));
    assert_eq!(sent(&ssm, "Other", nodes(1), "ops", 60).await, refused("InvalidDocument"));
    assert_eq!(sent(&ssm, DOCUMENT, nodes(1), "ops; id", 60).await, refused("InvalidParameters"));
    assert_eq!(sent(&ssm, DOCUMENT, vec![id(59)], "ops", 60).await, refused("InvalidInstanceId"), "offline");
    assert_eq!(sent(&ssm, DOCUMENT, vec![id(99)], "ops", 60).await, refused("InvalidInstanceId"), "unknown");
    sent(&ssm, DOCUMENT, nodes(50), "ops", 30).await.expect("fifty are no more than fifty");
}

#[tokio::test]
async fn each_node_runs_the_script_with_its_own_users_and_has_ended_at_the_second_poll() {
    let aws = Emulator::start();
    let ssm = account(&aws, 3).await;
    let mut looks = Vec::new();
    for user in ["ops", "other"] {
        let command = sent(&ssm, DOCUMENT, vec![id(0), id(1)], user, 60).await.expect("they are online");
        for _ in 0..2 {
            let look = ssm.list_command_invocations().command_id(&command).details(true).send().await;
            let found = look.expect("the command is known").command_invocations.unwrap_or_default();
            assert_eq!(found.len(), 2);
            looks.push((
                found[0].status.clone(),
                found[0].command_plugins().first().and_then(|step| step.output.clone()),
            ));
        }
    }
    let ended = |status, output: &str| (Some(status), Some(output.to_owned()));
    assert_eq!(looks[0], (Some(Status::InProgress), None));
    assert_eq!([&looks[1], &looks[3]], [&ended(Status::Success, "uid\nhere\n"), &ended(Status::Failed, "")]);
    let unknown = ssm.list_command_invocations().command_id("00000000-0000-0000-0000-000000000000").send().await;
    assert_eq!(unknown.map(drop).map_err(code), Err("InvalidCommandId".to_owned()));
}

#[tokio::test]
async fn nodes_are_listed_page_by_page() {
    let aws = Emulator::start();
    let ssm = account(&aws, 12).await;
    let pages = ssm.describe_instance_information().max_results(5).into_paginator().send();
    let pages: Vec<_> = pages.collect::<Result<_, _>>().await.expect("nodes can be listed");
    let sizes: Vec<usize> = pages.iter().map(|page| page.instance_information_list().len()).collect();
    assert_eq!(sizes, [5, 5, 2]);
    let small = ssm.describe_instance_information().max_results(4).send().await;
    assert_eq!(small.map(drop).map_err(code), Err("ValidationException".to_owned()));
}
