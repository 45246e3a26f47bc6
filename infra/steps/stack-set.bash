# The StackSet: one template in all accounts of an organisation, those to come included.

set_query="StackSet.[[['status',Status]],not_null(Parameters,\`[]\`)[].['parameter',ParameterKey,ParameterValue]"
set_query+=",not_null(OrganizationalUnitIds,\`[]\`)[].['target',@],not_null(Regions,\`[]\`)[].['region',@]][]"
# The newest first, which is the only one that counts.
operations_query="reverse(sort_by(Summaries[?Action!='DETECT_DRIFT'],&CreationTimestamp))[0].[OperationId,Status]"

# A region after another would take as many times as long; a tenth may fail, since suspended accounts do.
preferences=RegionConcurrencyType=PARALLEL,MaxConcurrentPercentage=100,FailureTolerancePercentage=10

# stack_set NAME TEMPLATE REGIONS PARAMETER=VALUE...
stack_set() {
  local name=$1 template=$2 wanted_regions=$3 operation='' status='' outdated='' known began=$SECONDS
  shift 3
  wanted_of "$template" "$@"
  read_set
  if [[ -z $planning ]] && under_way; then
    await_operation
    read_set
  fi
  judge_set
  if [[ -n $planning || $verdict == unchanged ]]; then
    row "stack set $name in $(unique "$targets")" "every account" "$home_region" "$verdict${why:+: $why}"
    return
  fi
  if [[ $verdict == created ]]; then create_set; fi
  if [[ -n $outdated ]]; then update_set; fi
  create_instances "$(without "$targets" "$targets_there")" "$wanted_regions"
  known=$(without "$targets" "$(without "$targets" "$targets_there")")
  create_instances "$known" "$(without "$wanted_regions" "$regions_there")"
  row "stack set $name in $(unique "$targets")" "every account" "$home_region" "$verdict, $((SECONDS - began)) s"
}

in_management() { # ARGUMENT...
  try "$management_profile" "$home_region" cloudformation "$@" --stack-set-name "$name"
}

# Leaves what there is in a file, as for a stack, and the last operation in `operation` and `status`.
read_set() {
  local file=$work/$name.set
  operation='' status=''
  if in_management describe-stack-set --query "$set_query"; then
    printf '%s\n' "$answer" >"$file"
    in_management describe-stack-set --query StackSet.TemplateBody || set_failed
    printf '%s\n' "$answer" >"$file.template"
    in_management list-stack-set-operations --no-paginate --max-results 20 --query "$operations_query" || set_failed
    IFS=$'\t' read -r operation status <<<"$answer"
  elif [[ $cause == *StackSetNotFound* ]]; then
    printf 'status\tABSENT\n' >"$file"
  else
    set_failed
  fi
  targets_there=$(column 2 "$file" target | tr '\n' ' ')
  regions_there=$(column 2 "$file" region | tr '\n' ' ')
}

under_way() {
  [[ $status == RUNNING || $status == QUEUED || $status == STOPPING ]]
}

set_failed() {
  fail "the stack set $name in $home_region of $management_account: $cause" "$(fix_of "$cause")"
}

judge_set() {
  local file=$work/$name.set targets_new regions_new
  why=''
  if grep -q ABSENT "$file"; then
    verdict=created why="in $wanted_regions"
    return
  fi
  targets_new=$(without "$targets" "$targets_there") regions_new=$(without "$wanted_regions" "$regions_there")
  [[ $status != FAILED && $status != STOPPED ]] || why+=", again, since its last operation is $status"
  [[ -z $(differences "$file") ]] || why+=", parameters $(differences "$file")"
  [[ $(<"$infra/$template.yaml") == "$(<"$file.template")" ]] || why+=', the template'
  outdated=$why
  [[ -z $targets_new ]] || why+=", into $targets_new"
  [[ -z $regions_new ]] || why+=", into $regions_new"
  why=${why#, } verdict=updated
  if under_way; then why="after the operation that is under way${why:+; $why}"; fi
  if [[ -z $why ]]; then verdict=unchanged; fi
}

create_set() {
  in_management create-stack-set --template-body "file://$infra/$template.yaml" --capabilities CAPABILITY_NAMED_IAM \
    --permission-model SERVICE_MANAGED --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \
    --managed-execution Active=true --parameters "$(json_of "${wanted[@]}")" || set_failed
}

# Updates every instance, those included that an operation has failed in.
update_set() {
  local kept=() one
  while IFS= read -r one; do kept+=("$one-"); done < <(kept_of "$work/$name.set" "$template")
  in_management update-stack-set --template-body "file://$infra/$template.yaml" --capabilities CAPABILITY_NAMED_IAM \
    --parameters "$(json_of "${wanted[@]}" ${kept[@]+"${kept[@]}"})" --operation-preferences "$preferences" \
    --query OperationId || set_failed
  operation=$answer
  await_operation
}

create_instances() { # TARGETS REGIONS
  if [[ -z $1 || -z $2 ]]; then return; fi
  # shellcheck disable=SC2086 # regions are words
  in_management create-stack-instances --deployment-targets "OrganizationalUnitIds=${1// /,}" --regions $2 \
    --operation-preferences "$preferences" --query OperationId || set_failed
  operation=$answer
  await_operation
}

# Waits until the operation is over, and says where it failed.
await_operation() {
  local began=$SECONDS failures state
  while in_management describe-stack-set-operation --operation-id "$operation" \
    --query 'StackSetOperation.[Status,StatusDetails.FailedStackInstancesCount]' || set_failed; do
    state=${answer%%$'\t'*} failures=${answer#*$'\t'}
    case $state in
      RUNNING | QUEUED | STOPPING) patience "$began" "stack set $name: $state, $failures failed" ;;
      *) break ;;
    esac
  done
  if [[ $state == SUCCEEDED && ($failures == 0 || $failures == None) ]]; then return; fi
  in_management list-stack-set-operation-results --operation-id "$operation" --max-items 3 \
    --filters Name=OPERATION_RESULT_STATUS,Values=FAILED --query 'Summaries[].[Account,Region,StatusReason]' || set_failed
  # The CLI ends what it left off with a token.
  cause="$failures failed, such as: $(tr '\t' ' ' <<<"$answer" | sed '/^None$/d' | paste -sd ';' -)"
  if [[ $state != SUCCEEDED ]]; then set_failed; fi
  printf '   stack set %s: %s\n' "$name" "$cause" >&2
  printf '   fix: mend that; its next operation deploys there again\n' >&2
}
