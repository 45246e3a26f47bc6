"""Accounts and who may do what in them: role sessions, service control policies, the organisation's own rules."""

import datetime
import hashlib
import json
import re
from dataclasses import dataclass

from moto.iam.exceptions import NotFoundException
from moto.iam.models import get_account_id_from, iam_backends
from moto.organizations import models as organizations
from moto.organizations.exceptions import AccountNotFoundException, OrganizationsClientError
from moto.organizations.models import organizations_backends
from moto.sts import models as sts
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

import policies

ROLE_ARN = re.compile(r"arn:(aws|aws-cn|aws-us-gov):iam::([0-9]{12}):role/(.+)")
UNSCOPED = {("sts", "GetCallerIdentity")}  # needs no permission, so no policy can take it away
ANY_MEMBER = {"DescribeOrganization", "LeaveOrganization"}


@dataclass(frozen=True)
class Principal:
    """Who signs a call. Keys that the bed did not hand out belong to the user `moto` of moto's default account."""

    account: str
    access_key: str
    role_arn: str | None = None
    session_name: str | None = None
    session_policy: str | None = None
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    @property
    def arn(self):
        if not self.role_arn:
            return f"arn:aws:iam::{self.account}:user/moto"
        partition, account, path = ROLE_ARN.fullmatch(self.role_arn).groups()
        return f"arn:{partition}:sts::{account}:assumed-role/{path.rpartition('/')[2]}/{self.session_name}"

    @property
    def policy_arn(self):
        """aws:PrincipalArn is the role with its path, also for a session of that role."""
        return self.role_arn or self.arn

    @property
    def role_id(self):
        return "AROA" + hashlib.sha256(self.role_arn.encode()).hexdigest()[:17].upper()


@dataclass(frozen=True)
class Refusal:
    code: str
    message: str
    status: int | None = None


def install(bed):
    register_sessions(bed)
    chosen_account_ids(bed)
    dated(bed)
    unknown_child()


def forget():
    """moto's own reset keeps the list of who belongs to which organisation."""
    organizations_backends.master_accounts.clear()


def principal_of(bed, access_key):
    return bed.sessions.get(access_key) or Principal(get_account_id_from(access_key), access_key)


def register_sessions(bed):
    """Remembers each session that moto hands out, with its policy and the role's whole ARN: CloudTrail names the role
    with its path. The AssumedRoleId is the same for every session of a role, where moto makes up a new one each time."""
    original = sts.STSBackend.assume_role

    def assume_role(self, **given):
        role = original(self, **given)
        bed.sessions[role.access_key_id] = Principal(
            account=role.account_id,
            access_key=role.access_key_id,
            role_arn=role.role_arn,
            session_name=role.session_name,
            session_policy=role.policy,
            since=datetime.datetime.now(datetime.timezone.utc),
            until=role.expiration.replace(tzinfo=datetime.timezone.utc),
        )
        return role

    sts.STSBackend.assume_role = assume_role
    sts.AssumedRole.user_id = property(lambda self: f"{bed.sessions[self.access_key_id].role_id}:{self.session_name}")


def credentials(role_arn, session_name, policy=None):
    """A session without a call of AssumeRole, for the people and pipelines that a test plays."""
    if not ROLE_ARN.fullmatch(role_arn):
        raise ValueError(f"not the ARN of a role: {role_arn}")
    backend = sts_backends["123456789012"]["aws"]
    role = backend.assume_role(
        region_name="us-east-1",
        role_session_name=session_name,
        role_arn=role_arn,
        policy=json.dumps(policy) if policy else None,
        duration=3600,
        external_id=None,
    )
    return {"access_key": role.access_key_id, "secret_key": role.secret_access_key, "token": role.session_token}


def chosen_account_ids(bed):
    """CreateAccount takes its ids from the switch `next_accounts` while there are any."""
    original = organizations.FakeAccount.__init__

    def init(self, organization, **given):
        original(self, organization, **given)
        if given["AccountName"] != "master" and bed.switches["next_accounts"]:
            self.id = bed.switches["next_accounts"].pop(0)

    organizations.FakeAccount.__init__ = init


