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

    fn words(self) -> Words {
        match self {
            Self::Undecodable => Words {
                subject: ("Put aside", "a message could not be decoded"),
                severity: Severity::Warning,
                says: "A message could not be decoded. It is in the dead-letter queue, and nothing else waits for it.",
                to_do: "See what it is. An event of AWS in a new form: keep it, and report it. Anything else: drop it.",
                command: "runasctl redrive list",
            },
            Self::Untrusted => Words {
                subject: ("Ignored", "an event claims what its sender may not say"),
                severity: Severity::Warning,
                says: "An event claims what its sender may not say. Nothing was done because of it; more from that sender \
                       within the hour are counted, not alerted.",
                to_do: "See who may put events on the bus, and in CloudTrail who did (PutEvents, StartReplay, PutTargets). \
                        Treat it as an attempt to deceive the reactor.",
                command: "runasctl status",
            },
            Self::MadeUp => Words {
                subject: ("Not believed", "an event claims a call that CloudTrail does not know"),
                severity: Severity::Critical,
                says: "An event claims a call by a trusted principal that CloudTrail does not know. What it changed was \
                       accepted before; it is not any more, and is put right.",
                to_do: "See who may put events on the bus, and who has changed its forwarding rules. This is an attempt to \
                        deceive the reactor: treat it as a security incident.",
                command: "runasctl status",
            },
            Self::UnknownAccount => Words {
                subject: ("Ignored", "an event came from an account that is not in the organisation"),
                severity: Severity::Warning,
                says: "An event came from an account that is not in the organisation. Nothing was done there.",
                to_do: "If the account has left, remove its forwarding rules. If it is in the organisation, see what \
                        organizations:DescribeAccount answers the reactor.",
                command: "runasctl status",
            },
            Self::PolicyUnreadable => Words {
                subject: ("Policy unreadable", "the last good one stays in force"),
                severity: Severity::High,
                says: "The policy in the table cannot be read. The last good one stays in force, so documents stay right by \
                       that one; a new policy has no effect.",
                to_do: "Push a policy that `runasctl policy check` accepts, or bring the last one back (`runasctl policy \
                        rollback`).",
                command: "runasctl policy history",
            },
            Self::GapRoleUsed => Words {
                subject: ("Member role failed", "an account had to be reached through a gap role"),
                severity: Severity::Warning,
                says: "An account was reached through a gap role, although its own member role worked before. Documents are \
                       kept right meanwhile; the broker refuses as soon as the account is older than its limit.",
                to_do: "See that the member role exists in the account, trusts the reactor's role, and is denied by no SCP.",
                command: "runasctl status",
            },
        }
    }
}

/// The words of an alert about a finding.
struct Words {
    /// The subject's verdict, and what happened.
    subject: (&'static str, &'static str),
    severity: Severity,
    /// What is wrong, and whether it is right now.
    says: &'static str,
    to_do: &'static str,
    /// A command that shows more and changes nothing.
    command: &'static str,
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
    let (kind, words) = (found.kind(), found.words());
    let page = AlertBuilder::new(kind, words.severity, &format!("{}:{}", kind.as_str(), clean(key, 128)))
        .subject(words.subject.0, words.subject.1, "")
        .says(words.says)
        .row("Reason", reason)
        .row("Message", message_id.unwrap_or_default());
    let page = message_id.into_iter().fold(page, |page, id| page.put("message_id", clean(id, 128).into()));
    page.advice(words.to_do)
        .link("Look", words.command.to_owned())
        .put("reason", bounded(reason).into())
        .finish(hub, None, None, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_own_kind_subject_and_next_step() {
        use HubFinding::{GapRoleUsed, MadeUp, PolicyUnreadable, Undecodable, UnknownAccount, Untrusted};
        let hub = "222233334444".parse().unwrap();
        let alert = |found| about_hub(found, &hub, "k", Some("m"), "because", Time::ZERO);
        let all = [Untrusted, MadeUp, UnknownAccount, PolicyUnreadable, Undecodable, GapRoleUsed].map(alert);
        let subjects: Vec<(&str, &str)> = all.iter().map(|alert| (alert.id.as_str(), alert.subject.as_str())).collect();
        assert_eq!(
            subjects,
            [
                ("untrusted_source:k", "Ignored: an event claims what its sender may not say"),
                ("untrusted_source:k", "Not believed: an event claims a call that CloudTrail does not know"),
                ("unknown_account:k", "Ignored: an event came from an account that is not in the organisation"),
                ("policy_unreadable:k", "Policy unreadable: the last good one stays in force"),
                ("undecodable_message:k", "Put aside: a message could not be decoded"),
                ("gap_role_used:k", "Member role failed: an account had to be reached through a gap role"),
            ]
        );
        let may_put = |alert: &Alert| alert.text.contains("who may put events on the bus");
        assert_eq!(all.each_ref().map(may_put), [true, true, false, false, false, false]);
        assert_eq!(alert(PolicyUnreadable).severity, Severity::High);
    }

    #[test]
    fn a_finding_names_the_message_where_it_is_about_one() {
        let hub = "222233334444".parse().unwrap();
        let alert = |id| about_hub(HubFinding::Untrusted, &hub, "k", id, "because", Time::ZERO);
        assert!(alert(Some("m-1")).text.contains("m-1") && alert(Some("m-1")).data["message_id"] == "m-1");
        assert!(!alert(None).text.contains("Message") && alert(None).data.get("message_id").is_none());
    }
}
