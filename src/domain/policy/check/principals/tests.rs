use serde_json::{Value, json};

use super::super::tests::said_of;
use crate::domain::policy::check::check;
use crate::domain::policy::tests::example;

/// The problems of one pattern, without its path.
fn said_of_pattern(pattern: &str) -> Vec<String> {
    let mut json = example();
    json["principals"] = json!({ "break_glass": [pattern] });
    said_of(&json).iter().map(|said| said.replace(" principals.break_glass[0]", "")).collect()
}

#[test]
fn patterns_that_match_every_principal_are_rejected() {
    for pattern in [
        "*",
        "**",
        "?*",
        "arn:aws:iam::*:*",
        "arn:*:*:*:*:*",
        "arn:aws:*::*:role/Deploy",
        "arn:aws:iam::*:role/*",
        "arn:aws:iam::*:role/**",
        "arn:aws:iam::*:role/?*",
        "arn:aws:iam::*:r*",
        "arn:aws:iam::*:role/*/*",
        "arn:aws:iam::*:user/*",
        "arn:aws:iam::11*:role/*",
        "arn:aws:iam::????????????:role/*",
        "arn:aws:iam::*:role/*a*",
        "arn:aws:iam::*:role/A*",
        "arn:aws:iam::*:root",
        "arn:aws:iam::*:role/aws-reserved/*",
        "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*",
        "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/eu-west-1/*",
        "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_*",
        "arn:aws:iam::*:role/*AWSReservedSSO_*",
    ] {
        assert_eq!(said_of_pattern(pattern), ["error trusts_everybody"], "{pattern}");
    }
}

#[test]
fn patterns_that_fit_a_name_are_safe_only_behind_the_guardrail() {
    for pattern in [
        "arn:aws:iam::*:role/AWSAccelerator-*",
        "arn:aws:iam::*:role/path/Deploy",
        "arn:aws:iam::444455556666:role/Deploy",
        "arn:aws:iam::*:user/deploy",
        // The name alone is not the reserved path.
        "arn:aws:iam::*:role/AWSReservedSSO_BreakGlass_*",
        "arn:aws:iam::*:role/*AWSReservedSSO_BreakGlass_*",
        "arn:aws:iam::*:role/aws-reserved*BreakGlass*",
    ] {
        assert_eq!(said_of_pattern(pattern), ["warning nameable_by_administrator"], "{pattern}");
    }
    for pattern in [
        "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_BreakGlass_*",
        "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_BreakGlass_*",
        // The management account's administrators control the organisation anyway.
        "arn:aws:iam::111122223333:role/Deploy",
        "arn:aws:iam::111122223333:role/*",
        "arn:aws:iam::444455556666:root",
        "quicksetup.amazonaws.com",
        "config.amazonaws.com.cn",
    ] {
        assert_eq!(said_of_pattern(pattern), Vec::<String>::new(), "{pattern}");
    }
    assert_eq!(said_of_pattern("arn:aws:iam::444455556666:role/*"), ["warning trusts_whole_account"]);
}

#[test]
fn patterns_that_match_no_principal_are_rejected() {
    for (pattern, code) in [
        ("", "bad_pattern"),
        ("AWSAccelerator-Deploy", "bad_pattern"),
        ("111122223333", "bad_pattern"),
        ("*.amazonaws.com", "bad_pattern"),
        ("arn:aws:iam::*", "bad_pattern"),
        ("arn:aws:iam::1234:role/Deploy", "bad_pattern"),
        ("arn:aws:iam:eu-west-1:*:role/Deploy", "bad_pattern"),
        ("arn:aws:iam::*:group/Deploy", "bad_pattern"),
        ("arn:aws:iam::*:Deploy", "bad_pattern"),
        ("arn:aws:ec2::*:role/Deploy", "bad_pattern"),
        ("arn:aws:iam::*:role/De ploy", "bad_pattern"),
        ("arn:aws:iam::*:role/Dëploy", "bad_pattern"),
        ("arn:aws-cn:iam::*:role/Deploy", "unreachable_rule"),
        ("arn:aws:sts::*:assumed-role/Deploy/*", "session_arn"),
        ("arn:aws:sts::111122223333:federated-user/x", "session_arn"),
    ] {
        assert_eq!(said_of_pattern(pattern), [format!("error {code}")], "{pattern}");
    }
    let long = |bytes: usize| format!("{:x<bytes$}", "arn:aws:iam::*:role/");
    assert_eq!(said_of_pattern(&long(256)), ["warning nameable_by_administrator"]);
    assert_eq!(said_of_pattern(&long(257)), ["error bad_pattern"]);
}

#[test]
fn a_session_is_answered_with_its_role() {
    for (pattern, role) in [
        ("arn:aws:sts::*:assumed-role/Deploy/me", "arn:aws:iam::*:role/Deploy"),
        (
            "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/me@example.com",
            "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Admin_0123456789abcdef",
        ),
    ] {
        let mut json = example();
        json["principals"] = json!({ "trusted": [pattern] });
        let problems = check(&serde_json::from_value(json).unwrap(), None);
        assert_eq!(problems[0].fix, format!("write the role behind it: {role}"));
    }
}

#[test]
fn patterns_do_not_overlap() {
    let said_of_both = |trusted: Value, break_glass: Value| {
        let mut json = example();
        json["principals"] = json!({ "trusted": trusted, "break_glass": break_glass });
        said_of(&json).into_iter().filter(|said| said.starts_with("error")).collect::<Vec<_>>()
    };
    let role = |name: &str| format!("arn:aws:iam::*:role/{name}");
    assert_eq!(
        said_of_both(json!([role("Deploy-*")]), json!([role("*-Emergency")])),
        ["error trust_overlap principals.break_glass[0]"]
    );
    assert_eq!(
        said_of_both(json!(["a.amazonaws.com"]), json!(["a.amazonaws.com"])),
        ["error trust_overlap principals.break_glass[0]"]
    );
    assert_eq!(said_of_both(json!([role("Deploy-*")]), json!([role("Emergency-*")])), Vec::<String>::new());
    // Within one list the narrower pattern is redundant, wherever it stands.
    for (list, index) in [(["Deploy-*", "Deploy-A"], 1), (["Deploy-A", "Deploy-*"], 0), (["Deploy-A", "Deploy-A"], 1)] {
        assert_eq!(
            said_of_both(json!(list.map(role)), json!([])),
            [format!("error unreachable_rule principals.trusted[{index}]")]
        );
    }
    let many: Vec<String> = (0..101).map(|n| role(&format!("Role{n:03}"))).collect();
    assert_eq!(said_of_both(json!(many), json!([])), ["error too_many principals.trusted"]);
}
