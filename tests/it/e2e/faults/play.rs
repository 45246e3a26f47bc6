//! Playing a story, with the Lambda service and SQS around the function, until nothing is left to do.

use std::collections::{BTreeMap, BTreeSet};

use runas_reactor::domain::signal::Cause;
use serde_json::{Value, json};

use super::stories::{Before, Story};
use crate::e2e::callers::lza_inputs;
use crate::e2e::queue::{Batch, handed_back, work};
use crate::e2e::stage::{HOME, HUB, PATIENCE, Stage, text_of};
use crate::support::lambda::{Lambda, Outcome};

/// What is due later than this is not waited for: the watch over a new account.
const SOON_MS: i64 = 60_000;
/// Invocations after which a story should long have come to rest.
const INVOCATIONS_MAX: usize = 40;

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Denied,
    Throttled,
    /// An error of the service, before the effect.
    Broken,
    /// The effect, and a connection that is closed before the answer.
    Lost,
    KilledBefore,
    KilledAfter,
}

/// For how many of the attempts that the SDK makes it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// The first one; the SDK tries again.
    Once,
    /// The only one.
    Always,
    /// All three.
    ThroughRetries,
}

/// One call of a story: the `nth` of this action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallPoint {
    pub(super) service: String,
    pub(super) action: String,
    pub(super) nth: usize,
}

/// What goes wrong in a play.
#[derive(Clone, Debug)]
pub(super) struct Strike {
    pub(super) point: CallPoint,
    pub(super) way: Way,
    pub(super) lasts: Lasts,
}

/// A story under way.
pub(super) struct Play<'a> {
    pub(super) stage: Stage,
    pub(super) story: &'a Story,
    pub(super) account: &'a str,
    lambda: Lambda,
    attempts: &'static str,
    /// Calls of before it began.
    before: usize,
    /// The most often that a message was received.
    pub(super) receives: u32,
}

impl CallPoint {
    /// Whether the call changes something. What is not known to be a read does.
    pub(super) fn has_effect(&self) -> bool {
        let reads = ["AssumeRole", "BatchGet", "Describe", "Get", "List", "Lookup", "Query"];
        !reads.iter().any(|read| self.action.starts_with(read))
    }
}

impl Strike {
    fn fault(&self, process: u32) -> Value {
        let CallPoint { service, action, nth } = &self.point;
        let mut fault = json!({"service": service, "action": action, "skip": nth - 1});
        let query = ["sts", "sns"].contains(&service.as_str());
        let what = match self.way {
            Way::Denied => json!({"code": if query { "AccessDenied" } else { "AccessDeniedException" }}),
            Way::Throttled => json!({"code": if query { "Throttling" } else { "ThrottlingException" }}),
            Way::Broken => json!({"code": "InternalServerError"}),
            Way::Lost => json!({"drop": true, "when": "after"}),
            Way::KilledBefore => json!({"kill": process}),
            Way::KilledAfter => json!({"kill": process, "when": "after"}),
        };
        let fields = fault.as_object_mut().expect("a fault is an object");
        fields.extend(what.as_object().expect("its members are one").clone());
        fields.insert("retries".to_owned(), json!(self.lasts == Lasts::ThroughRetries));
        fault
    }

    /// The reactor is denied the account, or a call in it.
    pub(super) fn keeps_us_out(&self) -> bool {
        self.way == Way::Denied && ["ssm", "sts"].contains(&self.point.service.as_str())
    }

    /// How often the SDK tries: where nothing is left to it, once is as good as always, and takes no time.
    fn attempts(&self) -> &'static str {
        match self.lasts {
            Lasts::Once | Lasts::ThroughRetries => "3",
            Lasts::Always => "1",
        }
    }
}

