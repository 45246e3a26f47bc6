//! The settings of a running broker.

use super::{ConfigProblems, Connection, Reader, check, variable};

/// Bare name of the management access role that the broker assumes; `AWSControlTowerExecution` by default.
pub const GAP_ROLE: &str = "GAP_ROLE";
/// Bare name of the member role that makes the broker unnecessary (required).
pub const MEMBER_ROLE: &str = "MEMBER_ROLE";
/// Hours after an account joined during which the broker serves it even if its member role was used (required).
pub const MAX_AGE_HOURS: &str = "MAX_AGE_HOURS";

/// The name that Control Tower gives to the management account's role in every account.
const GAP_ROLE_DEFAULT: &str = "AWSControlTowerExecution";

/// The settings of a running broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// How it reaches AWS.
    pub connection: Connection,
    /// Name of the role that the broker assumes.
    pub gap_role: String,
    /// Name of the role that the reactor uses once it works.
    pub member_role: String,
    /// Hours after an account joined during which the broker serves it in any case.
    pub max_age_hours: u32,
}

impl BrokerConfig {
    /// Reads the settings from the environment.
    ///
    /// # Errors
    /// Every variable that is missing or invalid.
    pub fn from_env() -> Result<Self, ConfigProblems> {
        Self::from_vars(variable)
    }

    /// Reads the settings from `vars`. An empty variable counts as not set.
    ///
    /// # Errors
    /// Every variable that is missing or invalid.
    pub fn from_vars(vars: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigProblems> {
        let mut reader = Reader { vars, problems: Vec::new() };
        let connection = reader.connection();
        let gap_role = reader.optional(GAP_ROLE, "set the bare name of the management access role", check::role);
        let member_role = reader.required(MEMBER_ROLE, "set the bare name of the member role", check::role);
        let max_age_hours = reader.required(MAX_AGE_HOURS, "set a number of hours, such as 72", check::hours);
        match (connection, member_role, max_age_hours) {
            (Some(connection), Some(member_role), Some(max_age_hours)) if reader.problems.is_empty() => {
                let gap_role = gap_role.unwrap_or_else(|| GAP_ROLE_DEFAULT.to_owned());
                Ok(Self { connection, gap_role, member_role, max_age_hours })
            }
            _ => Err(ConfigProblems(reader.problems)),
        }
    }
}
