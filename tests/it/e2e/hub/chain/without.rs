//! Each permission of each deployed role, taken away alone. For each: the denial itself, what an operator sees of it, and that
//! nothing is lost; once the permission is given back, the same work ends as it should, without a hand but where that is said.
//!
//! Time passes for functions, queues and both emulators at once, so that what waits for minutes takes none. `complete` holds
//! the list against the templates.

mod broker;
mod complete;
mod member;
mod play;
mod reactor;
mod senders;
