//! The broker's Lambda function; packaged as `bootstrap` of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    runas_reactor::broker::function::main()
}
