use serde_json::{Value, json};

use super::*;
use crate::aws::documents::tests::{documents, target, visit};
use crate::aws::scripted::Scripted;
use crate::domain::observation::DocumentStatus;

#[expect(clippy::unnecessary_wraps, reason = "as a call answers")]
fn version(number: u64) -> Result<VersionAnswer, Fault> {
    let created = Time::from_ms(i64::try_from(number).unwrap() * 1_000);
    let body = Body::Invalid { why: "test".to_owned() };
    Ok(VersionAnswer { document_type: "Session".to_owned(), number, created, body })
}

#[expect(clippy::unnecessary_wraps, reason = "as a call answers")]
fn list(numbers: &[u64]) -> Result<VersionList, Fault> {
    let created = |number: u64| Time::from_ms(i64::try_from(number).unwrap() * 1_000);
    let info = |number: &u64| VersionInfo {
        number: *number,
        created: created(*number),
        status: DocumentStatus::Active,
        name: None,
    };
    Ok(VersionList { versions: numbers.iter().map(info).collect(), more: false })
}

fn refused<T>(code: &str) -> Result<T, Fault> {
    Err(GET.answered(Some(code), 400, "no"))
}

#[test]
fn a_missing_document_is_an_answer() {
    let gone = || refused("InvalidDocument");
    assert_eq!(taken(gone(), gone(), refused("InvalidDocument"), BTreeMap::new()).unwrap(), Observation::Absent);
}

#[test]
fn an_obstacle_beats_absence_and_disagreement() {
    const DENIED: &str = "AccessDeniedException";
    let fault = taken(refused("InvalidDocument"), version(1), refused(DENIED), BTreeMap::new()).unwrap_err();
    assert_eq!(fault.class, FaultClass::Denied);
    let fault = taken(version(2), version(2), list(&[2, 1]), [(1, refused(DENIED))].into()).unwrap_err();
    assert_eq!(fault.class, FaultClass::Denied);
}

#[test]
fn answers_that_disagree_are_a_fault_that_a_retry_can_mend() {
    let fault = taken(version(2), version(2), list(&[3, 2, 1]), BTreeMap::new()).unwrap_err();
    assert_eq!((fault.class, fault.code.as_str(), fault.retryable()), (FaultClass::Conflict, "Inconsistent", true));
    assert_eq!(fault.message, "the latest version is 2, and the newest of the list is 3");
}

#[test]
fn missing_further_version_is_left_out_and_any_other_fault_is_returned() {
    let gone = || refused("InvalidDocumentVersion");
    let further = |two| [(2, two)].into();
    let Observation::Present(seen) = taken(version(3), version(1), list(&[3, 1]), further(gone())).unwrap() else {
        panic!("present")
    };
    assert_eq!(seen.between, BTreeMap::new());
    let throttled = refused("ThrottlingException");
    let fault = taken(version(3), version(1), list(&[3, 2, 1]), further(throttled)).unwrap_err();
    assert_eq!(fault.class, FaultClass::Throttled);
}

#[test]
fn an_answer_without_number_type_or_date_is_incomplete() {
    let whole = || {
        let date = aws_sdk_ssm::primitives::DateTime::from_secs(7);
        let output = GetDocumentOutput::builder().document_version("2").created_date(date).content("{}");
        output.document_type(aws_sdk_ssm::types::DocumentType::Session)
    };
    assert_eq!(answer(&whole().build()).unwrap().created, Time::from_ms(7_000));
    for output in [whole().set_document_version(None), whole().set_created_date(None), whole().set_document_type(None)]
    {
        let fault = answer(&output.build()).unwrap_err();
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Transient, "Incomplete"));
    }
}

#[test]
fn dates_are_rounded_to_the_millisecond_that_was_meant() {
    let at = |text: f64| time_of(&aws_sdk_ssm::primitives::DateTime::from_secs_f64(text)).unwrap().ms();
    for ms in [1_793_606_400_001_i64, 1_793_606_400_002, 1_793_606_400_333, 1_793_606_400_999] {
        #[expect(clippy::cast_precision_loss, reason = "that is how the dates travel")]
        let seconds = ms as f64 / 1_000.0;
        assert_eq!(at(seconds), ms);
    }
}

/// A page of the list with one version.
fn page(number: u64, next: &Value) -> Value {
    let version = json!({ "DocumentVersion": number.to_string(), "CreatedDate": number, "Status": "Active" });
    json!({ "DocumentVersions": [version], "NextToken": next })
}

#[tokio::test]
async fn list_that_begins_with_old_versions_is_read_until_it_has_the_latest() {
    let aws = Scripted::new([page(2, &"u".into()), page(3, &Value::Null)]);
    let (documents, target) = (documents(&aws), target());
    let first = Listing { versions: list(&[1]).unwrap().versions, next: Some("t".to_owned()) };
    let listed = visit(&documents, &target).up_to(2, first).await.unwrap();
    assert_eq!(listed.versions.iter().map(|version| version.number).collect::<Vec<_>>(), [1, 2]);
    assert!(listed.more, "the third page was not read");
    assert_eq!(aws.asked().len(), 1);
    assert_eq!((&aws.asked()[0]["NextToken"], &aws.asked()[0]["MaxResults"]), (&json!("t"), &json!(LISTED_MAX)));
}
