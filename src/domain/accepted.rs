//! The accepted content: one fold over the document's versions, by the author of each.
//!
//! | version by | accepted of it |
//! | --- | --- |
//! | the reactor | the fields that the policy owns |
//! | a trusted principal | its change against the version before it (a first one: against what is accepted), but for values that a foreign version set first; nothing where that change is unknown ([`WithheldWhy`]) |
//! | any other principal | nothing: the reactor's next write has the accepted content, so that the edit is undone |
//! | a principal that is not known | nothing, unless the first observation has adopted the version |
//!
//! The owned fields have the policy's values in any case. A trusted version does not launder the hostile edit below it, and a
//! reverted edit was never accepted. A version whose call arrives late counts from then on, because everything is computed
//! anew, until compaction makes the version part of the base.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::attribution::{Author, Pairing};
use super::document::{Change, Content, FieldChange};
use super::fact::{Delta, Facts, VersionFact};
use super::principal::Attribution;
use super::text::sha256;
use super::time::Time;

/// The result of the fold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The content; absent where nothing was ever accepted.
    pub content: Option<Content>,
    /// Values that foreign versions set.
    pub foreign: BTreeSet<String>,
    /// The newest version is invalid and not by a trusted principal: the next one may carry over its values.
    pub blurred: bool,
    /// Changes of trusted versions that are not accepted, oldest first.
    pub withheld: Vec<Withheld>,
}

/// Fields of a trusted version that are not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// Creation date of the version.
    pub created: Time,
    /// The fields; empty where they are unknown.
    pub fields: Vec<String>,
    /// Why.
    pub why: WithheldWhy,
}

/// Why a trusted change is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithheldWhy {
    /// A foreign version set that very value first.
    CarriedOver,
    /// The version before is invalid and not by a trusted principal.
    AfterInvalid,
    /// Its change is unknown.
    Unsaid,
    /// The document is of another type.
    OtherType,
}

impl Withheld {
    /// Why, for the end of a sentence.
    pub(super) fn because(&self) -> String {
        match self.why {
            WithheldWhy::CarriedOver => {
                format!("a foreign version set the same value first: {}", self.fields.join(", "))
            }
            WithheldWhy::AfterInvalid => "the version before is invalid".to_owned(),
            WithheldWhy::Unsaid => "what it changed cannot be said".to_owned(),
            WithheldWhy::OtherType => "the document is of another type".to_owned(),
        }
    }
}

/// Folds all versions up to `until`, by the table of this module. Where a hostile and a trusted version lie on top of each other,
/// the trusted one's own change stays, and nothing of the hostile one.
///
/// `presumed` are versions to be taken for trusted while their principal is not known: what the document would be then.
pub fn fold(facts: &Facts, pairing: &Pairing, presumed: &[Time], until: Option<Time>) -> Accepted {
    let mut accepted = match &facts.base {
        Some(base) => Accepted {
            content: base.content.clone(),
            foreign: base.foreign.clone(),
            blurred: base.blurred,
            withheld: Vec::new(),
        },
        None => Accepted::default(),
    };
    for (created, version) in facts.open_versions().filter(|(created, _)| until.is_none_or(|until| *created <= until)) {
        accepted.follow(facts, pairing, presumed, created, version);
        if let Some(values) = facts.owned.get(&created) {
            accepted.content = Some(accepted.or_minimal().overlaid(values));
        }
    }
    accepted
}

impl Accepted {
    fn or_minimal(&self) -> Content {
        self.content.clone().unwrap_or_else(Content::minimal)
    }

    fn follow(&mut self, facts: &Facts, pairing: &Pairing, presumed: &[Time], created: Time, version: &VersionFact) {
        let author = pairing.author(facts, created, version);
        if let Author::Reactor(intent) = author {
            self.content = Some(self.or_minimal().overlaid(&intent.owned));
            self.blurred = false;
            return;
        }
        let trusted = match author.attribution() {
            Attribution::Trusted => true,
            Attribution::Unattributed => author == Author::Nameless && (version.adopted || presumed.contains(&created)),
            Attribution::Reactor | Attribution::BreakGlass | Attribution::Untrusted => false,
        };
        let change = match &version.delta {
            Delta::Change(change) => change.clone(),
            Delta::First(content) => self.or_minimal().change_to(content),
            Delta::Invalid(_) => {
                self.blurred |= !trusted;
                return;
            }
            Delta::OtherType(_) => return self.withhold(trusted, created, WithheldWhy::OtherType),
            Delta::Unsaid(_) => return self.withhold(trusted, created, WithheldWhy::Unsaid),
        };
        if !trusted {
            self.remember_foreign(&change);
        } else if self.blurred && !matches!(version.delta, Delta::First(_)) {
            self.withhold(true, created, WithheldWhy::AfterInvalid);
        } else {
            self.take_over(created, change);
        }
        self.blurred = false;
    }

    fn withhold(&mut self, trusted: bool, created: Time, why: WithheldWhy) {
        if trusted {
            self.withheld.push(Withheld { created, fields: Vec::new(), why });
        }
    }

    fn take_over(&mut self, created: Time, change: Change) {
        let (carried, own): (Change, Change) =
            change.into_iter().partition(|field| self.foreign.contains(&value_of(field)));
        self.content = Some(self.or_minimal().with_change(&own));
        if !carried.is_empty() {
            let fields = carried.into_iter().map(|field| field.field).collect();
            self.withheld.push(Withheld { created, fields, why: WithheldWhy::CarriedOver });
        }
    }

    /// Remembers the values that are not accepted already.
    fn remember_foreign(&mut self, change: &Change) {
        let accepted = self.or_minimal();
        let news = change.iter().filter(|field| field.to.is_some() && accepted.field(&field.field) != field.to);
        self.foreign.extend(news.map(value_of));
    }
}

/// A field with a digest of the value that a change gives it.
pub(super) fn value_of(change: &FieldChange) -> String {
    let value = change.to.as_ref().map(ToString::to_string).unwrap_or_default();
    let digest: String = sha256(&value).chars().take(16).collect();
    format!("{}={digest}", change.field)
}
