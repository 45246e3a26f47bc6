use serde_json::json;

use super::*;
use crate::domain::target::{AccountFacts, AccountState};

/// The policy of `infra/policy.example.yaml`, as far as tests of the domain need it.
pub(super) fn example() -> Value {
    json!({
        "version": 1,
        "organization": {
            "id": "o-exampleorgid",
            "management_account": "111122223333",
            "hub_account": "222233334444",
            "home_region": "eu-west-1"
        },
        "regions": ["eu-west-1", "eu-central-1", "us-east-1"],
        "access": { "roles": ["RunasReactorMember"], "gap_roles": ["AWSControlTowerExecution"] },
        "unplaced": "observe",
        "defaults": { "mode": "enforce", "preferences": { "runAsEnabled": true, "runAsDefaultUser": "ops" } },
        "scopes": [
            {
                "name": "production",
                "ous": ["ou-ab12-11111111"],
                "preferences": { "runAsDefaultUser": "prodops", "idleSessionTimeout": "15" }
            },
            { "name": "pilot", "accounts": ["444455556666"], "mode": "observe" }
        ],
        "exemptions": [{
            "accounts": ["555566667777"],
            "reason": "appliance with its own users",
            "owner": "team-net",
            "expires": "2027-01-31"
        }],
        "principals": {
            "trusted": ["arn:aws:iam::*:role/AWSAccelerator-*"],
            "break_glass": ["arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_BreakGlass_*"]
        }
    })
}

pub(super) fn policy(json: &Value) -> Policy {
    Policy::from_compiled(&json.to_string()).unwrap()
}

fn principal(kind: &str, arn: Option<&str>, name: Option<&str>) -> Principal {
    Principal { kind: kind.to_owned(), arn: arn.map(str::to_owned), name: name.map(str::to_owned) }
}

