//! `runasctl exempt`: the exemptions of the policy in force, and new versions of it with one more or one less. The policy stays
//! the only place that says who is exempt, with its checks, its view of the consequences, and its history.

use std::collections::BTreeSet;
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::push::Guard;
use super::show::data;
use super::{GuardArgs, LimitArgs, Shell, TableArgs, message};
use crate::aws::ledger::policy_store::{Current, PolicyStore, Pushed};
use crate::cli::login::{Failure, finished};
use crate::cli::printer::{CAUTION, Printer, styled};
use crate::cli::{ExitStatus, Output};
use crate::clock::now;
use crate::domain::policy::check::end_of_day;
use crate::domain::policy::schema::{After, Document, Exemption};
use crate::domain::target::{AccountId, OuId};
use crate::domain::text::{MESSAGE_CHARS_MAX, clean, sha256};
use crate::domain::time::{DAY_MS, Time};
use crate::policy_file::edit::{NotEdited, add_exemption, remove_exemption};

/// List the exemptions of the policy in force, and add or remove one
#[derive(Clone, Debug, Subcommand)]
pub enum ExemptCommand {
    /// List the exemptions, the one that ends first on top; those that have ended are marked
    List {
        /// Login and table.
        #[command(flatten)]
        place: TableArgs,
    },
    /// Exempt accounts or OUs until a day: puts the policy with that into force, as its next version
    Add {
        /// Accounts, or OUs with everything below them
        #[arg(required = true, value_name = "ACCOUNT|OU")]
        places: Vec<Exemptible>,
        /// Why they are exempt, and how that ends.
        #[command(flatten)]
        terms: Terms,
        /// Safeguards against mistakes.
        #[command(flatten)]
        limits: LimitArgs,
        /// Login and table.
        #[command(flatten)]
        table: TableArgs,
    },
    /// Remove an exemption: puts the policy without it into force, as its next version
    Remove {
        /// All accounts and OUs that the exemption names
        #[arg(required = true, value_name = "ACCOUNT|OU")]
        places: Vec<Exemptible>,
        /// Why, for the history
        #[arg(long, value_name = "TEXT", value_parser = message)]
        reason: String,
        /// Safeguards against mistakes.
        #[command(flatten)]
        limits: LimitArgs,
        /// Login and table.
        #[command(flatten)]
        table: TableArgs,
    },
}

/// Why accounts are exempt, and how that ends.
#[derive(Clone, Debug, Args)]
pub struct Terms {
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = message)]
    reason: String,
    /// Who answers for it, and is warned before it ends
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// The last day, in UTC
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: String,
    /// What applies then
    #[arg(long, value_enum, default_value_t)]
    after: Then,
    /// Replace the exemption that names the same accounts and OUs, to prolong it
    #[arg(long)]
    replace: bool,
}

/// What applies once an exemption has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Then {
    /// Observe and alert; write nothing.
    #[default]
    Observe,
    /// What the policy's scopes say.
    Enforce,
}

/// What can be exempt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exemptible {
    /// One account, in all its regions.
    Account(AccountId),
    /// An OU, with everything below it.
    Ou(OuId),
}

impl FromStr for Exemptible {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((account, _)) = text.split_once('/') {
            return Err(format!("exemptions hold in all regions; name the account only: {account}"));
        }
        let ou = |_| text.parse().map(Self::Ou);
        text.parse().map(Self::Account).or_else(ou).map_err(|_| "neither an account's id nor an OU's".to_owned())
    }
}

impl fmt::Display for Exemptible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Ou(ou) => ou.fmt(f),
        }
    }
}

/// Runs the command.
pub fn run(command: &ExemptCommand, output: Output, printer: &Printer) -> ExitStatus {
    finished(execute(command, &Shell { output, printer }), printer)
}

async fn execute(command: &ExemptCommand, shell: &Shell<'_>) -> Result<ExitStatus, Failure> {
    match command {
        ExemptCommand::List { place } => shell.list(&place.open().await?.1).await,
        ExemptCommand::Add { places, terms, limits, table } => {
            let exemption = exemption(places, terms, now())?;
            let why = format!("exempt {} until {} ({}): {}", named(places), terms.until, terms.owner, terms.reason);
            shell.edit(table, limits, &why, |base| base.add(&exemption, terms.replace)).await
        }
        ExemptCommand::Remove { places, reason, limits, table } => {
            let why = format!("{} no longer exempt: {reason}", named(places));
            shell.edit(table, limits, &why, |base| base.remove(places)).await
        }
    }
}

