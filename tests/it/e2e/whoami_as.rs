//! `runasctl whoami-as`: whom a principal's sessions become, by document, tags and Identity Center, as AWS says it.

use runas_reactor::config;
use serde_json::{Value, json};

use super::operator::Ran;
use super::stage::{FRANKFURT, HOME, MANAGEMENT, PAYMENTS, PILOT, SANDBOX, Stage, text_of};
use crate::support::emulator::Credentials;

const TAG: &str = "SSMSessionRunAs";
const SET: &str = "AWSReservedSSO_Admin_0123456789abcdef";
const READS: [&str; 7] = [
    "AssumeRole",
    "DescribeAccount",
    "GetCallerIdentity",
    "GetDocument",
    "GetRole",
    "ListDocumentVersions",
    "ListParents",
];

/// An organisation whose operator has a profile in the account of payments and one in the management account.
struct Play {
    stage: Stage,
    profiles: String,
}

impl Play {
    fn begin() -> Self {
        let stage = Stage::set();
        let mut profiles = String::new();
        for (name, account) in [("payments", PAYMENTS), ("management", MANAGEMENT)] {
            let role = format!("arn:aws:iam::{account}:role/Auditor");
            let Credentials { access_key, secret_key, token } = stage.aws.credentials(&role, "operator");
            let profile = format!(
                "[profile {name}]\nregion = {HOME}\naws_access_key_id = {access_key}\naws_secret_access_key = {secret_key}\n\
                 aws_session_token = {token}\n"
            );
            profiles.push_str(&profile);
        }
        let profiles = stage.file("profiles", &profiles).trim_start_matches("file:").to_owned();
        stage.aws.clear_log();
        Self { stage, profiles }
    }

    fn role(&self, name: &str, path: &str, tags: &Value, actions: &Value) {
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": MANAGEMENT}, "Action": actions});
        let trust = json!({"Version": "2012-10-17", "Statement": [statement]});
        let role = json!({"account": PAYMENTS, "name": name, "path": path, "tags": tags, "trust": trust});
        self.stage.aws.make_role_of(&role);
    }

    /// A role of Identity Center, whose trust policy always allows tags.
    fn permission_set(&self) {
        let actions = json!(["sts:AssumeRoleWithSAML", "sts:TagSession"]);
        self.role(SET, "/aws-reserved/sso.amazonaws.com/eu-central-1/", &json!({}), &actions);
    }

    fn identity_center(&self, attributes: &Value) {
        let center = json!({"region": FRANKFURT, "account": SANDBOX, "attributes": attributes});
        self.stage.aws.switches(&json!({"identity_center": center}));
    }

    fn document(&self, region: &str, enabled: bool, user: &str) {
        let inputs = json!({"runAsEnabled": enabled, "runAsDefaultUser": user});
        self.stage.administrator(PAYMENTS, "alice").creates(region, &inputs);
    }

    fn ask(&self, principal: &str, more: &[&str]) -> Ran {
        let policy = self.stage.policy_file(&self.stage.yaml);
        let whom = ["whoami-as", "--policy", &policy, "--account", PAYMENTS, "--principal", principal];
        let environment = [(config::TABLE, ""), ("AWS_CONFIG_FILE", &*self.profiles)];
        self.stage.runasctl(&environment, &[&whom[..], more].concat())
    }

    /// In the home region, by the profiles that may ask.
    fn answer(&self, principal: &str, code: i32) -> Value {
        let profiles = ["--account-profile", "payments", "--sso-profile", "management", "--region", HOME, "-o", "json"];
        self.ask(principal, &profiles).ends(code).data()
    }

    fn verdict(&self, principal: &str, code: i32) -> Value {
        self.answer(principal, code)["regions"][0]["verdict"].take()
    }
}

fn user(name: &str, by: &str) -> Value {
    json!({"is": "user", "user": name, "by": by})
}

#[test]
fn each_region_is_answered_step_by_step_with_what_the_policy_wants_and_the_ways_around() {
    let play = Play::begin();
    play.role("Engineer", "/team/", &json!({"team": "payments", TAG: "alice"}), &json!("sts:AssumeRole"));
    play.document(HOME, true, "prodops");
    play.document(FRANKFURT, false, "prodops");
    play.stage.aws.clear_log();
    let ran = play.ask("Engineer", &["--account-profile", "payments"]).ends(2);
    let (_, ou) = play.stage.yaml.split_once("ous: [").expect("production is an OU");
    let (ou, _) = ou.split_once(']').expect("a list of one");
    insta::assert_snapshot!("whoami_as", ran.out.replace(ou, "OU"));
    let called: Vec<String> = play.stage.aws.log().iter().map(|call| text_of(&call["action"])).collect();
    assert!(called.iter().all(|action| READS.contains(&action.as_str())), "nothing is written: {called:?}");
}

