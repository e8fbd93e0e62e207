//! [`Failure`] in a column and in JSON: its own crate does not say how it is written.

use kernel::{Failure, RetryClass, Stage};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
struct Written {
    stage: Stage,
    retry: RetryClass,
    message: String,
}

/// A message longer than this is cut: a hostile server's answer may be part of it.
const MESSAGE: usize = 1_000;

fn written(failure: &Failure) -> Written {
    let message = failure.message.chars().filter(|c| !c.is_control()).take(MESSAGE).collect();
    Written { stage: failure.stage, retry: failure.retry, message }
}

fn read(written: Written) -> Failure {
    Failure { stage: written.stage, retry: written.retry, message: written.message }
}

/// For a TEXT column.
pub(crate) fn to_text(failure: &Failure) -> String {
    serde_json::to_string(&written(failure)).expect("three plain fields are JSON")
}

/// From a TEXT column; what cannot be read is told as it stands rather than hidden.
pub(crate) fn from_text(text: &str) -> Failure {
    serde_json::from_str(text)
        .map(read)
        .unwrap_or_else(|_| Failure::temporary(Stage::Storage, "the stored failure is unreadable"))
}

pub(crate) fn serialize<S: Serializer>(failure: &Option<Failure>, to: S) -> Result<S::Ok, S::Error> {
    failure.as_ref().map(written).serialize(to)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Failure>, D::Error> {
    Ok(Option::<Written>::deserialize(from)?.map(read))
}
