//! Whom a reconciliation notifies, of what, in which words, and how often.

mod incident;
mod names;
mod target;
mod wording;
