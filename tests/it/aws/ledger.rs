//! The ledger: what one pass writes is there at once or not at all, and comes back as it was.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use runas_reactor::domain::record::{Commit, HistoryEntry, Incident, LastCheck, Record, Status};
use runas_reactor::domain::target::{AccountFacts, AccountState};
use runas_reactor::ports::{Attempt, Clock as _, FaultClass, Ledger as _, Outbox as _, World as _};
use serde_json::json;

use super::*;

type Row = HashMap<String, AttributeValue>;

fn commit(expected: u64, status: Status) -> Commit {
    let at = Time::from_ms(4_000_000_000_000);
    Commit {
        expected,
        record: Record { generation: expected + 1, status, updated: at, ..Record::default() },
        seen: vec![format!("event-{expected}")],
        history: Some(HistoryEntry {
            id: "c/1".to_owned(),
            at: at.plus_ms(i64::try_from(expected).unwrap()),
            summary: "put right".to_owned(),
            case: json!({"content": {"$digest": "d1"}}),
            contents: BTreeMap::from([("d1".to_owned(), "{\"a\":1}".to_owned())]),
        }),
        alerts: vec![alert("edit-1")],
    }
}

fn incident() -> Incident {
    Incident {
        id: "incident-1".to_owned(),
        opened: Time::from_ms(1_000),
        summary: "switched off".to_owned(),
        opponents: vec!["alice".to_owned()],
        edits: 1,
        notify_on_close: true,
        ..Incident::default()
    }
}

async fn rows(hub: &Hub) -> BTreeMap<String, Row> {
    let rows = hub.dynamodb().scan().table_name(TABLE).send().await.unwrap().items.unwrap();
    rows.into_iter().map(|row| (row["SK"].as_s().unwrap().clone(), row)).collect()
}

fn ids(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[tokio::test]
async fn a_pass_is_one_transaction_after_its_contents_and_one_read() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut commit = commit(0, Status::Drifted);
    commit.record.incident = Some(incident());
    world.ledger().commit(&target(), &commit).await.unwrap();
    let loaded = world.ledger().load(&target(), &ids(&["event-0", "event-1"])).await.unwrap();
    assert_eq!(hub.calls("dynamodb"), ["PutItem", "TransactWriteItems", "BatchGetItem"]);
    assert_eq!(loaded.record, commit.record);
    assert_eq!(loaded.seen, ids(&["event-0"]));
    assert_eq!(loaded.facts, None);
    let rows = rows(&hub).await;
    let keys: Vec<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "DOC#d1",
            "EVENT#2096-10-02T07:06:40.000Z#c/1#eu-west-1",
            "INCIDENT#eu-west-1",
            "OUTBOX#PENDING#edit-1",
            "REGION#eu-west-1",
            "SEEN#eu-west-1#event-0"
        ]
    );
    assert_eq!(rows["REGION#eu-west-1"]["attention"].as_s().unwrap(), "drifted");
    assert_eq!(rows["DOC#d1"]["body"].as_s().unwrap(), "{\"a\":1}");
}

#[tokio::test]
async fn unknown_target_is_new() {
    let hub = Hub::new().await;
    let loaded = hub.world().ledger().load(&target(), &BTreeSet::new()).await.unwrap();
    assert_eq!((loaded.record, loaded.facts, loaded.seen.len()), (Record::default(), None, 0));
}

#[tokio::test]
async fn the_slower_of_two_passes_writes_nothing_at_all() {
    let hub = Hub::new().await;
    let world = hub.world();
    world.ledger().commit(&target(), &commit(0, Status::InSync)).await.unwrap();
    let mut late = commit(0, Status::Drifted);
    late.seen = vec!["event-late".to_owned()];
    late.alerts = vec![alert("edit-late")];
    let fault = world.ledger().commit(&target(), &late).await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Conflict, "ConditionalCheckFailed"));
    let keys: Vec<String> = rows(&hub).await.into_keys().collect();
    assert!(!keys.iter().any(|key| key.contains("late")), "{keys:?}");
    world.ledger().commit(&target(), &commit(1, Status::InSync)).await.unwrap();
    assert_eq!(
        world.ledger().commit(&target(), &commit(5, Status::InSync)).await.unwrap_err().class,
        FaultClass::Conflict
    );
    assert_eq!(world.ledger().load(&target(), &BTreeSet::new()).await.unwrap().record.generation, 2);
}

