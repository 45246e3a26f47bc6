//! Amazon Resource Names, taken apart.

/// The ARN of a role with the longest path and name has about 620 characters [docs: IAM reference_iam-quotas].
const ARN_BYTES_MAX: usize = 1_024;

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) partition: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `text`; `None` if it is no ARN, or has characters that no ARN has.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if !is_sound(text) {
            return None;
        }
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let [partition, service, region, account, resource] =
            [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let complete = !partition.is_empty() && !service.is_empty() && !resource.is_empty();
        complete.then_some(Self { partition, service, region, account, resource })
    }
}

/// Whether `text` can be kept as an ARN. A longer text, or one with foreign characters, is dropped and never cut or
/// cleaned: the rest could match a pattern that the whole does not.
pub(super) fn is_sound(text: &str) -> bool {
    text.starts_with("arn:") && text.len() <= ARN_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}
