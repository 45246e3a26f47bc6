//! The event of a call that gets past the document, from CloudTrail's record of it.

use super::envelope::{Parsed, Record};
use super::identity;
use super::lenient::{Object, field, object_at, str_at};
use crate::domain::bypass::{Bypass, BypassAct};
use crate::domain::signal::{InboundEvent, Signal};
use crate::domain::target::Target;
use crate::domain::text::{AGENT_CHARS_MAX, ID_CHARS_MAX, NAME_CHARS_MAX, clean};

/// The event of this act, made in the envelope's account and region.
pub(super) fn event(record: Record<'_>, act: BypassAct) -> Parsed {
    let record = record.of_known_version()?;
    let target = Target::new(record.envelope.account()?, record.envelope.region()?);
    let (id, reporter) = (record.id()?, Some(target.account.clone()));
    let detail = record.detail;
    let bypass = Bypass {
        target,
        act,
        principal: identity::principal(field(detail, "userIdentity")),
        failed: record.failed(),
        agent: clean(str_at(detail, "userAgent").unwrap_or_default(), AGENT_CHARS_MAX),
        source_ip: clean(str_at(detail, "sourceIPAddress").unwrap_or_default(), NAME_CHARS_MAX),
        through: through(detail),
    };
    Ok(InboundEvent { signal: Signal::Bypass(Box::new(bypass)), id, at: record.at(), reporter, principal: None })
}

/// The AWS service that made the call for the caller: AWS sets `invokedBy`, or the address of such a call is the service's
/// DNS name. `userAgent` is set by the caller and proves nothing.
fn through(detail: &Object) -> Option<String> {
    let invoked_by = object_at(detail, "userIdentity").and_then(|identity| str_at(identity, "invokedBy"));
    let candidates = [invoked_by, str_at(detail, "sourceIPAddress")];
    let service = candidates.into_iter().flatten().find(|name| name.ends_with(".amazonaws.com"))?;
    Some(clean(service, NAME_CHARS_MAX))
}

/// A name in the request, bounded; `unnamed` where CloudTrail shows none.
pub(super) fn name(asked: &Object, key: &str) -> String {
    let name = clean(str_at(asked, key).unwrap_or_default(), ID_CHARS_MAX);
    if name.is_empty() { "unnamed".to_owned() } else { name }
}
