//! The installer by version 2 of the AWS CLI, whose words, codes and defaults are others than those of version 1.

use super::super::places::{HOME, HUB, MANAGEMENT, PAYMENTS, US_EAST_1};
use super::{INSTALLED, POLICY, completed, delete_role, make_role, management, places};
use crate::deploy::cli::AwsCli;
use crate::deploy::cloud::{Cloud, Place};
use crate::deploy::installer::Installer;

/// What an operator may have set for work by hand, and a script has to do without. A pager that is called fails.
const BY_HAND: [(&str, &str); 5] = [
    ("AWS_PAGER", "/bin/false"),
    ("AWS_CLI_AUTO_PROMPT", "on"),
    ("AWS_CLI_ERROR_FORMAT", "yaml"),
    ("AWS_DEFAULT_OUTPUT", "yaml-stream"),
    ("LC_ALL", "C"),
];

#[test]
fn organisation_is_installed_by_version_2_of_the_cli_after_a_failure_and_kept() {
    let cloud = Cloud::start(HUB, "http://127.0.0.1:9");
    let operator = Installer::by(AwsCli::version_2(), cloud, HUB, MANAGEMENT, POLICY);
    operator.package("runas-reactor", "first");
    operator.package("runas-broker", "first");
    operator.settings("hub_bucket=none\n");
    let refused = operator.install_with(&BY_HAND, &[]).with(1);
    refused.complains_of(&[
        "install: the bucket none cannot be read: An error occurred (NoSuchBucket)",
        "fix: aws s3 mb s3://none",
    ]);

    operator.settings("");
    make_role(&operator, PAYMENTS, "RunasReactorMember");
    let failed = operator.install_with(&BY_HAND, &[]).with(1);
    failed.complains_of(&["444455556666 eu-west-1", "RunasReactorMember", "fix: delete what is left there"]);
    delete_role(&operator, PAYMENTS, "RunasReactorMember");
    operator.writes();
    let again = operator.install_with(&BY_HAND, &[]).with(0);
    assert_eq!(again.rows().len(), INSTALLED.len() + 2, "{}", again.out);
    assert_eq!(places(&again.changes()), INSTALLED[INSTALLED.len() - 1..]);
    assert_eq!(operator.writes(), ["update-stack-set"]);
    for region in [HOME, US_EAST_1] {
        let member = Place { account: PAYMENTS, region };
        assert_eq!(operator.stacks(member), completed(&["StackSet-runas-reactor-member"]));
        let both = ["runas-reactor-management", "runas-reactor-member"];
        assert_eq!(operator.stacks(management(region)), completed(&both));
    }
}
