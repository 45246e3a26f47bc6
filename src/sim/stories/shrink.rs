//! Shrinks a failing story: leaves out ever smaller parts as long as the story still fails.

use super::play::play;
use super::step::Story;

/// Stories played for this; the result need not be the shortest.
const TRIES_MAX: usize = 300;

/// The places of the steps that the failure needs.
pub(crate) fn shrink(story: &Story) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..story.steps.len()).collect();
    let mut tries = 0;
    let mut part = kept.len().div_ceil(2);
    while part > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < kept.len() && tries < TRIES_MAX {
            let less: Vec<usize> =
                kept.iter().enumerate().filter(|(at, _)| !(from..from + part).contains(at)).map(|(_, n)| *n).collect();
            tries += 1;
            if play(&only(story, &less)).violation.is_some() {
                kept = less;
                shorter = true;
            } else {
                from += part;
            }
        }
        if part == 1 && !shorter {
            break;
        }
        part = if part == 1 { 1 } else { part.div_ceil(2) };
        if tries >= TRIES_MAX {
            break;
        }
    }
    kept
}

/// The story with only the steps at these places.
pub(crate) fn only(story: &Story, kept: &[usize]) -> Story {
    let steps = kept.iter().filter_map(|place| story.steps.get(*place).copied()).collect();
    Story { steps, ..story.clone() }
}
