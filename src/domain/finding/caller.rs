//! Who: the caller in an alert, and the page of its call.

use super::builder::AlertBuilder;
use super::links::event_page;
use crate::domain::principal::{Attribution, Principal};
use crate::domain::target::Region;
use crate::domain::text::clean;

/// Where a call came from: its address, and the calling program's name for itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::domain) struct Origin<'a> {
    pub(in crate::domain) source_ip: &'a str,
    pub(in crate::domain) agent: &'a str,
}

impl AlertBuilder {
    /// The caller: the person where one is known, the identity that AWS vouches for, and where the call came from.
    pub(in crate::domain) fn caller(
        mut self,
        principal: &Principal,
        attribution: Attribution,
        origin: Option<Origin<'_>>,
    ) -> Self {
        if let Some(person) = principal.human() {
            self = self.row("Person", &format!("{}, signed in through Identity Center", clean(person, 96)));
        }
        let label = match principal.kind.as_str() {
            "AssumedRole" => "Role",
            "IAMUser" => "User",
            _ => "Caller",
        };
        let arn = principal.arn.as_deref().map_or_else(|| principal.called(), str::to_owned);
        self = self.row(label, &format!("{} ({})", clean(&arn, 300), attribution_word(attribution)));
        match origin {
            Some(Origin { source_ip, agent }) => {
                self.row("From", &format!("{}, with {}", clean(source_ip, 64), clean(agent, 80)))
            }
            None => self,
        }
    }

    /// The page of a call's event, where it has one.
    pub(in crate::domain) fn event_link(self, region: &Region, event_id: Option<&str>) -> Self {
        match event_id.and_then(|id| event_page(region, id)) {
            Some(page) => self.link("CloudTrail", page),
            None => self,
        }
    }
}

fn attribution_word(attribution: Attribution) -> &'static str {
    match attribution {
        Attribution::Reactor => "the reactor itself",
        Attribution::Trusted => "trusted by the policy",
        Attribution::BreakGlass => "a break-glass principal of the policy",
        Attribution::Untrusted => "not trusted",
        Attribution::Unattributed => "presumed, not proved",
    }
}
