//! The ledger of a big organisation.

use std::collections::{BTreeMap, BTreeSet};

use runas_reactor::aws::ledger::view::{Inventory, Survey};
use runas_reactor::cli::report::Sources;
use runas_reactor::domain::milestones::Milestones;
use runas_reactor::domain::record::{Enabled, Status};
use runas_reactor::domain::target::AccountFacts;
use runas_reactor::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS};

use super::fixture::{HOME, account, before, edit_and_correction, policy, row, sweep, target};

const REGIONS: [&str; 20] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    HOME,
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// An organisation of five hundred accounts in twenty regions, in which some is wrong, as on a bad day.
pub(super) fn big() -> Sources {
    let id = |number: u32| format!("1{number:011}");
    let names = [
        "payments",
        "search",
        "billing",
        "data-lake",
        "identity",
        "edge",
        "ml-training",
        "reporting",
        "sandbox",
        "iot",
    ];
    let stages = ["prod", "staging", "dev", "test", "shared"];
    let accounts: Vec<AccountFacts> = (0..500u32)
        .map(|number| {
            let (name, stage) = (names[number as usize % 10], stages[number as usize / 100]);
            account(
                &id(number),
                &format!("{name}-{stage}-{:02}", number / 10 % 10),
                &format!("ou-ab12-{:08}", number / 100),
            )
        })
        .collect();
    let health = |number: u32, region: u32| match (number, region) {
        (17, _) | (203, 3..=5) => {
            (Status::Unreachable, "could not read: AccessDenied: no role admits the reactor (tried RunasReactorMember)")
        }
        (88, 12) => (Status::BackingOff, "an edit war with Admin (mallory@example.com): writing waits"),
        (140..=146, 7) | (300, 12) => (Status::Drifted, "owned fields differ from the baseline; observe only"),
        (61, 12) => (Status::Held, "break-glass by OnCall (carol@example.com) until 12:40"),
        (499, 10..=19) => (Status::Waiting, "the account is too new for Systems Manager"),
        (400..=409, _) => (Status::Exempt, "exempt until 2027-01-31: appliance with its own users"),
        _ => (Status::InSync, ""),
    };
    let mut targets = Vec::new();
    for number in 0..500u32 {
        for (region, name) in (0..20u32).zip(REGIONS) {
            if number == 498 && region > 14 {
                continue; // never checked
            }
            let (status, why) = health(number, region);
            let mut row = row(&id(number), name, status, why);
            row.updated = before(i64::from(number % 37 + 1) * DAY_MS);
            row.checked =
                if number % 211 == 5 { before(9 * DAY_MS) } else { before(i64::from(number) * MINUTE_MS / 2) };
            row.milestones = milestones(number, region);
            targets.push(row);
        }
    }
    let (mut open, mut lines) = (Vec::new(), Vec::new());
    for number in [61, 88, 300] {
        let place = target(&id(number), HOME);
        let (mut incident, first) =
            edit_and_correction(&place, before(i64::from(number) * SECOND_MS * 7), "mallory@example.com");
        incident.escalated = number == 88;
        open.push((place, incident));
        lines.extend(first.into_iter().take(1));
    }
    for number in 0..60u32 {
        let place = target(&id(number * 8 + 3), HOME);
        lines.extend(edit_and_correction(&place, before(i64::from(number * 2 + 1) * HOUR_MS), "alice@example.com").1);
    }
    let inventory = Inventory { accounts, enabled: BTreeMap::<_, Enabled>::new(), targets };
    Sources { survey: Survey { inventory, open, lines }, policy: Some(policy(&REGIONS)), sweep: Some(sweep(500)) }
}

/// Every fifth account was vended by the reactor's time; most were configured soon.
fn milestones(number: u32, region: u32) -> Milestones {
    if number % 5 != 4 {
        return Milestones::default();
    }
    let (number, region) = (i64::from(number), i64::from(region));
    let vended = if number == 499 { before(25 * MINUTE_MS) } else { before((500 - number) * DAY_MS / 2) };
    let seconds = 12 + number * number % 97 + region * 2 + if number % 45 == 4 { 900 } else { 0 };
    let configured = (number != 499 || region < 10).then(|| vended.plus_ms(seconds * SECOND_MS));
    Milestones { vended: Some(vended), configured, ..Milestones::default() }
}

/// The accounts of a ledger.
pub(super) fn accounts(sources: &Sources) -> usize {
    let accounts: BTreeSet<_> = sources.survey.inventory.accounts.iter().map(|facts| &facts.account).collect();
    accounts.len()
}
