#!/usr/bin/env bash
# Mutation testing of the core: tests/mutants.sh [cargo-mutants options, such as --shard 0/4]
#
# The core needs no SDK, and neither do the tests that hold it: both are put into a crate of their own below target/, as one
# test binary that is built in seconds. What is left over by it is to be tried in the whole package too (tests/mutants.md).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=27.1.0
target=${CARGO_TARGET_DIR:-$PWD/target}
mutants=$target/tools/bin/cargo-mutants
if [[ $("$mutants" mutants --version 2>/dev/null || true) != "cargo-mutants $version" ]]; then
  cargo install --locked --quiet --version "$version" --root "$target/tools" cargo-mutants
fi

core=$target/mutants/core
rm -rf "$core" && mkdir -p "$core"/src/{it/support,fuzz,cli}
cp -R src/{domain,reactor,sim} src/{domain,reactor,sim,ports,lambda,metrics}.rs "$core/src/"
cp -R src/cli/{policy_yaml,policy_yaml.rs,decode.rs} "$core/src/cli/"
cp -R events infra "$core/" && cp Cargo.lock "$core/"
cp -R tests/it/{decide.rs,core_review.rs,core_review,decode.rs,decode,properties.rs,properties,edges.rs,scenarios.rs,snapshots} "$core/src/it/"
cp tests/it/support/{counted,org}.rs "$core/src/it/support/"
cp -R tests/fuzz/{src,corpus} "$core/src/fuzz/"

# Without what needs the SDK or a command, and with fewer made-up values: all of it runs once for every mutant.
(
  cd "$core/src"
  sed -i '0,/^\/\/\/ Works on one batch/{/^\/\/\/ Works on one batch/!{/^use aws_lambda_events\|^use lambda_runtime\|^use crate::ports\|^use crate::reactor\|^use crate::domain::time/!d}}' lambda.rs
  rm it/decode/command.rs
  sed -i '/^mod command;/d' it/decode.rs
  sed -i 's/cases: 512/cases: 64/' it/decode/properties.rs
  sed -i 's/ProptestConfig { cases,/ProptestConfig { cases: cases \/ 4,/' it/properties.rs
  sed -i 's#join("tests/fuzz/corpus")#join("src/fuzz/corpus")#' it/properties/corpus.rs
  sed -i '/^use crate::aws::Hub;/d; /^#\[tokio::test\]$/{N; /_on_aws()/{:a; N; /\n}$/!ba; d}}' it/scenarios.rs
  for snapshot in it/snapshots/it__*; do mv "$snapshot" "${snapshot/it__/runas_reactor__it__}"; done
  cat >lib.rs <<'LIB'
#![cfg_attr(test, allow(warnings))]
extern crate self as runas_reactor;
pub mod domain;
pub mod lambda;
pub mod metrics;
pub mod ports;
pub mod reactor;
pub mod sim;
pub mod cli { pub mod decode; pub mod policy_yaml; }
#[cfg(test)]
mod it {
    pub(crate) mod core_review;
    mod decide;
    pub(crate) mod decode;
    pub(crate) mod properties;
    mod edges;
    mod scenarios;
    pub(crate) mod support { pub(crate) mod counted; pub(crate) mod org; }
}
#[cfg(test)]
use it::{core_review, decode, properties, support};
LIB
)
{
  printf '[package]\nname = "runas-reactor"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n[lib]\ndoctest = false\n'
  printf '[features]\ndefault = ["cli"]\ncli = ["tokio/test-util", "dep:clap", "dep:schemars", "dep:serde-saphyr"]\n[dependencies]\n'
  needed='aws_lambda_events|clap|futures-util|jiff|lambda_runtime|schemars|serde|serde-saphyr|serde_json|sha2|thiserror|tokio|tracing|wildmatch'
  sed -n '/^\[dependencies\]/,/^\[dev/p' Cargo.toml | grep -E "^($needed) = "
  printf '[dev-dependencies]\n'
  grep -E '^(insta|proptest) = ' Cargo.toml
  printf '[profile.dev]\ndebug = false\n[profile.dev.package."*"]\nopt-level = 2\n'
} >"$core/Cargo.toml"

export INSTA_UPDATE=no PROPTEST_RNG_SEED=1 CARGO_TARGET_DIR=$target/mutants/build
exec "$mutants" mutants --dir "$core" --in-place --output "$target/mutants" --file 'src/domain/**' \
  --timeout 150 --no-shuffle --cargo-test-arg=--lib "$@"
