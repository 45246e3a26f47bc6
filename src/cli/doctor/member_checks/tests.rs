use super::regions as regions_of;
use super::*;
use crate::cli::doctor::report::Remedy;
use crate::domain::milestones::Milestones;
use crate::domain::target::Region;
use crate::domain::time::{HOUR_MS, MINUTE_MS};

const NOW: Time = Time::from_ms(1_800_000_000_000);
const PAYMENTS: &str = "333344445555";

fn fault(class: FaultClass) -> Fault {
    Fault { class, call: "AssumeRole", code: "Code".to_owned(), message: "why".to_owned(), outcome_unknown: false }
}

fn regions() -> Vec<Region> {
    ["eu-west-1", "us-east-1"].map(|region| region.parse().unwrap()).to_vec()
}

fn member(account: &str, entered: Result<&str, FaultClass>) -> Member {
    let entered = entered.map(str::to_owned).map_err(fault);
    Member { account: account.parse().unwrap(), name: "app".to_owned(), regions: regions(), entered }
}

fn target(account: &str, region: &str) -> Target {
    Target::new(account.parse().unwrap(), region.parse().unwrap())
}

fn row(status: Status, checked: Time) -> TargetRow {
    TargetRow {
        target: target(PAYMENTS, "eu-west-1"),
        status,
        why: "AssumeRole: AccessDenied".to_owned(),
        updated: NOW,
        checked,
        milestones: Milestones::default(),
        policy: "v1".to_owned(),
    }
}

fn rows(status: Status, checked: Time) -> Rows {
    let row = row(status, checked);
    [(row.target.clone(), row)].into()
}

#[track_caller]
fn only(checks: Vec<Check>) -> Check {
    let [check] = <[Check; 1]>::try_from(checks).unwrap();
    check
}

#[track_caller]
fn wrong(check: &Check) -> &Remedy {
    match &check.outcome {
        CheckOutcome::Wrong(remedy) => remedy,
        other => panic!("{other:?}: {check:?}"),
    }
}

#[track_caller]
fn not_known(check: &Check) -> &Remedy {
    match &check.outcome {
        CheckOutcome::NotKnown(remedy) => remedy,
        other => panic!("{other:?}: {check:?}"),
    }
}

#[test]
fn role_that_trusts_no_principal_is_wrong_and_one_that_trusts_the_function_is_unknown() {
    let role = |member: Member, rows: &Rows| only(member_role(&[member], rows, NOW));
    let nothing = Rows::new();
    let fine = role(member(PAYMENTS, Ok("RunasReactorMember")), &nothing);
    assert_eq!(
        (fine.outcome, fine.what.as_str()),
        (CheckOutcome::Right, "1 account: RunasReactorMember can be assumed")
    );
    let denied = || member(PAYMENTS, Err(FaultClass::Denied));
    assert!(wrong(&role(denied(), &nothing)).fix.starts_with("deploy infra/member.yaml"));
    assert!(wrong(&role(denied(), &rows(Status::Unreachable, NOW))).fix.starts_with("deploy infra/member.yaml"));
    assert!(wrong(&role(denied(), &rows(Status::InSync, NOW.plus_ms(-25 * HOUR_MS)))).fix.starts_with("deploy"));
    let in_use = role(denied(), &rows(Status::InSync, NOW.plus_ms(-23 * HOUR_MS)));
    assert!(not_known(&in_use).fix.contains("OperatorRole"), "{in_use:?}");
    let by_scp = role(member(PAYMENTS, Err(FaultClass::DeniedByScp)), &nothing);
    assert!(wrong(&by_scp).fix.contains("runasctl render scp"), "{by_scp:?}");
    not_known(&role(member(PAYMENTS, Err(FaultClass::Throttled)), &nothing));
}

