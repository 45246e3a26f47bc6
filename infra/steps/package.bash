# A function's package in its bucket.

# package PROFILE ACCOUNT BUCKET NAME: uploads the zip where it is not there yet; its key goes into `package_key`
package() {
  local profile=$1 account=$2 bucket=$3 file=$packages/$4.zip digest key began=$SECONDS
  digest=$(sha256 "$file")
  # By its content, so that each release has a key of its own, and CloudFormation sees that it is another one.
  key=$4-${digest:0:16}.zip
  package_key=$key
  if try "$profile" "$home_region" s3api head-object --bucket "$bucket" --key "$key" --query ContentLength; then
    row "package $key" "$account" "$home_region" unchanged
    return
  fi
  [[ $cause == *404* || $cause == *'Not Found'* ]] ||
    fail "s3://$bucket/$key cannot be read: $cause" "let the caller do s3:GetObject and s3:ListBucket there"
  if [[ -n $planning ]]; then
    row "package $key" "$account" "$home_region" "uploaded to $bucket"
    return
  fi
  try "$profile" "$home_region" s3 cp --only-show-errors "$file" "s3://$bucket/$key" ||
    fail "s3://$bucket/$key cannot be written: $cause" 'let the caller do s3:PutObject there'
  row "package $key" "$account" "$home_region" "uploaded, $((SECONDS - began)) s"
}

sha256() { # FILE
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}
