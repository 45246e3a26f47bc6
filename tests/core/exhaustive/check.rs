//! What it means that a story ends right.

use runas_reactor::domain::document::{Change, Content, FieldChange};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::fact::Notified;
use runas_reactor::domain::principal::Attribution;
use runas_reactor::domain::time::Time;

use serde_json::Value;

use super::excuses::{
    deletion_and_next_lost, is_hostile, lost, moves_own_version, never_observed, same_moment, same_moment_and_lost,
    taken_for_another,
};
use super::story::template;
use crate::support::world::{Actor, Call, RaisedAlert, ToldAct, World, Wrote, owned};

/// Everything that is wrong in the end.
pub(super) fn check(world: &World) -> Vec<String> {
    let mut wrong = world.broken.clone();
    document(world, &mut wrong);
    let most = puts_max(world);
    if world.puts > most {
        wrong.push(format!("{} puts, reasons for {most}", world.puts));
    }
    let open = world.record.facts.intents.values().filter(|intent| intent.ended.is_none()).count();
    if open > (world.crashes + world.given_up) as usize {
        wrong.push(format!("{open} intents were never closed"));
    }
    alerts(world, &mut wrong);
    notified(world, &mut wrong);
    wrong
}

/// The document exists, its latest version is the default, and it holds what was accepted.
fn document(world: &World, wrong: &mut Vec<String>) {
    let Some(document) = &world.document else {
        wrong.push("there is no document".to_owned());
        return;
    };
    let (latest, default) = (document.latest(), document.default());
    if latest.number != default.number {
        wrong.push(format!("the default is {} of {}", default.number, latest.number));
    }
    if !latest.content.drift(&owned()).is_empty() {
        wrong.push("an owned field is wrong".to_owned());
    }
    let text = serde_json::to_string(&latest.content).unwrap_or_default();
    if text.contains("evil") {
        if !same_moment_and_lost(world) && !deletion_and_next_lost(world) {
            wrong.push(format!("hostile content stays: {text}"));
        }
        return;
    }
    let right = truths(world);
    if !right.iter().any(|content| content.same_as(&latest.content)) {
        let right = serde_json::to_string(&right).unwrap_or_default();
        wrong.push(format!("holds {text}, and should hold one of {right}"));
    }
}

/// What the document may hold: what trusted principals wrote, each change in its order. One whose truth cannot be known may
/// be missing; then its values are foreign ones, and a later change that carries them over may be without them.
fn truths(world: &World) -> Vec<Content> {
    let mut truths = vec![template().overlaid(&owned())];
    let mut doubtful = Change::new();
    for call in world.calls.iter().filter(|call| call.actor == Actor::Pipeline) {
        let Some(wrote) = &call.wrote else { continue };
        let after = |wrote: &Wrote| truths.iter().map(|content| with_wrote(content, wrote)).collect::<Vec<_>>();
        let mut next = after(wrote);
        if let Wrote::Change(change) = wrote
            && !doubtful.is_empty()
        {
            let certain = |field: &&FieldChange| !doubtful.iter().any(|other| sets_the_same(field, other));
            next.extend(after(&Wrote::Change(change.iter().filter(certain).cloned().collect())));
        }
        if lost(world, call) || never_observed(world, call) || same_moment(world, call) {
            next.append(&mut truths);
            doubtful.extend(change_of(wrote));
        }
        truths = next;
    }
    truths
}

fn with_wrote(content: &Content, wrote: &Wrote) -> Content {
    let content = match wrote {
        Wrote::Change(change) => content.with_change(&own(change)),
        Wrote::First(first) => first.clone(),
    };
    content.overlaid(&owned())
}

fn change_of(wrote: &Wrote) -> Change {
    match wrote {
        Wrote::Change(change) => change.clone(),
        Wrote::First(content) => template().change_to(content),
    }
}

fn sets_the_same(one: &FieldChange, other: &FieldChange) -> bool {
    one.field == other.field && one.to == other.to
}

/// A change without what it carries over of a hostile version.
fn own(change: &Change) -> Change {
    let hostile = |value: &Option<Value>| value.as_ref().is_some_and(|value| value.to_string().contains("evil"));
    change.iter().filter(|field| !hostile(&field.to)).cloned().collect()
}

/// One put for each foreign edit and for each crash; one more for a trusted edit whose event came late, which was taken back
/// and is put in again, and one for each whose truth cannot be known, because the event of another act casts doubt on it.
fn puts_max(world: &World) -> u32 {
    world.calls.iter().map(|call| reasons(world, call)).sum::<u32>() + world.crashes
}

fn reasons(world: &World, call: &Call) -> u32 {
    match (call.actor, call.edit.action) {
        (Actor::Reactor, _) | (_, Action::DefaultMoved { .. }) => 0,
        (Actor::Mallory(_), _) => 1,
        (Actor::Pipeline, _) => 1 + u32::from(call.late) + u32::from(same_moment(world, call)),
    }
}

