//! `runasctl simulate`: plays stories, until one fails, which is shrunk.

use serde_json::json;

use super::printer::{BAD, GOOD, Printer, QUIET, styled};
use super::{ExitStatus, Output};
use crate::domain::text::clean;
use crate::sim::stories::{Played, Scenario, Step, Story, only, play, shrink};

/// Arguments of `runasctl simulate`.
#[derive(Debug, clap::Args)]
pub struct SimulateArgs {
    /// The seed of the first story; the following ones take the following seeds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Play further stories until this many steps have happened: acts of callers, messages delivered, calls of the
    /// reactor.
    #[arg(long, default_value_t = 100_000)]
    steps: u64,
    /// Play stories of one kind only.
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Play one story, reduced to the steps at these places, as a shrunk story names them.
    #[arg(long, value_delimiter = ',', value_name = "PLACES")]
    keep: Option<Vec<usize>>,
}

/// Totals of all stories.
#[derive(Debug, Default)]
struct Tally {
    stories: u64,
    steps: u64,
    calls: u64,
    alerts: u64,
}

impl Tally {
    fn add(&mut self, played: &Played) {
        self.stories += 1;
        self.steps += played.steps;
        self.calls += played.calls;
        self.alerts += played.alerts;
    }
}

/// A failing story, shrunk.
struct Failure {
    story: Story,
    kept: Vec<usize>,
    violation: String,
    timeline: Vec<String>,
}

/// Plays stories until the limit of steps is reached or one fails.
pub fn run(args: &SimulateArgs, output: Output, printer: &Printer) -> ExitStatus {
    let (tally, failure) = search(args, |tally| {
        if output == Output::Table && tally.stories.is_multiple_of(200) {
            printer.talk(&format!("{} stories, {} steps\n", tally.stories, tally.steps));
        }
    });
    match output {
        Output::Json => printer.data(&format!("{}\n", as_json(&tally, failure.as_ref()))),
        Output::Table => printer.data(&as_text(&tally, failure.as_ref())),
    }
    if failure.is_some() { ExitStatus::Error } else { ExitStatus::Success }
}

fn search(args: &SimulateArgs, mut progress: impl FnMut(&Tally)) -> (Tally, Option<Failure>) {
    let mut tally = Tally::default();
    let mut seed = args.seed;
    loop {
        let mut story = Story::draw(seed, args.scenario);
        if let Some(kept) = &args.keep {
            story = only(&story, kept);
        }
        let played = play(&story);
        tally.add(&played);
        if let Some(violation) = played.violation {
            let failure = match &args.keep {
                Some(kept) => Failure { story, kept: kept.clone(), violation, timeline: played.timeline },
                None => shrunk(&story, violation),
            };
            return (tally, Some(failure));
        }
        progress(&tally);
        if tally.steps >= args.steps || args.keep.is_some() {
            return (tally, None);
        }
        seed = seed.wrapping_add(1);
    }
}

fn shrunk(story: &Story, violation: String) -> Failure {
    let kept = shrink(story);
    let short = only(story, &kept);
    let played = play(&short);
    let violation = played.violation.unwrap_or(violation);
    Failure { story: short, kept, violation, timeline: played.timeline }
}

/// The command that repeats a shrunk story.
fn again(failure: &Failure) -> String {
    let kept: Vec<String> = failure.kept.iter().map(ToString::to_string).collect();
    let scenario = clap::ValueEnum::to_possible_value(&failure.story.scenario);
    let scenario = scenario.map(|value| value.get_name().to_owned()).unwrap_or_default();
    format!("runasctl simulate --seed {} --scenario {scenario} --keep {}", failure.story.seed, kept.join(","))
}

fn as_text(tally: &Tally, failure: Option<&Failure>) -> String {
    let mut text = format!(
        "{} stories, {} steps ({} of them calls of the reactor), {} alerts\n",
        tally.stories, tally.steps, tally.calls, tally.alerts
    );
    let Some(failure) = failure else {
        return text + &styled(GOOD, "everything held") + "\n";
    };
    let switches = format!("{:?}", failure.story.switches);
    let mut lines =
        vec![format!("{}: {}", styled(BAD, "it does not hold"), failure.violation), styled(QUIET, &switches)];
    lines.extend(failure.story.steps.iter().map(|step| format!("  {step}")));
    lines.push("what happened:".to_owned());
    lines.extend(failure.timeline.iter().map(|line| format!("  {}", clean(line, 300))));
    text.push_str(&lines.join("\n"));
    text.push('\n');
    text + &format!("again: {}\n", again(failure))
}

fn as_json(tally: &Tally, failure: Option<&Failure>) -> serde_json::Value {
    let failure = failure.map(|failure| {
        let steps: Vec<String> = failure.story.steps.iter().map(Step::to_string).collect();
        json!({ "seed": failure.story.seed, "violation": failure.violation, "story": steps,
            "timeline": failure.timeline, "again": again(failure) })
    });
    json!({
        "schema_version": 1,
        "stories": tally.stories,
        "steps": tally.steps,
        "calls": tally.calls,
        "alerts": tally.alerts,
        "failure": failure,
    })
}
