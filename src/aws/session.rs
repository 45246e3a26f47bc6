//! Credentials of other accounts. A session reaches one document and the account's list of regions, or the event history, or,
//! for an operator, managed nodes with one question; nothing more (invariant 9). All targets of an account share a session,
//! and concurrent ones cause one request.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;

use super::client::Clients;
use super::fault::Call;
use crate::broker::wire::Refusal;
use crate::clock;
use crate::config::Connection;
use crate::domain::target::{AccountId, partition};
use crate::domain::text::clean;
use crate::domain::time::{MINUTE_MS, SECOND_MS, Time};
use crate::ports::{Access, AccountAccess, Fault, FaultClass, Relapse};

mod assume;
mod broker;
mod policy;

pub(super) use assume::ScopedSts;
pub(super) use broker::Broker;
pub(super) use policy::Scope;

/// Accounts whose credentials are cached. A set of them takes about 2 KB; a replaced one costs one `AssumeRole`.
const ACCOUNTS_MAX: usize = 4_096;
/// Credentials that expire sooner than this are not used: a reconciliation with all its retries ends within that time.
const MARGIN_MS: i64 = 5 * MINUTE_MS;
/// How long a role is skipped after an SCP denied it the document: as long as a session of the gap role is used.
const BARRED_MS: i64 = 10 * MINUTE_MS;
/// How long a refusal of the broker is reused, so that the regions of an account do not each ask.
const REFUSED_MS: i64 = 20 * SECOND_MS;
/// An alert shows a reason of up to 512 bytes in full; the text around this message takes the rest.
const REASON_CHARS_MAX: usize = 400;

/// One role session in one account.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) credentials: Credentials,
    pub(super) expires: Time,
    pub(super) role: String,
    /// The last use of the member role, where the broker granted this session despite one.
    member_role_used: Option<Time>,
}

impl Session {
    fn serves(&self, access: &Access, now: Time) -> bool {
        self.expires.since(now) > MARGIN_MS
            && (access.roles.contains(&self.role) || access.gap_roles.contains(&self.role))
    }
}

/// Credentials, and where they come from.
pub(super) struct AssumedSession {
    pub(super) session: Arc<Session>,
    /// They come from the cache. If AWS refuses them, new ones may work.
    pub(super) from_cache: bool,
}

/// The sessions of this process, by account.
pub(super) struct Sessions {
    sts: ScopedSts,
    /// Asked where no member role works.
    pub(super) broker: Option<Broker>,
    slots: Mutex<HashMap<AccountId, Arc<Slot>>>,
}

/// The access to one account. The lock is held while a role is assumed, so that other tasks wait for the outcome.
#[derive(Default)]
struct Slot {
    state: tokio::sync::Mutex<Door>,
    /// Completed rounds of asking. A task that sees it grow while waiting shares the outcome, good or bad.
    rounds: AtomicU64,
}

#[derive(Default)]
struct Door {
    session: Option<Arc<Session>>,
    /// The role that worked last; tried first.
    winner: Option<String>,
    /// The roles and the fault of the last failed round.
    failed: Option<(Vec<String>, Fault)>,
    /// Roles that an SCP denied the document, its message, and until when they are skipped.
    barred: HashMap<String, (Fault, Time)>,
    /// The broker's last refusal, and until when it is reused.
    refused: Option<(Refusal, Time)>,
    /// A use of the gap role that is not yet reported.
    relapse: Option<Relapse>,
}

impl Sessions {
    pub(super) fn new(connection: &Connection, clients: &Clients, scope: Scope) -> Self {
        let sts = ScopedSts::new(clients.sts(), partition(&connection.region), scope);
        Self { sts, broker: None, slots: Mutex::default() }
    }

