//! What is refused before anything is written, each with its cause and its fix.

use serde_json::Value;

use super::{POLICY, operator};
use crate::deploy::cli::commands_alone;
use crate::deploy::installer::Installer;

/// The installer writes nothing, and says these words.
#[track_caller]
fn refuses(operator: &Installer, variables: &[(&str, &str)], words: &[&str]) {
    let ended = operator.install_with(variables, &[]).with(1);
    ended.complains_of(words);
    ended.complains_of(&["fix: "]);
    assert_eq!(ended.out, "", "no step was begun");
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let operator = operator();
    for (line, words) in [
        ("hub_profil=hub", ["install.settings:12", "there is no setting hub_profil"]),
        ("hub.AlertMail=a@example.com", ["infra/hub.yaml has no parameter AlertMail", "AlertEmail"]),
        ("member.HubRoleArn=arn:aws:iam::222233334444:role/x", ["member.HubRoleArn", "is not yours to set"]),
        ("hub_profile = hub", ["is no setting", "without blanks"]),
        ("policy=none.yaml", ["none.yaml does not compile", "policy check"]),
        ("packages=elsewhere", ["elsewhere/runas-reactor.zip", "build the packages"]),
        ("runasctl=./none", ["there is no", "cargo build"]),
    ] {
        operator.settings(&format!("{line}\n"));
        refuses(&operator, &[], &words);
    }
}

#[test]
fn another_account_or_organisation_than_the_policys_is_refused() {
    let operator = operator();
    for (line, words) in [
        (
            "hub_profile=management",
            ["logs in to 111122223333, and the policy says 222233334444", "setting hub_profile"],
        ),
        ("management_profile=hub", ["logs in to 222233334444", "setting management_profile"]),
        ("hub_profile=nobody", ["does not log in", "aws sso login --profile nobody"]),
        ("hub_bucket=none", ["the bucket none cannot be read", "aws s3 mb s3://none --region eu-west-1"]),
    ] {
        operator.settings(&format!("{line}\n"));
        refuses(&operator, &[], &words);
    }
    operator.settings("");
    operator.write("policy.yaml", &POLICY.replace("o-exampleorgid", "o-anotherorgid"));
    refuses(&operator, &[], &["the organisation is o-exampleorgid of 111122223333", "organization.id"]);
    operator.write("policy.yaml", &POLICY.replace("home_region: eu-west-1", "home_region: eu-central-1"));
    refuses(
        &operator,
        &[],
        &["hub-code is in eu-west-1, and the functions are in eu-central-1", "a bucket of eu-central-1"],
    );
}

#[test]
fn stack_sets_without_trusted_access_are_refused() {
    let operator = operator();
    operator.cloud.ask("access?status=DISABLED", &Value::Null);
    let fix = "aws cloudformation activate-organizations-access --region eu-west-1 --profile management";
    refuses(&operator, &[], &["no trusted access", fix]);
}

#[test]
fn a_first_policy_that_enforces_is_refused_before_anything_is_written() {
    let operator = operator();
    for (observing, enforcing) in [("mode: observe", "mode: enforce"), ("unplaced: observe", "unplaced: enforce")] {
        operator.write("policy.yaml", &POLICY.replace(observing, enforcing));
        refuses(&operator, &[], &["enforces, and none is in force yet", "mode: observe"]);
    }
}

#[test]
fn machine_without_the_aws_cli_gets_the_advice_to_install_it() {
    let operator = operator();
    let commands = commands_alone(&["bash", "dirname", "mktemp", "rm", "sed", "tr"]);
    let path = commands.path().display().to_string();
    refuses(&operator, &[("PATH", &path)], &["there is no AWS CLI", "install it"]);
}

#[test]
fn help_says_what_it_does_and_an_unknown_argument_is_a_mistake_in_usage() {
    let operator = operator();
    let help = operator.install(&["--help"]).with(0);
    assert!(help.out.contains("Usage: infra/install [--plan]"), "{}", help.out);
    operator.install(&["--apply"]).with(64).complains_of(&["there is no argument --apply", "--help"]);
}
