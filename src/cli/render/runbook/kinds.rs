//! What each alert means, what to check first, and what to do. The match has no wildcard, so that a new kind must be added.

use crate::domain::finding::Kind;

/// Guidance for one kind of alert.
pub(super) struct Guide {
    /// What happened.
    pub(super) means: &'static str,
    /// Commands that show details and change nothing.
    pub(super) commands: &'static [&'static str],
    /// What to do.
    pub(super) act: &'static str,
}

const TARGET: &[&str] = &["runasctl history ACCOUNT/REGION", "runasctl explain ACCOUNT/REGION"];
const RULES: &[&str] = &["runasctl history ACCOUNT/REGION", "runasctl policy explain ACCOUNT --policy policy.yaml"];
const STATUS: &[&str] = &["runasctl status --account ACCOUNT", "runasctl explain ACCOUNT/REGION"];
const ACCOUNT: &[&str] = &["runasctl status --account ACCOUNT", "runasctl history ACCOUNT"];
const DEAD_LETTERS: &[&str] = &["runasctl redrive list", "runasctl redrive show ID"];
const POLICY: &[&str] = &["runasctl policy history", "runasctl policy show"];
const ALL: &[&str] = &["runasctl status"];

/// The guidance for a kind.
pub(super) fn guide(kind: Kind) -> Guide {
    match kind {
        Kind::EditReverted => EDIT_REVERTED,
        Kind::EditKept => EDIT_KEPT,
        Kind::EditNoticed => EDIT_NOTICED,
        Kind::ExemptTouched => EXEMPT_TOUCHED,
        Kind::BreakGlass => BREAK_GLASS,
        Kind::EditWar => EDIT_WAR,
        Kind::IncidentResolved => INCIDENT_RESOLVED,
        Kind::AuthorKnown => AUTHOR_KNOWN,
        Kind::AttemptDenied => ATTEMPT_DENIED,
        Kind::Unreachable => UNREACHABLE,
        Kind::ReachableAgain => REACHABLE_AGAIN,
        Kind::DriftObserved => DRIFT_OBSERVED,
        Kind::Adopted => ADOPTED,
        Kind::ConfigurationLag => CONFIGURATION_LAG,
        Kind::ForwarderBlind => FORWARDER_BLIND,
        Kind::ExemptionEnds => EXEMPTION_ENDS,
        Kind::RunAsTagChanged => RUN_AS_TAG_CHANGED,
        Kind::AttributesChanged => ATTRIBUTES_CHANGED,
        Kind::OtherSessionDocument => OTHER_SESSION_DOCUMENT,
        Kind::ReactorTampered => REACTOR_TAMPERED,
        Kind::UndecodableMessage => UNDECODABLE,
        Kind::UntrustedSource => UNTRUSTED_SOURCE,
        Kind::UnknownAccount => UNKNOWN_ACCOUNT,
        Kind::GapRoleUsed => GAP_ROLE_USED,
        Kind::PolicyUnreadable => POLICY_UNREADABLE,
        Kind::SweepUnfinished => SWEEP_UNFINISHED,
        Kind::TargetsNotChecked => TARGETS_NOT_CHECKED,
        Kind::RegionUngoverned => REGION_UNGOVERNED,
    }
}

const EDIT_REVERTED: Guide = Guide {
    means: "A principal changed the document or shared it, and the reactor put it right. Sessions that began in between ran \
            with the changed document. Severity `info`: the policy trusts that principal.",
    commands: TARGET,
    act: "ask the principal that the alert names. If the change is needed, put it into the policy, or accept it (`runasctl \
          accept ACCOUNT/REGION --version N --reason TEXT`, which writes); otherwise treat \
          the principal's credentials as misused, and see in the account's session history who connected in between.",
};

const EDIT_KEPT: Guide = Guide {
    means: "A trusted principal changed what can run code or send session logs elsewhere (shell profile, S3, KMS, log \
            group). The change is kept.",
    commands: TARGET,
    act: "compare the change with what that pipeline deployed. If it was not planned, revert it with a trusted principal, \
          or own the field in the policy; and take a principal that misuses its trust out of `principals.trusted`.",
};

const EDIT_NOTICED: Guide = Guide {
    means: "A principal changed the document, and nothing was written: it is right by now, or the policy says observe, \
            or the write was refused. The alert says which.",
    commands: TARGET,
    act: "where it says NOT, follow the reason that `explain` gives; otherwise ask the principal, as for \
          `edit_reverted`.",
};

