# What the plan costs, by the prices of the table "Cost a month" of infra/README.md.

MONTHLY_CENTS=706               # alarms, metrics, the topic's key, polling
CENTS_OF_10_000_TARGETS=227     # everything that grows with them

cost() {
  local accounts count cents
  count=$(wc -w <<<"$policy_regions" | tr -d ' ')
  try "$management_profile" "$home_region" organizations list-accounts \
    --query "Accounts[?State=='ACTIVE' || Status=='ACTIVE'].[Id]" ||
    refuse "accounts cannot be counted: $cause" 'let the caller in the management account do organizations:ListAccounts'
  accounts=$(wc -w <<<"$answer" | tr -d ' ')
  cents=$((MONTHLY_CENTS + (CENTS_OF_10_000_TARGETS * accounts * count + 9999) / 10000))
  printf '\nNothing was written. It costs about %d.%02d USD a month, by the list prices of infra/README.md: ' \
    $((cents / 100)) $((cents % 100))
  printf '%s accounts, regions: %s\n' "$accounts" "$count"
}
