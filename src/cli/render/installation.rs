//! The roles that deploy and operate the reactor: service control policies need them, and the policy does not name them.

use std::str::FromStr;

use clap::Args;

use super::RenderError;
use super::principals::Partition;
use crate::domain::policy::Policy;
use crate::domain::policy::arn_pattern::LETTERS_MIN;

/// Limit of a role's path and name: 512 and 64 characters [docs: IAM `API_Role`].
const ROLE_CHARS_MAX: usize = 576;
/// The role of a service-managed stack set in a member account.
const STACK_SETS: [&str; 1] = ["stacksets-exec-*"];
/// The roles of Landing Zone Accelerator in a member account: for its stacks and for its self-managed stack sets.
const LANDING_ZONE_ACCELERATOR: [&str; 2] = ["cdk-accel*", "AWSCloudFormationStackSetExecutionRole"];
/// Parameter `OperatorRole` of infra/hub.yaml.
const OPERATOR: &str = "RunasReactorOperator";

/// The roles that deploy and operate the reactor.
#[derive(Clone, Debug, Args)]
pub struct InstallationArgs {
    /// The role that deploys the hub's stack, with its path; wildcards as in IAM. Can be repeated
    #[arg(long = "hub-deployer", value_name = "ROLE")]
    hub_deployers: Vec<RoleName>,
    /// The role that deploys into the member accounts, instead of that of service-managed stack sets (scp) or of Landing Zone
    /// Accelerator (lza). Can be repeated
    #[arg(long = "member-deployer", value_name = "ROLE")]
    member_deployers: Vec<RoleName>,
    /// The role that pushes the policy: `OperatorRole` of the hub's template. Can be repeated
    #[arg(long = "operator", value_name = "ROLE", default_value = OPERATOR)]
    operators: Vec<RoleName>,
    /// The name of the hub's stack, which the names of its queues, table, topic, schedule and alarms begin with
    #[arg(long, value_name = "NAME", default_value = "runas-reactor", value_parser = stack_name)]
    hub_stack: String,
}

/// The default for the roles that deploy into the member accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberDeployers {
    /// Service-managed stack sets.
    StackSets,
    /// Landing Zone Accelerator's pipeline.
    LandingZoneAccelerator,
}

impl MemberDeployers {
    fn arns(self, partition: Partition) -> Vec<String> {
        let names: &[&str] = match self {
            Self::StackSets => &STACK_SETS,
            Self::LandingZoneAccelerator => &LANDING_ZONE_ACCELERATOR,
        };
        names.iter().map(|name| partition.role("*", name)).collect()
    }
}

/// The installation of one organisation, as ARNs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    /// The partition of the organisation.
    pub(super) partition: Partition,
    /// The roles that deploy the hub; empty where no service control policy applies to the hub's account.
    pub(super) hub_deployers: Vec<String>,
    /// The roles that deploy into the member accounts.
    pub(super) member_deployers: Vec<String>,
    /// The roles that push the policy.
    pub(super) operators: Vec<String>,
    /// The name of the hub's stack.
    pub(super) hub_stack: String,
}

impl InstallationArgs {
    /// The installation in the organisation of a policy.
    ///
    /// # Errors
    /// The partition is unknown, or no role is named that deploys a hub under a service control policy.
    pub(super) fn of(&self, policy: &Policy, default: MemberDeployers) -> Result<Installation, RenderError> {
        let partition = Partition::of(policy.home_region())?;
        let hub = policy.hub_account();
        if self.hub_deployers.is_empty() && hub != policy.management_account() {
            return Err(RenderError::NoHubDeployer(hub.to_string()));
        }
        let arns = |account: &str, names: &[RoleName]| -> Vec<String> {
            names.iter().map(|name| partition.role(account, &name.0)).collect()
        };
        let member_deployers = arns("*", &self.member_deployers);
        Ok(Installation {
            partition,
            hub_deployers: arns(hub.as_str(), &self.hub_deployers),
            member_deployers: if member_deployers.is_empty() { default.arns(partition) } else { member_deployers },
            operators: arns(hub.as_str(), &self.operators),
            hub_stack: self.hub_stack.clone(),
        })
    }
}

/// A role's name with its path, or a pattern of such names with IAM's wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RoleName(String);

impl FromStr for RoleName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@/*?-".contains(&b);
        if text.starts_with("arn:") {
            return Err("it is an ARN; fix: write the role's path and name, which follow after `role/`".to_owned());
        }
        if text.len() > ROLE_CHARS_MAX || text.starts_with('/') || text.ends_with('/') || !text.bytes().all(known) {
            return Err("it is not the name of a role; fix: write its path and name, such as ci/deploy".to_owned());
        }
        if text.bytes().filter(u8::is_ascii_alphanumeric).count() < LETTERS_MIN {
            return Err("it fits nearly every principal; fix: name the role".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A valid name of a CloudFormation stack [docs: `API_CreateStack`].
fn stack_name(text: &str) -> Result<String, String> {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if text.len() <= 128 && text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(known) {
        return Ok(text.to_owned());
    }
    Err("it is not the name of a stack; fix: write it as `aws cloudformation list-stacks` shows it".to_owned())
}
