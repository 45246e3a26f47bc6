//! Plays a story to its end.

use super::check::{Checker, Violation};
use super::instances::Instances;
use super::stage::Stage;
use super::step::{Step, Story};
use crate::domain::time::{DAY_MS, HOUR_MS, MINUTE_MS, Time};
use crate::ports::Clock as _;
use crate::reactor::{PolicySource, Reactor};
use crate::sim::Sim;
use crate::sim::drive::Simulated as _;
use crate::sim::faults::{FaultInjector, Faulty, InjectedFault, Made};
use crate::sim::intercept::About;

/// Limit for a story to come to rest: its last event is a replay after three days, with its consequences.
const REST_MAX_MS: i64 = 10 * DAY_MS;

/// How a story ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Played {
    /// Acts, delivered messages and calls of the reactor.
    pub(crate) steps: u64,
    /// Calls of the reactor.
    pub(crate) calls: u64,
    /// Published alerts.
    pub(crate) alerts: u64,
    /// The violation, if one was found.
    pub(crate) violation: Option<Violation>,
    /// Calls on documents, faults and alerts, in order.
    pub(crate) timeline: Vec<String>,
}

/// Plays a story with its own clock.
pub(crate) fn play(story: &Story) -> Played {
    play_with(story, |world| Reactor::new(world, PolicySource::Table))
}

/// Plays a story with a reactor that may act on a decorated world.
pub(super) fn play_with<W: Faulty>(story: &Story, reactor: impl FnOnce(FaultInjector) -> Reactor<W>) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(perform(story, reactor)),
        Err(error) => Played { violation: Some(format!("no runtime: {error}")), ..Played::default() },
    }
}

async fn perform<W: Faulty>(story: &Story, reactor: impl FnOnce(FaultInjector) -> Reactor<W>) -> Played {
    let (stage, sim) = match Stage::set(story) {
        Ok(set) => set,
        Err(error) => return Played { violation: Some(error), ..Played::default() },
    };
    let checker = Checker::new(&stage, &sim);
    let reactor = reactor(FaultInjector::around(sim));
    let world = reactor.world().injector();
    let faults = Vec::new();
    let mut run = Run { stage, checker, instances: Instances::new(&reactor), world, acts: 0, faults };
    let violation = run.through(&story.steps).await.err();
    let timeline = violation.as_ref().map(|_| timeline(world.sim(), run.faults));
    Played {
        timeline: timeline.unwrap_or_default(),
        steps: run.acts + run.instances.messages + world.calls(),
        calls: world.calls(),
        alerts: u64::try_from(world.sim().alerts().len()).unwrap_or(0),
        violation,
    }
}

struct Run<'a, W> {
    stage: Stage,
    checker: Checker,
    instances: Instances<'a, W>,
    world: &'a FaultInjector,
    acts: u64,
    /// Faults that the reactor's calls met.
    faults: Vec<Made>,
}

impl<W: Faulty> Run<'_, W> {
    async fn through(&mut self, steps: &[Step]) -> Result<(), Violation> {
        self.sweep().await?;
        for step in steps {
            self.step(*step).await?;
        }
        // No more faults; the next sweep finds what was lost.
        self.world.stop_injecting();
        self.world.sim().no_more_fates();
        self.rest(false).await?;
        self.pass(self.world.now().plus_ms(2 * MINUTE_MS)).await?;
        self.sweep().await
    }

    async fn step(&mut self, step: Step) -> Result<(), Violation> {
        let world = self.world;
        self.acts += 1;
        match step {
            Step::Pass(ms) => self.pass(world.now().plus_ms(i64::from(ms))).await?,
            Step::Rest => self.rest(false).await?,
            Step::Fault(nth, fault) => world.inject(u64::from(nth), fault),
            Step::Deadline(ms) => self.instances.set_deadline(ms),
            step => {
                self.checker.expect(&self.stage, step, world.now());
                self.stage.play(world.sim(), step);
                if step == Step::Vend {
                    self.checker.expect(&self.stage, step, world.now());
                }
            }
        }
        self.check()
    }

    /// Passes time in pieces, so that a violation is found near its cause.
    async fn pass(&mut self, end: Time) -> Result<(), Violation> {
        loop {
            let now = self.world.now();
            self.instances.until(end.min(now.plus_ms(HOUR_MS))).await;
            self.check()?;
            if self.world.now() >= end {
                return Ok(());
            }
        }
    }

    async fn rest(&mut self, swept: bool) -> Result<(), Violation> {
        let end = self.world.now().plus_ms(REST_MAX_MS);
        let quiet = self.instances.until_quiet(end).await;
        self.check()?;
        if !quiet {
            return Err("messages without end".to_owned());
        }
        self.checker.at_rest(&self.stage, self.world.sim(), swept)
    }

    async fn sweep(&mut self) -> Result<(), Violation> {
        self.stage.play(self.world.sim(), Step::Sweep);
        self.rest(true).await
    }

    fn check(&mut self) -> Result<(), Violation> {
        let world = self.world;
        let made = world.made();
        self.faults.extend(made.iter().filter(|made| made.fault.is_some()).cloned());
        self.checker.step(&self.stage, world.sim(), made, &mut self.instances)
    }
}

/// All calls, faults and alerts, in order of time.
fn timeline(sim: &Sim, faults: Vec<Made>) -> Vec<String> {
    let calls = sim.calls_after(0).into_iter().map(|call| {
        let failed = call.failed.map(|code| format!(" ({code})")).unwrap_or_default();
        (call.at, format!("{}: {} {}{failed}", call.target, call.who, call.action.in_words()))
    });
    let alerts =
        sim.alerts_after(0).into_iter().map(|(at, alert)| (at, format!("alert {}: {}", alert.kind, alert.subject)));
    let faults = faults.into_iter().map(|made| {
        let about = if let About::Document(target) = made.call.about { format!(" in {target}") } else { String::new() };
        (
            made.at,
            format!(
                "invocation {}, {}{about}: {:?}",
                made.invocation,
                made.call.method,
                made.fault.unwrap_or(InjectedFault::StopBefore)
            ),
        )
    });
    let mut lines: Vec<(Time, String)> = calls.chain(alerts).chain(faults).collect();
    lines.sort_by_key(|(at, _)| *at);
    lines.into_iter().map(|(at, line)| format!("{at} {line}")).collect()
}
