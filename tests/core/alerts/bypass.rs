//! Alerts about calls that get past the document: how urgent, how often, and in which words.

use runas_reactor::domain::bypass::{
    Bearer, Bypass, BypassAct, Mapping, RUN_AS_TAG, RoleChange, RuleChange, SessionContent,
};
use runas_reactor::domain::finding::{Alert, BypassCase, Severity, about_bypass};
use runas_reactor::domain::policy::Mode;
use runas_reactor::domain::principal::{Attribution, Principal};
use runas_reactor::domain::target::Target;

use crate::support::case::at;

const HUB: &str = "222233334444";
const SET: &str = "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Admin_0123456789abcdef";

pub(super) fn tagged() -> BypassAct {
    let bearer = Bearer::Role("Developer".to_owned());
    BypassAct::Tagged { bearer, key: RUN_AS_TAG.to_owned(), user: "dbadmin".to_owned(), created: false }
}

pub(super) fn mapped() -> BypassAct {
    let mapping = Mapping::To("${path:userName}".to_owned());
    BypassAct::Mapped { instance: "arn:aws:sso:::instance/ssoins-7223example0001".to_owned(), mapping }
}

pub(super) fn session_document(session_type: &str) -> BypassAct {
    let content = SessionContent {
        session_type: session_type.to_owned(),
        run_as_enabled: "false".to_owned(),
        run_as_default_user: String::new(),
    };
    BypassAct::SessionDocument { name: "Debug-Shell".to_owned(), created: true, content: Some(content) }
}

pub(super) fn rule(change: RuleChange) -> BypassAct {
    BypassAct::Rule { name: "runas-reactor-documents".to_owned(), bus: None, change }
}

fn role(change: RoleChange) -> BypassAct {
    BypassAct::Role { name: "RunasReactorMember".to_owned(), change }
}

/// A call by an administrator who signed in through Identity Center.
pub(super) fn call(act: BypassAct) -> Bypass {
    Bypass {
        target: Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap()),
        act,
        principal: Principal {
            kind: "AssumedRole".to_owned(),
            arn: Some(format!("arn:aws:iam::444455556666:role/{SET}")),
            name: Some("alice@example.com".to_owned()),
        },
        failed: None,
        agent: "cli".to_owned(),
        source_ip: "203.0.113.9".to_owned(),
        through: None,
    }
}

/// The same call by the stack of this role.
fn by_stack(role: &str, act: BypassAct) -> Bypass {
    let principal =
        Principal { arn: Some(format!("arn:aws:iam::444455556666:role/{role}")), ..call(tagged()).principal };
    Bypass { principal, through: Some("cloudformation.amazonaws.com".to_owned()), ..call(act) }
}

pub(super) fn alert(bypass: &Bypass) -> Alert {
    told(bypass, Attribution::Untrusted, Mode::Enforce)
}

fn told(bypass: &Bypass, attribution: Attribution, mode: Mode) -> Alert {
    about(bypass, "2f1b6a30-5c1d-4a7e-9f06-6d2a7b1c0e55", 0, attribution, mode)
}

fn about(bypass: &Bypass, event_id: &str, seconds: i64, attribution: Attribution, mode: Mode) -> Alert {
    let hub = HUB.parse().unwrap();
    let case = BypassCase {
        bypass,
        event_id,
        at: at(seconds),
        attribution,
        by_gap_role: false,
        mode,
        account_name: "search",
        hub: &hub,
        policy: "7",
    };
    about_bypass(case, at(seconds + 20))
}

