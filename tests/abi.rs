//! What the library promises to those who link it: its header, its exported symbols, its name, its status codes.
#![cfg(feature = "capi")]

mod support;

use kvreg::capi::status::{kvreg_status_message, kvreg_status_name};
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::fs;
use support::failure::{At, Failure, Outcome};
use support::header;
use support::layout::Layout;
use support::run::Run;
use support::tool::{Tool, need};

/// The fixed list, from 0 downwards. A new status goes to its end: programs hold the numbers.
const STATUSES: [&str; 21] = [
    "OK",
    "NOT_FOUND",
    "EXISTS",
    "INVALID_ARGUMENT",
    "BAD_HANDLE",
    "DEAD",
    "STOPPED",
    "WRONG_TYPE",
    "CONFLICT",
    "OUT_OF_RANGE",
    "DEADLOCK",
    "TIMED_OUT",
    "WOULD_BLOCK",
    "FORKED",
    "ACCESS_DENIED",
    "PANICKED",
    "OUT_OF_MEMORY",
    "IO",
    "CORRUPT",
    "UNSUPPORTED",
    "FAILED",
];

/// What the comment of every function ends with.
const DOC_LINES: [&str; 4] = ["@thread", "@owner", "@fork", "@since"];

/// The only functions outside the table: one that leads to it, and one whose answer stands in it as a field.
const NOT_IN_TABLE: [&str; 2] = ["kvreg_version", "kvreg_api_get"];

fn committed_header() -> Outcome<String> {
    let path = Layout::find()?.include().join("kvreg.h");
    fs::read_to_string(&path).at("read", &path)
}

#[test]
fn the_committed_header_is_the_generated_one() -> Outcome {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/kvreg.h"));
    let committed = committed_header()?;
    let differ = generated.lines().zip(committed.lines()).position(|(new, old)| new != old);
    if generated == committed {
        return Ok(());
    }
    let line = differ.unwrap_or_else(|| generated.lines().count().min(committed.lines().count()));
    Err(Failure::new(format!(
        "include/kvreg.h is not what the sources give; they part at line {}:\n  committed: {}\n  generated: {}\n\
         `KVREG_BLESS=1 cargo build` writes it anew",
        line + 1,
        committed.lines().nth(line).unwrap_or("(end)"),
        generated.lines().nth(line).unwrap_or("(end)"),
    )))
}

#[test]
fn the_manuals_packed_lists_are_the_tested_ones() -> Outcome {
    let path = Layout::find()?.root.join("tests/c/packed.h");
    let tested = fs::read_to_string(&path).at("read", &path)?;
    let shown = tested
        .split_once("/* From the manual. */\n")
        .and_then(|(_, rest)| rest.split_once("/* Up to here. */"))
        .map(|(code, _)| code)
        .ok_or_else(|| Failure::new("packed.h does not say what is from the manual"))?;
    let as_manual: String = shown.lines().map(|line| format!(" *     {line}\n")).collect();
    assert!(
        committed_header()?.contains(&as_manual),
        "the manual does not show what {} does",
        path.display()
    );
    Ok(())
}

#[test]
fn every_function_says_its_four_lines() -> Outcome {
    let mut wrong = Vec::new();
    for function in header::functions(&committed_header()?)? {
        let comment = &function.comment;
        let tail = comment.get(comment.len().saturating_sub(DOC_LINES.len())..).unwrap_or_default();
        let in_order = tail.len() == DOC_LINES.len()
            && DOC_LINES.iter().zip(tail).all(|(key, line)| says_something(key, line));
        let tags = comment.iter().filter(|line| line.starts_with('@')).count();
        // The sentences above them are the manual's text.
        if !in_order || tags != DOC_LINES.len() || comment.len() == DOC_LINES.len() {
            wrong.push(function.name);
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "these functions' comments do not end with {} in this order, each with a text, after at least one sentence: {}",
        DOC_LINES.join(", "),
        wrong.join(", ")
    )))
}

fn says_something(key: &str, line: &str) -> bool {
    line.strip_prefix(key).is_some_and(|rest| rest.starts_with(' ') && !rest.trim().is_empty())
}

