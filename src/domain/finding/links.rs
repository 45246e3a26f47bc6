//! Where to look: pages of the console, and the command that explains a case.

use crate::domain::target::{DOCUMENT_NAME, Region, Target, partition};

/// The console's host for a region. Its pages show the account that the reader is signed in to.
fn console(region: &Region) -> String {
    let host = match partition(region) {
        "aws-cn" => "console.amazonaws.cn",
        "aws-us-gov" => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!("https://{region}.{host}")
}

/// The page of an event in CloudTrail's event history, which keeps it for 90 days. An id that AWS does not make has none.
pub(in crate::domain) fn event_page(region: &Region, event: &str) -> Option<String> {
    is_plain(event).then(|| format!("{}/cloudtrailv2/home?region={region}#/events/{event}", console(region)))
}

/// The page of the document.
pub(in crate::domain) fn document_page(region: &Region) -> String {
    format!("{}/systems-manager/documents/{DOCUMENT_NAME}/description?region={region}", console(region))
}

/// The command that explains the case of a target; without a plain id, its last one.
pub(in crate::domain) fn explain(target: &Target, case: &str) -> String {
    let id = if is_plain(case) { format!(" --id {case}") } else { String::new() };
    format!("runasctl explain {target}{id}")
}

/// Whether an id can stand in an address and in a command as it is.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !id.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(name: &str) -> Region {
        name.parse().unwrap()
    }

    #[test]
    fn each_partition_has_its_console() {
        for (name, expected) in [
            ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-west-1#/events/a-1"),
            (
                "us-gov-west-1",
                "https://us-gov-west-1.console.amazonaws-us-gov.com/cloudtrailv2/home?region=us-gov-west-1#/events/a-1",
            ),
            ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/cloudtrailv2/home?region=cn-north-1#/events/a-1"),
        ] {
            assert_eq!(event_page(&region(name), "a-1").unwrap(), expected);
        }
        assert_eq!(
            document_page(&region("cn-north-1")),
            "https://cn-north-1.console.amazonaws.cn/systems-manager/documents/SSM-SessionManagerRunShell/description\
             ?region=cn-north-1"
        );
    }

    #[test]
    fn id_that_aws_does_not_make_gets_into_no_address_and_no_command() {
        let target = Target::new("444455556666".parse().unwrap(), region("eu-west-1"));
        for id in ["", "a b", "a/../b", "$(id)", "-o", &"a".repeat(65)] {
            assert_eq!(event_page(&target.region, id), None, "{id}");
            assert_eq!(explain(&target, id), "runasctl explain 444455556666/eu-west-1", "{id}");
        }
        assert_eq!(explain(&target, "c-1"), "runasctl explain 444455556666/eu-west-1 --id c-1");
    }
}
