#!/usr/bin/env bash
# Puts the shell over the SDK, with the programs and the tests that hold it, into a crate of its own: tests/mutants/aws.sh DIRECTORY
#
# The programs are to stand in target/mutants/programs. The emulators and their environments are those of `cargo test`.
set -euo pipefail
crate=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

rm -rf "$crate" && mkdir -p "$crate"/src/it/{decode,infra} "$crate/tests/it/support"
cp -R src "$crate/" && cp -R events infra Cargo.lock "$crate/"
cp -R tests/{cli,cli2,emulator,hub,iam,browser} "$crate/tests/"
cp -R tests/it/{aws,deploy,e2e,scenarios,support} tests/it/{aws,e2e,scenarios,support,contract}.rs "$crate/src/it/"
cp tests/it/support/clock.c "$crate/tests/it/support/"
cp tests/it/decode/fixtures.rs "$crate/src/it/decode/"
cp tests/it/infra/{places,template}.rs "$crate/src/it/infra/"

# The tests are a module here, and Cargo tells a library's tests neither a directory for what they build nor where its programs are.
find "$crate/src/it" -name '*.rs' -exec sed -Ei "s#\bcrate::#crate::it::#g; s#env!\(\"CARGO_TARGET_TMPDIR\"\)#\"$target/tmp\"#; \
s#env!\(\"CARGO_BIN_EXE_([a-z-]+)\"\)#\"$target/mutants/programs/\1\"#; s#include_str!\(\"(\.\./)+(infra|cli)/#include_str!(\"$crate/\2/#" {} +
sed -i "s#$crate/cli/#$crate/tests/cli/#" "$crate/src/it/deploy/cli.rs"
for snapshot in "$crate"/src/it/e2e/snapshots/*; do
  name=$(basename "$snapshot") && mv "$snapshot" "$(dirname "$snapshot")/runas_reactor__it__${name#*__}"
done
# A program has the mutant of its test.
find "$crate/src/it" -name '*.rs' -exec sed -i 's#\.env_clear()#.env_clear().envs(std::env::vars().filter(|(name, _)| name.starts_with("MUTANT")))#' {} +
# Servers outlive the processes of the tests, where `run.py` says so.
sed -i '/let clock = Arc::new(Clock::new());/a if let Ok(port) = std::env::var("MUTANTS_EMULATOR") {\
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));\
    let server = Self { child: std::process::Command::new("true").spawn().unwrap(), address, clock };\
    server.post("reset", \&Value::Null).unwrap();\
    return server;\
}' "$crate/src/it/support/emulator.rs"
# But not those of a test that lets time pass, which is a server's from its start.
sed -i 's#let aws = Arc::new(Emulator::start());#unsafe { std::env::remove_var("MUTANTS_EMULATOR") };\n        &#' "$crate/src/it/e2e/stage.rs"

{
  printf '#![allow(warnings)]\nextern crate self as runas_reactor;\n'
  sed -n '/^pub mod aws;/,$ p' src/lib.rs
  printf '#[cfg(test)]\nmod it {\n    pub(crate) mod aws;\n    pub(crate) mod contract;\n    mod scenarios;\n    pub(crate) mod support;\n'
  printf '    pub(crate) mod decode { pub(crate) mod fixtures; }\n'
  printf '    pub(crate) mod deploy { pub(crate) mod cli; pub(crate) mod cloud; pub(crate) mod hub; pub(crate) mod installer; }\n    pub(crate) mod e2e;\n'
  printf '    mod infra { mod places; pub(crate) mod template; }\n}\n'
} >"$crate/src/lib.rs"
sed -i 's/^mod gap;/&\nmod hub;\nmod preflight;/' "$crate/src/it/e2e.rs"

# The dependencies are built as for `cargo test`, so that the SDK is not built again; the crate itself without what takes long.
sed -E '/^default-run/d; /^\[(\[test|lints|profile\.release|profile\.lambda)/,/^$/d; s/^debug = "line-tables-only"/debug = false/' \
  Cargo.toml >"$crate/Cargo.toml"
printf '[workspace]\n' >>"$crate/Cargo.toml"
