//! runas-reactor keeps the document `SSM-SessionManagerRunShell` compliant in every account and region of an organisation.
//! Its `runAsEnabled` and `runAsDefaultUser` decide which OS user an engineer becomes through Session Manager.
//!
//! One central Lambda function receives events of new accounts and of every call on the document. It observes the document,
//! corrects what differs from the policy, records each decision with its reasons, and alerts on-call.
//!
//! ```text
//!  message ─▶ decode ─▶ expand ─▶ work; of several targets, one message each
//!  work ─▶ load ∥ observe ─▶ merge ─▶ judge ─▶ decide ─▶ (log intent ─▶ write) ─▶ settle ─▶ commit ─▶ notify
//!          known   document   facts   authors   action,    one transaction        record,  one trans-  SNS
//!          facts   as it is   joined            reasons    before the write       alerts   action
//! ```
//!
//! A target's record holds facts: versions, calls, intents, absences. Facts are only added, in any order. Authors, accepted
//! content, holds and edit wars are derived from them each time and never stored.
//!
//! # Where things are
//!
//! | topic | module |
//! | --- | --- |
//! | what an event means, and who called | [`domain::decode`] |
//! | the policy: format, checks, which rule wins, who is trusted | [`domain::policy`] |
//! | the document: validity, field-level changes, overlay | [`domain::document`] |
//! | fact types | [`domain::fact`] |
//! | how facts join: order, repetition and concurrency make no difference | [`domain::merge`] |
//! | facts from an observation and from calls; the first observation | [`domain::witness`] |
//! | which call made which version | [`domain::attribution`] |
//! | which versions and calls are the reactor's own | [`domain::own_writes`] |
//! | the difference between CloudTrail's clock and SSM's | [`domain::clock_skew`] |
//! | accepted content: whose changes outside the owned fields are kept | [`domain::accepted`] |
//! | fields of a first observation that need a review | [`domain::adoption`] |
//! | trusted calls that CloudTrail's event history has to confirm | [`domain::confirmation`] |
//! | a version that an operator accepts | [`domain::acceptance`] |
//! | how a record stays small | [`domain::compaction`] |
//! | sharing that is to be undone | [`domain::sharing`] |
//! | break-glass, and a pipeline that replaces the document | [`domain::hold`] |
//! | edit wars | [`domain::breaker`] |
//! | progress of a new account: reached, configured, member role, events | [`domain::milestones`] |
//! | the decision | [`domain::decide`] |
//! | what to notify on-call of; acts whose alert waits until their principal is known | [`domain::settle::alerts`], [`domain::settle::notify`] |
//! | an incident, from the first act until the target is quiet | [`domain::settle::incident`] |
//! | when a target is observed again without an event | [`domain::settle::schedule`] |
//! | what the reactor waits for, for how long | [`domain::case::WaitsOn`]; the durations: [`domain::durations`] |
//! | sweeps: the walk through the organisation, and its alerts | [`domain::sweep`] |
//! | which regions an account is observed in | [`Policy::regions_of`](domain::policy::Policy::regions_of) |
//! | which answers form one observation | [`domain::observation::assemble()`] |
//! | a consistent observation: reads repeated until the answers agree | [`reactor::observe`] |
//! | the quick check of a sweep, which costs one call | [`domain::quick_check`], [`reactor::quick_check`] |
//! | CloudTrail's event history: who made a change without an event, and whether a call was made that an event claims | [`reactor::lookup`] |
//! | the steps of one target | [`reactor::reconcile`] |
//! | an account that Organizations does not list, and the relapse of a gap role | [`reactor::account`] |
//! | a run of `apply`: only what the plan approves is written | [`reactor::approval`], `cli/apply/approval.rs` (feature `cli`) |
//! | the inputs of a decision, gathered into a case | [`reactor::gather`] |
//! | the write: intent, update, poll, promote | [`reactor::write`] |
//! | alerts: their kinds, their form, to whom, and once each | [`domain::finding`] |
//! | calls that get past the document, and at the reactor's own parts | [`domain::bypass`], [`domain::finding::about_bypass`] |
//! | why a message is in the dead-letter queue | [`domain::dead_letter`] |
//! | a batch of messages: sorted, grouped by target, worked on concurrently | [`reactor::batch`] |
//! | a message that comes again, becomes another, or is put aside | [`reactor::retry`] |
//! | publishing alerts, once each | [`reactor::publish`] |
//! | the traits for everything outside the process | [`ports`] |
//! | their implementation over the AWS SDK | [`aws`] |
//! | how an operator reaches AWS, and the dead-letter queue | [`aws::operator`], [`aws::dead_letters`] (feature `cli`) |
//! | the policy's versions; what operators read from the ledger | [`aws::ledger::policy_store`], [`aws::ledger::view`] (feature `cli`) |
//! | the traits' implementation as a simulated organisation | [`sim`] (feature `cli`) |
//! | calls counted, failed or cut off: interceptors | [`sim::intercept`], [`sim::faults`] (feature `cli`) |
//! | random scenarios, and the checker of the reactor's behaviour | [`sim::stories`] (feature `cli`) |
//! | a decision without its effects | [`reactor::preview`] (feature `cli`) |
//! | exemptions: listed, added, removed in the policy's text | [`cli::policy::remote::exempt`] (feature `cli`) |
//! | desired against observed state, and applying a plan | [`cli::plan`], [`cli::apply`] (feature `cli`) |
//! | whether hub, roles, trails and forwarding rules are there | [`cli::doctor`], [`aws::hub_view`] (feature `cli`) |
//! | a report of targets, incidents, new accounts and sweeps, in six formats | [`cli::report`] (feature `cli`) |
//! | whether the OS user exists on the nodes | [`cli::preflight`], [`aws::nodes`] (feature `cli`) |
//! | which OS user a principal's sessions become, and why | [`cli::whoami_as`], [`aws::principals`] (feature `cli`) |
//! | the second function: sessions of an administrator role in new accounts | [`broker`] |
//! | service control policies, LZA's configuration and the runbook, written from the policy | [`cli::render`] (feature `cli`) |
//! | the function: configuration, entry, logs, metrics | [`config`], [`lambda`], [`telemetry`], [`metrics`] |
//! | `runasctl`, one file a command | [`cli`] (feature `cli`) |
//!
//! # A walk through one event
//!
//! Alice, an account administrator, turns Run As off. CloudTrail's event reaches the queue from her account and region.
//! [`domain::decode`] turns it into a [`domain::signal::InboundEvent`], which is believed for its target and its call only.
//! [`reactor::reconcile`] loads the record and observes the document in parallel: version 5, Run As off. [`domain::witness`]
//! turns both into facts, and [`domain::merge`] joins them with the known ones. [`domain::attribution`] finds that Alice's
//! call made version 5. The policy does not trust her, so [`domain::accepted`] takes nothing over. [`domain::decide`] wants
//! the accepted content with the owned fields over it, on top of version 5. [`reactor::write`] commits facts and intent,
//! updates the document, waits until the version is active, and promotes it. [`domain::settle`] produces one transaction
//! (record, history, incident, alert), and the alert is published. The write returns as an event; its intent explains it,
//! and that reconciliation writes nothing. If the process dies in between, the next invocation finds the facts, the intent,
//! and the version by its name.
//!
//! # Ten questions
//!
//! Each has one page of the code for an answer, and one file of tests.
//!
//! | question | answer | test |
//! | --- | --- | --- |
//! | What happens to an edit of a field that the policy does not own, by a principal that is not trusted? | [`domain::accepted`] | `tests/core/accepted.rs` |
//! | Whose change stays where a hostile and a trusted one lie on top of each other? | [`domain::accepted::fold`] | `tests/core/accepted.rs` |
//! | How does the function know a version that it wrote itself? | [`domain::own_writes::intent_of`] | `tests/core/attribution.rs` |
//! | What is written before, and what after, a call that changes the document; what if the process dies in between? | [`reactor::write`] | `tests/it/e2e/crashes.rs` |
//! | When does the function wait, for how long, and what ends the wait? | [`domain::case::WaitsOn`] | `tests/core/waits.rs` |
//! | When does a message come again, when does it become another, when is it put aside? | [`reactor::retry`] | `tests/it/e2e/waiting.rs` |
//! | Who may make the function do what; what is believed of an event? | [`reactor::expand`] | `tests/it/e2e/messages.rs` |
//! | Which alert comes out of a situation, to whom, how loud, and what keeps it from coming twice? | [`domain::finding`] | `tests/core/alerts/incident.rs` |
//! | What does a sweep cost for a target in sync, and how does it find what no event reported? | [`domain::quick_check`] | `tests/it/sweeping.rs` |
//! | Where is something added? | the next table | |
//!
//! # To add something
//!
//! Counted on one small example each (a number, an alert about a target, a call of Organizations, a command that reads, a
//! count), with tests, samples, pages and generated files. Neither the compiler nor a test asks for what stands in italics.
//!
//! | what | files | how many |
//! | --- | --- | --- |
//! | a signal | `domain/signal.rs`, a file of `domain/decode/`, `reactor/expand.rs` (who may send it, too), a rule in `infra/hub.yaml`, which `infra/member.yaml` or `infra/management.yaml` repeats; each sample in `events/`, its line in `events/README.md` and its snapshot; *a test of the shell, as in `tests/it/reactor.rs`*; `tests/it/e2e/hub/rules.rs` where the rule lets through what is ignored | 9 files with one sample; 12 with a second that is ignored |
//! | a kind of alert | `domain/finding.rs`; where it arises: `domain/settle/alerts.rs` (an act), `domain/settle/state.rs` (a target), `domain/sweep.rs`, `domain/adoption.rs`, `domain/finding/hub.rs` or `domain/finding/bypass.rs`; `cli/render/runbook/kinds.rs`, `infra/alert.schema.json` (the kind, and new keys of `data`), `infra/ALERTS.md`; an example in `tests/core/alerts/kinds.rs`, *a test of when it comes, as in `tests/core/alerts/target.rs`*; the snapshots of the alert and of the runbook. If it comes once a target, a mark in `domain/record.rs`, *also in `tests/core/record.rs`* | 9 files; 13 with a mark, a threshold in `domain/durations.rs` and a new state in `tests/core/support/case.rs` |
//! | a field of the policy | `domain/policy/schema.rs`; *its check in `domain/policy/check.rs` (a number) or `domain/policy/check/`, with `domain/policy/check/tests.rs`*; `Resolution` in `domain/policy.rs` where it is resolved for an account; its reader, *and a test of that*; *`infra/policy.example.yaml`*, the generated `infra/policy.schema.json`, the snapshot of the runbook, which has the policy's digest. | 8 files for a number in one of `Limits`' blocks |
//! | a command | a file in `cli/` with its own tests, its variant in `cli.rs`; *`infra/OPERATING.md`, `README.md`, a test in `tests/it/e2e/`* | 5 files |
//! | a metric | `metrics.rs`, the dashboard in `infra/hub.yaml`, `infra/ALERTS.md`; *a value in `tests/it/e2e/metrics.rs`* | 4 files |
//! | a call to the world | its trait in `ports.rs`, a file of `aws/`, a file of `sim/`, a file of `sim/intercept/` | 4 files |
//!
//! # Invariants
//!
//! 1. A signal selects targets and supplies calls. State is always read anew; the policy when it is 60 s old, or another
//!    invocation has worked on the target by another one.
//! 2. [`domain`] has no async, clock, randomness, environment or SDK. [`domain::decide::decide`] and
//!    [`domain::settle::settle`] are total and give at least one reason.
//! 3. Answers that do not agree are no observation, and lead to no decision.
//!    [`Observation::Unknown`](domain::observation::Observation::Unknown), observe mode and an exemption never lead to a
//!    document write. In an edit war the reactor pauses between writes.
//! 4. A Put is conditional on the observed version; a stale decision cannot overwrite anything.
//! 5. Messages may repeat, arrive in any order and run concurrently: the facts come out the same, and equal facts give
//!    equal decisions. No alert is lost. A foreign edit costs at most one Put; a pipeline's edit costs another if its
//!    author arrives after the correction.
//! 6. A field that the policy does not own is never lost, and never accepted from an untrusted or unknown principal.
//! 7. Nothing outside [`aws`] names an SDK type; nothing outside [`config`] reads the environment; nothing outside
//!    `cli/printer.rs` prints.
//! 8. Everything has a limit: batch, concurrency, sizes, depth, observations, requeues, retries, alert rate, versions.
//! 9. No credentials that the function can obtain exceed the session policy. For an administrator role the [`broker`]
//!    adds that policy, out of the function's reach.
//!
//! `tests/it/tidy.rs` checks the invariants that the sources show. `tests/core` tests the core; `scenarios`, `contract` and
//! `e2e` in `tests/it` test the rest.

pub mod aws;
pub mod broker;
#[cfg(feature = "cli")]
pub mod cli;
mod clock;
pub mod config;
#[warn(clippy::wildcard_enum_match_arm)]
pub mod domain;
pub mod lambda;
pub mod metrics;
#[cfg(feature = "cli")]
pub mod policy_file;
pub mod ports;
pub mod reactor;
#[cfg(feature = "cli")]
pub mod sim;
pub mod telemetry;
