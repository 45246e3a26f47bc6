//! Stub.
use super::signal::{Notice, Work};
/// x
pub enum Decoded {
    /// x
    Signal(Box<Notice>),
    /// x
    Ignored {
        /// x
        reason: String,
        /// x
        about: (),
    },
    /// x
    Poison {
        /// x
        reason: String,
    },
}
/// x
pub fn decode(_b: &str) -> Decoded {
    Decoded::Poison { reason: String::new() }
}
/// x
pub fn encode_work(_w: &Work) -> String {
    String::new()
}
