//! Fragments for the configuration of Landing Zone Accelerator (LZA), in the fields of its version 1.15.
//!
//! LZA attaches service control policies to OUs and accounts by **name**, minifies their files, and detaches other ones.
//! Its stack sets are self-managed: an account joins at the first pipeline run whose customizations stage succeeds. OUs
//! other than `Root` exclude the OUs below them.

use std::fmt::Write as _;

use clap::Args;

use super::RenderError;
use super::principals::Partition;
use super::scp::{Attachment, HUB_ROLE, OWN_NAMES, Scp, notes};
use super::sheets::{Sheet, Sheets};
use crate::domain::policy::Policy;
use crate::domain::target::{Region, default_regions, partition};

/// Service control policies per OU or account that LZA's validation allows by default.
const ATTACHED_MAX: usize = 5;
const ORGANIZATION: &str = "organization-config.yaml";
const CUSTOMIZATIONS: &str = "customizations-config.yaml";
/// Directories of LZA's configuration for service control policies and templates.
const POLICIES: &str = "service-control-policies";
const TEMPLATE: &str = "cloudformation/runas-reactor-member.yaml";
/// The role of LZA's self-managed stack sets in the accounts.
const STACK_SET_ROLE: &str = "AWSCloudFormationStackSetExecutionRole";

/// The names of the targets in LZA's configuration.
#[derive(Clone, Debug, Args)]
pub struct TargetArgs {
    /// An OU as organization-config.yaml names it. Can be repeated; OUs other than Root leave out those below them
    #[arg(long = "ou", value_name = "NAME", default_value = "Root", value_parser = name)]
    ous: Vec<String>,
    /// The hub's account, as accounts-config.yaml names it
    #[arg(long, value_name = "NAME", value_parser = name)]
    hub_account_name: Option<String>,
    /// A region that the member stack goes to, where the policy governs every enabled one. Can be repeated
    #[arg(long = "stack-region", value_name = "REGION")]
    stack_regions: Vec<Region>,
}

/// A name on a single line.
fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("it is no name; fix: write it as the configuration does".to_owned());
    }
    Ok(text.to_owned())
}

/// The fragments, and the policies that they refer to.
///
/// # Errors
/// The name of the hub's account or the regions are unknown.
pub(super) fn sheets(policies: &[Scp], policy: &Policy, targets: &TargetArgs) -> Result<Sheets, RenderError> {
    let organization = organization(policies, policy, targets)?;
    let customizations = customizations(policy, targets)?;
    let summary = format!("{organization}---\n{customizations}");
    let mut files = vec![
        Sheet { name: format!("runas-reactor.{ORGANIZATION}"), text: organization },
        Sheet { name: format!("runas-reactor.{CUSTOMIZATIONS}"), text: customizations },
    ];
    files.extend(policies.iter().map(|scp| Sheet { name: file(scp), text: scp.document.pretty() + "\n" }));
    let mut notes = notes(policies, policy);
    let members = policies.iter().filter(|scp| scp.place == Attachment::Members).count();
    if members >= ATTACHED_MAX {
        notes.push(format!(
            "{members} policies go to one OU, and Landing Zone Accelerator allows {ATTACHED_MAX} with your own; fix: join \
             patterns under `principals`, or raise the quota and ACCELERATOR_MAX_OU_ATTACHED_SCPS"
        ));
    }
    Ok(Sheets { files, summary, notes })
}

fn file(scp: &Scp) -> String {
    format!("{POLICIES}/{}.json", scp.name)
}

/// A YAML string with any content: JSON strings are valid YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Items of a YAML list, indented by this many spaces.
fn list(indent: usize, items: impl IntoIterator<Item = String>) -> String {
    let mut yaml = String::new();
    for item in items {
        let _ = writeln!(yaml, "{:indent$}- {item}", "");
    }
    yaml
}

