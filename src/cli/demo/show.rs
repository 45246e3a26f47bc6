//! Renders the demo for a terminal.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

use super::{AccountRow, MomentKind, Scene};
use crate::cli::printer::{BAD, CAUTION, GOOD, HEADING, QUIET, styled};

const INTRODUCTION: &str =
    "runas-reactor on a simulated organisation. Time is virtual: seconds are counted, not waited.\n";

/// The text above the first scene.
pub(super) fn opening(before: &[AccountRow]) -> String {
    format!("{INTRODUCTION}\n{}\n{}\n", styled(HEADING, "Who an engineer becomes, before"), table(before))
}

/// One scene: its timeline and its expectations.
pub(super) fn scene(number: usize, scene: &Scene) -> String {
    let mut text = format!("{}\n", styled(HEADING, &format!("{number}. {}", scene.title)));
    let _ = writeln!(text, "   {}", styled(QUIET, scene.story));
    let shown = scene.moments.iter().filter(|moment| moment.kind != MomentKind::Reactor || scene.moments.len() <= 30);
    for moment in shown {
        let style = match moment.kind {
            MomentKind::Other => CAUTION,
            MomentKind::Reactor => GOOD,
            MomentKind::Alert => BAD,
        };
        let at = format!("{:>8.1} s", moment.at_s);
        let _ = writeln!(
            text,
            "{}  {}  {}",
            styled(QUIET, &at),
            styled(style, &format!("{:<24}", moment.who)),
            moment.what
        );
    }
    let hidden = scene.moments.iter().filter(|moment| moment.kind == MomentKind::Reactor).count();
    if scene.moments.len() > 30 {
        let _ = writeln!(text, "{}", styled(QUIET, &format!("            {hidden} calls of the reactor")));
    }
    for expectation in &scene.expectations {
        let mark = if expectation.held { styled(GOOD, "ok  ") } else { styled(BAD, "FAIL") };
        let _ = writeln!(text, "   {mark} {}", expectation.what);
    }
    text.push('\n');
    text
}

/// The final state of the organisation, and the totals.
pub(super) fn ending(after: &[AccountRow], scenes: &[Scene]) -> String {
    let all = scenes.iter().flat_map(|scene| &scene.expectations);
    let (held, total) = (all.clone().filter(|expectation| expectation.held).count(), all.count());
    let style = if held == total { GOOD } else { BAD };
    let sum = styled(style, &format!("{held} of {total} expectations held"));
    format!("{}\n{}\n{sum}\n", styled(HEADING, "Who an engineer becomes, after"), table(after))
}

fn table(rows: &[AccountRow]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Disabled);
    let regions = rows.first().map(|row| row.regions.iter().map(|(region, _)| region.clone()).collect::<Vec<_>>());
    let head = ["account", "name", "under", "mode"].map(str::to_owned).into_iter();
    table.set_header(head.chain(regions.unwrap_or_default()));
    for row in rows {
        let facts = [&row.account, &row.name, &row.place, &row.mode].map(Clone::clone).into_iter();
        table.add_row(facts.chain(row.regions.iter().map(|(_, state)| state.clone())));
    }
    table
}
