//! Which findings a pass leads to, and the incident that they belong to.

use serde_json::{Value, json};

use super::HOPS_MAX;
use super::news::{News, ToldEdit, taken_back};
use crate::domain::case::{Applied, AttributedEdit, Case, Decision, Refusal, Verdict, WaitsOn, Write};
use crate::domain::document::REVIEWED_FIELDS;
use crate::domain::finding::{Alert, Kind, Page, Severity, bounded_changes};
use crate::domain::observation::Obstacle;
use crate::domain::policy::Mode;
use crate::domain::principal::Attribution;
use crate::domain::record::{Incident, Judged, Record, Standing};
use crate::domain::signal::Cause;
use crate::domain::text::sha256;
use crate::domain::time::{DAY_MS, MINUTE_MS};

/// What people are told; brings the record's incident up to date.
pub(super) fn alerts(
    case: &Case,
    decision: &Decision,
    applied: &Applied,
    news: &News,
    record: &mut Record,
) -> Vec<Alert> {
    let pass = Pass { case, decision, applied, news, before: news.put_right_before(case, decision) };
    let war_before = case.record.incident.as_ref().is_some_and(|incident| incident.escalated);
    let newcomer = pass.newcomer();
    let closed = pass.follow_incident(record);
    let mut alerts = Vec::new();
    let edits = pass.edits(record).filter(|_| !war_before || newcomer);
    let edits_told = edits.is_some() || war_before;
    alerts.extend(edits);
    alerts.extend(pass.war(record, war_before));
    alerts.extend(pass.late(record, war_before));
    alerts.extend(pass.denied());
    let standing = pass.standing(record, edits_told);
    // Being within reach again is the news that the trouble is over.
    let over = standing.as_ref().is_some_and(|alert| alert.kind == Kind::ReachableAgain.as_str());
    if let Some(incident) = record.incident.as_mut().filter(|_| over) {
        incident.announce_end = false;
    }
    alerts.extend(standing);
    alerts.extend(pass.adopted(record));
    alerts.extend(pass.vended(record));
    alerts.extend(pass.unheard(record));
    alerts.extend(pass.exemption(record));
    alerts.extend(closed.filter(|_| !over).and_then(|incident| pass.peace(&incident)));
    alerts
}

/// One pass, as it is told.
pub(super) struct Pass<'a> {
    pub(super) case: &'a Case,
    pub(super) decision: &'a Decision,
    applied: &'a Applied,
    pub(super) news: &'a News,
    /// The version that had put everything right before we looked.
    before: Option<u64>,
}

