//! Beside the pipelines that write the same document: Landing Zone Accelerator from 1.14 on and before it, and AWS's sample for
//! Session Manager preferences. Stand-ins of our own call as those do, in two steps, so that the reactor may act in between.
//!
//! After each play the document is right, what the pipeline configures is there, and nobody was paged. A stack fails if a call
//! fails that its handler does not expect.

use runas_reactor::domain::finding::Severity;
use runas_reactor::domain::policy::Policy;
use runas_reactor::domain::record::Status;
use runas_reactor::domain::target::Target;
use runas_reactor::ports::{Fault, FaultClass};
use runas_reactor::reactor::{PolicySource, Reactor};
use runas_reactor::sim::drive::run_for;
use runas_reactor::sim::{Caller, Sim, Switches};
use serde_json::{Value, json};

use crate::support::org::{self, MEMBER, policy_with};

/// Long enough for everything but holds to come to rest.
const REST_S: i64 = 200;

/// A custom resource that writes the document when its stack is created or updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipeline {
    /// Landing Zone Accelerator from 1.14 on: takes the Run As fields over from the default version.
    Lza,
    /// Landing Zone Accelerator before that: switches Run As off.
    OldLza,
    /// The sample: writes the whole document with Run As off, and makes it the default.
    Sample,
}

/// What a pipeline has read.
struct Read {
    /// The inputs of the default version; absent where there was no document.
    found: Option<Value>,
}

impl Pipeline {
    const ALL: [Self; 3] = [Self::Lza, Self::OldLza, Self::Sample];

    fn read(play: &Play) -> Read {
        let document = play.sim().document(&play.target);
        Read { found: document.map(|document| document.inputs(document.default)) }
    }

    fn inputs(self, log_group: &str, found: Option<&Value>) -> Value {
        let mut inputs = json!({
            "s3BucketName": "", "s3KeyPrefix": "", "s3EncryptionEnabled": false,
            "cloudWatchLogGroupName": log_group, "cloudWatchEncryptionEnabled": true,
            "kmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab",
            "runAsEnabled": false, "runAsDefaultUser": "",
        });
        let kept = found.filter(|_| self == Self::Lza);
        for field in ["runAsEnabled", "runAsDefaultUser"] {
            if let Some(value) = kept.map(|found| &found[field]).filter(|value| !value.is_null()) {
                inputs[field] = value.clone();
            }
        }
        if self == Self::Sample {
            inputs["cloudWatchStreamingEnabled"] = json!(true);
            inputs["idleSessionTimeout"] = json!("20");
            inputs["maxSessionDuration"] = json!("60");
        }
        inputs
    }

    /// Writes what follows from what was read; the fault that fails the stack.
    fn write(self, play: &Play, log_group: &str, read: &Read) -> Result<(), Fault> {
        let (sim, target, caller) = (play.sim(), &play.target, play.pipeline());
        let body = json!({
            "schemaVersion": "1.0", "sessionType": "Standard_Stream",
            "description": "Document to hold regional settings for Session Manager",
            "inputs": self.inputs(log_group, read.found.as_ref()),
        });
        if read.found.is_none() {
            return sim.create(target, &caller, &body).map(drop);
        }
        match (sim.update_text(target, &caller, &body.to_string()), self) {
            (Ok(written), Self::Sample) => sim.move_default(target, &caller, written.version),
            (Ok(_), Self::Lza | Self::OldLza) => Ok(()),
            (Err(fault), Self::Lza | Self::OldLza) if fault.class == FaultClass::Duplicate => Ok(()),
            (Err(fault), _) if fault.class == FaultClass::NotFound => sim.create(target, &caller, &body).map(drop),
            (Err(fault), _) => Err(fault),
        }
    }

    /// One deployment without a pause.
    fn deploy(self, play: &Play, log_group: &str) {
        self.write(play, log_group, &Self::read(play)).unwrap();
    }
}

struct Play {
    reactor: Reactor<Sim>,
    target: Target,
}

impl Play {
    /// A member account without the document.
    fn new(switches: Switches) -> Self {
        Self::by(switches, org::policy())
    }

    fn by(switches: Switches, policy: Policy) -> Self {
        let sim = org::sim(switches);
        sim.push_policy(policy);
        Self { reactor: Reactor::new(sim, PolicySource::Table), target: org::target(MEMBER, "eu-west-1") }
    }

