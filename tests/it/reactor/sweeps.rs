//! The steps of a sweep: what each sends, and what it does not take for an end.

use super::*;

#[tokio::test(start_paused = true)]
async fn sweep_under_way_is_taken_up_by_a_message_that_comes_again() {
    let play = Play::begin();
    let sweep = |receives| Message { receives, ..message("sweep", SWEEP) };
    let mut sent = Vec::new();
    for receives in [1, 1, 2] {
        sent.push(play.batch(&[sweep(receives)]).await.sent);
    }
    assert_eq!(sent, [1, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn ou_that_goes_while_a_sweep_walks_has_no_accounts_and_one_that_cannot_be_read_is_tried_again() {
    for (class, failed) in [(FaultClass::NotFound, 0), (FaultClass::Throttled, 1), (FaultClass::Denied, 1)] {
        let play = Play::begin();
        play.world().inject_once("accounts_in", InjectedFault::Refused(class));
        play.sim().enqueue(SWEEP);
        let reports = run_for(&play.0, 10).await;
        assert_eq!(reports.iter().map(|report| report.failed.len()).sum::<usize>(), failed, "{class:?}");
    }
}

fn sweep_step(step: u64, receives: u32) -> Message {
    Message { receives, ..message("step", &encode(&Task::SweepStep(step))) }
}

#[tokio::test(start_paused = true)]
async fn sweep_sends_a_message_for_each_account_and_each_step_and_counts_them() {
    let play = Play::begin();
    for n in 0..20 {
        play.sim().put_account(org::account(&format!("5000000000{n:02}"), org::epoch()));
    }
    play.sim().enqueue(SWEEP);
    let reports = run_for(&play.0, 60).await;
    let sweep = play.sim().last_sweep().unwrap();
    assert_eq!((sweep.accounts, sweep.targets), (22, 66));
    assert_eq!(reports.iter().map(|report| report.to_sweep).sum::<u64>(), 66);
    let steps = usize::try_from(sweep.step).unwrap();
    assert!(steps > 1 && sent(&reports).iter().sum::<usize>() == 22 + steps - 1, "{sweep:?}: {:?}", sent(&reports));
    play.made("");
    play.sim().enqueue(SWEEP);
    run_for(&play.0, 60).await;
    let asked = play.made("account").len();
    assert_eq!(asked, 1, "only for the root: the others are as they were");
}

#[tokio::test(start_paused = true)]
async fn account_that_the_walk_does_not_meet_is_described() {
    let play = Play::begin();
    play.sim().enqueue(SWEEP);
    run_for(&play.0, 60).await;
    play.world().inject_always("accounts_in", InjectedFault::Refused(FaultClass::NotFound));
    play.sim().enqueue(SWEEP);
    assert_eq!(sent(&run_for(&play.0, 60).await), [1, 2], "both are there all the same");
    play.sim().take_account(&MEMBER.parse().unwrap());
    play.sim().enqueue(SWEEP);
    assert_eq!(sent(&run_for(&play.0, 60).await), [1, 1]);
    assert_eq!(play.sim().last_sweep().unwrap().accounts, 1, "one has left");
}

#[tokio::test(start_paused = true)]
async fn step_of_a_sweep_that_has_ended_is_not_taken_again() {
    let play = Play::begin();
    play.sim().enqueue(SWEEP);
    run_for(&play.0, 60).await;
    let ended = play.sim().last_sweep().unwrap();
    for step in [ended.step - 1, ended.step] {
        assert_eq!(play.batch(&[sweep_step(step, 2)]).await.sent, 0, "{step}");
    }
    assert_eq!(play.sim().last_sweep(), Some(ended));
}

#[tokio::test(start_paused = true)]
async fn sweep_reads_no_more_than_four_pages_a_second() {
    let play = Play::begin();
    for n in 0..20 {
        play.sim().put_account(org::account(&format!("5000000000{n:02}"), org::epoch()));
    }
    play.sim().enqueue(SWEEP);
    run_for(&play.0, 60).await;
    let read = play.made("accounts_in");
    assert!(read.len() > 6 && read.windows(2).all(|pair| pair[1].since(pair[0]) >= 250), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn enabled_regions_are_written_down_twice_a_day() {
    for (age_ms, expected) in [(DAY_MS / 2 - 1, 0), (DAY_MS / 2, 1)] {
        let play = Play::begin();
        let began = play.sim().now();
        play.batch(&[sweep_of_member()]).await;
        assert_eq!(play.made("save_regions").len(), 1);
        let wait_ms = began.plus_ms(age_ms).since(play.sim().now());
        play.world().sleep(u64::try_from(wait_ms).unwrap()).await;
        play.batch(&[sweep_of_member()]).await;
        assert_eq!(play.made("save_regions").len(), expected, "{age_ms}");
    }
}
