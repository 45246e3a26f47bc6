//! The operator's commands, one file each.

pub mod decode;