const EXEMPT_TOUCHED: Guide = Guide {
    means: "A principal changed the document in an account that the policy exempts. Nothing was written.",
    commands: RULES,
    act: "nothing, if the exemption's owner knows of it. The table of exemptions below names the owner.",
};

const BREAK_GLASS: Guide = Guide {
    means: "A break-glass principal changed the document. It stands until the hold ends, and is put right then; once the \
            policy's `daily_minutes` are used up, it is put right at once.",
    commands: TARGET,
    act: "confirm that there is an emergency, and who works on it. If there is none, revoke that principal's sessions \
          first. To keep the change for good, put it into the policy before the hold ends, or accept it: `runasctl accept \
          ACCOUNT/REGION --version N --reason TEXT`, which writes.",
};

const EDIT_WAR: Guide = Guide {
    means: "Two writers change the same document again and again. The reactor writes more slowly, and goes on.",
    commands: TARGET,
    act: "stop the other writer, which the alert names: switch off the pipeline or the script, or attach the service \
          control policies (`runasctl render scp`). The incident closes by itself once the document was right and \
          quiet.",
};

const INCIDENT_RESOLVED: Guide = Guide {
    means: "An incident is over: the document was right and quiet for long enough. The alert counts the acts, and says \
            whose.",
    commands: TARGET,
    act: "nothing now. Note in the incident's ticket what ended it.",
};

const AUTHOR_KNOWN: Guide = Guide {
    means: "The author of an earlier alert without a name is known.",
    commands: TARGET,
    act: "add the name to the ticket of that incident, and go on as `edit_reverted` says.",
};

const ATTEMPT_DENIED: Guide = Guide {
    means: "A principal tried to change the document, and AWS refused. Nothing changed; more attempts within the hour \
            are only counted.",
    commands: TARGET,
    act: "ask the principal why. A pipeline that has to write the document belongs into `principals.trusted`, and into \
          the service control policies rendered from it.",
};

const UNREACHABLE: Guide = Guide {
    means: "The reactor cannot read or write a document, so that its content is unknown. The alert says which call \
            failed, and why.",
    commands: STATUS,
    act: "by the reason: a role that cannot be assumed is missing or does not trust the hub; a service control policy \
          that denies has to except the member role (`runasctl render scp`); a region that is off needs nothing.",
};

const REACHABLE_AGAIN: Guide = Guide {
    means: "What could not be read or written can be again.",
    commands: STATUS,
    act: "nothing, if `status` says that the target is in sync.",
};

const DRIFT_OBSERVED: Guide = Guide {
    means: "A document differs from the baseline in a place where the policy says observe. Nothing was written.",
    commands: RULES,
    act: "decide whether the place is to be enforced: change its mode in the policy and push it; or put the document \
          right by hand.",
};

const ADOPTED: Guide = Guide {
    means: "A document was seen for the first time, and has a shell profile, S3, KMS or log group already. \
            The reactor keeps them.",
    commands: TARGET,
    act: "review the values, above all the shell profile, which runs in each session. What should not be there, remove \
          with a trusted principal, or own in the policy.",
};

const CONFIGURATION_LAG: Guide = Guide {
    means: "A new account was configured later than the goal. The alert says what stood in the way.",
    commands: ACCOUNT,
    act: "by the cause: a role that came late means that the stack set or the pipeline was late, and `gap_roles` did \
          not work; a quarantine policy has to except the roles that the reactor works through.",
};

const FORWARDER_BLIND: Guide = Guide {
    means: "The reactor changed a document, and the event of that did not come back. Edits there are found by sweeps \
            only, hours later.",
    commands: ACCOUNT,
    act: "see in the account and region that the rule `runas-reactor-documents` is enabled and has its target, and that a \
          trail logs management events there.",
};

const EXEMPTION_ENDS: Guide = Guide {
    means: "An exemption ends in 14 or 2 days. After its last day the accounts are observed, or enforced if the \
            exemption says so.",
    commands: RULES,
    act: "ask its owner, whom the table below names: renew it with a new date and reason, or prepare the accounts and \
          remove it.",
};

const RUN_AS_TAG_CHANGED: Guide = Guide {
    means: "A principal set or removed the tag SSMSessionRunAs of a role or a user. Where the document has \
            Run As on, Session Manager reads it before the default user, so that sessions run as the OS user that it names. The reactor does not undo it.",
    commands: ACCOUNT,
    act: "ask the principal that the alert names. If the tag is not wanted, run the command of the alert in the account; \
          otherwise treat the credentials as misused. `runasctl render scp` writes a policy that denies such calls.",
};

