//! The operator's side: commands, and the formats that only people write.

pub mod policy;
pub mod policy_yaml;
