//! The whole way, as its operator makes it: `infra/install` with the packages of both functions, into an organisation of eight
//! accounts in which nothing is there but AWS's own.
//!
//! Every event begins on the default bus of the account and region in which it happens. The deployed rules match it, the
//! deployed roles and the bus's policy carry it, and the functions run from the uploaded zips under their deployed roles. Two
//! emulators share that: `tests/hub/between.py` carries what goes between accounts, and `tests/hub/members.py` holds each call
//! on a member or on the organisation against the deployed policies, before the emulator of documents has it.

mod without;

use std::collections::BTreeSet;
use std::path::Path;

use runas_reactor::domain::target::default_regions;
use serde_json::{Value, json};

use super::Deployed;
use super::roles::{BROKER, REACTOR};
use crate::decode::fixtures::sample;
use crate::deploy::cloud::{Cloud, Place};
use crate::deploy::hub::Hub;
use crate::deploy::installer::Installer;
use crate::e2e::landing_zone::{GAP_ROLE, quarantine};
use crate::e2e::stage::{
    APPLIANCE, FRANKFURT, HOME, HUB, MANAGEMENT, PAYMENTS, PILOT, REGIONS, SANDBOX, SEARCH, Stage, VIRGINIA, text_of,
};
use crate::support::lambda;

const RESEARCH: &str = "888877776666";
const OTHERS: [&str; 6] = [PAYMENTS, SEARCH, APPLIANCE, PILOT, SANDBOX, RESEARCH];
const NEWCOMER: &str = "888899990000";
const LATECOMER: &str = "999900001111";
const MEMBER_ROLE: &str = "RunasReactorMember";
const JAKARTA: &str = "ap-southeast-3";

impl Deployed {
    /// An organisation that `infra/install` has installed the reactor into, and the policy that its operator pushes then.
    fn installed() -> Self {
        Self::installed_for(&[])
    }

    /// The same with more accounts.
    fn installed_for(more: &[&str]) -> Self {
        let mut stage = Stage::set();
        stage.open_accounts(&[RESEARCH].iter().chain(more).map(|it| (*it).to_owned()).collect::<Vec<_>>());
        let roles = "  roles: [RunasReactorMember]\n";
        stage.yaml = stage.yaml.replace(roles, &format!("{roles}  gap_roles: [{GAP_ROLE}]\n"));
        let observing = stage.yaml.replace("enforce", "observe");
        let cloud = Cloud::start_for(HUB, MANAGEMENT, &[&OTHERS, more].concat(), &stage.aws);
        let installer = Installer::of(cloud, HUB, MANAGEMENT, &observing);
        installer.package_binary("runas-reactor", Path::new(&lambda::binary()));
        installer.package_binary("runas-broker", Path::new(env!("CARGO_BIN_EXE_runas-broker")));
        installer.install(&[]).with(0);
        let Installer { cloud, .. } = installer;
        let deployed = Self::of(stage, Hub::installed(cloud, HUB), true);
        deployed.push(&deployed.stage.yaml, &["-m", "enforce", "--limit", "1000"]);
        deployed
    }