impl<'a> Play<'a> {
    /// The story up to where the function hears of it.
    pub(super) fn begin(site: &Stage, story: &'a Story, account: &'a str, strike: Option<&Strike>) -> Self {
        let stage = site.annex(account);
        if story.before >= Before::Created {
            stage.pipeline(account).creates(HOME, &lza_inputs());
            stage.events();
        }
        if story.before == Before::Known {
            stage.deliver(&[work(account, HOME, Cause::Sweep)]);
            stage.settle(&stage.lambda());
            stage.alerts();
        }
        let before = stage.aws.log_via(&stage.hub.via()).len();
        let attempts = strike.map_or("3", Strike::attempts);
        let lambda = stage.lambda_with(&[("AWS_MAX_ATTEMPTS", attempts)]);
        (story.happens)(&stage, account);
        if let Some(strike) = strike {
            let mut fault = strike.fault(lambda.id());
            fault["via"] = json!(stage.hub.via());
            stage.aws.faults_via(&stage.hub.via(), &json!([fault]));
        }
        Self { stage, story, account, lambda, attempts, before, receives: 0 }
    }

    /// Delivers what happened and what comes of it, again and again, until nothing is due any more.
    pub(super) fn run(&mut self) {
        for _ in 0..INVOCATIONS_MAX {
            let batch = loop {
                self.stage.deliver(&self.stage.events());
                let batch = self.stage.receive();
                if batch.len() > 0 {
                    break batch;
                }
                let Some(due_ms) = self.next_due() else { return };
                self.stage.aws.clock().advance(due_ms + 2);
            };
            self.serve(batch);
        }
        panic!("it does not come to rest; {:#?}", self.lambda.logs());
    }

    /// The next sweep looks at every region of the story.
    pub(super) fn sweep(&mut self) {
        let works: Vec<Value> =
            self.story.regions.iter().map(|region| work(self.account, region, Cause::Sweep)).collect();
        self.stage.deliver(&works);
        self.run();
    }

    /// In how many milliseconds the next message comes that is worth waiting for.
    fn next_due(&self) -> Option<i64> {
        let hidden = |message: &Value| message["hidden_ms"].as_i64().expect("milliseconds");
        self.queued().iter().map(hidden).filter(|ms| *ms <= SOON_MS).min()
    }

    /// What is in the work queue, visible or not.
    pub(super) fn queued(&self) -> Vec<Value> {
        self.stage.aws.messages(HUB, HOME, &format!("runas{}", self.stage.hub.suffix))
    }

    fn serve(&mut self, batch: Batch) {
        self.receives = self.receives.max(batch.receives());
        let failed: BTreeSet<String> = match self.lambda.invoke(&batch.event(), PATIENCE) {
            Outcome::Died => {
                self.lambda = self.stage.lambda_with(&[("AWS_MAX_ATTEMPTS", self.attempts)]);
                batch.ids()
            }
            outcome => handed_back(&outcome, &self.lambda),
        };
        self.stage.delete_all_but(&batch, &failed);
        self.stage.reappear(&batch.only(&failed));
    }

    /// The calls of the story so far, each with its further attempts counted once, in the order of their arrival.
    pub(super) fn calls(&self) -> Vec<CallPoint> {
        let mut invocations = BTreeSet::new();
        let mut counts = BTreeMap::<(String, String), usize>::new();
        let log = self.stage.aws.log_via(&self.stage.hub.via());
        let calls = log.iter().skip(self.before).filter(|call| invocations.insert(text_of(&call["invocation"])));
        let point = |call: &Value| {
            let (service, action) = (text_of(&call["service"]), text_of(&call["action"]));
            let nth = counts.entry((service.clone(), action.clone())).or_default();
            *nth += 1;
            CallPoint { service, action, nth: *nth }
        };
        calls.map(point).collect()
    }

    /// How often the fault struck; none strikes after this.
    pub(super) fn struck(&self) -> u64 {
        let via = self.stage.hub.via();
        let reached = self.stage.aws.reached_via(&via);
        self.stage.aws.faults_via(&via, &json!([]));
        reached
    }

    pub(super) fn logs(&self) -> Vec<String> {
        self.lambda.logs()
    }
}
