//! The invariants of the architecture that can be read off the sources (`src/lib.rs` lists them all).
//!
//! Each rule brings examples that break it, and shows that it sees them before it is held against the sources. What clippy can
//! say of sources and tests alike stands in `Cargo.toml` and `clippy.toml`; these rules are for sources alone, or for one file.

mod circles;
pub(crate) mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use source::{Named, Source};

/// Crates that compute and do nothing else.
const PURE: [&str; 7] = ["jiff", "schemars", "serde", "serde_json", "sha2", "thiserror", "wildmatch"];
/// What of the standard library acts on the world, or differs from one run to the next.
const IMPURE: [&str; 12] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time",
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::collections::hash_map",
    "std::hash::RandomState",
];
const LINES_MAX: usize = 500;

static DEPENDENCIES: LazyLock<Vec<String>> = LazyLock::new(dependencies);

struct Rule {
    breaches: fn(&Source) -> Vec<Named>,
    /// Files that break it, each with their name.
    examples: &'static [(&'static str, &'static str)],
    /// What to do about a breach.
    fix: &'static str,
}

impl Rule {
    fn holds(&self) {
        self.holds_in(&rust_below(&["src"]));
    }

    fn holds_in(&self, sources: &[Source]) {
        for (name, text) in self.examples {
            assert!(!(self.breaches)(&Source::new(name, text)).is_empty(), "the rule is blind to `{text}` in {name}");
        }
        assert!(!sources.is_empty(), "there is nothing to hold the rule against");
        let breaches = sources.iter().flat_map(|source| {
            let breaches = (self.breaches)(source).into_iter();
            breaches.map(|Named { line, path }| format!("\n  {}:{line}: {path}", source.name))
        });
        let breaches: String = breaches.collect();
        assert!(breaches.is_empty(), "{breaches}\nfix: {}\n", self.fix);
    }
}

#[test]
fn the_domain_is_pure() {
    let rule = Rule {
        breaches: |source| {
            let pure = |path: &str| {
                !["async", ".await"].contains(&path)
                    && !IMPURE.iter().any(|root| within(path, root))
                    && !path.ends_with("TimeZone::system")
                    && is_one_of(path, &PURE)
                    && (!within(path, "crate") || path == "crate" || within(path, "crate::domain"))
            };
            if source.is_in("domain") { named(source, |path| !pure(path)) } else { Vec::new() }
        },
        examples: &[
            ("src/domain/decide.rs", "async fn decide() {}"),
            ("src/domain/decide.rs", "fn f() { g().await }"),
            ("src/domain/decide.rs", "use std::{fmt, time::SystemTime};"),
            ("src/domain/decide.rs", "use std::*;"),
            ("src/domain/decide.rs", "fn f() { tokio::task::yield_now() }"),
            ("src/domain/decide.rs", "use aws_sdk_ssm::Client;"),
            ("src/domain/decide.rs", "use std::collections::{BTreeMap, HashMap};"),
            ("src/domain/decide.rs", "use crate::{domain::target::Region, config::Config};"),
            ("src/domain/decide.rs", "use super::super::ports::Clock;"),
            ("src/domain.rs", "mod inner { use super::super::aws; }"),
        ],
        fix: "hand the domain what it needs as a value of the case; the shell (src/reactor.rs) is where things happen",
    };
    rule.holds();
}

#[test]
fn the_reactor_borrows_and_reaches_the_world_through_the_ports_only() {
    let rule = Rule {
        breaches: |source| {
            let allowed = |path: &str| {
                !IMPURE.iter().any(|root| within(path, root))
                    && (is_one_of(path, &PURE) || is_one_of(path, &["futures_util", "tracing"]))
                    && (!within(path, "crate")
                        || path == "crate"
                        || ["crate::domain", "crate::ports", "crate::reactor"].iter().any(|root| within(path, root)))
            };
            if source.is_in("reactor") { named(source, |path| !allowed(path)) } else { Vec::new() }
        },
        examples: &[
            ("src/reactor.rs", "fn f() { tokio::time::sleep(ms) }"),
            ("src/reactor/write.rs", "use std::time::Instant;"),
            ("src/reactor/write.rs", "use std::collections::HashSet;"),
            ("src/reactor/write.rs", "use crate::aws;"),
        ],
        fix: "the same world and messages have to give the same run: go through a port, and walk ordered maps",
    };
    rule.holds();
}

#[test]
fn nothing_is_spawned() {
    let rule = Rule {
        breaches: |source| {
            let spawns = ["spawn", "spawn_blocking", "spawn_local", "spawn_on", "JoinSet"];
            named(source, |path| spawns.contains(&last(path)))
        },
        examples: &[
            ("src/reactor/write.rs", "fn f() { tokio::spawn(work) }"),
            ("src/aws/queue.rs", "use tokio::task::{self, JoinSet};"),
            ("src/sim.rs", "fn f() { set.spawn(work) }"),
        ],
        fix: "borrow and wait (`join`, `buffer_unordered`): Lambda freezes what still runs when the batch is answered",
    };
    rule.holds();
}

