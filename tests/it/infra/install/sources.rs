//! The installer's sources, held against the templates and the page.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::deploy::cli;
use crate::infra::template::{HUB, MANAGEMENT, MEMBER, TEMPLATES, folder, template};

const PAGE: &str = include_str!("../../../../infra/README.md");
const COST: &str = include_str!("../../../../infra/steps/cost.bash");
const COMMAND: &str = include_str!("../../../../infra/install");
const SETTINGS: &str = include_str!("../../../../infra/steps/settings.bash");
const EXAMPLE: &str = include_str!("../../../../infra/install.example.settings");

fn parameters(name: &str) -> BTreeSet<&'static str> {
    template(name)["Parameters"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The words `TEMPLATE.PARAMETER` of a text.
fn named(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    let known = ["hub", "management", "member"];
    words
        .filter_map(|word| word.split_once('.'))
        .filter(move |(file, name)| known.contains(file) && name.starts_with(|c: char| c.is_ascii_uppercase()))
}

#[test]
fn every_parameter_that_the_installer_names_is_one_of_its_template() {
    let mut seen = 0;
    for (file, name) in [SETTINGS, EXAMPLE, COMMAND].into_iter().flat_map(named) {
        let known = parameters(&format!("{file}.yaml"));
        assert!(known.contains(name), "{file}.yaml has no {name}; it has {known:?}");
        seen += 1;
    }
    assert!(seen > 15, "only {seen}");
    let given = COMMAND.split('"').filter_map(|text| text.split_once("=$"));
    let given: BTreeSet<&str> =
        given.map(|(name, _)| name).filter(|name| name.starts_with(char::is_uppercase)).collect();
    let known: BTreeSet<&str> = [HUB, MANAGEMENT, MEMBER].into_iter().flat_map(parameters).collect();
    assert!(given.len() > 6 && given.is_subset(&known), "{given:?}");
    // What the installer says of a template is what nobody else may set.
    let derived: BTreeSet<&str> = named(SETTINGS).map(|(_, name)| name).collect();
    let left: Vec<_> = given.difference(&derived).collect();
    assert_eq!(left, [&"GapRoleName"], "the settings may choose another gap role; fix: name the others in `derived`");
}

#[test]
fn the_plan_counts_the_cost_by_the_pages_table() {
    let of = |name: &str| -> f64 {
        let line = COST.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    let page = PAGE.lines().find_map(|line| line.strip_prefix("| **all** | | | **")).unwrap();
    let page: f64 = page.trim_end_matches(" |").trim_end_matches('*').parse().unwrap();
    let counted = of("MONTHLY_CENTS") + of("CENTS_OF_10_000_TARGETS");
    assert!((counted - page * 100.0).abs() < 0.5, "{counted} cents in infra/steps/cost.bash, {page} USD on the page");
}

#[test]
fn the_linter_of_shell_scripts_finds_nothing() {
    let mut linter = Command::new(cli::program("shellcheck"));
    let output = linter
        .args(["--external-sources", "--source-path=SCRIPTDIR", "install", "package"])
        .current_dir(folder())
        .output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}");
    let sourced = fs::read_dir(folder().join("steps")).unwrap().count();
    let checked = COMMAND.lines().filter(|line| line.starts_with(". \"$infra/steps/")).count();
    assert_eq!(checked, sourced, "fix: source each file of infra/steps, or delete it");
}

/// CloudFormation keeps a question mark for any other character, so that every run would find another template.
#[test]
fn templates_are_ascii() {
    for name in TEMPLATES {
        let text = fs::read_to_string(folder().join(name)).unwrap();
        let line = text.lines().position(|line| !line.is_ascii());
        assert_eq!(line, None, "{name}: lines are counted from 0");
    }
}
