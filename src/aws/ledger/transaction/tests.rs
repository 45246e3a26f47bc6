use std::cell::Cell;

use super::*;
use crate::ports::FaultClass;

#[test]
fn a_condition_that_does_not_hold_beats_everything_else() {
    let why = |codes: &[&str]| {
        let fault = canceled_for(codes.iter().copied(), "");
        (fault.code.clone(), fault.class, is_unmet_condition(&fault))
    };
    let condition = || (CONDITION.to_owned(), FaultClass::Conflict, true);
    assert_eq!(why(&["None", COLLISION, CONDITION]), condition());
    assert_eq!(why(&[CONDITION, "ThrottlingError"]), condition());
    assert_eq!(why(&[COLLISION, "None", COLLISION]), (COLLISION.to_owned(), FaultClass::Conflict, false));
    assert_eq!(why(&["ThrottlingError", COLLISION]), ("ThrottlingError".to_owned(), FaultClass::Throttled, false));
    assert_eq!(why(&["ProvisionedThroughputExceeded"]).1, FaultClass::Throttled);
    assert_eq!(why(&["ValidationError"]).1, FaultClass::Invalid);
    assert_eq!(why(&[]).0, "TransactionCanceledException");
}

#[tokio::test(start_paused = true)]
async fn collisions_are_tried_again_a_few_times_and_other_faults_are_not() {
    for (code, tries) in [(COLLISION, 5), ("TransactionConflictException", 5), (CONDITION, 1), ("ThrottlingError", 1)] {
        let made = Cell::new(0);
        let outcome: Result<(), Fault> = past_collisions(|| {
            made.set(made.get() + 1);
            async { Err(TRANSACT.answered(Some(code), 400, "")) }
        })
        .await;
        assert_eq!((outcome.unwrap_err().code.as_str(), made.get()), (code, tries));
    }
}
