//! The nodes' answers, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::judge::{Answer, Reason, Remedy};
use crate::cli::ExitStatus;
use crate::cli::plan::show::counted;
use crate::cli::printer::{BAD, CAUTION, GOOD, HEADING, QUIET, styled};
use crate::domain::os_user::OsUser;
use crate::domain::target::{AccountId, Target};
use crate::domain::text::{MESSAGE_CHARS_MAX, clean, escaped};
use crate::ports::Fault;

/// Version of the JSON that the command writes.
const SCHEMA_VERSION: u32 = 1;
/// Of an account's name, and of a user's.
const NAME_CHARS: usize = 24;
const USER_CHARS: usize = 16;
/// Nodes that people are shown of a finding; programs get all of them.
const NODES_MAX: usize = 20;

/// One target.
#[derive(Clone, Debug)]
pub(super) struct TargetNodes {
    pub(super) target: Target,
    pub(super) name: String,
    /// Absent where it is not known for whom to ask.
    pub(super) user: Option<OsUser>,
    /// Its nodes, or why they are not known.
    pub(super) nodes: Result<Vec<(String, Answer)>, Remedy>,
}

/// The whole report.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) lines: Vec<TargetNodes>,
    /// Targets in which the policy names no user.
    pub(super) without_user: Vec<Target>,
    /// Accounts that the policy exempts: they are left alone.
    pub(super) exempt: usize,
    /// Accounts that are closed, or about to be.
    pub(super) closed: usize,
    /// Accounts that did not say which regions they have enabled, and why: there may be more nodes.
    pub(super) silent: Vec<(AccountId, Fault)>,
    sample: Option<u16>,
}

/// Nodes by what is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    present: usize,
    absent: usize,
    not_known: usize,
    not_asked: BTreeMap<Reason, usize>,
}

impl Counts {
    fn of<'a>(nodes: impl Iterator<Item = &'a Answer>) -> Self {
        let mut counts = Self::default();
        for outcome in nodes {
            match outcome {
                Answer::Present => counts.present += 1,
                Answer::Absent => counts.absent += 1,
                Answer::NotKnown(_) => counts.not_known += 1,
                Answer::NotAsked(reason) => *counts.not_asked.entry(*reason).or_default() += 1,
            }
        }
        counts
    }

    fn unasked(&self) -> usize {
        self.not_asked.values().sum()
    }

    /// Nodes on which the user may be missing, unseen.
    fn open(&self) -> usize {
        let open = self.not_asked.iter().filter(|(reason, _)| reason.remedy().is_some());
        self.not_known + open.map(|(_, count)| count).sum::<usize>()
    }
}

impl TargetNodes {
    fn outcomes(&self) -> impl Iterator<Item = &Answer> {
        self.nodes.iter().flatten().map(|(_, outcome)| outcome)
    }

    pub(super) fn lacking(&self) -> usize {
        Counts::of(self.outcomes()).absent
    }

    /// Whether there is no managed node.
    fn is_empty(&self) -> bool {
        self.nodes.as_ref().is_ok_and(Vec::is_empty)
    }

    fn user(&self) -> &str {
        self.user.as_ref().map_or("?", OsUser::as_str)
    }

    fn data(&self) -> Value {
        let nodes = self.nodes.iter().flatten().map(|(id, outcome)| {
            let (word, reason, remedy) = match outcome {
                Answer::Present => ("present", None, None),
                Answer::Absent => ("absent", None, None),
                Answer::NotKnown(remedy) => ("not_known", None, Some(remedy.clone())),
                Answer::NotAsked(reason) => ("not_asked", Some(reason.word()), reason.remedy()),
            };
            json!({ "id": id, "outcome": word, "reason": reason, "problem": remedy.as_ref().map(problem) })
        });
        json!({
            "account": self.target.account, "name": self.name, "region": self.target.region,
            "user": self.user.as_ref().map(OsUser::as_str), "problem": self.nodes.as_ref().err().map(problem),
            "nodes": nodes.collect::<Vec<_>>(),
        })
    }
}

fn problem(remedy: &Remedy) -> Value {
    json!({ "what": remedy.what, "cause": remedy.cause, "fix": remedy.fix })
}

impl Report {
    pub(super) fn new(sample: Option<u16>) -> Self {
        Self { lines: Vec::new(), without_user: Vec::new(), exempt: 0, closed: 0, silent: Vec::new(), sample }
    }

    fn counts(&self) -> Counts {
        Counts::of(self.lines.iter().flat_map(TargetNodes::outcomes))
    }

    fn unreachable(&self) -> usize {
        self.lines.iter().filter(|line| line.nodes.is_err()).count()
    }

    /// What is not known beats what is wrong.
    pub(super) fn exit_status(&self) -> ExitStatus {
        let counts = self.counts();
        if counts.open() > 0 || self.unreachable() > 0 || !self.silent.is_empty() {
            ExitStatus::Unreachable
        } else if counts.absent > 0 {
            ExitStatus::Drift
        } else {
            ExitStatus::Success
        }
    }