#[test]
fn only_aws_names_the_sdk() {
    let rule = Rule {
        breaches: |source| {
            let sdk = |path: &str| path.starts_with("aws_") && !within(path, "aws_lambda_events");
            if source.is_in("aws") { Vec::new() } else { named(source, sdk) }
        },
        examples: &[
            ("src/ports.rs", "use aws_sdk_ssm::Client;"),
            ("src/reactor.rs", "fn f(time: aws_smithy_types::DateTime) {}"),
            ("src/cli/plan.rs", "fn f() { aws_config::defaults(latest) }"),
        ],
        fix: "say it in the words of src/ports.rs, and translate in src/aws",
    };
    rule.holds();
}

#[test]
fn only_config_reads_the_environment() {
    let rule = Rule {
        breaches: |source| {
            let own = source.name == "src/config.rs";
            named(source, |path| !own && (within(path, "std::env") || path == "env::var"))
        },
        examples: &[
            ("src/aws/client.rs", "use std::env;"),
            ("src/config/check.rs", "fn f() { std::env::var(name) }"),
            ("src/cli.rs", "use std::{env::args_os, io};"),
        ],
        fix: "read the variable in src/config.rs and hand the value on",
    };
    rule.holds();
}

#[test]
fn only_the_printer_and_telemetry_write_to_the_standard_streams() {
    let rule = Rule {
        breaches: |source| {
            let own = ["src/cli/printer.rs", "src/telemetry.rs"].contains(&source.name.as_str());
            let writes = |path: &str| {
                let stream = ["stdout", "stderr", "Stdout", "Stderr"].contains(&last(path));
                stream && path.contains("::") || within(path, "tracing_subscriber")
            };
            named(source, |path| !own && writes(path))
        },
        examples: &[
            ("src/cli/demo.rs", "fn f() { io::stdout().lock() }"),
            ("src/cli/demo.rs", "use std::io::{Write, stderr};"),
            ("src/lambda.rs", "fn f() { tracing_subscriber::fmt().init() }"),
        ],
        fix: "return what is to be said; src/cli/printer.rs prints, and src/telemetry.rs writes what the function tells",
    };
    rule.holds();
}

#[test]
fn only_the_clock_reads_time_and_waits() {
    let rule = Rule {
        breaches: |source| {
            let real = source.name == "src/clock.rs";
            // The simulated world lives in the paused time of its runtime.
            let virtual_time = source.is_in("sim");
            let reads = |path: &str| {
                ["SystemTime::now", "Timestamp::now", "Zoned::now", "thread::sleep"].iter().any(|it| path.ends_with(it))
                    || path.ends_with("std::time::Instant")
                    || !virtual_time
                        && (within(path, "tokio::time") || path.ends_with("Instant::now") || path == ".elapsed")
            };
            named(source, |path| !real && reads(path))
        },
        examples: &[
            ("src/aws/queue.rs", "fn f() { SystemTime::now() }"),
            ("src/aws/queue.rs", "fn f() { jiff::Timestamp::now() }"),
            ("src/aws/queue.rs", "fn f() { SystemTime::UNIX_EPOCH.elapsed() }"),
            ("src/cli/demo.rs", "use tokio::time::sleep;"),
            ("src/sim.rs", "use std::time::{Duration, Instant};"),
        ],
        fix: "ask `ports::Clock`; src/clock.rs is behind it",
    };
    rule.holds();
}

#[test]
fn every_role_is_assumed_with_a_session_policy() {
    let rule = Rule {
        breaches: |source| {
            let apart = |path: &str| {
                path.contains("AssumeRole") || last(path).starts_with("assume_role_") || last(path) == "assume_root"
            };
            let mut breaches = named(source, apart);
            breaches.extend(calls_without(source, ".assume_role", ".policy"));
            breaches
        },
        examples: &[
            ("src/aws/session/assume.rs", "fn f() { sts.assume_role().role_arn(arn).send().await; x.policy(p) }"),
            ("src/aws/session/assume.rs", "fn f() { sts.assume_role_with_web_identity().policy(p).send() }"),
            ("src/aws/operator.rs", "use aws_config::sts::AssumeRoleProvider;"),
        ],
        fix: "go through src/aws/session: no credentials that we obtain may reach further than the document (invariant 9)",
    };
    rule.holds();
    let calls =
        rust_below(&["src"]).iter().flat_map(Source::named).filter(|named| named.path == ".assume_role").count();
    assert_eq!(calls, 1, "one place assumes roles, so that there is one place to review; fix: call that one");
}

