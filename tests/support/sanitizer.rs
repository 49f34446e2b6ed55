//! The sanitizer that this build is for, if it is for one: see `.ci/sanitize`.

use super::failure::{Failure, Outcome};
use super::run::Run;
use super::tool::Tool;
use std::io::Write;

/// Its name, as compilers know it. The library's copy of this build has it, so programs that load it need it too.
pub(crate) const SANITIZER: Option<&str> = if cfg!(kvreg_sanitize = "address") {
    Some("address")
} else if cfg!(kvreg_sanitize = "thread") {
    Some("thread")
} else {
    None
};

/// What compiles a C or C++ program with it and links the sanitizer's own library.
pub(crate) fn flags() -> Vec<String> {
    let flags = |name| vec![format!("-fsanitize={name}"), "-fno-omit-frame-pointer".to_string()];
    SANITIZER.map_or_else(Vec::new, flags)
}

/// Lets a program that was not compiled with the sanitizer, such as Python's interpreter, load libraries that were.
pub(crate) fn preloaded(run: Run) -> Outcome<Run> {
    let Some(name) = SANITIZER else { return Ok(run) };
    let (file, variable, option) = if name == "address" {
        // The interpreter leaves much of its own memory unfreed when it ends, and all stacks lead through it, so
        // nothing would tell its leaks from ours. The programs in C and C++ show ours.
        ("libasan.so", "ASAN_OPTIONS", "detect_leaks=0".to_string())
    } else {
        let list = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/tsan-python.txt");
        ("libtsan.so", "TSAN_OPTIONS", format!("suppressions={list}"))
    };
    let printed = Run::new(Tool::Cc.find()?).arg(format!("-print-file-name={file}")).quiet()?.stdout;
    let library = printed.trim();
    // The compiler gives back the bare name of what it does not have.
    if library == file {
        return Err(Failure::new(format!("missing: {file}, which comes with gcc")));
    }
    let options = std::env::var(variable).unwrap_or_default();
    Ok(run
        .env("LD_PRELOAD", library)
        .env(variable, format!("{options}:{option}"))
        .env("KVREG_TEST_SANITIZER", name))
}

/// Shows past the capture of `println!` what a test that passed has left out, so that nothing is left out silently.
pub(crate) fn show_skipped(test: &str, printed: &str) -> Outcome {
    for line in printed.lines().filter(|line| line.trim_start().to_lowercase().starts_with("skipped")) {
        writeln!(std::io::stdout(), "{test}: {}", line.trim())
            .map_err(|error| Failure::new(error.to_string()))?;
    }
    Ok(())
}
