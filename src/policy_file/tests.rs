use proptest::prelude::*;

use super::*;

/// The smallest file that is accepted without warnings.
const SMALL: &str = r#"version: 1
organization: { id: o-exampleorgid, management_account: "111122223333", hub_account: "222233334444", home_region: eu-west-1 }
regions: [eu-west-1]
access: { roles: [RunasReactorMember] }
unplaced: observe
defaults:
  mode: enforce
  preferences: { runAsEnabled: true, runAsDefaultUser: ops }
"#;

fn now() -> Time {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn found(text: &str) -> Vec<Diagnostic> {
    match parse("policy.yaml", text, now()) {
        Ok((_, lints)) => lints,
        Err(problems) => problems.problems,
    }
}

/// The problems of a file, as `line:column level code`.
fn said(text: &str) -> Vec<String> {
    let found = found(text).into_iter();
    found.map(|d| format!("{}:{} {} {}", d.line, d.column, d.problem.level.as_str(), d.problem.code)).collect()
}

/// The problems of the small file with one line replaced.
fn said_with(from: &str, to: &str) -> Vec<String> {
    assert!(SMALL.contains(from), "{from}");
    said(&SMALL.replacen(from, to, 1))
}

#[test]
fn a_plain_file_is_accepted() {
    let (policy, lints) = parse("policy.yaml", SMALL, now()).unwrap();
    assert!(lints.is_empty());
    assert_eq!(Policy::from_compiled(&policy.compiled()).unwrap(), policy);
    // Order, comments and line ends have no effect.
    let (head, defaults) = SMALL.split_at(SMALL.find("defaults:").unwrap());
    let reordered = format!("{defaults}{head}").replace('\n', "   # a remark\r\n");
    assert_eq!(parse("policy.yaml", &reordered, now()).unwrap().0.digest(), policy.digest());
}

#[test]
fn every_problem_has_its_place() {
    for (from, to, expected) in [
        // Shape.
        ("unplaced: observe", "unplacd: observe", &["1:1 error missing_key", "5:1 error unknown_key"][..]),
        ("unplaced: observe", "unplaced: observe\nunplaced: enforce", &["6:1 error duplicate_key"]),
        ("unplaced: observe", "unplaced: exempt", &["5:11 error wrong_type"]),
        ("unplaced: observe", "unplaced:", &["5:1 error wrong_type"]),
        ("unplaced: observe", "unplaced: [observe]", &["5:11 error wrong_type"]),
        ("regions: [eu-west-1]", "regions: eu-west-1", &["3:10 error wrong_type"]),
        ("regions: [eu-west-1]", "regions: { a: b }", &["3:10 error wrong_type"]),
        ("access: {", "access: { role: [X], ", &["4:11 error unknown_key"]),
        ("access: { roles: [RunasReactorMember] }", "access:\n- roles", &["5:3 error wrong_type"]),
        ("\"111122223333\"", "111122223333", &["2:57 error wrong_type"]),
        ("\"111122223333\"", "011122223333", &["2:57 error wrong_type"]),
        ("runAsEnabled: true", "runAsEnabled: yes", &["8:32 error wrong_type"]),
        ("runAsEnabled: true", "runAsEnabled: True", &["8:32 error wrong_type"]),
        ("runAsEnabled: true", "runAsEnabled: \"true\"", &["8:32 error wrong_type"]),
        ("runAsDefaultUser: ops", "runAsDefaultUser: 007", &["8:56 error wrong_type"]),
        ("runAsDefaultUser: ops", "runAsDefaultUser: no", &["8:56 error wrong_type"]),
        ("runAsDefaultUser: ops", "idleSessionTimeout: 15", &["8:32 error user_missing", "8:58 error wrong_type"]),
        ("defaults:", "breaker: { reverts: -1 }\ndefaults:", &["6:21 error wrong_type"]),
        ("defaults:", "breaker: { reverts: 1.5 }\ndefaults:", &["6:21 error wrong_type"]),
        ("defaults:", "breaker: { reverts: 0x10 }\ndefaults:", &["6:21 error wrong_type"]),
        ("defaults:", "breaker: { reverts: 99999999999 }\ndefaults:", &["6:21 error wrong_type"]),
        // Version.
        ("version: 1", "version: 2", &["1:10 error unknown_version"]),
        ("version: 1", "version: \"1\"", &["1:10 error wrong_type"]),
        // Values.
        ("defaults:", "breaker: { reverts: 0 }\ndefaults:", &["6:21 error out_of_range"]),
        ("runAsDefaultUser: ops", "runAsDefaultUser: root", &["8:56 error unsafe_user"]),
        ("[eu-west-1]", "[eu-west-1, eu-west-1]", &["3:22 error duplicate_region"]),
        ("[eu-west-1]", "\n  - eu-west-1\n  - us-gov-west-1", &["5:5 error mixed_partitions"]),
        ("[eu-west-1]", "[]", &["3:1 error unreachable_rule"]),
        ("defaults:", "scopes:\n  - name: x\n    ous: [r-ab12]\n    mode: observe\ndefaults:", &["8:11 error bad_id"]),
        ("defaults:", "scopes:\n  - name: x\n    mode: observe\ndefaults:", &["7:5 error unreachable_rule"]),
        ("defaults:", "principals: { trusted: [\"*\"] }\ndefaults:", &["6:25 error trusts_everybody"]),
        (
            "defaults:",
            "exemptions:\n- { accounts: [\"333344445555\"], reason: r, owner: o, expires: 2026-11-19 }\ndefaults:",
            &["7:63 warning expired_exemption"],
        ),
    ] {
        assert_eq!(said_with(from, to), expected, "{to}");
    }
}

#[test]
fn only_plain_yaml_is_read() {
    for (from, to, expected) in [
        ("regions: [eu-west-1]", "regions: &r [eu-west-1]", "3:13 error bad_yaml"),
        ("regions: [eu-west-1]", "regions: [&r eu-west-1]", "3:14 error bad_yaml"),
        ("regions: [eu-west-1]", "regions: *r", "3:10 error bad_yaml"),
        ("regions: [eu-west-1]", "regions: !!seq [eu-west-1]", "3:16 error bad_yaml"),
        ("unplaced: observe", "unplaced: !!str observe", "5:17 error bad_yaml"),
        ("unplaced: observe", "[a]: observe", "5:1 error bad_yaml"),
        ("unplaced: observe", "<<: { a: b }", "5:1 error unknown_key"),
        ("defaults:", "---\ndefaults:", "7:1 error bad_yaml"),
        ("unplaced: observe", "unplaced: \"observe", "6:1 error bad_yaml"),
        ("regions: [eu-west-1]", "regions: [eu-west-1", "4:7 error bad_yaml"),
        ("unplaced: observe", " unplaced: observe", "5:2 error bad_yaml"),
    ] {
        let said = said_with(from, to);
        assert!(said.iter().any(|said| said == expected), "{to}: {said:?}");
    }
    assert_eq!(said(""), ["1:1 error bad_yaml"]);
    assert_eq!(said("# nothing\n"), ["1:1 error bad_yaml"]);
    assert_eq!(said("text"), ["1:1 error wrong_type"]);
    assert_eq!(said("null").len(), 1);
}

#[test]
fn everything_has_a_limit() {
    assert_eq!(said(&format!("{SMALL}#{}", "x".repeat(POLICY_BYTES_MAX))), ["1:1 error too_big"]);
    assert_eq!(said(&"[".repeat(10_000)).len(), 1);
    assert_eq!(said(&"- ".repeat(10_000)).len(), 1);
    assert_eq!(said(&"{a: ".repeat(10_000)).len(), 1);
    // The source fits the limit, the compiled policy does not.
    let (user, prefix) = ("u".repeat(32), "p".repeat(134));
    let scopes = (0..999).fold("scopes:\n".to_owned(), |scopes, n| {
        scopes
            + &format!("- {{name: s{n}, accounts: [\"{n:012}\"], ")
            + &format!("preferences: {{runAsDefaultUser: {user}, s3KeyPrefix: \"{prefix}\"}}}}\n")
    });
    let text = SMALL.to_owned() + &scopes;
    assert!(text.len() < POLICY_BYTES_MAX, "{}", text.len());
    assert_eq!(said(&text), ["1:1 error too_big"]);
}

#[test]
fn all_problems_are_said_at_once_in_the_order_of_the_file() {
    let text = r#"version: 1
organization: { id: o-x, management_account: 111122223333, hub_account: "2", home_region: eu-west-1 }
regoins: [eu-west-1]
access: { roles: [A, A] }
unplaced: observe
unplaced: enforce
defaults:
  mode: sometimes
  preferences: { runAsEnabled: true, runAsDefaultUser: Root }
scopes:
  - name: x
    ous: [ou-ab12-11111111, ou-ab12-11111111]
    preferences: { idleSessionTimeout: "90" }
principals:
  trusted: ["arn:aws:iam::*:role/*", "arn:aws:sts::*:assumed-role/Deploy/me"]
"#;
    assert_eq!(
        said(text),
        [
            "1:1 error missing_key",
            "2:21 error bad_id",
            "2:46 error wrong_type",
            "2:73 error bad_id",
            "3:1 error unknown_key",
            "4:22 error duplicate_role",
            "6:1 error duplicate_key",
            "8:9 error wrong_type",
            "9:56 error unsafe_user",
            "12:29 error overlapping_rules",
            "13:40 error timeout_range",
            "15:13 error trusts_everybody",
            "15:38 error session_arn",
        ]
    );
}

#[test]
fn a_problem_reads_like_a_compilers() {
    let text = SMALL.replace("runAsDefaultUser: ops", "runAsdefaultUser: ops");
    let problems = parse("policy.yaml", &text, now()).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "\
error[user_missing]: Run As is enabled without a user, so no session would start
 --> policy.yaml:8:32
  |
8 |   preferences: { runAsEnabled: true, runAsdefaultUser: ops }
  |                                ^^^^
  = fix: add `runAsDefaultUser`, or `tag_only: true` beside `preferences` if every principal carries SSMSessionRunAs

error[unknown_key]: key `runAsdefaultUser` is unknown here
 --> policy.yaml:8:38
  |
8 |   preferences: { runAsEnabled: true, runAsdefaultUser: ops }
  |                                      ^^^^^^^^^^^^^^^^
  = fix: did you mean `runAsDefaultUser`?

"
    );
}

