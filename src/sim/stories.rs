//! Random stories: each is drawn from a seed and played on the simulated organisation. A checker that knows what really
//! happened judges it; a failing story is shrunk.

mod check;
mod instances;
mod play;
mod shrink;
mod stage;
mod step;
mod truth;

#[cfg(test)]
mod tests;

pub(crate) use play::{Played, play};
pub(crate) use shrink::{only, shrink};
pub(crate) use step::{Scenario, Step, Story};
