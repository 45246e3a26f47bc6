//! `runasctl report` in each format, from one small ledger. `tests/it/long.rs` has its page in a real browser.

mod fixture;
mod formats;
