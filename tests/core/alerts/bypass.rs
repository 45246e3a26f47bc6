//! Alerts about calls that get past the document: how urgent, how often, and in which words.

use std::collections::BTreeSet;

use runas_reactor::domain::bypass::{
    Bearer, BusChange, Bypass, BypassAct, Mapping, RUN_AS_TAG, RoleChange, RuleChange, SessionContent,
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

fn replayed(bus: &str) -> BypassAct {
    let bus = format!("arn:aws:events:eu-west-1:444455556666:event-bus/{bus}");
    BypassAct::Replayed { name: "again".to_owned(), bus }
}

fn policy_written(name: &str) -> BypassAct {
    role(RoleChange::PolicyWritten(name.to_owned()))
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
    raised(bypass, Attribution::Untrusted, Mode::Enforce)
}

fn raised(bypass: &Bypass, attribution: Attribution, mode: Mode) -> Alert {
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
        (BypassAct::Mapped { instance: String::new(), mapping: Mapping::Hidden }, Severity::Critical),
        // Whether the organisation mapped the tag before is not known.
        (BypassAct::Mapped { instance: String::new(), mapping: Mapping::Missing }, Severity::Warning),
        (BypassAct::Mapped { instance: String::new(), mapping: Mapping::Deleted }, Severity::Warning),
        (session_document("Standard_Stream"), Severity::High),
        (session_document("Port"), Severity::Warning),
        (rule(RuleChange::Disabled), Severity::Critical),
        (rule(RuleChange::WrittenDisabled), Severity::Critical),
        (rule(RuleChange::TargetsSet), Severity::High),
        (BypassAct::Bus { change: BusChange::PolicyRemoved }, Severity::Critical),
        (BypassAct::Bus { change: BusChange::PolicyWritten }, Severity::High),
        (role(RoleChange::Deleted), Severity::Critical),
        (role(RoleChange::TrustChanged), Severity::High),
        (role(attached), Severity::High),
        (BypassAct::Archived { name: "all".to_owned(), bus: String::new() }, Severity::Warning),
        (replayed("runas-reactor"), Severity::High),
        (replayed("default"), Severity::Warning),
    ] {
        assert_eq!(alert(&call(act.clone())).severity, severity, "{act:?}");
        let failed = Bypass { failed: Some("AccessDenied".to_owned()), ..call(act.clone()) };
        assert_eq!(alert(&failed).severity, Severity::Warning, "{act:?}");
    }
}

#[test]
fn own_tags_of_an_exempt_or_observed_account_are_no_page() {
    for (mode, tag, disabled) in [
        (Mode::Enforce, Severity::High, Severity::Critical),
        (Mode::Observe, Severity::Warning, Severity::Critical),
        (Mode::Exempt, Severity::Info, Severity::Critical),
    ] {
        let severity = |act| raised(&call(act), Attribution::Untrusted, mode).severity;
        assert_eq!((severity(tagged()), severity(rule(RuleChange::Disabled))), (tag, disabled), "{mode:?}");
    }
    assert_eq!(raised(&call(mapped()), Attribution::BreakGlass, Mode::Enforce).severity, Severity::High);
}

