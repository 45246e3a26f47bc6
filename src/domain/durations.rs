//! The durations and limits that several files of the core share, each with its source. Others come from the policy, or stand
//! in the one file that uses them.

use super::time::{DAY_MS, MINUTE_MS, SECOND_MS};

/// After this long a change is visible in reads, and an alert waits no longer for principals. SSM documents no bound for
/// stale reads; CloudTrail delivers most management events within seconds. Also the assumed limit of the
/// difference between CloudTrail's clock and SSM's, until an echo measures it.
pub const VISIBLE_MS: i64 = MINUTE_MS;

/// A nameless version is presumed to be trusted for this long, where the document would comply then. A younger version at the first observation counts as an act, an
/// older one as part of the document. Ten times [`VISIBLE_MS`], past a redelivery after a crash (visibility timeout 360 s).
pub const NAMES_MS: i64 = 10 * MINUTE_MS;

/// The largest time between a call and its version, either way: CloudTrail cuts to whole seconds, a call takes some, and its
/// time is that of its end [docs: CloudTrail record, `eventTime`].
pub const SAME_CALL_MS: i64 = 3 * SECOND_MS;

/// The same, where no other call can have made the version.
pub const SAME_DOCUMENT_MS: i64 = 15 * MINUTE_MS;

/// The lease of an intent; no call of its write begins in the last third.
pub const LEASE_MS: i64 = 15 * SECOND_MS;

/// The time for a pipeline that deletes the document to create the next one (LZA's custom resource takes seconds).
pub const REPLACEMENT_MS: i64 = 90 * SECOND_MS;

/// The first pause before a target is observed again; it doubles from then on.
pub const RETRY_MS: i64 = 5 * SECOND_MS;

/// The longest pause in an edit war; also how often a new account is observed until its events arrive.
pub const WATCH_MS: i64 = 5 * MINUTE_MS;

/// How long CloudTrail's history is asked for a trusted call; EventBridge delivers for a day [docs: eb-rule-retry-policy].
pub const KEPT_MS: i64 = DAY_MS;

/// Versions that a record follows one by one; older ones are part of its base.
pub const VERSIONS_MAX: usize = 32;

/// Calls in a record; also intents.
pub const CALLS_MAX: usize = 96;

/// Bytes of a record's facts as JSON; a `DynamoDB` item holds 400 KB [docs: `ServiceQuotas`].
pub const FACTS_BYTES_MAX: usize = 200 * 1_024;

/// Successive messages for one cause, before the sweep takes over (invariant 8).
pub const REQUEUES_MAX: u32 = 500;
