//! Puts a policy into force. It first shows every change and its targets, and writes nothing if another operator pushed
//! meanwhile or more targets change than allowed.

use serde_json::json;

use super::assessment::Assessment;
use super::show::{self, data};
use super::{AccountsFrom, GuardArgs, LimitArgs, Shell};
use crate::aws::ledger::policy_store::{Current, PolicyStore, PolicyVersion, Pushed, TEXTS_BYTES_MAX};
use crate::aws::operator::Operator;
use crate::cli::login::{Failure, explained};
use crate::cli::{ExitStatus, Output};
use crate::clock::now;
use crate::domain::policy::Policy;
use crate::domain::policy::diff::diff;
use crate::domain::policy::impact::Impact;
use crate::domain::policy::schema::RuleMode;
use crate::ports::{Fault, FaultClass};

/// A policy to put into force.
pub(super) struct Proposal {
    pub(super) yaml: String,
    pub(super) policy: Policy,
    pub(super) rollback_of: Option<u64>,
    /// The version whose text it was made from, which has to be in force still.
    pub(super) edited_from: Option<u64>,
}

/// How many targets may change.
pub(super) struct Guard<'a> {
    args: &'a GuardArgs,
}

impl<'a> Guard<'a> {
    pub(super) fn new(args: &'a GuardArgs) -> Self {
        Self { args }
    }

    /// Why a push that changes this many targets is refused. `--wave` must equal the number shown, so it cannot be guessed,
    /// and fails if the organisation or the policy in force changes meanwhile.
    fn refuses(&self, targets: usize) -> Option<String> {
        let LimitArgs { limit, wave, .. } = &self.args.limits;
        match wave {
            Some(wave) if *wave == targets => None,
            Some(wave) => Some(format!(
                "--wave says {wave}, and {targets} targets become different; fix: look at what is said above, and say \
                 --wave {targets} if that is meant"
            )),
            None if targets <= *limit => None,
            None => Some(format!(
                "{targets} targets become different at once, more than {limit}; fix: begin with one OU or a few accounts \
                 (a scope with its own mode), or say --wave {targets} if that is meant"
            )),
        }
    }

    /// Why the number of targets is unknown. Before the first policy the ledger knows no accounts; the next sweep finds
    /// all.
    fn blind(&self, first: bool, accounts: usize, policy: &Policy) -> Option<String> {
        if self.args.limits.accounts_from == AccountsFrom::Organizations
            || !(first || accounts == 0)
            || !enforces(policy)
        {
            return None;
        }
        let known =
            if accounts == 0 { "knows no account yet" } else { "may not know all accounts before the first policy" };
        Some(format!(
            "the ledger {known}, so the command cannot say how many targets become enforced; fix: say --accounts-from \
             organizations, or push a policy that only observes first"
        ))
    }
}

fn enforces(policy: &Policy) -> bool {
    let document = policy.document();
    let modes = document.scopes.iter().filter_map(|scope| scope.mode);
    modes.chain([document.defaults.mode, document.unplaced]).any(|mode| mode == RuleMode::Enforce)
}