    /// Organizations makes an account, with the administrator role that trusts the management account, and says so.
    fn vend_with_gap_role(&self, account: &str) -> Value {
        let vended = self.stage.vend(account);
        let place = Place { account, region: HOME };
        let document = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let trust = json!({"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"AWS": format!("arn:aws:iam::{MANAGEMENT}:root")}});
        let role = json!({"RoleName": GAP_ROLE, "AssumeRolePolicyDocument": document(trust)});
        self.hub.cloud.aws_in(place, "iam", "create_role", &role);
        let all = document(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
        let policy = json!({"RoleName": GAP_ROLE, "PolicyName": "all", "PolicyDocument": all});
        self.hub.cloud.aws_in(place, "iam", "put_role_policy", &policy);
        vended
    }

    /// What roles did, or tried: `allowed` or not.
    fn did(&self, role: &str, action: &str, allowed: bool) -> usize {
        self.hub.checks_of(role, action).iter().filter(|it| it.allowed == allowed).count()
    }

    /// The StackSet reaches an account, and its quarantine ends.
    fn enrol(&self, account: &str, quarantine: &str) {
        let place = Place { account, region: HOME };
        let outputs = &self.hub.outputs;
        let parameters = [
            ("OrganizationId", "o-exampleorgid"),
            ("HubRoleArn", &outputs["RoleArn"]),
            ("HubBusArn", &outputs["BusArn"]),
        ];
        self.hub.cloud.deploy(place, "StackSet-runas-reactor-member", "member.yaml", &parameters);
        let detach = self.stage.organizations().detach_policy().policy_id(quarantine).target_id(account).send();
        self.stage.run(detach).expect("the policy is attached");
    }

    /// The regions in which an account has the document.
    fn regions_of(&self, account: &str) -> BTreeSet<String> {
        self.stage.aws.documents_of(account).as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }
}

/// What Control Tower says of an account that it has vended.
fn vended_by_control_tower(account: &str) -> Value {
    let sample = sample("control-tower/create-managed-account-succeeded.json");
    let sample = sample.replace("444455556666", account).replace("111122223333", MANAGEMENT);
    serde_json::from_str(&sample).expect("JSON")
}

/// One installation for all of it. What must not have happened at all comes first.
#[test]
fn an_organisation_that_was_installed_from_nothing_is_governed_from_the_gap_to_the_switched_on_region() {
    let mut deployed = Deployed::installed();
    account_vended_under_a_quarantine_is_made_right_in_every_governed_region_by_way_of_the_installed_broker(&deployed);
    an_organisation_that_was_installed_from_nothing_undoes_an_edit_and_tells_a_subscriber_who_made_it(&deployed);
    account_vended_where_all_enabled_regions_are_governed_waits_with_the_others_for_its_member_role(&mut deployed);
}

fn account_vended_under_a_quarantine_is_made_right_in_every_governed_region_by_way_of_the_installed_broker(
    deployed: &Deployed,
) {
    let stage = &deployed.stage;
    let event = deployed.vend_with_gap_role(NEWCOMER);
    quarantine(stage, NEWCOMER);
    deployed.put_onto_its_bus(&event);
    deployed.come_to_rest();
    for region in REGIONS {
        stage.assert_right(NEWCOMER, region);
        assert_eq!(stage.document(NEWCOMER, region).latest(), 1);
        assert_eq!(deployed.status(NEWCOMER, region), "in_sync");
    }
    assert_eq!(deployed.did(REACTOR.name, "sts:AssumeRole", true), 0, "no role of the account admits the reactor");
    assert!(deployed.did(REACTOR.name, "lambda:InvokeFunction", true) > 0, "it asks the broker");
    let assumed = stage.aws.assumed().into_iter().filter(|it| it["account"] == NEWCOMER).collect::<Vec<_>>();
    let broker = format!("arn:aws:iam::{}:role/{}", BROKER.account, BROKER.name);
    assert!(assumed.iter().all(|it| it["role"] == GAP_ROLE && it["caller_role"] == broker), "{assumed:#?}");
    assert_eq!(deployed.alerts(), Vec::<Value>::new());
}

fn an_organisation_that_was_installed_from_nothing_undoes_an_edit_and_tells_a_subscriber_who_made_it(
    deployed: &Deployed,
) {
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
    deployed.alerts();

    stage.administrator(RESEARCH, "mallory").edits(FRANKFURT, &json!({"runAsDefaultUser": "root"}));
    deployed.come_to_rest();
    stage.assert_right(RESEARCH, FRANKFURT);
    let alerts = deployed.alerts();
    let [alert] = &alerts[..] else { panic!("one alert, not {alerts:#?}") };
    assert_eq!((&alert["kind"], &alert["account"]), (&json!("edit_reverted"), &json!(RESEARCH)), "{alert:#}");
    for word in ["mallory", "AWSReservedSSO_Admin", "runAsDefaultUser", "root"] {
        assert!(text_of(&alert["text"]).contains(word), "{word} is not in {alert:#}");
    }
    assert_eq!(deployed.messages_in(&deployed.hub.outputs["DeadLetterUrl"]), 0);
    // In the new account no role trusts the function.
    let is_own = |action: &String| action != "sts:AssumeRole";
    let checks = deployed.hub.checks().into_iter().filter(|it| it.role == REACTOR.name && !it.allowed);
    let denied: Vec<String> = checks.map(|it| it.action).filter(is_own).collect();
    assert!(denied.is_empty(), "the function may do what it does, and tries nothing else: {denied:?}");
}

fn account_vended_where_all_enabled_regions_are_governed_waits_with_the_others_for_its_member_role(
    deployed: &mut Deployed,
) {
    deployed.stage.yaml =
        deployed.stage.yaml.replace("regions: [eu-west-1, eu-central-1, us-east-1]", "regions: enabled");
    deployed.push(&deployed.stage.yaml, &["-m", "every enabled region", "--wave", "98"]);
    deployed.start_afresh();
    let stage = &deployed.stage;
    stage.aws.switches(&json!({"regions_on": [{"account": LATECOMER, "region": JAKARTA}]}));
    deployed.vend_with_gap_role(LATECOMER);
    let quarantine = quarantine(stage, LATECOMER);
    deployed.put_onto_its_bus(&vended_by_control_tower(LATECOMER));
    deployed.come_to_rest();
    let by_default: BTreeSet<String> = default_regions("aws").iter().map(ToString::to_string).collect();
    assert_eq!(
        deployed.regions_of(LATECOMER),
        by_default,
        "sessions of the gap role cannot list the account's regions"
    );
    for region in REGIONS {
        stage.assert_right(LATECOMER, region);
    }
    assert_eq!(deployed.did(GAP_ROLE, "account:ListRegions", true), 0);

    deployed.enrol(LATECOMER, &quarantine);
    deployed.start_afresh();
    deployed.hub.run_schedule("Sweep");
    deployed.hub.wait_until("the region that the account has switched on is governed", || {
        deployed.forward();
        deployed.status(LATECOMER, JAKARTA) == "in_sync"
    });
    stage.assert_right(LATECOMER, JAKARTA);
    assert!(deployed.did(MEMBER_ROLE, "account:ListRegions", true) > 0);
}
