//! `runasctl`, the operator's command. Results go to standard output, talk goes to standard error.

pub mod demo;
pub mod policy;
pub mod policy_yaml;
pub mod printer;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use printer::Printer;

/// Keeps Session Manager's Run As right in every account and region.
#[derive(Debug, Parser)]
#[command(name = "runasctl", version, disable_help_subcommand = true)]
struct Cli {
    /// How results are written.
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the main job on an embedded, simulated organisation: no AWS account, no network.
    Demo,
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything is as it should be.
    Success = 0,
    /// Something could not be done.
    Error = 1,
    /// The command line is wrong.
    Usage = 64,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status as u8)
    }
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let printer = Printer;
    match Cli::try_parse() {
        Ok(cli) => run(&cli, &printer).into(),
        Err(error) if error.use_stderr() => {
            printer.talk(&error.render().ansi().to_string());
            ExitStatus::Usage.into()
        }
        Err(help) => {
            printer.data(&help.render().ansi().to_string());
            ExitStatus::Success.into()
        }
    }
}

fn run(cli: &Cli, printer: &Printer) -> ExitStatus {
    match &cli.command {
        Command::Demo => demo::run(cli.output, printer),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        super::Cli::command().debug_assert();
    }
}