fn exemption(places: &[Exemptible], terms: &Terms, now: Time) -> Result<Exemption, Failure> {
    let Terms { reason, owner, until, after, .. } = terms;
    let problem = match end_of_day(until) {
        None => "write the last day as YYYY-MM-DD, such as 2027-01-31",
        Some(end) if end <= now => "name a day that is not over; an exemption without an end is none",
        Some(_) => "",
    };
    if !problem.is_empty() {
        return Err(Failure::Usage(format!("--until {}: fix: {problem}", clean(until, 16))));
    }
    let ids = |of: fn(&Exemptible) -> Option<&str>| {
        places.iter().filter_map(of).map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    };
    Ok(Exemption {
        accounts: ids(|place| if let Exemptible::Account(account) = place { Some(account.as_str()) } else { None }),
        ous: ids(|place| if let Exemptible::Ou(ou) = place { Some(ou.as_str()) } else { None }),
        reason: reason.clone(),
        owner: owner.clone(),
        expires: until.clone(),
        after: match after {
            Then::Observe => After::Observe,
            Then::Enforce => After::Enforce,
        },
    })
}

fn named(places: &[Exemptible]) -> String {
    places.iter().map(Exemptible::to_string).collect::<Vec<_>>().join(", ")
}

fn places_of(exemption: &Exemption) -> BTreeSet<&str> {
    exemption.accounts.iter().chain(&exemption.ous).map(String::as_str).collect()
}

/// A version of the policy, to be edited.
struct Base {
    number: u64,
    yaml: String,
    document: Document,
}

/// What the edited text says, and what it should mean.
struct Edited {
    yaml: String,
    document: Document,
}

impl Base {
    fn add(&self, exemption: &Exemption, replace: bool) -> Result<Edited, Failure> {
        let places = places_of(exemption);
        let same = self.document.exemptions.iter().position(|it| places_of(it) == places);
        let Edited { yaml, mut document } = match (same, replace) {
            (Some(position), true) => self.without(position)?,
            (None, true) => return Err(Failure::Error(self.no_such(&places))),
            (None, false) => Edited { yaml: self.yaml.clone(), document: self.document.clone() },
            (Some(_), false) => {
                let problem = "an exemption names exactly these already; fix: prolong it with --replace";
                return Err(Failure::Error(problem.to_owned()));
            }
        };
        document.exemptions.insert(0, exemption.clone());
        let yaml = add_exemption(&yaml, exemption).map_err(|NotEdited| self.not_edited())?;
        Ok(Edited { yaml, document })
    }

    fn remove(&self, places: &[Exemptible]) -> Result<Edited, Failure> {
        let places: Vec<String> = places.iter().map(Exemptible::to_string).collect();
        let places: BTreeSet<&str> = places.iter().map(String::as_str).collect();
        let same = self.document.exemptions.iter().position(|it| places_of(it) == places);
        self.without(same.ok_or_else(|| Failure::Error(self.no_such(&places)))?)
    }

    fn without(&self, position: usize) -> Result<Edited, Failure> {
        let mut document = self.document.clone();
        document.exemptions.remove(position);
        let yaml = remove_exemption(&self.yaml, position).map_err(|NotEdited| self.not_edited())?;
        Ok(Edited { yaml, document })
    }

    fn no_such(&self, places: &BTreeSet<&str>) -> String {
        let shared = self.document.exemptions.iter().map(places_of).find(|of| !of.is_disjoint(places));
        let fix = match shared {
            Some(of) => format!("one names {}: name all of them", of.into_iter().collect::<Vec<_>>().join(", ")),
            None => "see `runasctl exempt list`".to_owned(),
        };
        format!("no exemption names exactly these; fix: {fix}")
    }

    fn not_edited(&self) -> Failure {
        Failure::Error(format!(
            "the exemptions of version {} are laid out in a way that is not edited here; fix: `runasctl policy show`, edit the \
             text, and `runasctl policy push` it",
            self.number
        ))
    }
}

