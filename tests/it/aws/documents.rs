//! The document: looking, writing, removing, and what the failures of each mean.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ssm::types::{DocumentPermissionType, DocumentType};
use runas_reactor::domain::observation::{DocumentStatus, Observation};
use runas_reactor::ports::{Documents as _, FaultClass, World as _};
use serde_json::json;

use super::*;

async fn promoted(world: &AwsWorld, base: Option<u64>, user: &str) -> u64 {
    let (target, access) = (target(), access());
    let written = match base {
        None => world.documents().create(&target, &access, &text(user), user).await.unwrap(),
        Some(base) => world.documents().update(&target, &access, base, &text(user), user).await.unwrap(),
    };
    world.documents().promote(&target, &access, written.version).await.unwrap();
    written.version
}

#[tokio::test]
async fn a_document_is_created_updated_and_promoted() {
    let hub = Hub::new().await;
    let world = hub.world();
    assert_eq!(observe(&world).await.unwrap(), Observation::Absent);
    assert_eq!(promoted(&world, None, "ops").await, 1);
    let written = world.documents().update(&target(), &access(), 1, &text("dev"), "two").await.unwrap();
    assert_eq!(written.version, 2);
    let before = seen(&world).await;
    assert_eq!((before.latest.number, before.default.number), (2, 1));
    assert_eq!((user(&before.latest.body), user(&before.default.body)), ("dev".to_owned(), "ops".to_owned()));
    world.documents().promote(&target(), &access(), 2).await.unwrap();
    let after = seen(&world).await;
    assert_eq!((after.latest.number, after.default.number), (2, 2));
    assert_eq!(after.document_type, "Session");
    let listed: Vec<(u64, DocumentStatus)> =
        after.versions.iter().map(|version| (version.number, version.status)).collect();
    assert_eq!(listed, [(2, DocumentStatus::Active), (1, DocumentStatus::Active)]);
    assert!(after.info(2).unwrap().created > after.info(1).unwrap().created);
    assert!(!after.older_exist);
}

#[tokio::test]
async fn an_observation_is_three_calls_and_one_for_each_version_in_between() {
    let hub = Hub::new().await;
    let world = hub.world();
    let mut base = None;
    for user in ["a", "b", "c"] {
        base = Some(promoted(&world, base, user).await);
    }
    hub.aws.clear_log();
    let seen = world.documents().observe(&target(), &access(), &BTreeSet::from([2, 77])).await.unwrap();
    let Observation::Present(seen) = seen else { panic!("present") };
    let between: Vec<(u64, String)> = seen.between.iter().map(|(number, body)| (*number, user(body))).collect();
    // The version that is not there is left out.
    assert_eq!(between, [(2, "b".to_owned())]);
    let calls = hub.calls("ssm");
    let last = "ListDocumentVersions";
    assert_eq!(
        calls,
        ["GetDocument", "GetDocument", "GetDocument", "GetDocument", last],
        "it says whose contents they are"
    );
}

#[tokio::test]
async fn answers_from_before_and_after_an_edit_are_no_observation() {
    let hub = Hub::new().await;
    let world = hub.world();
    promoted(&world, None, "a").await;
    for (late, latest, newest) in [("GetDocument", 2, 1), ("ListDocumentVersions", 2, 3)] {
        hub.aws.faults(&json!([{"action": late, "delay_ms": 1_000, "times": 2}]));
        let base: u64 = std::cmp::min(latest, newest);
        let edit = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            promoted(&world, Some(base), &format!("edit of {late}").replace(' ', "-")).await
        };
        let (observed, _) = tokio::join!(observe(&world), edit);
        let fault = observed.unwrap_err();
        assert_eq!((fault.class, fault.code.as_str(), fault.retryable()), (FaultClass::Conflict, "Inconsistent", true));
        assert!(fault.message.contains(&format!("the latest version is {latest}")), "{fault}");
        assert!(fault.message.contains(&format!("the newest of the list is {newest}")), "{fault}");
        let seen = seen(&world).await;
        assert_eq!((seen.latest.number, seen.default.number, seen.versions[0].number), (base + 1, base + 1, base + 1));
    }
}