#[test]
fn the_function_gets_in_where_it_has_observed_and_nothing_is_assumed_elsewhere() {
    let swept = Some(NOW.plus_ms(-HOUR_MS));
    let function = |status, checked| {
        let checks = function(&[member(PAYMENTS, Ok("role"))], &rows(status, checked), swept);
        // The other region has no row.
        assert_eq!(checks.iter().filter(|check| check.what.contains("not observed yet")).count(), 1, "{checks:?}");
        only(checks.into_iter().filter(|check| !check.what.contains("not observed yet")).collect())
    };
    for status in [Status::InSync, Status::Drifted, Status::Held, Status::BackingOff, Status::Exempt] {
        assert_eq!(function(status, NOW).outcome, CheckOutcome::Right, "{status:?}");
    }
    let unreachable = function(Status::Unreachable, NOW);
    assert_eq!(wrong(&unreachable).cause, "AssumeRole: AccessDenied");
    assert!(wrong(&unreachable).fix.contains("runasctl explain 333344445555/eu-west-1"), "{unreachable:?}");
    not_known(&function(Status::Waiting, NOW));
    let missed = function(Status::InSync, NOW.plus_ms(-30 * HOUR_MS));
    assert!(missed.what.ends_with("the last complete sweep did not come to it"), "{missed:?}");
    not_known(&missed);
}

fn proved(members: &[Member], proofs: impl IntoIterator<Item = (Target, Proof)>) -> Vec<Check> {
    events(members, &proofs.into_iter().collect(), 5 * MINUTE_MS)
}

#[test]
fn returned_events_are_one_line_and_a_silent_target_is_named_with_what_to_check() {
    let members = [member(PAYMENTS, Ok("role"))];
    let (home, virginia) = (target(PAYMENTS, "eu-west-1"), target(PAYMENTS, "us-east-1"));
    let back = |within_ms| Proof::Back { within_ms };
    let all = only(proved(&members, [(home.clone(), back(9_000)), (virginia.clone(), back(43_000))]));
    assert_eq!(all.what, "2 targets of 1 account: the event of a call came back, the last within 43 s");
    assert_eq!(all.outcome, CheckOutcome::Right);

    let some = proved(&members, [(home.clone(), back(9_000)), (virginia.clone(), Proof::Silent)]);
    let [right, silent] = &some[..] else { panic!("{some:?}") };
    assert_eq!(right.outcome, CheckOutcome::Right);
    assert_eq!(silent.what, "1 target of 1 account: no event came back within 300 s");
    let Remedy { cause, fix } = wrong(silent);
    assert!(cause.starts_with("in this order: no trail") && cause.contains("rule runas-reactor-documents"), "{cause}");
    assert!(fix.contains("describe-rule --region us-east-1") && fix.contains("deploy infra/member.yaml"), "{fix}");

    let none = only(proved(&members, [(home, Proof::Silent), (virginia, Proof::Silent)]));
    assert!(wrong(&none).cause.starts_with("none came back from anywhere"), "{none:?}");
}

#[test]
fn a_call_that_was_refused_for_another_reason_than_its_version_proves_nothing() {
    let of = |proof| only(proved(&[member(PAYMENTS, Ok("role"))], [(target(PAYMENTS, "us-east-1"), proof)]));
    assert!(wrong(&of(Proof::Refused(fault(FaultClass::Denied)))).fix.contains("to the member role"));
    assert!(wrong(&of(Proof::Refused(fault(FaultClass::DeniedByScp)))).fix.contains("runasctl render scp"));
    assert!(wrong(&of(Proof::Refused(fault(FaultClass::RegionOff)))).fix.contains("enable us-east-1"));
    not_known(&of(Proof::Refused(fault(FaultClass::NotReady))));
    not_known(&of(Proof::Refused(fault(FaultClass::Transient))));
    not_known(&of(Proof::Unread(fault(FaultClass::Denied))));
    assert!(wrong(&of(Proof::Accepted)).cause.contains("no document can have"));
}

#[test]
fn what_the_organisation_or_an_account_does_not_say_is_not_known() {
    let account: AccountId = PAYMENTS.parse().unwrap();
    let unknown = only(organization(&[(account.clone(), fault(FaultClass::Throttled))]));
    not_known(&unknown);
    not_known(&only(regions_of(&[(account, fault(FaultClass::Denied))])));
    not_known(&no_organization(&fault(FaultClass::Denied)));
    not_known(&no_rows(&fault(FaultClass::Denied)));
    assert!(organization(&[]).is_empty() && regions_of(&[]).is_empty());
}
