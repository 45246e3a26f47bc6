//! `runasctl render`: what is written from the policy says the same as the policy. Whether its policies deny what they are to
//! deny, an IAM simulator decides in `tests/it/long.rs`.

mod errors;
mod lza;
mod policy_file;
mod runbook;
