//! From a raw message body to what happened: the rules one by one. The sample events, the command and arbitrary input have
//! rooms of their own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use runas_reactor::domain::decode::{
    BODY_BYTES_MAX, Decoded, EDITS_MAX, LOOP_REQUEUES, batch, decode, encode, encode_work, from_history,
};
use runas_reactor::domain::edit::Action;
use runas_reactor::domain::principal::Principal;
use runas_reactor::domain::signal::{Signal, Task, Work};
use runas_reactor::domain::target::Target;
use runas_reactor::domain::time::Time;
use serde_json::{Value, json};

use fixtures::{changed, edit, events, files_of, sample, signal, text};

mod command;
pub(crate) mod fixtures;
mod properties;
mod samples;

// ---- documents -------------------------------------------------------------------------------------------------------------

#[test]
fn the_target_is_the_envelopes_whatever_the_detail_says() {
    let event = signal(&sample("ssm/account-in-detail-differs.json"));
    let Signal::DocumentTouched { target, .. } = &event.signal else { panic!("{event:?}") };
    assert_eq!(target.to_string(), "555566667777/eu-west-1");
    assert_eq!(event.reporter.unwrap().as_str(), "555566667777");
}

#[test]
fn only_the_exact_document_of_this_account_and_region_counts() {
    for (name, handled) in [
        ("SSM-SessionManagerRunShell", true),
        ("arn:aws:ssm:eu-west-1:444455556666:document/SSM-SessionManagerRunShell", true),
        ("arn:aws-cn:ssm:eu-west-1:444455556666:document/SSM-SessionManagerRunShell", true),
        ("arn::ssm:eu-west-1:444455556666:document/SSM-SessionManagerRunShell", false),
        ("arn:aws:ssm:eu-west-1:555566667777:document/SSM-SessionManagerRunShell", false),
        ("arn:aws:ssm:us-east-1:444455556666:document/SSM-SessionManagerRunShell", false),
        ("arn:aws:ssm:eu-west-1::document/SSM-SessionManagerRunShell", false),
        ("arn:aws:s3:eu-west-1:444455556666:document/SSM-SessionManagerRunShell", false),
        ("arn:aws:ssm:eu-west-1:444455556666:parameter/SSM-SessionManagerRunShell", false),
        ("arn:aws:ssm:eu-west-1:444455556666:document/x/SSM-SessionManagerRunShell", false),
        ("SSM-SessionManagerRunShell ", false),
        ("SSM-SessionManagerRunShellX", false),
        ("XSSM-SessionManagerRunShell", false),
        ("ssm-sessionmanagerrunshell", false),
        ("SSM-SessionManagerRunShell:$LATEST", false),
    ] {
        let decoded = decode(&changed("ssm/update-document.json", "/detail/requestParameters/name", json!(name)));
        assert_eq!(matches!(decoded, Decoded::Signal(_)), handled, "{name}: {decoded:?}");
        assert_eq!(matches!(decoded, Decoded::Ignored { .. }), !handled, "{name}: {decoded:?}");
    }
}

#[test]
fn write_without_a_document_name_only_causes_an_observation() {
    let event = signal(&sample("ssm/update-document-names-nothing.json"));
    assert!(matches!(event.signal, Signal::DocumentTouched { edit: None, .. }), "{event:?}");
}

#[test]
fn denial_without_a_document_name_only_causes_an_observation() {
    let denied = "User: arn:aws:sts::444455556666:assumed-role/Developer/eve is not authorized to perform: \
                  ssm:UpdateDocument on resource: arn:aws:ssm:eu-west-1:444455556666:* with an explicit deny";
    let event = signal(&changed("ssm/denied-named-in-message-only.json", "/detail/errorMessage", json!(denied)));
    assert!(matches!(event.signal, Signal::DocumentTouched { edit: None, .. }), "{event:?}");
}

