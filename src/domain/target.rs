//! Where: accounts, regions, and the pair of both that has one preferences document.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The document that Session Manager reads its preferences from, once per account and region.
pub const DOCUMENT_NAME: &str = "SSM-SessionManagerRunShell";

/// The document that asks managed nodes for an OS user, and the role that may run it (`infra/preflight.yaml`).
pub const PREFLIGHT: &str = "RunasReactorPreflight";

/// A string that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {expected}")]
pub struct IdError {
    found: String,
    expected: &'static str,
}

impl IdError {
    fn new(found: &str, expected: &'static str) -> Self {
        Self { found: found.chars().take(64).collect(), expected }
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as AWS writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(IdError::new(text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// A 12-digit account id.
    AccountId,
    "an account id of 12 digits",
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
);

identifier!(
    /// A region code such as `eu-west-1`.
    Region,
    "a region such as eu-west-1",
    |text| {
        let mut parts = text.split('-');
        (9..=32).contains(&text.len())
            && parts.clone().count() >= 3
            && parts.next_back().is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
            && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase()))
    }
);

identifier!(
    /// An organizational unit (`ou-ab12-11111111`) or the root (`r-ab12`).
    OuId,
    "an OU id such as ou-ab12-11111111, or a root such as r-ab12",
    |text| {
        text.len() <= 68
            && (text.starts_with("ou-") || text.starts_with("r-"))
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    }
);

/// The partition of a region, as in ARNs.
pub fn partition(region: &Region) -> &'static str {
    match region.as_str() {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// One account in one region: the place of one preferences document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The account that owns the document.
    pub account: AccountId,
    /// The region that the document is in.
    pub region: Region,
}

impl Target {
    /// The target of `account` in `region`.
    pub fn new(account: AccountId, region: Region) -> Self {
        Self { account, region }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

impl FromStr for Target {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let expected = "an account in one region, such as 444455556666/eu-west-1";
        let (account, region) = text.split_once('/').ok_or_else(|| IdError::new(text, expected))?;
        Ok(Self::new(account.parse()?, region.parse()?))
    }
}

/// Whether an account can be governed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// In the organisation and usable.
    #[default]
    Active,
    /// Suspended, closing or closed: nothing can be read or written any more.
    Closed,
    /// No longer in the organisation.
    Left,
}

/// What the policy needs to know of an account, as Organizations reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// The account.
    pub account: AccountId,
    /// Its name in the organisation, for people.
    #[serde(default)]
    pub name: String,
    /// The root and the OUs above it, outermost first.
    pub ou_path: Vec<OuId>,
    /// Whether it can still be governed.
    #[serde(default)]
    pub state: AccountState,
}

impl AccountFacts {
    /// Whether it is directly under the root, in no OU yet. Accounts are created there and moved later.
    pub fn is_unplaced(&self) -> bool {
        !self.ou_path.iter().any(|ou| ou.as_str().starts_with("ou-"))
    }
}

/// The regions that every account of a partition has without opting in [docs: accounts manage-acct-regions].
pub fn default_regions(partition: &str) -> Vec<Region> {
    let names: &[&str] = match partition {
        "aws-cn" => &["cn-north-1", "cn-northwest-1"],
        "aws-us-gov" => &["us-gov-east-1", "us-gov-west-1"],
        _ => &[
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-southeast-1",
            "ap-southeast-2",
            "ca-central-1",
            "eu-central-1",
            "eu-north-1",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    };
    names.iter().filter_map(|name| name.parse().ok()).collect()
}
