//! `runasctl demo`: the main job on an embedded organisation, shown as a timeline, with every expectation checked.

mod report;
mod scenes;
mod show;
mod stage;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::printer::Printer;
use super::{ExitStatus, Output};
use stage::Stage;

/// Run the main job on an embedded, simulated organisation: no AWS account, no network.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Also write the report of the organisation at the end: a page for a browser where the name ends in .html, and else in
    /// the format of `runasctl report` that it ends in.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// A condition that must hold at the end of a scene.
#[derive(Clone, Debug)]
struct Expectation {
    what: String,
    held: bool,
}

/// One line of the timeline.
#[derive(Clone, Debug)]
struct Moment {
    /// Seconds since the demo began.
    at_s: f64,
    who: String,
    what: String,
    kind: MomentKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MomentKind {
    Other,
    Reactor,
    Alert,
}

/// The events of one scene.
#[derive(Clone, Debug)]
struct Scene {
    title: &'static str,
    story: &'static str,
    moments: Vec<Moment>,
    expectations: Vec<Expectation>,
}

/// One account in the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AccountRow {
    account: String,
    name: String,
    place: String,
    mode: String,
    regions: Vec<(String, String)>,
}

/// Runs the demo; succeeds only if every expectation holds.
pub fn run(args: &DemoArgs, output: Output, printer: &Printer) -> ExitStatus {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.error(&format!("cannot start the runtime: {error}"));
            return ExitStatus::Error;
        }
    };
    runtime.block_on(async {
        let mut stage = match Stage::set() {
            Ok(stage) => stage,
            Err(problem) => {
                printer.error(&problem);
                return ExitStatus::Error;
            }
        };
        let before = stage.rows();
        if output == Output::Table {
            printer.data(&show::opening(&before));
        }
        let mut scenes = Vec::new();
        for scene in scenes::ALL {
            let scene = scene(&mut stage).await;
            if output == Output::Table {
                printer.data(&show::scene(scenes.len() + 1, &scene));
            }
            scenes.push(scene);
        }
        let after = stage.rows();
        let held = scenes.iter().flat_map(|scene| &scene.expectations).all(|expectation| expectation.held);
        match output {
            Output::Table => printer.data(&show::ending(&after, &scenes)),
            Output::Json => printer.data(&format!("{:#}\n", as_json(&before, &scenes, &after, held))),
        }
        if let Some(path) = &args.report {
            let report = report::of(stage.sim()).await.map_err(|fault| fault.to_string());
            if let Err(problem) = report.and_then(|report| report.write(path, None)) {
                printer.error(&problem);
                return ExitStatus::Error;
            }
            printer.talk(&format!("the report is in {}\n", path.display()));
        }
        if held { ExitStatus::Success } else { ExitStatus::Error }
    })
}

fn as_json(before: &[AccountRow], scenes: &[Scene], after: &[AccountRow], held: bool) -> Value {
    let rows = |rows: &[AccountRow]| {
        let row = |row: &AccountRow| {
            let regions: serde_json::Map<String, Value> =
                row.regions.iter().map(|(region, state)| (region.clone(), state.as_str().into())).collect();
            json!({ "account": row.account, "name": row.name, "ou": row.place, "mode": row.mode, "regions": regions })
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let scene = |scene: &Scene| {
        json!({
            "title": scene.title,
            "timeline": scene.moments.iter().map(|moment| json!({
                "at_seconds": moment.at_s, "who": moment.who, "what": moment.what, "kind": format!("{:?}", moment.kind).to_lowercase(),
            })).collect::<Vec<_>>(),
            "expectations": scene.expectations.iter().map(|e| json!({ "what": e.what, "held": e.held })).collect::<Vec<_>>(),
        })
    };
    json!({
        "schema_version": 1,
        "before": rows(before),
        "scenes": scenes.iter().map(scene).collect::<Vec<_>>(),
        "after": rows(after),
        "all_held": held,
    })
}
