//! Maps SDK errors to faults. One table serves all services: a code has the same meaning everywhere, and [`Call`]
//! distinguishes the exceptions.
//!
//! The table holds every error that the API models declare for the reactor's calls, and the common ones that no model
//! declares. The HTTP status decides the class of any other error.

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::text::{MESSAGE_CHARS_MAX, clean};
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

/// The properties of a call that the meaning of its errors depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    name: &'static str,
    writes: bool,
    foreign: bool,
}

impl Call {
    /// A call that changes nothing.
    pub(super) const fn read(name: &'static str) -> Self {
        Self { name, writes: false, foreign: false }
    }

    /// A call that changes something: without an answer, the outcome is unknown.
    pub(super) const fn write(name: &'static str) -> Self {
        Self { name, writes: true, foreign: false }
    }

    /// The name of the call in AWS.
    pub(super) const fn name(self) -> &'static str {
        self.name
    }

    /// The same call with credentials of another account.
    pub(super) const fn in_member(self) -> Self {
        Self { foreign: true, ..self }
    }

    /// A fault that does not come from an SDK error.
    pub(super) fn fault(self, class: FaultClass, code: &str, message: &str) -> Fault {
        Fault {
            class,
            call: self.name,
            code: clean(code, 64),
            message: clean(message, MESSAGE_CHARS_MAX),
            outcome_unknown: false,
        }
    }

    /// Maps an SDK error to a fault.
    pub(super) fn failed<E>(self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match error {
            // The request was never sent.
            SdkError::ConstructionFailure(_) => {
                self.fault(FaultClass::Invalid, "ConstructionFailure", &DisplayErrorContext(error).to_string())
            }
            SdkError::ServiceError(answer) => {
                let status = answer.raw().status().as_u16();
                let message = error.message().unwrap_or("no message");
                self.answered(error.code(), status, message)
            }
            SdkError::TimeoutError(_) => self.lost("TimeoutError", &DisplayErrorContext(error).to_string()),
            SdkError::DispatchFailure(_) => self.lost("DispatchFailure", &DisplayErrorContext(error).to_string()),
            // An unreadable answer, or an error kind of a future SDK version.
            _ => self.lost("ResponseError", &DisplayErrorContext(error).to_string()),
        }
    }

    /// Maps an error answer of the service to a fault.
    pub(super) fn answered(self, code: Option<&str>, status: u16, message: &str) -> Fault {
        let class = self.class(code, status, message);
        let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
        // After an internal error, the service may or may not have made the change.
        let outcome_unknown = self.writes && class == FaultClass::Transient && status >= 500;
        Fault { outcome_unknown, ..self.fault(class, &code, message) }
    }

    fn lost(self, code: &'static str, message: &str) -> Fault {
        Fault { outcome_unknown: self.writes, ..self.fault(FaultClass::Transient, code, message) }
    }

    fn class(self, code: Option<&str>, status: u16, message: &str) -> FaultClass {
        let class = code.and_then(class_of).unwrap_or_else(|| class_of_status(status));
        match class {
            // "… with an explicit deny in a service control policy", "… because no service control policy allows the …
            // action" [docs: IAM troubleshoot_access-denied].
            FaultClass::Denied if message.contains("service control policy") => FaultClass::DeniedByScp,
            // In another account: credentials valid elsewhere are unknown in a region that the account has not enabled
            // [docs: id_credentials_temp_region-endpoints; the code is unconfirmed]. The function's own
            // credentials are simply wrong.
            FaultClass::RegionOff if !self.foreign => FaultClass::Denied,
            class => class,
        }
    }
}

/// True where the credentials have expired.
pub(super) fn is_expired(fault: &Fault) -> bool {
    EXPIRED.contains(&fault.code.as_str())
}