    /// For programs.
    pub(super) fn data(&self) -> String {
        let (counts, silent) = (self.counts(), self.silent.iter().map(|(account, _)| account));
        let Counts { present, absent, not_known, not_asked } = &counts;
        let not_asked = not_asked.iter().map(|(reason, count)| (reason.word().to_owned(), json!(count)));
        let value = json!({
            "schema_version": SCHEMA_VERSION, "sample": self.sample,
            "summary": {
                "targets": self.lines.len(), "unreachable_targets": self.unreachable(),
                "present": present, "absent": absent, "not_known": not_known,
                "not_asked": not_asked.collect::<serde_json::Map<_, _>>(),
            },
            "exempt_accounts": self.exempt, "closed_accounts": self.closed,
            "regions_not_reported": silent.collect::<Vec<_>>(),
            "without_user": self.without_user.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "targets": self.lines.iter().map(TargetNodes::data).collect::<Vec<_>>(),
        });
        escaped(&format!("{value:#}\n"))
    }

    /// For people: a row a target with nodes, what is not right once for all nodes that it is about, and the sum.
    pub(super) fn text(&self) -> String {
        let mut text = self.table();
        for finding in self.findings() {
            text.push_str(&finding.text());
        }
        for (account, fault) in &self.silent {
            let why = clean(&fault.to_string(), MESSAGE_CHARS_MAX);
            let _ =
                writeln!(text, "\n{account} does not say which regions it has enabled, and may have more nodes: {why}");
            text.push_str(
                "           fix: see that a member role can be assumed there, or name regions with --region\n",
            );
        }
        text + &self.sum()
    }

    fn table(&self) -> String {
        let heads = ["ACCOUNT", "NAME", "REGION", "USER", "HAVE", "LACK", "NOT KNOWN", "NOT ASKED"].map(str::to_owned);
        let mut text = row(&heads);
        for line in self.lines.iter().filter(|line| !line.is_empty()) {
            let counts = Counts::of(line.outcomes());
            let numbers = [counts.present, counts.absent, counts.not_known, counts.unasked()];
            let [have, lack, not_known, not_asked] =
                numbers.map(|number| if line.nodes.is_ok() { number.to_string() } else { "?".to_owned() });
            let (account, region) = (line.target.account.to_string(), line.target.region.to_string());
            let (name, user) = (clean(&line.name, NAME_CHARS), clean(line.user(), USER_CHARS));
            text.push_str(&row(&[account, name, region, user, have, lack, not_known, not_asked]));
        }
        text
    }

    /// What is not right, by what is to be done about it; users that are missing come last, where they are read.
    fn findings(&self) -> Vec<Finding<'_>> {
        let mut found: BTreeMap<(bool, String, String), Finding<'_>> = BTreeMap::new();
        for line in &self.lines {
            let mut add = |remedy: Remedy, lacks: bool, node: Option<&'_ str>| {
                let key = (lacks, remedy.what.clone(), remedy.fix.clone());
                let finding = found.entry(key).or_insert_with(|| Finding { remedy, lacks, nodes: BTreeMap::new() });
                finding.nodes.entry(&line.target).or_default().extend(node.map(str::to_owned));
            };
            match &line.nodes {
                Err(remedy) => add(remedy.clone(), false, None),
                Ok(nodes) => {
                    for (id, outcome) in nodes {
                        match outcome {
                            Answer::Absent => add(missing(line.user()), true, Some(id)),
                            Answer::NotKnown(remedy) => add(remedy.clone(), false, Some(id)),
                            Answer::NotAsked(reason) => {
                                reason.remedy().into_iter().for_each(|remedy| add(remedy, false, Some(id)));
                            }
                            Answer::Present => {}
                        }
                    }
                }
            }
        }
        found.into_values().collect()
    }

    fn sum(&self) -> String {
        let counts = self.counts();
        let Counts { present, absent, not_known, not_asked } = &counts;
        let style = match (self.exit_status(), absent) {
            (ExitStatus::Success, _) => GOOD,
            (_, 0) => HEADING,
            _ => BAD,
        };
        let nodes = counted(present + absent + not_known, "node");
        let targets = counted(self.lines.len(), "target");
        let head = format!("{targets}, {nodes}: {present} with the user, {absent} without it, {not_known} not known.");
        let mut parts = vec![styled(style, &head)];
        if counts.unasked() > 0 {
            let why = not_asked.iter().map(|(reason, count)| format!("{count} {}", reason.in_words()));
            let why: Vec<String> = why.collect();
            parts.push(format!("{} not asked: {}.", counts.unasked(), why.join(", ")));
        }
        if let Some(sample) = self.sample.filter(|_| not_asked.contains_key(&Reason::Sample)) {
            parts.push(format!("This is a sample of at most {} a target.", counted(usize::from(sample), "node")));
        }
        let empty = self.lines.iter().filter(|line| line.is_empty()).count();
        let left_out = [
            (empty, "target", "without managed nodes"),
            (self.unreachable(), "target", "not asked at all, see above"),
            (self.without_user.len(), "target", "left out: the policy names no user there"),
            (self.exempt, "account", "left out: exempt"),
            (self.closed, "account", "left out: closed"),
        ];
        let left_out = left_out.into_iter().filter(|(count, ..)| *count > 0);
        parts.extend(left_out.map(|(count, noun, why)| format!("{} {why}.", counted(count, noun))));
        format!("\n{}\n", parts.join(" "))
    }
}

