# How AWS is called, and how the operator is informed.

# Whatever the caller's configuration says: no pager and no prompt, errors of one line, and files in one encoding. Version 1 of the
# CLI knows some of these, version 2 all of them.
export AWS_PAGER='' AWS_CLI_AUTO_PROMPT=off AWS_CLI_ERROR_FORMAT=legacy AWS_CLI_FILE_ENCODING=UTF-8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap stopped INT

# call PROFILE REGION ARGUMENT...: one call of the AWS CLI, in text
call() {
  local profile=$1 region=$2
  shift 2
  aws ${profile:+--profile "$profile"} --region "$region" --output text "$@"
}

# try PROFILE REGION ARGUMENT...: the same; the answer is in `answer`, or the cause in `cause`
try() {
  if answer=$(call "$@" 2>"$work/error"); then return 0; fi
  cause=$(cause_in "$work/error")
  return 1
}

# What AWS or the CLI says went wrong; without that the last line that says something. Version 2 puts its name before it.
cause_in() {
  { grep 'An error occurred' "$1" || grep -v '^[[:space:]]*$' "$1"; } | tail -n 1 | sed 's/^aws: \[ERROR\]: //' || true
}

stopped() {
  printf '\ninfra/install: stopped; what is under way in AWS goes on, and the next run goes on from there\n' >&2
  exit 130
}

refuse() { # CAUSE FIX
  printf '\ninfra/install: %s\n  fix: %s\n' "$1" "$2" >&2
  exit 1
}

# What is under way is not undone: the next run finds it.
fail() { # CAUSE FIX
  refuse "$1" "$2; then run infra/install again: it goes on where it stopped"
}

speak_at=60

# A pause in a wait, and now and then a line that says what for: patience BEGAN WHAT
patience() {
  if ((SECONDS >= speak_at)); then
    printf '   %s, %d s\n' "$2" $((SECONDS - $1)) >&2
    speak_at=$((SECONDS + 60))
  fi
  sleep "$poll_seconds"
}

row() { # WHAT ACCOUNT REGION RESULT
  printf '%-44s %-13s %-15s %s\n' "$@"
}

head_line() {
  if [[ -n $planning ]]; then row WHAT ACCOUNT REGION 'WOULD BE'; else row WHAT ACCOUNT REGION RESULT; fi
}

# A column of the lines that begin with some words: column N FILE WORD [WORD]
column() {
  awk -F '\t' -v n="$1" -v kind="$3" -v name="${4-}" '$1 == kind && (name == "" || $2 == name) { print $n }' "$2"
}

# The words once each, in their order.
unique() {
  local word seen=' '
  for word in $*; do
    if [[ $seen != *" $word "* ]]; then seen+="$word "; fi
  done
  seen=${seen# }
  printf '%s' "${seen% }"
}

# The words of the first list that are not in the second.
without() { # WORDS WORDS
  local word rest=''
  for word in $1; do
    if [[ " $2 " != *" $word "* ]]; then rest+=" $word"; fi
  done
  printf '%s' "${rest# }"
}

# JSON of parameters; a value of - keeps the one that is there.
json_of() { # NAME=VALUE|NAME- ...
  local one name value json=''
  for one in "$@"; do
    if [[ $one == *=* ]]; then
      name=${one%%=*} value=${one#*=}
      value=${value//\\/\\\\}
      json+=",{\"ParameterKey\":\"$name\",\"ParameterValue\":\"${value//\"/\\\"}\"}"
    else
      json+=",{\"ParameterKey\":\"${one%-}\",\"UsePreviousValue\":true}"
    fi
  done
  printf '[%s]' "${json#,}"
}
