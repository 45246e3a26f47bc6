//! The settings of a running broker.

use super::{ConfigProblems, Connection, Reader, check, variable};

/// Name of the management access role that the broker assumes; `AWSControlTowerExecution` where it is not set.
pub const GAP_ROLE: &str = "GAP_ROLE";
/// Name of the member role that makes the broker superfluous (required).
pub const MEMBER_ROLE: &str = "MEMBER_ROLE";
/// Hours from an account's joining for which it is served whatever its member role did (required).
pub const MAX_AGE_HOURS: &str = "MAX_AGE_HOURS";

/// What Control Tower calls the role that the management account gets into every account by.
const GAP_ROLE_DEFAULT: &str = "AWSControlTowerExecution";

/// The settings of a running broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// How it reaches AWS.
    pub connection: Connection,
    /// The role that is assumed, by name.
    pub gap_role: String,
    /// The role that the reactor works through as soon as it can, by name.
    pub member_role: String,
    /// How long after it joined an account is served in any case, in hours.
    pub max_age_hours: u32,
}

impl BrokerConfig {
    /// The settings of this process.
    ///
    /// # Errors
    /// Everything that is missing or does not parse.
    pub fn from_env() -> Result<Self, ConfigProblems> {
        Self::from_vars(variable)
    }

    /// The settings that `vars` holds. An empty variable counts as not set.
    ///
    /// # Errors
    /// Everything that is missing or does not parse.
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
