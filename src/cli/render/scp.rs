//! The service control policies: one guards the document and the tag before it, the others guard its exemptions and the hub.

mod document;
mod hub;
mod names;

use serde::Serialize;

use super::RenderError;
use super::installation::Installation;
use super::principals::{Principals, once, service};
use super::sheets::{Sheet, Sheets};
use super::statement::{CHARACTERS_MAX, Document, Statement, pack};
use crate::cli::policy::count;
use crate::domain::policy::Policy;
use crate::domain::target::AccountId;

/// Version of the JSON that the command writes.
const SCHEMA_VERSION: u32 = 1;
/// Policies per account or OU: AWS attaches ten, including `FullAWSAccess` [docs: Organizations quotas].
pub(super) const ATTACHED_MAX: usize = 9;
/// Name of the function's role, in infra/hub.yaml.
pub(super) const HUB_ROLE: &str = "RunasReactor";
/// Name of the schedule's role, in infra/hub.yaml.
const SCHEDULE_ROLE: &str = "RunasReactorSchedule";
/// Name of the function and the bus in infra/hub.yaml, and prefix of the forwarding rules.
pub(super) const OWN_NAMES: &str = "runas-reactor";
/// Patterns of all roles in the templates of the accounts.
const OWN_ROLES: [&str; 2] = ["RunasReactor*", "RunasWatcher-*"];

/// Where a policy is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attachment {
    /// The root, or OUs one after another.
    Members,
    /// The hub's account.
    Hub(AccountId),
}

impl Attachment {
    fn words(&self) -> String {
        match self {
            Self::Members => "the root, or OU after OU".to_owned(),
            Self::Hub(account) => format!("account {account}"),
        }
    }
}

/// One service control policy with its name and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scp {
    /// Its name in Organizations.
    pub(super) name: String,
    /// Its description in Organizations.
    pub(super) purpose: &'static str,
    /// Where it is attached.
    pub(super) place: Attachment,
    /// The policy.
    pub(super) document: Document,
}

impl Scp {
    fn listed(&self) -> Listed<'_> {
        let attach_to = match &self.place {
            Attachment::Members => "root".to_owned(),
            Attachment::Hub(account) => account.to_string(),
        };
        Listed { name: &self.name, attach_to, characters: self.document.characters(), policy: &self.document }
    }
}

/// The service control policies of an organisation.
///
/// # Errors
/// A pattern contains an IAM variable, or the policies exceed a limit.
pub(super) fn policies(policy: &Policy, installation: &Installation) -> Result<Vec<Scp>, RenderError> {
    let ground = Ground { policy, installation, principals: Principals::of(policy, installation.partition)? };
    let mut all = Vec::new();
    all.extend(named(
        "document",
        "Only the reactor, pipelines and break-glass may change SSM-SessionManagerRunShell or tag SSMSessionRunAs",
        &Attachment::Members,
        document::statements(&ground),
    )?);
    all.extend(named(
        "names",
        "Nobody takes a name that runas-reactor trusts, and nobody blinds its forwarding rules",
        &Attachment::Members,
        names::statements(&ground),
    )?);
    if all.len() > ATTACHED_MAX {
        return Err(RenderError::TooMany(all.len()));
    }
    let hub = policy.hub_account();
    if hub != policy.management_account() {
        all.extend(named(
            "hub",
            "Only its deployer changes runas-reactor, its queues, table, topic and bus",
            &Attachment::Hub(hub.clone()),
            hub::statements(&ground),
        )?);
    }
    Ok(all)
}

/// The input of the statements.
struct Ground<'a> {
    policy: &'a Policy,
    installation: &'a Installation,
    principals: Principals,
}

fn named(
    what: &str,
    purpose: &'static str,
    place: &Attachment,
    statements: Vec<Statement>,
) -> Result<Vec<Scp>, RenderError> {
    let scp = |(index, document)| {
        let number = if index == 0 { String::new() } else { format!("-{}", index + 1) };
        Scp { name: format!("{OWN_NAMES}-{what}{number}"), purpose, place: place.clone(), document }
    };
    Ok(pack(statements)?.into_iter().enumerate().map(scp).collect())
}

/// One policy in the output.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    attach_to: String,
    characters: usize,
    policy: &'a Document,
}

/// All policies in the output.
#[derive(Serialize)]
struct Listing<'a> {
    schema_version: u32,
    policies: Vec<Listed<'a>>,
}

/// The policies as files.
pub(super) fn sheets(policies: &[Scp], policy: &Policy, pretty: bool) -> Sheets {
    let listing = Listing { schema_version: SCHEMA_VERSION, policies: policies.iter().map(Scp::listed).collect() };
    let summary = if pretty { serde_json::to_string_pretty(&listing) } else { serde_json::to_string(&listing) }
        .unwrap_or_default();
    let file = |scp: &Scp| Sheet {
        name: format!("{}.json", scp.name),
        text: if pretty { scp.document.pretty() + "\n" } else { scp.document.minified() },
    };
    Sheets { files: policies.iter().map(file).collect(), summary: summary + "\n", notes: notes(policies, policy) }
}

/// Notes to read before attaching the policies.
pub(super) fn notes(policies: &[Scp], policy: &Policy) -> Vec<String> {
    let mut notes: Vec<String> = policies
        .iter()
        .map(|Scp { name, place, document, .. }| {
            format!("{name}: {} of {CHARACTERS_MAX} characters, for {}", document.characters(), place.words())
        })
        .collect();
    notes.push(format!(
        "account {}, the management account, is restricted by none of them: no service control policy holds there",
        policy.management_account()
    ));
    let principals = &policy.document().principals;
    for service in principals.trusted.iter().chain(&principals.break_glass).filter_map(|text| service(text)) {
        notes.push(format!("{service} stands in none of them: no service control policy restricts AWS services"));
    }
    let exempt = policy.document().exemptions.len();
    if exempt > 0 {
        notes.push(format!(
            "{}: those who keep the document there are denied too, unless `principals` names their roles with the account",
            count(exempt, "exemption")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::{HUB_ROLE, OWN_NAMES, SCHEDULE_ROLE};

    const HUB: &str = include_str!("../../../infra/hub.yaml");

    #[test]
    fn the_names_are_those_of_the_hubs_template() {
        for (key, name) in
            [("FunctionName", OWN_NAMES), ("Name", OWN_NAMES), ("RoleName", HUB_ROLE), ("RoleName", SCHEDULE_ROLE)]
        {
            assert!(HUB.lines().any(|line| line.trim() == format!("{key}: {name}")), "{key}: {name}");
        }
        assert!(HUB.contains("Default: RunasReactorOperator"));
    }
}
