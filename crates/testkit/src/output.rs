use serde_json::{Value, json};

use crate::shape;

/// What a command left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    pub(crate) fn of(output: std::process::Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output, which must be exactly one JSON object on exactly one line.
    pub fn json(&self) -> Value {
        let line = self.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no line end: {self:?}"));
        assert!(!line.contains('\n'), "more than one line: {self:?}");
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert!(value.is_object(), "not an object: {self:?}");
        value
    }

    /// The object of a command that must have ended with this exit code.
    #[track_caller]
    pub fn ended(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "exit code of {self:?}");
        self.json()
    }

    /// The error of a command that must have ended with exit code 2 and this error code; the whole object of the
    /// contract is checked.
    #[track_caller]
    pub fn refused(&self, code: &str) -> Value {
        let value = self.ended(2);
        shape::assert_shape(&value, &error_shape());
        assert_eq!(value["error"]["code"], json!(code), "{value}");
        value["error"].clone()
    }
}

/// The error object of the contracts.
pub(crate) fn error_shape() -> Value {
    json!({"schema": "=vaguemestre/error/1", "error": {
        "code": "=duplicate_nil|identity_in_use|unknown_product|unknown_job|port_in_use|data_unwritable|data_newer|no_server|adapter_missing|busy|bad_input|forbidden",
        "message": "text", "field": "string?", "detail": {}, "next": "text",
    }})
}