#[tokio::test]
async fn write_on_a_stale_base_is_a_conflict() {
    let hub = Hub::new().await;
    let world = hub.world();
    let (target, access) = (target(), access());
    let class = |fault: Fault| fault.class;
    let gone = world.documents().update(&target, &access, 1, &text("a"), "a").await.map_err(class);
    assert_eq!(gone, Err(FaultClass::Conflict));
    assert_eq!(world.documents().promote(&target, &access, 1).await.map_err(class), Err(FaultClass::Conflict));
    assert_eq!(world.documents().status(&target, &access, 1).await.map_err(class), Err(FaultClass::Conflict));
    promoted(&world, None, "a").await;
    let again = world.documents().create(&target, &access, &text("b"), "b").await.map_err(class);
    assert_eq!(again, Err(FaultClass::Conflict));
    let (first, second) = (text("b"), text("c"));
    let (first, second) = tokio::join!(
        world.documents().update(&target, &access, 1, &first, "b"),
        world.documents().update(&target, &access, 1, &second, "c")
    );
    let lost: Vec<FaultClass> = [first, second].into_iter().filter_map(|result| result.err().map(class)).collect();
    assert_eq!(lost, [FaultClass::Conflict]);
}

#[tokio::test]
async fn refusals_by_content_and_by_name_have_their_own_class() {
    let hub = Hub::new().await;
    let world = hub.world();
    let (target, access) = (target(), access());
    promoted(&world, None, "a").await;
    let update = |content: String, name: &'static str| {
        let (world, target, access) = (&world, &target, &access);
        async move { world.documents().update(target, access, 1, &content, name).await.map_err(|fault| fault.class) }
    };
    assert_eq!(update(text("a"), "b").await, Err(FaultClass::Duplicate));
    assert_eq!(update(text("b"), "a").await, Err(FaultClass::Conflict));
    assert_eq!(update("{}".to_owned(), "b").await, Err(FaultClass::Invalid));
    assert_eq!(update("x".repeat(70_000), "b").await, Err(FaultClass::Invalid));
    hub.aws.switches(&json!({"version_limit": 1}));
    assert_eq!(update(text("b"), "b").await, Err(FaultClass::VersionLimit));
}

#[tokio::test]
async fn a_lost_answer_may_have_taken_effect() {
    let hub = Hub::new().await;
    let impatient = hub.impatient();
    promoted(&impatient, None, "a").await;
    let lost = json!({"action": "UpdateDocument", "drop": true, "when": "after"});
    hub.aws.faults(&json!([lost]));
    let fault = impatient.documents().update(&target(), &access(), 1, &text("b"), "b").await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Transient, true));
    assert_eq!(seen(&impatient).await.latest.number, 2);
    // The next attempt finds the version that the first one made.
    hub.aws.faults(&json!([lost]));
    let fault = hub.world().documents().update(&target(), &access(), 2, &text("c"), "c").await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Conflict, false));
    assert_eq!(seen(&impatient).await.latest.number, 3);
    hub.aws.faults(&json!([{"action": "UpdateDocument", "code": "InternalServerError"}]));
    let fault = impatient.documents().update(&target(), &access(), 3, &text("d"), "d").await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Transient, true));
    hub.aws.faults(&json!([{"action": "GetDocument", "drop": true}]));
    let fault = observe(&impatient).await.unwrap_err();
    assert_eq!((fault.class, fault.outcome_unknown), (FaultClass::Transient, false));
}

