// Reads from standard input service control policies and calls, and writes how IAM decides each call. A call that brings no
// policies of its principal is one of a principal that may do everything: what is denied is denied by the service control
// policies. `limit` is a session's policy, `resourcePolicy` what the resource itself says, such as a role's trust policy.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const { policies, calls } = JSON.parse(readFileSync(0, 'utf8'))
const attached = policies.map((policy, index) => ({ name: `scp-${index}`, policy }))
const levels = [{ orgIdentifier: 'r-ab12', policies: [{ name: 'FullAWSAccess', policy: everything }, ...attached] }]

async function decide(call) {
  const { session, principal, action, resource, account, context, identity, limit, resourcePolicy } = call
  const outcome = await runSimulation({
    request: {
      principal: session,
      action,
      resource: { resource, accountId: account },
      // The simulator takes what AWS would fill in from the caller: for a session the ARN of its role.
      contextVariables: { 'aws:PrincipalArn': principal, ...context },
    },
    identityPolicies: (identity ?? [everything]).map((policy, index) => ({ name: `identity-${index}`, policy })),
    sessionPolicy: limit ?? undefined,
    resourcePolicy: resourcePolicy ?? undefined,
    serviceControlPolicies: levels,
    resourceControlPolicies: [],
  }, {})
  if (outcome.resultType === 'error') throw new Error(`${action} on ${resource}: ${JSON.stringify(outcome.errors)}`)
  const ignored = (outcome.result ?? outcome.results[0]).ignoredContextKeys ?? []
  if (ignored.length > 0) throw new Error(`${action} does not know the keys ${ignored}`)
  return outcome.overallResult
}

const decisions = []
for (const call of calls) decisions.push(await decide(call))
process.stdout.write(JSON.stringify(decisions))