const ATTRIBUTES_CHANGED: Guide = Guide {
    means: "A principal changed Identity Center's attributes for access control. One called SSMSessionRunAs decides which OS user \
            all sessions run as where the document has Run As on, whatever its default user. The reactor does not undo it.",
    commands: ACCOUNT,
    act: "see the attributes of now (`aws sso-admin describe-instance-access-control-attribute-configuration`), and deploy \
          `infra/identity-center.yaml` again with your whole list. No service control policy holds in the management \
          account: see who may change Identity Center.",
};

const OTHER_SESSION_DOCUMENT: Guide = Guide {
    means: "A principal wrote a Session document beside the one that the reactor keeps. Sessions that are started with it \
            follow its settings. The reactor does not undo it.",
    commands: ACCOUNT,
    act: "look at the document (`aws ssm get-document`), since CloudTrail may not show what is in it; delete it if nobody \
          needs it. Permissions that allow `ssm:StartSession` for named documents only make others useless.",
};

const REACTOR_TAMPERED: Guide = Guide {
    means: "A principal changed the reactor's own rules, roles or bus, or archived or replayed the events of a bus that they \
            are on. What a deployment of the reactor writes is info or warning; what it takes away is critical.",
    commands: ACCOUNT,
    act: "where it was no deployment, follow the alert's command, or make the change back by hand: `aws cloudformation \
          detect-stack-drift` finds what differs from the template. Then `runasctl doctor \
          --account ACCOUNT` proves that events come. Treat the credentials as misused. `runasctl render scp` writes \
          policies that deny such calls.",
};

const UNDECODABLE: Guide = Guide {
    means: "A message could not be decoded, and was put aside. Nothing else waits for it.",
    commands: DEAD_LETTERS,
    act: "where it is an event of AWS in a new form, keep it and report it with `runasctl redrive show ID`; send it again \
          (`runasctl redrive send ID`, which writes) with a version that decodes it. What is not needed: `runasctl \
          redrive drop ID --reason TEXT`, which writes.",
};

const UNTRUSTED_SOURCE: Guide = Guide {
    means: "An event claims what its sender may not say: a forged source, a replay, or the wrong account; nothing was done \
            because of it. Critical: it claims a trusted call that CloudTrail's history does not know; its change was \
            taken over at first, and is put right.",
    commands: DEAD_LETTERS,
    act: "find out in CloudTrail who called PutEvents, StartReplay or PutTargets in the account that the alert names. \
          That is an attempt to deceive the reactor: treat it as a security incident.",
};

const GAP_ROLE_USED: Guide = Guide {
    means: "The broker assumed a gap role in an account whose member role was used before: that role does not work any more.",
    commands: ACCOUNT,
    act: "see who deleted the member role or changed its trust, in the account's CloudTrail, and deploy the member stack \
          there again. Until then the broker's sessions keep the document right, if the account is younger than the \
          broker's `MAX_AGE_HOURS`.",
};

const UNKNOWN_ACCOUNT: Guide = Guide {
    means: "An event came from an account that is not in the organisation. Nothing was done there.",
    commands: ACCOUNT,
    act: "if the account has left, remove its forwarding rules and role. If it belongs to the organisation, see what \
          DescribeAccount answers to the hub's role.",
};

const POLICY_UNREADABLE: Guide = Guide {
    means: "The policy in the table cannot be read. The last good one stays in force.",
    commands: POLICY,
    act: "push a policy that `runasctl policy check` accepts, or bring the last one back: `runasctl policy rollback N \
          -m TEXT`, which writes. See in CloudTrail who wrote the row past `policy push`.",
};

const SWEEP_UNFINISHED: Guide = Guide {
    means: "A sweep did not come to its end, so that edits whose events got lost are not found. The alert says how far \
            it came.",
    commands: ALL,
    act: "see the function's log for that sweep: throttled Organizations calls, denied calls, or an invocation that \
          ended early. The schedule begins the next one; what it cannot do either needs the cause mended.",
};

const TARGETS_NOT_CHECKED: Guide = Guide {
    means: "Targets of an account were not checked for too long.",
    commands: ACCOUNT,
    act: "see whether messages wait (`runasctl redrive list`, and the age of the oldest in the work queue) and whether \
          the account's role can be assumed.",
};

const REGION_UNGOVERNED: Guide = Guide {
    means: "Regions are enabled in some account, and the policy does not govern them. The reactor does not observe the documents \
            there.",
    commands: ALL,
    act: "add the regions to `regions` in the policy and deploy the member stack there, or have the account disable \
          them.",
};