#[test]
fn the_file_cannot_forge_output() {
    let turned = parse("policy.yaml", &SMALL.replace("unplaced: observe", "unplaced: ob\u{202e}s"), now()).unwrap_err();
    assert!(!turned.to_string().contains('\u{202e}'), "{turned}");
    let text = SMALL.replace("runAsDefaultUser: ops", "\"evil\\u001b[2J\\nkey\": ops, \"\\x9bx\": y");
    let said = parse("policy.yaml", &text, now()).unwrap_err().to_string();
    assert!(!said.contains(['\u{1b}', '\u{9b}']) && said.contains("`evil\u{fffd}[2J\u{fffd}key`"), "{said}");
}

#[test]
fn wrong_types_are_reported_with_a_fix() {
    for (from, to, message, fix) in [
        (
            "\"111122223333\"",
            "111122223333",
            "`111122223333` is a number where text belongs",
            "write it in quotes: \"111122223333\"",
        ),
        (
            "unplaced: observe",
            "unplaced: of",
            "`of` is text where `enforce` or `observe` belongs",
            "write `enforce`, or `observe`",
        ),
        (
            "unplaced: observe",
            "unplaced: exempt",
            "`exempt` is text where `enforce` or `observe` belongs",
            "write `enforce`, or `observe`, or an entry under `exemptions`, with reason, owner and end",
        ),
        (
            "regions: [eu-west-1]",
            "regions: eu-west-1",
            "`eu-west-1` is text where `enabled` or a list belongs",
            "write `enabled`, or a list, such as `[…]`",
        ),
        (
            "unplaced: observe",
            "unplaced: observe\nscopes:",
            "there is no value where a list belongs",
            "write a list, such as `[…]`, or remove the key if it may be left out",
        ),
        (
            "access: {",
            "access: { zzzzzz: 1, ",
            "key `zzzzzz` is unknown here",
            "remove it; the keys here are `gap_roles`, `roles`",
        ),
        (
            "unplaced: observe",
            "",
            "key `unplaced` is missing",
            "add it (What happens to accounts that are still directly under the root, until an operator moves them into an OU or names them in a scope)",
        ),
    ] {
        let found = found(&SMALL.replacen(from, to, 1));
        assert_eq!((found[0].problem.message.as_str(), found[0].problem.fix.as_str()), (message, fix), "{to}");
    }
}

