"""The job as it is mostly written: assume a role, read the document, compare, write, remember, notify.

Clients that need no credentials of the account are made once, while the function initialises.
"""

import json
import os
import time

import boto3

DOCUMENT = "SSM-SessionManagerRunShell"
WANTED = {"runAsEnabled": True, "runAsDefaultUser": "ops"}

sts = boto3.client("sts")
dynamodb = boto3.client("dynamodb")
sns = boto3.client("sns")


def handler(event, context):
    for record in event["Records"]:
        change = json.loads(record["body"])
        put_right(change["account"], change["region"], change["detail"]["userIdentity"]["arn"])
    return {"batchItemFailures": []}


def put_right(account, region, caller):
    role = f"arn:aws:iam::{account}:role/RunasReactorMember"
    lent = sts.assume_role(RoleArn=role, RoleSessionName="runas", DurationSeconds=900)["Credentials"]
    ssm = boto3.client(
        "ssm",
        region_name=region,
        aws_access_key_id=lent["AccessKeyId"],
        aws_secret_access_key=lent["SecretAccessKey"],
        aws_session_token=lent["SessionToken"],
    )
    document = json.loads(ssm.get_document(Name=DOCUMENT)["Content"])
    found = {name: document["inputs"].get(name) for name in WANTED}
    if found == WANTED:
        return
    document["inputs"].update(WANTED)
    written = ssm.update_document(Name=DOCUMENT, DocumentVersion="$LATEST", Content=json.dumps(document, indent=1))
    version = written["DocumentDescription"]["DocumentVersion"]
    ssm.update_document_default_version(Name=DOCUMENT, DocumentVersion=version)
    item = {"PK": f"ACCOUNT#{account}", "SK": f"REGION#{region}", "caller": caller, "at": str(time.time())}
    dynamodb.put_item(TableName=os.environ["RUNAS_TABLE"], Item={name: {"S": text} for name, text in item.items()})
    report = {"account": account, "region": region, "caller": caller, "found": found}
    sns.publish(TopicArn=os.environ["RUNAS_TOPIC_ARN"], Subject="Run As was put right", Message=json.dumps(report))
