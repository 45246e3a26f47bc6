use serde_json::{Value, json};

use super::super::problem::Level;
use super::super::tests::example;
use super::*;

fn now() -> Time {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// The problems of the example with one value replaced or added, as `level code path`. Leaves out the example's own warning
/// where that is not the subject.
fn said(pointer: &str, value: &Value) -> Vec<String> {
    let mut json = example();
    set(&mut json, pointer, value.clone());
    said_of(&json)
}

pub(super) fn said_of(json: &Value) -> Vec<String> {
    let document: Document = serde_json::from_value(json.clone()).unwrap();
    check(&document, Some(now()))
        .iter()
        .inspect(|problem| assert!(!problem.message.is_empty() && !problem.fix.is_empty(), "{problem}"))
        .map(|problem| format!("{} {} {}", problem.level.as_str(), problem.code, problem.path))
        .filter(|problem| problem != "warning nameable_by_administrator principals.trusted[0]")
        .collect()
}

fn set(json: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap();
    match parent.as_array_mut() {
        Some(items) => items.push(value),
        None => parent[key] = value,
    }
}

fn assert_said(cases: &[(&str, Value, &[&str])]) {
    for (pointer, value, expected) in cases {
        assert_eq!(said(pointer, value), *expected, "{pointer} = {value}");
    }
}

#[test]
fn the_example_has_one_thing_to_say() {
    let document: Document = serde_json::from_value(example()).unwrap();
    let problems = check(&document, Some(now()));
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].level, problems[0].code), (Level::Warning, "nameable_by_administrator"));
}

#[test]
fn an_unknown_version_is_all_that_is_said() {
    let mut json = example();
    json["version"] = json!(2);
    json["organization"]["id"] = json!("wrong");
    assert_eq!(said_of(&json), ["error unknown_version version"]);
}

#[test]
fn ids() {
    assert_said(&[
        ("/organization/id", json!("o-short"), &["error bad_id organization.id"]),
        ("/organization/id", json!("exampleorgid"), &["error bad_id organization.id"]),
        ("/organization/management_account", json!("11112222333"), &["error bad_id organization.management_account"]),
        ("/organization/hub_account", json!("11112222333x"), &["error bad_id organization.hub_account"]),
        ("/organization/hub_account", json!("111122223333"), &["warning hub_in_management organization.hub_account"]),
        ("/organization/home_region", json!("Ireland"), &["error bad_id organization.home_region"]),
        ("/scopes/0/accounts", json!(["0123"]), &["error bad_id scopes[0].accounts[0]"]),
        ("/scopes/0/ous", json!(["ou-ab12"]), &["error bad_id scopes[0].ous[0]"]),
        ("/scopes/0/ous", json!(["ou-AB12-11111111"]), &["error bad_id scopes[0].ous[0]"]),
        ("/scopes/0/ous", json!(["Production"]), &["error bad_id scopes[0].ous[0]"]),
        ("/scopes/0/ous", json!(["r-ab12"]), &["error bad_id scopes[0].ous[0]"]),
        ("/exemptions/0/accounts", json!(["x"]), &["error bad_id exemptions[0].accounts[0]"]),
        ("/exemptions/0/ous", json!(["r-ab12"]), &["error bad_id exemptions[0].ous[0]"]),
    ]);
}

#[test]
fn regions() {
    let many: Vec<String> = (0..65).map(|n| format!("aa-{}-1", "b".repeat(n % 25 + 1))).collect();
    assert_said(&[
        ("/regions", json!("enabled"), &[]),
        ("/regions", json!([]), &["error unreachable_rule regions"]),
        ("/regions", json!(["eu-west"]), &["error bad_id regions[0]"]),
        ("/regions", json!(["eu-wset-1"]), &["warning unknown_region regions[0]"]),
        ("/regions", json!(["mx-central-1", "ap-east-2"]), &[]),
        ("/regions", json!(["eu-west-1", "us-east-1", "eu-west-1"]), &["error duplicate_region regions[2]"]),
        ("/regions", json!(["eu-west-1", "us-gov-west-1"]), &["error mixed_partitions regions[1]"]),
        ("/regions", json!(["cn-north-1"]), &["error mixed_partitions regions[0]"]),
    ]);
    assert!(said("/regions", &json!(many)).contains(&"error too_many regions".to_owned()));
}

