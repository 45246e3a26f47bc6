//! The test bed itself: what it claims about AWS holds, so that the tests on top of it prove something.
#![expect(clippy::expect_used, reason = "the helpers are parts of tests")]

mod nodes;
mod programs;

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_organizations::{Client as Organizations, types::PolicyType};
use aws_sdk_ssm::operation::update_document::UpdateDocumentOutput;
use aws_sdk_ssm::types::{DocumentPermissionType, DocumentStatus, DocumentType};
use aws_sdk_ssm::{Client as Ssm, error::SdkError};
use serde_json::{Value, json};

use crate::support::emulator::{Credentials, Emulator};
use crate::support::lambda::{Lambda, Outcome};

const NAME: &str = "SSM-SessionManagerRunShell";
const MEMBER: &str = "444455556666";
const ADMIN: &str =
    "arn:aws:iam::444455556666:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef";
const HUB: &str = "arn:aws:iam::222233334444:role/RunasReactor";
const MEMBER_ROLE: &str = "arn:aws:iam::444455556666:role/RunasReactorMember";
const MANAGER_ROLE: &str = "arn:aws:iam::111122223333:role/Admin";
const PATIENCE: Duration = Duration::from_secs(10);

fn content(user: &str) -> String {
    let inputs = json!({"runAsEnabled": true, "runAsDefaultUser": user});
    json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}).to_string()
}

fn admin(aws: &Emulator) -> Ssm {
    ssm(aws, &aws.credentials(ADMIN, "alice@example.com"), "eu-west-1")
}

fn ssm(aws: &Emulator, keys: &Credentials, region: &str) -> Ssm {
    Ssm::new(&aws.sdk(keys, region))
}

async fn create(ssm: &Ssm, content: &str) -> Result<(), String> {
    let request = ssm.create_document().name(NAME).document_type(DocumentType::Session);
    request.content(content).send().await.map(drop).map_err(code)
}

async fn update(ssm: &Ssm, version: &str, content: &str) -> Result<UpdateDocumentOutput, String> {
    let request = ssm.update_document().name(NAME).document_version(version);
    request.content(content).send().await.map_err(code)
}

/// Dates travel as seconds in binary floating point, which `to_millis` would cut off a millisecond too low.
fn milliseconds(date: aws_sdk_ssm::primitives::DateTime) -> i128 {
    (date.as_nanos() + 500_000) / 1_000_000
}

/// The number of the version that a selector stands for.
async fn version(ssm: &Ssm, selector: &str) -> Result<String, String> {
    let found = ssm.get_document().name(NAME).document_version(selector).send().await.map_err(code)?;
    Ok(found.document_version.unwrap_or_default())
}

async fn status(ssm: &Ssm) -> DocumentStatus {
    let found = ssm.describe_document().name(NAME).send().await.expect("the document is there");
    found.document.and_then(|document| document.status).expect("a document has a status")
}

/// A policy as the reactor sends it: some actions on this one document of one account, in every region.
fn only(actions: &[&str]) -> String {
    let resource = format!("arn:aws:ssm:*:{MEMBER}:document/{NAME}");
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]})
        .to_string()
}

async fn organization_with_a_member(aws: &Emulator, manager: &Credentials) -> Organizations {
    aws.switches(&json!({"next_accounts": [MEMBER]}));
    let organization = Organizations::new(&aws.sdk(manager, "us-east-1"));
    organization.create_organization().send().await.expect("there is none yet");
    let request = organization.create_account().account_name("member");
    request.email("member@example.com").send().await.expect("an account can be made");
    organization
}

async fn assume(aws: &Emulator, role: &str, policy: Option<String>) -> Result<Credentials, String> {
    let sts = aws_sdk_sts::Client::new(&aws.sdk(&aws.credentials(HUB, "hub"), "eu-west-1"));
    let request = sts.assume_role().role_arn(role).role_session_name("runas-1").set_policy(policy);
    let keys = request.send().await.map_err(code)?.credentials.expect("AssumeRole answers with credentials");
    Ok(Credentials { access_key: keys.access_key_id, secret_key: keys.secret_access_key, token: keys.session_token })
}

