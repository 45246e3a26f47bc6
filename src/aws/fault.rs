//! What an error of the SDK means for us. One table for all services: a code means the same wherever it comes from, and
//! where it does not, [`Call`] tells the cases apart.
//!
//! The table holds every error that the API models declare for the calls we make, and the common ones that no model
//! declares. What is in no row is judged by its HTTP status.

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::text::{MESSAGE_CHARS_MAX, clean};
use crate::ports::{Fault, FaultClass};

#[cfg(test)]
mod tests;

/// A call, as far as the meaning of its errors depends on it.
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

    /// A call that changes something: a lost answer leaves open whether it did.
    pub(super) const fn write(name: &'static str) -> Self {
        Self { name, writes: true, foreign: false }
    }

    /// The call, as AWS names it.
    pub(super) const fn name(self) -> &'static str {
        self.name
    }

    /// The same call made with credentials of another account.
    pub(super) const fn in_member(self) -> Self {
        Self { foreign: true, ..self }
    }

    /// The fault for something that no error of the SDK told.
    pub(super) fn fault(self, class: FaultClass, code: &str, message: &str) -> Fault {
        Fault {
            class,
            call: self.name,
            code: clean(code, 64),
            message: clean(message, MESSAGE_CHARS_MAX),
            outcome_unknown: false,
        }
    }

    /// What an error of the SDK means.
    pub(super) fn failed<E>(self, error: &SdkError<E, HttpResponse>) -> Fault
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        match error {
            // Nothing left the machine.
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
            // The answer came and could not be read, and whatever the SDK will call an error tomorrow.
            _ => self.lost("ResponseError", &DisplayErrorContext(error).to_string()),
        }
    }

    /// What an error answer of the service means.
    pub(super) fn answered(self, code: Option<&str>, status: u16, message: &str) -> Fault {
        let class = self.class(code, status, message);
        let code = code.map_or_else(|| format!("HTTP {status}"), str::to_owned);
        // A service that failed within says nothing about how far it had come.
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
            // Valid elsewhere a moment ago, unknown there: the region is not enabled in the account
            // [docs: id_credentials_temp_region-endpoints; the code is unconfirmed, facts 4.1]. Credentials of our own
            // that nobody knows are nothing but wrong.
            FaultClass::RegionOff if !self.foreign => FaultClass::Denied,
            class => class,
        }
    }
}

/// True where the fault says that the credentials themselves are no longer good.
pub(super) fn is_expired(fault: &Fault) -> bool {
    EXPIRED.contains(&fault.code.as_str())
}

/// Session credentials past their time [bc: common errors of every service]; new ones help.
const EXPIRED: &[&str] = &["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// Codes and what they mean, with sources: `bc` are the API models of botocore, `docs` is AWS's documentation, `seen` is what
/// people report in public.
const TABLE: &[(FaultClass, &[&str])] = &[
    // The SDK's own list; it retries them itself, and hands over what is left.
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
    // [bc sts] "STS is not activated in the requested region for the account": about the region we ask STS in, which an
    // account's administrator can switch off. It must not pass for "this region is not in use".
    (FaultClass::Denied, &["RegionDisabledException"]),
    // [docs: id_credentials_temp_region-endpoints; which one it is is unconfirmed, facts 4.1]; with own credentials: Denied.
    (
        FaultClass::RegionOff,
        &["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidAccessKeyId"],
    ),
    // [docs: CommonErrors] "The AWS access key ID needs a subscription for the service": an account that is still being
    // set up (facts 4.2).
    (FaultClass::NotReady, &["SubscriptionRequiredException", "OptInRequired"]),
    // [bc ssm] the document or the version's document is not there.
    (FaultClass::NotFound, &["InvalidDocument"]),
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
    // [bc ssm] not the latest version any more [seen: terraform-provider-aws#31131], or gone; made by somebody else in
    // between; somebody is at it this moment; a version name that is taken, for which the caller comes with a new one.
    (
        FaultClass::Conflict,
        &["InvalidDocumentVersion", "DocumentAlreadyExists", "TooManyUpdates", "DuplicateDocumentVersionName"],
    ),
    // [bc dynamodb] conditions that do not hold, another transaction on the same items, our token with other content.
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
    // [bc ssm] "matches another document"; which one is unconfirmed (facts 2.4).
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