#[test]
fn roles() {
    let many: Vec<String> = (0..11).map(|n| format!("Role{n}")).collect();
    assert_said(&[
        ("/access/roles", json!([]), &["error bad_value access.roles"]),
        ("/access/roles", json!(["path/Role"]), &["error bad_id access.roles[0]"]),
        ("/access/roles", json!([""]), &["error bad_id access.roles[0]"]),
        ("/access/roles", json!(["arn:aws:iam::*:role/X"]), &["error bad_id access.roles[0]"]),
        ("/access/roles", json!(["x".repeat(65)]), &["error bad_id access.roles[0]"]),
        ("/access/roles", json!(["A", "B", "A"]), &["error duplicate_role access.roles[2]"]),
        (
            "/access/roles",
            json!(["AWSControlTowerExecution"]),
            &["warning administrator_role access.roles[0]", "error duplicate_role access.gap_roles[0]"],
        ),
        ("/access/roles", json!(many), &["error too_many access.roles"]),
        ("/access/gap_roles", json!(many), &["error too_many access.gap_roles"]),
        ("/access/gap_roles", json!([]), &[]),
    ]);
}

#[test]
fn users() {
    let at = "/defaults/preferences/runAsDefaultUser";
    let error: &[&str] = &["error unsafe_user defaults.preferences.runAsDefaultUser"];
    for user in ["ops", "_svc", "a", "ops-1_x", &"a".repeat(32)] {
        assert!(said(at, &json!(user)).is_empty(), "{user}");
    }
    for user in [
        "",
        "root",
        "Root",
        "ROOT",
        "Ops",
        "1ops",
        "-ops",
        "ops ",
        "ops;id",
        "$(id)",
        "`id`",
        "ops\nroot",
        "öps",
        "../ops",
        "ops$",
        "CORP\\ops",
        &"a".repeat(33),
        "ops@corp.example.com",
        "{{ user }}",
    ] {
        assert_eq!(said(at, &json!(user)), error, "{user}");
    }
    assert_eq!(said(at, &json!("ssm-user")), ["warning ssm_user defaults.preferences.runAsDefaultUser"]);
}

#[test]
fn domain_users_need_the_switch() {
    let with = |user: &str| {
        let mut json = example();
        json["allow_domain_users"] = json!(true);
        json["defaults"]["preferences"]["runAsDefaultUser"] = json!(user);
        said_of(&json)
    };
    for user in ["ops@corp.example.com", "First.Last@CORP", "svc_ops@corp", "first-last@corp-1.example", "ops"] {
        assert!(with(user).is_empty(), "{user}");
    }
    for user in [
        "root@corp",
        "ROOT@corp",
        "ops@",
        "@corp",
        "ops@corp;id",
        "ops@corp..com",
        "o s@corp",
        "-n@corp",
        "CORP\\ops",
        "a@b@c",
    ] {
        assert_eq!(with(user), ["error unsafe_user defaults.preferences.runAsDefaultUser"], "{user}");
    }
}

#[test]
fn run_as_is_complete_or_rejected() {
    let preferences = |value: Value| said("/defaults/preferences", &value);
    assert_eq!(
        preferences(json!({})),
        [
            "warning run_as_unowned defaults.preferences",
            "warning user_without_run_as scopes[0].preferences.runAsDefaultUser",
        ]
    );
    assert_eq!(preferences(json!({ "runAsEnabled": true })), ["error user_missing defaults.preferences.runAsEnabled"]);
    assert_eq!(
        preferences(json!({ "runAsEnabled": false })),
        ["warning user_without_run_as scopes[0].preferences.runAsDefaultUser"]
    );
    // A scope that enables it is complete by itself or by the defaults, but never by another scope.
    let mut json = example();
    json["defaults"]["preferences"] = json!({ "runAsEnabled": false });
    json["scopes"][0]["preferences"] = json!({ "runAsEnabled": true, "runAsDefaultUser": "prodops" });
    assert_eq!(said_of(&json), Vec::<String>::new());
    json["scopes"][1]["preferences"] = json!({ "runAsEnabled": true });
    assert_eq!(said_of(&json), ["error user_missing scopes[1].preferences.runAsEnabled"]);
    json["scopes"][1]["tag_only"] = json!(true);
    assert_eq!(said_of(&json), Vec::<String>::new());
}

#[test]
fn tag_only_stands_alone() {
    assert_said(&[
        ("/scopes/1/tag_only", json!(true), &[]),
        ("/scopes/0/tag_only", json!(true), &["error tag_only_with_user scopes[0].preferences.runAsDefaultUser"]),
        ("/defaults", json!({ "mode": "enforce", "preferences": { "runAsEnabled": true }, "tag_only": true }), &[]),
        (
            "/defaults",
            json!({ "mode": "enforce", "preferences": { "runAsEnabled": false }, "tag_only": true }),
            &[
                "error tag_only_without_run_as defaults.tag_only",
                "warning user_without_run_as scopes[0].preferences.runAsDefaultUser",
            ],
        ),
    ]);
}

