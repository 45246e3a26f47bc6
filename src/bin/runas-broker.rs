//! The broker's Lambda function; packaged as a `bootstrap` of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    runas_reactor::lambda::broker::main()
}
