//! The regions that a sweep looks at, and what else it does not wait for.

use runas_reactor::domain::decode::encode;
use runas_reactor::domain::signal::Task;
use runas_reactor::domain::time::Time;
use runas_reactor::ports::FaultClass;
use runas_reactor::reactor::Message;
use runas_reactor::sim::Caller;

use super::*;

fn everywhere() -> Policy {
    let text = r#"
version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: enabled
access: { roles: [RunasReactorMember] }
unplaced: observe
defaults: { mode: enforce, preferences: { runAsEnabled: true, runAsDefaultUser: ops } }
"#;
    policy_file::parse("every enabled region", text, epoch()).unwrap_or_else(|problems| panic!("{problems}")).0
}

#[tokio::test(start_paused = true)]
async fn where_all_enabled_regions_are_governed_the_account_says_which_they_are() {
    let play = Play::over(FaultInjector::around(sim()));
    play.sim().push_policy(everywhere());
    let bahrain = "me-south-1".parse().unwrap();
    play.sim().change_account(&id(MEMBER), |account| {
        account.opted_in.insert(bahrain);
        account.regions_off.insert("us-east-1".parse().unwrap());
    });
    let status = |region: &str| play.sim().record(&org::target(MEMBER, region)).map(|record| record.status);
    play.sweep().await;
    assert_eq!(status("me-south-1"), Some(Status::InSync), "opted in without an event");
    assert_eq!(status("us-east-1"), None, "off");
    assert_eq!(status("eu-north-1"), None, "no region of this account, whatever the partition has");
    // The last report holds while no account answers.
    play.0.world().made();
    play.sweep().await;
    let asked = play.0.world().made().into_iter().enumerate().filter(|(_, made)| made.call.method == "enabled_regions");
    let asked: Vec<usize> = asked.map(|(place, _)| place).collect();
    assert_eq!(asked.len(), 2);
    let admin = Caller::administrator(&id(MEMBER), "mallory@example.com");
    let target = org::target(MEMBER, "me-south-1");
    play.sim().edit_inputs(&target, &admin, &json!({ "runAsEnabled": false })).unwrap();
    play.sim().forget_messages();
    for place in asked {
        play.0.world().inject(u64::try_from(place).unwrap() + 1, InjectedFault::Refused(FaultClass::Denied));
    }
    play.sweep().await;
    let met = play.0.world().made().into_iter().filter(|made| made.fault.is_some()).map(|made| made.call.method);
    assert_eq!(met.collect::<Vec<_>>(), ["enabled_regions"; 2]);
    let document = play.sim().document(&target).unwrap();
    assert_eq!(document.inputs(document.default)["runAsEnabled"], true);
}

#[tokio::test(start_paused = true)]
async fn enabled_ungoverned_region_is_alerted_once() {
    let play = Play::over(sim());
    play.sweep().await;
    play.sim().change_account(&id(MEMBER), |account| {
        account.opted_in.insert("me-south-1".parse().unwrap());
    });
    play.sweep().await;
    play.sweep().await;
    play.sweep().await;
    let alerts = play.of_kind("region_ungoverned");
    let [alerts] = &alerts[..] else { panic!("once, and not {alerts:#?}") };
    assert_eq!(alerts.data["regions"], json!({ "me-south-1": { "accounts": 1, "first": MEMBER } }));
    assert_eq!(play.sim().record(&org::target(MEMBER, "me-south-1")), None, "and it is not looked at");
}

/// The message by which a sweep has come to an account.
fn come_to(account: &str, began: Time) -> Message {
    let task = Task::SweepAccount { account: id(account), sweep: "s-1".to_owned(), began };
    Message { id: format!("sweep of {account}"), body: encode(&task), receipt: None, receives: 1 }
}

#[tokio::test(start_paused = true)]
async fn document_event_does_not_wait_for_a_sweep_in_the_same_batch() {
    let play = Play::over(FaultInjector::around(sim()));
    play.sweep().await;
    let target = org::target(MEMBER, "eu-west-1");
    let admin = Caller::administrator(&id(MEMBER), "mallory@example.com");
    play.sim().edit_inputs(&target, &admin, &json!({ "runAsEnabled": false })).unwrap();
    let now = play.sim().now();
    play.0.world().made();
    let report =
        play.0.batch(&[come_to(MANAGEMENT, now), org::touched(&target, now)], now.plus_ms(60 * SECOND_MS)).await;
    assert_eq!((report.failed.len(), report.reconciled.len()), (0, 4));
    let made: Vec<&str> = play.0.world().made().iter().map(|made| made.call.method).collect();
    let first = |call: &str| made.iter().position(|made| *made == call).unwrap();
    assert!(first("commit") < first("enabled_regions"), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn sweep_of_unknown_beginning_begins_with_its_first_message() {
    let play = Play::over(sim());
    play.sweep().await;
    let now = play.sim().now();
    for began in [Time::ZERO, now.plus_ms(-3 * DAY_MS), now.plus_ms(DAY_MS)] {
        let report = play.0.batch(&[come_to(MEMBER, began)], now.plus_ms(60 * SECOND_MS)).await;
        let since: Vec<i64> = report.reconciled.iter().map(|reconciled| reconciled.since_ms).collect();
        assert!(since.len() == 3 && since.iter().all(|since| (0..60 * SECOND_MS).contains(since)), "{since:?}");
    }
}