#[test]
fn what_was_done_decides_how_urgent_it_is() {
    let attached = RoleChange::PolicyAttached("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
    for (act, severity) in [
        (tagged(), Severity::High),
        (BypassAct::Untagged { bearer: Bearer::User("build".to_owned()) }, Severity::Warning),
        (mapped(), Severity::Critical),
        (BypassAct::Mapped { instance: String::new(), mapping: Mapping::Deleted }, Severity::Critical),
        (session_document("Standard_Stream"), Severity::High),
        (session_document("Port"), Severity::Warning),
        (rule(RuleChange::Disabled), Severity::Critical),
        (rule(RuleChange::TargetsSet), Severity::High),
        (role(RoleChange::Deleted), Severity::Critical),
        (role(RoleChange::TrustChanged), Severity::High),
        (role(attached), Severity::High),
        (BypassAct::Archived { name: "all".to_owned(), bus: String::new() }, Severity::Warning),
        (BypassAct::Replayed { name: "again".to_owned(), bus: String::new() }, Severity::High),
    ] {
        assert_eq!(alert(&call(act.clone())).severity, severity, "{act:?}");
        let failed = Bypass { failed: Some("AccessDenied".to_owned()), ..call(act.clone()) };
        assert_eq!(alert(&failed).severity, Severity::Warning, "{act:?}");
    }
}

#[test]
fn account_that_the_policy_exempts_or_observes_pages_nobody_by_its_own_tags() {
    for (mode, tag, disabled) in [
        (Mode::Enforce, Severity::High, Severity::Critical),
        (Mode::Observe, Severity::Warning, Severity::Critical),
        (Mode::Exempt, Severity::Info, Severity::Critical),
    ] {
        let severity = |act| told(&call(act), Attribution::Untrusted, mode).severity;
        assert_eq!((severity(tagged()), severity(rule(RuleChange::Disabled))), (tag, disabled), "{mode:?}");
    }
    assert_eq!(told(&call(mapped()), Attribution::BreakGlass, Mode::Enforce).severity, Severity::High);
}

#[test]
fn deployment_is_told_once_an_hour_and_what_it_takes_away_is_told_louder() {
    let (stack_set, stack) = ("stacksets-exec-0123456789abcdef", "ci/Deploy");
    for (role, change, severity) in [
        (stack_set, RuleChange::Written, Severity::Info),
        (stack_set, RuleChange::Deleted, Severity::Warning),
        (stack, RuleChange::Written, Severity::Warning),
        (stack, RuleChange::Deleted, Severity::Critical),
    ] {
        let bypass = by_stack(role, rule(change));
        let [first, second, next_hour] = [("a", 0), ("b", 60), ("c", 3_600)]
            .map(|(id, seconds)| about(&bypass, id, seconds, Attribution::Untrusted, Mode::Enforce));
        assert_eq!((first.severity, first.verdict()), (severity, "Deployed"), "{role} {change:?}");
        assert_eq!(first.id, second.id);
        assert_ne!(first.id, next_hour.id);
    }
    // What a deployment writes does not hide what the same caller deletes.
    let [written, deleted] =
        [RuleChange::Written, RuleChange::Deleted].map(|change| alert(&by_stack(stack, rule(change))).id);
    assert_ne!(written, deleted);
    // Of all accounts, under the hub's.
    let info = alert(&by_stack(stack_set, rule(RuleChange::Written)));
    assert_eq!((info.account.as_str(), info.data["target"].as_str()), (HUB, Some("444455556666/eu-west-1")));
}

#[test]
fn nobody_is_taken_for_a_deployment_by_name_or_by_agent_alone() {
    let mut by_name = by_stack("stacksets-exec-0123456789abcdef", rule(RuleChange::Written));
    by_name.through = None;
    let by_agent = Bypass { agent: "cloudformation.amazonaws.com".to_owned(), ..call(rule(RuleChange::Written)) };
    let tag_by_stack_set = by_stack("stacksets-exec-0123456789abcdef", tagged());
    for bypass in [by_name, by_agent, tag_by_stack_set] {
        let alert = alert(&bypass);
        assert_eq!((alert.severity, alert.verdict()), (Severity::High, "Not undone"), "{bypass:?}");
    }
}

#[test]
fn each_act_is_told_by_its_event_and_failed_ones_once_an_hour() {
    let id = |bypass: &Bypass, event| about(bypass, event, 0, Attribution::Untrusted, Mode::Enforce).id;
    let act = call(tagged());
    assert_eq!(id(&act, "a"), id(&act, "a"));
    assert_ne!(id(&act, "a"), id(&act, "b"));
    let failed = Bypass { failed: Some("AccessDenied".to_owned()), ..act };
    assert_eq!(id(&failed, "a"), id(&failed, "b"));
    let mut by_another = failed.clone();
    by_another.principal.arn = Some("arn:aws:iam::444455556666:role/Intern".to_owned());
    assert_ne!(id(&failed, "a"), id(&by_another, "a"));
}

#[test]
fn failed_call_says_that_nothing_changed_and_offers_nothing_to_undo() {
    let failed = Bypass { failed: Some("AccessDenied".to_owned()), ..call(tagged()) };
    let alert = alert(&failed);
    assert!(
        alert.subject.starts_with("Denied: Admin (alice@example.com) tried to make role Developer"),
        "{}",
        alert.subject
    );
    assert!(alert.text.contains("Nothing changed.") && !alert.text.contains("untag-role"), "{}", alert.text);
    assert_eq!((alert.data.get("undo"), alert.data["failed"].as_str()), (None, Some("AccessDenied")));
}

#[test]
fn content_that_cloudtrail_hides_is_said_to_be_hidden() {
    let hidden = BypassAct::SessionDocument { name: "Debug-Shell".to_owned(), created: true, content: None };
    let alert = alert(&call(hidden));
    assert!(alert.text.contains("CloudTrail does not show what is in it."), "{}", alert.text);
    assert_eq!(alert.severity, Severity::High, "what is not known is no port");
}

#[test]
fn command_that_undoes_it_is_exact() {
    let deleted = |change| alert(&call(role(change))).data["undo"].as_str().map(str::to_owned);
    let undo = |act| alert(&call(act)).data["undo"].as_str().map(str::to_owned);
    assert_eq!(undo(tagged()).as_deref(), Some("aws iam untag-role --role-name Developer --tag-keys SSMSessionRunAs"));
    assert_eq!(
        undo(session_document("Port")).as_deref(),
        Some("aws ssm delete-document --region eu-west-1 --name Debug-Shell")
    );
    assert_eq!(
        undo(rule(RuleChange::Disabled)).as_deref(),
        Some("aws events enable-rule --region eu-west-1 --name runas-reactor-documents")
    );
    assert_eq!(
        deleted(RoleChange::PolicyWritten("backdoor".to_owned())).as_deref(),
        Some("aws iam delete-role-policy --role-name RunasReactorMember --policy-name backdoor")
    );
    // Without our own policy the role would do nothing.
    assert_eq!(deleted(RoleChange::PolicyWritten("document".to_owned())), None);
    assert_eq!(undo(mapped()), None);
}

trait Verdict {
    fn verdict(&self) -> &str;
}

impl Verdict for Alert {
    fn verdict(&self) -> &str {
        self.subject.split(": ").next().unwrap()
    }
}