/// The error code, or the kind of failure where no answer came.
fn code<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> String {
    match error {
        SdkError::DispatchFailure(_) => "no answer".to_owned(),
        other => other.code().unwrap_or("no code").to_owned(),
    }
}

fn fault(service: &str, action: &str, rest: &Value) -> Value {
    let mut fault = json!({"service": service, "action": action});
    let rest = rest.as_object().expect("the rest of a fault is an object");
    fault.as_object_mut().expect("a fault is an object").extend(rest.clone());
    fault
}

#[tokio::test]
async fn only_one_of_two_writers_who_saw_the_same_version_wins() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    create(&ssm, &content("a")).await.unwrap();
    let (first, second) = (content("b"), content("c"));
    let (first, second) = tokio::join!(update(&ssm, "1", &first), update(&ssm, "1", &second));
    let refused: Vec<_> = [&first, &second].into_iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(refused, ["InvalidDocumentVersion"]);
    assert_eq!(version(&ssm, "$LATEST").await.unwrap(), "2");
    assert_eq!(version(&ssm, "$DEFAULT").await.unwrap(), "1");
    assert_eq!(update(&ssm, "$DEFAULT", &content("d")).await.unwrap_err(), "InvalidDocumentVersion");
    update(&ssm, "$LATEST", &content("d")).await.unwrap();
}

#[tokio::test]
async fn an_absent_document_and_an_absent_version_are_different_errors() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    assert_eq!(version(&ssm, "$LATEST").await.unwrap_err(), "InvalidDocument");
    assert_eq!(update(&ssm, "1", &content("a")).await.unwrap_err(), "InvalidDocument");
    create(&ssm, &content("a")).await.unwrap();
    assert_eq!(create(&ssm, &content("a")).await.unwrap_err(), "DocumentAlreadyExists");
    assert_eq!(version(&ssm, "7").await.unwrap_err(), "InvalidDocumentVersion");
    let promote = |version: &str| ssm.update_document_default_version().name(NAME).document_version(version).send();
    assert_eq!(promote("7").await.map_err(code).unwrap_err(), "InvalidDocumentVersion");
    assert_eq!(promote("$LATEST").await.map_err(code).unwrap_err(), "ValidationException");
}

#[tokio::test]
async fn versions_are_listed_newest_first_in_pages_and_each_has_a_date_of_its_own() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    aws.switches(&json!({"clock_ms": 1_790_000_000_123_u64}));
    create(&ssm, &content("u0")).await.unwrap();
    for number in 1..60 {
        update(&ssm, &number.to_string(), &content(&format!("u{number}"))).await.unwrap();
    }
    ssm.update_document_default_version().name(NAME).document_version("58").send().await.unwrap();
    let mut pages = ssm.list_document_versions().name(NAME).into_paginator().send();
    let mut sizes = Vec::new();
    let mut versions = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap().document_versions.unwrap();
        sizes.push(page.len());
        versions.extend(page);
    }
    assert_eq!(sizes, [50, 10]);
    let numbers: Vec<u32> =
        versions.iter().map(|version| version.document_version().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=60).rev().collect::<Vec<_>>());
    let dates: Vec<i128> = versions.iter().map(|version| milliseconds(version.created_date.unwrap())).collect();
    let started = 1_790_000_000_123;
    assert_eq!(dates, (started..started + 60).rev().collect::<Vec<_>>(), "although the clock stands still");
    let default: Vec<_> = versions
        .iter()
        .filter(|version| version.is_default_version)
        .map(|version| version.document_version())
        .collect();
    assert_eq!(default, [Some("58")]);
    let described = ssm.describe_document().name(NAME).document_version("60").send().await.unwrap().document.unwrap();
    assert_eq!(described.created_date, versions[0].created_date);
    let refused = ssm.list_document_versions().name(NAME).next_token("nonsense").send().await.map_err(code);
    assert_eq!(refused.unwrap_err(), "InvalidNextToken");
}