    /// With a document that a pipeline made and the reactor put right.
    async fn deployed(switches: Switches, pipeline: Pipeline) -> Self {
        let play = Self::new(switches);
        pipeline.deploy(&play, "logs");
        play.rest().await;
        play.assert_right("logs");
        play
    }

    fn sim(&self) -> &Sim {
        self.reactor.world()
    }

    fn pipeline(&self) -> Caller {
        Caller::lza(&self.target.account)
    }

    fn admin(&self) -> Caller {
        Caller::administrator(&self.target.account, "mallory@example.com")
    }

    async fn rest(&self) {
        run_for(&self.reactor, REST_S).await;
    }

    fn inputs(&self) -> Value {
        let document = self.sim().document(&self.target).unwrap();
        document.inputs(document.latest())
    }

    fn puts(&self) -> usize {
        let calls = self.sim().calls();
        let by_reactor = calls.iter().filter(|call| call.who.starts_with("runas-reactor") && call.failed.is_none());
        by_reactor.filter(|call| call.action.made_version().is_some()).count()
    }

    /// Alerts that on-call has to look at.
    fn pages(&self) -> Vec<String> {
        let alerts = self.sim().alerts();
        alerts.into_iter().filter(|alert| alert.severity > Severity::Info).map(|alert| alert.kind).collect()
    }

    /// The document is right and has the pipeline's log group.
    #[track_caller]
    fn assert_right(&self, log_group: &str) {
        let document = self.sim().document(&self.target).expect("there is a document");
        assert_eq!(document.default, document.latest());
        let inputs = self.inputs();
        let fields = ["runAsEnabled", "runAsDefaultUser", "cloudWatchLogGroupName"].map(|name| &inputs[name]);
        assert_eq!(fields, [&json!(true), &json!("ops"), &json!(log_group)]);
        let record = self.sim().record(&self.target).expect("it is known");
        assert_eq!(record.status, Status::InSync, "{}", record.why);
    }
}

/// Each pipeline under every setting of what AWS leaves unconfirmed.
fn each() -> impl Iterator<Item = (Pipeline, Switches)> {
    Pipeline::ALL.into_iter().flat_map(|pipeline| Switches::all().into_iter().map(move |it| (pipeline, it)))
}

