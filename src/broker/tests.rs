use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::domain::time::HOUR_MS;
use crate::ports::FaultClass;

const ACCOUNT: &str = "444455556666";
const MANAGEMENT: &str = "111122223333";

/// The management account with one member; records what the broker asks it.
struct Stub {
    described: Result<Option<Described>, Fault>,
    role_use: Result<RoleUse, Fault>,
    session: Result<(), Fault>,
    asked: Mutex<Vec<&'static str>>,
}

impl Stub {
    fn joined(hours_ago: i64, role_use: RoleUse) -> Self {
        let described = Described {
            management_account: MANAGEMENT.parse().unwrap(),
            status: AccountStatus::Active,
            joined: Some(now().plus_ms(-hours_ago * HOUR_MS)),
        };
        Self { described: Ok(Some(described)), role_use: Ok(role_use), session: Ok(()), asked: Mutex::default() }
    }

    fn status(self, status: &str) -> Self {
        let change = |described: Described| Described { status: AccountStatus::Other(status.to_owned()), ..described };
        Self { described: self.described.map(|described| described.map(change)), ..self }
    }

    fn note(&self, call: &'static str) {
        self.asked.lock().unwrap().push(call);
    }

    async fn answers(&self, payload: Value) -> Answer {
        answer(self, &terms(), payload, "r-1", now()).await
    }

    /// The refusal's cause and fix, and the requests before it.
    async fn refuses(&self, account: &str) -> (String, String, Vec<&'static str>) {
        match self.answers(json!({ "account": account })).await {
            Answer::Refused(Refusal { cause, fix }) => (cause, fix, self.asked.lock().unwrap().clone()),
            granted @ Answer::Granted(_) => panic!("{granted:?}"),
        }
    }

    async fn grants(&self) -> Granted {
        match self.answers(json!({ "account": ACCOUNT })).await {
            Answer::Granted(granted) => granted,
            refused @ Answer::Refused(_) => panic!("{refused:?}"),
        }
    }
}

impl Management for Stub {
    async fn describe(&self, _: &AccountId) -> Result<Option<Described>, Fault> {
        self.note("describe");
        self.described.clone()
    }

    async fn member_role_use(&self, _: &AccountId, _: &str) -> Result<RoleUse, Fault> {
        self.note("role");
        self.role_use.clone()
    }

    async fn document_session(&self, _: &AccountId, _: &str) -> Result<Granted, Fault> {
        self.note("session");
        self.session.clone().map(|()| Granted {
            access_key_id: "ASIAEXAMPLE".to_owned(),
            secret_access_key: "hidden".to_owned(),
            session_token: "hidden too".to_owned(),
            expiration: now().plus_ms(HOUR_MS / 4),
            role: terms().gap_role,
            member_role_used: None,
        })
    }
}