#[test]
fn of_many_resources_the_document_counts_at_any_position_and_else_the_first_is_named() {
    let arn = |name: &str| json!({ "ARN": format!("arn:aws:ssm:eu-west-1:444455556666:document/{name}") });
    let with = |names: &[&str]| {
        let resources = names.iter().copied().map(arn).collect();
        changed("ssm/update-document-resources-only.json", "/detail/resources", Value::Array(resources))
    };
    for names in [["SSM-SessionManagerRunShell", "One"], ["One", "SSM-SessionManagerRunShell"]] {
        assert_eq!(edit(&with(&names)).action, Action::Updated { version: None }, "{names:?}");
    }
    let Decoded::Ignored { reason, .. } = decode(&with(&["One", "Two"])) else { panic!() };
    assert!(reason.contains("One") && !reason.contains("Two"), "{reason}");
}

#[test]
fn a_denied_call_is_an_edit_that_failed_with_either_code() {
    for (file, code) in [
        ("ssm/denied-access-denied.json", "AccessDenied"),
        ("ssm/denied-access-denied-exception.json", "AccessDeniedException"),
        ("ssm/denied-named-in-message-only.json", "AccessDenied"),
    ] {
        assert_eq!(edit(&sample(file)).failed.as_deref(), Some(code), "{file}");
    }
}

#[test]
fn deleting_one_version_is_not_deleting_the_document() {
    assert_eq!(edit(&sample("ssm/delete-document.json")).action, Action::Deleted);
    assert_eq!(edit(&sample("ssm/delete-document-version.json")).action, Action::VersionDeleted { version: Some(3) });
    assert_eq!(
        edit(&sample("ssm/delete-document-version-by-name.json")).action,
        Action::VersionDeleted { version: None }
    );
    for blank in ["", " "] {
        let body =
            changed("ssm/delete-document-version.json", "/detail/requestParameters/documentVersion", json!(blank));
        assert_eq!(edit(&body).action, Action::Deleted, "{blank:?} names no version");
    }
}

#[test]
fn the_same_event_delivered_twice_is_the_same_edit() {
    let first = edit(&sample("ssm/update-document.json"));
    let again = edit(&changed("ssm/update-document.json", "/id", json!("another-delivery")));
    assert_eq!(first, again);
}

#[test]
fn event_history_gives_the_same_edit_as_the_event_and_none_that_failed_or_is_about_another_document() {
    let target = Target::new("444455556666".parse().unwrap(), "eu-west-1".parse().unwrap());
    for (file, reported) in [
        ("ssm/update-document.json", true),
        ("ssm/delete-document.json", true),
        ("ssm/denied-access-denied.json", false),
        ("ssm/update-another-document.json", false),
    ] {
        let event: Value = serde_json::from_str(&sample(file)).unwrap();
        let decoded = from_history(&event["detail"].to_string(), &target);
        assert_eq!(decoded, reported.then(|| edit(&sample(file))), "{file}");
    }
}

// ---- identities ------------------------------------------------------------------------------------------------------------

#[test]
fn a_role_session_is_known_by_its_role_and_never_by_its_chosen_name() {
    let who = edit(&sample("ssm/identity-session-named-like-lza.json")).principal;
    assert_eq!(who.arn.as_deref(), Some("arn:aws:iam::444455556666:role/developers/Developer"));
    assert_eq!(who.name.as_deref(), Some("AWSAccelerator-SessionManagerSettings"));

    let derived = edit(&sample("ssm/identity-assumed-role-without-issuer.json")).principal;
    assert_eq!(derived.arn.as_deref(), Some("arn:aws:iam::444455556666:role/Patcher"));

    let federated = edit(&sample("ssm/identity-federated-user-without-issuer.json")).principal;
    assert_eq!((federated.arn, federated.name.as_deref()), (None, Some("karl")));
}

#[test]
fn user_is_identified_by_the_own_arn_and_a_federated_user_by_no_other() {
    let user = "arn:aws:iam::444455556666:user/path/eve";
    let role = "arn:aws:iam::444455556666:role/Other";
    let issuer = json!({ "sessionIssuer": { "arn": role } });
    for (identity, arn, name) in [
        (json!({ "type": "IAMUser", "arn": user, "sessionContext": issuer }), Some(user), "eve"),
        (json!({ "type": "IAMUser", "arn": user, "principalId": "AIDAEXAMPLE:chosen" }), Some(user), "eve"),
        (json!({ "type": "FederatedUser", "arn": user, "userName": "karl" }), None, "karl"),
        (json!({ "type": "FederatedUser", "arn": user, "sessionContext": issuer, "userName": "k" }), Some(role), "k"),
    ] {
        let who = edit(&changed("ssm/update-document.json", "/detail/userIdentity", identity.clone())).principal;
        assert_eq!((who.arn.as_deref(), who.name.as_deref()), (arn, Some(name)), "{identity}");
    }
}

