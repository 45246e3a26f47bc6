//! The pages of `infra/`, held against the templates that they tell to deploy and against `runasctl`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::template::{TEMPLATES, folder, template};

const PAGE: &str = include_str!("../../../infra/README.md");
const ROLLOUT: &str = include_str!("../../../infra/ROLLOUT.md");
const README: &str = include_str!("../../../README.md");
const OPERATING: &str = include_str!("../../../infra/OPERATING.md");
const CONFIGURATION: &str = include_str!("../../../infra/CONFIGURATION.md");
/// The commands that have commands of their own.
const GROUPS: [&str; 4] = ["exempt", "policy", "redrive", "render"];

/// The parameters that the page's commands give to templates, those of its StackSets included.
fn given() -> BTreeSet<String> {
    let joined = PAGE.replace("\\\n", " ");
    let overrides = joined.lines().filter_map(|line| Some(line.split_once("--parameter-overrides")?.1));
    let overrides = overrides.flat_map(str::split_whitespace).filter_map(|word| Some(word.split_once('=')?.0));
    let after = |start| joined.split(start).skip(1).filter_map(|rest| rest.split([',', ' ']).next());
    overrides.chain(after("ParameterKey=")).chain(after("{ name: ")).map(str::to_owned).collect()
}

#[test]
fn each_parameter_on_the_page_is_one_of_a_template() {
    let known: BTreeSet<&str> = TEMPLATES
        .into_iter()
        .flat_map(|name| template(name)["Parameters"].as_object().unwrap().keys().map(String::as_str))
        .collect();
    let given = given();
    let unknown: Vec<&String> = given.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert_eq!(unknown, [""; 0], "fix: name parameters as the templates do");
    assert!(given.len() > 6, "{given:?}");
}

#[test]
fn the_page_says_how_each_template_is_deployed_and_links_what_is_there() {
    for name in TEMPLATES {
        assert!(PAGE.contains(&format!("infra/{name}")), "{name}");
    }
    let links = [PAGE, ROLLOUT].into_iter().flat_map(|page| page.split("](").skip(1));
    let links = links.filter_map(|rest| Some(rest.split_once(')')?.0));
    let dead: Vec<&str> = links.filter(|link| !link.contains("://") && !link.starts_with('#')).collect();
    let file = |link: &str| folder().join(link.split('#').next().unwrap_or(link));
    let dead: Vec<&str> = dead.into_iter().filter(|link| !file(link).exists()).collect();
    assert_eq!(dead, [""; 0]);
}

/// What a command takes, by its own account.
fn help_of(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_runasctl")).args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "there is no `runasctl {}`", command.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_command_of_runasctl_on_the_pages_is_one_and_takes_these_options() {
    let (mut helps, mut seen) = (BTreeMap::new(), 0);
    let joined = [README, PAGE, ROLLOUT, OPERATING, CONFIGURATION].map(|page| page.replace("\\\n", " "));
    for line in joined.iter().flat_map(|page| page.lines()) {
        let Some(line) = line.strip_prefix("$ runasctl ") else { continue };
        let words: Vec<&str> = line.split_once(" #").map_or(line, |(call, _)| call).split_whitespace().collect();
        let command = if GROUPS.contains(&words[0]) { &words[..2] } else { &words[..1] };
        let help = helps.entry(command.join(" ")).or_insert_with(|| help_of(command));
        let options = words.iter().filter(|word| word.starts_with('-'));
        let known = |option: &str| help.split([' ', ',', '\n']).any(|word| word == option);
        let unknown: Vec<_> = options.filter(|option| !known(option)).collect();
        assert!(unknown.is_empty(), "{unknown:?} in `runasctl {line}`");
        seen += 1;
    }
    assert!(seen > 40, "only {seen}");
}