    /// Credentials for the account from the first role that admits the reactor.
    pub(super) async fn get(&self, account: &AccountId, access: &Access) -> Result<AssumedSession, Fault> {
        let slot = self.slot(account);
        let before = slot.rounds.load(Ordering::Acquire);
        let mut door = slot.state.lock().await;
        let waited = slot.rounds.load(Ordering::Acquire) > before;
        if let Some(session) = door.session.as_ref().filter(|session| session.serves(access, clock::now())) {
            return Ok(AssumedSession { session: Arc::clone(session), from_cache: !waited });
        }
        match &door.failed {
            Some((roles, fault)) if waited && *roles == access.roles => return Err(fault.clone()),
            _ => {}
        }
        let outcome = match self.knock(account, access, &door).await {
            Err(denied) if is_denied(&denied) => self.ask_broker(account, access, denied, &mut door).await,
            outcome => outcome,
        };
        slot.rounds.fetch_add(1, Ordering::AcqRel);
        match outcome {
            Ok(session) => {
                let session = Arc::new(session);
                door.winner = Some(session.role.clone());
                door.session = Some(Arc::clone(&session));
                (door.failed, door.refused) = (None, None);
                Ok(AssumedSession { session, from_cache: false })
            }
            Err(fault) => {
                door.session = None;
                door.failed = Some((access.roles.clone(), fault.clone()));
                Err(fault)
            }
        }
    }

    /// Drops refused credentials, unless another task has replaced them.
    pub(super) async fn forget(&self, account: &AccountId, refused: &Arc<Session>) {
        let slot = self.slot(account);
        let mut door = slot.state.lock().await;
        if door.session.as_ref().is_some_and(|session| Arc::ptr_eq(session, refused)) {
            door.session = None;
        }
    }

    /// Tries the roles in order, the one that worked last first. Only a denial moves on to the next role.
    async fn knock(&self, account: &AccountId, access: &Access, door: &Door) -> Result<Session, Fault> {
        let first = access.roles.iter().filter(|role| Some(*role) == door.winner.as_ref());
        let others = access.roles.iter().filter(|role| Some(*role) != door.winner.as_ref());
        let mut denials: Vec<Fault> = Vec::new();
        for role in first.chain(others) {
            if let Some((fault, _)) = door.barred.get(role).filter(|(_, until)| clock::now() < *until) {
                denials.push(fault.clone());
                continue;
            }
            match self.sts.assume(account, role, &access.correlation).await {
                Ok(session) => return Ok(session),
                Err(fault) if is_denied(&fault) => denials.push(fault),
                Err(fault) => return Err(fault),
            }
        }
        Err(all_denied(account, &access.roles, &denials))
    }

    /// Asks the broker for a session of a gap role. A refusal comes before the roles' denials in the message, because
    /// member roles are expected to fail in a new account.
    async fn ask_broker(
        &self,
        account: &AccountId,
        access: &Access,
        denied: Fault,
        door: &mut Door,
    ) -> Result<Session, Fault> {
        let Some(broker) = self.broker_by(access) else { return Err(denied) };
        let stands = door.refused.take().filter(|(_, until)| clock::now() < *until);
        let (refusal, until) = match stands {
            Some(stands) => stands,
            None => match broker.session(account, &access.gap_roles).await {
                Ok(session) => {
                    door.relapse = relapse(account, &session);
                    let (role, correlation) = (&session.role, &access.correlation);
                    tracing::info!(%account, role, correlation, "no member role works: through the broker");
                    return Ok(session);
                }
                Err(refusal) => (refusal, clock::now().plus_ms(REFUSED_MS)),
            },
        };
        door.refused = Some((refusal.clone(), until));
        // The broker refused, so only the member roles are left to try.
        door.barred.clear();
        let by = if denied.class == FaultClass::DeniedByScp { "denied by a service control policy: " } else { "" };
        let message = format!("no broker access: {}; fix: {}; {by}{}", refusal.cause, refusal.fix, denied.message);
        Err(Fault { message: clean(&message, REASON_CHARS_MAX), ..denied })
    }

