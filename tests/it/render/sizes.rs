//! Service control policies of limited size.

use std::fmt::Write as _;

use serde_json::Value;

use super::policy_file::{PolicyFile, example};
use crate::programs::iam::{Call, allowed};

const CHARACTERS_MAX: usize = 5_120;
const DOCUMENT: &str = "arn:aws:ssm:eu-west-1:444455556666:document/SSM-SessionManagerRunShell";

const RULE: &str = "arn:aws:events:eu-west-1:444455556666:rule/runas-reactor-documents";

/// The example with so many more pipelines, with names of so many characters.
fn with_pipelines(number: usize, characters: usize) -> String {
    let mut names = String::new();
    for index in 0..number {
        let name = format!("Pipeline{index:03}{}", "x".repeat(characters - 11));
        write!(names, "\"arn:aws:iam::*:role/{name}\", ").unwrap();
    }
    example().replace("trusted: [", &format!("trusted: [{names}"))
}

#[test]
fn what_is_printed_has_the_size_that_it_says() {
    let ran = PolicyFile::new(&example()).scp(&[]).ends(0);
    for policy in ran.json()["policies"].as_array().unwrap() {
        // Another order of the keys, and so the same number of characters.
        assert_eq!(policy["policy"].to_string().chars().count(), policy["characters"], "{}", policy["name"]);
    }
    assert_eq!(ran.out.lines().count(), 1, "without white space");
}

#[test]
fn what_is_too_long_for_one_policy_is_shared_by_several_that_deny_the_same() {
    let ran = PolicyFile::new(&with_pipelines(40, 40)).scp(&[]).ends(0);
    let policies = ran.policies();
    let (names, contents): (Vec<String>, Vec<Value>) = policies.into_iter().unzip();
    // The first two share the roles; the exemptions leave no room for another statement beside each of the others.
    let of_names = ["names", "names-2", "names-3", "names-4", "names-5"].map(|name| format!("runas-reactor-{name}"));
    assert_eq!(names[..2], ["runas-reactor-document", "runas-reactor-document-2"]);
    assert_eq!(names[2..7], of_names);
    assert_eq!(names[7..], ["runas-reactor-hub"]);
    for policy in &contents {
        assert!(policy.to_string().chars().count() <= CHARACTERS_MAX);
    }
    let pipeline = |number| format!("arn:aws:iam::444455556666:role/Pipeline{number:03}{}", "x".repeat(29));
    let by = |principal: &str| {
        let mut calls =
            [0, 19, 20, 39].map(|number| Call::new(principal, "iam:CreateRole", &pipeline(number))).to_vec();
        calls.push(Call::new(principal, "events:DisableRule", RULE));
        calls.push(Call::new(principal, "ssm:UpdateDocumentDefaultVersion", DOCUMENT));
        calls
    };
    assert_eq!(allowed(&contents, &by("arn:aws:iam::444455556666:role/Admin")), [false; 6]);
    assert_eq!(allowed(&contents, &by(&pipeline(39))), [true; 6]);
}

#[test]
fn more_principals_than_one_statement_holds_are_refused_with_the_way_out() {
    let ran = PolicyFile::new(&with_pipelines(99, 40)).scp(&[]).ends(1);
    assert_eq!(ran.out, "");
    for words in ["the statement `Document", "characters for its principals alone", "5120", "fix: join patterns"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

#[test]
fn more_policies_than_one_place_takes_are_refused_with_the_way_out() {
    let ran = PolicyFile::new(&with_pipelines(68, 40)).scp(&[]).ends(1);
    assert_eq!(ran.out, "");
    for words in ["the policies for the member accounts are ", "AWS attaches 9 to one place", "fix: join patterns"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}