#[test]
fn timeouts() {
    for (field, good, bad) in [
        ("idleSessionTimeout", &["1", "60"][..], &["0", "61", "", "05", "+5", "5.0", "five", "-1", " 5"][..]),
        ("maxSessionDuration", &["1", "1440", ""][..], &["0", "1441", "060", "1e3", "none"][..]),
    ] {
        let at = format!("/defaults/preferences/{field}");
        for value in good {
            assert!(said(&at, &json!(value)).is_empty(), "{field} {value}");
        }
        for value in bad {
            let expected = format!("error timeout_range defaults.preferences.{field}");
            assert_eq!(said(&at, &json!(value)), [expected], "{field} {value}");
        }
    }
}

#[test]
fn other_preferences() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/0123";
    assert_said(&[
        ("/defaults/preferences/s3BucketName", json!("logs.example"), &[]),
        ("/defaults/preferences/s3BucketName", json!(""), &[]),
        (
            "/defaults/preferences/s3BucketName",
            json!("s3://logs"),
            &["error bad_value defaults.preferences.s3BucketName"],
        ),
        (
            "/defaults/preferences/s3BucketName",
            json!("{{ b }}"),
            &["error parameter defaults.preferences.s3BucketName"],
        ),
        ("/defaults/preferences/s3KeyPrefix", json!("a\u{7}b"), &["error bad_value defaults.preferences.s3KeyPrefix"]),
        ("/defaults/preferences/cloudWatchLogGroupName", json!("/ssm/sessions"), &[]),
        (
            "/defaults/preferences/cloudWatchLogGroupName",
            json!("a group"),
            &["error bad_value defaults.preferences.cloudWatchLogGroupName"],
        ),
        ("/defaults/preferences/kmsKeyId", json!("alias/session-manager"), &[]),
        ("/defaults/preferences/kmsKeyId", json!("a key"), &["error bad_value defaults.preferences.kmsKeyId"]),
        ("/defaults/preferences/kmsKeyId", json!(key), &["warning regional_key defaults.preferences.kmsKeyId"]),
        ("/scopes/0/preferences/shellProfile", json!({ "linux": "cd ~\n\texec bash" }), &[]),
        (
            "/scopes/0/preferences/shellProfile",
            json!({ "linux": "{{ cmd }}" }),
            &["error parameter scopes[0].preferences.shellProfile.linux"],
        ),
        (
            "/scopes/0/preferences/shellProfile",
            json!({ "windows": "\u{1b}[2J" }),
            &["error bad_value scopes[0].preferences.shellProfile.windows"],
        ),
        ("/scopes/0/preferences/shellProfile", json!({ "windows": "x".repeat(16_384) }), &[]),
        (
            "/scopes/0/preferences/shellProfile",
            json!({ "windows": "x".repeat(16_385) }),
            &["error bad_value scopes[0].preferences.shellProfile.windows"],
        ),
    ]);
    let mut json = example();
    json["regions"] = json!(["eu-west-1"]);
    json["defaults"]["preferences"]["kmsKeyId"] = json!(key);
    assert_eq!(said_of(&json), Vec::<String>::new());
}

#[test]
fn scopes() {
    let scope = |value: Value| said("/scopes/-", &value);
    assert_eq!(
        scope(json!({ "name": "x", "accounts": ["444455556666"], "mode": "observe" })),
        ["error overlapping_rules scopes[2].accounts[0]"]
    );
    assert_eq!(
        scope(json!({ "name": "x", "ous": ["ou-ab12-11111111"], "mode": "observe" })),
        ["error overlapping_rules scopes[2].ous[0]"]
    );
    assert_eq!(
        scope(json!({ "name": "x", "ous": ["ou-ab12-22222222", "ou-ab12-22222222"], "mode": "observe" })),
        ["error overlapping_rules scopes[2].ous[1]"]
    );
    assert_eq!(scope(json!({ "name": "x", "mode": "observe" })), ["error unreachable_rule scopes[2]"]);
    assert_eq!(scope(json!({ "name": "x", "ous": ["ou-ab12-22222222"] })), ["warning unreachable_rule scopes[2]"]);
    assert_eq!(
        scope(json!({ "name": "pilot", "ous": ["ou-ab12-22222222"], "mode": "observe" })),
        ["error duplicate_name scopes[2].name"]
    );
    for name in ["", " x", "a`b", "a\nb", &"x".repeat(65)] {
        let said = scope(json!({ "name": name, "ous": ["ou-ab12-22222222"], "mode": "observe" }));
        assert_eq!(said, ["error bad_value scopes[2].name"], "{name}");
    }
    let many: Vec<Value> = (0..1001)
        .map(|n| json!({ "name": format!("s{n}"), "accounts": [format!("{n:012}")], "mode": "observe" }))
        .collect();
    assert_eq!(said("/scopes", &json!(many)), ["error too_many scopes"]);
}

