//! Asks the nodes of a target: one command a batch, a few batches at a time, and a wait for each that ends.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::choice::{self, Choice};
use super::judge::{self, Answer, Remedy};
use crate::aws::nodes::Nodes;
use crate::cli::plan::pace::patiently;
use crate::domain::os_user::OsUser;
use crate::domain::target::Target;
use crate::domain::time::SECOND_MS;
use crate::ports::{Access, Clock, Fault, FaultClass};

/// Commands under way in a target.
const BATCHES_AT_ONCE: usize = 4;
/// A command on an idle node is over within seconds.
const PAUSE_MS: u64 = 1_500;

/// How nodes are asked.
pub(super) struct Asker<'a, C> {
    pub(super) nodes: &'a Nodes,
    pub(super) clock: &'a C,
    pub(super) access: Access,
    pub(super) sample: Option<u16>,
    pub(super) patience_s: u16,
}

impl<C: Clock> Asker<'_, C> {
    /// What is known of each node of a target afterwards, or why they cannot be listed.
    pub(super) async fn ask(&self, target: &Target, user: &OsUser) -> Result<Vec<(String, Answer)>, Remedy> {
        let listed = patiently(self.clock, async || self.nodes.list(target, &self.access).await).await;
        let Choice { asked, mut others } = choice::choose(listed.map_err(|fault| judge::failed(&fault))?, self.sample);
        let batches = choice::batches(&asked).into_iter().map(|batch| self.ask_batch(target, user, batch));
        let answers: Vec<Vec<_>> = stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).collect().await;
        others.extend(answers.into_iter().flatten());
        others.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(others)
    }

    /// A node that went offline since it was listed makes SSM refuse the whole batch: halves are tried until it is found.
    async fn ask_batch(&self, target: &Target, user: &OsUser, batch: Vec<String>) -> Vec<(String, Answer)> {
        let (mut left, mut outcomes) = (vec![batch], Vec::new());
        while let Some(mut batch) = left.pop() {
            let (access, patience_s) = (&self.access, self.patience_s);
            let sent = patiently(self.clock, async || self.nodes.ask(target, access, user, &batch, patience_s).await);
            match sent.await {
                Ok(command) => outcomes.extend(self.await_answers(target, &command, batch).await),
                Err(fault) if fault.code == "InvalidInstanceId" && batch.len() > 1 => {
                    left.push(batch.split_off(batch.len() / 2));
                    left.push(batch);
                }
                Err(fault) => outcomes.extend(all(batch, &judge::failed(&fault))),
            }
        }
        outcomes
    }

    /// Reads how the command stands until it has ended everywhere, or the patience is at its end.
    async fn await_answers(&self, target: &Target, command: &str, batch: Vec<String>) -> Vec<(String, Answer)> {
        let (mut left, mut answers) = (BTreeSet::from_iter(batch), BTreeMap::new());
        let end = self.clock.now().plus_ms(i64::from(self.patience_s) * SECOND_MS);
        loop {
            self.clock.sleep(PAUSE_MS).await;
            let read = patiently(self.clock, async || self.nodes.invocations(target, &self.access, command).await);
            let read = read.await;
            for found in read.iter().flatten().filter(|found| found.ended) {
                if left.remove(&found.node) {
                    answers.insert(found.node.clone(), judge::judge(found));
                }
            }
            let late = self.clock.now() >= end;
            if left.is_empty() || late || read.as_ref().is_err_and(|fault| !may_pass(fault)) {
                let why = read.err().map_or_else(|| judge::silent(self.patience_s), |fault| judge::failed(&fault));
                return answers.into_iter().chain(all(left, &why)).collect();
            }
        }
    }
}

/// A command that was sent a moment ago may not be known everywhere.
fn may_pass(fault: &Fault) -> bool {
    matches!(fault.class, FaultClass::NotFound | FaultClass::Transient | FaultClass::Throttled)
}

fn all(nodes: impl IntoIterator<Item = String>, remedy: &Remedy) -> Vec<(String, Answer)> {
    nodes.into_iter().map(|node| (node, Answer::NotKnown(remedy.clone()))).collect()
}
