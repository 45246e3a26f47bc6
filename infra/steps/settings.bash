# The settings file, and what the policy that it names says.

hub_profile='' management_profile='' hub_bucket='' management_bucket='' policy_file='' packages='' targets='' regions=''
runasctl='' poll_seconds=5
template_parameters=() # TEMPLATE.PARAMETER=VALUE, as the settings say

# What the installer knows by itself.
derived=' hub.OrganizationId hub.BrokerArn hub.CodeBucket hub.CodeKey management.OrganizationId management.HubRoleArn
  management.HubBusArn management.CodeBucket management.CodeKey member.OrganizationId member.HubRoleArn member.HubBusArn '

settings() { # FILE
  local file=$1 line number=0 name value
  [[ -f $file ]] ||
    refuse "there are no settings in $file" 'copy infra/install.example.settings and fill it in, or name yours with --settings'
  while IFS= read -r line || [[ -n $line ]]; do
    number=$((number + 1))
    if [[ $line =~ ^[[:space:]]*(#|$) ]]; then continue; fi
    [[ $line =~ ^([a-z_]+|(hub|management|member)\.[A-Za-z]+)=(.*)$ ]] ||
      refuse "$file:$number is no setting: $line" 'write NAME=VALUE, or TEMPLATE.PARAMETER=VALUE, without blanks around ='
    name=${BASH_REMATCH[1]} value=${BASH_REMATCH[3]}
    set_one "$name" "$value" "$file:$number"
  done <"$file"
  settings_folder=$(cd "$(dirname "$file")" && pwd)
  required
  policy_says
}

set_one() { # NAME VALUE PLACE
  case $1 in
    hub_profile | management_profile | hub_bucket | management_bucket | packages | targets | regions | runasctl | poll_seconds)
      printf -v "$1" '%s' "$2"
      ;;
    policy) policy_file=$2 ;;
    *.*) set_parameter "$@" ;;
    *) refuse "$3: there is no setting $1" 'infra/install.example.settings has all that there are' ;;
  esac
}

set_parameter() { # TEMPLATE.PARAMETER VALUE PLACE
  local template=${1%%.*} parameter=${1#*.}
  [[ $(tr -s ' \n' ' ' <<<"$derived") != *" $1 "* ]] ||
    refuse "$3: $1 is not yours to set" 'take the line out: the installer takes it from the policy and the accounts'
  [[ " $(parameters_of "$template") " == *" $parameter "* ]] ||
    refuse "$3: infra/$template.yaml has no parameter $parameter" "it has: $(parameters_of "$template")"
  template_parameters+=("$1=$2")
}

# The parameters that a template declares.
parameters_of() { # TEMPLATE
  sed -n '/^Parameters:/,/^[A-Z][A-Za-z]*:$/s/^  \([A-Za-z]*\):$/\1/p' "$infra/$1.yaml" | tr '\n' ' ' | sed 's/ $//'
}

# What the settings say of a parameter; nothing where they do not.
given() { # TEMPLATE.PARAMETER
  local one
  for one in ${template_parameters[@]+"${template_parameters[@]}"}; do
    if [[ $one == "$1="* ]]; then printf '%s' "${one#*=}"; fi
  done
}

required() {
  local name
  for name in policy_file hub_bucket; do
    [[ -n ${!name} ]] || refuse "the settings do not say ${name%_file}" "write ${name%_file}=... into $settings_file"
  done
  # Paths are those of the settings file, wherever the command is run.
  policy_file=$(in_settings_folder "$policy_file")
  packages=$(in_settings_folder "${packages:-$infra/../target/package}")
  targets=${targets//,/ } regions=${regions//,/ }
  if [[ -n $runasctl ]]; then
    runasctl=$(in_settings_folder "$runasctl")
  else
    runasctl=$(command -v runasctl || printf '%s' "$infra/../target/release/runasctl")
  fi
}

in_settings_folder() { # PATH
  case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$settings_folder" "$1" ;; esac
}

# The compiled policy is canonical JSON: one line, without blanks, and a quote inside of a text has a backslash before it.
policy_says() {
  local compiled name
  command -v "$runasctl" >/dev/null ||
    refuse "there is no $runasctl" \
      'build it (cargo build --release --bin runasctl), and put it onto the path or name it in the setting runasctl'
  compiled=$("$runasctl" policy compile "$policy_file") ||
    refuse "the policy $policy_file does not compile" "see above, and runasctl policy check $policy_file"
  for name in hub_account management_account home_region; do
    [[ $compiled =~ \"$name\":\"([^\"]+)\" ]] ||
      refuse "the policy $policy_file does not say $name" 'see infra/policy.example.yaml'
    printf -v "$name" '%s' "${BASH_REMATCH[1]}"
  done
  [[ $compiled =~ \"id\":\"(o-[a-z0-9]+)\" ]] ||
    refuse "the policy $policy_file does not say organization.id" 'see infra/policy.example.yaml'
  organization=${BASH_REMATCH[1]}
  gap_roles=$(list_in gap_roles "$compiled")
  policy_enforces=''
  if [[ $compiled =~ \"(mode|unplaced)\":\"enforce\" ]]; then policy_enforces=1; fi
  governed_regions "$(list_in regions "$compiled")"
}

# The words of a list of texts.
list_in() { # NAME JSON
  local found=''
  if [[ $2 =~ \"$1\":\[([^]]*)\] ]]; then found=${BASH_REMATCH[1]//\"/}; fi
  printf '%s' "${found//,/ }"
}

governed_regions() { # REGIONS
  [[ -n $1 || -n $regions ]] ||
    refuse 'the policy governs every enabled region, and a StackSet needs their names' \
      "write regions=... into $settings_file: the regions that your accounts have enabled"
  policy_regions=${1:-$regions}
}