#[test]
fn the_tag_of_the_role_or_user_beats_the_default_user_and_run_as_off_beats_both() {
    let play = Play::begin();
    play.role("Engineer", "/", &json!({TAG: "alice"}), &json!("sts:AssumeRole"));
    play.role("Plain", "/", &json!({"team": "payments"}), &json!("sts:AssumeRole"));
    play.role("Root", "/", &json!({TAG: "root"}), &json!("sts:AssumeRole"));
    play.stage.aws.make_user(PAYMENTS, "bob", &json!({TAG: "prodops"}));
    let session = format!("arn:aws:sts::{PAYMENTS}:assumed-role/Plain/alice");
    let bob = format!("arn:aws:iam::{PAYMENTS}:user/bob");

    assert_eq!(play.verdict("Engineer", 2), user("ssm-user", "document"), "there is no document");
    play.document(HOME, true, "prodops");
    assert_eq!(play.verdict("Engineer", 2), user("alice", "principal_tag"));
    assert_eq!(play.verdict("Plain", 0), user("prodops", "default_user"));
    assert_eq!(play.verdict(&session, 0), user("prodops", "default_user"));
    assert_eq!(play.verdict(&bob, 0), user("prodops", "principal_tag"));
    assert_eq!(play.verdict("Root", 2), json!({"is": "no_session", "why": "root", "by": "principal_tag"}));

    let administrator = play.stage.administrator(PAYMENTS, "alice");
    administrator.writes(HOME, &json!({"runAsDefaultUser": ""}));
    assert_eq!(play.verdict("Plain", 3), json!({"is": "not_known", "on": "document"}), "default and latest differ");
    assert_eq!(play.verdict("Engineer", 2), user("alice", "principal_tag"), "where they do not matter");
    administrator.promotes(HOME, 2);
    assert_eq!(play.verdict("Plain", 2), json!({"is": "no_session", "why": "no_user", "by": "default_user"}));
    administrator.edits(HOME, &json!({"runAsEnabled": false}));
    assert_eq!(play.verdict("Engineer", 2), user("ssm-user", "document"));
}

#[test]
fn what_a_session_may_bring_itself_is_said_and_never_green() {
    let play = Play::begin();
    play.document(HOME, true, "prodops");
    play.role("Tagged", "/", &json!({}), &json!(["sts:AssumeRole", "sts:TagSession"]));
    let depends = json!({"is": "depends", "on": "session_tag", "otherwise": user("prodops", "default_user")});
    let answer = play.answer("Tagged", 3);
    assert_eq!(answer["regions"][0]["verdict"], depends);
    assert!(text_of(&answer["session_tag"]["says"]).contains("sts:TagSession"), "{answer:#}");

    play.permission_set();
    play.identity_center(&json!({"costCenter": "${path:enterprise.costCenter}", TAG: "${path:nickName}"}));
    let answer = play.answer(SET, 3);
    assert_eq!(answer["regions"][0]["verdict"], depends);
    let says = text_of(&answer["session_tag"]["says"]);
    assert!(says.contains("depends on the user") && says.contains("`${path:nickName}`"), "{says}");
    play.identity_center(&json!({"costCenter": "${path:enterprise.costCenter}"}));
    assert_eq!(play.verdict(SET, 3), depends, "an external provider may send it");
    play.identity_center(&Value::Null);
    assert_eq!(play.verdict(SET, 0), user("prodops", "default_user"));
    let regions: Vec<Value> = play.stage.calls("sso").into_iter().map(|mut call| call["region"].take()).collect();
    assert!(!regions.is_empty() && regions.iter().all(|region| region == FRANKFURT), "{regions:?}");
}

#[test]
fn what_cannot_be_read_is_not_known_with_cause_and_fix() {
    let play = Play::begin();
    play.document(HOME, true, "prodops");
    play.role("Plain", "/", &json!({}), &json!("sts:AssumeRole"));
    play.permission_set();
    play.identity_center(&Value::Null);
    let data = |principal: &str, more: &[&str]| {
        let asked = [more, &["--region", HOME, "-o", "json"]].concat();
        play.ask(principal, &asked).ends(3).data()
    };
    let not_known = |on: &str| json!({"is": "not_known", "on": on});

    let elsewhere = data("Plain", &[]);
    assert_eq!(elsewhere["regions"][0]["verdict"], not_known("session_tag"));
    assert!(text_of(&elsewhere["principal_tag"]["fix"]).contains("--account-profile"), "{elsewhere:#}");
    let nobody = data("Nobody", &["--account-profile", "payments"]);
    assert!(text_of(&nobody["principal_tag"]["fix"]).contains("has a role of this name"), "{nobody:#}");
    let bob = format!("arn:aws:iam::{PAYMENTS}:user/bob");
    assert_eq!(data(&bob, &[])["regions"][0]["verdict"], not_known("principal_tag"));

    let member = data(SET, &["--account-profile", "payments"]);
    assert_eq!(member["regions"][0]["verdict"], not_known("session_tag"));
    assert!(text_of(&member["session_tag"]["fix"]).contains("--sso-profile"), "{member:#}");
    play.stage.aws.faults(&json!([{"service": "iam", "action": "GetRole", "code": "AccessDenied", "message": "no"}]));
    let denied = data("Plain", &["--account-profile", "payments"]);
    assert!(text_of(&denied["principal_tag"]["fix"]).contains("allow iam:GetRole"), "{denied:#}");

    play.stage.aws.switches(&json!({"denied_roles": [{"account": PAYMENTS, "role": "RunasReactorMember"}]}));
    let shut_out = data("Plain", &["--account-profile", "payments"]);
    assert_eq!(shut_out["regions"][0]["verdict"], not_known("document"));
    assert!(!text_of(&shut_out["regions"][0]["document"]["fix"]).is_empty(), "{shut_out:#}");
    let ran = play.ask("Plain", &["--region", HOME]).ends(3);
    assert!(ran.out.contains("not known") && !ran.out.contains("prodops by"), "{}", ran.out);
}

#[test]
fn what_is_no_principal_of_the_account_is_refused() {
    let play = Play::begin();
    let other = format!("arn:aws:iam::{PILOT}:role/Engineer");
    play.ask(&other, &[]).ends(64).complains_of(&["it is of account 666677778888", "fix: "]);
    play.ask("arn:aws:iam::333344445555:root", &[]).ends(64).complains_of(&["neither a role nor a user"]);
    play.ask("Engineer", &["--region", "ap-south-1"]).ends(64).complains_of(&["the policy does not govern it"]);
    assert_eq!(play.stage.calls("iam"), [Value::Null; 0]);
}
