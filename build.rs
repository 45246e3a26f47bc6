//! Folds identical functions in the packages of the Lambda functions: the SDK contains many.

#![expect(clippy::disallowed_methods, reason = "Cargo speaks to a build script through its environment")]

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|it| it == value);
    // Only for the package (opt-level z), and only where the toolchain links with its own LLD.
    if is("OPT_LEVEL", "z") && is("TARGET", "x86_64-unknown-linux-gnu") {
        println!("cargo:rustc-link-arg-bin=runas-reactor=-Wl,--icf=all");
        println!("cargo:rustc-link-arg-bin=runas-broker=-Wl,--icf=all");
    }
}
