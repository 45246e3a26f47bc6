//! Alerts about calls that get past the document, or at the reactor's own parts: who did what, what it means, and the
//! command that undoes it.

mod undo;

use serde_json::json;

use super::caller::Origin;
use super::links::event_page;
use super::{Alert, AlertBuilder, Kind, Severity};
use crate::domain::bypass::{Bypass, BypassAct, Mapping, RUN_AS_TAG, SessionContent};
use crate::domain::edit::is_denial;
use crate::domain::policy::Mode;
use crate::domain::principal::{Attribution, Principal};
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{clean, sha256};
use crate::domain::time::Time;
use undo::undo;

/// The roles that StackSets work by in an account [docs: stacksets-orgs-activate-trusted-access; LZA]. Their names prove little: an alert is less
/// urgent by them, and never left out.
const STACK_SET_ROLES: [&str; 2] = ["stacksets-exec-", "AWSCloudFormationStackSetExecutionRole"];

/// One such call, and what the policy and the ledger say of it.
#[derive(Clone, Copy, Debug)]
pub struct BypassCase<'a> {
    /// The call.
    pub bypass: &'a Bypass,
    /// CloudTrail's `eventID`.
    pub event_id: &'a str,
    /// When the call was made.
    pub at: Time,
    /// What the policy says of the caller.
    pub attribution: Attribution,
    /// Whether the caller is one of the policy's gap roles, which deploy into accounts.
    pub by_gap_role: bool,
    /// What the policy says of the account.
    pub mode: Mode,
    /// The account's name; may be empty.
    pub account_name: &'a str,
    /// The account that the reactor runs in.
    pub hub: &'a AccountId,
    /// The policy's version.
    pub policy: &'a str,
}

/// What made a change of the reactor's parts, as far as that makes it expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deployment {
    /// A stack set, in one account of many.
    StackSet,
    /// A stack.
    Stack,
    /// No deployment that is known.
    None,
}

/// The alert about a call. A copy of its event gives the same id.
pub fn about_bypass(case: BypassCase<'_>, now: Time) -> Alert {
    let BypassCase { bypass, .. } = case;
    let (kind, severity) = (kind(&bypass.act), case.severity());
    let name = bypass.principal.display();
    let page = AlertBuilder::new(kind, severity, &case.key(kind, severity))
        .subject(case.verdict(), &format!("{name} {}", case.did()), &case.place())
        .says(&case.answer(&name));
    let page = match &bypass.failed {
        Some(_) => {
            page.says("Nothing changed. More attempts by this caller within the hour are counted, and not told.")
        }
        None => page.says(&meaning(&bypass.act)).says(case.state()),
    };
    let origin = Origin { source_ip: &bypass.source_ip, agent: &bypass.agent };
    let page = page.caller(&bypass.principal, case.attribution, Some(origin));
    let page = match &bypass.through {
        Some(service) => page.row("Through", service),
        None => page,
    };
    let undo = undo(bypass);
    let page = page
        .advice(&case.advice(&name, &undo.in_words(&bypass.target.account)))
        .event_link(&bypass.target.region, Some(case.event_id))
        .look("Account", format!("runasctl status --account {}", bypass.target.account))
        .origin(&format!("Policy version {}.", case.policy))
        .put("edits", json!([case.data()]))
        .put("count", json!(1))
        .put("account_name", json!(case.account_name))
        .put("policy", json!(case.policy))
        .put("correlation", json!(case.event_id));
    let page = match (&bypass.failed, undo.command) {
        (Some(code), _) => page.put("failed", json!(code)),
        (None, Some(command)) => page.put("undo", json!(command)),
        (None, None) => page,
    };
    case.finish(page, now)
}

fn kind(act: &BypassAct) -> Kind {
    match act {
        BypassAct::Tagged { .. } | BypassAct::Untagged { .. } => Kind::RunAsTagChanged,
        BypassAct::Mapped { .. } => Kind::AttributesChanged,
        BypassAct::SessionDocument { .. } => Kind::OtherSessionDocument,
        BypassAct::Rule { .. } | BypassAct::Archived { .. } | BypassAct::Replayed { .. } | BypassAct::Role { .. } => {
            Kind::ReactorTampered
        }
    }
}

