// Reads from standard input service control policies and calls, and writes how IAM decides each call of a principal whose own
// policies allow everything: what is denied is denied by the service control policies.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const { policies, calls } = JSON.parse(readFileSync(0, 'utf8'))
const attached = policies.map((policy, index) => ({ name: `scp-${index}`, policy }))
const levels = [{ orgIdentifier: 'r-ab12', policies: [{ name: 'FullAWSAccess', policy: everything }, ...attached] }]

async function decide({ session, principal, action, resource, account, context }) {
  const outcome = await runSimulation({
    request: {
      principal: session,
      action,
      resource: { resource, accountId: account },
      // The simulator takes what AWS would fill in from the caller: for a session the ARN of its role.
      contextVariables: { 'aws:PrincipalArn': principal, ...context },
    },
    identityPolicies: [{ name: 'AdministratorAccess', policy: everything }],
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