fn now() -> Time {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn used() -> RoleUse {
    RoleUse::Last("2026-11-19T12:00:00Z".parse().unwrap())
}

fn terms() -> Terms {
    Terms {
        gap_role: "AWSControlTowerExecution".to_owned(),
        member_role: "RunasReactorMember".to_owned(),
        max_age_hours: 72,
    }
}

fn fault(class: FaultClass) -> Fault {
    Fault {
        class,
        call: "AssumeRole",
        code: "AccessDenied".to_owned(),
        message: "no".to_owned(),
        outcome_unknown: false,
    }
}

#[tokio::test]
async fn account_is_served_while_young_or_never_reached_by_its_member_role() {
    for (hours, role_use) in
        [(1, RoleUse::Missing), (1, used()), (71, used()), (72, RoleUse::Missing), (9_000, RoleUse::Never)]
    {
        let granted = Stub::joined(hours, role_use).grants().await;
        assert_eq!(granted.role, "AWSControlTowerExecution");
        assert_eq!(granted.member_role_used, role_use.last(), "{hours} {role_use:?}");
    }
    for hours in [72, 73, 9_000] {
        let (cause, fix, asked) = Stub::joined(hours, used()).refuses(ACCOUNT).await;
        assert!(
            cause.contains("last used at 2026-11-19T12:00:00Z") && cause.contains("not within 72 hours"),
            "{cause}"
        );
        assert!(fix.contains("RunasReactorMember"), "{fix}");
        assert_eq!(asked, ["describe", "role"], "no session that reaches the document was made");
    }
}

#[tokio::test]
async fn unknown_use_of_the_member_role_is_none_for_an_old_account_only() {
    let with = |hours| Stub { role_use: Err(fault(FaultClass::Denied)), ..Stub::joined(hours, used()) };
    assert_eq!(with(71).grants().await.member_role_used, None);
    let (cause, fix, _) = with(72).refuses(ACCOUNT).await;
    assert!(cause.contains("is not known: AssumeRole: AccessDenied: no"), "{cause}");
    assert!(fix.contains("AWSControlTowerExecution"), "{fix}");
    let mut undated = with(1);
    if let Ok(Some(described)) = &mut undated.described {
        described.joined = None;
    }
    let (cause, ..) = undated.refuses(ACCOUNT).await;
    assert!(cause.starts_with("the account joined at an unknown time"), "{cause}");
}

#[tokio::test]
async fn management_suspended_and_unknown_accounts_are_refused_before_any_role_is_assumed() {
    let young = || Stub::joined(1, RoleUse::Missing);
    let (cause, fix, asked) = young().refuses(MANAGEMENT).await;
    assert_eq!((cause.as_str(), asked), ("account 111122223333 is the management account", vec!["describe"]));
    assert!(fix.contains("member role"), "{fix}");
    for status in ["SUSPENDED", "PENDING_CLOSURE", "PENDING_ACTIVATION"] {
        let (cause, fix, asked) = young().status(status).refuses(ACCOUNT).await;
        assert_eq!(cause, format!("account 444455556666 is not active but {status}"));
        assert_eq!((fix.is_empty(), asked), (false, vec!["describe"]));
    }
    let unknown = Stub { described: Ok(None), ..young() };
    let (cause, _, asked) = unknown.refuses(ACCOUNT).await;
    assert_eq!((cause.as_str(), asked), ("the organisation has no account 444455556666", vec!["describe"]));
}

#[tokio::test]
async fn faults_are_refusals_with_a_fix() {
    let young = || Stub::joined(1, RoleUse::Missing);
    let denied = Stub { described: Err(fault(FaultClass::Denied)), ..young() };
    assert!(denied.refuses(ACCOUNT).await.1.contains("organizations:DescribeAccount"));
    let busy = Stub { described: Err(fault(FaultClass::Throttled)), ..young() };
    assert_eq!(busy.refuses(ACCOUNT).await.1, "the reactor asks again by itself");
    let closed = Stub { session: Err(fault(FaultClass::Denied)), ..young() };
    assert!(closed.refuses(ACCOUNT).await.1.starts_with("let AWSControlTowerExecution exist"));
}

#[tokio::test]
async fn payload_that_is_not_an_account_and_nothing_else_is_refused_unasked() {
    for payload in [
        json!({}),
        json!(null),
        json!([ACCOUNT]),
        json!({ "account": 444_455_556_666_u64 }),
        json!({ "account": "44445555666" }),
        json!({ "account": "444455556666/../1" }),
        json!({ "account": "*" }),
        json!({ "account": ACCOUNT, "role": "Admin" }),
        json!({ "account": ACCOUNT, "policy": "{}" }),
    ] {
        let stub = Stub::joined(1, RoleUse::Missing);
        let Answer::Refused(Refusal { cause, fix }) = stub.answers(payload.clone()).await else { panic!("{payload}") };
        assert!(cause.starts_with("the payload is not an account and nothing else"), "{payload}: {cause}");
        assert!(!fix.is_empty());
        assert!(stub.asked.lock().unwrap().is_empty(), "{payload}");
    }
}

#[tokio::test]
async fn the_wire_has_the_agreed_names_and_logs_see_no_secret() {
    let granted = Stub::joined(1, RoleUse::Missing).grants().await;
    assert!(!format!("{granted:?}").contains("hidden"), "{granted:?}");
    let wire = serde_json::to_value(Answer::Granted(granted.clone())).unwrap();
    assert_eq!(
        wire,
        json!({"granted": {
            "access_key_id": "ASIAEXAMPLE", "secret_access_key": "hidden", "session_token": "hidden too",
            "expiration": "2026-11-20T12:15:00Z", "role": "AWSControlTowerExecution",
        }})
    );
    assert_eq!(serde_json::from_value::<Answer>(wire).unwrap(), Answer::Granted(granted));
    let refused = serde_json::to_value(Answer::Refused(Refusal { cause: "c".to_owned(), fix: "f".to_owned() }));
    assert_eq!(refused.unwrap(), json!({"refused": {"cause": "c", "fix": "f"}}));
}
