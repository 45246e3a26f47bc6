//! The Lambda function; packaged as `bootstrap`.

use std::process::ExitCode;

fn main() -> ExitCode {
    runas_reactor::lambda::reactor::main()
}
