//! The function as it runs in AWS: the real binary behind the Runtime API, fed from a queue, against AWS on loopback.
//!
//! A [`stage::Stage`] is an organisation with the reactor deployed in its hub account. Tests play the callers
//! in it, hand the events that their calls leave to the function as EventBridge and SQS do, and look at what came of it:
//! the documents, the table, and what a subscriber of the topic received.

mod apply;
mod bypass;
mod callers;
mod calls;
mod copies;
mod crashes;
mod edits;
mod exempt;
mod gap;
mod landing_zone;
mod ledger;
mod limits;
mod messages;
mod modes;
mod operator;
mod organisation;
mod plan;
mod policy;
mod queue;
mod redrive;
mod report;
mod stage;
mod start;
mod status;
mod sweeping;
mod vending;
mod waiting;
mod whoami_as;
