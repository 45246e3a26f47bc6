//! Which alerts a reconciliation leads to.

use serde_json::{Value, json};

use super::incident::{Followed, follow};
use super::notify::{Act, Changes, ReportedEdit};
use super::schedule::unechoed;
use crate::domain::breaker::window_ms;
use crate::domain::case::{Applied, Case, Decision, Refusal, Verdict, WaitsOn, Write};
use crate::domain::document::REVIEWED_FIELDS;
use crate::domain::durations::REQUEUES_MAX;
use crate::domain::edit::Action;
use crate::domain::fact::{Ended, Intended, Notified};
use crate::domain::finding::{Alert, AlertBuilder, Kind, Severity, bounded_changes};
use crate::domain::judgement::Judgement;
use crate::domain::milestones::Milestones;
use crate::domain::observation::Obstacle;
use crate::domain::policy::Mode;
use crate::domain::principal::{Attribution, UNKNOWN};
use crate::domain::record::{Incident, Record, Status};
use crate::domain::signal::Cause;
use crate::domain::time::{DAY_MS, MINUTE_MS};

/// The alerts of a reconciliation; updates the record's incident.
pub(super) fn alerts(
    case: &Case,
    judgement: &Judgement,
    decision: &Decision,
    applied: &Applied,
    changes: &Changes,
    record: &mut Record,
) -> Vec<Alert> {
    let context = Context { case, decision, applied, changes, before: put_right_before(case, decision, changes) };
    let followed = follow(case, judgement, changes, record);
    let mut alerts = Vec::new();
    let edits = context.edits(record, &followed);
    let edits_reported = edits.is_some() || record.incident.as_ref().is_some_and(|incident| incident.shown > 0);
    alerts.extend(edits);
    alerts.extend(context.war(record, &followed));
    alerts.extend(context.late(record));
    alerts.extend(context.denied());
    let status_alert = context.status(record, edits_reported);
    // The reachable-again alert already reports that the incident is over.
    let over = status_alert.as_ref().is_some_and(|alert| alert.kind == Kind::ReachableAgain.as_str());
    if let Some(incident) = record.incident.as_mut().filter(|_| over) {
        incident.notify_on_close = false;
    }
    alerts.extend(status_alert);
    alerts.extend(context.late_configuration(record));
    alerts.extend(context.blind(record));
    alerts.extend(context.exemption(record));
    alerts.extend(followed.closed.filter(|_| !over).and_then(|incident| context.resolved(&incident)));
    alerts
}

/// The version that corrected the acts before this observation: by an attempt that never settled, or one whose alert waited
/// for a principal.
fn put_right_before(case: &Case, decision: &Decision, changes: &Changes) -> Option<u64> {
    let right = matches!(decision.verdict, Verdict::InSync) && case.resolution.mode == Mode::Enforce;
    let first = changes.edits.iter().map(|edit| edit.at).min().filter(|_| right)?;
    let answered = case.record.facts.intents.values().filter(|intent| {
        let written = intent.write != Intended::Prune && intent.ended != Some(Ended::Refused);
        written && intent.until >= first
    });
    answered.max_by_key(|intent| intent.from).map(|intent| intent.number)
}

struct Context<'a> {
    case: &'a Case,
    decision: &'a Decision,
    applied: &'a Applied,
    changes: &'a Changes,
    /// The version that corrected everything before this observation.
    before: Option<u64>,
}

