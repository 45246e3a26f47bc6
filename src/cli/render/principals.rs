//! The policy's principals, as ARNs that service control policies compare with `aws:PrincipalArn`.
//!
//! IAM compares the ARN of a session's **role**, with its path [docs: IAM condition keys, `aws:PrincipalArn`]. The policy's
//! patterns match the same ARN, so a condition can use them unchanged.

use super::RenderError;
use crate::domain::policy::Policy;
use crate::domain::policy::arn_pattern::split;
use crate::domain::policy::check::PrincipalPattern;
use crate::domain::target::{AccountId, Region, partition};

/// Region prefixes of partitions that the reactor does not support.
const FOREIGN_REGIONS: [&str; 5] = ["us-iso-", "us-isob-", "us-isof-", "eu-isoe-", "eusc-"];
/// Paths under which no principal of an account can create or change a role.
const RESERVED_PATHS: [&str; 2] = ["role/aws-reserved/", "role/aws-service-role/"];

/// One of the supported partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Partition(&'static str);

impl Partition {
    /// The partition of a region.
    ///
    /// # Errors
    /// [`RenderError::Partition`] for regions of other partitions.
    pub(super) fn of(region: &Region) -> Result<Self, RenderError> {
        if FOREIGN_REGIONS.iter().any(|foreign| region.as_str().starts_with(foreign)) {
            return Err(RenderError::Partition(region.clone()));
        }
        Ok(Self(partition(region)))
    }

    /// The ARN of a resource; region and account are empty where the service has none.
    pub(super) fn arn(self, service: &str, region: &str, account: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{region}:{account}:{resource}", self.0)
    }

    /// The ARN of a role.
    pub(super) fn role(self, account: &str, name: &str) -> String {
        self.arn("iam", "", account, &format!("role/{name}"))
    }

    /// The ARN in this partition: a wildcard for the partition is documented for conditions only, not for resources.
    fn at_home(self, arn: &str) -> String {
        match split(arn) {
            Some([_, _, service, region, account, resource]) => self.arn(service, region, account, resource),
            None => arn.to_owned(),
        }
    }
}

/// The principals that may change the document, as ARN patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principals {
    /// The member roles.
    pub(super) access: Vec<String>,
    /// The administrator roles that the broker uses.
    pub(super) gap: Vec<String>,
    /// The pipelines.
    pub(super) trusted: Vec<String>,
    /// The break-glass principals.
    pub(super) break_glass: Vec<String>,
}

impl Principals {
    /// The principals of a policy.
    ///
    /// # Errors
    /// [`RenderError::Variable`] for a pattern that IAM would expand.
    pub(super) fn of(policy: &Policy, partition: Partition) -> Result<Self, RenderError> {
        let roles = |names: &[String]| names.iter().map(|name| partition.role("*", name)).collect();
        let arns = |texts: &[String]| {
            let mut arns = Vec::new();
            for text in texts.iter().filter(|text| service(text).is_none()) {
                if text.contains("${") {
                    return Err(RenderError::Variable(text.clone()));
                }
                arns.push(partition.at_home(text));
            }
            Ok(arns)
        };
        let principals = &policy.document().principals;
        Ok(Self {
            access: roles(policy.roles()),
            gap: roles(policy.gap_roles()),
            trusted: arns(&principals.trusted)?,
            break_glass: arns(&principals.break_glass)?,
        })
    }

    /// All principals that may change the document.
    pub(super) fn all(&self) -> Vec<String> {
        once([&self.access, &self.gap, &self.trusted, &self.break_glass])
    }
}

/// The DNS name of an AWS service, where an entry of the policy is one. No service control policy restricts it.
pub(super) fn service(text: &str) -> Option<String> {
    match PrincipalPattern::read(text) {
        Some(PrincipalPattern::Service(name)) => Some(name),
        _ => None,
    }
}

/// The union of several lists, in order and without duplicates.
pub(super) fn once<'a>(lists: impl IntoIterator<Item = &'a Vec<String>>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for arn in lists.into_iter().flatten() {
        if !all.contains(arn) {
            all.push(arn.clone());
        }
    }
    all
}

/// The kind of principal that an account's administrator could create or change to match a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nameable {
    /// A role.
    Role,
    /// A user.
    User,
}

/// Whether an administrator could take a matching name. `None` for the management account, which no service control policy
/// restricts, for the root user, and for names reserved for AWS.
pub(super) fn nameable(arn: &str, management: &AccountId) -> Option<Nameable> {
    let [.., account, resource] = split(arn)?;
    if account == management.as_str() || RESERVED_PATHS.iter().any(|path| resource.starts_with(path)) {
        return None;
    }
    match resource.split('/').next() {
        Some("role") => Some(Nameable::Role),
        Some("user") => Some(Nameable::User),
        _ => None,
    }
}