#[test]
fn the_library_exports_the_functions_of_the_header_and_nothing_else() -> Outcome {
    need(&[Tool::Nm])?;
    let library = Layout::find()?.library()?;
    let printed = Run::new(Tool::Nm.find()?).args(["-D", "--defined-only"]).arg(&library).quiet()?.stdout;
    let exported: BTreeSet<&str> =
        printed.lines().filter_map(|line| line.split_whitespace().last()).collect();
    let functions = header::functions(&committed_header()?)?;
    let declared: BTreeSet<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    let missing: Vec<_> = declared.difference(&exported).collect();
    let extra: Vec<_> = exported.difference(&declared).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{}: not exported: {missing:?}; exported and not in the header: {extra:?}",
        library.display()
    );
    Ok(())
}

#[test]
fn the_library_has_its_name_and_is_never_unloaded() -> Outcome {
    need(&[Tool::Readelf])?;
    let library = Layout::find()?.library()?;
    let printed =
        Run::new(Tool::Readelf.find()?).args(["-d", "-W"]).arg(&library).env("LC_ALL", "C").quiet()?.stdout;
    let entry = |tag: &str| printed.lines().find(|line| line.contains(tag)).unwrap_or_default();
    assert!(entry("(SONAME)").ends_with("[libkvreg.so.0]"), "SONAME: {:?}", entry("(SONAME)"));
    let flags: Vec<_> = entry("(FLAGS_1)").split_whitespace().collect();
    assert!(flags.contains(&"NODELETE"), "not NODELETE: {flags:?}");
    Ok(())
}

#[test]
fn every_function_stands_in_the_table() -> Outcome {
    let text = committed_header()?;
    let in_table = header::table(&text)?;
    let functions = header::functions(&text)?;
    let expected: BTreeSet<&str> = functions
        .iter()
        .filter(|function| !NOT_IN_TABLE.contains(&function.name.as_str()))
        .map(|function| function.declaration.as_str())
        .collect();
    let found: BTreeSet<&str> = in_table.iter().map(String::as_str).collect();
    // Declarations are compared, not names: an entry with another signature would be called wrongly.
    let missing: Vec<_> = expected.difference(&found).collect();
    let extra: Vec<_> = found.difference(&expected).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "not in kvreg_api: {missing:#?}; only in kvreg_api: {extra:#?}"
    );
    assert_eq!(in_table.len(), found.len(), "a function stands in kvreg_api twice");
    for name in NOT_IN_TABLE {
        assert!(functions.iter().any(|function| function.name == name), "{name} is gone from the header");
    }
    Ok(())
}

#[test]
fn the_statuses_are_the_fixed_list_in_header_and_library() -> Outcome {
    let constants = header::constants(&committed_header()?);
    let expected: Vec<(String, i64)> =
        STATUSES.iter().zip(0..).map(|(name, number): (_, i64)| (format!("KVREG_{name}"), -number)).collect();
    let negative: Vec<_> = constants.iter().filter(|(_, value)| *value < 0).cloned().collect();
    assert_eq!(negative, expected.get(1..).unwrap_or_default(), "the header's errors");
    assert!(constants.contains(&("KVREG_OK".to_string(), 0)), "KVREG_OK is not 0 in the header");
    for (name, number) in &expected {
        let number = i32::try_from(*number).map_err(|error| Failure::new(error.to_string()))?;
        assert_eq!(text(kvreg_status_name(number)), *name);
        let message = text(kvreg_status_message(number));
        assert!(message.ends_with('.') && message.len() > 4, "{name} has no sentence: {message:?}");
    }
    for stranger in [1, -21, i32::MIN, i32::MAX] {
        assert_eq!(text(kvreg_status_name(stranger)), "KVREG_?", "for {stranger}");
    }
    Ok(())
}

fn text(from_library: *const std::ffi::c_char) -> String {
    // SAFETY: the two functions give constant texts that end in NUL.
    unsafe { CStr::from_ptr(from_library) }.to_string_lossy().into_owned()
}