impl Pass<'_> {
    /// Who did what, and what was done about it: one alert for the edits of one pass.
    fn edits(&self, record: &Record) -> Option<Alert> {
        let worth = |edit: &&ToldEdit| edit.attribution != Attribution::Trusted || self.trusted_is_worth_telling(edit);
        let edits: Vec<&ToldEdit> = self.news.edits.iter().filter(worth).collect();
        let first = edits.first()?;
        let last = edits.iter().rev().find(|edit| edit.principal.is_some()).or(edits.last())?;
        let severity = edits.iter().map(|edit| self.severity(edit)).max()?;
        let done = self.done();
        let page = Page::new(self.kind(), severity, &format!("edit:{}", first.key))
            .subject(format!("{} {}: {}", last.name(), last.what, done.brief))
            .line("Done", &done.full)
            .edits(&edits)
            .put("done", json!(done.brief))
            .put("drift", self.drift());
        Some(page.about(self.case, self.decision, record.incident.as_ref()))
    }

    fn kind(&self) -> Kind {
        let deciding = |attribution| self.news.edits.iter().any(|edit| edit.attribution == attribution);
        if deciding(Attribution::BreakGlass) {
            return Kind::BreakGlass;
        }
        match (self.applied, self.case.resolution.mode) {
            (Applied::Landed { .. }, _) if self.kept() => Kind::EditKept,
            (Applied::Landed { .. }, _) => Kind::EditReverted,
            (_, Mode::Exempt) => Kind::ExemptTouched,
            _ if self.before.is_some() && self.kept() => Kind::EditKept,
            _ if self.before.is_some() => Kind::EditReverted,
            _ => Kind::EditNoticed,
        }
    }

    /// Trusted hands wrote, and what we wrote, now or in an attempt before, lies on top of that.
    fn kept(&self) -> bool {
        let trusted = self.news.edits.iter().all(|edit| edit.attribution == Attribution::Trusted);
        let put = matches!(self.decision.write, Some(Write::Put { base: Some(_), .. }));
        trusted && (put || self.news.ours_on_top().is_some())
    }

    fn severity(&self, edit: &ToldEdit) -> Severity {
        let wrong = !matches!(self.decision.verdict, Verdict::InSync) || self.before.is_some();
        match (edit.attribution, self.case.resolution.mode) {
            (Attribution::Ours | Attribution::Trusted, _) | (_, Mode::Exempt) => Severity::Info,
            (_, Mode::Observe) => Severity::Warning,
            (Attribution::BreakGlass, Mode::Enforce) => Severity::High,
            (Attribution::Untrusted | Attribution::Unattributed, Mode::Enforce) => {
                if wrong || !edit.change.is_empty() {
                    Severity::High
                } else {
                    Severity::Warning
                }
            }
        }
    }

    /// A pipeline's edit is told if it broke what we own, or changed what can run code or send sessions elsewhere.
    fn trusted_is_worth_telling(&self, edit: &ToldEdit) -> bool {
        let broke = matches!(self.applied, Applied::Landed { .. }) || self.decision.wait.is_some();
        broke || self.before.is_some() || reviewed(edit)
    }

    fn drift(&self) -> serde_json::Value {
        match &self.decision.verdict {
            Verdict::Drifted { drift } => bounded_changes(drift),
            _ => json!([]),
        }
    }

    fn put_right(&self) -> &'static str {
        if self.kept() { "kept, our fields put right" } else { "reverted" }
    }

    fn done(&self) -> Done {
        let done = |brief: &str, full: String| Done { brief: brief.to_owned(), full };
        let why = self.decision.reasons.join("; ");
        if let Applied::Landed { version, at } = self.applied {
            let ms = at.since(self.case.now).max(0);
            return match &self.decision.write {
                Some(Write::Promote { .. }) if !self.kept() => {
                    done("reverted", format!("made version {version} the default again ({ms} ms)"))
                }
                Some(Write::Put { base: None, .. }) => {
                    done("restored", format!("created the document again as it was accepted ({ms} ms)"))
                }
                Some(Write::Recreate { .. }) => done("replaced", format!("deleted it and created it anew ({ms} ms)")),
                Some(Write::Put { .. } | Write::Promote { .. }) | None => {
                    done(self.put_right(), format!("put right as version {version} ({ms} ms)"))
                }
            };
        }
        if let Applied::Refused(refusal) = self.applied {
            return done("NOT reverted", format!("could not be put right: {refusal:?}; {why}"));
        }
        match (&self.decision.verdict, self.case.resolution.mode, self.decision.wait.as_ref().map(|w| &w.on)) {
            (Verdict::InSync, _, _) => match self.before {
                Some(version) => done(self.put_right(), format!("put right as version {version} before this look")),
                None => done("in sync", "nothing more to do: the document is as it should be".to_owned()),
            },
            (Verdict::Unknown { why }, _, _) => done("NOT readable", format!("could not be looked at: {}", why.detail)),
            (_, Mode::Exempt, _) => done("exempt, not touched", why),
            (_, Mode::Observe, _) => done("observed, not touched", why),
            (_, _, Some(WaitsOn::Hold(hold))) => {
                done("held", format!("left as it is until {}: {}", hold.until, hold.why))
            }
            _ => done("not reverted yet", why),
        }
    }

    /// The war is told once, with its opponents and the way to end it; single edits are counted from then on.
    fn war(&self, record: &mut Record, before: bool) -> Option<Alert> {
        let hot = record.heat.backoffs > 0;
        let incident = record.incident.as_mut()?;
        if before || !hot || incident.escalated {
            return None;
        }
        incident.escalated = true;
        incident.announce_end = true;
        let opponents = incident.opponents.join(", ");
        let page = Page::new(Kind::EditWar, Severity::Critical, &format!("war:{}", incident.id))
            .subject(format!("edit war with {opponents}"))
            .line("Who", &opponents)
            .line("Done", "writing backs off now, and goes on in between; this incident closes by itself")
            .line("To end it", "stop the other writer, or attach the guardrail SCP that denies the document's write actions to everybody but the reactor and your pipeline")
            .put("opponents", json!(incident.opponents))
            .put("edits", json!(incident.edits));
        let incident = incident.clone();
        Some(page.about(self.case, self.decision, Some(&incident)))
    }

    fn late(&self, record: &Record, war_before: bool) -> Vec<Alert> {
        // A presumption that proves right is no news.
        let news = |late: &&(Judged, AttributedEdit)| {
            let who = &late.1.edit.principal;
            let known = late.0.principal.as_ref() == Some(who) || (war_before && self.names(who));
            !late.1.by_our_role && !known && !taken_back(late)
        };
        let told = self.news.late.iter().filter(news);
        told.map(|(judged, edit)| {
            let name = crate::domain::decide::who(edit);
            let what = edit.edit.action.in_words();
            let outcome = if edit.attribution == Attribution::Trusted {
                "its change is taken over now"
            } else {
                "its change stays dropped"
            };
            let before = judged.principal.as_ref().and_then(|who| who.name.as_deref());
            let before = before.map_or_else(|| "without a name".to_owned(), |name| format!("as by {name}"));
            Page::new(Kind::AuthorKnown, Severity::Info, &format!("late:{}:{}", self.case.target, edit.edit.id))
                .subject(format!("it was {name} who {what}"))
                .line("Who", &format!("{name} ({})", edit.edit.principal.arn.as_deref().unwrap_or("no ARN")))
                .line("What", &format!("{what} at {} (told before {before})", edit.edit.at))
                .line("Done", outcome)
                .put("version", json!(judged.version))
                .put("principal", json!(edit.edit.principal))
                .about(self.case, self.decision, record.incident.as_ref())
        })
        .collect()
    }

    /// Attempts that failed: one alert per account and hour, whose count goes up in the ledger.
    fn denied(&self) -> Vec<Alert> {
        let attempts = self.news.denied.iter();
        attempts
            .map(|edit| {
                let name = crate::domain::decide::who(edit);
                let code = edit.edit.failed.as_deref().unwrap_or("failed");
                let hour: String = self.case.now.to_string().chars().take(13).collect();
                Page::new(
                    Kind::AttemptDenied,
                    Severity::Warning,
                    &format!("denied:{}:{hour}", self.case.target.account),
                )
                .subject(format!("{name} tried, {code}"))
                .line("Who", &format!("{name} ({})", edit.edit.principal.arn.as_deref().unwrap_or("no ARN")))
                .line(
                    "What",
                    &format!(
                        "a call that would have {} failed with {code} at {}",
                        participle(&edit.edit.action.in_words()),
                        edit.edit.at
                    ),
                )
                .line("Done", "nothing changed; further attempts in this account and hour are counted, not told")
                .put("principal", json!(edit.edit.principal))
                .put("failed", json!(code))
                .about(self.case, self.decision, None)
            })
            .collect()
    }

    /// A target that stands worse, or better, than it did, without an edit that tells it.
    fn standing(&self, record: &Record, edits_told: bool) -> Option<Alert> {
        let (before, after) = (self.case.record.standing, record.standing);
        let given_up = matches!(self.decision.verdict, Verdict::Unknown { .. }) && self.case.hop >= HOPS_MAX;
        if before == after && !given_up {
            return None;
        }
        let why = self.decision.reasons.join("; ");
        let key = |kind: &str| format!("{kind}:{}:g{}", self.case.target, self.case.record.generation);
        let page = match after {
            Standing::Unreachable => {
                let refused = match self.applied {
                    Applied::Refused(Refusal::Invalid) => "AWS does not take what we want to write",
                    Applied::Refused(_) => "the write is not allowed",
                    Applied::Nothing | Applied::Landed { .. } => "it cannot be read",
                };
                let severity = if self.region_is_off() { Severity::Info } else { Severity::High };
                Page::new(Kind::Unreachable, severity, &key("unreachable"))
                    .subject(format!("out of our reach: {refused}"))
                    .line("Why", &why)
                    .line("To do", "check that the account has the member role, that it trusts the hub, that no SCP denies it, and that the region is on")
            }
            Standing::Drifted if !edits_told => Page::new(Kind::DriftObserved, Severity::Warning, &key("drift"))
                .subject("differs from the baseline (observe only)".to_owned())
                .line("Why", &why)
                .put("drift", self.drift()),
            _ if before == Standing::Unreachable && after != Standing::Waiting => {
                Page::new(Kind::ReachableAgain, Severity::Info, &key("reachable"))
                    .subject("within reach again".to_owned())
                    .line("Now", &self.done().full)
            }
            _ => return None,
        };
        Some(page.about(self.case, self.decision, record.incident.as_ref()))
    }

    /// Nobody can use Session Manager in a region that is off: good to know, no more.
    fn region_is_off(&self) -> bool {
        matches!(&self.decision.verdict, Verdict::Unknown { why } if why.obstacle == Obstacle::RegionOff)
    }

    /// What was adopted at first sight and deserves a look: it can run code, or send sessions elsewhere.
    fn adopted(&self, record: &Record) -> Option<Alert> {
        let advance = self.news.advance.as_ref().filter(|advance| advance.first_sight)?;
        let accepted = advance.accepted.as_ref()?;
        let set: Vec<(&str, String)> = REVIEWED_FIELDS
            .iter()
            .filter_map(|field| Some((*field, accepted.input(field)?)))
            .filter(|(_, value)| says_something(value))
            .map(|(field, value)| (field, value.to_string()))
            .collect();
        if set.is_empty() {
            return None;
        }
        // What is the same in every region is told once; what differs in one is not lost behind it.
        let same: String = sha256(&json!(set).to_string()).chars().take(16).collect();
        let key = format!("adopted:{}:{same}", self.case.target.account);
        let mut page = Page::new(Kind::Adopted, Severity::Info, &key)
            .subject("first sight: please review what was adopted".to_owned());
        for (field, value) in &set {
            page = page.line(field, value);
        }
        Some(page.about(self.case, self.decision, record.incident.as_ref()))
    }

    /// A new account: late, or without the events that would tell us of edits.
    fn vended(&self, record: &Record) -> Vec<Alert> {
        let mut alerts = Vec::new();
        if self.case.cause != Cause::Vended {
            return alerts;
        }
        let gap_ms = self.case.now.since(self.case.since);
        let late_ms = i64::from(self.case.limits.gap_slo_minutes) * MINUTE_MS;
        let first = self.case.record.configured.is_none() && record.configured.is_some();
        if first && gap_ms > late_ms {
            let page = Page::new(Kind::GapTooLong, Severity::Warning, &format!("gap:{}", self.case.target))
                .subject(format!("configured late: {} s after it was vended", gap_ms / 1_000))
                .line("Goal", &format!("{} minutes", self.case.limits.gap_slo_minutes));
            alerts.push(page.about(self.case, self.decision, None));
        }
        let watched_ms = i64::from(self.case.limits.readiness_minutes) * MINUTE_MS;
        if record.standing == Standing::InSync && record.awaiting_echo.is_some() && gap_ms >= watched_ms {
            alerts.push(self.blind());
        }
        alerts
    }

    /// A write of ours anywhere that did not come back until a sweep came by: told once, and not waited for any more.
    fn unheard(&self, record: &mut Record) -> Option<Alert> {
        let watched_ms = i64::from(self.case.limits.readiness_minutes) * MINUTE_MS;
        let over = self.case.now.since(self.case.record.updated) >= watched_ms;
        let waiting = record.standing == Standing::InSync && *self.applied == Applied::Nothing;
        if self.case.cause != Cause::Swept || !waiting || !over {
            return None;
        }
        record.awaiting_echo.take().map(|_| self.blind())
    }

    fn blind(&self) -> Alert {
        Page::new(Kind::ForwarderBlind, Severity::High, &format!("blind:{}", self.case.target))
            .subject("no event of our own write has come back: the forwarder is blind".to_owned())
            .line("To do", "check the account's trail and the forwarding rule in this region; until then only the sweep sees edits here")
            .about(self.case, self.decision, None)
    }

    /// An exemption that is about to end.
    fn exemption(&self, record: &mut Record) -> Option<Alert> {
        let note = self.case.resolution.exemption.as_ref()?;
        let left_ms = note.expires.since(self.case.now);
        let days: u8 = match left_ms {
            ms if ms <= 2 * DAY_MS => 2,
            ms if ms <= 14 * DAY_MS => 14,
            _ => return None,
        };
        if record.exemption_warned.is_some_and(|(end, warned)| end == note.expires && warned <= days) {
            return None;
        }
        record.exemption_warned = Some((note.expires, days));
        let key = format!("exemption:{}:{}:{days}", self.case.target.account, note.expires);
        let page = Page::new(Kind::ExemptionEnds, Severity::Warning, &key)
            .subject(format!("its exemption ends on {}", note.expires))
            .line("Owner", &note.owner)
            .line("Reason", &note.reason);
        Some(page.about(self.case, self.decision, None))
    }

    fn peace(&self, incident: &Incident) -> Option<Alert> {
        if !incident.announce_end {
            return None;
        }
        let page = Page::new(Kind::Peace, Severity::Info, &format!("peace:{}", incident.id))
            .subject(format!("over: {}", incident.summary))
            .line("Began", &incident.opened.to_string())
            .line("Edits", &incident.edits.to_string())
            .line("By", &incident.opponents.join(", "));
        Some(page.about(self.case, self.decision, Some(incident)))
    }
}

struct Done {
    brief: String,
    full: String,
}

/// Consoles write empty texts, and a shell profile of two empty texts, where nothing is set.
fn says_something(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(parts) => parts.values().any(says_something),
        _ => false,
    }
}

fn reviewed(edit: &ToldEdit) -> bool {
    edit.change.iter().any(|field| REVIEWED_FIELDS.contains(&field.field.as_str()))
}

/// `deleted the document` after "a call that would have".
fn participle(words: &str) -> String {
    words.replacen("wrote", "written", 1)
}
