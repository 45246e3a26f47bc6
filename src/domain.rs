//! The functional core: desired state, observed state, and the decision between them.
//!
//! Nothing in here is asynchronous, reads a clock or the environment, draws a random number, or names an SDK type
//! (invariant 2, checked by `tests/it/tidy.rs`). Time and randomness come in as values of a [`case::Case`].

pub mod acceptance;
pub mod accepted;
pub mod adoption;
pub mod attribution;
pub mod breaker;
pub mod bypass;
pub mod case;
pub mod clock_skew;
pub mod compaction;
pub mod confirmation;
pub mod dead_letter;
pub mod decide;
pub mod decode;
pub mod document;
pub mod durations;
pub mod edit;
pub mod fact;
pub mod finding;
pub mod hold;
pub mod judgement;
pub mod merge;
pub mod milestones;
pub mod observation;
pub mod os_user;
pub mod own_writes;
pub mod policy;
pub mod principal;
pub mod quick_check;
pub mod record;
pub mod settle;
pub mod sharing;
pub mod signal;
pub mod sweep;
pub mod target;
pub mod text;
pub mod time;
pub mod witness;
