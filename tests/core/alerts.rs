//! Whom a reconciliation notifies, of what, in which words, and how often.

mod bypass;
mod exposure;
mod incident;
mod kinds;
mod names;
mod schema;
mod target;
mod wording;