#[tokio::test]
async fn a_version_name_is_unique_in_its_document_and_selects_its_version() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    create(&ssm, &content("a")).await.unwrap();
    let named = |user: &str, name: &str| {
        let request = ssm.update_document().name(NAME).document_version("$LATEST");
        request.content(content(user)).version_name(name).send()
    };
    named("b", "runas-1").await.unwrap();
    assert_eq!(named("c", "runas-1").await.map_err(code).unwrap_err(), "DuplicateDocumentVersionName");
    assert_eq!(named("c", "no spaces").await.map_err(code).unwrap_err(), "ValidationException");
    let found = ssm.get_document().name(NAME).version_name("runas-1").send().await.unwrap();
    assert_eq!(found.document_version(), Some("2"));
}

#[tokio::test]
async fn content_is_a_duplicate_of_any_version_or_of_the_latest_only() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    create(&ssm, &content("a")).await.unwrap();
    update(&ssm, "1", &content("b")).await.unwrap();
    assert_eq!(update(&ssm, "2", &content("a")).await.unwrap_err(), "DuplicateDocumentContent");
    aws.switches(&json!({"duplicate_content": "latest"}));
    assert_eq!(update(&ssm, "2", &content("b")).await.unwrap_err(), "DuplicateDocumentContent");
    update(&ssm, "2", &content("a")).await.unwrap();
    update(&ssm, "3", &format!("{} ", content("a"))).await.unwrap();
}

#[tokio::test]
async fn content_has_a_schema_a_size_and_a_number_of_versions() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    let session =
        |inputs: Value| json!({"schemaVersion": "1.0", "sessionType": "Standard_Stream", "inputs": inputs}).to_string();
    for (content, expected) in [
        ("{", "InvalidDocumentContent"),
        ("[]", "InvalidDocumentContent"),
        (r#"{"schemaVersion": "9.9", "sessionType": "Standard_Stream"}"#, "InvalidDocumentSchemaVersion"),
        (r#"{"schemaVersion": "1.0"}"#, "InvalidDocumentContent"),
        (&session(json!({"futureInput": "x"})), "InvalidDocumentContent"),
        (&session(json!({"runAsEnabled": 1})), "InvalidDocumentContent"),
        (&session(json!({"s3KeyPrefix": "x".repeat(65_536)})), "MaxDocumentSizeExceeded"),
    ] {
        assert_eq!(create(&ssm, content).await.unwrap_err(), expected, "{content}");
    }
    aws.switches(&json!({"extra_inputs": ["futureInput"], "version_limit": 2}));
    create(&ssm, &session(json!({"futureInput": "x"}))).await.unwrap();
    update(&ssm, "1", &session(json!({"runAsEnabled": "{{ enabled }}"}))).await.unwrap();
    assert_eq!(update(&ssm, "2", &content("a")).await.unwrap_err(), "DocumentVersionLimitExceeded");
}

#[tokio::test]
async fn write_becomes_active_after_the_chosen_number_of_reads() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    create(&ssm, &content("a")).await.unwrap();
    assert_eq!(status(&ssm).await, DocumentStatus::Active);
    aws.switches(&json!({"pending_reads": 2}));
    let written = update(&ssm, "1", &content("b")).await.unwrap().document_description.unwrap();
    assert_eq!(written.status, Some(DocumentStatus::Updating));
    let mut seen = Vec::new();
    for _ in 0..3 {
        let found = ssm.get_document().name(NAME).document_version("2").send().await.unwrap();
        seen.push(found.status.unwrap());
    }
    assert_eq!(seen, [DocumentStatus::Updating, DocumentStatus::Updating, DocumentStatus::Active]);
    aws.switches(&json!({"failed_documents": [{"account": MEMBER, "name": NAME}]}));
    assert_eq!(status(&ssm).await, DocumentStatus::Failed);
}

#[tokio::test]
async fn deletion_spares_the_default_the_latest_and_what_is_shared() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    create(&ssm, &content("a")).await.unwrap();
    for number in 1..11 {
        update(&ssm, &number.to_string(), &content(&number.to_string())).await.unwrap();
    }
    let delete = |version: &str| ssm.delete_document().name(NAME).document_version(version).send();
    assert_eq!(delete("1").await.map_err(code).unwrap_err(), "InvalidDocumentOperation");
    assert_eq!(delete("11").await.map_err(code).unwrap_err(), "InvalidDocumentOperation");
    delete("9").await.unwrap();
    assert_eq!(delete("9").await.map_err(code).unwrap_err(), "InvalidDocumentVersion");
    assert_eq!(version(&ssm, "$LATEST").await.unwrap(), "11");
    let share = || ssm.modify_document_permission().name(NAME).permission_type(DocumentPermissionType::Share);
    share().account_ids_to_add("111122223333").send().await.unwrap();
    let whole = || ssm.delete_document().name(NAME).send();
    assert_eq!(whole().await.map_err(code).unwrap_err(), "InvalidDocumentOperation");
    share().account_ids_to_remove("111122223333").send().await.unwrap();
    whole().await.unwrap();
    assert_eq!(version(&ssm, "$LATEST").await.unwrap_err(), "InvalidDocument");
}