    /// The broker, if the policy names a gap role.
    fn broker_by(&self, access: &Access) -> Option<&Broker> {
        self.broker.as_ref().filter(|_| !access.gap_roles.is_empty())
    }

    /// Skips a role whose session an SCP denies the document, as a quarantine does, so that the broker is asked next.
    /// Returns false without a broker or for another role's session: the denial stands.
    pub(super) async fn bar(
        &self,
        account: &AccountId,
        access: &Access,
        session: &Arc<Session>,
        denied: &Fault,
    ) -> bool {
        if self.broker_by(access).is_none() || !access.roles.contains(&session.role) {
            return false;
        }
        self.forget(account, session).await;
        let slot = self.slot(account);
        let until = clock::now().plus_ms(BARRED_MS);
        slot.state.lock().await.barred.insert(session.role.clone(), (denied.clone(), until));
        true
    }

    /// How the account was last entered. A relapse is returned once.
    pub(super) async fn account_access(&self, account: &AccountId, access: &Access) -> AccountAccess {
        if self.broker.is_none() {
            return AccountAccess::default();
        }
        let slot = self.slot(account);
        let mut door = slot.state.lock().await;
        let by_member_role = door.session.as_ref().is_some_and(|session| access.roles.contains(&session.role));
        AccountAccess { by_member_role, relapse: door.relapse.take() }
    }

    fn slot(&self, account: &AccountId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(account) {
            return Arc::clone(slot);
        }
        if slots.len() >= ACCOUNTS_MAX {
            evict(&mut slots, clock::now());
        }
        Arc::clone(slots.entry(account.clone()).or_default())
    }
}

/// Makes room: drops unused slots without a valid session, and otherwise one unused slot.
fn evict(slots: &mut HashMap<AccountId, Arc<Slot>>, now: Time) {
    slots.retain(|_, slot| {
        Arc::strong_count(slot) > 1
            || slot
                .state
                .try_lock()
                .is_ok_and(|door| door.session.as_ref().is_some_and(|session| session.expires.since(now) > MARGIN_MS))
    });
    if slots.len() >= ACCOUNTS_MAX {
        let unused = slots.iter().find(|(_, slot)| Arc::strong_count(slot) == 1).map(|(account, _)| account.clone());
        if let Some(account) = unused {
            slots.remove(&account);
        }
    }
}

fn is_denied(fault: &Fault) -> bool {
    matches!(fault.class, FaultClass::Denied | FaultClass::DeniedByScp)
}

fn relapse(account: &AccountId, session: &Session) -> Option<Relapse> {
    let member_role_used = session.member_role_used?;
    let role = session.role.clone();
    tracing::warn!(%account, role, %member_role_used, "gap role used in an account whose member role was used before");
    Some(Relapse { role, member_role_used })
}