#[tokio::test]
async fn peace_ends_the_incident_and_leaves_the_index() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut backing_off = commit(0, Status::BackingOff);
    backing_off.record.incident = Some(incident());
    world.ledger().commit(&target(), &backing_off).await.unwrap();
    world.ledger().commit(&target(), &commit(1, Status::InSync)).await.unwrap();
    let rows = rows(&hub).await;
    assert!(!rows.contains_key("INCIDENT#eu-west-1"));
    assert!(!rows["REGION#eu-west-1"].contains_key("attention"));
    assert_eq!(world.ledger().load(&target(), &BTreeSet::new()).await.unwrap().record.incident, None);
}

#[tokio::test]
async fn targets_of_one_account_do_not_share_history() {
    let hub = Hub::new().await;
    let world = hub.world();
    for region in ["eu-west-1", "us-east-1"] {
        world.ledger().commit(&target_in(region), &commit(0, Status::InSync)).await.unwrap();
    }
    let events = rows(&hub).await.into_keys().filter(|key| key.starts_with("EVENT#")).count();
    assert_eq!(events, 2);
}

#[tokio::test]
async fn a_content_is_kept_for_as_long_as_the_newest_line_that_names_it_in_any_region() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut later = commit(0, Status::InSync);
    later.record.updated = later.record.updated.plus_ms(86_400_000);
    world.ledger().commit(&target(), &commit(0, Status::InSync)).await.unwrap();
    let ttl = async || rows(&hub).await["DOC#d1"]["ttl"].as_n().unwrap().parse::<i64>().unwrap();
    let before = ttl().await;
    world.ledger().commit(&target_in("us-east-1"), &later).await.unwrap();
    assert_eq!(ttl().await, before + 86_400);
    assert_eq!(rows(&hub).await["DOC#d1"]["body"].as_s().unwrap(), "{\"a\":1}");
}

#[tokio::test]
async fn collisions_are_tried_again_and_reported_when_they_do_not_end() {
    let hub = Hub::new().await;
    let world = hub.world();
    let canceled = |code: &str, times: u32| {
        let reasons = json!({"CancellationReasons": [{"Code": "None"}, {"Code": code}]});
        json!([{"action": "TransactWriteItems", "code": "TransactionCanceledException", "fields": reasons, "times": times}])
    };
    hub.aws.faults(&canceled("TransactionConflict", 2));
    world.ledger().commit(&target(), &commit(0, Status::InSync)).await.unwrap();
    assert_eq!(hub.calls("dynamodb"), [&["PutItem"][..], &["TransactWriteItems"; 3]].concat());
    hub.aws.faults(&canceled("TransactionConflict", 9));
    assert_eq!(
        world.ledger().commit(&target(), &commit(1, Status::InSync)).await.unwrap_err().class,
        FaultClass::Conflict
    );
    hub.aws.faults(&canceled("ThrottlingError", 9));
    assert_eq!(
        world.ledger().commit(&target(), &commit(1, Status::InSync)).await.unwrap_err().class,
        FaultClass::Throttled
    );
    hub.aws.faults(&json!([{"action": "TransactWriteItems", "drop": true, "when": "after"}]));
    let fault = hub.impatient().ledger().commit(&target(), &commit(1, Status::InSync)).await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Transient, true));
    assert_eq!(world.ledger().load(&target(), &BTreeSet::new()).await.unwrap().record.generation, 2);
}

#[tokio::test]
async fn more_edits_than_a_transaction_holds_are_all_seen() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut many = commit(0, Status::InSync);
    many.seen = (0..130).map(|n| format!("event-{n}")).collect();
    world.ledger().commit(&target(), &many).await.unwrap();
    let asked: BTreeSet<String> = (0..140).map(|n| format!("event-{n}")).collect();
    hub.aws.clear_log();
    let loaded = world.ledger().load(&target(), &asked).await.unwrap();
    assert_eq!(loaded.seen, many.seen.into_iter().collect());
    assert_eq!(hub.calls("dynamodb"), ["BatchGetItem", "BatchGetItem"]);
}

#[tokio::test]
async fn edits_are_forgotten_when_their_time_is_over() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut old = commit(0, Status::InSync);
    old.record.updated = Time::from_ms(1_700_000_000_000);
    world.ledger().commit(&target(), &old).await.unwrap();
    assert!(rows(&hub).await.contains_key("SEEN#eu-west-1#event-0"));
    assert!(world.ledger().load(&target(), &ids(&["event-0"])).await.unwrap().seen.is_empty());
}

