//! `infra/README.md`, held against the templates that it tells to deploy.

use std::collections::BTreeSet;

use super::template::{TEMPLATES, folder, template};

const PAGE: &str = include_str!("../../../infra/README.md");

/// The names before `=` in the page's commands: what the templates are given.
fn given() -> BTreeSet<&'static str> {
    let blocks = PAGE.split("```").skip(1).step_by(2);
    let words = blocks.flat_map(|block| block.split([' ', '\n', '\'', '"', ',', '{']));
    let names = words.filter_map(|word| Some(word.split_once('=')?.0));
    names.filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('_')).collect()
}

#[test]
fn each_parameter_on_the_page_is_one_of_a_template() {
    let known: BTreeSet<&str> = TEMPLATES
        .into_iter()
        .flat_map(|name| template(name)["Parameters"].as_object().unwrap().keys().map(String::as_str))
        .collect();
    let unknown: Vec<&str> =
        given().into_iter().filter(|name| !known.contains(name) && !SYNTAX.contains(name)).collect();
    assert_eq!(unknown, [""; 0], "fix: name parameters as the templates do");
    assert!(given().len() > 6, "{:?}", given());
}

/// Words of the AWS CLI's shorthand syntax.
const SYNTAX: [&str; 5] = ["Enabled", "OrganizationalUnitIds", "ParameterKey", "ParameterValue", "RetainStacksOnAccountRemoval"];

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
