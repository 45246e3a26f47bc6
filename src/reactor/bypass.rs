//! Alerts on-call to a call that gets past the document, or at the reactor's own parts. There is no target to observe, and
//! the reactor has no rights to undo such a call (invariant 9).

use super::Reactor;
use super::message::BatchReport;
use super::publish::notify_once;
use crate::domain::bypass::{Bypass, BypassAct, ROLE_PREFIXES};
use crate::domain::finding::{BypassCase, about_bypass};
use crate::domain::policy::{Mode, Policy};
use crate::domain::principal::Attribution;
use crate::domain::signal::InboundEvent;
use crate::ports::{Attempt, Fault, Ledger as _, World};

impl<W: World> Reactor<W> {
    /// Alerts a call once, unless the part is not the reactor's or the caller is trusted.
    pub(super) async fn report_bypass(
        &self,
        policy: &Policy,
        message_id: &str,
        event: &InboundEvent,
        bypass: &Bypass,
        attempt: &Attempt,
        report: &mut BatchReport,
    ) -> Result<(), Fault> {
        let act = bypass.act.in_words();
        let Some(reason) = no_alert_reason(policy, bypass) else {
            tracing::warn!(message_id, correlation = event.id, account = %bypass.target.account, act, "bypass");
            return self.alert_bypass(policy, event, bypass, attempt).await;
        };
        tracing::info!(message_id, correlation = event.id, account = %bypass.target.account, act, reason, "not alerted");
        report.ignored.push((message_id.to_owned(), reason));
        Ok(())
    }

    async fn alert_bypass(
        &self,
        policy: &Policy,
        event: &InboundEvent,
        bypass: &Bypass,
        attempt: &Attempt,
    ) -> Result<(), Fault> {
        let (now, account) = (self.world.now(), &bypass.target.account);
        let facts = self.world.ledger().facts(account).await?;
        let case = BypassCase {
            bypass,
            event_id: &event.id,
            at: event.at,
            attribution: policy.attribute(&bypass.principal),
            by_gap_role: policy.is_gap_role(&bypass.principal, account),
            mode: facts.as_ref().map_or(Mode::Enforce, |facts| policy.resolve(facts, now).mode),
            account_name: facts.as_ref().map_or("", |facts| &facts.name),
            hub: policy.hub_account(),
            policy: policy.label(),
        };
        notify_once(&self.world, &about_bypass(case, now), attempt).await
    }
}

/// Why no alert is raised: the role or bus is not the reactor's, or the policy trusts the caller. Trust covers
/// fields that the policy does not own: a trusted caller that takes away a part of the reactor is alerted, too.
fn no_alert_reason(policy: &Policy, bypass: &Bypass) -> Option<String> {
    match &bypass.act {
        BypassAct::Role { name, .. }
            if !ROLE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !policy.roles().contains(name) =>
        {
            return Some(format!("the role {name} is none of the reactor's"));
        }
        BypassAct::Bus { .. } if bypass.target.account != *policy.hub_account() => {
            return Some("the bus is none of the reactor's".to_owned());
        }
        _ => {}
    }
    let takes_away = bypass.failed.is_none() && bypass.act.takes_away();
    let trusted = policy.attribute(&bypass.principal) == Attribution::Trusted && !takes_away;
    trusted.then(|| format!("{} is trusted by the policy", bypass.principal.display()))
}
