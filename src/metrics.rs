//! Metrics, one line per batch in CloudWatch's embedded format [docs: `CloudWatch_Embedded_Metric_Format_Specification`].
//!
//! The account is no dimension, because CloudWatch bills each value of a dimension as a metric.

use serde_json::{Map, Value, json};

use crate::domain::case::Applied;
use crate::domain::record::Status;
use crate::domain::time::Time;
use crate::reactor::BatchReport;

/// The metrics' namespace.
pub const NAMESPACE: &str = "RunasReactor";
/// CloudWatch takes at most this many values of one metric in a line.
const VALUES_MAX: usize = 100;

/// Every metric with its unit, in the order of the README's table.
pub const METRICS: [(&str, &str); 9] = [
    ("Targets", "Count"),
    ("InSync", "Count"),
    ("Corrected", "Count"),
    ("NotInSync", "Count"),
    ("AlertsTold", "Count"),
    ("Ignored", "Count"),
    ("Undecodable", "Count"),
    ("HandedBack", "Count"),
    ("SignalToDone", "Milliseconds"),
];

/// The metrics line of one batch.
pub fn line(report: &BatchReport, now: Time) -> String {
    let passes = report.passes.iter();
    let landed = passes.clone().filter(|pass| matches!(pass.applied, Applied::Landed { .. }));
    let in_sync = passes.clone().filter(|pass| pass.status == Status::InSync);
    let wrong = passes.clone().filter(|pass| !matches!(pass.status, Status::New | Status::InSync | Status::Exempt));
    let times: Vec<i64> = landed.clone().map(|pass| pass.since_ms).take(VALUES_MAX).collect();
    let values = [
        json!(report.passes.len()),
        json!(in_sync.count()),
        json!(landed.count()),
        json!(wrong.count()),
        json!(passes.map(|pass| pass.alerts).sum::<usize>()),
        json!(report.ignored.len()),
        json!(report.undecodable.len()),
        json!(report.failed.len() + report.retried.len()),
        json!(times),
    ];
    let mut root = Map::new();
    let mut defined = Vec::new();
    for ((name, unit), value) in METRICS.iter().zip(values) {
        if value.as_array().is_some_and(Vec::is_empty) {
            continue;
        }
        defined.push(json!({ "Name": name, "Unit": unit }));
        root.insert((*name).to_owned(), value);
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
