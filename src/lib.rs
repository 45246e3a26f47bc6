//! runas-reactor keeps the document `SSM-SessionManagerRunShell` right in every account and region of an AWS organisation:
//! its `runAsEnabled` and `runAsDefaultUser` decide which OS user an engineer becomes through Session Manager.
//!
//! One central Lambda hears of new accounts and of every call on the document, looks, and puts right what is not as the
//! policy says; what was decided, and why, is remembered and told.
//!
//! ```text
//!  message ─▶ decode ─▶ expand ──▶ one work message a target
//!  work    ─▶ resolve ─┐
//!             observe ─┴▶ decide(&Case) ─▶ Decision ─▶ apply ─▶ settle(&Case, &Decision, &Applied) ─▶ commit ─▶ report
//!                             pure                     I/O        pure                            one transaction  SNS
//! ```
//!
//! # Where things are
//!
//! | you look for | it is in |
//! | --- | --- |
//! | what an event means to us, who made it | [`domain::decode`] |
//! | the policy: format, checks, which rule wins, who is trusted | [`domain::policy`] |
//! | the document: validity, field-level changes, overlay | [`domain::document`] |
//! | whose changes to fields we do not own are kept | [`domain::advance`] |
//! | which call made which version, in whatever order we hear of them | `domain::advance::claims` |
//! | what is adopted of a document that nobody remembers | `domain::advance::first_sight` |
//! | the second edition of the core: fact types, how they join, what an observation says | [`domain::fact`], [`domain::merge`], [`domain::witness`] |
//! | the same: which call made which version, what is accepted, how a record stays small | [`domain::attribution`], [`domain::accepted`], [`domain::compaction`] |
//! | the same: every duration with its source | [`domain::durations`] |
//! | what is done | [`domain::decide`] |
//! | what is remembered, who is told, when we look again | [`domain::settle`] |
//! | edit wars | [`domain::heat`] |
//! | sweeps: the way through the organisation, and what is told about it | [`domain::sweep`] |
//! | which regions an account is looked at in | [`Policy::regions_of`](domain::policy::Policy::regions_of) |
//! | which answers make one observation | [`domain::observation::assemble()`] |
//! | a consistent observation: read again until the answers agree | `reactor::observe` |
//! | the look that costs one call | [`domain::glance`] |
//! | what no event told of, and CloudTrail may remember | [`domain::unheard`] |
//! | what an alert looks like | [`domain::finding`] |
//! | why a message was put aside | [`domain::dead_letter`] |
//! | the order of steps, batches, waiting, handing back | [`reactor`] |
//! | what we ask of the world | [`ports`] |
//! | the same, over the AWS SDK | [`aws`] |
//! | how an operator reaches AWS, and the dead-letter queue | `aws::operator`, `aws::dead_letters` (feature `cli`) |
//! | the policy's versions; what operators read from the ledger | `aws::policy_book`, `aws::ledger_view` (feature `cli`) |
//! | the same, as a simulated organisation | `sim` (feature `cli`) |
//! | random stories, the checker, what it holds the reactor against | `cli::simulate` (feature `cli`) |
//! | what a pass would decide, and nothing of what would follow | `reactor::preview` (feature `cli`) |
//! | desired against observed, and doing what was planned | `cli::plan`, `cli::apply` (feature `cli`) |
//! | the function: configuration, entry, logs, metrics | [`config`], [`lambda`], [`telemetry`], [`metrics`] |
//! | `runasctl`, one file a command | `cli` (feature `cli`) |
//!
//! The words (signal, target, baseline, observation, edit, attribution, record, drift, case, decision, finding, incident) are
//! those of the types; a verb stands for one step only: decode, expand, resolve, observe, decide, apply, settle, report.
//!
//! # A walk through one event
//!
//! Alice, an account administrator, turns Run As off. CloudTrail's event reaches the queue from her account and region.
//! [`domain::decode`] makes a [`domain::signal::Notice`] of it; that target and that edit are all it is believed for.
//! [`reactor`] loads the record and looks at the document side by side: version 5, Run As off; version 4 is accounted for.
//! [`domain::advance`] finds that version 5 is Alice's, whom the policy does not trust, so none of it is accepted.
//! [`domain::decide`] wants the accepted content with the owned fields over it, on top of version 5, and the shell applies
//! that: update, wait until SSM has it, promote. [`domain::settle`] gives one transaction (record, edit seen, history,
//! incident, alert) and the alert goes out. The write comes back as an event and ends in sync, without another write.
//!
//! # Invariants
//!
//! 1. A signal selects targets and supplies edits; observed state is always read anew, the policy is at most 60 s old.
//! 2. [`domain`] has no async, clock, randomness, environment or SDK. [`domain::decide::decide`] and
//!    [`domain::settle::settle`] are total and give at least one reason.
//! 3. Answers that do not agree are no observation, and lead to no decision.
//!    [`Observation::Unknown`](domain::observation::Observation::Unknown), observe mode and an exemption never lead to a
//!    document write; a backing-off target gets at most one write a step.
//! 4. A Put is conditional on the version seen; a stale decision cannot overwrite anybody.
//! 5. Any message delivered any number of times in any order converges to the same document, loses no alert, and costs at
//!    most one Put per foreign edit; a pipeline's edit costs further ones where its author is heard of after the look.
//! 6. A field that the policy does not own is never lost by us, and never accepted from an untrusted or unknown hand.
//! 7. Nothing outside [`aws`] names an SDK type; nothing outside [`config`] reads the environment; nothing outside
//!    `cli/printer.rs` prints.
//! 8. Everything has a limit: batch, concurrency, sizes, depth, looks, hops, retries, alert rate, versions.
//! 9. No credentials that the function can obtain reach further than the session policy.
//!
//! # The second edition of the core
//!
//! What decides today patches what it believes when news arrives. [`domain::fact`] to [`domain::compaction`] compute it from
//! facts instead: merged as a set in any order, judged by one fold. They are whole, and held by the laws and stories of
//! `tests/core`; the steps of [`reactor`] do not read them yet.
//!
//! What can be read off the sources is checked by `tests/it/tidy.rs`, the facts by `tests/core`, the rest by `decide`,
//! `scenarios`, `contract` and `e2e` in `tests/it`.

pub mod aws;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
pub mod config;
pub mod domain;
pub mod lambda;
pub mod metrics;
pub mod ports;
pub mod reactor;
#[cfg(feature = "cli")]
pub mod sim;
pub mod telemetry;
