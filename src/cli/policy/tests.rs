use super::*;

#[test]
fn dump() {
    let now: Time = "2026-11-20T12:00:00Z".parse().unwrap();
    std::fs::write("infra/policy.schema.json", schema()).unwrap();
    let out = check(Path::new("infra/policy.example.yaml"), now, Format::Text);
    println!("{}{} {}", out.stderr, out.stdout, out.code);
    let bad = "version: 1\nregion: [x]\norganization: {id: o-x, management_account: 111122223333, hub_account: '2'}\nregions: [eu-west-1, eu-west-1, us-gov-west-1]\naccess: { roles: [A, A] }\nunplaced: exempt\ndefaults:\n  mode: enforce\n  mode: observe\n  preferences:\n    runasEnabled: true\n";
    println!("{}", policy_yaml::parse("x.yaml", bad, now).unwrap_err());
}
