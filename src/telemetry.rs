//! Logs and metrics of the function, as lines of JSON on standard output, where Lambda collects them.

use std::io::Write as _;

/// Starts logging, with one JSON object per line and its fields at the top level.
pub fn init() {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(false)
        .with_span_list(false)
        .with_max_level(tracing::Level::INFO)
        .init();
}

/// Writes one line of metrics. A write error is ignored, because it must not fail a batch.
pub fn emit(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
