//! Which nodes are asked, and in which batches.

use super::judge::{self, Answer, Reason};
use crate::aws::nodes::{BATCH_MAX, Node, Platform};

/// The first agent that knows Run As on Linux [docs: its release notes].
const AGENT_MIN: [u64; 4] = [2, 3, 672, 0];

/// What becomes of the nodes of a target.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// Ids of nodes to be asked.
    pub(super) asked: Vec<String>,
    /// Nodes of which there is something to say without asking.
    pub(super) others: Vec<(String, Answer)>,
}

/// Online Linux nodes are asked: all, or a sample of them.
pub(super) fn choose(nodes: Vec<Node>, sample: Option<u16>) -> Choice {
    let (mut asked, mut others) = (Vec::new(), Vec::new());
    for node in nodes {
        match unasked(&node) {
            Some(outcome) => others.push((node.id, outcome)),
            None => asked.push(node.id),
        }
    }
    // The same nodes each time, whatever the order in which they are listed.
    asked.sort();
    let (asked, left) = spread(asked, sample.map_or(usize::MAX, usize::from));
    others.extend(left.into_iter().map(|id| (id, Answer::NotAsked(Reason::Sample))));
    Choice { asked, others }
}

fn unasked(node: &Node) -> Option<Answer> {
    match node.platform {
        Platform::Windows => Some(Answer::NotAsked(Reason::Windows)),
        Platform::Other => Some(Answer::NotAsked(Reason::Platform)),
        Platform::Linux if !node.online => Some(Answer::NotAsked(Reason::Offline)),
        Platform::Linux if is_too_old(&node.agent) => Some(Answer::NotKnown(judge::old_agent(&node.agent))),
        Platform::Linux => None,
    }
}

/// A version that says nothing is not held against the node.
fn is_too_old(agent: &str) -> bool {
    let parts: Result<Vec<u64>, _> = agent.split('.').map(str::parse).collect();
    parts.is_ok_and(|parts| parts.as_slice() < AGENT_MIN.as_slice())
}

/// At most `count` of the items, at even distances, and the rest.
fn spread<T>(items: Vec<T>, count: usize) -> (Vec<T>, Vec<T>) {
    let total = items.len();
    let count = count.min(total);
    let (mut kept, mut left) = (Vec::with_capacity(count), Vec::new());
    for (at, item) in items.into_iter().enumerate() {
        // The item at which the next share of the total begins.
        if at * count / total.max(1) < (at + 1) * count / total.max(1) { kept.push(item) } else { left.push(item) }
    }
    (kept, left)
}

/// What one command is sent to.
pub(super) fn batches(asked: &[String]) -> Vec<Vec<String>> {
    asked.chunks(BATCH_MAX).map(<[String]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize, platform: Platform, online: bool, agent: &str) -> Node {
        Node { id: format!("i-{number:017x}"), platform, online, agent: agent.to_owned() }
    }

    fn linux(count: usize) -> Vec<Node> {
        (0..count).map(|number| node(number, Platform::Linux, true, "3.3.1611.0")).collect()
    }

    #[test]
    fn only_online_linux_nodes_are_asked_and_the_others_are_not_fine() {
        let nodes = vec![
            node(1, Platform::Linux, true, "3.3.1611.0"),
            node(2, Platform::Linux, false, "3.3.1611.0"),
            node(3, Platform::Windows, true, "3.3.1611.0"),
            node(4, Platform::Other, true, "3.3.1611.0"),
            node(5, Platform::Linux, true, "2.3.662.0"),
        ];
        let Choice { asked, others } = choose(nodes, None);
        assert_eq!(asked, ["i-00000000000000001"]);
        let outcomes: Vec<&Answer> = others.iter().map(|(_, outcome)| outcome).collect();
        let not_asked = |reason| Answer::NotAsked(reason);
        assert_eq!(
            outcomes[..3],
            [&not_asked(Reason::Offline), &not_asked(Reason::Windows), &not_asked(Reason::Platform)]
        );
        assert!(matches!(outcomes[3], Answer::NotKnown(remedy) if remedy.cause.contains("2.3.662.0")), "{outcomes:?}");
    }

    #[test]
    fn an_agent_is_too_old_if_it_was_released_before_run_as() {
        for (agent, old) in [
            ("2.3.671.9", true),
            ("2.2.900.0", true),
            ("1.9", true),
            ("2.3.672.0", false),
            ("2.3.1000.0", false),
            ("3.0.0.0", false),
            ("", false),
            ("latest", false),
        ] {
            assert_eq!(is_too_old(agent), old, "{agent}");
        }
    }

    #[test]
    fn a_sample_is_spread_over_all_nodes_and_leaves_none_uncounted() {
        for (total, sample) in [(0, 5), (1, 5), (5, 5), (10, 3), (312, 20), (7, 6), (100, 1)] {
            let Choice { asked, others } = choose(linux(total), Some(sample));
            assert_eq!(asked.len(), total.min(usize::from(sample)), "{sample} of {total}");
            assert_eq!(asked.len() + others.len(), total, "{sample} of {total}");
            assert!(others.iter().all(|(_, outcome)| *outcome == Answer::NotAsked(Reason::Sample)));
        }
        let halves = choose(linux(10), Some(2)).asked;
        assert_eq!(halves, ["i-00000000000000004", "i-00000000000000009"]);
        let mut reversed = linux(10);
        reversed.reverse();
        assert_eq!(choose(reversed, Some(2)).asked, halves, "the same nodes each time");
    }

    #[test]
    fn no_batch_is_larger_than_one_command_takes() {
        for (count, sizes) in [(0, vec![]), (1, vec![1]), (50, vec![50]), (51, vec![50, 1]), (120, vec![50, 50, 20])] {
            let batches = batches(&choose(linux(count), None).asked);
            assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), sizes, "{count}");
        }
    }
}