#[tokio::test]
async fn an_alert_is_kept_once_counted_and_marked() {
    let hub = Hub::new().await;
    let world = hub.world();
    let account = target().account;
    world.ledger().commit(&target(), &commit(0, Status::InSync)).await.unwrap();
    let mut again = alert("edit-1");
    again.text = "another text".to_owned();
    assert!(world.outbox().keep_alert(&again).await.unwrap(), "pending, so it still has to be published");
    let mut earlier = alert("edit-0");
    earlier.at = Time::from_ms(5);
    assert!(world.outbox().keep_alert(&earlier).await.unwrap());
    assert_eq!(world.outbox().unsent(&account).await.unwrap(), [earlier.clone(), alert("edit-1")]);
    world.outbox().mark_sent(&alert("edit-1")).await.unwrap();
    assert_eq!(world.outbox().unsent(&account).await.unwrap(), [earlier]);
    assert!(!world.outbox().keep_alert(&again).await.unwrap(), "published already");
    let row = rows(&hub).await.remove("SENT#edit-1").unwrap();
    assert_eq!(row["count"].as_n().unwrap(), "3");
    assert!(row.contains_key("ttl"));
    assert_eq!(world.outbox().unsent(&account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn repeated_alert_after_its_publication_is_counted_and_not_published() {
    let hub = Hub::new().await;
    let world = hub.world();
    let account = target().account;
    let now = Time::from_ms(4_000_000_000_000);
    let attempt = Attempt { messages: ids(&["m-1"]), deadline: now.plus_ms(60_000), ..Attempt::default() };
    world.ledger().commit(&target(), &commit(0, Status::InSync)).await.unwrap();
    assert!(world.outbox().claim(&alert("edit-1"), &attempt, now).await.unwrap());
    world.outbox().mark_sent(&alert("edit-1")).await.unwrap();
    let outbox = async || rows(&hub).await.into_keys().filter(|key| key.starts_with("OUTBOX#")).collect::<Vec<_>>();
    assert_eq!(outbox().await, Vec::<String>::new(), "nothing is left for a flush to read");

    world.ledger().commit(&target(), &commit(1, Status::InSync)).await.unwrap();
    assert_eq!(outbox().await, ["OUTBOX#PENDING#edit-1"]);
    let again = Attempt { again: true, ..attempt };
    assert!(!world.outbox().claim(&alert("edit-1"), &again, now.plus_ms(90_000)).await.unwrap(), "it was published");
    assert_eq!(world.outbox().unsent(&account).await.unwrap(), []);
    assert_eq!(outbox().await, Vec::<String>::new());
    assert_eq!(rows(&hub).await["SENT#edit-1"]["count"].as_n().unwrap(), "2");
}

#[tokio::test]
async fn marking_twice_changes_nothing_and_marking_counts_whatever_came_up_meanwhile() {
    let hub = Hub::new().await;
    let world = hub.world();
    for _ in 0..3 {
        assert!(world.outbox().keep_alert(&alert("edit-1")).await.unwrap());
    }
    world.outbox().mark_sent(&alert("edit-1")).await.unwrap();
    world.outbox().mark_sent(&alert("edit-1")).await.unwrap();
    let rows = rows(&hub).await;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["SENT#edit-1"]);
    assert_eq!(rows["SENT#edit-1"]["count"].as_n().unwrap(), "3");
    let ttl: i64 = rows["SENT#edit-1"]["ttl"].as_n().unwrap().parse().unwrap();
    let hours = (ttl - world.now().ms() / 1_000 + 1_800) / 3_600;
    assert_eq!(hours, 48, "a mark outlives the messages that bring its alert again");
}

#[tokio::test]
async fn table_that_does_not_answer_says_nothing_about_an_alert() {
    let hub = Hub::new().await;
    let (ledger, now) = (hub.impatient(), Time::from_ms(4_000_000_000_000));
    let attempt = Attempt { messages: ids(&["m-1"]), deadline: now.plus_ms(60_000), ..Attempt::default() };
    hub.aws.faults(&json!([{"action": "UpdateItem", "code": "ThrottlingException"}]));
    assert_eq!(ledger.outbox().keep_alert(&alert("edit-1")).await.unwrap_err().class, FaultClass::Throttled);
    assert!(ledger.outbox().keep_alert(&alert("edit-1")).await.unwrap());
    hub.aws.faults(&json!([{"action": "TransactWriteItems", "code": "ThrottlingException"}]));
    assert_eq!(ledger.outbox().claim(&alert("edit-1"), &attempt, now).await.unwrap_err().class, FaultClass::Throttled);
    assert!(ledger.outbox().claim(&alert("edit-1"), &attempt, now).await.unwrap());
    hub.aws.faults(&json!([{"action": "TransactWriteItems", "code": "ThrottlingException"}]));
    assert_eq!(ledger.outbox().mark_sent(&alert("edit-1")).await.unwrap_err().class, FaultClass::Throttled);
    let reasons = json!({"CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]});
    let moved = json!([{"action": "TransactWriteItems", "code": "TransactionCanceledException", "fields": reasons, "times": 9}]);
    hub.aws.faults(&moved);
    hub.aws.clear_log();
    assert_eq!(ledger.outbox().mark_sent(&alert("edit-1")).await.unwrap_err().class, FaultClass::Conflict);
    assert_eq!(hub.calls("dynamodb").iter().filter(|call| *call == "TransactWriteItems").count(), 5);
}

#[tokio::test]
async fn check_that_the_table_did_not_take_is_a_fault() {
    let hub = Hub::new().await;
    let check = LastCheck { at: Time::from_ms(4_000_000_000_000), fingerprint: None };
    hub.aws.faults(&json!([{"action": "UpdateItem", "code": "ThrottlingException"}]));
    let fault = hub.impatient().ledger().record_check(&target(), 1, &check).await.unwrap_err();
    assert_eq!(fault.class, FaultClass::Throttled);
}

#[tokio::test]
async fn facts_are_saved_beside_the_other_attributes_of_the_row() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut facts = AccountFacts {
        account: target().account,
        name: "prod".to_owned(),
        ou_path: vec!["r-ab12".parse().unwrap(), "ou-ab12-11111111".parse().unwrap()],
        state: AccountState::Active,
    };
    assert_eq!(world.ledger().facts(&facts.account).await.unwrap(), None);
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let milestones = HashMap::from([key("PK", "ACCOUNT#444455556666"), key("SK", "META"), key("vended", "long ago")]);
    hub.dynamodb().put_item().table_name(TABLE).set_item(Some(milestones)).send().await.unwrap();
    assert_eq!(world.ledger().load(&target(), &BTreeSet::new()).await.unwrap().facts, None);
    world.ledger().save_facts(&facts).await.unwrap();
    facts.state = AccountState::Closed;
    world.ledger().save_facts(&facts).await.unwrap();
    assert_eq!(world.ledger().facts(&facts.account).await.unwrap(), Some(facts.clone()));
    assert_eq!(world.ledger().load(&target(), &BTreeSet::new()).await.unwrap().facts, Some(facts));
    let row = rows(&hub).await.remove("META").unwrap();
    assert_eq!(row["vended"].as_s().unwrap(), "long ago");
    assert_eq!(row["ou_path"].as_s().unwrap(), "r-ab12/ou-ab12-11111111");
}

#[tokio::test]
async fn keys_that_the_table_did_not_come_to_are_asked_for_again() {
    let hub = Hub::new().await;
    hub.aws.faults(&json!([{"action": "BatchGetItem", "code": "ProvisionedThroughputExceededException", "times": 1}]));
    assert!(hub.world().ledger().load(&target(), &BTreeSet::new()).await.is_ok());
    hub.aws.faults(&json!([{"action": "BatchGetItem", "code": "InternalServerError"}]));
    let fault = hub.impatient().ledger().load(&target(), &BTreeSet::new()).await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Transient, false));
}

#[tokio::test]
async fn a_policy_comes_from_the_table_or_from_a_file() {
    let hub = Hub::new().await;
    let world = hub.world();
    assert!(world.ledger().policy().await.unwrap().is_none());
    let key = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    let broken = HashMap::from([key("PK", "POLICY"), key("SK", "CURRENT"), key("compiled", "{")]);
    hub.dynamodb().put_item().table_name(TABLE).set_item(Some(broken)).send().await.unwrap();
    let fault = world.ledger().policy().await.unwrap_err();
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Invalid, "Policy"));
    let elsewhere = hub.world_with(&hub.keys, &[(config::POLICY, "file:no/such/file.json")]);
    let fault = elsewhere.ledger().policy().await.unwrap_err();
    assert!(fault.message.starts_with("no/such/file.json"), "{fault}");
}
