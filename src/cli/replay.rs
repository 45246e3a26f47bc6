//! `runasctl replay`: stored cases decided again.
