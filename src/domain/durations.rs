//! Every duration and count that the core decides by, each with its source. All others are the policy's.

use super::time::{DAY_MS, MINUTE_MS, SECOND_MS};

/// What happened this long ago is visible in reads, and an alert waits no longer than this for the names of the acts that it
/// covers. SSM documents no bound for stale reads; CloudTrail delivers management events within seconds in most cases
/// [facts: delivery]. Also the longest that CloudTrail's clock and SSM's are taken to differ before an echo measures it.
pub const VISIBLE_MS: i64 = MINUTE_MS;

/// A version without a name is presumed right for this long, and what is younger at the first observation is an act and not
/// the document as it was found: ten times [`VISIBLE_MS`], past a redelivery after a crash (visibility timeout 360 s).
pub const NAMES_MS: i64 = 10 * MINUTE_MS;

/// A call and the version that it made differ by no more than this: CloudTrail tells whole seconds, and a call takes some.
pub const SAME_CALL_MS: i64 = 3 * SECOND_MS;

/// The same, where nothing but that call can have made that version.
pub const SAME_DOCUMENT_MS: i64 = 15 * MINUTE_MS;

/// An intent is a lease of this length; no call of the write begins in its last third.
pub const LEASE_MS: i64 = 15 * SECOND_MS;

/// A pipeline that deletes the document is given this long to create the next one (LZA's custom resource takes seconds).
pub const REPLACEMENT_MS: i64 = 90 * SECOND_MS;

/// The first pause before a target is observed again; doubled from then on.
pub const RETRY_MS: i64 = 5 * SECOND_MS;

/// The longest such pause, and how often a new account is observed until its events arrive.
pub const WATCH_MS: i64 = 5 * MINUTE_MS;

/// CloudTrail's history is asked for a trusted call for so long: EventBridge delivers for a day [docs: eb-rule-retry-policy].
pub const KEPT_MS: i64 = DAY_MS;

/// Versions that a record follows one by one; older ones are part of its base.
pub const VERSIONS_MAX: usize = 32;

/// Calls, and intents, that a record remembers.
pub const CALLS_MAX: usize = 96;

/// Bytes of a record's facts as JSON; a `DynamoDB` item holds 400 KB [docs: `ServiceQuotas`].
pub const FACTS_BYTES_MAX: usize = 200 * 1_024;

/// Messages that may follow one another for one cause before the rest is left to the sweep (invariant 8).
pub const REQUEUES_MAX: u32 = 500;
