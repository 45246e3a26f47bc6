//! `infra/README.md`, held against the templates that it tells to deploy.

use std::collections::BTreeSet;

use super::template::{TEMPLATES, folder, template};

const PAGE: &str = include_str!("../../../infra/README.md");

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
    let links = PAGE.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let dead: Vec<&str> = links.filter(|link| !link.contains("://") && !link.starts_with('#')).collect();
    let dead: Vec<&str> = dead.into_iter().filter(|link| !folder().join(link).exists()).collect();
    assert_eq!(dead, [""; 0]);
}
