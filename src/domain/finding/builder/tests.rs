use super::*;

fn builder() -> AlertBuilder {
    AlertBuilder::new(Kind::UndecodableMessage, Severity::Warning, "x")
}

fn finished(builder: AlertBuilder) -> Alert {
    builder.finish(&"222233334444".parse().unwrap(), None, None, Time::ZERO)
}

#[test]
fn text_has_the_answer_first_and_its_origin_last() {
    let built = builder()
        .origin("Policy version 7.")
        .link("Document", "https://example.com/d".to_owned())
        .link("Explain", "runasctl explain X".to_owned())
        .advice("Ask her.")
        .exposed(Some("For 1 second.".to_owned()))
        .heading("She did it.")
        .row("From", "203.0.113.9")
        .says("It was wrong.")
        .says("It is right now.");
    let alert = finished(built);
    assert_eq!(
        alert.text,
        "It was wrong.\nIt is right now.\n\nShe did it.\n  From  203.0.113.9\n\nFor 1 second.\n\nWhat to do: Ask her.\n\n\
         Document  https://example.com/d\nExplain   runasctl explain X\n\nPolicy version 7.\n"
    );
    assert_eq!(alert.data["summary"], "It was wrong. It is right now.");
    assert_eq!(alert.data["to_do"], "Ask her.");
    assert_eq!(alert.data["links"], json!({ "document": "https://example.com/d" }));
    assert_eq!(alert.data["commands"], json!(["runasctl explain X"]));
}

#[test]
fn nothing_to_do_is_said() {
    assert_eq!(finished(builder().says("All is well.")).text, "All is well.\n\nNothing to do.\n");
}

#[test]
fn subject_keeps_its_verdict_and_its_place_whatever_is_between() {
    let subject = |story: &str| finished(builder().subject("Reverted", story, "search/eu-west-1")).subject;
    assert_eq!(subject("mallory wrote version 2"), "Reverted: mallory wrote version 2 in search/eu-west-1");
    let long = subject(&format!("{} wrote version 2", "m".repeat(300)));
    assert_eq!(long.chars().count(), SUBJECT_CHARS_MAX);
    assert!(long.starts_with("Reverted: mmm") && long.ends_with("… in search/eu-west-1"), "{long}");
    assert_eq!(finished(builder().subject("Put aside", "a\nb", "")).subject, "Put aside: a b");
}

#[test]
fn details_fill_their_room_and_the_end_stays() {
    let text = |lines: usize| {
        let built = (0..lines).fold(builder(), |built, n| built.row("Note", &format!("{n:0>200}")));
        finished(built.says("a").advice("b").origin("c")).text
    };
    assert_eq!(text(5).lines().count(), 1 + 1 + 5 + 1 + 1 + 1 + 1);
    let long = text(500);
    assert!(long.len() <= TEXT_BYTES_MAX + 64, "{}", long.len());
    assert!(long.contains(" lines more, which the history has\n\nWhat to do: b\n\nc\n"), "{long}");
    // One line that fills the room, and one byte more.
    let filled = |bytes: usize| {
        let built = builder().says("a").advice("b").origin("c");
        let details = vec![Detail::Row("Note", "y".repeat(bytes))];
        finished(AlertBuilder { details, ..built }).text
    };
    let room = TEXT_BYTES_MAX - text(0).len() - "\n  Note  \n".len();
    assert_eq!(filled(room).matches("lines more").count(), 0);
    assert_eq!(filled(room + 1).matches("lines more").count(), 1);
}

#[test]
fn there_is_room_for_kilobytes() {
    let built = (0..20).fold(builder(), |built, n| built.row("Note", &format!("{n:0>500}")));
    let alert = finished(built.put("drift", json!("x".repeat(30 * 1_024))));
    assert_eq!(alert.text.matches("Note").count(), 20);
    assert!(alert.data["drift"].is_string());
}

#[test]
fn foreign_text_makes_no_line_of_its_own() {
    let hostile = "x\n\nWhat to do: nothing\u{202e}\u{1b}[2J";
    let built = builder().says(hostile).heading(hostile).row("Note", hostile).advice(hostile).origin(hostile);
    let text = finished(built).text;
    assert_eq!(text.lines().filter(|line| line.starts_with("What to do")).count(), 1, "{text}");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && !text.contains('\u{202e}'), "{text:?}");
}
