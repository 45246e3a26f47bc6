//! Managed nodes: Run Command asks a node whether an OS user exists there. The role and the document for it come from
//! `infra/preflight.yaml`; without that template no account has either.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::retry::RetryPartition;
use aws_sdk_ssm::config::{Builder, Region};
use aws_sdk_ssm::types::{
    CommandInvocation, CommandInvocationStatus as Status, InstanceInformation, PingStatus, PlatformType,
};

use super::client::{Clients, Lazy};
use super::fault::Call;
use super::session::{Scope, Session, Sessions};
use crate::config::Connection;
use crate::domain::os_user::OsUser;
use crate::domain::target::{PREFLIGHT, Target};
use crate::domain::text::{ID_CHARS_MAX, clean};
use crate::ports::{Access, Fault, FaultClass};

/// Nodes that one command is sent to [bc ssm].
pub const BATCH_MAX: usize = 50;

const LIST: Call = Call::read("DescribeInstanceInformation").in_member();
const SEND: Call = Call::write("SendCommand").in_member();
const READ: Call = Call::read("ListCommandInvocations").in_member();
/// Systems Manager tries to deliver a command for no shorter time [bc ssm].
const DELIVERY_S_MIN: i32 = 30;
/// Nodes and invocations to a page [bc ssm].
const PAGE: i32 = 50;
/// An account with more nodes in a region than 20,000 is not listed to its end.
const PAGES_MAX: usize = 400;

/// The managed nodes of all accounts.
pub struct Nodes {
    client: Lazy<Client>,
    sessions: Sessions,
}

/// A managed node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Of an EC2 instance (`i-`) or a hybrid node (`mi-`).
    pub id: String,
    /// What it runs on.
    pub platform: Platform,
    /// Whether its agent answers Systems Manager.
    pub online: bool,
    /// Version of its agent.
    pub agent: String,
}

/// What a node runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux,
    /// Windows, which has no Run As.
    Windows,
    /// macOS, and what AWS will add.
    Other,
}

/// The outcome of a command on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The node's id.
    pub node: String,
    /// Whether the status is final.
    pub ended: bool,
    /// Its status, as Systems Manager names it.
    pub status: String,
    /// What the document's only step wrote.
    pub output: String,
}

impl Nodes {
    pub(super) fn new(connection: &Connection, clients: &Clients) -> Self {
        Self { client: clients.ssm(), sessions: Sessions::new(connection, clients, Scope::Nodes) }
    }

    /// The managed nodes of a target, whatever they run on and online or not.
    ///
    /// # Errors
    /// No role lets the caller in, or Systems Manager does not answer.
    pub async fn list(&self, target: &Target, access: &Access) -> Result<Vec<Node>, Fault> {
        let session = self.sessions.get(&target.account, access).await?.session;
        let (mut nodes, mut page) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = self.client.describe_instance_information().max_results(PAGE).set_next_token(page);
            let sent = request.customize().config_override(at(target, &session)).send().await;
            let answer = sent.map_err(|error| LIST.failed(&error))?;
            nodes.extend(answer.instance_information_list.unwrap_or_default().into_iter().filter_map(node));
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(nodes);
            }
        }
        Err(LIST.fault(FaultClass::Invalid, "TooMany", "the account has more than 20,000 nodes in the region"))
    }

    /// Sends the question to up to [`BATCH_MAX`] nodes; answers with the command's id. What is not delivered within `patience_s`,
    /// or half a minute, is not delivered at all.
    ///
    /// # Errors
    /// The document is missing, a node is gone, or the role may not ask.
    pub async fn ask(
        &self,
        target: &Target,
        access: &Access,
        user: &OsUser,
        nodes: &[String],
        patience_s: u16,
    ) -> Result<String, Fault> {
        let session = self.sessions.get(&target.account, access).await?.session;
        let request = self
            .client
            .send_command()
            .document_name(PREFLIGHT)
            .set_instance_ids(Some(nodes.to_vec()))
            .parameters("user", vec![user.as_str().to_owned()])
            .comment("runasctl preflight")
            .timeout_seconds(i32::from(patience_s).max(DELIVERY_S_MIN))
            // By default, the first node on which it fails ends it for the others.
            .max_errors("100%");
        let sent = request.customize().config_override(at(target, &session)).send().await;
        let made = sent.map_err(|error| SEND.failed(&error))?.command.and_then(|command| command.command_id);
        made.ok_or_else(|| SEND.fault(FaultClass::Transient, "Incomplete", "the answer names no command"))
    }

    /// The command's status on each node that Systems Manager lists by now.
    ///
    /// # Errors
    /// The command is not known yet, or Systems Manager does not answer.
    pub async fn invocations(&self, target: &Target, access: &Access, command: &str) -> Result<Vec<Invocation>, Fault> {
        let session = self.sessions.get(&target.account, access).await?.session;
        let (mut found, mut page) = (Vec::new(), None);
        for _ in 0..BATCH_MAX {
            let request = self.client.list_command_invocations().command_id(command).details(true);
            let request = request.max_results(PAGE).set_next_token(page);
            let sent = request.customize().config_override(at(target, &session)).send().await;
            let answer = sent.map_err(|error| READ.failed(&error))?;
            found.extend(answer.command_invocations.unwrap_or_default().into_iter().filter_map(invocation));
            page = answer.next_token.filter(|token| !token.is_empty());
            if page.is_none() {
                break;
            }
        }
        Ok(found)
    }
}

/// Where a call goes, and as whom.
fn at(target: &Target, session: &Session) -> Builder {
    Builder::new()
        .region(Region::new(target.region.as_str().to_owned()))
        .credentials_provider(session.credentials.clone())
        .retry_partition(RetryPartition::new(format!("ssm {target}")))
}

fn node(answer: InstanceInformation) -> Option<Node> {
    let platform = match answer.platform_type {
        Some(PlatformType::Linux) => Platform::Linux,
        Some(PlatformType::Windows) => Platform::Windows,
        _ => Platform::Other,
    };
    Some(Node {
        id: clean(&answer.instance_id?, ID_CHARS_MAX),
        platform,
        online: answer.ping_status == Some(PingStatus::Online),
        agent: clean(&answer.agent_version.unwrap_or_default(), ID_CHARS_MAX),
    })
}

fn invocation(answer: CommandInvocation) -> Option<Invocation> {
    let ended = matches!(answer.status, Some(Status::Success | Status::Failed | Status::TimedOut | Status::Cancelled));
    let status = answer.status_details.or_else(|| answer.status.map(|status| status.as_str().to_owned()));
    let output = answer.command_plugins.unwrap_or_default().into_iter().next().and_then(|step| step.output);
    Some(Invocation {
        node: clean(&answer.instance_id?, ID_CHARS_MAX),
        ended,
        status: clean(&status.unwrap_or_default(), ID_CHARS_MAX),
        output: clean(&output.unwrap_or_default(), ID_CHARS_MAX),
    })
}