impl Context<'_> {
    /// One alert for the acts of a reconciliation: who did what, and the response.
    fn edits(&self, record: &Record, followed: &Followed) -> Option<Alert> {
        let worth = |edit: &&ReportedEdit| {
            if edit.is_kept() { self.kept_is_worth_telling(edit) } else { followed.notify }
        };
        let edits: Vec<&ReportedEdit> = self.changes.edits.iter().filter(worth).collect();
        let first = edits.first()?;
        let severity = edits.iter().map(|edit| self.severity(edit)).max()?;
        let done = self.done();
        let page = AlertBuilder::new(self.kind(), severity, &format!("edit:{}", first.key))
            .subject(format!("{}: {} {}", done.brief, first.name(), first.act.in_words()))
            .line("Done", &done.full)
            .edits(&edits)
            .put("done", json!(done.brief))
            .put("drift", self.drift());
        Some(page.about(self.case, self.decision, record.incident.as_ref()))
    }

    fn kind(&self) -> Kind {
        let deciding = |attribution| self.changes.edits.iter().any(|edit| edit.attribution == attribution);
        if deciding(Attribution::BreakGlass) {
            return Kind::BreakGlass;
        }
        match (self.applied, self.case.resolution.mode) {
            (_, Mode::Exempt) => Kind::ExemptTouched,
            _ if self.kept() => Kind::EditKept,
            (Applied::Landed { .. }, _) => Kind::EditReverted,
            _ if self.before.is_some() => Kind::EditReverted,
            _ => Kind::EditNoticed,
        }
    }

    /// Whether every act is a trusted principal's version that stays.
    fn kept(&self) -> bool {
        let wrote = |edit: &ReportedEdit| edit.is_kept() && edit.act.kind() == "wrote";
        self.case.resolution.mode == Mode::Enforce && self.changes.edits.iter().all(wrote)
    }

    fn severity(&self, edit: &ReportedEdit) -> Severity {
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

    /// A trusted act that stays is alerted only if the reactor restored a deleted document, or a reviewed field changed.
    fn kept_is_worth_telling(&self, edit: &ReportedEdit) -> bool {
        let restored = edit.act == Act::Called(Action::Deleted) && matches!(self.applied, Applied::Landed { .. });
        restored || edit.change.iter().any(|field| REVIEWED_FIELDS.contains(&field.field.as_str()))
    }

    fn drift(&self) -> Value {
        match &self.decision.verdict {
            Verdict::Drifted { drift } => bounded_changes(drift),
            Verdict::InSync
            | Verdict::Missing
            | Verdict::Unusable { .. }
            | Verdict::Unknown { .. }
            | Verdict::Unsettled { .. } => json!([]),
        }
    }

    fn done(&self) -> Done {
        let why = self.decision.reasons.join("; ");
        match self.applied {
            Applied::Landed { version, at } => self.landed(*version, at.since(self.case.now).max(0)),
            Applied::Refused(refusal) => {
                Done::new("NOT reverted", format!("could not be put right: {refusal:?}; {why}"))
            }
            Applied::Nothing => self.nothing_written(why),
        }
    }

    fn landed(&self, version: u64, ms: i64) -> Done {
        let facts = &self.case.record.facts;
        let known = facts.newest().is_some();
        match &self.decision.write {
            Some(Write::Promote { .. }) if self.kept() => {
                Done::new("kept", format!("kept as it is; version {version} was made the default ({ms} ms)"))
            }
            Some(Write::Promote { .. }) => {
                Done::new("reverted", format!("made version {version} the default ({ms} ms)"))
            }
            Some(Write::Put { base: None, .. }) if known => {
                Done::new("restored", format!("created the document again as it was accepted ({ms} ms)"))
            }
            Some(Write::Put { base: None, .. }) => Done::new("created", format!("created the document ({ms} ms)")),
            Some(Write::Recreate { .. }) => Done::new("replaced", format!("deleted it and created it anew ({ms} ms)")),
            Some(Write::Put { .. }) | None => {
                Done::new(self.put_right(), format!("put right as version {version} ({ms} ms)"))
            }
        }
    }

    fn put_right(&self) -> &'static str {
        if self.kept() { "kept, owned fields put right" } else { "reverted" }
    }

    fn nothing_written(&self, why: String) -> Done {
        match (&self.decision.verdict, self.case.resolution.mode, self.decision.wait.as_ref().map(|w| &w.on)) {
            (Verdict::InSync, _, _) => match self.before {
                Some(version) => {
                    Done::new(self.put_right(), format!("put right as version {version} before this observation"))
                }
                None => Done::new("in sync", "the document is as it should be; nothing was written".to_owned()),
            },
            (Verdict::Unknown { why }, _, _) => {
                Done::new("NOT readable", format!("could not be observed: {}", why.detail))
            }
            (_, Mode::Exempt, _) => Done::new("exempt, not touched", why),
            (_, Mode::Observe, _) => Done::new("observed, not touched", why),
            (_, _, Some(WaitsOn::Hold(hold))) => {
                Done::new("held", format!("left as it is until {}: {}", hold.until, hold.why))
            }
            _ => Done::new("not reverted yet", why),
        }
    }

    /// The war is alerted once, with its opponents and how to end it; later acts are only counted.
    fn war(&self, record: &Record, followed: &Followed) -> Option<Alert> {
        let incident = record.incident.as_ref().filter(|_| followed.escalated)?;
        let opponents = incident.opponents.join(", ");
        let page = AlertBuilder::new(Kind::EditWar, Severity::Critical, &format!("war:{}", incident.id))
            .subject(format!("edit war with {opponents}"))
            .line("Who", &opponents)
            .line("Done", "writing backs off now, and goes on in between; this incident closes by itself")
            .line("To end it", "stop the other writer, or attach the guardrail SCP that denies the document's write actions to everybody but the reactor and your pipeline")
            .put("opponents", json!(incident.opponents))
            .put("edits", json!(incident.edits));
        Some(page.about(self.case, self.decision, Some(incident)))
    }

    /// A principal that became known updates the incident. It is alerted only where on-call was alarmed without one.
    fn late(&self, record: &Record) -> Vec<Alert> {
        let edits = self.changes.late.iter().filter(|edit| self.changes.owed.contains(&edit.key));
        edits
            .map(|edit| {
                let what = edit.act.in_words();
                let outcome = if edit.is_kept() { "its change is taken over now" } else { "its change stays dropped" };
                let arn = edit.principal.as_ref().and_then(|principal| principal.arn.as_deref()).unwrap_or("no ARN");
                AlertBuilder::new(Kind::AuthorKnown, Severity::Info, &format!("late:{}", edit.key))
                    .subject(format!("it was {} who {what}", edit.name()))
                    .line("Who", &format!("{} ({arn})", edit.name()))
                    .line("What", &format!("{what} at {} (notified before without a name)", edit.at))
                    .line("Done", edit.note.as_deref().unwrap_or(outcome))
                    .put("principal", json!(edit.principal))
                    .about(self.case, self.decision, record.incident.as_ref())
            })
            .collect()
    }

    /// Failed attempts: one alert per account and hour, which the ledger counts up.
    fn denied(&self) -> Vec<Alert> {
        let attempts = self.changes.denied.iter();
        attempts
            .map(|call| {
                let edit = &call.edit;
                let name = edit.principal.called();
                let code = edit.failed.as_deref().unwrap_or("failed");
                let hour: String = self.case.now.to_string().chars().take(13).collect();
                let arn = edit.principal.arn.as_deref().unwrap_or("no ARN");
                AlertBuilder::new(
                    Kind::AttemptDenied,
                    Severity::Warning,
                    &format!("denied:{}:{hour}", self.case.target.account),
                )
                .subject(format!("{name} tried, {code}"))
                .line("Who", &format!("{name} ({arn})"))
                .line("What", &format!("attempted: {} ({code} at {})", edit.action.attempted(), edit.at))
                .line("Done", "nothing changed; further attempts in this account and hour are counted, not told")
                .put("principal", json!(edit.principal))
                .put("failed", json!(code))
                .about(self.case, self.decision, None)
            })
            .collect()
    }

    /// The alert about a status that became worse or better, without an act that explains it.
    fn status(&self, record: &Record, edits_reported: bool) -> Option<Alert> {
        let (before, after) = (self.case.record.status, record.status);
        let given_up = matches!(self.decision.verdict, Verdict::Unknown { .. }) && self.case.requeues >= REQUEUES_MAX;
        if before == after && !given_up {
            return None;
        }
        let why = self.decision.reasons.join("; ");
        let key = |kind: &str| format!("{kind}:{}:g{}", self.case.target, self.case.record.generation);
        let page = match after {
            Status::Unreachable => self.unreachable(&key("unreachable"), &why),
            Status::Drifted if !edits_reported => {
                AlertBuilder::new(Kind::DriftObserved, Severity::Warning, &key("drift"))
                    .subject("differs from the baseline (observe only)".to_owned())
                    .line("Why", &why)
                    .put("drift", self.drift())
            }
            _ if before == Status::Unreachable && after != Status::Waiting => {
                AlertBuilder::new(Kind::ReachableAgain, Severity::Info, &key("reachable"))
                    .subject("within reach again".to_owned())
                    .line("Now", &self.done().full)
            }
            _ => return None,
        };
        Some(page.about(self.case, self.decision, record.incident.as_ref()))
    }

    fn unreachable(&self, key: &str, why: &str) -> AlertBuilder {
        let refused = match self.applied {
            Applied::Refused(Refusal::Invalid) => "AWS does not take what the policy wants to be written",
            Applied::Refused(_) => "the write is not allowed",
            Applied::Nothing | Applied::Landed { .. } => "it cannot be read",
        };
        // Session Manager is unusable in a disabled region, so this is informational.
        let off = matches!(&self.decision.verdict, Verdict::Unknown { why } if why.obstacle == Obstacle::RegionOff);
        let severity = if off { Severity::Info } else { Severity::High };
        AlertBuilder::new(Kind::Unreachable, severity, key)
            .subject(format!("out of reach: {refused}"))
            .line("Why", why)
            .line("To do", "check that the account has the member role, that it trusts the hub, that no SCP denies it, and that the region is on")
    }

    /// A new account that was configured late: one alert, with the obstacle.
    fn late_configuration(&self, record: &Record) -> Option<Alert> {
        let Milestones { vended: Some(vended), configured: Some(configured), .. } = record.milestones else {
            return None;
        };
        let lag_ms = configured.since(vended);
        let goal = self.case.limits.configuration_lag_minutes;
        if self.case.record.milestones.configured.is_some() || lag_ms <= i64::from(goal) * MINUTE_MS {
            return None;
        }
        let key = format!("gap:{}:{}", self.case.target.account, vended.ms());
        let page = AlertBuilder::new(Kind::ConfigurationLag, Severity::Warning, &key)
            .subject(format!("configured late: {} s after it was vended", lag_ms / 1_000))
            .line("Goal", &format!("{goal} minutes; further regions of the account are counted, not told"))
            .line("Cause", if self.case.record.why.is_empty() { "none was met" } else { &self.case.record.why });
        Some(page.about(self.case, self.decision, None))
    }

    /// A write whose event did not come back: alerted once. A new account's own messages report it after the policy's
    /// minutes, elsewhere the next sweep does.
    fn blind(&self, record: &mut Record) -> Option<Alert> {
        let watched_ms = i64::from(self.case.limits.readiness_minutes) * MINUTE_MS;
        let (name, intent) = unechoed(&record.facts).filter(|(_, intent)| intent.notified == Notified::No)?;
        let since = match self.case.cause {
            Cause::AccountLifecycle => self.case.since,
            Cause::Sweep => intent.from,
            Cause::DocumentEvent => return None,
        };
        let over = record.status == Status::InSync && *self.applied == Applied::Nothing;
        if !over || self.case.now.since(since) < watched_ms {
            return None;
        }
        let name = name.clone();
        if let Some(intent) = record.facts.intents.get_mut(&name) {
            intent.notified = Notified::Named;
        }
        let alert = AlertBuilder::new(Kind::ForwarderBlind, Severity::High, &format!("blind:{}", self.case.target))
            .subject("no event of the reactor's own write has come back: the forwarder is blind".to_owned())
            .line("To do", "check the account's trail and the forwarding rule in this region; until then only the sweep sees edits here")
            .about(self.case, self.decision, None);
        Some(alert)
    }

    /// An exemption that ends soon.
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
        let page = AlertBuilder::new(Kind::ExemptionEnds, Severity::Warning, &key)
            .subject(format!("its exemption ends on {}", note.expires))
            .line("Owner", &note.owner)
            .line("Reason", &note.reason);
        Some(page.about(self.case, self.decision, None))
    }

    /// The end of the incident: alerted where on-call waits for it, or where acts were counted and not shown.
    fn resolved(&self, incident: &Incident) -> Option<Alert> {
        if !incident.notify_on_close && incident.edits <= incident.shown {
            return None;
        }
        let by = match (incident.opponents.as_slice(), incident.edits) {
            ([], 0) => UNKNOWN.to_owned(),
            ([], _) => "none but trusted principals".to_owned(),
            (opponents, _) => opponents.join(", "),
        };
        let minutes = window_ms(&self.case.limits) / MINUTE_MS;
        let page =
            AlertBuilder::new(Kind::IncidentResolved, Severity::Info, &format!("incident_resolved:{}", incident.id))
                .subject(format!("over after {} edits: {}", incident.edits, incident.summary))
                .line("Began", &incident.opened.to_string())
                .line("Edits", &incident.edits.to_string())
                .line("By", &by)
                .line("Now", &format!("as it should be, and quiet for {minutes} minutes"));
        Some(page.about(self.case, self.decision, Some(incident)))
    }
}

struct Done {
    brief: &'static str,
    full: String,
}

impl Done {
    fn new(brief: &'static str, full: String) -> Self {
        Self { brief, full }
    }
}
