//! Calls that get past the document, or at the reactor's own parts: alerted once, with the caller, and nothing is written.

use serde_json::json;

use super::queue::{kinds, sample_event};
use super::stage::{HOME, SEARCH, Stage};

#[test]
fn tag_of_a_role_is_alerted_once_with_its_caller_and_the_way_back_however_often_its_event_comes() {
    let stage = Stage::set();
    let lambda = stage.lambda();
    stage.prepare(&lambda, &[(SEARCH, HOME)]);
    let tag = sample_event(&stage, "bypass/tag-role.json", SEARCH);
    stage.deliver(&[tag.clone(), tag.clone()]);
    assert_eq!(stage.pump(&lambda), 0, "{:#?}", lambda.logs());
    stage.deliver(&[tag]);
    assert_eq!(stage.pump(&lambda), 0, "{:#?}", lambda.logs());

    let alerts = stage.alerts();
    assert_eq!(kinds(&alerts), ["run_as_tag_changed"]);
    assert_eq!((alerts[0].severity().as_str(), alerts[0].body["account"].as_str()), ("high", Some(SEARCH)));
    assert_eq!(
        alerts[0].subject,
        "Not undone: PlatformAdmin (maria@example.com) made role Developer run as dbadmin in search"
    );
    alerts[0].assert_says(&[
        "maria@example.com, signed in through Identity Center",
        "198.51.100.23",
        "aws iam untag-role --role-name Developer --tag-keys SSMSessionRunAs",
        "#/events/2151046d-9f84-5649-8b47-c62d61857e6a",
    ]);
    assert_eq!(stage.calls("iam"), [json!(null); 0], "the function has no rights there");
    assert_eq!(stage.actions("ssm"), [""; 0], "there is no document to look at");
}
