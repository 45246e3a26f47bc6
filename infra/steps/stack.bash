# Stacks of one template in the regions of an account: read all, then begin all, then wait for all.

PARALLEL=8

# One line for the status, each parameter and each output; what is under way has no parameters yet.
stack_query="Stacks[0].[[['status',StackStatus]],not_null(Parameters,\`[]\`)[].['parameter',ParameterKey,ParameterValue]"
stack_query+=",not_null(Outputs,\`[]\`)[].['output',OutputKey,OutputValue]][]"

# stacks PROFILE ACCOUNT NAME TEMPLATE REGIONS PARAMETER=VALUE...
stacks() {
  local profile=$1 account=$2 name=$3 template=$4 regions=$5 region under_way='' failed=''
  shift 5
  wanted_of "$template" "$@"
  read_stacks "$profile" "$name" "$regions"
  for region in $regions; do
    if [[ -z $planning && $(status_of "$name" "$region") == *_IN_PROGRESS ]]; then
      settle "$profile" "$region" "$name"
      read_whole "$profile" "$region" "$name"
    fi
    judge_stack "$name" "$region" "$template"
    if [[ $verdict == stuck ]]; then
      fail "the stack $name in $account $region is $why" \
        "aws cloudformation continue-update-rollback --region $region --stack-name $name; delete-stack if it is DELETE_FAILED"
    elif [[ $verdict == unchanged ]]; then
      row "stack $name" "$account" "$region" unchanged
    elif [[ -n $planning ]]; then
      row "stack $name" "$account" "$region" "$verdict${why:+: $why}"
    elif begin_stack "$profile" "$region" "$name" "$template"; then
      under_way+=" $region"
    else
      row "stack $name" "$account" "$region" "FAILED: $cause"
      failed+=" $region"
    fi
  done
  await_stacks "$under_way"
  if [[ -n $failed ]]; then fail "the stack $name failed in$failed of $account" "$(fix_of "$cause")"; fi
}

# The parameters that are wanted: those that the installer knows, and those of the settings.
wanted_of() { # TEMPLATE PARAMETER=VALUE...
  local template=$1 one
  shift
  wanted=()
  # A setting goes before what the installer would say by itself.
  for one in "$@"; do
    if [[ -z $(given "$template.${one%%=*}") ]]; then wanted+=("$one"); fi
  done
  for one in ${template_parameters[@]+"${template_parameters[@]}"}; do
    if [[ $one == "$template."* ]]; then wanted+=("${one#*.}"); fi
  done
}

read_stacks() { # PROFILE NAME REGIONS
  local region count=0
  for region in $3; do
    read_whole "$1" "$region" "$2" &
    count=$((count + 1))
    if ((count % PARALLEL == 0)); then wait; fi
  done
  wait
}

# What is there goes into files, since several are read at a time.
read_stack() { # PROFILE REGION NAME
  local file=$work/$3.$2
  if call "$1" "$2" cloudformation describe-stacks --stack-name "$3" --query "$stack_query" >"$file" 2>"$file.error"; then
    return
  elif grep -q 'does not exist' "$file.error"; then
    printf 'status\tABSENT\n' >"$file"
  else
    printf 'status\tUNKNOWN\n' >"$file"
  fi
}

# The same with the template that it was made of; a stack that was never made has none.
read_whole() { # PROFILE REGION NAME
  local file=$work/$3.$2
  read_stack "$@"
  case $(status_of "$3" "$2") in ABSENT | UNKNOWN | REVIEW_IN_PROGRESS) return ;; esac
  call "$1" "$2" cloudformation get-template --stack-name "$3" --template-stage Original --query TemplateBody \
    >"$file.template" 2>"$file.error" || printf 'status\tUNKNOWN\n' >"$file"
}

status_of() { # NAME REGION
  column 2 "$work/$1.$2" status
}

# Waits for an operation of an earlier run or of another caller.
settle() { # PROFILE REGION NAME
  local began=$SECONDS status
  while status=$(status_of "$3" "$2") && [[ $status == *_IN_PROGRESS && $status != REVIEW_IN_PROGRESS ]]; do
    patience "$began" "stack $3 in $2: $status"
    read_stack "$1" "$2" "$3"
  done
}

unreadable() { # NAME REGION
  fail "the stack $1 in $2 cannot be read: $(cause_in "$work/$1.$2.error")" \
    'log in again, let the caller do cloudformation:DescribeStacks and GetTemplate, or switch the region on in that account'
}

