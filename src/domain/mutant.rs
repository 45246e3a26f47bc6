//! Deliberate defects, one line each, as a careless change could cause them. The simulator's tests enable one after the
//! other, and its checker has to detect each. Only test builds can enable any.

/// A defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Accepts a version of an unknown author.
    AcceptUnattributed,
    /// Ignores another invocation's commit.
    SkipGeneration,
    /// Sends a message after every message.
    NeverRest,
    /// Writes in observe mode.
    WriteWhereObserving,
    /// Takes an unreadable target for one in sync.
    UnknownIsGreen,
    /// Marks an alert as sent before it is published.
    MarkBeforeTelling,
    /// Loses the calls of a target that waits.
    LoseCallsWhileWaiting,
    /// Publishes no leftover alerts after a redelivery.
    LeaveWhatWasLeft,
    /// Recreates a missing document without its accepted content.
    RecreateBlank,
    /// Ignores the default version.
    IgnoreDefault,
    /// Publishes an alert without a claim.
    TellWithoutClaim,
}

#[cfg(test)]
impl Mutant {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::AcceptUnattributed,
        Self::SkipGeneration,
        Self::NeverRest,
        Self::WriteWhereObserving,
        Self::UnknownIsGreen,
        Self::MarkBeforeTelling,
        Self::LoseCallsWhileWaiting,
        Self::LeaveWhatWasLeft,
        Self::RecreateBlank,
        Self::IgnoreDefault,
        Self::TellWithoutClaim,
    ];
}

#[cfg(test)]
std::thread_local! {
    static TAKEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Enables a defect on this thread, or none.
#[cfg(test)]
pub(crate) fn take(mutant: Option<Mutant>) {
    TAKEN.set(mutant);
}

/// Whether a defect is enabled.
#[cfg(test)]
pub(crate) fn on(mutant: Mutant) -> bool {
    TAKEN.get() == Some(mutant)
}

/// No defect is enabled outside of tests.
#[cfg(not(test))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}
