//! What an answer means, and what to do where there is none.

use crate::aws::nodes::Invocation;
use crate::cli::login::fix_with;
use crate::domain::os_user::NotAUser;
use crate::domain::text::quote;
use crate::ports::{Fault, FaultClass};

/// What is known of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The user exists there.
    Present,
    /// It does not.
    Absent,
    /// The node was asked, or should have been, and did not say.
    NotKnown(Remedy),
    /// The node was not asked.
    NotAsked(Reason),
}

/// Why a node was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// Its agent does not answer Systems Manager.
    Offline,
    /// It runs on something that may have Run As, and is no Linux.
    Platform,
    /// It runs on Windows, which has no Run As.
    Windows,
    /// A sample was asked for.
    Sample,
}

/// What is not known, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Remedy {
    pub(super) what: String,
    pub(super) cause: String,
    pub(super) fix: String,
}

impl Remedy {
    fn new(what: &str, cause: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.to_owned(), cause: cause.into(), fix: fix.into() }
    }
}

impl Reason {
    /// Stable, for programs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Platform => "not_linux",
            Self::Windows => "windows",
            Self::Sample => "sample",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Platform => "neither Linux nor Windows",
            Self::Windows => "on Windows",
            Self::Sample => "left out by the sample",
        }
    }

    /// Why the user may be missing all the same; nothing where sessions do without it, or a sample was wanted.
    pub(super) fn remedy(self) -> Option<Remedy> {
        match self {
            Self::Offline => Some(Remedy::new(
                self.in_words(),
                "the agent does not answer Systems Manager",
                "start the nodes or mend their agents, and ask again; nodes that are gone leave the list by themselves, hybrid \
                 ones with `aws ssm deregister-managed-instance`",
            )),
            Self::Platform => Some(Remedy::new(
                self.in_words(),
                "only Linux nodes are asked, and sessions run as the user on macOS too",
                "run `id USER` on them",
            )),
            Self::Windows | Self::Sample => None,
        }
    }
}

/// What an invocation says that has ended.
pub(super) fn judge(found: &Invocation) -> Answer {
    let (what, cause, fix) = match (found.status.replace(' ', "").as_str(), found.output.as_str()) {
        ("Success", "present") => return Answer::Present,
        ("Success", "absent") => return Answer::Absent,
        ("Success", other) => (
            "the answer makes no sense",
            format!("it says {}, where only present and absent mean something", quote(other)),
            "see that the document is the one of infra/preflight.yaml, and that the node has the command `id`",
        ),
        ("DeliveryTimedOut" | "Undeliverable", _) => {
            ("the command did not reach the node", format!("it ended as {}", quote(&found.status)), SEE_TO_AGENT)
        }
        ("ExecutionTimedOut", _) => (
            "`id` took too long",
            "it had not ended after 20 s".to_owned(),
            "see to the directory that the node asks for users (SSSD, LDAP), and ask again",
        ),
        _ => (
            "the command failed on the node",
            format!("it ended as {}", quote(&found.status)),
            "see the command in Systems Manager, under Run Command, and the agent's log on the node",
        ),
    };
    Answer::NotKnown(Remedy::new(what, cause, fix))
}

const SEE_TO_AGENT: &str = "see whether the node is up and its agent is running, and ask again with a longer --wait";

/// A node that said nothing in time.
pub(super) fn silent(patience_s: u16) -> Remedy {
    Remedy::new("no answer", format!("none came within {patience_s} s"), SEE_TO_AGENT)
}

/// An agent that starts every session as its own user, whatever the document says.
pub(super) fn old_agent(agent: &str) -> Remedy {
    let cause = format!("version {agent} does not know Run As, which 2.3.672.0 brought");
    Remedy::new("the agent is too old", cause, "update it: `aws ssm send-command --document-name AWS-UpdateSSMAgent`")
}

/// The policy's own checks let no such name through.
pub(super) fn no_name(name: &str, why: NotAUser) -> Remedy {
    let cause = format!("{} is {why}", quote(name));
    Remedy::new("the policy names no user that can be asked for", cause, "see `runasctl policy check`, and push it")
}

/// An account of which the organisation says nothing.
pub(super) fn unplaced(fault: &Fault) -> Remedy {
    let fix = fix_with(fault, &format!("organizations:{}", fault.call));
    Remedy::new("which user the policy names is not known", fault.to_string(), fix)
}