/// No alert names the reactor, nor a trusted principal as hostile.
fn alerts(world: &World, wrong: &mut Vec<String>) {
    for (alert, sent) in world.outbox.values() {
        if !sent {
            wrong.push(format!("{} was never sent", alert.id));
        }
        if alert.kind == "forwarder_blind" || alert.kind == "unreachable" {
            wrong.push(format!("{} without a reason", alert.kind));
        }
        for name in alert
            .opponents
            .iter()
            .filter(|name| [Actor::Pipeline, Actor::Reactor].iter().any(|it| name.contains(&it.name())))
        {
            wrong.push(format!("{}: {name}", alert.id));
        }
        acts(world, alert, wrong);
    }
}

fn acts(world: &World, alert: &RaisedAlert, wrong: &mut Vec<String>) {
    for act in &alert.acts {
        let call = match &act.event {
            Some(id) => world.calls.iter().find(|call| call.edit.id == *id),
            None => world.calls.iter().find(|call| call.created == Some(act.at)),
        };
        let expected = match (call.map(|call| call.actor), &act.event) {
            (Some(Actor::Reactor), _) | (None, Some(_)) => None,
            (Some(actor @ Actor::Mallory(_)), Some(_)) if presumed(act) => {
                Some((Attribution::Unattributed, Some(actor.name())))
            }
            (_, None) => Some((Attribution::Unattributed, None)),
            (Some(Actor::Pipeline), _) => Some((Attribution::Trusted, Some(Actor::Pipeline.name()))),
            (Some(actor), _) => Some((Attribution::Untrusted, Some(actor.name()))),
        };
        if expected != Some((act.attribution, act.name.clone())) {
            wrong.push(format!("{} says {act:?} of {call:?}", alert.id));
        }
    }
}

/// "Who made it the default wrote it" is said in the alert as a presumption, and changes nothing else.
fn presumed(act: &ToldAct) -> bool {
    act.attribution == Attribution::Unattributed && act.what.starts_with("wrote version")
}

/// Every foreign act is notified, or counted in an incident that is named at its end.
fn notified(world: &World, wrong: &mut Vec<String>) {
    let hostile = || world.calls.iter().filter(|call| is_hostile(call));
    let named = hostile().filter(|call| call.arrived && !by_name(world, call, wrong)).count();
    let nameless = hostile().filter(|call| !call.arrived && !without_name(world, call, wrong)).count();
    let counted = named + nameless + absences(world, wrong);
    if counted > world.counted as usize {
        wrong.push(format!("{counted} acts were not shown, and {} counted", world.counted));
    }
}

/// Whether an alert shows a call whose event arrived: by name, exactly once.
fn by_name(world: &World, call: &Call, wrong: &mut Vec<String>) -> bool {
    let named = named(world, &call.edit.id);
    if named == 0 && moves_own_version(world, call) {
        return true;
    }
    if named > 1 || (named == 0 && !enriches(world, call)) {
        wrong.push(format!("{} {} notified by name {named} times", call.actor.name(), call.edit.action.in_words()));
    }
    named > 0
}

/// Whether an alert shows a call whose event was lost: without a name, where its version was observed.
fn without_name(world: &World, call: &Call, wrong: &mut Vec<String>) -> bool {
    let Some(created) = call.created.filter(|created| world.observed.contains(created)) else { return true };
    if taken_for_another(world, call) || shown_nameless(world, created) {
        return true;
    }
    let version = world.record.facts.versions.get(&created);
    if version.is_none_or(|version| version.notified == Notified::No) {
        wrong.push(format!("{} {} notified nowhere", call.actor.name(), call.edit.action.in_words()));
    }
    false
}

/// How many absences without a name no alert shows.
fn absences(world: &World, wrong: &mut Vec<String>) -> usize {
    let facts = &world.record.facts;
    let absences = facts.absences.values().map(|absence| (absence.first, absence.notified));
    let mut hidden = 0;
    for (first, notified) in absences.filter(|(_, notified)| *notified != Notified::Named) {
        if notified == Notified::No {
            wrong.push("an absence was notified to nobody".to_owned());
        }
        hidden += usize::from(!shown_nameless(world, first));
    }
    hidden
}

/// How many alerts name the call.
fn named(world: &World, id: &str) -> usize {
    let shows = |alert: &RaisedAlert| alert.acts.iter().filter(|act| act.event.as_deref() == Some(id)).count();
    let late = |alert: &RaisedAlert| usize::from(alert.kind == "author_known" && alert.id.ends_with(&format!(":{id}")));
    world.outbox.values().map(|(alert, _)| shows(alert) + late(alert)).sum()
}

/// An incident that was alerted at its end names the caller.
fn enriches(world: &World, call: &Call) -> bool {
    let name = call.actor.name();
    world.outbox.values().any(|(alert, _)| {
        alert.kind == "incident_resolved" && alert.opponents.iter().any(|opponent| opponent.contains(&name))
    })
}

/// An alert shows an act of this time without a name, or with a presumed one.
fn shown_nameless(world: &World, at: Time) -> bool {
    let mut acts = world.outbox.values().flat_map(|(alert, _)| &alert.acts);
    acts.any(|act| act.attribution == Attribution::Unattributed && act.at == at)
}
