use super::*;

#[test]
fn a_version_name_is_kept_as_ssm_gives_it_and_bounded() {
    assert_eq!(version_name(Some("lza-1.15_a")).as_deref(), Some("lza-1.15_a"));
    assert_eq!(version_name(Some(&"n".repeat(200))), Some("n".repeat(128)));
    assert_eq!([None, Some("")].map(version_name), [None, None]);
}