impl BypassCase<'_> {
    fn deployment(&self) -> Deployment {
        if !self.bypass.act.is_tampering() || !self.bypass.is_of_a_stack() {
            return Deployment::None;
        }
        let role = self.bypass.principal.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        if self.by_gap_role || STACK_SET_ROLES.iter().any(|known| role.starts_with(known)) {
            Deployment::StackSet
        } else {
            Deployment::Stack
        }
    }

    /// What was done decides, unless the call failed, the policy leaves the account alone, or a deployment explains it.
    fn severity(&self) -> Severity {
        let act = &self.bypass.act;
        let of_act = severity_of(act);
        if self.bypass.failed.is_some() {
            return Severity::Warning;
        }
        let of_act = match (self.deployment(), act.takes_away()) {
            (Deployment::StackSet, false) => Severity::Info,
            (Deployment::StackSet, true) | (Deployment::Stack, false) => Severity::Warning,
            (Deployment::Stack, true) | (Deployment::None, _) => of_act,
        };
        let in_account = matches!(kind(act), Kind::RunAsTagChanged | Kind::OtherSessionDocument);
        match (self.attribution, self.mode) {
            (_, Mode::Exempt) if in_account => Severity::Info,
            (_, Mode::Observe) if in_account => of_act.min(Severity::Warning),
            (Attribution::BreakGlass, _) => of_act.min(Severity::High),
            _ => of_act,
        }
    }

    /// Each act is told once by its event. Calls of a deployment and failed calls come in numbers: the first in an hour is
    /// told, and the others are counted.
    fn key(&self, kind: Kind, severity: Severity) -> String {
        let (kind, account) = (kind.as_str(), &self.bypass.target.account);
        let hour: String = self.at.to_string().chars().take(13).collect();
        let principal = &self.bypass.principal;
        let digest = sha256(principal.arn.as_deref().or(principal.name.as_deref()).unwrap_or_default());
        let caller: String = digest.chars().take(12).collect();
        match (&self.bypass.failed, self.deployment()) {
            (Some(_), _) => format!("{kind}:failed:{account}:{caller}:{hour}"),
            (None, Deployment::None) => format!("{kind}:{}", clean(self.event_id, 96)),
            (None, Deployment::StackSet) if severity == Severity::Info => format!("{kind}:stack-set:{hour}"),
            (None, Deployment::StackSet | Deployment::Stack) => {
                format!("{kind}:{account}:{caller}:{}:{hour}", severity.as_str())
            }
        }
    }

    fn verdict(&self) -> &'static str {
        match (&self.bypass.failed, self.deployment()) {
            (Some(code), _) if is_denial(code) => "Denied",
            (Some(_), _) => "Failed",
            (None, Deployment::None) => "Not undone",
            (None, Deployment::StackSet | Deployment::Stack) => "Deployed",
        }
    }

    /// The act, to follow the caller's name.
    fn did(&self) -> String {
        match &self.bypass.failed {
            Some(_) => format!("tried {}", self.bypass.act.attempted()),
            None => self.bypass.act.in_words(),
        }
    }

    fn answer(&self, name: &str) -> String {
        let refused = match &self.bypass.failed {
            Some(code) => format!(", and AWS refused it ({code})"),
            None => String::new(),
        };
        format!("{name} {} in {} at {}{refused}.", self.did(), self.full_place(), self.at)
    }

    fn state(&self) -> &'static str {
        match self.deployment() {
            Deployment::None => "It stands: the reactor has no rights to undo it.",
            Deployment::Stack => {
                "A stack did it. More of the same caller's stacks in this account within the hour is counted, and not told."
            }
            Deployment::StackSet => {
                "A stack set did it. More of that within the hour, in any account, is counted, and not told."
            }
        }
    }

    fn advice(&self, name: &str, undo: &str) -> String {
        let trusted = "A pipeline that has to do this belongs into `principals.trusted` of the policy.";
        match (&self.bypass.failed, self.deployment()) {
            (Some(_), _) => format!("Ask {name} why. {trusted}"),
            (None, Deployment::StackSet) if !self.bypass.act.takes_away() => {
                "Nothing, if the reactor was deployed just now; otherwise see in CloudFormation who changed its stack set."
                    .to_owned()
            }
            (None, Deployment::StackSet | Deployment::Stack) => format!(
                "If {name} has deployed or removed the reactor there just now, nothing is left to do. Otherwise {undo} \
                 {trusted}"
            ),
            (None, Deployment::None) => format!(
                "Ask {name} whether this was meant. If not, {undo} If nobody knows of it, treat the credentials as stolen. \
                 {trusted}"
            ),
        }
    }

    /// The region, where the act concerns one: IAM and Identity Center are global.
    fn region(&self) -> Option<&Region> {
        match self.bypass.act {
            BypassAct::Tagged { .. }
            | BypassAct::Untagged { .. }
            | BypassAct::Mapped { .. }
            | BypassAct::Role { .. } => None,
            BypassAct::SessionDocument { .. }
            | BypassAct::Rule { .. }
            | BypassAct::Archived { .. }
            | BypassAct::Replayed { .. } => Some(&self.bypass.target.region),
        }
    }

    fn place(&self) -> String {
        let name = clean(self.account_name, 32);
        let account = if name.is_empty() { self.bypass.target.account.to_string() } else { name };
        self.region().map_or_else(|| account.clone(), |region| format!("{account}/{region}"))
    }

    fn full_place(&self) -> String {
        let (account, name) = (&self.bypass.target.account, clean(self.account_name, 64));
        let account = if name.is_empty() { format!("account {account}") } else { format!("{name} ({account})") };
        self.region().map_or_else(|| account.clone(), |region| format!("{account}, {region}"))
    }

    fn data(&self) -> serde_json::Value {
        let Bypass { principal, source_ip, agent, target, act, .. } = self.bypass;
        json!({
            "attribution": self.attribution,
            "principal": principal,
            "human": principal.human(),
            "what": self.did(),
            "note": act_note(act),
            "at": self.at,
            "event_id": self.event_id,
            "source_ip": clean(source_ip, 64),
            "agent": clean(agent, 80),
            "link": event_page(&target.region, self.event_id),
            "changed": [],
        })
    }

    /// What a stack set does is about no account in particular, and goes under the hub's.
    fn finish(&self, page: AlertBuilder, now: Time) -> Alert {
        let Bypass { target, failed, principal, .. } = self.bypass;
        let page = page.put("principal", json!(principal)).put("human", json!(Principal::human(principal)));
        if failed.is_none() && self.deployment() == Deployment::StackSet && !self.bypass.act.takes_away() {
            return page.put("target", json!(target.to_string())).finish(self.hub, None, None, now);
        }
        page.finish(&target.account, self.region(), None, now)
    }
}

