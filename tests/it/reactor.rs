//! The shell at its ports: deadlines, repeated reads, lost races, and what becomes of a message that comes again.

use runas_reactor::domain::decode::encode;
use runas_reactor::domain::finding::Alert;
use runas_reactor::domain::signal::Errand;
use runas_reactor::domain::time::{DAY_MS, SECOND_MS, Time};
use runas_reactor::ports::{Clock as _, FaultClass, Relapse};
use runas_reactor::reactor::{BatchReport, Message, PolicySource, Reactor};
use runas_reactor::sim::drive::{Simulated as _, run_for};
use runas_reactor::sim::trouble::{Hit, Troubled};
use runas_reactor::sim::{Sim, Switches};

use crate::support::org::{self, MEMBER};

const MOVED: Hit = Hit::Refused(FaultClass::Moved);

struct Play(Reactor<Troubled>);

impl Play {
    fn begin() -> Self {
        Self(Reactor::new(Troubled::new(org::sim(Switches::PLAIN)), PolicySource::Table))
    }

    /// A document that LZA made and the reactor put right.
    async fn in_sync() -> Self {
        let play = Self::begin();
        play.sim().lza_writes(&org::target(MEMBER, "eu-west-1"), "lza-logs").unwrap();
        play.rest().await;
        play.world().made();
        play
    }

    fn world(&self) -> &Troubled {
        self.0.world()
    }

    fn sim(&self) -> &Sim {
        self.world().sim()
    }

    async fn rest(&self) {
        run_for(&self.0, 200).await;
    }

    /// One invocation, which has a minute.
    async fn batch(&self, messages: &[Message]) -> BatchReport {
        self.0.batch(messages, self.sim().now().plus_ms(60 * SECOND_MS)).await
    }

    fn told(&self, kind: &str) -> Vec<Alert> {
        self.sim().told().into_iter().filter(|alert| alert.kind == kind).collect()
    }

    /// When each call of a port's method was made since this was asked last.
    fn made(&self, call: &str) -> Vec<Time> {
        self.world().made().iter().filter(|made| made.call == call).map(|made| made.at).collect()
    }
}

fn member() -> Message {
    org::touched(&org::target(MEMBER, "eu-west-1"), org::epoch())
}

fn sweep_of_member() -> Message {
    let errand =
        Errand::SweepAccount { account: MEMBER.parse().unwrap(), sweep: "s-1".to_owned(), began: org::epoch() };
    message("sweep of an account", &encode(&errand))
}

fn message(id: &str, body: &str) -> Message {
    Message { id: id.to_owned(), body: body.to_owned(), receipt: None, receives: 1 }
}

#[tokio::test(start_paused = true)]
async fn call_without_end_is_given_up_before_the_deadline() {
    let sweep = message("sweep", r#"{"kind":"sweep","schema":1}"#);
    let vended = message("work", &member().body);
    for (call, message) in [
        ("policy", member()),
        ("load", vended),
        ("enabled_regions", sweep_of_member()),
        ("load", sweep_of_member()),
        ("sweep", sweep),
        ("dead_letter", message("garbage", "garbage")),
    ] {
        let play = Play::begin();
        play.world().hit_always(call, Hit::Slow(600_000));
        let deadline = play.sim().now().plus_ms(60 * SECOND_MS);
        let report = play.0.batch(std::slice::from_ref(&message), deadline).await;
        let left_ms = deadline.since(play.sim().now());
        assert_eq!((left_ms, report.failed.len()), (1_500, 1), "{call}: {report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn handing_back_ends_half_a_second_before_the_deadline() {
    for call in ["hand_back", "resend"] {
        let play = Play::begin();
        play.world().hit_always("load", Hit::Refused(FaultClass::Throttled));
        play.world().hit_always(call, Hit::Slow(600_000));
        let deadline = play.sim().now().plus_ms(60 * SECOND_MS);
        let message = Message { receipt: Some("1".to_owned()), receives: 3, ..member() };
        let report = play.0.batch(&[message], deadline).await;
        assert_eq!(report.failed.len(), usize::from(call == "resend"), "{call}: {report:?}");
        let left_ms = deadline.since(play.sim().now());
        assert_eq!(left_ms <= 500, call == "resend", "{call}: {left_ms} ms");
        assert!(left_ms >= 0, "{call}: {left_ms} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_disagree_are_read_four_times_with_growing_pauses() {
    let play = Play::begin();
    play.world().hit_always("observe", MOVED);
    let report = play.batch(&[member()]).await;
    assert_eq!(report.failed.len(), 1, "{report:?}");
    let reads = play.made("observe");
    // Each of six rounds reads four times.
    assert_eq!(reads.len(), 24);
    for round in reads.chunks(4) {
        let pauses: Vec<i64> = round.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let bounds = [100..200, 200..300, 400..500];
        assert!(pauses.iter().zip(bounds).all(|(pause, bounds)| bounds.contains(pause)), "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_race_is_run_again_five_times_after_pauses_below_200_ms() {
    let play = Play::begin();
    play.world().hit_always("load", MOVED);
    let report = play.batch(&[member()]).await;
    assert_eq!(report.failed.len(), 1, "{report:?}");
    let loads = play.made("load");
    assert_eq!(loads.len(), 6);
    let pauses: Vec<i64> = loads.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    // An observation of 40 ms goes on beside the load.
    assert!(pauses.iter().all(|pause| (0..240).contains(pause)), "{pauses:?}");
    assert!(pauses.iter().any(|pause| *pause > 50), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn use_of_a_gap_role_after_the_member_role_is_notified_once_a_day() {
    let play = Play::in_sync().await;
    let account = MEMBER.parse().unwrap();
    let session = async || {
        let relapse = Relapse { role: "AWSControlTowerExecution".to_owned(), member_role_used: org::epoch() };
        play.sim().relapse(&account, relapse);
        play.batch(&[member()]).await;
        play.told("gap_role_used")
    };
    session().await;
    let told = session().await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].text.contains("AWSControlTowerExecution") && told[0].text.contains(MEMBER), "{}", told[0].text);
    run_for(&play.0, DAY_MS / SECOND_MS).await;
    assert_eq!(session().await.len(), 2, "a day later");
}