#[test]
fn exemptions() {
    let exemption = |key: &str, value: Value| {
        let mut json = json!({ "ous": ["ou-ab12-22222222"], "reason": "r", "owner": "o", "expires": "2026-11-20" });
        json[key] = value;
        said("/exemptions/-", &json)
    };
    // Its last day is today.
    assert_eq!(exemption("after", json!("enforce")), Vec::<String>::new());
    assert_eq!(exemption("expires", json!("2026-11-19")), ["warning expired_exemption exemptions[1].expires"]);
    for day in ["2027-02-30", "31.01.2027", "2027-1-31", "2027-01-31T00:00", "2027W041", "", "9999-99-99"] {
        assert_eq!(exemption("expires", json!(day)), ["error bad_value exemptions[1].expires"], "{day}");
    }
    for (key, chars) in [("reason", 256), ("owner", 64)] {
        assert_eq!(exemption(key, json!("ö".repeat(chars))), Vec::<String>::new(), "{key}");
        for text in ["", "  ", "a\nb", "a\u{202e}b", &"x".repeat(chars + 1)] {
            assert_eq!(exemption(key, json!(text)), [format!("error bad_value exemptions[1].{key}")], "{key} {text}");
        }
    }
    assert_eq!(exemption("ous", json!([])), ["error unreachable_rule exemptions[1]"]);
    assert_eq!(exemption("accounts", json!(["555566667777"])), ["error overlapping_rules exemptions[1].accounts[0]"]);
    // A scope and an exemption may name the same account.
    assert_eq!(exemption("accounts", json!(["444455556666"])), Vec::<String>::new());
}

#[test]
fn an_exemption_ends_with_its_day() {
    assert_eq!(end_of_day("2027-01-31").unwrap().to_string(), "2027-02-01T00:00:00Z");
    assert_eq!(end_of_day("2028-02-28").unwrap().to_string(), "2028-02-29T00:00:00Z");
    let document: Document = serde_json::from_value(example()).unwrap();
    let warned = |now: &str| check(&document, now.parse().ok()).iter().any(|found| found.code == "expired_exemption");
    assert!(!warned("2027-01-31T23:59:59.999Z") && warned("2027-02-01T00:00:00Z"));
}

#[test]
fn numbers() {
    for (at, path, good, bad) in [
        ("/break_glass", "hold_minutes", [1, 240], vec![0]),
        ("/break_glass", "daily_minutes", [60, 1_440], vec![1_441]),
        ("/breaker", "reverts", [2, 100], vec![1, 101]),
        ("/breaker", "within_minutes", [1, 1_440], vec![0, 1_441]),
        ("/readiness", "retry_for_minutes", [1, 10_080], vec![0, 10_081]),
        ("/alerts", "configuration_lag_minutes", [1, 10_080], vec![0, 10_081]),
    ] {
        for value in good {
            assert!(said(at, &json!({ path: value })).is_empty(), "{at} {path} {value}");
        }
        for value in bad {
            let expected = format!("error out_of_range {}.{path}", at.trim_start_matches('/'));
            assert_eq!(said(at, &json!({ path: value })), [expected], "{at} {path} {value}");
        }
    }
}

#[test]
fn hold_is_no_longer_than_what_a_day_allows() {
    let problem = "error out_of_range break_glass.daily_minutes";
    for (glass, problems) in [
        (json!({ "hold_minutes": 241 }), vec![problem]),
        (json!({ "hold_minutes": 241, "daily_minutes": 240 }), vec![problem]),
        (json!({ "hold_minutes": 241, "daily_minutes": 241 }), vec![]),
        (json!({ "daily_minutes": 59 }), vec![problem]),
    ] {
        assert_eq!(said("/break_glass", &glass), problems, "{glass}");
    }
}
