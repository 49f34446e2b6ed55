//! Runs a program, and when it fails says which, how, and all that it printed.

use super::failure::{Failure, Outcome};
use super::layout::Layout;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A program that says nothing for this long hangs. Far beyond the slowest step (a first build of the wheel on a
/// slow machine), because it is there to end a hang and not to measure.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A program to run.
pub(crate) struct Run {
    command: Command,
}

/// What a program printed.
pub(crate) struct Printed {
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Run {
    /// A program by path, or by name if it is in PATH.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        // Cargo puts its own folders on the loader's path. A user's program has no such help, so ours has none.
        match loader_path() {
            Some(path) => command.env("LD_LIBRARY_PATH", path),
            None => command.env_remove("LD_LIBRARY_PATH"),
        };
        Self { command }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the folder that it runs in.
    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it and keeps what it prints; it is shown if the program fails.
    pub(crate) fn quiet(self) -> Outcome<Printed> {
        let line = self.line();
        let (status, printed) = self.captured()?;
        if status.success() { Ok(printed) } else { Err(Failure::new(report(&line, &status, &printed))) }
    }

    /// Runs it and keeps what it prints, whether it fails or not.
    pub(crate) fn captured(mut self) -> Outcome<(ExitStatus, Printed)> {
        let line = self.line();
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("cannot start `{line}`: {error}")))?;
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        let (Ok(stdout), Ok(stderr)) = (stdout.recv_timeout(PATIENCE), stderr.recv_timeout(PATIENCE)) else {
            // It may have ended this very moment; then there is nothing to kill, and it still is too late.
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::new(format!("killed, because it did not end: {line}")));
        };
        let status =
            child.wait().map_err(|error| Failure::new(format!("lost sight of `{line}`: {error}")))?;
        Ok((status, Printed { stdout, stderr }))
    }

    /// Runs it with this program's own terminal.
    pub(crate) fn shown(mut self) -> Outcome<ExitStatus> {
        let line = self.line();
        self.command.status().map_err(|error| Failure::new(format!("cannot start `{line}`: {error}")))
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }
}

/// What a reader wants to know about a program that failed.
pub(crate) fn report(line: &str, status: &ExitStatus, printed: &Printed) -> String {
    let mut text = format!("failed ({status}): {line}");
    for part in [&printed.stdout, &printed.stderr] {
        if !part.trim().is_empty() {
            text.push('\n');
            text.push_str(part.trim_end());
        }
    }
    text
}

/// Reads a pipe on a thread of its own: a program that fills one pipe while we read the other would stand still.
fn collect(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // A pipe that breaks is one that ended; the exit status tells the rest.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

fn loader_path() -> Option<OsString> {
    let path = std::env::var_os("LD_LIBRARY_PATH")?;
    let target = Layout::find().ok()?.target;
    let theirs: Vec<_> = std::env::split_paths(&path).filter(|entry| !entry.starts_with(&target)).collect();
    if theirs.is_empty() { None } else { std::env::join_paths(theirs).ok() }
}