#[test]
fn documents_are_read_as_json_and_every_write_names_the_version_that_was_seen() {
    let rule = Rule {
        breaches: |source| {
            let mut breaches = calls_without(source, ".get_document", ".document_format");
            breaches.extend(calls_without(source, ".update_document", ".document_version"));
            breaches
        },
        examples: &[
            ("src/aws/documents.rs", "fn f() { ssm.get_document().name(n).send().await }"),
            ("src/aws/documents.rs", "fn f() { ssm.update_document().content(c).send().await }"),
        ],
        fix: "set it in the call: a stale decision must not overwrite anybody (invariant 4)",
    };
    rule.holds();
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let rule = Rule {
        breaches: |source| {
            let lines = source.text.lines().count();
            let long = Named { line: lines, path: format!("{lines} lines") };
            if lines > LINES_MAX { vec![long] } else { Vec::new() }
        },
        examples: &[],
        fix: "find the second thing that the file is about and give it a file of its own",
    };
    rule.holds();
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    let rule = Rule {
        breaches: |source| {
            let mut breaches =
                named(source, |path| path.ends_with("#ignore") || path == "#allow" && source.name.starts_with("src/"));
            for (line, comment) in source.comments() {
                let mut words = comment.split(|c: char| !c.is_alphanumeric());
                let marked = words.find(|word| ["TODO", "FIXME", "XXX", "HACK"].contains(word));
                breaches.extend(marked.map(|word| Named { line, path: word.to_owned() }));
            }
            breaches
        },
        examples: &[
            ("src/a.rs", "// TODO: later"),
            ("src/a.rs", "/* one\n FIXME(me) */"),
            ("tests/it/a.rs", "#[ignore = \"slow\"] fn f() {}"),
            ("src/a.rs", "#![allow(dead_code, reason = \"some\")]"),
        ],
        fix: "finish it; a lint that does not fit gets `#[expect(…, reason = …)]`, which goes when it is no longer needed",
    };
    rule.holds_in(&rust_below(&["src", "tests"]));
}

#[test]
fn no_file_names_a_place_on_the_machine_of_its_author() {
    let rule = Rule {
        breaches: |source| {
            let at_home = |line: &str| {
                ["home", "root", "tmp", "work", "Users"].iter().any(|place| {
                    let mut before = line.split(&format!("/{place}/")).collect::<Vec<_>>();
                    before.pop();
                    before.iter().any(|text| !text.ends_with(|c: char| c.is_alphanumeric() || "._-*})]".contains(c)))
                })
            };
            let lines = source.text.lines().zip(1..).filter(|(text, _)| at_home(text));
            lines.map(|(text, line)| Named { line, path: text.trim().to_owned() }).collect()
        },
        examples: &[("README.md", concat!("cd /ho", "me/me/src"))],
        fix: "name it from the root of the project, or make a temporary directory",
    };
    let files = ["src", "tests", "infra", "events", ".ci", ".github", ".cargo", ".config"];
    let mut files: Vec<PathBuf> = files.iter().flat_map(|directory| below(&root().join(directory))).collect();
    files.extend(entries(&root()).into_iter().filter(|path| path.is_file() && !path.ends_with(".git")));
    rule.holds_in(&files.iter().filter_map(|path| read(path)).collect::<Vec<_>>());
}

/// What the file names, if it `breaks` the rule.
fn named(source: &Source, breaks: impl Fn(&str) -> bool) -> Vec<Named> {
    source.named().into_iter().filter(|named| breaks(&named.path)).collect()
}

/// Requests that are sent without one of their parts.
fn calls_without(source: &Source, call: &str, part: &str) -> Vec<Named> {
    let named = source.named();
    let complete =
        |at: usize| named.iter().skip(at).take_while(|named| named.path != ".send").any(|named| named.path == part);
    named
        .iter()
        .enumerate()
        .filter(|(at, named)| named.path == call && !complete(*at))
        .map(|(_, it)| it.clone())
        .collect()
}

/// Whether the path is `root` or leads into it; a glob leads into everything below.
fn within(path: &str, root: &str) -> bool {
    match path.strip_suffix("::*") {
        Some(parent) => within(parent, root) || root.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::")),
        None => path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

fn last(path: &str) -> &str {
    path.rsplit_once("::").map_or(path, |(_, last)| last).trim_start_matches('.')
}

/// Whether the path, if it leads to a crate that we depend on, leads to one of these.
fn is_one_of(path: &str, crates: &[&str]) -> bool {
    crates.iter().any(|name| within(path, name)) || !DEPENDENCIES.iter().any(|name| within(path, name))
}

/// What the manifest lets the code name.
fn dependencies() -> Vec<String> {
    let sections = include_str!("../../Cargo.toml").split("\n[");
    let lines = sections.filter_map(|section| section.strip_prefix("dependencies]")).flat_map(str::lines);
    lines.filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_"))).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn rust_below(directories: &[&str]) -> Vec<Source> {
    let files = directories.iter().flat_map(|directory| below(&root().join(directory)));
    files.filter(|path| path.extension().is_some_and(|end| end == "rs")).filter_map(|path| read(&path)).collect()
}

fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = entries(directory).into_iter();
    entries.flat_map(|path| if path.is_dir() { below(&path) } else { vec![path] }).collect()
}

/// In the order of their names; none where there is no such directory.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The file, if it is text.
fn read(path: &Path) -> Option<Source> {
    let name = path.strip_prefix(root()).ok()?.to_str()?.replace('\\', "/");
    Some(Source::new(&name, &fs::read_to_string(path).ok()?))
}
