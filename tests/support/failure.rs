//! What went wrong, in words for the person in front of the terminal.

use std::fmt;
use std::path::Path;

/// A text that says what went wrong. `Debug` is the plain text too: it is what a test that returns an error prints.
pub(crate) struct Failure(String);

/// What the harness's functions return.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with this text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_string())
    }
}

/// Puts the file and what was to be done with it before the system's bare "No such file or directory".
pub(crate) trait At<T> {
    /// `verb` as in "read", "create".
    fn at(self, verb: &str, path: &Path) -> Outcome<T>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, verb: &str, path: &Path) -> Outcome<T> {
        self.map_err(|error| Failure(format!("cannot {verb} {}: {error}", path.display())))
    }
}
