//! The exhaustive stories of the core at a wider scope, which `cargo test` leaves out. `.ci/run` plays some
//! more (`cargo test --test wide more::`); the others take minutes (`cargo test --release --test wide stories::`).
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by panicking"
)]
#![expect(dead_code, unused_imports, reason = "shares its support with the core's tests")]

mod exhaustive;
mod support;

use exhaustive::story::Kind;

/// The acts of the promise.
const FIVE: [Kind; 5] =
    [Kind::HostileEdit, Kind::TrustedEdit, Kind::Rollback, Kind::HostileDeletion, Kind::HostileRecreation];

mod more {
    use crate::FIVE;
    use crate::exhaustive::story::{BURST, CALM, Crashes, Kind, LATE, ONCE, STRAGGLING, Scope};
    use crate::exhaustive::{FOUR, play, sequences};

    /// The sequences in which the document is recreated so many times.
    fn recreated(times: usize, sequences: Vec<Vec<Kind>>) -> Vec<Vec<Kind>> {
        let count = |acts: &[Kind]| acts.iter().filter(|kind| **kind == Kind::HostileRecreation).count();
        sequences.into_iter().filter(|acts| count(acts) == times).collect()
    }

    #[test]
    fn two_acts() {
        let cases = [CALM, STRAGGLING, LATE].map(|timing| play(&sequences(&FIVE, 2), Scope { timing, ..ONCE }));
        assert_eq!(cases, [261, 261, 256]);
    }

    #[test]
    fn three_acts() {
        let cases = [BURST, CALM].map(|timing| play(&sequences(&FOUR, 3), Scope { timing, ..ONCE }));
        assert_eq!(cases, [880, 906]);
    }

    #[test]
    fn three_acts_with_a_recreation() {
        let scope = Scope { adjacent: true, losses: false, ..ONCE };
        assert_eq!(play(&recreated(1, sequences(&FIVE, 3)), scope), 508);
    }

    #[test]
    fn three_acts_and_a_crash() {
        let scope = Scope { losses: false, crashes: Crashes::Writing, ..ONCE };
        assert_eq!(play(&sequences(&FOUR, 3), scope), 1_310);
    }
}

mod stories {
    use crate::FIVE;
    use crate::exhaustive::story::{BURST, CALM, Crashes, LATE, ONCE, STRAGGLING, Scope, Timing};
    use crate::exhaustive::{SEVEN, play, sequences};

    const TIMINGS: [Timing; 4] = [BURST, CALM, STRAGGLING, LATE];

    #[test]
    fn one_act() {
        let scope = Scope { arrivals: 3, crashes: Crashes::Anywhere, ..ONCE };
        let cases = TIMINGS.map(|timing| play(&sequences(&SEVEN, 1), Scope { timing, ..scope }));
        assert_eq!(cases, [4494, 2184, 2448, 2426]);
    }

    #[test]
    fn two_acts() {
        let cases = TIMINGS.map(|timing| play(&sequences(&SEVEN, 2), Scope { timing, ..ONCE }));
        assert_eq!(cases, [643, 661, 652, 643]);
    }

    #[test]
    fn three_acts() {
        let scope = Scope { adjacent: true, ..ONCE };
        let cases = TIMINGS.map(|timing| play(&sequences(&FIVE, 3), Scope { timing, ..scope }));
        assert_eq!(cases, [5031, 5182, 5217, 4952]);
    }
}