fn organization(policies: &[Scp], policy: &Policy, targets: &TargetArgs) -> Result<String, RenderError> {
    let mut yaml = format!(
        "# Entries for `serviceControlPolicies` in {ORGANIZATION}; the files belong below {POLICIES}/.\n{}\
         serviceControlPolicies:\n",
        quarantine(policy)
    );
    for scp in policies {
        let (kind, names) = match &scp.place {
            Attachment::Members => ("organizationalUnits", targets.ous.clone()),
            Attachment::Hub(account) => {
                let missing = || RenderError::NoHubAccountName(account.to_string());
                ("accounts", vec![targets.hub_account_name.clone().ok_or_else(missing)?])
            }
        };
        let names = list(8, names.iter().map(|name| quoted(name)));
        let _ = write!(
            yaml,
            "  - name: {}\n    description: {}\n    policy: {}\n    type: customerManaged\n    strategy: deny-list\n    \
             deploymentTargets:\n      {kind}:\n{names}",
            quoted(&scp.name),
            quoted(scp.purpose),
            quoted(&file(scp)),
        );
    }
    Ok(yaml)
}

/// A comment on the roles that LZA's quarantine must exempt. LZA removes the quarantine after the stage that deploys stack
/// sets, so without the first role a new account never gets its member stack.
fn quarantine(policy: &Policy) -> String {
    let mut roles = vec![STACK_SET_ROLE.to_owned()];
    roles.extend_from_slice(policy.roles());
    let mut text =
        "# Where quarantineNewAccounts is enabled, that policy has to except these roles under aws:PrincipalARN:\n"
            .to_owned();
    for role in &roles {
        let _ = writeln!(text, "#   arn:${{PARTITION}}:iam::*:role/{role}");
    }
    for role in policy.gap_roles() {
        let _ = writeln!(
            text,
            "# {role} works under it only as managementAccountAccessRole of global-config.yaml, or excepted like these."
        );
    }
    text
}

fn customizations(policy: &Policy, targets: &TargetArgs) -> Result<String, RenderError> {
    let regions = list(8, regions(policy, targets)?);
    let ous = list(10, targets.ous.iter().map(|ou| quoted(ou)));
    let parameter = |(name, value): &(&str, String)| format!("name: {name}\n          value: {}", quoted(value));
    let parameters = list(8, parameters(policy)?.iter().map(parameter));
    Ok(format!(
        "# An entry for `cloudFormationStackSets` in {CUSTOMIZATIONS}; infra/member.yaml of this repository belongs to\n\
         # {TEMPLATE}. These stack sets are self-managed: a new account gets its stack from the first run of\n\
         # the pipeline whose customizations stage succeeds, and until then the reactor works through gap_roles.\n\
         customizations:\n  cloudFormationStackSets:\n    - name: RunasReactorMember\n      \
         description: Lets runas-reactor into the accounts, and forwards their events to it\n      \
         template: {TEMPLATE}\n      capabilities:\n        - CAPABILITY_NAMED_IAM\n      regions:\n{regions}      \
         deploymentTargets:\n        organizationalUnits:\n{ous}      parameters:\n{parameters}"
    ))
}

/// The regions with forwarding rules: the governed ones, the home region with the role, and that of account events.
fn regions(policy: &Policy, targets: &TargetArgs) -> Result<Vec<String>, RenderError> {
    let governed = match policy.governed_regions() {
        Some(governed) => governed.to_vec(),
        None if targets.stack_regions.is_empty() => return Err(RenderError::NoRegions),
        None => targets.stack_regions.clone(),
    };
    let home = policy.home_region();
    let account_events = default_regions(partition(home)).into_iter().find(|region| region.as_str() == "us-east-1");
    let mut regions: Vec<String> = Vec::new();
    for region in [home.clone()].into_iter().chain(governed).chain(account_events) {
        let region = region.to_string();
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    Ok(regions)
}

/// The parameters of infra/member.yaml.
fn parameters(policy: &Policy) -> Result<[(&'static str, String); 4], RenderError> {
    let (partition, hub) = (Partition::of(policy.home_region())?, policy.hub_account().as_str());
    let bus = partition.arn("events", policy.home_region().as_str(), hub, &format!("event-bus/{OWN_NAMES}"));
    let role = policy.roles().first().cloned().unwrap_or_default();
    Ok([
        ("OrganizationId", policy.organization_id().to_owned()),
        ("HubRoleArn", partition.role(hub, HUB_ROLE)),
        ("HubBusArn", bus),
        ("MemberRoleName", role),
    ])
}