/// Nodes that could not be listed, or not be asked.
pub(super) fn failed(fault: &Fault) -> Remedy {
    let (what, fix) = match (fault.class, fault.call, fault.code.as_str()) {
        (FaultClass::Denied, "AssumeRole", _) => (
            "the role RunasReactorPreflight cannot be assumed",
            "deploy infra/preflight.yaml in that account; its OperatorRoleArn has to name the role that you use",
        ),
        (FaultClass::DeniedByScp, ..) => (
            "a service control policy denies it",
            "exempt the role RunasReactorPreflight in the service control policy (`aws:PrincipalArn`)",
        ),
        (FaultClass::Denied, ..) => (
            "the role RunasReactorPreflight may not ask",
            "deploy infra/preflight.yaml there again, as it is in this version",
        ),
        (_, _, "InvalidDocument") => {
            ("the document is missing", "deploy infra/preflight.yaml in that region of the account, too")
        }
        (_, _, "InvalidParameters") => {
            ("the document does not take the name", "deploy infra/preflight.yaml there again, as it is in this version")
        }
        (_, _, "InvalidInstanceId") => ("the node is gone", "ask again: it went offline after it was listed"),
        (FaultClass::RegionOff, ..) => ("the region is not enabled", "leave it out with --region, or enable it"),
        (FaultClass::NotReady, ..) => ("the account is too new", "wait until it is set up, and ask again"),
        _ => return Remedy::new("the call failed", fault.to_string(), fix_with(fault, &format!("ssm:{}", fault.call))),
    };
    Remedy::new(what, fault.to_string(), fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: &str, output: &str) -> Answer {
        let (node, status, output) = ("i-1".to_owned(), status.to_owned(), output.to_owned());
        judge(&Invocation { node, ended: true, status, output })
    }

    fn what(outcome: &Answer) -> &str {
        let Answer::NotKnown(remedy) = outcome else { panic!("{outcome:?}") };
        assert!(!remedy.cause.is_empty() && !remedy.fix.is_empty(), "{remedy:?}");
        &remedy.what
    }

    #[test]
    fn only_the_two_words_of_the_document_say_anything_about_the_user() {
        assert_eq!(ended("Success", "present"), Answer::Present);
        assert_eq!(ended("Success", "absent"), Answer::Absent);
        for output in ["", "no id", "presentabsent", "uid=0(root)", "Present"] {
            assert_eq!(what(&ended("Success", output)), "the answer makes no sense", "{output}");
        }
        assert_eq!(what(&ended("Failed", "present")), "the command failed on the node");
    }

    #[test]
    fn what_did_not_end_well_is_not_known() {
        for status in ["DeliveryTimedOut", "Delivery Timed Out", "Undeliverable"] {
            assert_eq!(what(&ended(status, "")), "the command did not reach the node", "{status}");
        }
        assert_eq!(what(&ended("Execution Timed Out", "")), "`id` took too long");
        for status in ["Cancelled", "Terminated", "AccessDenied", ""] {
            assert_eq!(what(&ended(status, "")), "the command failed on the node", "{status}");
        }
    }

    #[test]
    fn each_failure_names_its_own_fix() {
        let fault = |class, call, code: &str| Fault {
            class,
            call,
            code: code.to_owned(),
            message: "as injected".to_owned(),
            outcome_unknown: false,
        };
        for (class, call, code, fix) in [
            (FaultClass::Denied, "AssumeRole", "AccessDenied", "OperatorRoleArn has to name the role"),
            (FaultClass::Denied, "SendCommand", "AccessDeniedException", "infra/preflight.yaml there again"),
            (FaultClass::DeniedByScp, "SendCommand", "AccessDeniedException", "exempt the role RunasReactorPreflight"),
            (FaultClass::DeniedByScp, "AssumeRole", "AccessDenied", "exempt the role RunasReactorPreflight"),
            (FaultClass::NotFound, "SendCommand", "InvalidDocument", "in that region of the account"),
            (FaultClass::NotFound, "SendCommand", "InvalidInstanceId", "ask again"),
            (FaultClass::RegionOff, "DescribeInstanceInformation", "UnrecognizedClientException", "--region"),
            (FaultClass::Throttled, "SendCommand", "ThrottlingException", "run it again"),
        ] {
            let remedy = failed(&fault(class, call, code));
            assert!(remedy.fix.contains(fix), "{code}: {remedy:?}");
            assert!(remedy.cause.contains("as injected"), "{remedy:?}");
        }
    }
}
