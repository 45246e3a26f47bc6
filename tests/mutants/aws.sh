#!/usr/bin/env bash
# Puts the shell over the SDK, and the tests that hold it in their own process, into a crate of their own: tests/mutants/aws.sh DIRECTORY
#
# The commands are left out: what of them calls `src/aws` runs as a program, which is no part of a test binary. The emulator and
# its Python environment are those of `cargo test`.
set -euo pipefail
crate=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

rm -rf "$crate" && mkdir -p "$crate"/{src/it/support,tests/it/support} "$target/tmp"
cp -R src/{aws,broker,config,domain,lambda,policy_file,reactor,sim}{,.rs} src/{clock,metrics,ports,telemetry}.rs "$crate/src/"
cp -R events infra Cargo.lock "$crate/"
cp -R tests/it/aws{,.rs} tests/it/scenarios{,.rs} tests/it/contract.rs "$crate/src/it/"
support=(clock counted emulator http org python table)
for name in "${support[@]}"; do cp "tests/it/support/$name.rs" "$crate/src/it/support/"; done
cp tests/it/support/clock.c "$crate/tests/it/support/" && cp -R tests/emulator "$crate/tests/"

# The tests are a module here, and Cargo tells a library's tests no directory for what they build.
find "$crate/src/it" -name '*.rs' -exec sed -Ei "s#\bcrate::#crate::it::#g; s#env!\(\"CARGO_TARGET_TMPDIR\"\)#\"$target/tmp\"#" {} +
# Servers outlive the processes of the tests, where `run.py` says so.
sed -i '/let clock = Arc::new(Clock::new());/a if let Ok(port) = std::env::var("MUTANTS_EMULATOR") {\
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));\
    let server = Self { child: std::process::Command::new("true").spawn().unwrap(), address, clock };\
    server.post("reset", \&Value::Null).unwrap();\
    return server;\
}' "$crate/src/it/support/emulator.rs"

{
  printf '#![allow(warnings)]\nextern crate self as runas_reactor;\n'
  sed -n '/^pub mod aws;/,$ { /^pub mod cli;/d; p }' src/lib.rs
  printf '#[cfg(test)]\nmod it {\n    pub(crate) mod aws;\n    pub(crate) mod contract;\n    mod scenarios;\n'
  printf '    pub(crate) mod support {\n%s    }\n}\n' "$(printf 'pub(crate) mod %s;\n' "${support[@]}")"
} >"$crate/src/lib.rs"

# The dependencies are built as for `cargo test`, so that the SDK is not built again; the crate itself without what takes long.
sed -E '/^default-run/d; /^\[(\[|lints|profile\.release|profile\.lambda|profile\.dev\.package\.runas-reactor)/,/^$/d; s/^debug = "line-tables-only"/debug = false/' \
  Cargo.toml >"$crate/Cargo.toml"
printf '[workspace]\n' >>"$crate/Cargo.toml"
