//! Metrics, one line per batch in CloudWatch's embedded format [docs: `CloudWatch_Embedded_Metric_Format_Specification`].
//!
//! The account is no dimension, because CloudWatch bills each value of a dimension as a metric.

use serde_json::{Map, Value, json};

use crate::domain::case::Applied;
use crate::domain::record::Status;
use crate::domain::signal::Cause;
use crate::domain::time::Time;
use crate::reactor::{BatchReport, ConfigurationLag, Reconciled};

/// The metrics' namespace.
pub const NAMESPACE: &str = "RunasReactor";
/// CloudWatch takes at most this many values of one metric in a line.
const VALUES_MAX: usize = 100;

/// What a metric counts of a batch.
type Measure = fn(&BatchReport) -> Value;

/// Every metric: name, unit, and what it counts of a batch.
pub const METRICS: [(&str, &str, Measure); 13] = [
    ("Targets", "Count", |report| json!(report.reconciled.len())),
    ("InSync", "Count", |report| count(report, |reconciled| reconciled.status == Status::InSync)),
    ("Corrected", "Count", |report| count(report, is_corrected)),
    ("NotInSync", "Count", |report| count(report, is_wrong)),
    ("AlertsSent", "Count", |report| json!(report.alerts)),
    ("Ignored", "Count", |report| json!(report.ignored.len())),
    ("Undecodable", "Count", |report| json!(report.undecodable.len())),
    ("HandedBack", "Count", |report| json!(report.failed.len() + report.retried.len())),
    ("SignalToDone", "Milliseconds", |report| json!(times(report))),
    ("ConfigurationLag", "Milliseconds", |report| json!(lags(report, |lag| lag.ms))),
    ("ConfigurationLagObjective", "Milliseconds", |report| json!(lags(report, |lag| lag.objective_ms))),
    ("SweepTargets", "Count", |report| json!(report.to_sweep)),
    ("SweepChecked", "Count", |report| count(report, is_swept)),
];

fn count(report: &BatchReport, counts: impl Fn(&Reconciled) -> bool) -> Value {
    json!(report.reconciled.iter().filter(|reconciled| counts(reconciled)).count())
}

fn is_corrected(reconciled: &Reconciled) -> bool {
    matches!(reconciled.applied, Applied::Landed { .. })
}

fn is_wrong(reconciled: &Reconciled) -> bool {
    !matches!(reconciled.status, Status::New | Status::InSync | Status::Exempt)
}

/// Whether this is a sweep's first observation of the target. The messages that follow from it do not count again.
fn is_swept(reconciled: &Reconciled) -> bool {
    reconciled.cause == Cause::Sweep && reconciled.requeues == 0
}

fn lags(report: &BatchReport, of: impl Fn(&ConfigurationLag) -> i64) -> Vec<i64> {
    report.reconciled.iter().filter_map(|reconciled| reconciled.lag.as_ref()).map(of).take(VALUES_MAX).collect()
}

fn times(report: &BatchReport) -> Vec<i64> {
    let corrected = report.reconciled.iter().filter(|reconciled| is_corrected(reconciled));
    corrected.map(|reconciled| reconciled.since_ms).take(VALUES_MAX).collect()
}

/// The metrics line of one batch.
pub fn line(report: &BatchReport, now: Time) -> String {
    let mut root = Map::new();
    let mut defined = Vec::new();
    for (name, unit, measure) in METRICS {
        let value = measure(report);
        if value.as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        defined.push(json!({ "Name": name, "Unit": unit }));
        root.insert(name.to_owned(), value);
    }
    root.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.ms(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": defined }],
        }),
    );
    Value::Object(root).to_string()
}