#[tokio::test]
async fn throttling_is_retried_and_returned_when_it_does_not_end() {
    let hub = Hub::new().await;
    let world = hub.world();
    promoted(&world, None, "a").await;
    let throttled = |times: u32| json!([{"action": "ListDocumentVersions", "code": "ThrottlingException", "message": "Rate exceeded", "times": times}]);
    hub.aws.faults(&throttled(2));
    assert_eq!(seen(&world).await.latest.number, 1);
    hub.aws.faults(&throttled(3));
    let fault = observe(&world).await.unwrap_err();
    assert_eq!((fault.class, fault.call), (FaultClass::Throttled, "ListDocumentVersions"));
}

#[tokio::test]
async fn obstacles_have_their_own_class() {
    let hub = Hub::new().await;
    let world = hub.world();
    hub.aws.switches(&json!({"regions_off": [{"account": MEMBER, "region": "eu-central-1"}],
                             "not_ready": [{"account": MEMBER, "region": "us-east-1"}]}));
    let class = |region: &'static str| {
        let world = &world;
        async move {
            world
                .documents()
                .observe(&target_in(region), &access(), &BTreeSet::new())
                .await
                .map_err(|fault| (fault.class, fault.retryable()))
        }
    };
    assert_eq!(class("eu-central-1").await, Err((FaultClass::RegionOff, false)));
    assert_eq!(class("us-east-1").await, Err((FaultClass::NotReady, true)));
    let scp = "not authorized to perform: ssm:GetDocument with an explicit deny in a service control policy";
    hub.aws.faults(&json!([{"action": "GetDocument", "code": "AccessDeniedException", "message": scp, "times": 2}]));
    assert_eq!(class("eu-west-1").await, Err((FaultClass::DeniedByScp, false)));
    assert_eq!(class("eu-west-1").await, Ok(Observation::Absent));
}

#[tokio::test]
async fn a_version_that_is_still_being_made_is_pending() {
    let hub = Hub::new().await;
    let world = hub.world();
    hub.aws.switches(&json!({"pending_reads": 2}));
    let written = world.documents().create(&target(), &access(), &text("a"), "a").await.unwrap();
    assert_eq!(written.status, DocumentStatus::Pending);
    let mut polls = 0;
    while world.documents().status(&target(), &access(), 1).await.unwrap() == DocumentStatus::Pending {
        polls += 1;
        assert!(polls < 10, "it becomes active after two looks");
    }
    assert_eq!(seen(&world).await.latest_status(), DocumentStatus::Active);
}

#[tokio::test]
async fn a_shared_document_of_another_type_is_deleted() {
    let hub = Hub::new().await;
    let (world, admin) = (hub.world(), hub.admin());
    let content = json!({"schemaVersion": "2.2", "description": "x", "mainSteps": []}).to_string();
    admin.create_document().name(NAME).document_type(DocumentType::Command).content(content).send().await.unwrap();
    assert_eq!(seen(&world).await.document_type, "Command");
    let accounts: Vec<String> = (0..20).map(|n| format!("1000000000{n:02}")).collect();
    for accounts in [&accounts[..], &["200000000000".to_owned(), "200000000001".to_owned()]] {
        let share = admin.modify_document_permission().name(NAME).permission_type(DocumentPermissionType::Share);
        share.set_account_ids_to_add(Some(accounts.to_vec())).send().await.unwrap();
    }
    hub.aws.clear_log();
    world.documents().delete(&target(), &access()).await.unwrap();
    assert_eq!(observe(&world).await.unwrap(), Observation::Absent);
    let unshared = hub.calls("ssm").iter().filter(|action| *action == "ModifyDocumentPermission").count();
    assert_eq!(unshared, 2);
    world.documents().delete(&target(), &access()).await.unwrap();
}

