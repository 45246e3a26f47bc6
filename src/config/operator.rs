//! The settings of an operator's command. A flag overrides its variable; a setting is read only when it is needed.

use super::{DLQ_URL, QUEUE_URL, TABLE, TOPIC_ARN, TRUST, Trust, check, variable};

/// A setting that a command may need.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    what: &'static str,
    flag: &'static str,
    variable: &'static str,
    parse: fn(&str) -> Result<String, String>,
}

/// The reactor's work queue.
pub const QUEUE: Setting =
    Setting { what: "the URL of the work queue", flag: "--queue-url", variable: QUEUE_URL, parse: check::queue_url };
/// The dead-letter queue.
pub const DEAD_LETTER_QUEUE: Setting = Setting {
    what: "the URL of the dead-letter queue",
    flag: "--dead-letter-url",
    variable: DLQ_URL,
    parse: check::queue_url,
};
/// The ledger's table.
pub const LEDGER: Setting =
    Setting { what: "the name of the ledger's table", flag: "--table", variable: TABLE, parse: check::table };
/// The topic that alerts go to.
pub const TOPIC: Setting = Setting {
    what: "the ARN of the topic for alerts",
    flag: "--topic-arn",
    variable: TOPIC_ARN,
    parse: |text| check::topic_arn(text, None),
};

/// Why a setting cannot be used, with the fix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}; fix: {fix}")]
pub struct SettingProblem {
    cause: String,
    fix: String,
}

impl Setting {
    /// Reads the setting from its flag, or else from the environment, where an empty variable counts as not set.
    ///
    /// # Errors
    /// It is missing or invalid.
    pub fn read(&self, flag: Option<&str>) -> Result<String, SettingProblem> {
        self.read_from(flag, variable)
    }

    /// Reads an optional setting.
    ///
    /// # Errors
    /// It is invalid.
    pub fn find(&self, flag: Option<&str>) -> Result<Option<String>, SettingProblem> {
        if flag.is_none() && variable(self.variable).is_none_or(|text| text.is_empty()) {
            return Ok(None);
        }
        self.read(flag).map(Some)
    }

    fn read_from(&self, flag: Option<&str>, vars: impl Fn(&str) -> Option<String>) -> Result<String, SettingProblem> {
        let fix = format!("give {} or set {}", self.flag, self.variable);
        let given = flag.map(|text| (self.flag, text.to_owned()));
        let set = || vars(self.variable).filter(|text| !text.is_empty()).map(|text| (self.variable, text));
        let Some((whence, text)) = given.or_else(set) else {
            return Err(SettingProblem { cause: format!("{} is not known", self.what), fix });
        };
        (self.parse)(&text).map_err(|cause| SettingProblem { cause: format!("{whence}: {cause}"), fix })
    }
}

/// The certificate authorities that an operator's command trusts. The default is the system's, because a TLS-inspecting
/// proxy may stand between the operator and AWS.
///
/// # Errors
/// `RUNAS_TRUST` holds another value.
pub fn trust() -> Result<Trust, SettingProblem> {
    trust_from(variable)
}

fn trust_from(vars: impl Fn(&str) -> Option<String>) -> Result<Trust, SettingProblem> {
    match vars(TRUST).filter(|text| !text.is_empty()) {
        None => Ok(Trust::Native),
        Some(text) => check::trust(&text).map_err(|cause| SettingProblem {
            cause: format!("{TRUST}: {cause}"),
            fix: "use `amazon` or `native`".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://sqs.eu-west-1.amazonaws.com/222233334444/runas-dlq";

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_flag_beats_its_variable() {
        let variable = |name: &str| (name == TABLE).then(|| "from-variable".to_owned());
        assert_eq!(LEDGER.read_from(Some("from-flag"), variable).unwrap(), "from-flag");
        assert_eq!(LEDGER.read_from(None, variable).unwrap(), "from-variable");
        assert_eq!(DEAD_LETTER_QUEUE.read_from(Some(URL), nothing).unwrap(), URL);
    }

    #[test]
    fn what_is_missing_names_flag_and_variable() {
        let problem = DEAD_LETTER_QUEUE.read_from(None, nothing).unwrap_err().to_string();
        let expected =
            "the URL of the dead-letter queue is not known; fix: give --dead-letter-url or set RUNAS_DLQ_URL";
        assert_eq!(problem, expected);
        let empty = |_: &str| Some(String::new());
        assert_eq!(DEAD_LETTER_QUEUE.read_from(None, empty).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_wrong_names_where_it_was_given() {
        let variable = |_: &str| Some("runas".to_owned());
        assert!(
            QUEUE.read_from(None, variable).unwrap_err().to_string().starts_with("RUNAS_QUEUE_URL: `runas` is no URL")
        );
        assert!(
            QUEUE.read_from(Some("x"), variable).unwrap_err().to_string().starts_with("--queue-url: `x` is no URL")
        );
    }

    #[test]
    fn operator_uses_the_systems_certificates_by_default() {
        assert_eq!(trust_from(nothing), Ok(Trust::Native));
        assert_eq!(trust_from(|_| Some("amazon".to_owned())), Ok(Trust::Amazon));
        assert!(trust_from(|_| Some("everybody".to_owned())).is_err());
    }
}
