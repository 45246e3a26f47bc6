# What has to be so before anything is written.

check() {
  command -v aws >/dev/null ||
    refuse 'there is no AWS CLI' 'install it: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html'
  check_account hub "$hub_profile" "$hub_account"
  check_account management "$management_profile" "$management_account"
  places
  check_organisation
  check_bucket hub_bucket "$hub_profile" "$hub_bucket"
  check_package runas-reactor
  if [[ -n $gap_roles ]]; then
    [[ -n $management_bucket ]] ||
      refuse 'the policy names gap_roles, and the settings do not say management_bucket' \
        "write management_bucket=... into $settings_file, for the broker's package, or take gap_roles out of the policy"
    check_bucket management_bucket "$management_profile" "$management_bucket"
    check_package runas-broker
  fi
  check_policy
}

check_account() { # hub|management PROFILE ACCOUNT
  local login="aws sso login${2:+ --profile $2}"
  try "$2" "$home_region" sts get-caller-identity --query '[Account,Arn]' ||
    refuse "the profile for the $1 account does not log in: $cause" "$login, or name another in the setting $1_profile"
  [[ ${answer%%$'\t'*} == "$3" ]] ||
    refuse "the profile for the $1 account logs in to ${answer%%$'\t'*}, and the policy says $3" \
      "name another profile in the setting $1_profile, or mend organization.$1_account of the policy"
  partition=${answer#*$'\t'arn:} partition=${partition%%:*}
}

# Where each part goes, and what it is called there. Events of Organizations are in one region of a partition.
places() {
  case $partition in
    aws-us-gov) organizations_region=us-gov-west-1 ;;
    aws-cn) organizations_region=cn-northwest-1 ;;
    *) organizations_region=us-east-1 ;;
  esac
  # The settings may add regions that the policy does not govern, such as Identity Center's.
  member_regions=$(unique "$home_region" "$policy_regions" "$regions" "$organizations_region")
  hub_role_arn=arn:$partition:iam::$hub_account:role/RunasReactor
  hub_bus_arn=arn:$partition:events:$home_region:$hub_account:event-bus/runas-reactor
  broker_arn=arn:$partition:lambda:$home_region:$management_account:function:runas-broker
}

check_organisation() {
  try "$management_profile" "$home_region" organizations describe-organization --query 'Organization.[Id,MasterAccountId]' ||
    refuse "the organisation cannot be read: $cause" \
      'let the caller in the management account do organizations:DescribeOrganization'
  [[ $answer == "$organization"$'\t'"$management_account" ]] ||
    refuse "the organisation is ${answer//$'\t'/ of }, and the policy says $organization of $management_account" \
      'mend organization.id and organization.management_account of the policy'
  try "$management_profile" "$home_region" cloudformation describe-organizations-access --query Status ||
    refuse "whether StackSets may deploy into the organisation cannot be read: $cause" \
      'let the caller in the management account do cloudformation:DescribeOrganizationsAccess'
  # Trust of the whole organisation is the operator's to give.
  [[ $answer == ENABLED ]] ||
    refuse 'StackSets have no trusted access to the organisation' \
      "aws cloudformation activate-organizations-access --region $home_region${management_profile:+ --profile $management_profile}"
  if [[ -z $targets ]]; then
    try "$management_profile" "$home_region" organizations list-roots --query 'Roots[0].Id' ||
      refuse "the organisation's root cannot be read: $cause" \
        "let the caller in the management account do organizations:ListRoots, or write targets=... into $settings_file"
    targets=$answer
  else
    check_hub_is_target
  fi
}

# The hub account's own rules watch the hub. The management account gets them without a StackSet.
check_hub_is_target() {
  local child=$hub_account
  if [[ $child == "$management_account" ]]; then return; fi
  while [[ " $targets " != *" $child "* ]]; do
    if [[ $child == r-* ]] ||
      ! try "$management_profile" "$home_region" organizations list-parents --child-id "$child" --query 'Parents[0].Id'; then
      printf 'infra/install: warning: the hub account %s is in none of the targets, so nothing watches the rules and roles of the hub\n' \
        "$hub_account" >&2
      printf '  fix: add its OU to targets in %s\n' "$settings_file" >&2
      return
    fi
    child=$answer
  done
}

# Lambda takes packages of its own region only.
check_bucket() { # SETTING PROFILE BUCKET
  local region
  try "$2" "$home_region" s3api get-bucket-location --bucket "$3" --query LocationConstraint ||
    refuse "the bucket $3 cannot be read: $cause" \
      "aws s3 mb s3://$3 --region $home_region${2:+ --profile $2}, or name another in the setting $1"
  region=$answer
  case $region in None | null | '') region=us-east-1 ;; EU) region=eu-west-1 ;; esac
  [[ $region == "$home_region" ]] ||
    refuse "the bucket $3 is in $region, and the functions are in $home_region" \
      "name a bucket of $home_region in the setting $1"
}

check_package() { # NAME
  [[ -f $packages/$1.zip ]] ||
    refuse "there is no $packages/$1.zip" \
      'build the packages, as infra/README.md says under "Install", or name their folder in the setting packages'
}
