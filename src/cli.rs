//! `runasctl`, the operator's command. Results go to standard output, messages to standard error.

pub mod accept;
pub mod apply;
pub mod decode;
pub mod demo;
pub mod doctor;
mod files;
pub mod history;
mod login;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod printer;
pub mod redrive;
pub mod render;
pub mod replay;
pub mod report;
pub mod simulate;
mod source;
pub mod status;
pub mod whoami_as;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::clock::now;
use printer::Printer;

/// Keeps Session Manager's Run As right in every account and region.
#[derive(Debug, Parser)]
#[command(name = "runasctl", version, disable_help_subcommand = true)]
struct Cli {
    /// How results are written.
    #[arg(long, short, global = true, value_enum, default_value_t)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the main job on an embedded, simulated organisation: no AWS account, no network.
    Demo(demo::DemoArgs),
    /// Show how the reactor reads events: files with one event or one SQS batch each, `-` for standard input.
    Decode(decode::DecodeArgs),
    /// Decide stored cases again, or run events on a simulated organisation and say what would be done.
    Replay(replay::ReplayArgs),
    /// Compare every document with the policy, and say what would be done. Nothing is written.
    Plan(plan::PlanArgs),
    /// Do what a plan says, where that still holds; a few accounts first. Run it again to take up what was stopped.
    Apply(apply::ApplyArgs),
    /// Accept what a version of a document holds, as if a trusted principal had written it.
    Accept(accept::AcceptArgs),
    /// Show the status of every target from the ledger; targets that are not in sync come first.
    Status(status::StatusArgs),
    /// Write a report from the ledger: targets, incidents, new accounts, sweeps; as a page, table, json, markdown or csv.
    Report(report::ReportArgs),
    /// Check hub, roles, and the trail and forwarding rule of every account and region. Nothing is written.
    Doctor(doctor::DoctorArgs),
    /// Ask the managed Linux nodes whether the OS user exists that sessions are to run as. Nothing is changed.
    Preflight(preflight::PreflightArgs),
    /// Say which OS user the sessions of a principal become in an account, and why, step by step. Nothing is changed.
    WhoamiAs(whoami_as::WhoamiAsArgs),
    /// List the exemptions of the policy in force; add or remove one, as the policy's next version.
    #[command(subcommand)]
    Exempt(policy::remote::exempt::ExemptCommand),
    /// Say what happened at a target, and who did it; newest first.
    History(history::HistoryArgs),
    /// Say why a target was treated as it was: the last case, decided again with this runasctl.
    Explain(history::ExplainArgs),
    /// Play random stories on a simulated organisation, under a checker: nothing lost, nothing looped.
    Simulate(simulate::SimulateArgs),
    /// Render what must agree with the policy: service control policies, configuration of Landing Zone Accelerator, and the
    /// runbook for on-call.
    #[command(subcommand)]
    Render(render::RenderCommand),
    /// List the dead-letter queue, send messages back to the work queue, or drop them with a reason.
    Redrive(redrive::RedriveArgs),
    /// Check, test and explain a policy; put it into force, show it and its history, and bring an earlier one back.
    #[command(subcommand)]
    Policy(PolicyCommand),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    #[command(flatten)]
    File(policy::PolicyCommand),
    #[command(flatten)]
    Table(policy::remote::TableCommand),
}

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// Everything is as desired.
    Success = 0,
    /// The command failed, wholly or in part.
    Error = 1,
    /// Something differs from what is desired.
    Drift = 2,
    /// Some targets cannot be read, so their state is unknown.
    Unreachable = 3,
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
        Command::Demo(args) => demo::run(args, cli.output, printer),
        Command::Decode(args) => decoded(args, cli.output, printer),
        Command::Replay(args) => replay::run(args, cli.output, printer, now()),
        Command::Plan(args) => plan::run(args, cli.output, printer),
        Command::Apply(args) => apply::run(args, cli.output, printer),
        Command::Accept(args) => accept::run(args, cli.output, printer),
        Command::Status(args) => status::run(args, cli.output, printer),
        Command::Report(args) => report::run(args, cli.output, printer),
        Command::Doctor(args) => doctor::run(args, cli.output, printer),
        Command::Preflight(args) => preflight::run(args, cli.output, printer),
        Command::WhoamiAs(args) => whoami_as::run(args, cli.output, printer),
        Command::Exempt(command) => policy::remote::exempt::run(command, cli.output, printer),
        Command::History(args) => history::history(args, cli.output, printer),
        Command::Explain(args) => history::explain(args, cli.output, printer),
        Command::Simulate(args) => simulate::run(args, cli.output, printer),
        Command::Render(command) => render::run(command, cli.output, printer),
        Command::Redrive(args) => redrive::run(args, cli.output, printer),
        Command::Policy(PolicyCommand::Table(command)) => policy::remote::run(command, cli.output, printer),
        Command::Policy(PolicyCommand::File(command)) => {
            let outcome = policy::run(command, now(), cli.output);
            printer.data(&outcome.stdout);
            printer.talk(&outcome.stderr);
            if outcome.code == 0 { ExitStatus::Success } else { ExitStatus::Error }
        }
    }
}

fn decoded(args: &decode::DecodeArgs, output: Output, printer: &Printer) -> ExitStatus {
    let inputs = decode::read(&args.files, &mut std::io::stdin());
    printer.data(&decode::run(&inputs.texts, output == Output::Json));
    for problem in &inputs.unreadable {
        printer.error(problem);
    }
    if inputs.unreadable.is_empty() { ExitStatus::Success } else { ExitStatus::Error }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        super::Cli::command().debug_assert();
    }
}
