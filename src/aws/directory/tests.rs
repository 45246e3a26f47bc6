use aws_sdk_organizations::types::AccountStatus;

use super::*;

#[test]
fn the_path_comes_with_the_account_where_organizations_sends_it() {
    let account =
        Account::builder().paths("o-exampleorgid/r-ab12/ou-ab12-11111111/ou-ab12-22222222/444455556666/").build();
    let path: Vec<String> = path_of(&account).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(path, ["r-ab12", "ou-ab12-11111111", "ou-ab12-22222222"]);
    assert_eq!(path_of(&Account::builder().paths("somewhere/444455556666").build()), None);
    assert_eq!(path_of(&Account::builder().build()), None);
}

#[test]
fn state_beats_status() {
    let closed = [State::Suspended, State::PendingClosure, State::Closed];
    assert!(closed.into_iter().all(|state| state_of(&Account::builder().state(state).build()) == AccountState::Closed));
    let old = |status| Account::builder().status(status);
    assert_eq!(state_of(&old(AccountStatus::Suspended).build()), AccountState::Closed);
    assert_eq!(state_of(&old(AccountStatus::Suspended).state(State::Active).build()), AccountState::Active);
    assert_eq!(state_of(&Account::builder().build()), AccountState::Active);
    assert_eq!(state_of(&Account::builder().state(State::PendingActivation).build()), AccountState::Active);
}
