//! The system's time and randomness.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, SystemTime};

use crate::domain::time::Time;

pub(crate) fn now() -> Time {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time::from_ms(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) async fn sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// A random number: the system seeds the keys of every `RandomState`, so their hash of nothing is random. It spreads
/// delays and distinguishes writes; no secret depends on it.
pub(crate) fn jitter() -> u32 {
    let drawn = RandomState::new().build_hasher().finish();
    u32::try_from(drawn >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_varies() {
        let drawn: std::collections::BTreeSet<u32> = (0..64).map(|_| jitter()).collect();
        assert!(drawn.len() > 60, "{}", drawn.len());
    }

    #[test]
    fn now_is_later_than_this_line_was_written() {
        assert!(now() > Time::from_ms(1_700_000_000_000));
    }
}
