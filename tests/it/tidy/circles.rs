//! No circles among modules: to read a file, no reader has to have read it before.
//!
//! A parent and its children count as one subject. A parent hands down what its children share, and no child is read without it.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, module_of};
use super::{rust_below, within};

/// The modules that each module names, parents and children apart: a parent declares its children, and hands down to them what
/// they share.
type Imports = BTreeMap<String, BTreeSet<String>>;

fn imports(sources: &[Source]) -> Imports {
    let sources = sources.iter().filter(|source| !source.name.ends_with("/tests.rs"));
    let modules: Vec<(String, &Source)> = sources.map(|source| (module_of(&source.name).join("::"), source)).collect();
    let home = |path: &str| {
        let homes = modules.iter().map(|(module, _)| module).filter(|module| within(path, module));
        homes.max_by_key(|module| module.len()).cloned()
    };
    let named = |(module, source): &(String, &Source)| {
        let related = |other: &String| within(other, module) || within(module, other);
        let production = source.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let named = Source::new(&source.name, production).named();
        (module.clone(), named.iter().filter_map(|named| home(&named.path)).filter(|it| !related(it)).collect())
    };
    modules.iter().map(named).collect()
}

/// The same between neighbours of one folder: what any file below one of them names below another.
fn between_neighbours(imports: &Imports) -> Imports {
    let mut neighbours = Imports::new();
    for (module, name) in imports.iter().flat_map(|(module, names)| names.iter().map(move |name| (module, name))) {
        let (mut from, mut to): (Vec<&str>, Vec<&str>) = (module.split("::").collect(), name.split("::").collect());
        let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
        from.truncate(common + 1);
        to.truncate(common + 1);
        neighbours.entry(from.join("::")).or_default().insert(to.join("::"));
    }
    neighbours
}

/// Modules that lie on some circle: what is left when those that name nothing of the rest, and those that nothing of the rest
/// names, are taken away, again and again.
fn circles(mut imports: Imports) -> Vec<String> {
    loop {
        let named: BTreeSet<String> = imports.values().flatten().cloned().collect();
        let before = imports.len();
        imports.retain(|module, names| !names.is_empty() && named.contains(module));
        let left: BTreeSet<String> = imports.keys().cloned().collect();
        for names in imports.values_mut() {
            names.retain(|name| left.contains(name));
        }
        if imports.len() == before {
            return imports.into_iter().map(|(module, names)| format!("{module} -> {names:?}")).collect();
        }
    }
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    let circle = [
        Source::new("src/aws/ledger/items.rs", "use super::keys::Key;"),
        Source::new("src/aws/ledger/keys.rs", "use crate::aws::ledger::rows::Row;"),
        Source::new("src/aws/ledger/rows.rs", "fn f() { super::items::s() }"),
        Source::new("src/aws/ledger.rs", "mod items; use items::Item;"),
    ];
    assert_eq!(circles(imports(&circle)).len(), 3, "the check is blind to a circle of three files");
    let found = circles(imports(&rust_below(&["src"])));
    assert!(found.is_empty(), "{found:#?}\nfix: give what both need a file of its own, below them");
}

#[test]
fn no_neighbour_imports_itself_by_way_of_a_child() {
    let circle = [
        Source::new("src/aws/nodes.rs", "use super::session::Session;"),
        Source::new("src/aws/session.rs", "mod policy;"),
        Source::new("src/aws/session/policy.rs", "use crate::aws::nodes::DOCUMENT;"),
    ];
    let found = circles(between_neighbours(&imports(&circle)));
    assert_eq!(found.len(), 2, "the check is blind to a circle by way of a child: {found:?}");
    let found = circles(between_neighbours(&imports(&rust_below(&["src"]))));
    assert!(
        found.is_empty(),
        "{found:#?}\nfix: move what the child needs beside its parent, or the parent's part below"
    );
}
