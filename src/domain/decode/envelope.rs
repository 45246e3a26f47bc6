//! The two wrappers of an event: EventBridge's envelope and, for most, CloudTrail's record in its `detail`.

use serde_json::Value;

use super::About;
use super::identity::principal;
use super::lenient::{Object, id_at, object_at, str_at, text_at};
use crate::domain::principal::Principal;
use crate::domain::signal::{InboundEvent, Signal};
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{ID_CHARS_MAX, clean, quote};
use crate::domain::time::Time;

/// Why a message gives no signal.
#[derive(Debug)]
pub(super) enum Reject {
    /// Well-formed, and not for the reactor.
    Ignored(String),
    /// For the reactor, and unusable.
    Undecodable(String),
    /// It claims to be for the reactor, but its sender may not say so.
    Untrusted(String),
}

/// The result of a decoder.
pub(super) type Parsed<T = InboundEvent> = Result<T, Reject>;

/// Not for the reactor, because …
pub(super) fn ignored<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(Reject::Ignored(reason.into()))
}

/// Unusable, because …
pub(super) fn undecodable<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(Reject::Undecodable(reason.into()))
}

/// Not trusted, because …
pub(super) fn untrusted<T>(reason: impl Into<String>) -> Parsed<T> {
    Err(Reject::Untrusted(reason.into()))
}

/// EventBridge's envelope. Its fields are set by AWS for every source that begins with `aws.`.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    pub(super) body: &'a Object,
}

impl<'a> Envelope<'a> {
    pub(super) fn detail_type(self) -> Option<&'a str> {
        self.body.get("detail-type").and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(super) fn source(self) -> &'a str {
        str_at(self.body, "source").unwrap_or_default()
    }

    /// The account where the event arose, which a sender cannot choose.
    pub(super) fn account(self) -> Parsed<AccountId> {
        let found = text_at(self.body, "account");
        match found.as_deref().map(str::parse) {
            Some(Ok(account)) => Ok(account),
            Some(Err(error)) => {
                undecodable(format!("`account`: {error}; EventBridge sets it, so look at what wrote this"))
            }
            None => undecodable("`account` is missing; EventBridge sets it, so look at what wrote this"),
        }
    }

    /// The region where the event arose.
    pub(super) fn region(self) -> Parsed<Region> {
        match str_at(self.body, "region").map(str::parse) {
            Some(Ok(region)) => Ok(region),
            Some(Err(error)) => {
                undecodable(format!("`region`: {error}; EventBridge sets it, so look at what wrote this"))
            }
            None => undecodable("`region` is missing; EventBridge sets it, so look at what wrote this"),
        }
    }

    /// The replay that delivers an archived event again [docs: eb-archive]. Its starter chooses the moment, so that the
    /// event may be about an earlier document of the same name.
    pub(super) fn replay(self) -> Option<String> {
        let name = self.body.get("replay-name").filter(|name| !name.is_null())?;
        Some(name.as_str().map_or_else(|| name.to_string(), str::to_owned))
    }

    pub(super) fn time(self) -> Option<Time> {
        str_at(self.body, "time")?.parse().ok()
    }

    pub(super) fn id(self) -> Option<String> {
        id_at(self.body, "id")
    }

    pub(super) fn detail(self) -> Parsed<&'a Object> {
        match object_at(self.body, "detail") {
            Some(detail) => Ok(detail),
            None => {
                undecodable("`detail` is no object; the rule's target must pass the whole event on, not a part of it")
            }
        }
    }

    /// The caller that CloudTrail names. The reactor's own messages have none, whatever they contain.
    pub(super) fn principal(self) -> Option<Principal> {
        self.detail_type()?;
        let identity = self.detail().ok()?.get("userIdentity").filter(|identity| !identity.is_null());
        identity.map(|identity| principal(Some(identity)))
    }

    /// Identifies a message without a signal.
    pub(super) fn about(self) -> Option<Box<About>> {
        let detail = object_at(self.body, "detail");
        let about = About {
            id: detail.and_then(|detail| id_at(detail, "eventID")).or_else(|| self.id()),
            event: detail.and_then(|detail| str_at(detail, "eventName")).map(|name| clean(name, ID_CHARS_MAX)),
            account: text_at(self.body, "account").and_then(|id| id.parse().ok()),
            region: str_at(self.body, "region").and_then(|region| region.parse().ok()),
        };
        (about != About::default()).then(|| Box::new(about))
    }
}