#[tokio::test]
async fn a_session_reaches_no_further_than_its_session_policy() {
    let aws = Emulator::start();
    create(&admin(&aws), &content("a")).await.unwrap();
    let keys = assume(&aws, MEMBER_ROLE, Some(only(&["ssm:GetDocument", "ssm:Update*"]))).await.unwrap();
    let scoped = ssm(&aws, &keys, "eu-west-1");
    assert_eq!(version(&scoped, "$LATEST").await.unwrap(), "1");
    update(&scoped, "1", &content("b")).await.unwrap();
    let delete = scoped.delete_document().name(NAME).send().await.map_err(code);
    assert_eq!(delete.unwrap_err(), "AccessDeniedException");
    let other = scoped.get_document().name("Other-Document").send().await.map_err(code);
    assert_eq!(other.unwrap_err(), "AccessDeniedException");
    let list = scoped.list_documents().send().await.map_err(code);
    assert_eq!(list.unwrap_err(), "AccessDeniedException");
    let elsewhere = version(&ssm(&aws, &keys, "us-east-1"), "$LATEST").await;
    assert_eq!(elsewhere.unwrap_err(), "InvalidDocument", "the policy allows every region");
    let foreign_role = "arn:aws:iam::555566667777:role/RunasReactorMember";
    let foreign = assume(&aws, foreign_role, Some(only(&["ssm:*"]))).await.unwrap();
    let foreign = version(&ssm(&aws, &foreign, "eu-west-1"), "$LATEST").await;
    assert_eq!(foreign.unwrap_err(), "AccessDeniedException", "the policy names one account");
}

#[tokio::test]
async fn a_session_policy_binds_in_every_service() {
    let aws = Emulator::start();
    let keys = assume(&aws, MEMBER_ROLE, Some(only(&["ssm:*"]))).await.unwrap();
    let config = aws.sdk(&keys, "eu-west-1");
    let tables = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await;
    assert_eq!(tables.map_err(code).unwrap_err(), "AccessDeniedException");
    let sts = aws_sdk_sts::Client::new(&config);
    let chained = sts.assume_role().role_arn(HUB).role_session_name("chained").send().await;
    assert_eq!(chained.map_err(code).unwrap_err(), "AccessDenied");
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some(MEMBER), "needs no permission");
}

#[tokio::test]
async fn each_assumed_role_is_logged_with_its_session_policy() {
    let aws = Emulator::start();
    assume(&aws, MEMBER_ROLE, Some(only(&["ssm:GetDocument"]))).await.unwrap();
    let assumed = &aws.assumed()[0];
    let expected = json!({
        "account": MEMBER, "role": "RunasReactorMember", "role_arn": MEMBER_ROLE, "session_name": "runas-1",
        "caller_account": "222233334444", "caller_role": HUB, "duration": 3600, "outcome": "ok",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&assumed[key], value, "{key}");
    }
    assert_eq!(assumed["policy"]["Statement"][0]["Action"], json!(["ssm:GetDocument"]));
}