# What has to be done about a stack goes into `verdict`, and why into `why`.
judge_stack() { # NAME REGION TEMPLATE
  local file=$work/$1.$2 status
  status=$(status_of "$1" "$2")
  verdict=updated why=''
  case $status in
    ABSENT) verdict=created ;;
    UNKNOWN) unreadable "$1" "$2" ;;
    ROLLBACK_COMPLETE | ROLLBACK_FAILED | CREATE_FAILED | REVIEW_IN_PROGRESS)
      verdict='deleted and created' why="what is there is $status"
      ;;
    *_IN_PROGRESS) verdict='waited for' why=$status ;;
    UPDATE_ROLLBACK_FAILED | DELETE_FAILED) verdict=stuck why=$status ;;
    *)
      why=$(differences "$file")
      if [[ $(<"$infra/$3.yaml") != "$(<"$file.template")" ]]; then why+="${why:+, }the template"; fi
      if [[ -z $why ]]; then verdict=unchanged; fi
      ;;
  esac
}

# The parameters that differ from those that are wanted.
differences() { # FILE
  local one differ=''
  for one in "${wanted[@]}"; do
    if ! grep -qxF "$(printf 'parameter\t%s\t%s' "${one%%=*}" "${one#*=}")" "$1"; then differ+=", ${one%%=*}"; fi
  done
  printf '%s' "${differ#, }"
}

# Begins what the verdict says; 1 and `cause` where CloudFormation does not take it.
begin_stack() { # PROFILE REGION NAME TEMPLATE
  local profile=$1 region=$2 name=$3 file=$work/$3.$2 action=update-stack kept=() one
  if [[ $verdict == deleted* ]]; then
    try "$profile" "$region" cloudformation delete-stack --stack-name "$name" || return 1
    read_stack "$profile" "$region" "$name"
    settle "$profile" "$region" "$name"
  fi
  if [[ $(status_of "$name" "$region") == ABSENT ]]; then action=create-stack; fi
  while IFS= read -r one; do kept+=("$one-"); done < <(kept_of "$file" "$4")
  if ! try "$profile" "$region" cloudformation "$action" --stack-name "$name" --template-body "file://$infra/$4.yaml" \
    --capabilities CAPABILITY_NAMED_IAM --parameters "$(json_of "${wanted[@]}" ${kept[@]+"${kept[@]}"})"; then
    [[ $cause == *'No updates are to be performed'* ]]
  fi
}

# The present parameters that the settings do not change, without those that the template no longer has.
kept_of() { # FILE TEMPLATE
  local kind name declared
  declared=" $(parameters_of "$2") "
  while IFS=$'\t' read -r kind name _; do
    if [[ $kind == parameter && $declared == *" $name "* && " ${wanted[*]%%=*} " != *" $name "* ]]; then
      printf '%s\n' "$name"
    fi
  done <"$1"
}

# Uses the variables of `stacks`, whose loop began what is waited for here.
await_stacks() { # REGIONS
  local region status began=$SECONDS
  for region in $1; do
    read_stack "$profile" "$region" "$name"
    settle "$profile" "$region" "$name"
    status=$(status_of "$name" "$region")
    case $status in
      UNKNOWN) unreadable "$name" "$region" ;;
      CREATE_COMPLETE) row "stack $name" "$account" "$region" "created, $((SECONDS - began)) s" ;;
      UPDATE_COMPLETE) row "stack $name" "$account" "$region" "updated, $((SECONDS - began)) s" ;;
      *)
        cause=$(reason_of "$profile" "$region" "$name")
        row "stack $name" "$account" "$region" "FAILED ($status): $cause"
        failed+=" $region"
        ;;
    esac
  done
}

# The first thing that went wrong in the last operation; events come the newest first.
reason_of() { # PROFILE REGION NAME
  local id type status text reason='no event says why'
  try "$1" "$2" cloudformation describe-stack-events --stack-name "$3" --max-items 300 \
    --query 'StackEvents[].[LogicalResourceId,ResourceType,ResourceStatus,ResourceStatusReason]' || answer=''
  while IFS=$'\t' read -r id type status text; do
    case $type/$status in
      AWS::CloudFormation::Stack/CREATE_IN_PROGRESS | AWS::CloudFormation::Stack/UPDATE_IN_PROGRESS) break ;;
      */*_FAILED) if [[ $text != *' cancelled'* ]]; then reason="$id ($type): $text"; fi ;;
    esac
  done <<<"$answer"
  printf '%s' "$reason"
}

fix_of() { # CAUSE
  case $1 in
    *'already exists'*) echo 'delete what is left there of an earlier installation, or import it into the stack' ;;
    *AccessDenied* | *'not authorized'* | *'Access Denied'*)
      echo 'let the caller do what was denied; a service control policy may deny it too'
      ;;
    *) echo 'mend what CloudFormation says' ;;
  esac
}
