# The first policy: it observes. Every later one goes by `runasctl policy push`, which shows what would become enforced.

check_policy() {
  policy_in_force=''
  read_stack "$hub_profile" "$home_region" "$hub_stack"
  find_table
  if [[ -n $table ]] && in_force; then policy_in_force=1; fi
  [[ -z $policy_enforces || -n $policy_in_force ]] ||
    refuse "the policy $policy_file enforces, and none is in force yet" \
      'write mode: observe under defaults and into each scope, and unplaced: observe; enforce later, by runasctl policy push'
}

policy() {
  local began=$SECONDS what="policy ${policy_file##*/}"
  if [[ -n $policy_in_force ]]; then
    row "$what" "$hub_account" "$home_region" 'unchanged: one is in force; to change it: runasctl policy push'
    return
  fi
  if [[ -n $planning ]]; then
    row "$what" "$hub_account" "$home_region" 'pushed; it observes'
    return
  fi
  find_table
  ctl policy push "$policy_file" --message 'the first one, which observes' >/dev/null 2>"$work/error" ||
    fail "the policy cannot be pushed: $(cause_in "$work/error")" 'see runasctl policy push --help for what it needs'
  row "$what" "$hub_account" "$home_region" "pushed; it observes, $((SECONDS - began)) s"
}

# The ledger's table, as the hub's stack was last read; nothing where there is none.
find_table() {
  table=$(column 3 "$work/$hub_stack.$home_region" output TableName)
}

ctl() { # ARGUMENT...
  "$runasctl" "$@" --table "$table" --region "$home_region" ${hub_profile:+--profile "$hub_profile"}
}

in_force() {
  if ctl policy show >/dev/null 2>"$work/error"; then return 0; fi
  grep -q 'no policy was pushed yet' "$work/error" ||
    refuse "the policy in force cannot be read: $(cause_in "$work/error")" 'see runasctl policy show --help for what it needs'
  return 1
}

# What the operator does next, with the variables that runasctl reads.
next_steps() {
  local outputs=$work/$hub_stack.$home_region
  output() { column 3 "$outputs" output "$1"; }
  cat <<NEXT

Installed. The reactor observes, and writes nothing. Confirm the mails that SNS has sent to the addresses of the settings; then:

  export AWS_REGION=$home_region RUNAS_TABLE=$(output TableName)
  export RUNAS_TOPIC_ARN=$(output TopicArn)
  export RUNAS_QUEUE_URL=$(output QueueUrl)
  export RUNAS_DLQ_URL=$(output DeadLetterUrl)
  runasctl doctor    # in the hub account; proves the installation, and names what is missing
  runasctl status    # how everything stands after the first sweep
NEXT
}
