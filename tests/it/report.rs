//! `runasctl report`: each format from one small ledger, and the page in a real browser.

mod browser;
mod fixture;
mod formats;
