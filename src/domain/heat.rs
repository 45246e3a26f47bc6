//! Edit wars: how much is going on at a target, and how long to keep off.
//!
//! Each revert adds heat, time takes it away. Past the policy's limit writing backs off: between trusted writers up to five
//! minutes, because both mean well and somebody has to look; against an untrusted one at most ten seconds, because he would
//! otherwise buy himself wrong content with a handful of edits.

use super::policy::Limits;
use super::record::Heat;
use super::time::{MINUTE_MS, SECOND_MS, Time};

const REVERT_MILLI: u64 = 1_000;
const BACKOFF_FIRST_MS: i64 = 2 * SECOND_MS;
const BACKOFF_MAX_MS: i64 = 300 * SECOND_MS;
const BACKOFF_UNTRUSTED_MAX_MS: i64 = 10 * SECOND_MS;

/// The heat that is left at `now`, in thousandths of a revert: the limit's worth decays in the limit's window.
pub fn level(heat: &Heat, limits: &Limits, now: Time) -> u64 {
    let passed = u64::try_from(now.since(heat.at).max(0)).unwrap_or(0);
    let window = u64::from(limits.breaker_minutes.max(1)) * u64::try_from(MINUTE_MS).unwrap_or(1);
    let decay = passed.saturating_mul(limit(limits)) / window;
    heat.milli.saturating_sub(decay)
}

/// The heat at which an edit war begins.
pub fn limit(limits: &Limits) -> u64 {
    u64::from(limits.breaker_reverts) * REVERT_MILLI
}

/// The moment before which nothing is written. Who is not trusted cannot use the patience that trusted writers are met with.
pub fn not_before(heat: &Heat, trusted: bool) -> Option<Time> {
    let soonest = heat.at.plus_ms(BACKOFF_UNTRUSTED_MAX_MS);
    heat.not_before.map(|at| if trusted { at } else { at.min(soonest) })
}

/// The heat after one more revert, with the next write put off where it was one too many.
#[must_use]
pub fn after_revert(heat: &Heat, limits: &Limits, now: Time, opponent_trusted: bool) -> Heat {
    // Capped, so that a war is over soon after it has ended, however long it was: until then single edits are not told.
    let hottest = limit(limits).saturating_mul(2).saturating_add(REVERT_MILLI);
    let milli = level(heat, limits, now).saturating_add(REVERT_MILLI).min(hottest);
    if milli <= limit(limits) {
        return Heat { milli, at: now, backoffs: 0, not_before: None };
    }
    let most = if opponent_trusted { BACKOFF_MAX_MS } else { BACKOFF_UNTRUSTED_MAX_MS };
    let factor = 3_i64.saturating_pow(heat.backoffs.min(10));
    let delay = BACKOFF_FIRST_MS.saturating_mul(factor).min(most);
    Heat { milli, at: now, backoffs: heat.backoffs.saturating_add(1), not_before: Some(now.plus_ms(delay)) }
}