#[tokio::test]
async fn a_role_can_be_denied_and_bad_session_parameters_are() {
    let aws = Emulator::start();
    aws.switches(&json!({"denied_roles": [{"account": MEMBER, "role": "Runas*"}]}));
    let member = |account: &str| format!("arn:aws:iam::{account}:role/path/RunasReactorMember");
    assert_eq!(assume(&aws, &member(MEMBER), None).await.err().unwrap(), "AccessDenied");
    assume(&aws, &member("555566667777"), None).await.unwrap();
    let wide = json!({"Statement": [], "Id": "x".repeat(2048)}).to_string();
    assert_eq!(assume(&aws, &member("555566667777"), Some(wide)).await.err().unwrap(), "ValidationError");
    assert_eq!(
        assume(&aws, &member("555566667777"), Some("no".to_owned())).await.err().unwrap(),
        "MalformedPolicyDocument"
    );
    let outcomes: Vec<_> = aws.assumed().iter().map(|assumed| assumed["outcome"].clone()).collect();
    assert_eq!(outcomes, ["AccessDenied", "ok", "ValidationError", "MalformedPolicyDocument"]);
}

#[tokio::test]
async fn service_control_policies_bind_members_except_for_the_principals_they_name() {
    let aws = Emulator::start();
    let manager = aws.credentials(MANAGER_ROLE, "root");
    let organization = organization_with_a_member(&aws, &manager).await;
    let guardrail = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny",
        "Action": ["ssm:CreateDocument", "ssm:UpdateDocument"],
        "Resource": format!("arn:aws:ssm:*:*:document/{NAME}"),
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": ["arn:aws:iam::*:role/RunasReactor*"]}},
    }});
    let request = organization.create_policy().name("guardrail").description("guardrail");
    let request = request.r#type(PolicyType::ServiceControlPolicy);
    let created = request.content(guardrail.to_string()).send().await.unwrap();
    let id = created.policy.unwrap().policy_summary.unwrap().id.unwrap();
    let root = organization.list_roots().send().await.unwrap().roots.unwrap().remove(0).id.unwrap();
    organization.attach_policy().policy_id(id).target_id(root).send().await.unwrap();

    let denied = create(&admin(&aws), &content("a")).await;
    assert_eq!(denied.unwrap_err(), "AccessDeniedException");
    let exempt = aws.credentials(MEMBER_ROLE, "runas-1");
    create(&ssm(&aws, &exempt, "eu-west-1"), &content("a")).await.unwrap();
    create(&ssm(&aws, &manager, "eu-west-1"), &content("a")).await.expect("no policy binds the management account");
}

#[tokio::test]
async fn a_member_reads_the_organisation_once_it_is_a_delegated_administrator() {
    let aws = Emulator::start();
    let organization = organization_with_a_member(&aws, &aws.credentials(MANAGER_ROLE, "root")).await;
    let member = Organizations::new(&aws.sdk(&aws.credentials(ADMIN, "alice"), "us-east-1"));
    let refused = member.list_accounts().send().await.map_err(code);
    assert_eq!(refused.unwrap_err(), "AccessDeniedException");
    let request = organization.register_delegated_administrator().account_id(MEMBER);
    request.service_principal("ssm.amazonaws.com").send().await.unwrap();
    let accounts = member.list_accounts().send().await.unwrap().accounts.unwrap();
    assert!(accounts.iter().any(|account| account.id() == Some(MEMBER)), "{accounts:?}");
    let parents = member.list_parents().child_id("999999999999").send().await.map_err(code);
    assert_eq!(parents.unwrap_err(), "ChildNotFoundException");
}

#[tokio::test]
async fn an_account_can_be_unready_and_a_region_off() {
    let aws = Emulator::start();
    let keys = aws.credentials(ADMIN, "alice@example.com");
    aws.switches(&json!({
        "not_ready": [{"account": MEMBER, "region": "eu-west-1"}],
        "regions_off": [{"account": MEMBER, "region": "ap-*"}],
    }));
    let in_region = |region: &str| ssm(&aws, &keys, region);
    assert_eq!(version(&in_region("eu-west-1"), "1").await.unwrap_err(), "SubscriptionRequiredException");
    assert_eq!(version(&in_region("ap-south-2"), "1").await.unwrap_err(), "UnrecognizedClientException");
    assert_eq!(version(&in_region("us-east-1"), "1").await.unwrap_err(), "InvalidDocument");
}