#[test]
fn compiling_is_canonical_and_complete() {
    let policy = policy(&example());
    let compiled = policy.compiled();
    assert_eq!(Policy::from_compiled(&compiled).unwrap(), policy);
    assert_eq!(Policy::from_compiled(&compiled).unwrap().compiled(), compiled);
    assert_eq!(serde_json::to_value(&policy).unwrap().to_string(), compiled);
    assert_eq!(serde_json::from_str::<Policy>(&compiled).unwrap(), policy);
    // Sorted keys, no white space, and today's defaults written out, so that later defaults do not change it.
    assert!(compiled.starts_with(r#"{"access":{"gap_roles":["AWSControlTowerExecution"],"roles":"#), "{compiled}");
    assert!(
        compiled.contains(
            r#""alerts":{"configuration_lag_minutes":5},"break_glass":{"daily_minutes":240,"hold_minutes":60}"#
        ),
        "{compiled}"
    );
    assert!(compiled.contains(r#""breaker":{"reverts":5,"within_minutes":10}"#), "{compiled}");
    assert!(compiled.ends_with(r#""unplaced":"observe","version":1}"#), "{compiled}");
}

#[test]
fn the_digest_follows_the_meaning() {
    let plain = policy(&example());
    let mut explicit = example();
    explicit["break_glass"] = json!({ "hold_minutes": 60 });
    assert_eq!(policy(&explicit).digest(), plain.digest());
    explicit["break_glass"] = json!({ "hold_minutes": 61 });
    assert_ne!(policy(&explicit).digest(), plain.digest());
    assert_eq!(plain.digest().len(), 64);
    assert!(plain.digest().starts_with(plain.label()) && plain.label().len() == 12);
    assert_eq!(plain.with_label("v7").label(), "v7");
}

#[test]
fn a_compiled_policy_is_checked_again() {
    let error = |text: &str| Policy::from_compiled(text).unwrap_err().to_string();
    assert_eq!(
        error("{}"),
        "the compiled policy is not in the format read here; push it again with the runasctl of this version"
    );
    let mut unknown = example();
    unknown["surprise"] = json!(true);
    assert!(matches!(Policy::from_compiled(&unknown.to_string()), Err(PolicyError::Unreadable(_))));
    let mut wrong = example();
    wrong["defaults"]["preferences"]["runAsDefaultUser"] = json!("root");
    wrong["breaker"] = json!({ "reverts": 1 });
    assert_eq!(
        error(&wrong.to_string()),
        "the policy is rejected: error[unsafe_user] at `defaults.preferences.runAsDefaultUser`: Session Manager does not \
         support `root` as Run As user; fix: name an ordinary user, and let sudo on the nodes decide what it may do (and 1 \
         more)"
    );
    let padded = format!("{}{}", " ".repeat(POLICY_BYTES_MAX), example());
    assert!(matches!(Policy::from_compiled(&padded), Err(PolicyError::TooBig { .. })));
}

#[test]
fn an_ended_exemption_does_not_make_a_compiled_policy_unreadable() {
    let mut ended = example();
    ended["exemptions"][0]["expires"] = json!("2001-01-31");
    assert!(Policy::from_compiled(&ended.to_string()).is_ok());
}

#[test]
fn a_policy_says_where_it_holds() {
    let listed = policy(&example());
    let region = |text: &str| text.parse::<Region>().unwrap();
    assert_eq!(listed.governed_regions().map(<[Region]>::len), Some(3));
    assert!(listed.governs(&region("us-east-1")) && !listed.governs(&region("us-east-2")));
    let mut enabled = example();
    enabled["regions"] = json!("enabled");
    let enabled = policy(&enabled);
    assert_eq!(enabled.governed_regions(), None);
    assert!(enabled.governs(&region("us-east-2")) && !enabled.governs(&region("us-gov-west-1")));
    assert_eq!(listed.organization_id(), "o-exampleorgid");
    assert_eq!(listed.management_account().as_str(), "111122223333");
    assert_eq!(listed.hub_account().as_str(), "222233334444");
    assert_eq!(listed.home_region().as_str(), "eu-west-1");
    assert_eq!(listed.limits(), Limits::default());
}

#[test]
fn limits_are_the_policys_own_blocks() {
    let mut json = example();
    json["break_glass"] = json!({ "hold_minutes": 1, "daily_minutes": 2 });
    json["breaker"] = json!({ "reverts": 3, "within_minutes": 4 });
    json["readiness"] = json!({ "retry_for_minutes": 5 });
    json["alerts"] = json!({ "configuration_lag_minutes": 6 });
    let limits = policy(&json).limits();
    assert_eq!((limits.break_glass.hold_minutes, limits.break_glass.daily_minutes), (1, 2));
    assert_eq!((limits.breaker.reverts, limits.breaker.within_minutes), (3, 4));
    assert_eq!((limits.readiness.retry_for_minutes, limits.alerts.configuration_lag_minutes), (5, 6));
}

#[test]
fn principals_are_attributed_by_the_policy() {
    let mut json = example();
    json["principals"]["trusted"] = json!([
        "arn:aws:iam::*:role/AWSAccelerator-*",
        "arn:aws:iam::111122223333:user/pipeline",
        "quicksetup.amazonaws.com"
    ]);
    let policy = policy(&json);
    let sso = "arn:aws:iam::444455556666:role/aws-reserved/sso.amazonaws.com";
    let break_glass = format!("{sso}/eu-west-1/AWSReservedSSO_BreakGlass_0123456789abcdef");
    let engineer = format!("{sso}/eu-west-1/AWSReservedSSO_Engineer_0123456789abcdef");
    let copied = "arn:aws:iam::444455556666:role/AWSReservedSSO_BreakGlass_0123456789abcdef";
    for (kind, arn, name, expected) in [
        ("AssumedRole", Some("arn:aws:iam::444455556666:role/AWSAccelerator-Deploy"), None, Attribution::Trusted),
        ("AssumedRole", Some("arn:aws:iam::444455556666:role/x/AWSAccelerator-Deploy"), None, Attribution::Untrusted),
        // The session's ARN ends in a name that the caller chose.
        (
            "AssumedRole",
            Some("arn:aws:sts::444455556666:assumed-role/AWSAccelerator-x/y"),
            None,
            Attribution::Untrusted,
        ),
        ("AssumedRole", Some(break_glass.as_str()), None, Attribution::BreakGlass),
        ("AssumedRole", Some(engineer.as_str()), None, Attribution::Untrusted),
        ("AssumedRole", Some(copied), None, Attribution::Untrusted),
        ("IAMUser", Some("arn:aws:iam::111122223333:user/pipeline"), Some("pipeline"), Attribution::Trusted),
        ("IAMUser", Some("arn:aws:iam::444455556666:user/pipeline"), Some("pipeline"), Attribution::Untrusted),
        ("AWSService", None, Some("quicksetup.amazonaws.com"), Attribution::Trusted),
        ("AWSService", None, Some("cloudformation.amazonaws.com"), Attribution::Untrusted),
        // Any principal can carry the name of a service.
        ("IAMUser", None, Some("quicksetup.amazonaws.com"), Attribution::Untrusted),
        ("AssumedRole", None, None, Attribution::Untrusted),
        ("Unknown", Some("arn:aws:iam::444455556666:role/AWSAccelerator-Deploy"), None, Attribution::Trusted),
        ("Unknown", None, None, Attribution::Unattributed),
        ("", None, None, Attribution::Unattributed),
    ] {
        assert_eq!(policy.attribute(&principal(kind, arn, name)), expected, "{kind} {arn:?} {name:?}");
    }
    assert_eq!(policy.attribute(&Principal::unknown()), Attribution::Unattributed);
}

#[test]
fn reactors_roles_are_recognised_by_name_and_account() {
    let policy = policy(&example());
    let account: AccountId = "444455556666".parse().unwrap();
    for (arn, expected) in [
        (Some("arn:aws:iam::444455556666:role/RunasReactorMember"), true),
        (Some("arn:aws:iam::444455556666:role/path/RunasReactorMember"), true),
        (Some("arn:aws-cn:iam::444455556666:role/AWSControlTowerExecution"), true),
        (Some("arn:aws:iam::111122223333:role/RunasReactorMember"), false),
        (Some("arn:aws:iam::444455556666:role/NotRunasReactorMember"), false),
        (Some("arn:aws:iam::444455556666:user/RunasReactorMember"), false),
        (Some("arn:aws:sts::444455556666:assumed-role/x/RunasReactorMember"), false),
        (Some("RunasReactorMember"), false),
        (None, false),
    ] {
        assert_eq!(policy.is_reactor_role(&principal("AssumedRole", arn, None), &account), expected, "{arn:?}");
    }
    assert_eq!(
        (policy.roles(), policy.gap_roles()),
        (&["RunasReactorMember".to_owned()][..], &["AWSControlTowerExecution".to_owned()][..])
    );
}

#[test]
fn a_compiled_policy_of_256_kb_is_read() {
    let padding = POLICY_BYTES_MAX - example().to_string().len();
    assert!(Policy::from_compiled(&format!("{}{}", " ".repeat(padding), example())).is_ok());
    let larger = format!("{}{}", " ".repeat(padding + 1), example());
    assert!(matches!(Policy::from_compiled(&larger), Err(PolicyError::TooBig { .. })));
}

#[test]
fn a_policy_of_256_kb_once_it_is_compiled_is_taken() {
    let sized = |bytes: usize| {
        let document = |accounts: usize, name: usize| -> Document {
            let mut json = example();
            let accounts = (0..accounts).map(|n| format!("{:012}", 600_000_000_000 + n));
            json["scopes"][1]["accounts"] = accounts.collect();
            json["scopes"][1]["name"] = json!("x".repeat(name));
            serde_json::from_value(json).unwrap()
        };
        let missing = |accounts, name| bytes - compile(&document(accounts, name)).len();
        let accounts = missing(1, 1) / "\"600000000000\",".len();
        let document = document(accounts, missing(accounts, 1) + 1);
        assert_eq!(compile(&document).len(), bytes);
        let rejected = Policy::from_document(document, None).err().unwrap_or_default();
        rejected.iter().map(ToString::to_string).find(|problem| problem.contains("too_big"))
    };
    assert_eq!(sized(POLICY_BYTES_MAX), None);
    assert!(sized(POLICY_BYTES_MAX + 1).is_some());
}

#[test]
fn policies_that_say_the_same_are_equal_whatever_they_are_called() {
    let mut other = example();
    other["unplaced"] = json!("enforce");
    assert_eq!(policy(&example()), policy(&example()));
    assert_ne!(policy(&example()), policy(&other));
}

/// The problems of the example with one value replaced, as `code path`.
fn said(pointer: &str, value: Value) -> Vec<String> {
    let mut json = example();
    *json.pointer_mut(pointer).unwrap() = value;
    let problems = check::check(&serde_json::from_value(json).unwrap(), None);
    problems.iter().map(|problem| format!("{} {}", problem.code, problem.path)).collect()
}

/// One entry of a list by its number.
type Entry<'a> = &'a dyn Fn(usize) -> Value;

#[test]
fn as_many_as_a_limit_says_are_taken_and_one_more_is_not() {
    let too_many = |pointer: &str, count: usize, entry: Entry<'_>| {
        said(pointer, (0..count).map(entry).collect()).iter().any(|problem| problem.starts_with("too_many"))
    };
    let role = |n: usize| json!(format!("Role{n}"));
    let region = |n: usize| json!(format!("eu-west-{n}"));
    let scope = |n: usize| json!({ "name": format!("s{n}"), "accounts": [format!("{n:012}")], "mode": "observe" });
    let trusted = |n: usize| json!(format!("arn:aws:iam::*:role/Role{n:03}"));
    let limits: [(&str, usize, Entry<'_>); 4] = [
        ("/access/roles", 10, &role),
        ("/regions", 64, &region),
        ("/scopes", 1_000, &scope),
        ("/principals/trusted", 100, &trusted),
    ];
    for (pointer, most, entry) in limits {
        assert_eq!([most, most + 1].map(|count| too_many(pointer, count, entry)), [false, true], "{pointer}");
    }
}

#[test]
fn a_shell_profile_has_room_for_16_kb() {
    let profile = |bytes: usize| json!({ "runAsEnabled": true, "runAsDefaultUser": "ops", "shellProfile": { "linux": "x".repeat(bytes) } });
    let too_long = |bytes| said("/defaults/preferences", profile(bytes)).iter().any(|it| it.contains("shellProfile"));
    assert_eq!([16 * 1_024, 16 * 1_024 + 1].map(too_long), [false, true]);
}

#[test]
fn an_ou_is_called_as_organizations_calls_it() {
    let wrong = |id: &str| !said("/scopes/0/ous", json!([id])).is_empty();
    let right = said("/scopes/0/ous", json!(["ou-ab12-11111111"])).len();
    let said_of = |id: &str| said("/scopes/0/ous", json!([id])).len() > right;
    for id in ["ou-abc-11111111", "ou-ab12-1111111", "ou-AB12-11111111", "ou-ab12-1111111X"] {
        assert!(wrong(id) && said_of(id), "{id}");
    }
}

#[test]
fn a_service_can_be_trusted_by_its_name() {
    for name in ["ec2.amazonaws.com", "ssm-guiconnect.amazonaws.com", "ssm.amazonaws.com.cn"] {
        assert!(said("/principals/trusted", json!([name])).iter().all(|it| !it.contains("trusted")), "{name}");
    }
}

#[test]
fn accounts_without_a_change_are_no_impact() {
    let facts = AccountFacts {
        account: "444455556666".parse().unwrap(),
        name: String::new(),
        ou_path: Vec::new(),
        state: AccountState::Active,
    };
    let policy = policy(&example());
    let impact = impact::Impact::of(Some(&policy), &policy, &[facts], Time::ZERO);
    assert_eq!((impact.of, impact.accounts.len()), (1, 0));
}
