//! The document shared by principals that are not trusted, where the policy wants that undone.

use runas_reactor::domain::edit::Sharing;
use runas_reactor::domain::record::Status;
use runas_reactor::sim::drive::run_for;
use runas_reactor::sim::{Caller, Switches};
use serde_json::json;

use super::Play;
use crate::support::org;

const FOREIGN: &str = "999900001111";
const RIGHTFUL: &str = "999900002222";

async fn undoing(switches: Switches) -> Play {
    let play = Play::begin(switches).await;
    play.sim().push_policy(org::policy_with("breaker:", "sharing: undo\nbreaker:"));
    run_for(&play.reactor, 60).await;
    play.reactor.world().interceptor().start();
    play
}

fn share(play: &Play, caller: &Caller, account: &str) {
    let sharing = Sharing { added: vec![account.to_owned()], removed: Vec::new() };
    play.sim().share(&play.target, caller, &sharing).unwrap();
}

fn shares(play: &Play) -> Vec<String> {
    play.sim().document(&play.target).unwrap().shares.into_iter().collect()
}

/// How often the reactor made a call.
fn made(play: &Play, method: &str) -> usize {
    play.reactor.world().interceptor().calls().iter().filter(|(made, _)| *made == method).count()
}

#[tokio::test(start_paused = true)]
async fn foreign_sharing_is_undone_and_a_pipelines_stays() {
    for switches in Switches::all() {
        let play = undoing(switches).await;
        share(&play, &play.pipeline(), RIGHTFUL);
        let raised = play.sim().alerts().len();
        share(&play, &play.admin(), FOREIGN);
        play.rest().await;
        assert_eq!(shares(&play), [RIGHTFUL], "{switches:?}");
        play.assert_right();
        let alerts = play.raised(raised);
        let [alert] = alerts.as_slice() else { panic!("{switches:?}: {alerts:?}") };
        for part in [
            "the document was shared with 999900001111",
            "mallory@example.com",
            "Its sharing is undone: the reactor took 999900001111 out again.",
        ] {
            assert!(alert.text.contains(part), "{part}: {}", alert.text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn drift_and_sharing_at_once_both_end_right_with_one_alert() {
    for switches in Switches::all() {
        let play = undoing(switches).await;
        let raised = play.sim().alerts().len();
        play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
        share(&play, &play.admin(), FOREIGN);
        play.rest().await;
        assert_eq!(shares(&play), Vec::<String>::new(), "{switches:?}");
        play.assert_right();
        let about_sharing =
            play.raised(raised).into_iter().filter(|alert| alert.text.contains("Its sharing is undone"));
        assert_eq!(about_sharing.count(), 1, "{switches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn shares_are_read_only_while_a_call_is_not_answered() {
    let play = undoing(Switches::PLAIN).await;
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    play.rest().await;
    share(&play, &play.pipeline(), RIGHTFUL);
    play.rest().await;
    assert_eq!(made(&play, "shares"), 0, "an edit and a pipeline ask for none");
    share(&play, &play.admin(), FOREIGN);
    play.rest().await;
    let asked = made(&play, "shares");
    assert!((2..=3).contains(&asked), "before, after, and once more when it is certain: {asked}");
    play.sim().edit_inputs(&play.target, &play.admin(), &json!({ "runAsEnabled": false })).unwrap();
    play.rest().await;
    assert_eq!((made(&play, "shares"), made(&play, "unshare")), (asked, 1));
}

#[tokio::test(start_paused = true)]
async fn break_glass_shares_until_the_hold_ends() {
    let play = undoing(Switches::PLAIN).await;
    share(&play, &Caller::break_glass(&play.target.account, "oncall"), FOREIGN);
    run_for(&play.reactor, 3_500).await;
    assert_eq!(shares(&play), [FOREIGN]);
    assert_eq!(play.sim().ledger().records[&play.target].status, Status::Held);
    run_for(&play.reactor, 200).await;
    assert_eq!(shares(&play), Vec::<String>::new());
    play.assert_right();
}