#[tokio::test]
async fn a_fault_strikes_before_the_effect_or_after_it_or_swallows_the_answer() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    create(&ssm, &content("0")).await.unwrap();
    let throttled = json!({"code": "ThrottlingException", "message": "Rate exceeded", "account": MEMBER, "skip": 1});
    aws.faults(&json!([
        fault("ssm", "UpdateDocument", &throttled),
        fault("ssm", "UpdateDocument", &json!({"skip": 1, "code": "InternalServerError", "when": "after"})),
        fault("ssm", "UpdateDocument", &json!({"skip": 1, "drop": true})),
        fault("ssm", "UpdateDocument", &json!({"skip": 1, "drop": true, "when": "after", "delay_ms": 20})),
    ]));
    // Each fault lets one call pass that the earlier ones have left to it.
    update(&ssm, "1", &content("1")).await.unwrap();
    assert_eq!(update(&ssm, "2", &content("2")).await.unwrap_err(), "ThrottlingException");
    assert_eq!(version(&ssm, "$LATEST").await.unwrap(), "2", "without effect");
    assert_eq!(update(&ssm, "2", &content("2")).await.unwrap_err(), "InternalServerError");
    assert_eq!(version(&ssm, "$LATEST").await.unwrap(), "3", "with effect");
    assert_eq!(update(&ssm, "3", &content("3")).await.unwrap_err(), "no answer");
    assert_eq!(version(&ssm, "$LATEST").await.unwrap(), "3", "without effect");
    assert_eq!(update(&ssm, "3", &content("3")).await.unwrap_err(), "no answer");
    assert_eq!(version(&ssm, "$LATEST").await.unwrap(), "4", "with effect");
    update(&ssm, "4", &content("4")).await.unwrap();
    assert!(aws.faults_left().iter().all(|fault| fault["times"] == 0 && fault["reached"] == 1));
}

#[tokio::test]
async fn every_service_fails_in_its_own_protocol() {
    let aws = Emulator::start();
    let config = aws.sdk(&aws.credentials(HUB, "hub"), "eu-west-1");
    let error = |service: &str, code: &str| fault(service, "*", &json!({"code": code, "message": "as <injected>"}));
    let reasons = json!({"code": "TransactionCanceledException", "fields": {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]}});
    aws.faults(&json!([
        error("sts", "AccessDenied"),
        error("sns", "Throttling"),
        error("sqs", "QueueDoesNotExist"),
        error("organizations", "TooManyRequestsException"),
        fault("dynamodb", "TransactWriteItems", &reasons),
    ]));
    let sts = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await.unwrap_err();
    assert_eq!((sts.code(), sts.message()), (Some("AccessDenied"), Some("as <injected>")));
    assert_eq!(aws_sdk_sns::Client::new(&config).list_topics().send().await.map_err(code).unwrap_err(), "Throttling");
    assert_eq!(
        aws_sdk_sqs::Client::new(&config).list_queues().send().await.map_err(code).unwrap_err(),
        "QueueDoesNotExist"
    );
    let organizations = aws_sdk_organizations::Client::new(&config).list_roots().send().await;
    assert_eq!(organizations.map_err(code).unwrap_err(), "TooManyRequestsException");
    let write = aws_sdk_dynamodb::types::TransactWriteItem::builder().build();
    let cancelled = aws_sdk_dynamodb::Client::new(&config).transact_write_items().transact_items(write).send().await;
    let cancelled = cancelled.unwrap_err().into_service_error();
    let aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(
        cancelled,
    ) = cancelled
    else {
        panic!("not a cancelled transaction: {cancelled:?}");
    };
    assert_eq!(cancelled.cancellation_reasons()[0].code(), Some("ConditionalCheckFailed"));
}

#[tokio::test]
async fn a_reset_drops_the_calls_that_are_still_delayed() {
    let aws = Emulator::start();
    aws.faults(&json!([fault("ssm", "CreateDocument", &json!({"delay_ms": 60_000}))]));
    let ssm = admin(&aws);
    let started = Instant::now();
    let late = tokio::spawn(async move { create(&ssm, &content("late")).await });
    tokio::task::yield_now().await;
    let (aws, late) = tokio::task::spawn_blocking(move || {
        aws.await_faults(PATIENCE);
        aws.reset();
        (aws, late)
    })
    .await
    .unwrap();
    assert_eq!(late.await.unwrap().unwrap_err(), "no answer");
    assert!(started.elapsed() < Duration::from_mins(1));
    assert_eq!(aws.documents(), json!({}));
    assert_eq!(aws.faults_left(), Vec::<Value>::new());
}

