#!/usr/bin/env bash
# Puts the core, and the tests that hold it, into a crate of their own: tests/mutants/core.sh DIRECTORY
#
# Neither needs the SDK, so that this is one test binary which is built in a minute. The random stories of `runasctl simulate`
# are in it too, but fewer of them, and fewer made-up values: all of it runs again and again.
set -euo pipefail
core=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rm -rf "$core" && mkdir -p "$core"/src/{it/support,fuzz,cli,lambda}
cp -R src/{domain,policy_file,reactor,sim} src/{clock,domain,policy_file,reactor,sim,ports,metrics}.rs "$core/src/"
cp src/lambda/batch.rs "$core/src/lambda/" && cp src/cli/decode.rs "$core/src/cli/"
cp -R events infra "$core/" && cp Cargo.lock "$core/"
cp -R tests/it/{decode,properties,reactor,scenarios,sweeping}{,.rs} tests/it/{beside.rs,retrying.rs} "$core/src/it/"
cp -R tests/core "$core/src/held" && mv "$core/src/held/main.rs" "$core/src/held.rs"
cp tests/it/support/{counted,org}.rs "$core/src/it/support/"
cp -R tests/fuzz/{src,corpus} "$core/src/fuzz/"

cd "$core/src"
# Without what needs the SDK or a command.
rm it/decode/command.rs
sed -i '/^mod command;/d' it/decode.rs
sed -i '/^use crate::support::hub::Hub;/d; /^#\[tokio::test\]$/{N; /_on_aws()/{:a; N; /\n}$/!ba; d}}' it/scenarios.rs
# The core's own tests, as a module; of the exhaustive stories those of one act.
sed -i '/^#!\[allow(/,/^)\]/d' held.rs
rm held/wide.rs
modules=$(sed -n 's/^mod \(.*\);$/\1/p' held.rs | paste -sd'|')
find held -name '*.rs' -exec sed -Ei "s/\bcrate::($modules)\b/crate::held::\1/g" {} +
sed -i '/^#\[test\]$/{N; /fn two_acts\|fn three_acts/{:a; N; /\n}$/!ba; d}}' held/exhaustive.rs
for snapshot in held{,/alerts}/snapshots/core__*; do mv "$snapshot" "${snapshot/core__/runas_reactor__held__}"; done
# At other places, and less of it: fewer made-up values, seeds, and settings of what AWS leaves unconfirmed.
sed -i 's#join("tests/fuzz/corpus")#join("src/fuzz/corpus")#' it/properties/corpus.rs
sed -i 's#join("tests/it/#join("src/it/#' it/decode/samples.rs
sed -i 's/cases: 512/cases: 64/' it/decode/properties.rs
sed -i 's/ProptestConfig { cases,/ProptestConfig { cases: cases \/ 4,/' it/properties.rs
sed -i 's/in Switches::all() {/in Switches::all().into_iter().step_by(11) {/' it/scenarios.rs
sed -i 's/= 1_200\.\.1_250;/= 1_200..1_210;/; /assert!(steps >= 50_000/d' sim/stories/tests.rs
sed -i '/^#\[test\]$/{N; /every_wrong_turn_is_found\|whichever_call_fails/{:a; N; /\n}$/!ba; d}}' sim/stories/tests.rs

cat >lib.rs <<'LIB'
#![allow(warnings)]
extern crate self as runas_reactor;
mod clock;
pub mod domain;
pub mod lambda { pub mod batch; }
pub mod metrics;
pub mod policy_file;
pub mod ports;
pub mod reactor;
pub mod sim;
pub mod cli { pub mod decode; }
#[cfg(test)]
mod it {
    pub(crate) mod decode;
    pub(crate) mod properties;
    mod reactor;
    mod beside;
    mod retrying;
    mod scenarios;
    mod sweeping;
    pub(crate) mod support { pub(crate) mod counted; pub(crate) mod org; }
}
#[cfg(test)]
mod held;
#[cfg(test)]
use it::{decode, properties, support};
LIB

cd "$OLDPWD"
{
  printf '[package]\nname = "runas-reactor"\nversion = "0.1.0"\nedition = "2024"\n[workspace]\n[lib]\ndoctest = false\n'
  printf '[features]\ndefault = ["cli"]\ncli = ["tokio/test-util", "dep:clap", "dep:schemars", "dep:serde-saphyr"]\n[dependencies]\n'
  needed='aws_lambda_events|clap|futures-util|jiff|lambda_runtime|schemars|serde|serde-saphyr|serde_json|sha2|thiserror|tokio|tracing|wildmatch'
  sed -n '/^\[dependencies\]/,/^\[dev/p' Cargo.toml | grep -E "^($needed) = "
  printf '[dev-dependencies]\n'
  grep -E '^(insta|proptest) = ' Cargo.toml
  printf '[profile.dev]\ndebug = false\n[profile.dev.package."*"]\nopt-level = 2\n'
} >"$core/Cargo.toml"
