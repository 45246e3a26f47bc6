//! What the policy says about one account, and by which of its rules.
//!
//! Rules overlay each other field by field: the defaults, then the scopes of the OUs above the account, outermost first,
//! then the scope of the account. The mode is one such field. A scope that names several OUs of one path counts at the
//! nearest of them.
//!
//! Two further rules concern the mode alone. An account directly under the root that no scope names gets the mode of
//! `unplaced`. An exemption (of the account, else of the nearest exempt OU) beats every mode: it exists because a write
//! would do harm.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::end_of_day;
use super::schema::{After, Document, Exemption, Preferences, RuleMode};
use super::{AccountId, ExemptionNote, Mode, OuId, Owned, Policy, Resolution};
use crate::domain::target::AccountFacts;
use crate::domain::time::Time;

/// A resolution, with the rule behind each part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the policy says.
    pub resolution: Resolution,
    /// The rule behind the mode.
    pub mode_from: String,
    /// The rule behind each owned field.
    pub fields_from: BTreeMap<String, String>,
}

/// The rules of a policy, indexed for lookup.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    defaults: Layer,
    scopes: Vec<(String, Layer)>,
    scope_of: Lookup,
    unplaced: Mode,
    exemptions: Vec<(Exemption, Time)>,
    exemption_of: Lookup,
}

/// What one rule sets.
#[derive(Clone, Debug)]
struct Layer {
    mode: Option<Mode>,
    owned: Owned,
}

/// Positions in a list of rules, by the accounts and OUs that the rules name.
#[derive(Clone, Debug, Default)]
struct Lookup {
    accounts: BTreeMap<AccountId, usize>,
    ous: BTreeMap<OuId, usize>,
}

impl Lookup {
    fn insert(&mut self, accounts: &[String], ous: &[String], position: usize) -> Option<()> {
        for account in accounts {
            self.accounts.insert(account.parse().ok()?, position);
        }
        for ou in ous {
            self.ous.insert(ou.parse().ok()?, position);
        }
        Some(())
    }
}

impl From<RuleMode> for Mode {
    fn from(mode: RuleMode) -> Self {
        match mode {
            RuleMode::Enforce => Self::Enforce,
            RuleMode::Observe => Self::Observe,
        }
    }
}

impl Rules {
    /// Builds the rules of a checked document.
    pub(super) fn build(document: &Document) -> Option<Self> {
        let defaults = Layer {
            mode: Some(document.defaults.mode.into()),
            owned: owned(&document.defaults.preferences, document.defaults.tag_only),
        };
        let (mut scopes, mut scope_of) = (Vec::new(), Lookup::default());
        for (position, scope) in document.scopes.iter().enumerate() {
            let layer = Layer { mode: scope.mode.map(Mode::from), owned: owned(&scope.preferences, scope.tag_only) };
            scopes.push((scope.name.clone(), layer));
            scope_of.insert(&scope.accounts, &scope.ous, position)?;
        }
        let (mut exemptions, mut exemption_of) = (Vec::new(), Lookup::default());
        for (position, exemption) in document.exemptions.iter().enumerate() {
            exemptions.push((exemption.clone(), end_of_day(&exemption.expires)?));
            exemption_of.insert(&exemption.accounts, &exemption.ous, position)?;
        }
        Some(Self { defaults, scopes, scope_of, unplaced: document.unplaced.into(), exemptions, exemption_of })
    }

    /// Every rule that applies, with its display name, the most specific first.
    fn layers(&self, facts: &AccountFacts) -> Vec<(String, &Layer)> {
        let mut places: Vec<(usize, String)> = Vec::new();
        if let Some(position) = self.scope_of.accounts.get(&facts.account) {
            places.push((*position, format!("account {}", facts.account)));
        }
        let mut nearness = "nearest OU";
        for ou in facts.ou_path.iter().rev() {
            if let Some(position) = self.scope_of.ous.get(ou) {
                places.push((*position, format!("{nearness} {ou}")));
                nearness = "outer OU";
            }
        }
        let scope = |(position, place): (usize, String)| {
            let (name, layer) = self.scopes.get(position)?;
            Some((format!("scope `{name}` ({place})"), layer))
        };
        let scopes = places.into_iter().filter_map(scope);
        scopes.chain([("defaults".to_owned(), &self.defaults)]).collect()
    }