#[tokio::test]
async fn log_has_caller_call_place_and_result() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    assert!(version(&ssm, "1").await.is_err());
    let call = aws.log().remove(0);
    let expected = json!({
        "service": "ssm", "action": "GetDocument", "account": MEMBER, "region": "eu-west-1", "role": ADMIN,
        "session": "alice@example.com", "target": NAME, "outcome": "InvalidDocument", "seq": 0,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&call[key], value, "{key}");
    }
    assert!(call["started_ms"].as_f64() <= call["ended_ms"].as_f64());
    aws.clear_log();
    assert_eq!(aws.log(), Vec::<Value>::new());
}

#[tokio::test]
async fn the_trail_has_the_event_that_cloudtrail_would_deliver_for_a_write() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    aws.switches(&json!({"clock_ms": 1_790_000_000_123_u64}));
    create(&ssm, &content("a")).await.unwrap();
    update(&ssm, "1", &content("b")).await.unwrap();
    assert!(version(&ssm, "$LATEST").await.is_ok(), "reads leave no event");
    let events = aws.trail(&mut 0);
    let [created, updated] = &events[..] else {
        panic!("two writes, two events: {events:?}");
    };
    assert_ne!(created["detail"]["eventID"], updated["detail"]["eventID"]);
    let session = "assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com";
    for (pointer, expected) in [
        ("/source", "aws.ssm"),
        ("/detail-type", "AWS API Call via CloudTrail"),
        ("/account", MEMBER),
        ("/region", "eu-west-1"),
        ("/detail/eventName", "UpdateDocument"),
        ("/detail/eventVersion", "1.11"),
        ("/detail/eventTime", "2026-09-21T14:13:20Z"),
        ("/detail/userIdentity/type", "AssumedRole"),
        ("/detail/userIdentity/arn", &format!("arn:aws:sts::{MEMBER}:{session}")),
        ("/detail/userIdentity/sessionContext/sessionIssuer/arn", ADMIN),
        ("/detail/requestParameters/name", NAME),
        ("/detail/requestParameters/documentVersion", "1"),
        ("/detail/requestParameters/content", "HIDDEN_DUE_TO_SECURITY_REASONS"),
        ("/detail/responseElements/documentDescription/documentVersion", "2"),
        ("/detail/responseElements/documentDescription/latestVersion", "2"),
        ("/detail/responseElements/documentDescription/defaultVersion", "1"),
        ("/detail/responseElements/documentDescription/status", "Updating"),
        ("/detail/resources/0/ARN", &format!("arn:aws:ssm:eu-west-1:{MEMBER}:document/{NAME}")),
    ] {
        let found = updated.pointer(pointer).and_then(Value::as_str);
        assert_eq!(found, Some(expected), "{pointer}");
    }
}

#[tokio::test]
async fn trail_has_refused_writes_with_their_error_and_continues_from_a_cursor() {
    let aws = Emulator::start();
    let ssm = admin(&aws);
    let mut cursor = 0;
    create(&ssm, &content("a")).await.unwrap();
    update(&ssm, "1", &content("b")).await.unwrap();
    assert_eq!(aws.trail(&mut cursor).len(), 2);
    let throttled = json!({"code": "ThrottlingException"});
    aws.faults(&json!([fault("ssm", "UpdateDocument", &throttled)]));
    assert!(update(&ssm, "2", &content("c")).await.is_err());
    let keys = assume(&aws, MEMBER_ROLE, Some(only(&["ssm:GetDocument"]))).await.unwrap();
    let reader = self::ssm(&aws, &keys, "eu-west-1");
    assert!(update(&reader, "2", &content("c")).await.is_err());
    let promote = ssm.update_document_default_version().name(NAME).document_version("2");
    promote.send().await.unwrap();
    ssm.delete_document().name(NAME).send().await.unwrap();

    let events = aws.trail(&mut cursor);
    let alerts: Vec<_> = events
        .iter()
        .map(|event| &event["detail"])
        .map(|detail| (detail["eventName"].as_str().unwrap(), detail["errorCode"].as_str()))
        .collect();
    assert_eq!(
        alerts,
        [
            ("UpdateDocument", Some("ThrottlingException")),
            ("UpdateDocument", Some("AccessDenied")),
            ("UpdateDocumentDefaultVersion", None),
            ("DeleteDocument", None),
        ]
    );
    let answers: Vec<_> = events.iter().map(|event| &event["detail"]["responseElements"]).collect();
    assert_eq!(answers[2]["description"]["defaultVersion"], "2");
    assert_eq!(answers[3], &Value::Null);
    assert_eq!(aws.trail(&mut cursor), Vec::<Value>::new());
}