#[test]
fn a_service_is_known_by_the_name_that_aws_calls_it_by() {
    let who =
        json!({ "type": "AWSService", "invokedBy": "config.amazonaws.com", "userName": "quicksetup.amazonaws.com" });
    let who = edit(&changed("ssm/update-document.json", "/detail/userIdentity", who)).principal;
    assert_eq!((who.kind.as_str(), who.name.as_deref()), ("AWSService", Some("config.amazonaws.com")));
}

#[test]
fn session_of_an_unknown_kind_has_its_name() {
    for (session, name) in [("assumed-role/AgentRole/agent-7", "agent-7"), ("federated-user/karl", "karl")] {
        let arn = format!("arn:aws:sts::444455556666:{session}");
        let identity = json!({ "type": "AgentWorkload", "arn": arn, "principalId": "AROAEXAMPLEROLE000003" });
        let who = edit(&changed("ssm/update-document.json", "/detail/userIdentity", identity)).principal;
        assert_eq!(who.name.as_deref(), Some(name), "{session}");
    }
}

#[test]
fn no_arn_ever_names_a_session() {
    for file in files_of(&events().join("ssm")) {
        for message in batch(&text(&file)) {
            if let Decoded::Signal(event) = decode(&message.body)
                && let Signal::DocumentTouched { edit: Some(edit), .. } = event.signal
                && let Some(arn) = edit.principal.arn
            {
                assert!(arn.contains(":iam::"), "{}: {arn}", file.display());
            }
        }
    }
}

#[test]
fn an_arn_is_dropped_rather_than_shortened() {
    let long = format!("arn:aws:iam::444455556666:user/{}", "x".repeat(2_000));
    for arn in
        [long.as_str(), "arn:aws:iam::444455556666:user/a\u{202e}b", "arn:aws:iam::444455556666:user/a b", "root"]
    {
        let who = json!({"type": "IAMUser", "arn": arn, "userName": "eve"});
        let body = changed("ssm/update-document.json", "/detail/userIdentity", who);
        assert_eq!(edit(&body).principal.arn, None, "{arn}");
    }
}

#[test]
fn an_identity_of_any_other_json_type_is_an_unknown_one() {
    for odd in [json!(null), json!("root"), json!(7), json!([{"type": "Root"}]), json!(true)] {
        let body = changed("ssm/update-document.json", "/detail/userIdentity", odd.clone());
        assert_eq!(edit(&body).principal, Principal::unknown(), "{odd}");
    }
}

#[test]
fn reactors_own_message_has_no_caller_whatever_it_contains() {
    let mut work: Value = serde_json::from_str(&sample("work/minimal.json")).unwrap();
    work["detail"] = json!({ "userIdentity": { "type": "Root", "arn": "arn:aws:iam::444455556666:root" } });
    assert_eq!(signal(&work.to_string()).principal, None);
}

// ---- the organisation ------------------------------------------------------------------------------------------------------

#[test]
fn the_names_of_service_events_count_only_as_service_events() {
    for file in [
        "organizations/create-account-result-as-api-call.json",
        "organizations/move-account-as-service-event.json",
        "control-tower/create-managed-account-api-call.json",
        "ssm/as-service-event.json",
        "work/kind-beside-detail-type.json",
    ] {
        let decoded = decode(&sample(file));
        assert!(matches!(decoded, Decoded::Ignored { .. }), "{file}: {decoded:?}");
    }
}