/// What the event shows beyond the act, for programs.
fn act_note(act: &BypassAct) -> Option<String> {
    let BypassAct::SessionDocument { content, .. } = act else { return None };
    Some(shown(content.as_ref()))
}

fn severity_of(act: &BypassAct) -> Severity {
    match act {
        BypassAct::Mapped { .. } => Severity::Critical,
        BypassAct::Rule { .. } | BypassAct::Role { .. } if act.takes_away() => Severity::Critical,
        // Port forwarding starts no shell, and so runs as nobody.
        BypassAct::SessionDocument { content: Some(content), .. } if content.session_type == "Port" => {
            Severity::Warning
        }
        BypassAct::Tagged { .. }
        | BypassAct::SessionDocument { .. }
        | BypassAct::Rule { .. }
        | BypassAct::Role { .. }
        | BypassAct::Replayed { .. } => Severity::High,
        BypassAct::Untagged { .. } | BypassAct::Archived { .. } => Severity::Warning,
    }
}

/// What the act means for sessions or for the reactor.
fn meaning(act: &BypassAct) -> String {
    match act {
        BypassAct::Tagged { bearer, user, .. } => format!(
            "Sessions of {} {} run as {user} now, whatever the document says: Session Manager reads the tag {RUN_AS_TAG} first.",
            bearer.parts().0,
            bearer.parts().1
        ),
        BypassAct::Untagged { bearer } => format!(
            "Sessions of {} {} run as the document's user now, and fail where the document names none.",
            bearer.parts().0,
            bearer.parts().1
        ),
        BypassAct::Mapped { mapping: Mapping::To(source), .. } => format!(
            "Identity Center gives each session what its directory has in {source} as a tag, and Session Manager reads the tag \
             before the document."
        ),
        BypassAct::Mapped { mapping: Mapping::Missing | Mapping::Deleted, .. } => format!(
            "If {RUN_AS_TAG} was mapped before, sessions of Identity Center run as the document's user now, and fail where \
             the document names none."
        ),
        BypassAct::Mapped { mapping: Mapping::Hidden, .. } => format!(
            "CloudTrail does not show the new attributes: {RUN_AS_TAG} may be among them, and then decides who sessions run as."
        ),
        BypassAct::SessionDocument { content, .. } => format!(
            "Sessions that are started with it follow its settings, and not those of the document that the reactor keeps. {}",
            shown(content.as_ref())
        ),
        BypassAct::Rule { .. } if act.takes_away() => {
            "The reactor may not hear of changes there any more; sweeps find those of the document, hours later.".to_owned()
        }
        BypassAct::Rule { .. } => "What the rule matches, or where it sends to, may be something else now.".to_owned(),
        BypassAct::Archived { .. } => {
            "A replay of it could send old events again. The reactor's rules let no replay through.".to_owned()
        }
        BypassAct::Replayed { .. } => {
            "The reactor's rules let no replay through, so that nothing comes of it; it may be an attempt to deceive the \
             reactor."
                .to_owned()
        }
        BypassAct::Role { .. } if act.takes_away() => {
            "It is one of the reactor's roles: documents may not be put right there, or events not forwarded, without it."
                .to_owned()
        }
        BypassAct::Role { .. } => {
            "It is one of the reactor's roles: others may get its rights now, or it may have other rights.".to_owned()
        }
    }
}

/// What CloudTrail shows of a Session document's content.
fn shown(content: Option<&SessionContent>) -> String {
    let Some(content) = content else {
        return "CloudTrail does not show what is in it.".to_owned();
    };
    let SessionContent { session_type, run_as_enabled, run_as_default_user } = content;
    let kind = if session_type.is_empty() { "no session type" } else { session_type };
    let run_as = match (run_as_enabled.as_str(), run_as_default_user.as_str()) {
        ("true", "") => "Run As on, without a user".to_owned(),
        ("true", user) => format!("Run As on, as {user}"),
        ("" | "false", _) => "Run As off".to_owned(),
        (other, _) => format!("runAsEnabled {other}"),
    };
    format!("As CloudTrail shows it: {kind}, {run_as}.")
}