#[tokio::test]
async fn sharing_ends_with_the_named_accounts_and_no_other() {
    let hub = Hub::new().await;
    let (world, admin) = (hub.world(), hub.admin());
    let missing = world.documents().shares(&target(), &access()).await.unwrap_err();
    assert_eq!(missing.class, FaultClass::Conflict, "it was there when it was observed: {missing}");
    promoted(&world, None, "ops").await;
    assert_eq!(world.documents().shares(&target(), &access()).await.unwrap(), BTreeSet::new());
    let share = async |accounts: &[String]| {
        let share = admin.modify_document_permission().name(NAME).permission_type(DocumentPermissionType::Share);
        share.set_account_ids_to_add(Some(accounts.to_vec())).send().await.unwrap();
    };
    let accounts: Vec<String> = (0..22).map(|n| format!("1000000000{n:02}")).collect();
    let stays = "200000000000".to_owned();
    share(&accounts[..20]).await;
    share(&[&accounts[20..], std::slice::from_ref(&stays)].concat()).await;
    assert_eq!(world.documents().shares(&target(), &access()).await.unwrap().len(), 23);
    hub.aws.clear_log();
    world.documents().unshare(&target(), &access(), &accounts).await.unwrap();
    assert_eq!(hub.calls("ssm"), ["ModifyDocumentPermission"; 2], "twenty accounts a call");
    assert_eq!(world.documents().shares(&target(), &access()).await.unwrap(), [stays].into());
    hub.aws.faults(&json!([{"action": "DescribeDocumentPermission", "code": "AccessDeniedException", "status": 400}]));
    let denied = world.documents().shares(&target(), &access()).await.unwrap_err();
    assert_eq!(denied.class, FaultClass::Denied, "{denied}");
}

#[tokio::test]
async fn document_that_cannot_be_deleted_is_a_fault() {
    let hub = Hub::new().await;
    let (world, impatient) = (hub.world(), hub.impatient());
    promoted(&world, None, "ops").await;
    for (code, class) in [
        ("InvalidDocumentOperation", FaultClass::Conflict),
        ("AccessDeniedException", FaultClass::Denied),
        ("ThrottlingException", FaultClass::Throttled),
    ] {
        hub.aws.faults(&json!([{"action": "DeleteDocument", "code": code}]));
        let fault = impatient.documents().delete(&target(), &access()).await.unwrap_err();
        assert_eq!(fault.class, class, "{fault}");
        if class != FaultClass::Conflict {
            hub.aws.faults(&json!([{"action": "DeleteDocument", "code": code}]));
            let fault = impatient.documents().prune(&target(), &access(), 1).await.unwrap_err();
            assert_eq!(fault.class, class, "{fault}");
        }
    }
    assert_eq!(seen(&world).await.latest.number, 1);
}

#[tokio::test]
async fn superseded_versions_are_pruned_once() {
    let hub = Hub::new().await;
    let world = hub.world();
    world.documents().prune(&target(), &access(), 1).await.unwrap();
    let mut base = None;
    for user in ["a", "b", "c"] {
        base = Some(promoted(&world, base, user).await);
    }
    for _ in 0..2 {
        world.documents().prune(&target(), &access(), 1).await.unwrap();
    }
    let numbers: Vec<u64> = seen(&world).await.versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [3, 2]);
}

#[tokio::test]
async fn more_versions_than_a_page_are_known_to_be_there() {
    let hub = Hub::new().await;
    let world = hub.world();
    promoted(&world, None, "u0").await;
    for number in 1..52 {
        world
            .documents()
            .update(&target(), &access(), number, &text(&format!("u{number}")), &number.to_string())
            .await
            .unwrap();
    }
    let seen = seen(&world).await;
    assert_eq!((seen.latest.number, seen.default.number), (52, 1));
    assert_eq!((seen.versions.first().unwrap().number, seen.older_exist), (52, true));
}

#[tokio::test]
async fn a_service_that_hangs_is_left() {
    let hub = Hub::new().await;
    let impatient = hub.impatient();
    hub.aws.faults(&json!([{"action": "GetDocument", "delay_ms": 20_000}]));
    let fault = tokio::time::timeout(Duration::from_secs(10), observe(&impatient)).await.unwrap().unwrap_err();
    assert_eq!(
        (fault.class, fault.code.as_str(), fault.outcome_unknown),
        (FaultClass::Transient, "TimeoutError", false)
    );
}
