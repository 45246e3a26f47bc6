use super::*;
use crate::aws::ledger::view::TargetRow;
use crate::domain::sweep::StartResult;
use crate::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS};

const NOW: Time = Time::from_ms(100 * DAY_MS);
const ASKED: Query<'_> = Query { ou: None, statuses: &[], now: NOW };

fn account(id: &str) -> AccountFacts {
    AccountFacts {
        account: id.parse().unwrap(),
        name: format!("account {id}"),
        ou_path: Vec::new(),
        state: AccountState::Active,
    }
}

fn row(account: &str, region: &str, status: Status) -> TargetRow {
    TargetRow {
        target: Target::new(account.parse().unwrap(), region.parse().unwrap()),
        status,
        why: String::new(),
        updated: NOW.plus_ms(-30 * DAY_MS),
        checked: NOW.plus_ms(-HOUR_MS),
        milestones: Milestones::default(),
        policy: "v1".to_owned(),
    }
}

fn sweep(began: Time, ended: Option<Time>, previous_completed: Option<Time>) -> Sweep {
    let StartResult::New(sweep, _) = Sweep::begin(None, "nightly", began) else { panic!("there was none before") };
    Sweep { ended, previous_completed, ..*sweep }
}

fn overview(targets: Vec<TargetRow>, sweep: Option<Sweep>) -> Overview {
    let ids: BTreeSet<&AccountId> = targets.iter().map(|row| &row.target.account).collect();
    let accounts = ids.into_iter().map(|id| account(id.as_str())).collect();
    Overview::of(&Inventory { accounts, targets, ..Inventory::default() }, None, sweep, &ASKED)
}

#[test]
fn the_gap_of_a_new_account_ends_with_its_last_region() {
    let minute = |n: i64| NOW.plus_ms(n * MINUTE_MS);
    let new = |region: &str, configured| TargetRow {
        milestones: Milestones { vended: Some(minute(0)), configured, ..Milestones::default() },
        ..row("444455556666", region, Status::InSync)
    };
    let open = overview(vec![new("eu-west-1", Some(minute(2))), new("us-east-1", None)], None);
    let [progress] = &open.new_accounts[..] else { panic!("{:?}", open.new_accounts) };
    assert_eq!((progress.since, progress.until), (minute(0), None));
    let closed = overview(vec![new("eu-west-1", Some(minute(2))), new("us-east-1", Some(minute(9)))], None);
    assert_eq!(closed.new_accounts[0].until, Some(minute(9)));
    assert_eq!(
        overview(vec![row("444455556666", "eu-west-1", Status::InSync)], None).new_accounts,
        [],
        "not a new account"
    );
}

#[test]
fn what_is_in_sync_is_not_green_where_the_last_complete_sweep_has_missed_it() {
    let targets = || {
        let old = TargetRow { checked: NOW.plus_ms(-3 * DAY_MS), ..row("444455556666", "eu-west-1", Status::InSync) };
        vec![old, row("444455556666", "us-east-1", Status::InSync), row("555566667777", "us-east-1", Status::Exempt)]
    };
    let hour = |n: i64| NOW.plus_ms(n * HOUR_MS);
    let missed = |sweep| overview(targets(), sweep).exit_status();
    assert_eq!(missed(None), ExitStatus::Success, "no sweep runs, and no limit of age is configured");
    assert_eq!(missed(Some(sweep(hour(-2), Some(hour(-1)), None))), ExitStatus::Unreachable);
    assert_eq!(missed(Some(sweep(hour(-2), None, None))), ExitStatus::Success, "it may still come to it");
    assert_eq!(missed(Some(sweep(hour(-2), None, Some(hour(-8))))), ExitStatus::Unreachable);
    let overview = overview(targets(), Some(sweep(hour(-2), Some(hour(-1)), None)));
    let first = &overview.lines[0];
    assert_eq!((first.target.to_string().as_str(), first.not_checked), ("444455556666/eu-west-1", true));
    assert_eq!(overview.lines.iter().filter(|line| line.is_fine()).count(), 2);
    assert_eq!(overview.counts(), [(Status::InSync, 2), (Status::Exempt, 1)]);
}

/// A policy for every enabled region.
fn everywhere() -> Policy {
    let text = r#"{
        "version": 1,
        "organization": {
            "id": "o-exampleorgid", "management_account": "111122223333", "hub_account": "222233334444",
            "home_region": "eu-west-1"
        },
        "regions": "enabled",
        "access": { "roles": ["RunasReactorMember"] },
        "unplaced": "enforce",
        "defaults": { "mode": "enforce", "preferences": { "runAsEnabled": true, "runAsDefaultUser": "ops" } }
    }"#;
    Policy::from_compiled(text).unwrap()
}

/// The overview of one account that reported these enabled regions so many hours ago.
fn enabled(reported: Option<(&[&str], i64)>, targets: Vec<TargetRow>) -> Overview {
    let account = account("444455556666");
    let reported = reported.map(|(regions, hours)| {
        let regions = regions.iter().map(|region| region.parse().unwrap()).collect();
        (account.account.clone(), Enabled { regions, at: NOW.plus_ms(-hours * HOUR_MS) })
    });
    let inventory = Inventory { accounts: vec![account], enabled: reported.into_iter().collect(), targets };
    let last = sweep(NOW.plus_ms(-2 * HOUR_MS), Some(NOW.plus_ms(-HOUR_MS)), None);
    Overview::of(&inventory, Some(&everywhere()), Some(last), &ASKED)
}

#[test]
fn unobserved_target_in_an_enabled_region_is_not_green() {
    let ireland = || vec![row("444455556666", "eu-west-1", Status::InSync)];
    let all = enabled(Some((&["eu-west-1"], 1)), ireland());
    assert_eq!((all.exit_status(), all.lines.len(), all.silent), (ExitStatus::Success, 1, 0));
    let more = enabled(Some((&["eu-west-1", "me-south-1"], 1)), ireland());
    assert_eq!((more.exit_status(), more.lines[0].status), (ExitStatus::Unreachable, Status::New));
    let never = enabled(None, ireland());
    assert_eq!((never.exit_status(), never.lines.len(), never.silent), (ExitStatus::Unreachable, 17, 1));
}

#[test]
fn account_without_a_recent_report_has_unknown_regions() {
    let silent = |hours| enabled(Some((&["eu-west-1"], hours)), Vec::new()).silent;
    assert_eq!((silent(26), silent(27)), (0, 1), "a day before the last complete sweep began");
}

#[test]
fn a_region_that_was_switched_off_is_a_thing_of_the_past() {
    let off = |hours: i64| {
        let checked = NOW.plus_ms(-hours * HOUR_MS);
        let row = TargetRow { checked, ..row("444455556666", "me-south-1", Status::Unreachable) };
        enabled(Some((&["eu-west-1"], 2)), vec![row, self::row("444455556666", "eu-west-1", Status::InSync)])
    };
    assert_eq!((off(3).exit_status(), off(3).past), (ExitStatus::Success, 1));
    assert_eq!((off(1).exit_status(), off(1).past), (ExitStatus::Unreachable, 0), "perhaps it is on by now");
}
