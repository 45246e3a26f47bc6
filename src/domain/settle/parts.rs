//! The parts of alerts about a target: who did what, field by field, where to look, and where the alert comes from.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::context::Context;
use super::exposure::Exposure;
use super::notify::ReportedEdit;
use crate::domain::edit::Edit;
use crate::domain::finding::{
    Alert, AlertBuilder, ITEMS_MAX, Origin, bounded_change, document_page, event_page, explain,
};
use crate::domain::principal::{Principal, UNKNOWN};
use crate::domain::record::Incident;
use crate::domain::target::Region;
use crate::domain::text::clean;
use crate::domain::time::Time;

impl AlertBuilder {
    /// Who did what, field by field.
    pub(super) fn edits(mut self, edits: &[&ReportedEdit], region: &Region) -> Self {
        let shown = shown(edits);
        for edit in &shown {
            self = self.act(edit);
        }
        if edits.len() > shown.len() {
            self = self.heading(&format!("And {} edits more, which the history has.", edits.len() - shown.len()));
        }
        let link = |edit: &ReportedEdit| edit.event.as_ref().and_then(|event| event_page(region, &event.id));
        self = self.event_link(region, shown.iter().find_map(|edit| edit.event_id()));
        let data: Vec<Value> = shown.iter().map(|edit| data(edit, link(edit).as_deref())).collect();
        self.put("count", edits.len().into()).put("edits", data.into())
    }

    /// One act, as a paragraph.
    pub(super) fn act(self, edit: &ReportedEdit) -> Self {
        let name = if edit.name() == UNKNOWN { format!("An {UNKNOWN}") } else { edit.name() };
        let mut page = self.heading(&format!("{name} {} at {}.", edit.act.in_words(), edit.at));
        page = match &edit.principal {
            Some(principal) => page.caller(principal, edit.attribution, edit.event.as_ref().map(origin)),
            None => page.row("Who", "not known: CloudTrail has delivered no event of this call so far"),
        };
        page = page.row("Note", edit.note.as_deref().unwrap_or_default());
        page = page.changed("Changed", edit.change.iter().take(ITEMS_MAX));
        match edit.change.len().saturating_sub(ITEMS_MAX) {
            0 => page,
            more => page.row("", &format!("and {more} more")),
        }
    }

    /// The newest act that is known by now, where this reconciliation found one.
    pub(super) fn newest(self, context: &Context) -> Self {
        match context.changes.edits.iter().max_by_key(|edit| edit.at) {
            Some(edit) => self.act(edit).event_link(&context.case.target.region, edit.event_id()),
            None => self,
        }
    }

    /// For how long sessions could go wrong by acts since `first`, where they could.
    pub(super) fn exposure(self, context: &Context, first: Time) -> Self {
        let exposure = context.exposure(first);
        self.put("exposure", exposure.map_or(Value::Null, Exposure::data)).exposed(exposure.map(Exposure::in_words))
    }

    /// Finishes an alert about one target.
    pub(super) fn about(self, context: &Context, incident: Option<&Incident>) -> Alert {
        let (case, decision) = (context.case, context.decision);
        let target = &case.target;
        self.link("Document", document_page(&target.region))
            .link("Explain", explain(target, &case.correlation))
            .origin(&format!("Policy version {} ({}).", case.policy, case.resolution.reason))
            .origin(&format!("Trace {}.", case.correlation))
            .put("reasons", json!(decision.reasons))
            .put("policy", json!(case.policy))
            .put("correlation", json!(case.correlation))
            .put("account_name", json!(case.account_name))
            .finish(&target.account, Some(&target.region), incident.map(|i| i.id.clone()), case.now)
    }
}

/// Where an edit came from.
pub(super) fn origin(edit: &Edit) -> Origin<'_> {
    Origin { source_ip: &edit.source_ip, agent: &edit.agent }
}

fn data(edit: &ReportedEdit, link: Option<&str>) -> Value {
    json!({
        "attribution": edit.attribution,
        "principal": edit.principal,
        "human": edit.principal.as_ref().and_then(Principal::human),
        "what": edit.act.in_words(),
        "note": edit.note,
        "at": edit.at,
        "event_id": edit.event.as_ref().map(|event| &event.id),
        "source_ip": edit.event.as_ref().map(|event| clean(&event.source_ip, 64)),
        "agent": edit.event.as_ref().map(|event| clean(&event.agent, 80)),
        "link": link,
        "changed": edit.change.iter().take(ITEMS_MAX).map(bounded_change).collect::<Vec<_>>(),
    })
}

/// The edits that fit into an alert. If there are more, principals take turns, so that one does not crowd out another.
fn shown<'a>(edits: &[&'a ReportedEdit]) -> Vec<&'a ReportedEdit> {
    if edits.len() <= ITEMS_MAX {
        return edits.to_vec();
    }
    let mut made: BTreeMap<String, usize> = BTreeMap::new();
    let mut turns: Vec<(usize, &ReportedEdit)> = Vec::new();
    for edit in edits {
        let turn = made.entry(edit.name()).or_default();
        *turn += 1;
        turns.push((*turn, edit));
    }
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, edit)| edit).take(ITEMS_MAX).collect()
}

#[cfg(test)]
mod tests;
