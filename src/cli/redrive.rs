//! `runasctl redrive`: lists dead letters and their reasons, sends them back to work, or drops them with a reason.

mod act;
pub(super) mod received;
mod result;
mod show;

use std::collections::BTreeSet;

use clap::{Args, Subcommand};

use super::login::{Failure, LoginArgs, WHERE, finished};
use super::printer::Printer;
use super::{ExitStatus, Output};
use crate::aws::dead_letters::DeadLetters;
use crate::aws::operator::Operator;
use crate::config::operator::{DEAD_LETTER_QUEUE, LEDGER, QUEUE, trust};
use crate::domain::text::{ID_CHARS_MAX, MESSAGE_CHARS_MAX, clean};
use received::{Filter, ReceivedBatch};

/// List the dead-letter queue, send messages back to the work queue, or drop them with a reason.
#[derive(Clone, Debug, Args)]
pub struct RedriveArgs {
    #[command(flatten)]
    login: LoginArgs,
    /// The dead-letter queue, instead of `RUNAS_DLQ_URL`.
    #[arg(long, global = true, help_heading = WHERE, value_name = "URL")]
    dead_letter_url: Option<String>,
    /// The work queue, instead of `RUNAS_QUEUE_URL`.
    #[arg(long, global = true, help_heading = WHERE, value_name = "URL")]
    queue_url: Option<String>,
    /// The ledger's table, instead of `RUNAS_TABLE`.
    #[arg(long, global = true, help_heading = WHERE, value_name = "NAME")]
    table: Option<String>,
    /// Receive this many messages at most.
    #[arg(long, global = true, help_heading = WHERE, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    #[command(subcommand)]
    command: RedriveCommand,
}

/// What to do with the dead-letter queue.
#[derive(Clone, Debug, Subcommand)]
enum RedriveCommand {
    /// List the messages with their reasons, and say how the function would read them now. None is removed.
    List,
    /// Show one message whole.
    Show {
        /// Its id, as `list` says it.
        id: String,
    },
    /// Put messages back into the work queue as they were, and only then take them out of this one.
    #[command(alias = "redrive")]
    Send {
        /// Their ids, as `list` says them.
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
        ids: Vec<String>,
        /// Every message that is in the queue now.
        #[arg(long)]
        all: bool,
        /// Also what would be undecodable again.
        #[arg(long)]
        force: bool,
        /// Say what would be done, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete messages for good. Who, why and the message itself are written into the ledger first, and kept for 400 days.
    Drop {
        /// Their ids, as `list` says them.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Why these messages are not needed.
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
}

/// A cleaned reason that is not empty.
fn reason(text: &str) -> Result<String, String> {
    let reason = clean(text, MESSAGE_CHARS_MAX);
    if reason.is_empty() { Err("say why; the history keeps it".to_owned()) } else { Ok(reason) }
}

/// Runs the command.
pub fn run(args: &RedriveArgs, output: Output, printer: &Printer) -> ExitStatus {
    finished(command(args, output, printer), printer)
}

async fn command(args: &RedriveArgs, output: Output, printer: &Printer) -> Result<ExitStatus, Failure> {
    let url = DEAD_LETTER_QUEUE.read(args.dead_letter_url.as_deref())?;
    let shell = Shell { output, printer, limit: usize::try_from(args.limit).unwrap_or(usize::MAX) };
    match &args.command {
        RedriveCommand::List => shell.list(&dead_letters(args, &url).await?.1).await,
        RedriveCommand::Show { id } => shell.show(&dead_letters(args, &url).await?.1, id).await,
        RedriveCommand::Send { ids, all, force, dry_run } => {
            let queue = QUEUE.read(args.queue_url.as_deref())?;
            if queue == url {
                let problem = "the work queue and the dead-letter queue are one and the same; fix: give --queue-url and \
                               --dead-letter-url, or set RUNAS_QUEUE_URL and RUNAS_DLQ_URL";
                return Err(Failure::Usage(problem.to_owned()));
            }
            let filter = if *all { Filter::All } else { these(ids) };
            let sending = act::Sending { queue: &queue, force: *force, dry_run: *dry_run };
            shell.send(&dead_letters(args, &url).await?.1, filter, &sending).await
        }
        RedriveCommand::Drop { ids, reason } => {
            let table = LEDGER.read(args.table.as_deref())?;
            let (operator, letters) = dead_letters(args, &url).await?;
            let by = operator.who_am_i().await?.arn;
            let dropping = act::Dropping { book: operator.discarded_messages(&table), by: &by, why: reason };
            shell.drop(&letters, these(ids), &dropping).await
        }
    }
}

async fn dead_letters(args: &RedriveArgs, url: &str) -> Result<(Operator, DeadLetters), Failure> {
    let operator = args.login.connect(trust()?).await.map_err(Failure::Error)?;
    let letters = operator.dead_letters(url);
    Ok((operator, letters))
}

fn these(ids: &[String]) -> Filter {
    Filter::These(ids.iter().map(|id| id.trim().to_owned()).collect())
}

/// Output and limit of the command.
struct Shell<'a> {
    output: Output,
    printer: &'a Printer,
    limit: usize,
}

impl Shell<'_> {
    async fn list(&self, queue: &DeadLetters) -> Result<ExitStatus, Failure> {
        let received = ReceivedBatch::gather(queue, Filter::All, self.limit).await?;
        let elsewhere = received.elsewhere(queue).await;
        self.give_back(&received, queue, &BTreeSet::new()).await;
        self.printer.data(&show::list(&received.letters, self.output));
        self.printer.talk(&show::sum(&received.letters));
        self.printer.talk(&show::beyond(&received, self.limit, elsewhere));
        Ok(ExitStatus::Success)
    }

    async fn show(&self, queue: &DeadLetters, id: &str) -> Result<ExitStatus, Failure> {
        let received = ReceivedBatch::gather(queue, these(&[id.to_owned()]), self.limit).await?;
        let elsewhere = received.elsewhere(queue).await;
        self.give_back(&received, queue, &BTreeSet::new()).await;
        let Some(letter) = received.letters.first() else {
            self.printer.talk(&show::beyond(&received, self.limit, elsewhere));
            let id = clean(id, ID_CHARS_MAX);
            let problem = format!("there is no message {id} in the queue; fix: see `runasctl redrive list`");
            return Err(Failure::Error(problem));
        };
        self.printer.data(&show::whole(letter, self.output));
        Ok(ExitStatus::Success)
    }

    async fn give_back(&self, received: &ReceivedBatch, queue: &DeadLetters, gone: &BTreeSet<String>) {
        if let Err(fault) = received.give_back(queue, gone).await {
            self.printer.talk(&show::not_given_back(&fault));
        }
    }
}