impl Shell<'_> {
    pub(super) async fn bring(
        &self,
        operator: &Operator,
        book: &PolicyStore,
        proposal: &Proposal,
        guard: &Guard<'_>,
    ) -> Result<ExitStatus, Failure> {
        let caller = operator.who_am_i().await?;
        at_home(&caller.account, &proposal.policy)?;
        let current = book.current().await?;
        let number = current.as_ref().and_then(|current| current.version.as_ref()).map(|version| version.number);
        if proposal.edited_from.is_some_and(|edited_from| number != Some(edited_from)) {
            return Err(overtaken());
        }
        if let Some(Current { policy: Ok(policy), version: Some(version) }) = &current
            && *policy == proposal.policy
        {
            return Ok(self.nothing_new(version));
        }
        let accounts = match guard.args.limits.accounts_from {
            AccountsFrom::Ledger => book.accounts().await?,
            AccountsFrom::Organizations => operator.organization().await?,
        };
        let before = self.before(current.as_ref());
        let impact = Impact::of(before, &proposal.policy, &accounts, now());
        let refused = guard
            .blind(current.is_none(), accounts.len(), &proposal.policy)
            .or_else(|| guard.refuses(impact.targets()));
        let assessment =
            Assessment { on: number, changes: before.map(|before| diff(before, &proposal.policy)), impact, refused };
        if guard.args.limits.dry_run || assessment.refused.is_some() {
            self.report(proposal, &assessment, None);
            return match assessment.refused {
                Some(refused) => Err(Failure::Error(refused)),
                None => Ok(ExitStatus::Success),
            };
        }
        let pushed = pushed(book, proposal, guard, caller.arn).await?;
        book.push(&pushed, current.as_ref()).await.map_err(not_pushed)?;
        self.report(proposal, &assessment, Some(&pushed.version));
        Ok(ExitStatus::Success)
    }

    fn before<'a>(&self, current: Option<&'a Current>) -> Option<&'a Policy> {
        match &current?.policy {
            Ok(policy) => Some(policy),
            Err(problem) => {
                let note = format!("the policy in force cannot be read, and counts as none: {problem}\n");
                self.printer.talk(&note);
                None
            }
        }
    }

    fn nothing_new(&self, version: &PolicyVersion) -> ExitStatus {
        match self.output {
            Output::Json => self.printer.data(&data(&json!({ "pushed": false, "version": version.number }))),
            Output::Table => {
                self.printer.talk(&format!("version {} says the same already; nothing was pushed\n", version.number));
            }
        }
        ExitStatus::Success
    }

    fn report(&self, proposal: &Proposal, assessment: &Assessment, pushed: Option<&PolicyVersion>) {
        let Assessment { on, changes, impact, refused } = assessment;
        if self.output == Output::Json {
            let value = json!({
                "pushed": pushed.is_some(), "version": pushed.map(|version| version.number), "on": on,
                "digest": proposal.policy.digest(), "rollback_of": proposal.rollback_of, "changes": changes,
                "newly_enforced": impact.newly_enforced(), "rewritten": impact.rewritten(),
                "unshared": impact.unshared(), "released": impact.released(), "accounts": impact.accounts, "accounts_counted": impact.of,
                "refused": refused,
            });
            return self.printer.data(&data(&value));
        }
        self.printer.data(&show::assessment(assessment));
        match pushed {
            Some(version) => self
                .printer
                .data(&format!("version {} is in force; the function reads it within a minute\n", version.number)),
            None => self.printer.talk("nothing was pushed\n"),
        }
    }
}

/// Requires a login in the hub's account: credentials reach only their own account's table.
fn at_home(account: &str, policy: &Policy) -> Result<(), Failure> {
    let hub = policy.hub_account();
    if account == hub.as_str() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "the policy is made for a reactor in account {hub}, and you are logged in to {account}; fix: name another profile \
         with --profile, or mend `organization.hub_account`"
    )))
}

async fn pushed(book: &PolicyStore, proposal: &Proposal, guard: &Guard<'_>, by: String) -> Result<Pushed, Failure> {
    let (newest, _) = book.versions(1).await?;
    let compiled = proposal.policy.compiled();
    let bytes = proposal.yaml.len() + compiled.len();
    if bytes > TEXTS_BYTES_MAX {
        return Err(Failure::Error(format!(
            "the policy has {bytes} bytes, as it is written and as the function reads it, more than the {TEXTS_BYTES_MAX} \
             that fit into an item of the table; fix: name OUs instead of single accounts, and shorten comments"
        )));
    }
    let version = PolicyVersion {
        number: newest.first().map_or(1, |newest| newest.number.saturating_add(1)),
        at: now(),
        by,
        why: guard.args.message.clone().unwrap_or_default(),
        digest: proposal.policy.digest().to_owned(),
        rollback_of: proposal.rollback_of,
    };
    Ok(Pushed { version, yaml: proposal.yaml.clone(), compiled })
}

/// Another operator pushed first.
fn overtaken() -> Failure {
    Failure::Error(
        "another operator pushed a policy meanwhile, and nothing was written; fix: run it again, and look at what becomes \
         different now"
            .to_owned(),
    )
}

fn not_pushed(fault: Fault) -> Failure {
    match fault.class {
        FaultClass::Conflict => overtaken(),
        _ if fault.outcome_unknown => Failure::Error(format!(
            "{}; it may be in force all the same: see `runasctl policy history`",
            explained(&fault)
        )),
        _ => fault.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(limit: usize, wave: Option<usize>) -> GuardArgs {
        let limits = LimitArgs { limit, wave, accounts_from: AccountsFrom::Ledger, dry_run: false };
        GuardArgs { message: None, limits }
    }

    fn passes(limit: usize, wave: Option<usize>, targets: usize) -> bool {
        Guard::new(&args(limit, wave)).refuses(targets).is_none()
    }

    #[test]
    fn more_than_the_limit_passes_only_with_its_very_number() {
        assert!(passes(25, None, 25));
        assert!(!passes(25, None, 26));
        assert!(passes(25, Some(26), 26));
        assert!(!passes(25, Some(9_999), 26), "a number that always fits would be no guard");
        assert!(!passes(25, Some(25), 26));
        assert!(!passes(25, Some(30), 7), "something has changed since the number was looked up");
    }
}