#[test]
fn event_of_a_handled_kind_without_aws_as_sender_is_untrusted_and_any_other_ignored() {
    for file in [
        "organizations/move-account-forged-source.json",
        "control-tower/create-managed-account-forged-source.json",
        "ssm/forged-source.json",
        "ssm/forged-event-source.json",
        "account/forged-source.json",
        "schedule/forged-source.json",
        "work/inside-an-event.json",
    ] {
        let decoded = decode(&sample(file));
        assert!(
            matches!(&decoded, Decoded::Untrusted { about: Some(about), .. } if about.account.is_some()),
            "{file}: {decoded:?}"
        );
    }
    let unrelated = changed("ssm/forged-source.json", "/detail/requestParameters/name", json!("AWS-RunShellScript"));
    for body in [
        unrelated,
        sample("other/custom-event.json"),
        changed("ssm/get-document.json", "/source", json!("my.ssm")),
        changed("work/inside-an-event.json", "/detail/kind", json!("order")),
    ] {
        let decoded = decode(&body);
        assert!(matches!(decoded, Decoded::Ignored { .. }), "{decoded:?}");
    }
}

#[test]
fn an_event_of_a_replay_is_untrusted_whatever_the_replay_is_called() {
    for name in [json!("again"), json!(""), json!(7), json!({})] {
        let decoded = decode(&changed("ssm/update-document-replayed.json", "/replay-name", name.clone()));
        let Decoded::Untrusted { reason, about: Some(about) } = decoded else { panic!("{name}: {decoded:?}") };
        assert!(reason.contains("replay"), "{reason}");
        assert_eq!(about.account.unwrap().as_str(), "444455556666");
    }
    let delivered = changed("ssm/update-document-replayed.json", "/replay-name", json!(null));
    assert_eq!(edit(&delivered), edit(&sample("ssm/update-document.json")));
    let undecodable = changed("ssm/update-document-replayed.json", "/account", json!("nobody"));
    assert!(matches!(decode(&undecodable), Decoded::Untrusted { .. }));
    let other = decode(&sample("ssm/update-another-document-replayed.json"));
    assert!(matches!(other, Decoded::Ignored { .. }), "{other:?}");
}

#[test]
fn the_account_that_joined_is_found_wherever_it_stands_and_is_never_the_reporter() {
    for details in [
        json!({"accountId": "444455556666"}),
        json!({"AccountId": 444_455_556_666_u64}),
        json!({"account_id": "444455556666", "organizationManagementAccountId": "999900001111"}),
        json!({"a": {"b": [{"c": {"accountId": "444455556666"}}]}, "x": "123412341234"}),
        json!({"memberAccountId": "444455556666", "id": "123412341234"}),
        json!({"accountId": "444455556666", "formerAccountId": "123412341234"}),
        json!({"account": {"id": "444455556666"}, "managementAccount": {"id": "999900001111"}}),
        json!({"joinedAccount": "444455556666", "accountId": "111122223333"}),
        json!({"accountJoinedOrganizationStatus": {"accountId": "444455556666"}}),
        json!({"accountArn": "arn:aws-us-gov:organizations::111122223333:account/o-exampleorgid/444455556666"}),
    ] {
        let body = changed("organizations/account-joined-created.json", "/detail/serviceEventDetails", details.clone());
        let event = signal(&body);
        assert_eq!(event.signal.account().map(ToString::to_string).as_deref(), Some("444455556666"), "{details}");
    }
}

#[test]
fn an_unknown_account_that_joined_or_departed_is_undecodable() {
    for details in [
        json!(null),
        json!({}),
        json!({"accountId": "111122223333"}),
        json!({"managementAccountId": "444455556666"}),
        json!({"one": "444455556666", "two": "555566667777"}),
        json!({"accountId": "44445555666"}),
    ] {
        for file in ["organizations/account-joined-created.json", "organizations/account-departed-removed.json"] {
            let decoded = decode(&changed(file, "/detail/serviceEventDetails", details.clone()));
            assert!(matches!(decoded, Decoded::Undecodable { .. }), "{details}: {decoded:?}");
        }
    }
}

// ---- limits ----------------------------------------------------------------------------------------------------------------

#[test]
fn a_body_as_large_as_sqs_allows_decodes_and_a_larger_one_is_undecodable() {
    let mut body = sample("ssm/update-document.json");
    body.extend(std::iter::repeat_n(' ', BODY_BYTES_MAX - body.len()));
    assert!(matches!(decode(&body), Decoded::Signal(_)));
    body.push(' ');
    assert!(matches!(decode(&body), Decoded::Undecodable { .. }));
}