/// Combines the denials of all roles into one fault that names every role.
fn all_denied(account: &AccountId, roles: &[String], denials: &[Fault]) -> Fault {
    let call = Call::read(assume::CALL);
    let Some(last) = denials.last() else {
        return call.fault(FaultClass::Invalid, "NoRole", "the policy names no role to assume");
    };
    let by_scp = denials.iter().all(|fault| fault.class == FaultClass::DeniedByScp);
    let class = if by_scp { FaultClass::DeniedByScp } else { FaultClass::Denied };
    let tried = roles.join(", ");
    call.fault(
        class,
        &last.code,
        &format!("account {account}: no role admits the reactor (tried {tried}): {}", last.message),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::scripted::{Scripted, connection};

    fn denial(class: FaultClass) -> Fault {
        Call::read(assume::CALL).fault(class, "AccessDenied", "not authorized")
    }

    #[test]
    fn the_fault_names_every_role_that_was_tried() {
        let account: AccountId = "444455556666".parse().unwrap();
        let roles = ["RunasReactorMember".to_owned(), "team/Fallback".to_owned()];
        let fault = all_denied(&account, &roles, &[denial(FaultClass::DeniedByScp), denial(FaultClass::Denied)]);
        assert_eq!((fault.class, fault.call), (FaultClass::Denied, "AssumeRole"));
        assert!(fault.message.contains("RunasReactorMember, team/Fallback"), "{}", fault.message);
        let scp = all_denied(&account, &roles, &[denial(FaultClass::DeniedByScp)]);
        assert_eq!(scp.class, FaultClass::DeniedByScp);
        assert_eq!(all_denied(&account, &[], &[]).class, FaultClass::Invalid);
    }

    #[test]
    fn a_full_cache_makes_room_and_keeps_what_is_in_use() {
        let account = |n: usize| format!("{n:012}").parse::<AccountId>().unwrap();
        let mut slots: HashMap<_, _> = (0..ACCOUNTS_MAX).map(|n| (account(n), Arc::<Slot>::default())).collect();
        let in_use = Arc::clone(slots.get(&account(7)).unwrap());
        evict(&mut slots, Time::ZERO);
        assert_eq!(slots.len(), 1);
        assert!(slots.get(&account(7)).is_some_and(|slot| Arc::ptr_eq(slot, &in_use)));
    }

    impl Session {
        /// A session of a member role, which does not end.
        pub(in crate::aws) fn of_a_member_role() -> Self {
            session(Time::from_ms(i64::MAX))
        }
    }

    fn session(expires: Time) -> Session {
        let credentials = Credentials::new("id", "secret", None, None, "test");
        Session { credentials, expires, role: "RunasReactorMember".to_owned(), member_role_used: None }
    }

    #[test]
    fn session_serves_a_reconciliation_and_its_retries() {
        let access =
            |role: &str| Access { roles: vec![role.to_owned()], gap_roles: Vec::new(), correlation: String::new() };
        let serves = |left_ms, role| session(Time::from_ms(left_ms)).serves(&access(role), Time::ZERO);
        assert!(serves(5 * MINUTE_MS + 1, "RunasReactorMember"));
        assert!(!serves(5 * MINUTE_MS, "RunasReactorMember"));
        assert!(!serves(15 * MINUTE_MS, "Other"));
    }

    #[test]
    fn cache_that_is_not_full_keeps_what_was_refused() {
        let clients = Clients::over(Scripted::new([]).sdk());
        let sessions = Sessions::new(&connection(), &clients, Scope::Document);
        let [one, other] = ["000000000001", "000000000002"].map(|id| id.parse::<AccountId>().unwrap());
        drop(sessions.slot(&one));
        drop(sessions.slot(&other));
        assert!(sessions.slots.lock().unwrap().contains_key(&one));
    }

    #[test]
    fn full_cache_of_valid_sessions_loses_an_unused_one() {
        let account = |n: usize| format!("{n:012}").parse::<AccountId>().unwrap();
        let slot = |left_ms| {
            let door = Door { session: Some(Arc::new(session(Time::from_ms(left_ms)))), ..Door::default() };
            Arc::new(Slot { state: tokio::sync::Mutex::new(door), rounds: AtomicU64::default() })
        };
        let mut slots: HashMap<_, _> = (0..ACCOUNTS_MAX).map(|n| (account(n), slot(15 * MINUTE_MS))).collect();
        let in_use: Vec<_> = (1..ACCOUNTS_MAX).map(|n| Arc::clone(slots.get(&account(n)).unwrap())).collect();
        evict(&mut slots, Time::ZERO);
        assert_eq!(slots.len(), ACCOUNTS_MAX - 1);
        assert!(!slots.contains_key(&account(0)));
        drop(in_use);

        slots.insert(account(0), slot(MARGIN_MS));
        evict(&mut slots, Time::ZERO);
        assert_eq!(slots.len(), ACCOUNTS_MAX - 1, "an expired one makes room, so that all valid ones stay");
        assert!(!slots.contains_key(&account(0)));
    }
}
