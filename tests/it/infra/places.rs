//! Accounts and regions of the organisation that the templates are deployed in.

pub(super) const HOME: &str = "eu-west-1";
pub(super) const US_EAST_1: &str = "us-east-1";
pub(super) const HUB: &str = "222233334444";
pub(super) const MANAGEMENT: &str = "111122223333";
pub(super) const PAYMENTS: &str = "444455556666";
