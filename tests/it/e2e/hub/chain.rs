//! The whole way, as its operator makes it: `infra/install` with the packages of both functions, into an organisation of eight
//! accounts in which nothing is there but AWS's own.
//!
//! Every event begins on the default bus of the account and region in which it happens. The deployed rules match it, the
//! deployed roles and the bus's policy carry it, and the functions run from the uploaded zips under their deployed roles. Two
//! emulators share that: `tests/hub/between.py` carries what goes between accounts, and `tests/hub/members.py` holds each call
//! on a member or on the organisation against the deployed policies, before the emulator of documents has it.

use std::path::Path;

use serde_json::json;

use super::Deployed;
use crate::e2e::stage::{
    APPLIANCE, FRANKFURT, HOME, HUB, MANAGEMENT, PAYMENTS, PILOT, SANDBOX, SEARCH, Stage, VIRGINIA, text_of,
};
use crate::support::cloud::Cloud;
use crate::support::hub::Hub;
use crate::support::installer::Installer;
use crate::support::lambda;

const RESEARCH: &str = "888877776666";
const OTHERS: [&str; 6] = [PAYMENTS, SEARCH, APPLIANCE, PILOT, SANDBOX, RESEARCH];
const GAP_ROLE: &str = "AWSControlTowerExecution";
const LISTED: &str = "regions: [eu-west-1, eu-central-1, us-east-1]";

impl Deployed {
    /// An organisation that `infra/install` has installed the reactor into, and the policy that its operator pushes then.
    fn installed(regions: &str) -> Self {
        let mut stage = Stage::set();
        stage.open_accounts(&[RESEARCH.to_owned()]);
        let roles = "  roles: [RunasReactorMember]\n";
        stage.yaml = stage.yaml.replace(roles, &format!("{roles}  gap_roles: [{GAP_ROLE}]\n"));
        let observing = stage.yaml.replace("enforce", "observe");
        let cloud = Cloud::start_for(HUB, MANAGEMENT, &OTHERS, &stage.aws);
        let installer = Installer::of(cloud, HUB, MANAGEMENT, &observing);
        installer.package_binary("runas-reactor", Path::new(&lambda::binary()));
        installer.package_binary("runas-broker", Path::new(env!("CARGO_BIN_EXE_runas-broker")));
        installer.install(&[]).with(0);
        let Installer { cloud, .. } = installer;
        stage.yaml = stage.yaml.replace(LISTED, regions);
        let deployed = Self::of(stage, Hub::installed(cloud, HUB), true);
        deployed.push(&deployed.stage.yaml, "enforce");
        deployed
    }
}

#[test]
fn an_organisation_that_was_installed_from_nothing_undoes_an_edit_and_tells_a_subscriber_who_made_it() {
    let deployed = Deployed::installed(LISTED);
    let stage = &deployed.stage;
    let places = [(PAYMENTS, HOME), (RESEARCH, FRANKFURT), (MANAGEMENT, VIRGINIA), (HUB, HOME), (HUB, FRANKFURT)];
    for (account, region) in places {
        stage.administrator(account, "alice").creates(region, &json!({"runAsEnabled": false}));
    }
    deployed.come_to_rest();
    for (account, region) in places {
        stage.assert_right(account, region);
        assert_eq!(deployed.status(account, region), "in_sync");
    }
    deployed.told();

    stage.administrator(RESEARCH, "mallory").edits(FRANKFURT, &json!({"runAsDefaultUser": "root"}));
    deployed.come_to_rest();
    stage.assert_right(RESEARCH, FRANKFURT);
    let told = deployed.told();
    let [alert] = &told[..] else { panic!("one alert, not {told:#?}") };
    assert_eq!((&alert["kind"], &alert["account"]), (&json!("edit_reverted"), &json!(RESEARCH)), "{alert:#}");
    for word in ["mallory", "AWSReservedSSO_Admin", "runAsDefaultUser", "root"] {
        assert!(text_of(&alert["text"]).contains(word), "{word} is not in {alert:#}");
    }
    assert_eq!(deployed.messages_in(&deployed.hub.outputs["DeadLetterUrl"]), 0);
}
