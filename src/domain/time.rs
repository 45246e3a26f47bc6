//! Points in time, in milliseconds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Written and read as RFC 3339 (`2026-10-01T09:40:00Z`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Time(i64);

/// One second, in milliseconds.
pub const SECOND_MS: i64 = 1_000;
/// One minute, in milliseconds.
pub const MINUTE_MS: i64 = 60 * SECOND_MS;
/// One hour, in milliseconds.
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
/// One day, in milliseconds.
pub const DAY_MS: i64 = 24 * HOUR_MS;

impl Time {
    /// The beginning of time: before everything that can be observed.
    pub const ZERO: Self = Self(0);

    /// From milliseconds since the epoch, kept within the years that RFC 3339 can write.
    pub const fn from_ms(ms: i64) -> Self {
        const LAST: i64 = 253_402_207_200_000;
        Self(if ms < -LAST {
            -LAST
        } else if ms > LAST {
            LAST
        } else {
            ms
        })
    }

    /// Milliseconds since the epoch.
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// This point moved by `ms` milliseconds.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this point; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A string that is no RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time such as 2026-10-01T09:40:00Z")]
pub struct TimeError(String);

impl FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let at: jiff::Timestamp = text.parse().map_err(|_| TimeError(text.chars().take(64).collect()))?;
        Ok(Self::from_ms(at.as_millisecond()))
    }
}

impl TryFrom<String> for Time {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Time> for String {
    fn from(at: Time) -> Self {
        at.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_out_of_range_is_kept_as_the_nearest_that_can_be_written() {
        let (first, last) = (Time::from_ms(i64::MIN), Time::from_ms(i64::MAX));
        assert!(first < Time::ZERO && Time::ZERO < last);
        for at in [first, last] {
            assert_eq!(at.to_string().parse::<Time>().ok(), Some(at));
        }
    }
}