proptest! {
    /// Any text is either accepted or rejected with a reason and a place in the file.
    #[test]
    fn a_rejection_always_has_a_reason(
        edits in proptest::collection::vec((0usize..1_200, "\\PC|[\n :{},\"'&*#-]|[a-z]{1,3}|"), 1..6),
    ) {
        let example = include_str!("../../infra/policy.example.yaml");
        let bare: Vec<&str> = example.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let mut text: Vec<String> = bare.join("\n").chars().map(String::from).collect();
        for (at, edit) in edits {
            let at = at % text.len();
            text[at] = edit;
        }
        let text = text.concat();
        let lines = text.lines().count().max(1);
        match parse("policy.yaml", &text, now()) {
            Ok((policy, lints)) => {
                prop_assert!(lints.iter().all(|lint| lint.problem.level == Level::Warning));
                let (value, _) = shape::check(&tree::read(&text).unwrap(), &schema());
                prop_assert_eq!(&document(&text, value, true).unwrap(), policy.document());
                prop_assert_eq!(Policy::from_compiled(&policy.compiled()).unwrap(), policy);
            }
            Err(PolicyProblems { problems, .. }) => {
                prop_assert!(problems.iter().any(|found| found.problem.level == Level::Error));
                for found in &problems {
                    prop_assert!((1..=lines + 1).contains(&found.line), "{} {:?}", text, found);
                    prop_assert!(found.column >= 1 && found.width >= 1);
                    prop_assert!(found.problem.code != "bug", "{}", text);
                }
            }
        }
    }
}

/// Both readers must agree, or one accepts what the other has not checked.
#[test]
fn the_strict_deserializer_reads_the_same_document() {
    let example = include_str!("../../infra/policy.example.yaml");
    for text in [SMALL, example] {
        let (value, shape) = shape::check(&tree::read(text).unwrap(), &schema());
        assert!(shape.problems.is_empty() && shape.stand_ins.is_empty());
        let strict = document(text, value.clone(), false).unwrap();
        assert_eq!(document(text, value, true).unwrap(), strict);
    }
}
