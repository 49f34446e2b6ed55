//! The Python module, built and installed as users get it, against its own tests.
#![cfg(feature = "capi")]

mod support;

use std::io::Write;
use support::failure::{Failure, Outcome};
use support::layout::Layout;
use support::tool::{Tool, need};
use support::{run, sanitizer, wheel};

#[test]
fn the_modules_own_tests_pass() -> Outcome {
    need(&[Tool::Python, Tool::Venv])?;
    let layout = Layout::find()?;
    let venv = wheel::installed(&layout)?;
    // From a folder without sources: what is tested is the wheel that was installed, never the files beside it.
    let run = sanitizer::preloaded(venv.python())?
        .folder(&layout.scratch("pytest")?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"])
        // A sanitizer's report goes to the file of stderr and ends the process: pytest would take it along.
        .args(sanitizer::SANITIZER.map(|_| "--capture=sys"))
        .arg(layout.root.join("bindings/python/tests"));
    let (status, printed) = run.captured()?;
    if !status.success() {
        return Err(Failure::new(run::report("pytest bindings/python/tests", &status, &printed)));
    }
    let closing = printed.stdout.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // Past the capture of `println!`: who runs all tests is to see how many of Python's have run.
    writeln!(std::io::stdout(), "pytest: {closing}").map_err(|error| Failure::new(error.to_string()))?;
    sanitizer::show_skipped("pytest", &printed.stdout)?;
    // pytest is content with a folder of skipped tests.
    assert!(closing.contains(" passed"), "no test ran: {closing}");
    Ok(())
}
