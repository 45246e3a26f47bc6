//! The text of alerts about a target: who did what, field by field, and where.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::notify::ReportedEdit;
use crate::domain::case::{Case, Decision};
use crate::domain::finding::{Alert, AlertBuilder, ITEMS_MAX, bounded_change, change_in_words};
use crate::domain::principal::Attribution;
use crate::domain::record::Incident;
use crate::domain::target::DOCUMENT_NAME;
use crate::domain::text::clean;

impl AlertBuilder {
    /// Who did what, field by field.
    pub(super) fn edits(mut self, edits: &[&ReportedEdit]) -> Self {
        let shown = shown(edits);
        for edit in &shown {
            let arn = edit.principal.as_ref().and_then(|principal| principal.arn.as_deref()).unwrap_or("no ARN");
            let attribution = attribution_word(edit.attribution);
            self = self.line("Who", &format!("{} ({attribution}, {arn})", edit.name()));
            let from = edit.event.as_ref().map_or_else(String::new, |event| {
                format!(" from {} with {}", clean(&event.source_ip, 64), clean(&event.agent, 80))
            });
            self = self.line("What", &format!("{} at {}{from}", edit.act.in_words(), edit.at));
            if let Some(note) = &edit.note {
                self = self.line("Note", note);
            }
            for change in edit.change.iter().take(ITEMS_MAX) {
                self = self.line("Field", &change_in_words(change));
            }
            if edit.change.len() > ITEMS_MAX {
                self = self.line("Field", &format!("and {} more", edit.change.len() - ITEMS_MAX));
            }
        }
        if edits.len() > shown.len() {
            self = self.line("Who", &format!("and {} edits more, which the history has", edits.len() - shown.len()));
        }
        let data = shown.iter().map(|edit| {
            json!({
                "attribution": edit.attribution,
                "principal": edit.principal,
                "what": edit.act.in_words(),
                "note": edit.note,
                "at": edit.at,
                "event_id": edit.event.as_ref().map(|event| &event.id),
                "changed": edit.change.iter().take(ITEMS_MAX).map(bounded_change).collect::<Vec<_>>(),
            })
        });
        let data: Vec<Value> = data.collect();
        self.put("count", edits.len().into()).put("edits", data.into())
    }

    /// Finishes an alert about one target.
    pub(super) fn about(self, case: &Case, decision: &Decision, incident: Option<&Incident>) -> Alert {
        let place = if case.account_name.is_empty() {
            case.target.account.to_string()
        } else {
            format!("{} ({})", clean(&case.account_name, 64), case.target.account)
        };
        let name =
            if case.account_name.is_empty() { case.target.account.to_string() } else { clean(&case.account_name, 32) };
        let region = &case.target.region;
        self.placed(&format!("{name}/{region}"), &format!("{DOCUMENT_NAME} in {place}, {region}"))
            .line("Why", &decision.reasons.join("; "))
            .line("Policy", &format!("{} ({})", case.policy, case.resolution.reason))
            .line("Trace", &case.correlation)
            .put("reasons", json!(decision.reasons))
            .put("policy", json!(case.policy))
            .put("correlation", json!(case.correlation))
            .put("account_name", json!(case.account_name))
            .finish(&case.target.account, Some(&case.target.region), incident.map(|i| i.id.clone()), case.now)
    }
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

fn attribution_word(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Ours => "ours",
        Attribution::Trusted => "trusted",
        Attribution::BreakGlass => "break-glass",
        Attribution::Untrusted => "not trusted",
        Attribution::Unattributed => "author unknown",
    }
}

#[cfg(test)]
mod tests;
