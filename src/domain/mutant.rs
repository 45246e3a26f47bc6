//! Deliberate wrong turns, one line each: what a careless change could do to the reactor. The simulator's tests take one after
//! the other, and its checker has to find each. Only test builds can take any.

/// A wrong turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A version by nobody known is accepted.
    AcceptUnattributed,
    /// Another invocation's commit is overlooked.
    SkipGeneration,
    /// Every message is followed by another.
    NeverRest,
    /// What is only observed is written.
    WriteWhereObserving,
    /// What cannot be read is in sync.
    UnknownIsGreen,
    /// An alert is marked before it is told.
    MarkBeforeTelling,
    /// A target that waits forgets the calls that it heard of.
    LoseCallsWhileWaiting,
    /// A message that comes again tells nothing that was left.
    LeaveWhatWasLeft,
    /// A document that is made anew is made from nothing.
    RecreateBlank,
    /// The default version is not looked at.
    IgnoreDefault,
    /// An alert is told without a claim.
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

/// Takes a wrong turn from now on, on this thread; or none any more.
#[cfg(test)]
pub(crate) fn take(mutant: Option<Mutant>) {
    TAKEN.set(mutant);
}

/// Whether this wrong turn is taken.
#[cfg(test)]
pub(crate) fn on(mutant: Mutant) -> bool {
    TAKEN.get() == Some(mutant)
}

/// Never, outside of tests.
#[cfg(not(test))]
pub(crate) const fn on(_: Mutant) -> bool {
    false
}
