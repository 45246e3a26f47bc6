"""Identity Center's attributes for access control, which moto does not have.

The switch `identity_center` is {region, account, attributes}: the organisation's instance, the account whose callers may ask
for its configuration beside the management account, and the attributes by tag, or null where access control is off.
"""

import accounts

INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def answers(call):
    """Whether the call is one of those that are answered here."""
    return call.service == "sso" and call.action in ACTIONS


def perform(bed, call):
    management = accounts.organization_of(call.principal.account).org.master_account_id
    return ACTIONS[call.action](bed.switches["identity_center"], call, management)


def list_instances(center, call, management):
    """Another account's own instance comes first; it has no permission sets. The home Region alone knows any."""
    if not center or center["region"] != call.region:
        return {"Instances": []}
    own = {"InstanceArn": INSTANCE.replace("1234", "9999"), "OwnerAccountId": call.principal.account, "Status": "ACTIVE"}
    whole = {"InstanceArn": INSTANCE, "OwnerAccountId": management, "Status": "ACTIVE"}
    if "NextToken" not in call.params:
        return {"Instances": [] if call.principal.account == management else [own], "NextToken": "2"}
    return {"Instances": [whole]}


def describe_attributes(center, call, management):
    if call.principal.account not in (management, center["account"]):
        raise Refused("AccessDeniedException", "User is not authorized to perform this operation")
    if call.params["InstanceArn"] != INSTANCE or center["attributes"] is None:
        raise Refused("ResourceNotFoundException", "Instance does not have access control attributes")
    attributes = [{"Key": key, "Value": {"Source": [source]}} for key, source in center["attributes"].items()]
    return {"Status": "ENABLED", "InstanceAccessControlAttributeConfiguration": {"AccessControlAttributes": attributes}}


ACTIONS = {
    "ListInstances": list_instances,
    "DescribeInstanceAccessControlAttributeConfiguration": describe_attributes,
}