impl Shell<'_> {
    /// Edits the policy in force and pushes the result, on condition that it is still in force.
    async fn edit(
        &self,
        table: &TableArgs,
        limits: &LimitArgs,
        why: &str,
        edit: impl FnOnce(&Base) -> Result<Edited, Failure>,
    ) -> Result<ExitStatus, Failure> {
        let (operator, book) = table.open().await?;
        let base = base(&book).await?;
        let Edited { yaml, document } = edit(&base)?;
        let mut proposal = self.proposal(&format!("version {} with that", base.number), yaml, None)?;
        if *proposal.policy.document() != document {
            return Err(base.not_edited());
        }
        proposal.edited_from = Some(base.number);
        let guard = GuardArgs { message: Some(clean(why, MESSAGE_CHARS_MAX)), limits: limits.clone() };
        self.bring(&operator, &book, &proposal, &Guard::new(&guard)).await
    }

    async fn list(&self, book: &PolicyStore) -> Result<ExitStatus, Failure> {
        let policy = in_force(book.current().await?)?.policy.map_err(|problem| Failure::Error(problem.to_string()))?;
        let now = now();
        let ends = |it: &Exemption| end_of_day(&it.expires).unwrap_or(Time::ZERO);
        let mut exemptions: Vec<&Exemption> = policy.document().exemptions.iter().collect();
        exemptions.sort_by_key(|it| ends(it));
        if self.output == Output::Json {
            let lines = exemptions.iter().map(|it| {
                let Exemption { accounts, ous, reason, owner, expires, after } = it;
                json!({ "accounts": accounts, "ous": ous, "reason": reason, "owner": owner, "expires": expires,
                    "after": after, "ended": ends(it) <= now })
            });
            let lines: Vec<Value> = lines.collect();
            self.printer.data(&data(&json!({ "policy": policy.label(), "exemptions": lines })));
        } else {
            let mut text = String::new();
            for it in &exemptions {
                let left = ends(it).since(now);
                let left = if left <= 0 { styled(CAUTION, "ended") } else { format!("{} days left", left / DAY_MS) };
                let places = places_of(it).into_iter().collect::<Vec<_>>().join(", ");
                let _ = writeln!(
                    text,
                    "{}  {left}  {places}\n    {}: {}",
                    it.expires,
                    clean(&it.owner, 64),
                    clean(&it.reason, 256)
                );
            }
            self.printer.data(&text);
            if exemptions.is_empty() {
                self.printer.talk("nothing is exempt\n");
            }
        }
        Ok(ExitStatus::Success)
    }
}

fn in_force(current: Option<Current>) -> Result<Current, Failure> {
    current.ok_or_else(|| {
        let problem = "no policy was pushed yet; fix: `runasctl policy push policy.yaml --message TEXT`";
        Failure::Error(problem.to_owned())
    })
}

/// The version in force, with its text. A policy that was not stored by `policy push` has no text to edit.
async fn base(book: &PolicyStore) -> Result<Base, Failure> {
    let Current { policy, version } = in_force(book.current().await?)?;
    let policy = policy.map_err(|problem| Failure::Error(problem.to_string()))?;
    let pushed = match &version {
        Some(version) => book.version(version.number).await?,
        None => None,
    };
    match (version, pushed) {
        (Some(version), Some(Pushed { yaml, compiled, .. })) if policy.digest() == sha256(&compiled) => {
            Ok(Base { number: version.number, yaml, document: policy.document().clone() })
        }
        _ => Err(Failure::Error(
            "the policy in force is no version as it was pushed; fix: `runasctl policy show` says more; push one, or roll back"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(until: &str) -> Terms {
        let text = str::to_owned;
        Terms { reason: text("why"), owner: text("team"), until: text(until), after: Then::Observe, replace: false }
    }

    #[test]
    fn accounts_and_ous_can_be_exempt_and_nothing_else() {
        let parsed = |text: &str| text.parse::<Exemptible>().map(|place| place.to_string());
        assert_eq!(parsed("555566667777").as_deref(), Ok("555566667777"));
        assert_eq!(parsed("ou-ab12-11111111").as_deref(), Ok("ou-ab12-11111111"));
        assert!(parsed("555566667777/eu-west-1").unwrap_err().contains("name the account only: 555566667777"));
        assert!(parsed("production").is_err());
    }

    #[test]
    fn end_is_a_day_that_is_not_over() {
        let now: Time = "2026-11-20T12:00:00Z".parse().unwrap();
        let places = ["ou-ab12-11111111", "555566667777", "555566667777"].map(|text| text.parse().unwrap());
        let made = exemption(&places, &terms("2026-11-20"), now).ok().unwrap();
        assert_eq!((made.accounts.len(), made.ous.len()), (1, 1), "each is named once");
        for (until, fix) in [("2026-11-19", "not over"), ("soon", "YYYY-MM-DD"), ("", "YYYY-MM-DD")] {
            let Err(Failure::Usage(problem)) = exemption(&places, &terms(until), now) else { panic!("{until}") };
            assert!(problem.contains(fix), "{problem}");
        }
    }
}