fn row([account, name, region, user, have, lack, not_known, not_asked]: &[String; 8]) -> String {
    format!(
        "{account:<12}  {name:<NAME_CHARS$}  {region:<14}  {user:<USER_CHARS$}  {have:>6}  {lack:>6}  {not_known:>9}  \
         {not_asked:>9}\n"
    )
}

fn missing(user: &str) -> Remedy {
    Remedy {
        what: user.to_owned(),
        cause: "sessions fail there once the policy is enforced".to_owned(),
        fix: "create the user (image, configuration management, directory), name another one in the policy, or exempt the account"
            .to_owned(),
    }
}

/// Nodes of which the same is to be said.
struct Finding<'a> {
    remedy: Remedy,
    lacks: bool,
    nodes: BTreeMap<&'a Target, Vec<String>>,
}

impl Finding<'_> {
    fn text(&self) -> String {
        let Remedy { what, cause, fix } = &self.remedy;
        let (style, word) = if self.lacks { (BAD, "missing") } else { (CAUTION, "not known") };
        let (nodes, targets) = (self.nodes.values().map(Vec::len).sum(), counted(self.nodes.len(), "target"));
        let count = if nodes == 0 { targets } else { format!("{} of {targets}", counted(nodes, "node")) };
        let mut text =
            format!("\n{}  {}: {count}\n", styled(style, &format!("{word:<9}")), clean(what, MESSAGE_CHARS_MAX));
        let mut room = NODES_MAX;
        for (target, nodes) in &self.nodes {
            let named: Vec<&str> = nodes.iter().take(room).map(String::as_str).collect();
            room -= named.len();
            let more = if named.len() < nodes.len() { ", ..." } else { "" };
            let line = format!("{target} {}{more}", named.join(", "));
            let _ = writeln!(text, "           {}", styled(QUIET, line.trim_end()));
            if room == 0 {
                text.push_str("           -o json has all of them\n");
                break;
            }
        }
        let _ = writeln!(text, "           cause: {}", clean(cause, MESSAGE_CHARS_MAX));
        let _ = writeln!(text, "           fix: {}", clean(fix, MESSAGE_CHARS_MAX));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_known() -> Answer {
        Answer::NotKnown(Remedy { what: "no answer".to_owned(), cause: "c".to_owned(), fix: "f".to_owned() })
    }

    fn report(nodes: &[Answer]) -> Report {
        let nodes = nodes.iter().zip(1..).map(|(outcome, number)| (format!("i-{number:017x}"), outcome.clone()));
        let target = "444455556666/eu-west-1".parse().unwrap();
        let line = TargetNodes { target, name: "app".to_owned(), user: "ops".parse().ok(), nodes: Ok(nodes.collect()) };
        Report { lines: vec![line], ..Report::new(None) }
    }

    #[test]
    fn only_nodes_that_have_the_user_are_green_and_not_known_beats_lacking() {
        use Answer::{Absent, NotAsked, Present};
        for (nodes, status) in [
            (vec![], ExitStatus::Success),
            (vec![Present], ExitStatus::Success),
            (vec![Present, NotAsked(Reason::Windows), NotAsked(Reason::Sample)], ExitStatus::Success),
            (vec![Present, Absent], ExitStatus::Drift),
            (vec![Present, not_known()], ExitStatus::Unreachable),
            (vec![Absent, not_known()], ExitStatus::Unreachable),
            (vec![Present, NotAsked(Reason::Offline)], ExitStatus::Unreachable),
            (vec![Present, NotAsked(Reason::Platform)], ExitStatus::Unreachable),
        ] {
            assert_eq!(report(&nodes).exit_status(), status, "{nodes:?}");
        }
        let Answer::NotKnown(remedy) = not_known() else { panic!() };
        let mut unreachable = report(&[Present]);
        unreachable.lines.push(TargetNodes { nodes: Err(remedy), ..unreachable.lines[0].clone() });
        assert_eq!(unreachable.exit_status(), ExitStatus::Unreachable);
    }

    #[test]
    fn equal_findings_are_listed_once_and_only_the_first_nodes_are_named() {
        let text = report(&vec![Answer::Absent; 30]).text();
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text.matches("missing    ops: 30 nodes of 1 target\n").count(), 1, "{text}");
        assert!(text.contains("i-00000000000000014, ...\n           -o json has all of them\n"), "{text}");
        assert!(!text.contains("i-00000000000000015"), "{text}");
        let data: Value = serde_json::from_str(&report(&vec![Answer::Absent; 30]).data()).unwrap();
        assert_eq!(data["targets"][0]["nodes"].as_array().map(Vec::len), Some(30), "programs get all of them");
    }
}
