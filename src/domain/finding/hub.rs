//! Alerts that concern no target: messages, the policy, gap roles.

use super::{Alert, AlertBuilder, Kind, Severity, bounded};
use crate::domain::target::AccountId;
use crate::domain::text::clean;
use crate::domain::time::Time;

/// A finding that concerns no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubFinding {
    /// A message cannot be decoded.
    Undecodable,
    /// An event claims what its sender may not say.
    Untrusted,
    /// CloudTrail does not know the call that an event claims.
    MadeUp,
    /// An event comes from an account that the organisation does not have.
    UnknownAccount,
    /// The policy in the table cannot be read.
    PolicyUnreadable,
    /// A gap role is used where the member role was used before.
    GapRoleUsed,
}

impl HubFinding {
    fn kind(self) -> Kind {
        match self {
            Self::Undecodable => Kind::UndecodableMessage,
            Self::Untrusted | Self::MadeUp => Kind::UntrustedSource,
            Self::UnknownAccount => Kind::UnknownAccount,
            Self::PolicyUnreadable => Kind::PolicyUnreadable,
            Self::GapRoleUsed => Kind::GapRoleUsed,
        }
    }

    /// Subject, severity and advice.
    fn text(self) -> (&'static str, Severity, &'static str) {
        match self {
            Self::Undecodable => (
                "a message could not be decoded",
                Severity::Warning,
                "it is in the dead-letter queue with this reason; nothing else was held up by it",
            ),
            Self::Untrusted => (
                "an event claims what its sender may not say",
                Severity::Warning,
                "nothing was done because of it; see who may put events on the bus",
            ),
            Self::MadeUp => (
                "an event claims a call that CloudTrail does not know",
                Severity::Critical,
                "its change is not accepted any more and put right; see who may put events on the bus, \
                 and who has changed its forwarding rules",
            ),
            Self::UnknownAccount => (
                "an event came from an account that is not in the organisation",
                Severity::Warning,
                "nothing was done there; if the account has left, remove its forwarding rules; if it is in the organisation, \
                 look at what organizations:DescribeAccount answers the reactor",
            ),
            Self::PolicyUnreadable => (
                "the policy cannot be read",
                Severity::High,
                "the last good policy stays in force; push a policy that `runasctl policy check` accepts",
            ),
            Self::GapRoleUsed => (
                "a gap role is used although the member role was used before",
                Severity::Warning,
                "see that the member role exists in the account, trusts the reactor's role, and is denied by no SCP; the \
                 broker refuses as soon as the account is older than its limit",
            ),
        }
    }
}

/// An alert that concerns no target, under the hub account. Findings with the same `key` are sent once, and counted.
pub fn about_hub(
    found: HubFinding,
    hub: &AccountId,
    key: &str,
    message_id: Option<&str>,
    reason: &str,
    at: Time,
) -> Alert {
    let (kind, (subject, severity, to_do)) = (found.kind(), found.text());
    let page = AlertBuilder::new(kind, severity, &format!("{}:{}", kind.as_str(), clean(key, 128)))
        .subject(format!("Run As: {subject}"))
        .line("Why", reason);
    let page = match message_id {
        Some(id) => page.line("Message", id).put("message_id", clean(id, 128).into()),
        None => page,
    };
    page.line("To do", to_do).put("reason", bounded(reason).into()).finish(hub, None, None, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_own_kind_subject_and_next_step() {
        use HubFinding::{GapRoleUsed, MadeUp, PolicyUnreadable, Undecodable, UnknownAccount, Untrusted};
        let hub = "222233334444".parse().unwrap();
        let told = |found| about_hub(found, &hub, "k", Some("m"), "because", Time::ZERO);
        let all = [Untrusted, MadeUp, UnknownAccount, PolicyUnreadable, Undecodable, GapRoleUsed].map(told);
        let subjects: Vec<(&str, &str)> =
            all.iter().map(|alert| (alert.id.as_str(), alert.subject.trim_start_matches("Run As: "))).collect();
        assert_eq!(
            subjects,
            [
                ("untrusted_source:k", "an event claims what its sender may not say"),
                ("untrusted_source:k", "an event claims a call that CloudTrail does not know"),
                ("unknown_account:k", "an event came from an account that is not in the organisation"),
                ("policy_unreadable:k", "the policy cannot be read"),
                ("undecodable_message:k", "a message could not be decoded"),
                ("gap_role_used:k", "a gap role is used although the member role was used before"),
            ]
        );
        let may_put = |alert: &Alert| alert.text.contains("who may put events on the bus");
        assert_eq!(all.each_ref().map(may_put), [true, true, false, false, false, false]);
        assert_eq!(told(PolicyUnreadable).severity, Severity::High);
    }

    #[test]
    fn a_finding_names_the_message_where_it_is_about_one() {
        let hub = "222233334444".parse().unwrap();
        let told = |id| about_hub(HubFinding::Untrusted, &hub, "k", id, "because", Time::ZERO);
        assert!(told(Some("m-1")).text.contains("m-1") && told(Some("m-1")).data["message_id"] == "m-1");
        assert!(!told(None).text.contains("Message") && told(None).data.get("message_id").is_none());
    }
}
