//! runas-reactor keeps the document `SSM-SessionManagerRunShell` right in every account and region of an AWS organisation:
//! its `runAsEnabled` and `runAsDefaultUser` decide which OS user an engineer becomes through Session Manager.
//!
//! One central Lambda hears of new accounts and of every call on the document, looks, and puts right what is not as the
//! policy says; what was decided, and why, is remembered and told.
//!
//! ```text
//!  message ─▶ decode ─▶ expand ──▶ one work message a target
//!  work ─▶ load ∥ observe ─▶ merge ─▶ judge ─▶ decide ─▶ (log the intent ─▶ write) ─▶ settle ─▶ commit ─▶ notify
//!          facts    what      facts    whose   what to    one transaction   what      whom to   one trans-  SNS
//!          known    is there  joined   is what do, why    before the write  came of it  notify   action
//! ```
//!
//! What is known of a target are facts: versions, calls, intents, absences. They are only added, in any order; who wrote
//! what, what is accepted, holds and edit wars are computed from them each time, and stored nowhere.
//!
//! # Where things are
//!
//! | you look for | it is in |
//! | --- | --- |
//! | what an event means, who made it | [`domain::decode`] |
//! | the policy: format, checks, which rule wins, who is trusted | [`domain::policy`] |
//! | the document: validity, field-level changes, overlay | [`domain::document`] |
//! | what is known: fact types | [`domain::fact`] |
//! | why order, repetition and two invocations at once make no difference | [`domain::merge`] |
//! | what an observation and calls say; the first observation | [`domain::witness`] |
//! | which call made which version; which versions are the reactor's own | [`domain::attribution`] |
//! | whose changes to fields that the policy does not own are kept | [`domain::accepted`] |
//! | what of a first observation deserves a review | [`domain::adoption`] |
//! | which trusted calls CloudTrail's own history has to confirm | [`domain::confirmation`] |
//! | a version that an operator accepts | [`domain::acceptance`] |
//! | how a record stays small | [`domain::compaction`] |
//! | break-glass, and a pipeline that replaces the document | [`domain::hold`] |
//! | edit wars | [`domain::breaker`] |
//! | how far a new account has come: reached, right, member role, events | [`domain::milestones`] |
//! | what is done | [`domain::decide`] |
//! | whom to notify of what, and what waits for a name | `domain::settle::notify`, `domain::settle::alerts` |
//! | one incident from the first act until it is quiet | `domain::settle::incident` |
//! | when a target is observed again by itself | `domain::settle::schedule` |
//! | every duration, with its source | [`domain::durations`] |
//! | sweeps: the way through the organisation, and what is told about it | [`domain::sweep`] |
//! | which regions an account is observed in | [`Policy::regions_of`](domain::policy::Policy::regions_of) |
//! | which answers make one observation | [`domain::observation::assemble()`] |
//! | a consistent observation: read again until the answers agree | `reactor::observe` |
//! | the quick check of a sweep, which costs one call | [`domain::quick_check`], `reactor::quick_check` |
//! | what no event told of, and what only an event claims: CloudTrail's history | `reactor::lookup` |
//! | the steps of one target | `reactor::reconcile` |
//! | what is known, put together for a decision | `reactor::gather` |
//! | the write: intent, update, poll, promote | `reactor::write` |
//! | what an alert looks like | [`domain::finding`] |
//! | why a message was put aside | [`domain::dead_letter`] |
//! | batches, waiting, handing back | [`reactor`] |
//! | what is asked of the world | [`ports`] |
//! | the same, over the AWS SDK | [`aws`] |
//! | how an operator reaches AWS, and the dead-letter queue | `aws::operator`, `aws::dead_letters` (feature `cli`) |
//! | the policy's versions; what operators read from the ledger | `aws::policy_store`, `aws::ledger_view` (feature `cli`) |
//! | the same, as a simulated organisation | `sim` (feature `cli`) |
//! | random stories, the checker, what it holds the reactor against | `cli::simulate` (feature `cli`) |
//! | what would be decided, and nothing of what would follow | `reactor::preview` (feature `cli`) |
//! | desired against observed, and doing what was planned | `cli::plan`, `cli::apply` (feature `cli`) |
//! | whether hub, roles, trails and forwarding rules are there | `cli::doctor`, `aws::hub_view` (feature `cli`) |
//! | who gets credentials of an administrator role in a new account: the other function | [`broker`] |
//! | service control policies, LZA's configuration and the runbook, written from the policy | `cli::render` (feature `cli`) |
//! | the function: configuration, entry, logs, metrics | [`config`], [`lambda`], [`telemetry`], [`metrics`] |
//! | `runasctl`, one file a command | `cli` (feature `cli`) |
//!
//! # A walk through one event
//!
//! Alice, an account administrator, turns Run As off. CloudTrail's event reaches the queue from her account and region.
//! [`domain::decode`] makes a [`domain::signal::InboundEvent`] of it; that target and that call are all it is believed for.
//! `reactor::reconcile` loads the record and observes the document side by side: version 5, Run As off. [`domain::witness`]
//! turns both into facts, [`domain::merge`] joins them with what is known. [`domain::attribution`] finds that Alice's call made
//! version 5, and [`domain::accepted`] takes nothing over from her, whom the policy does not trust. [`domain::decide`] wants the
//! accepted content with the owned fields over it, on top of version 5. `reactor::write` commits facts and intent, then updates,
//! waits until SSM has it, and promotes. [`domain::settle`] gives one transaction (record, history, incident, alert) and the
//! alert goes out. The write comes back as an event, which its intent explains, and ends in sync, without another write.
//! Wherever the process dies in between, the next invocation finds the facts, the intent, and the version by its name.
//!
//! # Invariants
//!
//! 1. A signal selects targets and supplies calls; observed state is always read anew, the policy is at most 60 s old.
//! 2. [`domain`] has no async, clock, randomness, environment or SDK. [`domain::decide::decide`] and
//!    [`domain::settle::settle`] are total and give at least one reason.
//! 3. Answers that do not agree are no observation, and lead to no decision.
//!    [`Observation::Unknown`](domain::observation::Observation::Unknown), observe mode and an exemption never lead to a
//!    document write; in an edit war one write follows another only after a pause.
//! 4. A Put is conditional on the version seen; a stale decision cannot overwrite anything.
//! 5. Any message, any number of times, in any order, side by side, leaves the same facts; equal facts give equal decisions.
//!    No alert is lost, and a foreign edit costs at most one Put; a pipeline's edit costs another where its author is heard of
//!    after the document was put right.
//! 6. A field that the policy does not own is never lost, and never accepted from an untrusted or unknown principal.
//! 7. Nothing outside [`aws`] names an SDK type; nothing outside [`config`] reads the environment; nothing outside
//!    `cli/printer.rs` prints.
//! 8. Everything has a limit: batch, concurrency, sizes, depth, observations, requeues, retries, alert rate, versions.
//! 9. No credentials that the function can obtain reach further than the session policy, which for an administrator role the
//!    [`broker`] adds out of the function's reach.
//!
//! What can be read off the sources is checked by `tests/it/tidy.rs`; the core by `tests/core`, the rest by `scenarios`,
//! `contract` and `e2e` in `tests/it`.

pub mod aws;
pub mod broker;
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
