//! Checks the organisation, its regions, and the roles that the reactor works through.

use std::collections::BTreeMap;

use super::super::problem::{Path, Problems, quoted};
use super::super::schema::{Document, Regions};
use super::account;
use crate::domain::target::{Region, partition};

const REGIONS_MAX: usize = 64;
const ROLES_MAX: usize = 10;

/// Common administrator roles; the reactor reaches them through the broker only.
const ADMINISTRATOR_ROLES: [&str; 2] = ["AWSControlTowerExecution", "OrganizationAccountAccessRole"];

/// Opt-in regions known when this was built; [`crate::domain::target::default_regions`] has the other known ones.
const OPT_IN_REGIONS: [&str; 17] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

pub(super) fn check(document: &Document, problems: &mut Problems) {
    let path = Path::root().key("organization");
    let organization = &document.organization;
    let is_organization = organization.id.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    });
    if !is_organization {
        problems.error(
            "bad_id",
            path.key("id"),
            format!("{} is not the id of an organisation", quoted(&organization.id)),
            "write the id as Organizations shows it, such as o-exampleorgid",
        );
    }
    account(&organization.management_account, &path.key("management_account"), problems);
    let hub = path.key("hub_account");
    if account(&organization.hub_account, &hub, problems) && organization.hub_account == organization.management_account
    {
        problems.warning(
            "hub_in_management",
            hub,
            "the reactor would run in the management account, which no SCP restricts",
            "give it an account of its own, such as the one of the security tooling",
        );
    }
    let home = region(&organization.home_region, &path.key("home_region"), problems);
    if let Regions::Listed(regions) = &document.regions {
        listed(regions, home.as_ref(), problems);
    }
    roles(document, problems);
}

fn region(text: &str, path: &Path, problems: &mut Problems) -> Option<Region> {
    let Ok(region) = text.parse::<Region>() else {
        let message = format!("{} is not a region", quoted(text));
        problems.error("bad_id", path.clone(), message, "write its code, such as eu-west-1");
        return None;
    };
    let known = OPT_IN_REGIONS.contains(&text)
        || crate::domain::target::default_regions(partition(&region)).iter().any(|known| known.as_str() == text);
    if !known {
        problems.warning(
            "unknown_region",
            path.clone(),
            format!("`{text}` is none of the regions that were known when this was built"),
            "check its spelling; a newer region is taken as it is",
        );
    }
    Some(region)
}

fn listed(regions: &[String], home: Option<&Region>, problems: &mut Problems) {
    let path = Path::root().key("regions");
    if regions.is_empty() {
        let fix = "list the governed regions, or write `regions: enabled`";
        problems.error("unreachable_rule", path.clone(), "no region is governed, so nothing is", fix);
    }
    if regions.len() > REGIONS_MAX {
        let message = format!("{} regions are more than {REGIONS_MAX}", regions.len());
        problems.error("too_many", path.clone(), message, "write `regions: enabled`");
    }
    let mut first = BTreeMap::new();
    for (index, text) in regions.iter().enumerate() {
        let path = path.index(index);
        let Some(region) = region(text, &path, problems) else { continue };
        if let Some(home) = home.filter(|home| partition(home) != partition(&region)) {
            problems.error(
                "mixed_partitions",
                path.clone(),
                format!("`{region}` is in partition `{}`, the reactor in `{}`", partition(&region), partition(home)),
                "no credentials reach across partitions: give the other one a reactor and a policy of its own",
            );
        }
        if let Some(earlier) = first.insert(text.clone(), path.clone()) {
            let message = format!("`{region}` stands here already, at `{earlier}`");
            problems.error("duplicate_region", path, message, "remove one of the two");
        }
    }
}

fn roles(document: &Document, problems: &mut Problems) {
    let path = Path::root().key("access");
    let (roles, gap_roles) = (path.key("roles"), path.key("gap_roles"));
    if document.access.roles.is_empty() {
        let fix = "name the member role that is deployed to the accounts, such as RunasReactorMember";
        problems.error("bad_value", roles.clone(), "without a role no account can be read", fix);
    }
    let mut first: BTreeMap<&str, Path> = BTreeMap::new();
    for (list, names) in [(&roles, &document.access.roles), (&gap_roles, &document.access.gap_roles)] {
        if names.len() > ROLES_MAX {
            let message = format!("{} roles are more than {ROLES_MAX}", names.len());
            problems.error("too_many", list.clone(), message, "keep those that exist in the accounts");
        }
        for (index, name) in names.iter().enumerate() {
            let path = list.index(index);
            role(name, &path, problems);
            if let Some(earlier) = first.get(name.as_str()) {
                let message = format!("role {} stands here already, at `{earlier}`", quoted(name));
                problems.error("duplicate_role", path, message, "remove one of the two");
            } else {
                if list == &roles && ADMINISTRATOR_ROLES.contains(&name.as_str()) {
                    problems.warning(
                        "administrator_role",
                        path.clone(),
                        format!("`{name}` is an administrator role, and would be used without the broker"),
                        "move it to `gap_roles`, and deploy a member role of its own",
                    );
                }
                first.insert(name, path);
            }
        }
    }
}

/// Role names have 1 to 64 characters of `\w+=,.@-`.
fn role(name: &str, path: &Path, problems: &mut Problems) {
    let valid = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if !valid || !(1..=64).contains(&name.len()) {
        problems.error(
            "bad_id",
            path.clone(),
            format!("{} is not the name of a role", quoted(name)),
            "write the bare name, without path and ARN: the role is looked for in every account",
        );
    }
}