#[tokio::test(start_paused = true)]
async fn document_that_a_pipeline_creates_is_corrected() {
    for (pipeline, switches) in each() {
        let play = Play::deployed(switches, pipeline).await;
        assert_eq!((play.puts(), play.pages()), (1, Vec::new()), "{pipeline:?} {switches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn later_deployment_keeps_what_it_configures() {
    for (pipeline, switches) in each() {
        let play = Play::deployed(switches, pipeline).await;
        pipeline.deploy(&play, "more-logs");
        play.rest().await;
        play.assert_right("more-logs");
        // What takes Run As over needs the promotion alone, which it may not make itself.
        let puts = if pipeline == Pipeline::Lza { 1 } else { 2 };
        assert_eq!(play.pages(), [""; 0], "{pipeline:?} {switches:?}");
        assert!(play.puts() <= puts + 1, "{pipeline:?} {switches:?}: {} puts", play.puts());
        if pipeline == Pipeline::Sample {
            assert_eq!(play.inputs()["maxSessionDuration"], "60", "{switches:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deployment_of_the_same_content_changes_nothing() {
    for switches in Switches::all() {
        let play = Play::deployed(switches, Pipeline::Lza).await;
        let calls = play.sim().calls().len();
        let content = play.inputs();
        Pipeline::Lza.deploy(&play, "logs");
        play.rest().await;
        play.assert_right("logs");
        assert_eq!((play.inputs(), play.pages()), (content, Vec::new()), "{switches:?}");
        assert!(play.sim().calls().len() > calls, "the pipeline has called");
    }
}

#[tokio::test(start_paused = true)]
async fn write_between_a_pipelines_read_and_its_write_is_not_lost() {
    for (pipeline, switches) in each() {
        let play = Play::new(switches);
        pipeline.deploy(&play, "logs");
        let read = Pipeline::read(&play);
        play.rest().await;
        pipeline.write(&play, "more-logs", &read).unwrap();
        play.rest().await;
        play.assert_right("more-logs");
        assert_eq!(play.pages(), [""; 0], "{pipeline:?} {switches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pipeline_that_recreates_the_document_does_not_find_the_reactors() {
    for (pipeline, switches) in each() {
        let play = Play::deployed(switches, pipeline).await;
        play.sim().delete_document(&play.target, &play.pipeline()).unwrap();
        let read = Pipeline::read(&play);
        run_for(&play.reactor, 60).await;
        pipeline.write(&play, "more-logs", &read).unwrap();
        play.rest().await;
        play.assert_right("more-logs");
        assert_eq!(play.pages(), [""; 0], "{pipeline:?} {switches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn document_that_disappears_under_a_pipeline_comes_back_with_its_settings() {
    for (pipeline, switches) in each() {
        let play = Play::deployed(switches, pipeline).await;
        let read = Pipeline::read(&play);
        play.sim().delete_document(&play.target, &play.admin()).unwrap();
        run_for(&play.reactor, 20).await;
        pipeline.write(&play, "more-logs", &read).unwrap();
        play.rest().await;
        play.assert_right("more-logs");
        let alerts = play.sim().alerts();
        let named = alerts.iter().filter(|alert| alert.text.contains("mallory@example.com")).count();
        assert!(named > 0, "{pipeline:?} {switches:?}: the deletion is alerted");
    }
}

/// LZA never moves the default, and reads Run As from it: without the promotion, its next write switches Run As off.
#[tokio::test(start_paused = true)]
async fn run_as_that_lza_loses_by_an_old_default_comes_back() {
    for switches in Switches::all() {
        let play = Play::deployed(switches, Pipeline::Lza).await;
        play.sim().move_default(&play.target, &play.admin(), 1).unwrap();
        Pipeline::Lza.deploy(&play, "more-logs");
        play.rest().await;
        play.assert_right("more-logs");
    }
}

/// Deleting the sample's stack resets the document: its stack configures nothing any more, and so does the document.
#[tokio::test(start_paused = true)]
async fn stack_of_the_sample_that_is_deleted_leaves_run_as_on() {
    for switches in Switches::all() {
        let play = Play::deployed(switches, Pipeline::Sample).await;
        Pipeline::Sample.deploy(&play, "");
        play.rest().await;
        play.assert_right("");
        Pipeline::Lza.deploy(&play, "logs-of-lza");
        play.rest().await;
        play.assert_right("logs-of-lza");
        assert_eq!(play.pages(), [""; 0], "{switches:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn pipeline_that_does_not_give_up_is_one_war_that_names_it_and_ends() {
    for pipeline in [Pipeline::OldLza, Pipeline::Sample] {
        let play = Play::deployed(Switches::PLAIN, pipeline).await;
        for n in 0..12 {
            pipeline.deploy(&play, &format!("logs-{n}"));
            run_for(&play.reactor, 20).await;
        }
        run_for(&play.reactor, 3_600).await;
        play.assert_right("logs-11");
        assert_eq!(play.pages(), ["edit_war"], "{pipeline:?}");
        let alerts = play.sim().alerts();
        let war = alerts.iter().find(|alert| alert.kind == "edit_war").unwrap();
        assert!(war.text.contains("AWSAccelerator-"), "{}", war.text);
    }
}

#[tokio::test(start_paused = true)]
async fn field_of_the_policy_that_a_pipeline_drops_comes_back() {
    for (pipeline, switches) in each() {
        let owned = policy_with("runAsDefaultUser: ops }", "runAsDefaultUser: ops, idleSessionTimeout: \"15\" }");
        let play = Play::by(switches, owned);
        pipeline.deploy(&play, "logs");
        play.rest().await;
        pipeline.deploy(&play, "more-logs");
        play.rest().await;
        play.assert_right("more-logs");
        assert_eq!(play.inputs()["idleSessionTimeout"], "15", "{pipeline:?} {switches:?}");
        assert_eq!(play.pages(), [""; 0], "{pipeline:?} {switches:?}");
    }
}

/// LZA keeps a user that refers to a parameter, and drops the parameters.
#[tokio::test(start_paused = true)]
async fn user_by_a_parameter_that_lza_drops_is_the_policys() {
    for switches in Switches::all() {
        let play = Play::new(switches);
        let body = json!({
            "schemaVersion": "1.0", "sessionType": "Standard_Stream",
            "parameters": { "u": { "type": "String", "default": "root2" } },
            "inputs": { "runAsEnabled": true, "runAsDefaultUser": "{{ u }}" },
        });
        play.sim().create(&play.target, &play.pipeline(), &body).unwrap();
        Pipeline::Lza.deploy(&play, "logs");
        play.rest().await;
        play.assert_right("logs");
        assert_eq!(play.pages(), [""; 0], "{switches:?}");
    }
}
