use std::collections::BTreeSet;

use super::*;

fn answered(call: Call, code: &str) -> Fault {
    call.answered(Some(code), 400, "said so")
}

#[test]
fn every_declared_error_of_every_call_has_a_row() {
    // The errors that botocore's models declare for the reactor's calls (SNS, SQS and
    // Organizations from the same models).
    let declared: &[&str] = &[
        // ssm
        "AssociatedInstances DocumentAlreadyExists DocumentLimitExceeded DocumentPermissionLimit",
        "DocumentVersionLimitExceeded DuplicateDocumentContent DuplicateDocumentVersionName InternalServerError",
        "InvalidDocument InvalidDocumentContent InvalidDocumentOperation InvalidDocumentSchemaVersion",
        "InvalidDocumentVersion InvalidNextToken InvalidPermissionType MaxDocumentSizeExceeded",
        "NoLongerSupportedException TooManyUpdates",
        "DuplicateInstanceId InvalidCommandId InvalidFilterKey InvalidInstanceId InvalidInstanceInformationFilterValue",
        "InvalidNotificationConfig InvalidOutputFolder InvalidParameters InvalidRole UnsupportedPlatformType",
        // sts
        "MalformedPolicyDocument PackedPolicyTooLarge RegionDisabledException ExpiredTokenException",
        // dynamodb, but for TransactionCanceledException, whose reasons the ledger reads one by one
        "ConditionalCheckFailedException IdempotentParameterMismatchException InternalServerError",
        "ItemCollectionSizeLimitExceededException ProvisionedThroughputExceededException RequestLimitExceeded",
        "ResourceNotFoundException TransactionConflictException TransactionInProgressException",
        "ReplicatedWriteConflictException ThrottlingException",
        // organizations
        "AWSOrganizationsNotInUseException AccessDeniedException AccountNotFoundException ChildNotFoundException",
        "InvalidInputException ParentNotFoundException ServiceException TooManyRequestsException",
        // sns
        "AuthorizationError EndpointDisabled InternalError InvalidParameter InvalidSecurity KMSAccessDenied",
        "KMSDisabled KMSInvalidState KMSNotFound KMSOptInRequired KMSThrottling NotFound ParameterValueInvalid",
        "PlatformApplicationDisabled ValidationException",
        // sqs
        "InvalidAddress InvalidMessageContents MessageNotInflight QueueDoesNotExist ReceiptHandleIsInvalid",
        "RequestThrottled UnsupportedOperation OverLimit",
        // iam (GetRole), lambda (Invoke, but for the errors of images, network interfaces and keys that the broker has not)
        "NoSuchEntity ServiceFailure",
        "InvalidParameterValueException InvalidRequestContentException RequestTooLargeException TooManyRequestsException",
        "UnsupportedMediaTypeException ResourceNotFoundException ServiceException",
    ];
    let missing: Vec<&str> =
        declared.iter().flat_map(|line| line.split(' ')).filter(|code| class_of(code).is_none()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn no_code_stands_in_two_rows() {
    let mut seen = BTreeSet::new();
    for code in TABLE.iter().flat_map(|(_, codes)| codes.iter()) {
        assert!(seen.insert(*code), "{code} stands twice");
    }
}

#[test]
fn error_codes_have_their_fault_class() {
    let member = Call::write("UpdateDocument").in_member();
    for (code, class) in [
        ("ThrottlingException", FaultClass::Throttled),
        ("AccessDeniedException", FaultClass::Denied),
        ("AccessDenied", FaultClass::Denied),
        ("UnrecognizedClientException", FaultClass::RegionOff),
        ("OptInRequired", FaultClass::NotReady),
        ("InvalidDocument", FaultClass::NotFound),
        ("InvalidDocumentVersion", FaultClass::Conflict),
        ("DocumentAlreadyExists", FaultClass::Conflict),
        ("DuplicateDocumentVersionName", FaultClass::Conflict),
        ("DuplicateDocumentContent", FaultClass::Duplicate),
        ("DocumentVersionLimitExceeded", FaultClass::VersionLimit),
        ("InvalidDocumentContent", FaultClass::Invalid),
        ("ValidationException", FaultClass::Invalid),
        ("ExpiredTokenException", FaultClass::Transient),
    ] {
        assert_eq!(answered(member, code).class, class, "{code}");
    }
}

#[test]
fn denial_by_a_service_control_policy_is_recognised_by_its_message() {
    let explicit = "User: arn:aws:sts::444455556666:assumed-role/R/s is not authorized to perform: ssm:UpdateDocument on \
                    resource: arn:aws:ssm:eu-west-1:444455556666:document/SSM-SessionManagerRunShell with an explicit deny \
                    in a service control policy";
    let call = Call::write("UpdateDocument").in_member();
    let fault = call.answered(Some("AccessDeniedException"), 400, explicit);
    assert_eq!((fault.class, fault.retryable()), (FaultClass::DeniedByScp, false));
    let implicit = "… because no service control policy allows the ssm:UpdateDocument action";
    assert_eq!(call.answered(Some("AccessDeniedException"), 400, implicit).class, FaultClass::DeniedByScp);
    assert_eq!(answered(call, "AccessDeniedException").class, FaultClass::Denied);
}

#[test]
fn unknown_credentials_mean_a_region_that_is_off_only_in_a_member_account() {
    let call = Call::read("GetDocument");
    assert_eq!(answered(call, "InvalidClientTokenId").class, FaultClass::Denied);
    assert_eq!(answered(call.in_member(), "InvalidClientTokenId").class, FaultClass::RegionOff);
    assert_eq!(answered(call.in_member(), "RegionDisabledException").class, FaultClass::Denied);
}

#[test]
fn only_a_write_that_failed_within_the_service_may_have_taken_effect() {
    let failed = |call: Call| call.answered(Some("InternalServerError"), 500, "").outcome_unknown;
    assert!(failed(Call::write("UpdateDocument")));
    assert!(!failed(Call::read("GetDocument")));
    assert!(!answered(Call::write("UpdateDocument"), "ExpiredTokenException").outcome_unknown);
    assert!(!answered(Call::write("UpdateDocument"), "ThrottlingException").outcome_unknown);
}

#[test]
fn a_code_in_no_row_is_judged_by_its_status() {
    let class = |status| Call::read("GetDocument").answered(None, status, "<html>").class;
    assert_eq!(class(500), FaultClass::Transient);
    assert_eq!(class(503), FaultClass::Transient);
    assert_eq!(class(403), FaultClass::Denied);
    assert_eq!(class(404), FaultClass::NotFound);
    assert_eq!(class(429), FaultClass::Throttled);
    assert_eq!(class(400), FaultClass::Invalid);
    assert_eq!(Call::read("GetDocument").answered(None, 500, "").code, "HTTP 500");
}

#[test]
fn foreign_text_is_bounded() {
    let fault = Call::read("GetDocument").answered(Some("X"), 400, &"a\n".repeat(1000));
    assert!(fault.message.chars().count() <= 512);
    assert!(!fault.message.contains('\n'));
}

#[test]
fn request_that_was_never_sent_changed_nothing_and_one_without_answer_may_have() {
    type Error = SdkError<aws_smithy_types::error::ErrorMetadata, HttpResponse>;
    let failed = |error: Error| {
        let fault = Call::write("UpdateDocument").failed(&error);
        (fault.class, fault.code, fault.outcome_unknown)
    };
    assert_eq!(
        failed(SdkError::construction_failure("no region")),
        (FaultClass::Invalid, "ConstructionFailure".to_owned(), false)
    );
    assert_eq!(failed(SdkError::timeout_error("5 s")), (FaultClass::Transient, "TimeoutError".to_owned(), true));
}