    fn exemption(&self, facts: &AccountFacts) -> Option<&(Exemption, Time)> {
        let by_account = self.exemption_of.accounts.get(&facts.account);
        let position =
            by_account.or_else(|| facts.ou_path.iter().rev().find_map(|ou| self.exemption_of.ous.get(ou)))?;
        self.exemptions.get(*position)
    }
}

impl Policy {
    /// The policy's resolution for an account at `now`.
    pub fn resolve(&self, facts: &AccountFacts, now: Time) -> Resolution {
        self.explain(facts, now).resolution
    }

    /// The same, with the rule behind each part of it.
    pub fn explain(&self, facts: &AccountFacts, now: Time) -> Explanation {
        let layers = self.rules.layers(facts);
        let (mut owned, mut fields_from, mut mode) = (Owned::new(), BTreeMap::new(), None);
        let mut reasons = Vec::new();
        let unplaced = facts.is_unplaced() && !self.rules.scope_of.accounts.contains_key(&facts.account);
        if unplaced {
            mode = Some((self.rules.unplaced, "unplaced (directly under the root)".to_owned()));
            reasons.push(format!("unplaced (directly under the root): mode {}", word(self.rules.unplaced)));
        }
        for (rule, layer) in layers {
            let mut says = Vec::new();
            if let (None, Some(own)) = (&mode, layer.mode) {
                mode = Some((own, rule.clone()));
                says.push(format!("mode {}", word(own)));
            }
            for (field, value) in &layer.owned {
                if !owned.contains_key(field) {
                    owned.insert(field.clone(), value.clone());
                    fields_from.insert(field.clone(), rule.clone());
                    says.push(field.clone());
                }
            }
            if !says.is_empty() {
                reasons.push(format!("{rule}: {}", says.join(", ")));
            }
        }
        let (mut mode, mut mode_from) = mode.unwrap_or((Mode::Observe, "no rule".to_owned()));
        let mut exemption = None;
        if let Some((exempt, ends)) = self.rules.exemption(facts) {
            let (overruled, rule) = exempted(exempt, *ends, now);
            reasons.insert(0, rule.clone());
            if let Some(overruled) = overruled {
                (mode, mode_from) = (overruled, rule);
            }
            if mode == Mode::Exempt {
                let Exemption { reason, owner, .. } = exempt.clone();
                exemption = Some(ExemptionNote { reason, owner, expires: *ends });
            }
        }
        let sharing = self.document().sharing;
        let resolution = Resolution { mode, owned, reason: reasons.join("; "), exemption, sharing };
        Explanation { resolution, mode_from, fields_from }
    }
}

/// The mode that an exemption sets, if any, and the reason for people.
fn exempted(exemption: &Exemption, ends: Time, now: Time) -> (Option<Mode>, String) {
    let Exemption { reason, owner, expires, after, .. } = exemption;
    if now < ends {
        return (Some(Mode::Exempt), format!("exempt until the end of {expires} (owner {owner}): {reason}"));
    }
    let ended = format!("exemption of {owner} ended with {expires}");
    match after {
        After::Observe => (Some(Mode::Observe), format!("{ended}: mode observe")),
        After::Enforce => (None, ended),
    }
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "enforce",
        Mode::Observe => "observe",
        Mode::Exempt => "exempt",
    }
}

/// The fields that one rule owns. `shellProfile` is written complete, as by the console: a shell that the policy leaves out
/// gets no profile, rather than a foreign one.
fn owned(preferences: &Preferences, tag_only: bool) -> Owned {
    let mut owned: Owned = match serde_json::to_value(preferences) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        _ => Owned::new(),
    };
    if let Some(profile) = &preferences.shell_profile {
        owned.insert("shellProfile".to_owned(), json!({ "windows": profile.windows, "linux": profile.linux }));
    }
    if tag_only {
        owned.insert("runAsDefaultUser".to_owned(), json!(""));
    }
    owned
}

#[cfg(test)]
mod tests;
