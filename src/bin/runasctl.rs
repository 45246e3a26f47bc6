//! The operator's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    runas_reactor::cli::main()
}