#[test]
fn large_bodies_of_awkward_shapes_are_answered() {
    let near = BODY_BYTES_MAX - 200;
    for body in [
        "[".repeat(near),
        format!("{{\"detail-type\":\"{}\"}}", "\\u202e".repeat(near / 6)),
        format!("{{\"kind\":\"work\",\"schema\":1,\"edits\":[{}0]}}", "0,".repeat(near / 2)),
        format!("{{{}\"kind\":\"x\"}}", "\"a\":1,".repeat(near / 6)),
        "9".repeat(near),
    ] {
        assert!(!matches!(decode(&body), Decoded::Signal(_)));
    }
}

#[test]
fn a_work_message_has_at_most_a_hundred_edits() {
    let edits = |n: usize| vec![edit(&sample("ssm/update-document.json")); n];
    assert!(matches!(decode(&encode_work(&Work { edits: edits(EDITS_MAX), ..a_work() })), Decoded::Signal(_)));
    assert!(matches!(
        decode(&encode_work(&Work { edits: edits(EDITS_MAX + 1), ..a_work() })),
        Decoded::Undecodable { .. }
    ));
}

#[test]
fn a_chain_of_work_messages_has_at_most_ten_thousand_requeues() {
    assert!(matches!(decode(&encode_work(&Work { requeues: LOOP_REQUEUES, ..a_work() })), Decoded::Signal(_)));
    assert!(matches!(
        decode(&encode_work(&Work { requeues: LOOP_REQUEUES + 1, ..a_work() })),
        Decoded::Undecodable { .. }
    ));
}

#[test]
fn what_only_resembles_a_request_of_cloudformation_is_not_passed_over() {
    let request: Value = serde_json::from_str(&sample("other/cfn-custom-resource-create.json")).unwrap();
    assert!(matches!(decode(&request.to_string()), Decoded::Ignored { .. }));
    for key in ["RequestType", "ResponseURL", "StackId"] {
        let mut other = request.clone();
        other.as_object_mut().unwrap().remove(key);
        let decoded = decode(&other.to_string());
        assert!(matches!(decoded, Decoded::Undecodable { .. }), "without {key}: {decoded:?}");
    }
}

#[test]
fn the_step_of_a_sweep_is_a_number_and_never_the_beginning_of_another() {
    for step in [1, 7, u64::MAX] {
        assert_eq!(signal(&encode(&Task::SweepStep(step))).signal, Signal::SweepStep(step));
    }
    for step in [json!(0), json!(-1), json!(1.5), json!("two"), json!([1]), json!(null)] {
        let decoded = decode(&json!({"kind": "sweep", "schema": 1, "step": step}).to_string());
        assert!(matches!(decoded, Decoded::Undecodable { .. }), "{step}: {decoded:?}");
    }
}

#[test]
fn an_account_that_a_sweep_has_come_to_is_no_sweep_of_its_own() {
    let (account, began) = ("444455556666".parse().unwrap(), Time::from_ms(1_790_000_000_000));
    let event = signal(&encode(&Task::SweepAccount { account, sweep: "nightly".to_owned(), began }));
    assert_eq!((event.id.as_str(), event.at), ("nightly", began));
    assert_eq!(event.signal, Signal::AccountSwept { account: "444455556666".parse().unwrap() });
    for account in [json!("4444"), json!(444_455_556_666_u64), json!(null), json!(["444455556666"])] {
        let decoded = decode(&json!({"kind": "sweep", "schema": 1, "account": account}).to_string());
        assert!(matches!(decoded, Decoded::Undecodable { .. }), "{account}: {decoded:?}");
    }
}

fn a_work() -> Work {
    match signal(&sample("work/minimal.json")).signal {
        Signal::Work(work) => *work,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reason_that_quotes_the_message_is_as_safe_as_any_other_text() {
    for (file, pointer) in [("ssm/update-document.json", "/account"), ("work/minimal.json", "/target/account")] {
        let Decoded::Undecodable { reason } = decode(&changed(file, pointer, json!("\u{1b}[2J\u{202e}\n"))) else {
            panic!()
        };
        assert!(!reason.contains(|c: char| c.is_control() || c == '\u{202e}'), "{reason:?}");
    }
}