def dated(bed):
    """The switch `old_accounts` makes accounts a year older."""
    original = organizations.FakeAccount.describe

    def describe(self):
        answer = original(self)
        if bed.selects("old_accounts", account=self.id):
            answer["JoinedTimestamp"] -= 365 * 24 * 3600
        return answer

    organizations.FakeAccount.describe = describe


def make_role(account, name, path="/", tags=None, trust=None):
    """A role for IAM to tell of. Roles can be assumed without it: whether they can is a matter of `denied_roles`."""
    trust, tags = json.dumps(trust or {}), [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    iam_backends[account]["aws"].create_role(name, trust, path, None, "", tags, None)
    return {}


def make_user(account, name, tags=None):
    tags = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
    iam_backends[account]["aws"].create_user("us-east-1", name, "/", tags)
    return {}


def remember_use(principal):
    """IAM counts attempts of a role's sessions as its use, allowed or not; moto counts nothing."""
    if principal.role_arn:
        partition, account, _ = ROLE_ARN.fullmatch(principal.role_arn).groups()
        try:
            role = iam_backends[account][partition].get_role_by_arn(principal.role_arn)
        except NotFoundException:
            return
        role.last_used = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def unknown_child():
    """ListParents of an account that is not there is ChildNotFoundException."""
    original = organizations.OrganizationsBackend.list_parents

    def list_parents(self, **given):
        try:
            return original(self, **given)
        except AccountNotFoundException as cause:
            message = "You specified a child that doesn't exist."
            raise OrganizationsClientError("ChildNotFoundException", message) from cause

    organizations.OrganizationsBackend.list_parents = list_parents


def refusal(bed, call):
    """The first reason for which AWS would not let this call through, or None."""
    checks = (region_off, not_ready, expired, outside_policies, bad_assume_role, denied_role, not_for_members)
    return next((found for check in checks if (found := check(bed, call))), None)


def region_off(bed, call):
    """A Region that the account has not enabled does not know its credentials."""
    if call.service == "account" or not bed.selects("regions_off", account=call.principal.account, region=call.region):
        return None
    if call.is_json:
        return Refusal("UnrecognizedClientException", "The security token included in the request is invalid.", 400)
    return Refusal("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def list_regions(bed, call):
    """`ListRegions` of the caller's own account, two to a page. Fewer Regions are on by default than AWS's seventeen."""
    asked, account = call.params, call.principal.account
    if "AccountId" in asked:
        raise NotImplementedError("only the caller's own Regions")
    by_default = {"eu-west-1", "eu-central-1", "us-east-1"}
    status = {}
    for name in by_default | {entry["region"] for entry in bed.switches["regions_on"]}:
        status[name] = "ENABLED_BY_DEFAULT" if name in by_default else "DISABLED"
        for switch, word in (("regions_on", "ENABLED"), ("regions_off", "DISABLED")):
            status[name] = word if bed.selects(switch, account=account, region=name) else status[name]
    wanted = asked.get("RegionOptStatusContains") or status.values()
    found = [{"RegionName": n, "RegionOptStatus": s} for n, s in sorted(status.items()) if s in wanted]
    begin = int(asked.get("NextToken", 0))
    more = {"NextToken": str(begin + 2)} if begin + 2 < len(found) else {}
    return {"Regions": found[begin : begin + 2]} | more


def not_ready(bed, call):
    """A service that does not serve a young account yet."""
    if call.service == "ssm" and bed.selects("not_ready", account=call.principal.account, region=call.region):
        return Refusal("SubscriptionRequiredException", "The AWS Access Key Id needs a subscription for the service", 400)
    return None


def expired(_bed, call):
    until = call.principal.until
    if until and until < datetime.datetime.now(datetime.timezone.utc):
        code = "ExpiredTokenException" if call.is_json else "ExpiredToken"
        return Refusal(code, "The security token included in the request is expired", 400 if call.is_json else 403)
    return None


def outside_policies(_bed, call):
    """The session policy of the caller, then the service control policies of the caller's account."""
    if (call.service, call.action) in UNSCOPED:
        return None
    principal, action = call.principal, f"{call.service}:{call.action}"
    context = {
        "aws:PrincipalArn": principal.policy_arn,
        "aws:PrincipalAccount": principal.account,
        "aws:RequestedRegion": call.region,
    }
    levels = control_policies(principal.account)
    for resource in call.resources():
        why = None
        if principal.session_policy:
            why = policies.session_policy_refusal(principal.session_policy, action, resource, context)
        if not why and levels:
            why = policies.control_policy_refusal(levels, action, resource, context)
        if why:
            return access_denied(call, why, resource)
    return None


def access_denied(call, why, resource=None):
    code = "AccessDeniedException" if call.is_json else "AccessDenied"
    resource = resource or call.resource()
    what = f"User: {call.principal.arn} is not authorized to perform: {call.service}:{call.action} on resource: {resource}"
    return Refusal(code, f"{what} {why}".rstrip(), 400 if call.is_json else 403)


def control_policies(account):
    """The policies on the way from the account up to the root. The management account stands outside them all."""
    backend = organization_of(account)
    if not backend or account == backend.org.master_account_id:
        return []
    nodes = {node.id: node for node in [*backend.accounts, *backend.ou]}
    levels, node = [], nodes.get(account)
    while node:
        levels.append([p.content for p in node.attached_policies if p.type == "SERVICE_CONTROL_POLICY"])
        node = nodes.get(node.parent_id)
    return levels


def organization_of(account):
    """moto keeps an organisation with its management account."""
    manager, partition = organizations_backends.master_accounts.get(account, (account, "aws"))
    backend = organizations_backends[manager][partition]
    return backend if backend.org else None


def bad_assume_role(_bed, call):
    """The limits of the STS model, and one hour for a role that was reached from another role."""
    if (call.service, call.action) != ("sts", "AssumeRole"):
        return None
    given = call.params
    duration = int(given.get("DurationSeconds", 3600))
    if not ROLE_ARN.fullmatch(given.get("RoleArn", "")):
        return Refusal("ValidationError", f"{given.get('RoleArn')} is invalid")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", given.get("RoleSessionName", ""), re.ASCII):
        return Refusal("ValidationError", "Value at 'roleSessionName' failed to satisfy constraint: [\\w+=,.@-]{2,64}")
    if not 900 <= duration <= 43200:
        return Refusal("ValidationError", "Value at 'durationSeconds' failed to satisfy constraint: 900 to 43200")
    if call.principal.role_arn and duration > 3600:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        return Refusal("ValidationError", message)
    if len(given.get("Policy", "")) > 2048:
        message = "Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048"
        return Refusal("ValidationError", message)
    if "Policy" in given and not is_policy(given["Policy"]):
        return Refusal("MalformedPolicyDocument", "This policy contains invalid Json")
    return None


def is_policy(text):
    try:
        return "Statement" in json.loads(text)
    except (ValueError, TypeError):
        return False


def denied_role(bed, call):
    """A role that is not there and one that does not trust the caller look alike: AccessDenied."""
    if (call.service, call.action) != ("sts", "AssumeRole"):
        return None
    _, account, path = ROLE_ARN.fullmatch(call.params["RoleArn"]).groups()
    for role in (path.rpartition("/")[2], call.params["RoleArn"]):
        if bed.selects("denied_roles", account=account, role=role, caller=call.principal.account):
            return access_denied(call, "")
    return None


def not_for_members(_bed, call):
    """Only the management account and delegated administrators read the organisation."""
    backend = organization_of(call.principal.account) if call.service == "organizations" else None
    if not backend or call.principal.account == backend.org.master_account_id or call.action in ANY_MEMBER:
        return None
    if any(admin.account.id == call.principal.account for admin in backend.admins):
        return None
    return Refusal("AccessDeniedException", "You don't have permissions to access this resource.", 400)


def acting_account(call):
    """A delegated administrator reads what the management account keeps."""
    backend = organization_of(call.principal.account) if call.service == "organizations" else None
    return backend.org.master_account_id if backend else call.principal.account


def partition_of(region):
    return get_partition(region)