/// Codes for expired session credentials [bc: common errors of every service]; new credentials help.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// Error codes and their classes, with sources: `bc` are the API models of botocore, `docs` is AWS's documentation,
/// `seen` are public reports.
const TABLE: &[(FaultClass, &[&str])] = &[
    // The SDK's own list. The SDK retries these itself and returns the error after the last attempt.
    (FaultClass::Throttled, THROTTLING_ERRORS),
    // [bc sns] KMS holds the topic's key; [docs: TransactWriteItems cancellation reasons]; [bc sqs] throttling of a queue.
    (
        FaultClass::Throttled,
        &[
            "KMSThrottling",
            "KMSThrottlingException",
            "ThrottlingError",
            "ProvisionedThroughputExceeded",
            "OverLimit",
            "RequestThrottlingException",
        ],
    ),
    (FaultClass::Transient, TRANSIENT_ERRORS),
    (FaultClass::Transient, EXPIRED),
    // [bc ssm, dynamodb, sns, organizations; docs: CommonErrors].
    (
        FaultClass::Transient,
        &[
            "InternalServerError",
            "InternalServerException",
            "InternalError",
            "InternalErrorException",
            "InternalFailure",
            "ServiceException",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "ReplicatedWriteConflictException",
        ],
    ),
    // [docs: CommonErrors]. SSM writes the long form, STS the short one; SNS has its own [bc sns].
    (
        FaultClass::Denied,
        &[
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
            "NotAuthorized",
            "UnauthorizedOperation",
            "KMSAccessDenied",
            "KMSAccessDeniedException",
            "KmsAccessDenied",
            "InvalidSecurity",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        ],
    ),
    // [bc sts] "STS is not activated in the requested region for the account" concerns the region of the STS endpoint,
    // which an account's administrator can switch off. It does not mean that the target's region is off.
    (FaultClass::Denied, &["RegionDisabledException"]),
    // [docs: id_credentials_temp_region-endpoints; which code is unconfirmed]; with own credentials: Denied.
    (
        FaultClass::RegionOff,
        &["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidAccessKeyId"],
    ),
    // [docs: CommonErrors] "The AWS access key ID needs a subscription for the service": account setup.
    (FaultClass::NotReady, &["SubscriptionRequiredException", "OptInRequired"]),
    // [bc ssm] the document does not exist.
    (FaultClass::NotFound, &["InvalidDocument"]),
    // [bc ssm] SendCommand: a node that is gone or offline. ListCommandInvocations: a command that is not known yet.
    (FaultClass::NotFound, &["InvalidInstanceId", "InvalidCommandId"]),
    // [bc ssm] SendCommand, DescribeInstanceInformation, ListCommandInvocations: errors of requests that `runasctl` never builds.
    (
        FaultClass::Invalid,
        &[
            "DuplicateInstanceId",
            "InvalidFilterKey",
            "InvalidInstanceInformationFilterValue",
            "InvalidNotificationConfig",
            "InvalidOutputFolder",
            "InvalidParameters",
            "InvalidRole",
            "UnsupportedPlatformType",
        ],
    ),
    // [bc organizations].
    (
        FaultClass::NotFound,
        &[
            "AccountNotFoundException",
            "ChildNotFoundException",
            "ParentNotFoundException",
            "OrganizationalUnitNotFoundException",
            "RootNotFoundException",
            "TargetNotFoundException",
        ],
    ),
    // [bc iam] GetRole.
    (FaultClass::NotFound, &["NoSuchEntity"]),
    // [bc iam; bc lambda].
    (FaultClass::Transient, &["ServiceFailure"]),
    (
        FaultClass::Invalid,
        &["InvalidRequestContentException", "RequestTooLargeException", "UnsupportedMediaTypeException"],
    ),
    // [bc dynamodb, sns, sqs]: table, topic, queue, message.
    (
        FaultClass::NotFound,
        &[
            "ResourceNotFoundException",
            "TableNotFoundException",
            "NotFound",
            "NotFoundException",
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            "MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
            "ReceiptHandleIsInvalid",
        ],
    ),
    // [bc ssm] In order: not the latest version [seen: terraform-provider-aws#31131] or gone; created meanwhile;
    // another update is running; the version name is taken, and the caller retries with a new one.
    (
        FaultClass::Conflict,
        &["InvalidDocumentVersion", "DocumentAlreadyExists", "TooManyUpdates", "DuplicateDocumentVersionName"],
    ),
    // [bc dynamodb] an unmet condition, another transaction on the same items, or a reused token with other content.
    (
        FaultClass::Conflict,
        &[
            "ConditionalCheckFailedException",
            "ConditionalCheckFailed",
            "TransactionConflictException",
            "TransactionConflict",
            "IdempotentParameterMismatchException",
        ],
    ),
    // [bc ssm] "matches another document"; which one is unconfirmed.
    (FaultClass::Duplicate, &["DuplicateDocumentContent"]),
    // [bc ssm; docs: gr/ssm] 1,000 versions.
    (FaultClass::VersionLimit, &["DocumentVersionLimitExceeded"]),
    // [bc ssm].
    (
        FaultClass::Invalid,
        &[
            "InvalidDocumentContent",
            "InvalidDocumentOperation",
            "InvalidDocumentSchemaVersion",
            "InvalidPermissionType",
            "InvalidNextToken",
            "MaxDocumentSizeExceeded",
            "DocumentLimitExceeded",
            "DocumentPermissionLimit",
            "AssociatedInstances",
            "NoLongerSupportedException",
        ],
    ),
    // [bc sts] a session policy that STS cannot read or pack.
    (FaultClass::Invalid, &["MalformedPolicyDocument", "PackedPolicyTooLarge"]),
    // [bc dynamodb, organizations].
    (
        FaultClass::Invalid,
        &[
            "ItemCollectionSizeLimitExceededException",
            "ItemCollectionSizeLimitExceeded",
            "ValidationError",
            "AWSOrganizationsNotInUseException",
            "InvalidInputException",
            "UnsupportedAPIEndpointException",
        ],
    ),
    // [bc sns, sqs].
    (
        FaultClass::Invalid,
        &[
            "InvalidParameter",
            "InvalidParameterException",
            "InvalidParameterValue",
            "InvalidParameterValueException",
            "ParameterValueInvalid",
            "ValidationException",
            "ValidationErrorException",
            "InvalidMessageContents",
            "InvalidIdFormat",
            "UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
            "BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            "EndpointDisabled",
            "EndpointDisabledException",
            "PlatformApplicationDisabled",
            "PlatformApplicationDisabledException",
            "KMSDisabled",
            "KMSDisabledException",
            "KMSInvalidState",
            "KMSInvalidStateException",
            "KMSNotFound",
            "KMSNotFoundException",
            "KMSOptInRequired",
        ],
    ),
    // [bc cloudtrail].
    (FaultClass::Denied, &["OperationNotPermittedException"]),
    (
        FaultClass::Invalid,
        &[
            "InvalidLookupAttributesException",
            "InvalidTimeRangeException",
            "InvalidMaxResultsException",
            "InvalidNextTokenException",
            "InvalidEventCategoryException",
            "UnsupportedOperationException",
        ],
    ),
    // [docs: CommonErrors].
    (
        FaultClass::Invalid,
        &["InvalidAction", "InvalidAddress", "MissingParameter", "SerializationException", "UnknownOperationException"],
    ),
];

fn class_of(code: &str) -> Option<FaultClass> {
    TABLE.iter().find(|(_, codes)| codes.contains(&code)).map(|(class, _)| *class)
}

fn class_of_status(status: u16) -> FaultClass {
    match status {
        401 | 403 => FaultClass::Denied,
        404 => FaultClass::NotFound,
        408 | 500.. => FaultClass::Transient,
        429 => FaultClass::Throttled,
        _ => FaultClass::Invalid,
    }
}