#[test]
fn deployment_is_alerted_once_an_hour_and_a_removal_pages_whatever_its_roles_name() {
    let (stack_set, stack) = ("stacksets-exec-0123456789abcdef", "ci/Deploy");
    for (role, change, severity, window) in [
        (stack_set, RuleChange::Written, Severity::Info, 3_600),
        (stack_set, RuleChange::Deleted, Severity::Critical, 600),
        (stack, RuleChange::Written, Severity::Warning, 3_600),
        (stack, RuleChange::Deleted, Severity::Critical, 600),
    ] {
        let bypass = by_stack(role, rule(change));
        let [first, second, next] = [("a", 0), ("b", 60), ("c", window)]
            .map(|(id, seconds)| about(&bypass, id, seconds, Attribution::Untrusted, Mode::Enforce));
        assert_eq!((first.severity, first.verdict()), (severity, "Deployed"), "{role} {change:?}");
        assert_eq!(first.id, second.id);
        assert_ne!(first.id, next.id);
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
fn stack_is_a_deployment_only_of_what_the_templates_have() {
    let attached = role(RoleChange::PolicyAttached("arn:aws:iam::aws:policy/AdministratorAccess".to_owned()));
    let archived = BypassAct::Archived { name: "all".to_owned(), bus: String::new() };
    for by in ["stacksets-exec-0123456789abcdef", "ci/Deploy"] {
        for own in ["broker", "document", "forward", "function", "preflight", "schedule"] {
            let raised = alert(&by_stack(by, policy_written(own)));
            assert!(raised.severity <= Severity::Warning && raised.verdict() == "Deployed", "{by} {own}: {raised:?}");
        }
        for (act, severity) in [
            (policy_written("backdoor"), Severity::High),
            (attached.clone(), Severity::High),
            (role(RoleChange::BoundarySet), Severity::High),
            (role(RoleChange::BoundaryDeleted), Severity::High),
            (replayed("runas-reactor"), Severity::High),
            (archived.clone(), Severity::Warning),
        ] {
            let raised = alert(&by_stack(by, act.clone()));
            assert_eq!((raised.severity, raised.verdict()), (severity, "Not undone"), "{by} {act:?}");
            assert_eq!(raised.account.as_str(), "444455556666", "{by} {act:?}");
        }
    }
}

#[test]
fn neither_name_nor_user_agent_alone_makes_a_deployment() {
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
fn one_caller_raises_six_alerts_an_hour_of_one_severity_however_many_calls_it_makes() {
    let id = |bypass: &Bypass, seconds| {
        about(bypass, &format!("event-{seconds}"), seconds, Attribution::Untrusted, Mode::Enforce).id
    };
    let ids = |bypass: &Bypass| (0..3_600).step_by(20).map(|seconds| id(bypass, seconds)).collect::<BTreeSet<_>>();
    let act = call(tagged());
    assert_eq!(ids(&act).len(), 6);
    let failed = Bypass { failed: Some("AccessDenied".to_owned()), ..act.clone() };
    assert_eq!(ids(&failed).len(), 1);
    // Nothing is counted to what is milder, of another kind, or of another person with the same role.
    let untagged = call(BypassAct::Untagged { bearer: Bearer::User("build".to_owned()) });
    let mut by_another = act.clone();
    by_another.principal.name = Some("mallory@example.com".to_owned());
    let ids = [&act, &failed, &untagged, &call(session_document("Port")), &by_another].map(|bypass| id(bypass, 0));
    assert_eq!(BTreeSet::from(ids.clone()).len(), ids.len(), "{ids:?}");
}

#[test]
fn session_names_that_a_caller_chooses_do_not_get_round_the_limit() {
    let by = |session: &str| {
        let arn = Some("arn:aws:iam::444455556666:role/Admin".to_owned());
        let principal = Principal { arn, name: Some(session.to_owned()), ..call(tagged()).principal };
        alert(&Bypass { principal, ..call(tagged()) }).id
    };
    assert_eq!(by("a"), by("b"));
}

#[test]
fn alert_says_what_is_counted_and_which_command_lists_it() {
    let raised = alert(&call(tagged()));
    for words in [
        "More by this caller in this account within ten minutes is counted, not alerted.",
        "aws cloudtrail lookup-events --region eu-west-1 --start-time 2026-",
        "AttributeKey=Username,AttributeValue=alice@example.com",
    ] {
        assert!(raised.text.contains(words), "{words}: {}", raised.text);
    }
}

#[test]
fn trusted_caller_who_removes_a_part_is_a_warning() {
    let raised = raised(&call(rule(RuleChange::Deleted)), Attribution::Trusted, Mode::Enforce);
    assert_eq!(raised.severity, Severity::Warning);
}

#[test]
fn what_a_tag_means_is_said_as_session_manager_takes_it() {
    let tag = |user: &str| {
        let bearer = Bearer::Role("Developer".to_owned());
        alert(&call(BypassAct::Tagged { bearer, key: RUN_AS_TAG.to_owned(), user: user.to_owned(), created: false }))
            .text
    };
    let (named, root) = (tag("dbadmin"), tag("root"));
    assert!(
        named.contains("Where the document has Run As on, sessions of role Developer run as dbadmin now"),
        "{named}"
    );
    assert!(root.contains("Where the document has Run As on, no session of role Developer starts now"), "{root}");
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
fn call_that_failed_for_another_reason_is_not_called_denied() {
    for (code, verdict) in [("AccessDenied", "Denied"), ("LimitExceeded", "Failed")] {
        let failed = Bypass { failed: Some(code.to_owned()), ..call(tagged()) };
        assert_eq!(alert(&failed).verdict(), verdict);
    }
}

#[test]
fn note_for_programs_says_what_a_session_document_holds() {
    let note = |act| alert(&call(act)).data["edits"][0]["note"].as_str().map(str::to_owned);
    assert_eq!(note(session_document("Port")).as_deref(), Some("As CloudTrail shows it: Port, Run As off."));
    assert_eq!(note(tagged()), None);
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
        Some("aws events enable-rule --region eu-west-1 --name runas-reactor-documents --event-bus-name default")
    );
    assert_eq!(
        deleted(RoleChange::PolicyWritten("backdoor".to_owned())).as_deref(),
        Some("aws iam delete-role-policy --role-name RunasReactorMember --policy-name backdoor")
    );
    // Without our own policy the role would do nothing.
    for own in ["broker", "document", "forward", "function", "preflight", "schedule"] {
        assert_eq!(deleted(RoleChange::PolicyWritten(own.to_owned())), None);
    }
    // Disabling by `PutRule` has replaced the pattern, too.
    assert_eq!(undo(rule(RuleChange::WrittenDisabled)), None);
    assert_eq!(undo(mapped()), None);
}

#[test]
fn command_with_a_placeholder_is_in_the_text_only() {
    let untagged = BypassAct::Untagged { bearer: Bearer::Role("Developer".to_owned()) };
    let unnamed = BypassAct::SessionDocument { name: "a b".to_owned(), created: true, content: None };
    let bearer = Bearer::Role("a b".to_owned());
    let tagged = BypassAct::Tagged { bearer, key: RUN_AS_TAG.to_owned(), user: "dbadmin".to_owned(), created: false };
    for (act, words) in [(untagged, "Value=USER"), (unnamed, "--name NAME"), (tagged, "--role-name NAME")] {
        let raised = alert(&call(act));
        assert!(raised.text.contains(words), "{}", raised.text);
        assert_eq!(raised.data.get("undo"), None, "{words}");
    }
}

#[test]
fn advice_restores_by_operator_command_and_never_deletes_the_hub() {
    let raised = alert(&call(rule(RuleChange::Deleted)));
    assert!(
        raised.text.contains("make the change back by hand: `aws cloudformation detect-stack-drift"),
        "{}",
        raised.text
    );
    assert!(!raised.text.contains("delete the stack"), "{}", raised.text);
    assert!(alert(&call(tagged())).text.contains("and tag it again if it had another value."));
}

#[test]
fn call_is_named_by_what_it_did_or_by_what_it_tried() {
    let bus = |change| BypassAct::Bus { change };
    let policy = || "own".to_owned();
    let arn = || "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess".to_owned();
    for (act, did, tried, what) in [
        (mapped(), "mapped", "map", "SSMSessionRunAs to ${path:userName}"),
        (rule(RuleChange::Disabled), "disabled", "disable", "the rule runas-reactor-documents"),
        (rule(RuleChange::WrittenDisabled), "wrote", "write", "the rule runas-reactor-documents, disabled"),
        (rule(RuleChange::Deleted), "deleted", "delete", "the rule runas-reactor-documents"),
        (rule(RuleChange::TargetsSet), "set", "set", "the targets of the rule runas-reactor-documents"),
        (rule(RuleChange::TargetsRemoved), "removed", "remove", "the targets of the rule runas-reactor-documents"),
        (bus(BusChange::PolicyWritten), "wrote", "write", "the policy of the reactor's bus"),
        (bus(BusChange::PolicyRemoved), "removed", "remove", "the policy of the reactor's bus"),
        (bus(BusChange::Updated), "changed", "change", "the reactor's bus"),
        (bus(BusChange::Deleted), "deleted", "delete", "the reactor's bus"),
        (role(RoleChange::Deleted), "deleted", "delete", "the role RunasReactorMember"),
        (role(RoleChange::TrustChanged), "changed", "change", "who may assume the role RunasReactorMember"),
        (policy_written("own"), "wrote", "write", "the policy own of the role RunasReactorMember"),
        (
            role(RoleChange::PolicyDeleted(policy())),
            "deleted",
            "delete",
            "the policy own of the role RunasReactorMember",
        ),
        (
            role(RoleChange::PolicyAttached(arn())),
            "attached",
            "attach",
            "ViewOnlyAccess to the role RunasReactorMember",
        ),
        (
            role(RoleChange::PolicyDetached(arn())),
            "detached",
            "detach",
            "ViewOnlyAccess from the role RunasReactorMember",
        ),
        (role(RoleChange::BoundarySet), "set", "set", "the permissions boundary of the role RunasReactorMember"),
        (
            role(RoleChange::BoundaryDeleted),
            "deleted",
            "delete",
            "the permissions boundary of the role RunasReactorMember",
        ),
    ] {
        assert_eq!(act.in_words(), format!("{did} {what}"));
        assert_eq!(act.attempted(), format!("to {tried} {what}"));
    }
}

#[test]
fn stack_set_that_writes_in_many_accounts_is_one_alert() {
    let written = by_stack("stacksets-exec-0123456789abcdef", rule(RuleChange::Written));
    let target = Target::new("555566667777".parse().unwrap(), "us-east-1".parse().unwrap());
    let elsewhere = Bypass { target, ..written.clone() };
    assert_eq!(alert(&written).id, alert(&elsewhere).id);
    let deleted = Bypass { act: rule(RuleChange::Deleted), ..written };
    let elsewhere = Bypass { act: rule(RuleChange::Deleted), ..elsewhere };
    assert_ne!(alert(&deleted).id, alert(&elsewhere).id, "each account that loses a rule is alerted");
}

#[test]
fn deployment_says_how_long_more_of_it_is_counted_and_what_to_do() {
    let (stack_set, stack) = ("stacksets-exec-0123456789abcdef", "ci/Deploy");
    let of_a_set = "A stack set did it. More of that within the hour, in any account, is counted";
    let of_a_stack = "A stack did it. More of the same caller's stacks in this account within the hour is";
    let taken_away = "A stack did it. More by this caller in this account within ten minutes is counted";
    for (by, change, counted, advice) in [
        (stack_set, RuleChange::Written, of_a_set, "Nothing, if the reactor was deployed just now;"),
        (stack_set, RuleChange::Deleted, taken_away, "has deployed or removed the reactor there just now"),
        (stack, RuleChange::Written, of_a_stack, "has deployed or removed the reactor there just now"),
        (stack, RuleChange::Deleted, taken_away, "has deployed or removed the reactor there just now"),
    ] {
        let text = alert(&by_stack(by, rule(change))).text;
        assert!(text.contains(counted) && text.contains(advice), "{counted} {advice}: {text}");
    }
}

#[test]
fn change_of_the_reactors_own_parts_says_what_it_may_lead_to() {
    for (act, words) in [
        (rule(RuleChange::Deleted), "The reactor may not hear of changes there any more"),
        (rule(RuleChange::Written), "What the rule matches, or where it sends to, may be something else now."),
        (role(RoleChange::Deleted), "documents may not be put right there, or events not forwarded, without it."),
        (role(RoleChange::TrustChanged), "others may get its rights now, or it may have other rights."),
    ] {
        let text = alert(&call(act)).text;
        assert!(text.contains(words), "{words}: {text}");
    }
}

trait Verdict {
    fn verdict(&self) -> &str;
}

impl Verdict for Alert {
    fn verdict(&self) -> &str {
        self.subject.split(": ").next().unwrap()
    }
}
