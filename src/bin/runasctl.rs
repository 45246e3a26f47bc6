//! The operator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    runas_reactor::cli::main()
}
