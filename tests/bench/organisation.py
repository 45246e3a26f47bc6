"""The organisation that is swept: accounts in OUs two deep, the regions of the policy, and the policy.

Ids are made up, and told from one another by their number only.
"""

import json
import math

MANAGEMENT = "111122223333"
HUB = "222233334444"
ROOT = "r-ab12"
HOME = "eu-west-1"
ROLE = "RunasReactorMember"
DOCUMENT = "SSM-SessionManagerRunShell"
USER = "ops"

# Those that every account has enabled come first.
REGIONS = """
    eu-west-1 us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-central-1 eu-west-2 eu-west-3 eu-north-1
    ap-south-1 ap-southeast-1 ap-southeast-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 eu-south-1 eu-central-2
    me-central-1
""".split()

ACCOUNTS_IN_OU = 31
OUS_IN_OU = 4
# Organizations gives at most this many accounts on a page.
PAGE = 20


class Organisation:
    """So many accounts, the management account and the hub among them, in so many regions."""

    def __init__(self, accounts, regions):
        if not (2 <= accounts <= 5_000 and 1 <= regions <= len(REGIONS)):
            raise SystemExit(f"there can be 2 to 5,000 accounts, and 1 to {len(REGIONS)} regions")
        self.regions = REGIONS[:regions]
        self.members = [HUB] + [f"3{number:011}" for number in range(accounts - 2)]
        self.accounts = [MANAGEMENT] + self.members
        self.targets = {(account, region) for account in self.accounts for region in self.regions}
        self.ous_in, self.accounts_in, self.parent = {}, {ROOT: [MANAGEMENT]}, {MANAGEMENT: ROOT}
        leaves = math.ceil(len(self.members) / ACCOUNTS_IN_OU)
        for leaf in range(leaves):
            above = self.ou(1, leaf // OUS_IN_OU, ROOT)
            ou = self.ou(2, leaf, above)
            self.accounts_in[ou] = self.members[leaf::leaves]
            self.parent |= {account: ou for account in self.accounts_in[ou]}

    def ou(self, depth, number, above):
        ou = f"ou-ab12-{depth}{number:07}"
        below = self.ous_in.setdefault(above, [])
        if ou not in below:
            below.append(ou)
            self.parent[ou] = above
        return ou

    @staticmethod
    def described(account):
        return {
            "Id": account,
            "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/o-exampleorgid/{account}",
            "Email": f"{account}@example.com",
            "Name": f"account {account}",
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": 1_700_000_000,
        }

    def policy(self):
        """The policy as the function reads it from its table."""
        compiled = {
            "version": 1,
            "organization": {
                "id": "o-exampleorgid",
                "management_account": MANAGEMENT,
                "hub_account": HUB,
                "home_region": HOME,
            },
            "regions": self.regions,
            "access": {"roles": [ROLE]},
            "unplaced": "enforce",
            "defaults": {"mode": "enforce", "preferences": {"runAsEnabled": True, "runAsDefaultUser": USER}},
        }
        return json.dumps(compiled)


def content():
    """The document as Session Manager's console writes it, with what the policy wants."""
    return json.dumps(
        {
            "schemaVersion": "1.0",
            "description": "Document to hold regional settings for Session Manager",
            "sessionType": "Standard_Stream",
            "inputs": {
                "s3BucketName": "",
                "s3KeyPrefix": "",
                "s3EncryptionEnabled": True,
                "cloudWatchLogGroupName": "",
                "cloudWatchEncryptionEnabled": True,
                "cloudWatchStreamingEnabled": True,
                "kmsKeyId": "",
                "runAsEnabled": True,
                "runAsDefaultUser": USER,
                "idleSessionTimeout": "20",
                "maxSessionDuration": "",
                "shellProfile": {"windows": "", "linux": ""},
            },
        },
        indent=2,
    )