/// CloudTrail's record of a call or a service's own event [docs: cloudtrail-event-reference-record-contents].
pub(super) struct Record<'a> {
    pub(super) envelope: Envelope<'a>,
    pub(super) detail: &'a Object,
    /// `eventName`.
    pub(super) name: &'a str,
}

impl<'a> Record<'a> {
    /// The record in an event of `service` (`ssm`).
    pub(super) fn read(envelope: Envelope<'a>, service: &str) -> Parsed<Self> {
        let detail = envelope.detail()?;
        if let Some(source) = str_at(detail, "eventSource") {
            // In China some services write `.com.cn`.
            let dns = source.trim_end_matches(".cn").strip_suffix(".amazonaws.com");
            if dns != Some(service) {
                return untrusted(format!("its eventSource is {}, not {service}.amazonaws.com", quote(source)));
            }
        }
        match str_at(detail, "eventName") {
            Some(name) => Ok(Self { envelope, detail, name }),
            None => undecodable("`detail.eventName` is missing, so the call is unknown"),
        }
    }

    /// Rejects a record with an unknown major version. CloudTrail raises it when fields change their meaning, and asks
    /// consumers to compare it. A later release can read the event from the dead-letter queue.
    pub(super) fn of_known_version(self) -> Parsed<Self> {
        let version = text_at(self.detail, "eventVersion");
        match version.as_deref().map(|version| version.split('.').next()) {
            None | Some(Some("1")) => Ok(self),
            Some(_) => undecodable(format!(
                "CloudTrail eventVersion {} is not 1.x; a newer release of the reactor may read it after a redrive",
                quote(&version.unwrap_or_default())
            )),
        }
    }

    /// When it happened. Without any time the event counts as very old, and still triggers an observation.
    pub(super) fn at(&self) -> Time {
        let stated = str_at(self.detail, "eventTime").and_then(|at| at.parse().ok());
        stated.or_else(|| self.envelope.time()).unwrap_or(Time::ZERO)
    }

    /// The `eventID`, the same in every copy of the event; the envelope's id may differ between deliveries.
    pub(super) fn id(&self) -> Parsed<String> {
        match id_at(self.detail, "eventID").or_else(|| self.envelope.id()) {
            Some(id) => Ok(id),
            None => undecodable(
                "neither `detail.eventID` nor `id` is usable, so that repeats cannot be distinguished from new events",
            ),
        }
    }

    /// The error code of a failed call, which changed nothing.
    pub(super) fn failed(&self) -> Option<String> {
        let code = clean(&text_at(self.detail, "errorCode")?, ID_CHARS_MAX);
        (!code.is_empty()).then_some(code)
    }

    /// The object under `key`; CloudTrail omits it beyond 100 KB.
    pub(super) fn part(&self, key: &str) -> Option<&'a Object> {
        object_at(self.detail, key)
    }

    /// The status object of a service event, which is named after the event; also accepts `serviceEventDetails` itself.
    pub(super) fn status(&self, key: &str) -> Parsed<&'a Object> {
        match self.part("serviceEventDetails") {
            Some(details) => Ok(object_at(details, key).unwrap_or(details)),
            None => undecodable(format!("{} has no `serviceEventDetails`, which is all that it has to say", self.name)),
        }
    }

    /// An event about the organisation, reported by the envelope's account.
    pub(super) fn event(&self, signal: Signal) -> Parsed {
        let reporter = Some(self.envelope.account()?);
        Ok(InboundEvent { signal, id: self.id()?, at: self.at(), reporter, principal: None })
    }
}
