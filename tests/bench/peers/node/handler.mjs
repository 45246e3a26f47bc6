// The job as it is mostly written: assume a role, read the document, compare, write, remember, notify.
// Clients that need no credentials of the account are made once, while the function initialises.

import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  GetDocumentCommand,
  SSMClient,
  UpdateDocumentCommand,
  UpdateDocumentDefaultVersionCommand,
} from "@aws-sdk/client-ssm";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";

const Name = "SSM-SessionManagerRunShell";
const wanted = { runAsEnabled: true, runAsDefaultUser: "ops" };

const sts = new STSClient({});
const dynamodb = new DynamoDBClient({});
const sns = new SNSClient({});

export async function handler(event) {
  for (const record of event.Records) {
    const { account, region, detail } = JSON.parse(record.body);
    await putRight(account, region, detail.userIdentity.arn);
  }
  return { batchItemFailures: [] };
}

async function putRight(account, region, caller) {
  const RoleArn = `arn:aws:iam::${account}:role/RunasReactorMember`;
  const assume = new AssumeRoleCommand({ RoleArn, RoleSessionName: "runas", DurationSeconds: 900 });
  const { Credentials: lent } = await sts.send(assume);
  const credentials = {
    accessKeyId: lent.AccessKeyId,
    secretAccessKey: lent.SecretAccessKey,
    sessionToken: lent.SessionToken,
  };
  const ssm = new SSMClient({ region, credentials });
  const document = JSON.parse((await ssm.send(new GetDocumentCommand({ Name }))).Content);
  const found = Object.fromEntries(Object.keys(wanted).map((name) => [name, document.inputs[name]]));
  if (found.runAsEnabled === wanted.runAsEnabled && found.runAsDefaultUser === wanted.runAsDefaultUser) return;
  Object.assign(document.inputs, wanted);
  const Content = JSON.stringify(document, null, 1);
  const update = new UpdateDocumentCommand({ Name, DocumentVersion: "$LATEST", Content });
  const { DocumentVersion } = (await ssm.send(update)).DocumentDescription;
  await ssm.send(new UpdateDocumentDefaultVersionCommand({ Name, DocumentVersion }));
  const item = { PK: `ACCOUNT#${account}`, SK: `REGION#${region}`, caller, at: new Date().toISOString() };
  const Item = Object.fromEntries(Object.entries(item).map(([name, text]) => [name, { S: text }]));
  await dynamodb.send(new PutItemCommand({ TableName: process.env.RUNAS_TABLE, Item }));
  const Message = JSON.stringify({ account, region, caller, found });
  const TopicArn = process.env.RUNAS_TOPIC_ARN;
  await sns.send(new PublishCommand({ TopicArn, Subject: "Run As was put right", Message }));
}
