//! Alerts about calls that get past the document, or at the reactor's own parts: who did what, what it means, and the
//! command that undoes it.

mod undo;

use serde_json::json;

use super::caller::Origin;
use super::links::event_page;
use super::{Alert, AlertBuilder, Kind, Severity};
use crate::domain::bypass::{Bypass, BypassAct, Mapping, RUN_AS_TAG, SessionContent};
use crate::domain::edit::is_denial;
use crate::domain::os_user::is_root;
use crate::domain::policy::Mode;
use crate::domain::principal::{Attribution, Principal};
use crate::domain::target::{AccountId, Region};
use crate::domain::text::{clean, sha256};
use crate::domain::time::Time;
use undo::{calls_of_the_caller, undo};

/// The roles that StackSets work by in an account [docs: stacksets-orgs-activate-trusted-access; LZA]. Any principal
/// can take such a name: it lowers the severity only.
const STACK_SET_ROLES: [&str; 2] = ["stacksets-exec-", "AWSCloudFormationStackSetExecutionRole"];

/// The end of the ARN of the hub's bus.
const HUB_BUS: &str = ":event-bus/runas-reactor";

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
        Some(_) => page.says("Nothing changed. More attempts by this caller within the hour are counted, not alerted."),
        None => page.says(&meaning(&bypass.act)).says(case.state()),
    };
    let origin = Origin { source_ip: &bypass.source_ip, agent: &bypass.agent };
    let undo = undo(bypass);
    let page = page
        .caller(&bypass.principal, case.attribution, Some(origin))
        .row("Through", bypass.through.as_deref().unwrap_or_default())
        .advice(&case.advice(&name, &undo.in_words(&bypass.target.account)))
        .event_link(&bypass.target.region, Some(case.event_id))
        .link("Calls", calls_of_the_caller(bypass, &case.since()))
        .link("Account", format!("runasctl status --account {}", bypass.target.account))
        .origin(&format!("Policy version {}.", case.policy))
        .put("edits", json!([case.data()]))
        .put("count", json!(1))
        .put("account_name", json!(case.account_name))
        .put("policy", json!(case.policy))
        .put("correlation", json!(case.event_id));
    let page = match (&bypass.failed, undo.command()) {
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
        BypassAct::Rule { .. }
        | BypassAct::Bus { .. }
        | BypassAct::Archived { .. }
        | BypassAct::Replayed { .. }
        | BypassAct::Role { .. } => Kind::ReactorTampered,
    }
}