#[tokio::test]
async fn two_emulators_at_a_time_know_nothing_of_each_other() {
    let (here, there) = (Emulator::start(), Emulator::start());
    create(&admin(&here), &content("a")).await.unwrap();
    assert_eq!(there.documents(), json!({}));
    assert_eq!(here.documents()[MEMBER]["eu-west-1"][NAME]["versions"][0]["json"]["inputs"]["runAsDefaultUser"], "a");
}

/// A function in Python that does what its event says, to try the Runtime API without the reactor.
fn function(name: &str) -> Lambda {
    let source = r#"
import json, os, sys, time, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"
def post(path, body):
    urllib.request.urlopen(urllib.request.Request(f"{api}/{path}", data=json.dumps(body).encode())).read()
if os.environ["NAME"] == "stillborn":
    post("init/error", {"errorType": "Unborn"})
    sys.exit(1)
while True:
    got = urllib.request.urlopen(f"{api}/invocation/next")
    event, id = json.load(got), got.headers["Lambda-Runtime-Aws-Request-Id"]
    print("got", event["do"], int(got.headers["Lambda-Runtime-Deadline-Ms"]) > time.time() * 1000, flush=True)
    if event["do"] == "hang":
        time.sleep(60)
    if event["do"] == "exit":
        sys.exit("I leave")
    post(f"invocation/{id}/{'error' if event['do'] == 'fail' else 'response'}", {"env": sorted(os.environ), "region": os.environ["AWS_REGION"]})
"#;
    let mut command = std::process::Command::new(crate::support::emulator::python());
    command.args(["-c", source]);
    Lambda::start_command(command, &[("NAME", name)])
}

#[test]
fn an_invocation_ends_with_a_reply_an_error_or_a_death() {
    let lambda = function("well");
    let Outcome::Reply(reply) = lambda.invoke(&json!({"do": "answer"}), PATIENCE) else {
        panic!("no reply; logs: {:?}", lambda.logs());
    };
    assert_eq!(reply["region"], "eu-west-1");
    let variables = reply["env"].as_array().unwrap();
    assert!(variables.contains(&json!("AWS_SESSION_TOKEN")) && !variables.contains(&json!("HOME")), "{variables:?}");
    assert!(matches!(lambda.invoke(&json!({"do": "fail"}), PATIENCE), Outcome::Error(_)));
    assert_eq!(lambda.invoke(&json!({"do": "exit"}), PATIENCE), Outcome::Died);
    assert_eq!(lambda.await_log("got exit", PATIENCE), "got exit True");
    assert_eq!(lambda.await_log("I leave", PATIENCE), "I leave", "stderr as well");
}

#[test]
fn an_invocation_dies_with_its_process_and_at_its_deadline() {
    let lambda = function("well");
    let invocation = lambda.begin(&json!({"do": "hang"}), PATIENCE);
    lambda.await_log("got hang", PATIENCE);
    lambda.kill();
    assert_eq!(invocation.wait(), Outcome::Died);
    assert_eq!(function("well").invoke(&json!({"do": "hang"}), Duration::from_millis(300)), Outcome::Died);
}

#[test]
fn an_error_at_the_start_is_the_answer_to_the_first_invocation() {
    let outcome = function("stillborn").invoke(&json!({"do": "answer"}), PATIENCE);
    assert_eq!(outcome, Outcome::Error(json!({"errorType": "Unborn"})));
}

#[test]
fn the_reactor_itself_is_what_a_test_starts_unless_it_says_otherwise() {
    let lambda = Lambda::start(&[]);
    lambda.kill();
    assert_eq!(lambda.invoke(&json!({}), PATIENCE), Outcome::Died);
}
