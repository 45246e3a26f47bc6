//! Edits that land between the answers of one observation.

use futures_util::future::join;

use super::*;

/// A pass that begins now reads from 40 ms to 440 ms after that.
const TORN: Switches = Switches { torn_ms: 400, ..Switches::PLAIN };
/// Orders in which the answers of an observation are given.
const ORDERS: u32 = 8;

/// Lets a pass begin, and `write` happen so long after that, for many orders of answers and many moments.
async fn written_within_an_observation(write: impl Fn(&Play), held: impl Fn(&Play, usize, String)) {
    for (order, after_ms) in (0..ORDERS).flat_map(|order| (30..480).step_by(45).map(move |ms| (order, ms))) {
        let play = Play::begin(TORN).await;
        for _ in 0..order {
            play.sim().jitter();
        }
        let (alerts, now) = (play.sim().alerts().len(), play.sim().now());
        let messages = [org::touched(&play.target, now)];
        let pass = play.reactor.batch(&messages, now.plus_ms(60_000));
        let writing = async {
            play.sim().sleep(after_ms).await;
            write(&play);
        };
        let (report, ()) = join(pass, writing).await;
        assert!(report.failed.is_empty(), "order {order}, {after_ms} ms: {report:?}");
        play.rest().await;
        play.assert_right();
        held(&play, alerts, format!("order {order}, {after_ms} ms"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pipelines_writes_within_an_observation_are_kept() {
    let write = |play: &Play| {
        for edit in [json!({ "cloudWatchLogGroupName": "new-logs" }), json!({ "s3KeyPrefix": "new-prefix" })] {
            play.sim().edit_inputs(&play.target, &play.pipeline(), &edit).unwrap();
        }
    };
    let held = |play: &Play, alerts: usize, when: String| {
        let inputs = play.inputs();
        let kept = (&inputs["cloudWatchLogGroupName"], &inputs["s3KeyPrefix"]);
        assert_eq!(kept, (&json!("new-logs"), &json!("new-prefix")), "{when}");
        assert_eq!(loud(&play.raised(alerts)), Vec::<String>::new(), "{when}");
    };
    written_within_an_observation(write, held).await;
}

#[tokio::test(start_paused = true)]
async fn administrators_edits_within_an_observation_are_reverted_and_alerted_with_their_fields() {
    let write = |play: &Play| {
        for edit in [json!({ "shellProfile": { "linux": "evil" } }), json!({ "s3KeyPrefix": "mallorys" })] {
            play.sim().edit_inputs(&play.target, &play.admin(), &edit).unwrap();
        }
    };
    let held = |play: &Play, alerts: usize, when: String| {
        let inputs = play.inputs();
        assert_eq!((&inputs["shellProfile"], &inputs["s3KeyPrefix"]), (&Value::Null, &json!("")), "{when}");
        let alerts = play.raised(alerts);
        for said in ["mallory@example.com", "shellProfile  (none) -> {\"linux\":\"evil\"}", "s3KeyPrefix  "] {
            assert!(alerts.iter().any(|alert| alert.text.contains(said)), "{when}, {said}: {alerts:#?}");
        }
    };
    written_within_an_observation(write, held).await;
}