impl BypassCase<'_> {
    /// A deployment does what the templates do, or takes it away. A stack that does anything else is none of the reactor's.
    fn deployment(&self) -> Deployment {
        let act = &self.bypass.act;
        if !(act.is_of_the_templates() || act.takes_away()) || !self.bypass.is_of_a_stack() {
            return Deployment::None;
        }
        let role = self.bypass.principal.arn.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        if self.by_gap_role || STACK_SET_ROLES.iter().any(|known| role.starts_with(known)) {
            Deployment::StackSet
        } else {
            Deployment::Stack
        }
    }

    /// What was done decides, unless the call failed, the policy leaves the account alone, or a deployment explains it. No
    /// deployment explains what takes away: any principal that can make a role can delete a stack by a role of such a name.
    fn severity(&self) -> Severity {
        let act = &self.bypass.act;
        let of_act = severity_of(act);
        if self.bypass.failed.is_some() {
            return Severity::Warning;
        }
        let of_act = match (self.deployment(), act.takes_away()) {
            (Deployment::StackSet, false) => Severity::Info,
            (Deployment::Stack, false) => Severity::Warning,
            (_, true) | (Deployment::None, _) => of_act,
        };
        let in_account = matches!(kind(act), Kind::RunAsTagChanged | Kind::OtherSessionDocument);
        match (self.attribution, self.mode) {
            (_, Mode::Exempt) if in_account => Severity::Info,
            (_, Mode::Observe) if in_account => of_act.min(Severity::Warning),
            (Attribution::Trusted, _) => of_act.min(Severity::Warning),
            (Attribution::BreakGlass, _) => of_act.min(Severity::High),
            (Attribution::Reactor | Attribution::Untrusted | Attribution::Unattributed, _) => of_act,
        }
    }

    /// One caller may make many calls. The first in ten minutes is alerted for each caller and severity, of deployments and of
    /// failed calls the first in an hour; the others are counted.
    fn key(&self, kind: Kind, severity: Severity) -> String {
        let (kind, account, since) = (kind.as_str(), &self.bypass.target.account, self.window());
        let caller = self.caller();
        match (&self.bypass.failed, self.deployment()) {
            (Some(_), _) => format!("{kind}:failed:{account}:{caller}:{since}"),
            (None, Deployment::StackSet) if severity == Severity::Info => format!("{kind}:stack-set:{since}"),
            (None, _) => format!("{kind}:{account}:{caller}:{}:{since}", severity.as_str()),
        }
    }

    /// The caller's identity, by what AWS vouches for: the role or user, and the person where Identity Center names one.
    fn caller(&self) -> String {
        let principal = &self.bypass.principal;
        let identity = principal.arn.as_deref().or(principal.name.as_deref()).unwrap_or_default();
        let digest = sha256(&format!("{identity} {}", principal.human().unwrap_or_default()));
        digest.chars().take(12).collect()
    }

    /// Whether what comes after it is counted for an hour, and not for ten minutes.
    fn is_of_an_hour(&self) -> bool {
        let act = &self.bypass.act;
        self.bypass.failed.is_some() || (self.deployment() != Deployment::None && !act.takes_away())
    }

    /// The beginning of the call's time, up to the hour or to the tens of minutes.
    fn window(&self) -> String {
        self.at.to_string().chars().take(if self.is_of_an_hour() { 13 } else { 15 }).collect()
    }

    /// When the window began.
    fn since(&self) -> String {
        format!("{}{}", self.window(), if self.is_of_an_hour() { ":00:00Z" } else { "0:00Z" })
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
            Deployment::StackSet | Deployment::Stack if self.bypass.act.takes_away() => {
                "A stack did it. More by this caller in this account within ten minutes is counted, not alerted."
            }
            Deployment::None => {
                "It stands: the reactor has no rights to undo it. More by this caller in this account within ten minutes is \
                 counted, not alerted."
            }
            Deployment::Stack => {
                "A stack did it. More of the same caller's stacks in this account within the hour is counted, not alerted."
            }
            Deployment::StackSet => {
                "A stack set did it. More of that within the hour, in any account, is counted, not alerted."
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

    fn region(&self) -> Option<&Region> {
        self.bypass.act.is_regional().then_some(&self.bypass.target.region)
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

    /// A stack set's write is filed under the hub account.
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
        BypassAct::Mapped { mapping: Mapping::To(_) | Mapping::Hidden, .. } => Severity::Critical,
        BypassAct::Rule { .. } | BypassAct::Bus { .. } | BypassAct::Role { .. } if act.takes_away() => {
            Severity::Critical
        }
        // Port forwarding starts no shell, so no OS user applies.
        BypassAct::SessionDocument { content: Some(content), .. } if content.session_type == "Port" => {
            Severity::Warning
        }
        // What the reactor acts on comes over the hub's bus. Any account can replay events to its own default bus.
        BypassAct::Replayed { bus, .. } if !bus.ends_with(HUB_BUS) => Severity::Warning,
        BypassAct::Tagged { .. }
        | BypassAct::SessionDocument { .. }
        | BypassAct::Rule { .. }
        | BypassAct::Bus { .. }
        | BypassAct::Role { .. }
        | BypassAct::Replayed { .. } => Severity::High,
        // Whether the organisation mapped the tag before is not known.
        BypassAct::Mapped { mapping: Mapping::Missing | Mapping::Deleted, .. }
        | BypassAct::Untagged { .. }
        | BypassAct::Archived { .. } => Severity::Warning,
    }
}

/// What the act means for sessions or for the reactor.
fn meaning(act: &BypassAct) -> String {
    match act {
        BypassAct::Tagged { bearer, user, .. } if is_root(user) => format!(
            "Where the document has Run As on, no session of {} {} starts now: Session Manager refuses root.",
            bearer.parts().0,
            bearer.parts().1
        ),
        BypassAct::Tagged { bearer, user, .. } => format!(
            "Where the document has Run As on, sessions of {} {} run as {user} now, whatever its default user: Session Manager \
             reads the tag {RUN_AS_TAG} first.",
            bearer.parts().0,
            bearer.parts().1
        ),
        BypassAct::Untagged { bearer } => format!(
            "Where the document has Run As on, sessions of {} {} run as its default user now, and fail where it names none.",
            bearer.parts().0,
            bearer.parts().1
        ),
        BypassAct::Mapped { mapping: Mapping::To(source), .. } => format!(
            "Identity Center gives each session what its directory has in {source} as a tag. Where the document has Run As on, \
             Session Manager reads the tag before its default user."
        ),
        BypassAct::Mapped { mapping: Mapping::Missing | Mapping::Deleted, .. } => format!(
            "If {RUN_AS_TAG} was mapped before, sessions of Identity Center run as the document's default user now where it \
             has Run As on, and fail where it names none."
        ),
        BypassAct::Mapped { mapping: Mapping::Hidden, .. } => format!(
            "CloudTrail does not show the new attributes: {RUN_AS_TAG} may be among them, and then decides who sessions run as \
             where the document has Run As on."
        ),
        BypassAct::SessionDocument { content, .. } => format!(
            "Sessions that are started with it follow its settings, and not those of the document that the reactor keeps. {}",
            shown(content.as_ref())
        ),
        BypassAct::Rule { .. } if act.takes_away() => {
            "The reactor may not hear of changes there any more; sweeps find those of the document, hours later.".to_owned()
        }
        BypassAct::Rule { .. } => "What the rule matches, or where it sends to, may be something else now.".to_owned(),
        BypassAct::Bus { .. } => {
            "Events of all accounts come over this bus: they may not arrive any more, or others may send to it.".to_owned()
        }
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
