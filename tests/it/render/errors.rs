//! What cannot be rendered is said with its cause and the way out, and nothing is written.

use super::policy_file::{PolicyFile, Ran, example, runasctl};

#[track_caller]
fn refused(ran: Ran, code: i32, words: &[&str]) {
    let ran = ran.ends(code);
    assert_eq!(ran.out, "");
    for words in words {
        assert!(ran.err.contains(words), "{words:?} is not in {}", ran.err);
    }
}

#[test]
fn a_command_without_a_policy_says_where_it_can_come_from() {
    for command in [&["scp"][..], &["lza"], &["runbook"]] {
        let ran = runasctl(&[&["render"], command].concat());
        refused(ran, 64, &["no policy is known; fix: give --policy, or name the ledger with --table or RUNAS_TABLE"]);
    }
}

#[test]
fn a_policy_that_cannot_be_read_or_is_rejected_renders_nothing() {
    let missing = runasctl(&["render", "runbook", "--policy", "missing.yaml"]);
    refused(missing, 1, &["cannot read missing.yaml", "fix: name the policy's YAML file"]);
    let wrong = PolicyFile::new(&example().replace("runAsDefaultUser: ops ", "runAsDefaultUser: root "));
    refused(wrong.render(&["runbook"]), 1, &["is no policy; fix: see `runasctl policy check", "unsafe_user"]);
}

#[test]
fn a_hub_whose_deployer_is_not_named_would_lock_everyone_out() {
    let file = PolicyFile::new(&example());
    for command in ["scp", "lza"] {
        refused(file.render(&[command]), 64, &["that deploys the hub", "account 222233334444", "fix: name that role"]);
    }
}

#[test]
fn a_role_is_named_as_iam_names_it() {
    let file = PolicyFile::new(&example());
    for (role, words) in [
        ("arn:aws:iam::222233334444:role/Deployer", "it is an ARN; fix: write the role's path and name"),
        ("*", "it fits nearly every principal; fix: name the role"),
        ("ci/**", "it fits nearly every principal; fix: name the role"),
        ("/Deployer", "it is not the name of a role; fix:"),
        ("ci/", "it is not the name of a role; fix:"),
        ("Deploy er", "it is not the name of a role; fix:"),
        ("${aws:username}", "it is not the name of a role; fix:"),
    ] {
        refused(file.render(&["scp", "--hub-deployer", role]), 64, &[words]);
    }
    refused(file.scp(&["--hub-stack", "*"]), 64, &["it is not the name of a stack; fix:"]);
}

#[test]
fn a_pattern_that_iam_reads_otherwise_than_the_reactor_is_refused() {
    let text = example().replace("role/AWSAccelerator-*", "role/AWSAccelerator-${aws:username}");
    let ran = PolicyFile::new(&text).scp(&[]);
    refused(ran, 1, &["IAM takes `${` in `arn:aws:iam::*:role/AWSAccelerator-${aws:username}`", "fix: take it out"]);
}

#[test]
fn a_partition_whose_arns_are_not_known_is_refused() {
    for region in ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1"] {
        let text = example()
            .replace("home_region: eu-west-1", &format!("home_region: {region}"))
            .replace("regions: [eu-west-1, eu-central-1, us-east-1]", "regions: enabled");
        refused(
            PolicyFile::new(&text).scp(&[]),
            1,
            &[&format!("`{region}` is in none of the partitions"), "fix: render"],
        );
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let file = PolicyFile::new(&example());
    let taken = file.path("policy.yaml").display().to_string();
    refused(file.scp(&["--out", &taken]), 1, &["cannot write", "fix: name a directory with --out"]);
}

#[test]
fn landing_zone_accelerator_needs_the_hubs_name_and_the_regions() {
    let lza = ["lza", "--hub-deployer", "Deployer"];
    let file = PolicyFile::new(&example());
    refused(file.render(&lza), 64, &["account 222233334444, the hub, has a name", "fix: give --hub-account-name"]);
    let text = example().replace("regions: [eu-west-1, eu-central-1, us-east-1]", "regions: enabled");
    let named = [&lza[..], &["--hub-account-name", "Security"]].concat();
    refused(
        PolicyFile::new(&text).render(&named),
        64,
        &["a stack set lists its own; fix: name each with --stack-region"],
    );
    refused(file.render(&[&named[..], &["--ou", "a\nb"]].concat()), 64, &["it is no name; fix:"]);
}
