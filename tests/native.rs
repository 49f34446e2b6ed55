//! The programs in tests/c and tests/cpp, compiled as users compile them, and the two headers under every standard
//! and both compilers.
#![cfg(feature = "capi")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::compile::{self, Language, Link, Wishes};
use support::failure::{At, Failure, Outcome};
use support::layout::Layout;
use support::run::Run;
use support::sanitizer;
use support::tool::{Tool, need};

/// One test per program, and one that fails when a file has none.
macro_rules! programs {
    ($folder:ident, $language:expr, [$($name:ident),* $(,)?]) => {
        mod $folder {
            use super::*;
            $(
                #[test]
                fn $name() -> Outcome {
                    runs($language, stringify!($name))
                }
            )*

            #[test]
            fn every_file_has_a_test() -> Outcome {
                every_file_is_in($language, &[$(stringify!($name)),*])
            }
        }
    };
}

programs!(
    c,
    Language::C,
    [
        arguments,
        batch,
        bulk,
        changes,
        churn,
        memory,
        dead,
        dump,
        entry,
        events,
        exit,
        fork,
        guide,
        handlers,
        handles,
        header,
        inside,
        load,
        moments,
        monitors,
        owner,
        pages,
        snapshots,
        stats,
        supervisor,
        thread_exit,
        threads,
        times,
        torn,
        unload,
        update,
        values,
        workers
    ]
);
programs!(
    cpp,
    Language::Cpp,
    [
        batch, bulk, change, errors, events, exit, guide, header, noexcept, owner, snapshot, supervisor,
        times, values, wrapper
    ]
);

fn source(layout: &Layout, language: Language, name: &str) -> PathBuf {
    let folder = language.folder();
    layout.root.join("tests").join(folder).join(format!("{name}.{folder}"))
}

fn runs(language: Language, name: &str) -> Outcome {
    need(&[language.compiler()])?;
    let layout = Layout::find()?;
    let source = source(&layout, language, name);
    let program =
        compile::program(&layout, language, &source, &format!("{}-{name}", language.folder()), Link::Shared)?;
    let printed = compile::run(&layout, &source, &program)?.stdout;
    sanitizer::show_skipped(name, &printed)?;
    all_passed(&printed)
}

/// A program's last line is `N passed, N failed`; one that stops short of it has not shown anything.
fn all_passed(printed: &str) -> Outcome {
    let last = printed.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let counts = last.trim().split_once(" passed, ").and_then(|(passed, rest)| {
        let failed = rest.strip_suffix(" failed")?;
        Some((passed.parse::<u32>().ok()?, failed.parse::<u32>().ok()?))
    });
    match counts {
        Some((1.., 0)) => Ok(()),
        Some(_) => Err(Failure::new(format!("not all passed:\n{printed}"))),
        None => Err(Failure::new(format!("its last line is not `N passed, N failed`:\n{printed}"))),
    }
}

fn every_file_is_in(language: Language, tested: &[&str]) -> Outcome {
    let folder = Layout::find()?.root.join("tests").join(language.folder());
    let mut untested = Vec::new();
    for entry in fs::read_dir(&folder).at("list", &folder)? {
        let path = entry.at("list", &folder)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_program = path.extension().is_some_and(|ending| ending == language.folder());
        if is_program && !tested.contains(&name.as_str()) {
            untested.push(name);
        }
    }
    let folder = folder.display();
    if untested.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("add to tests/native.rs, from {folder}: {untested:?}")))
    }
}

#[test]
fn plugins_that_know_nothing_of_each_other_share_a_registry() -> Outcome {
    need(&[Tool::Cc])?;
    let layout = Layout::find()?;
    let folder = layout.root.join("tests/c/plugins");
    for name in ["plugin-one.so", "plugin-two.so"] {
        compile::program(&layout, Language::C, &folder.join("plugin.c"), name, Link::Shared)?;
    }
    let source = folder.join("host.c");
    let host = compile::program(&layout, Language::C, &source, "c-plugins-host", Link::Shared)?;
    all_passed(&compile::run(&layout, &source, &host)?.stdout)
}

/// Each test says what it lacks; this one says what all of them lack, so that one installation is enough.
#[test]
fn the_tools_of_all_tests_are_there() -> Outcome {
    need(&[
        Tool::Cc,
        Tool::Cxx,
        Tool::Clang,
        Tool::Clangxx,
        Tool::Nm,
        Tool::Readelf,
        Tool::Rustc,
        Tool::Python,
        Tool::Venv,
        Tool::Embedding,
    ])
}

#[test]
fn the_c_header_is_accepted_as_every_c() -> Outcome {
    need(&[Tool::Cc, Tool::Clang])?;
    let layout = Layout::find()?;
    let file = source(&layout, Language::C, "header");
    for compiler in [Tool::Cc, Tool::Clang] {
        for standard in ["c99", "c11", "c17"] {
            compile::accepts(&layout, compiler, standard, "c", &file)?;
        }
    }
    Ok(())
}

#[test]
fn the_c_header_is_accepted_as_every_cpp() -> Outcome {
    accepted_as_cpp(&["c++11", "c++14", "c++17", "c++20"], |layout| layout.include().join("kvreg.h"))
}

#[test]
fn the_cpp_header_is_accepted_from_cpp17_on() -> Outcome {
    let standards = ["c++17", "c++20", "c++2b"];
    accepted_as_cpp(&standards, |layout| layout.include().join("kvreg.hpp"))?;
    // The header alone leaves its templates unused; this program uses them.
    accepted_as_cpp(&standards, |layout| source(layout, Language::Cpp, "header"))
}

fn accepted_as_cpp(standards: &[&str], file: impl Fn(&Layout) -> PathBuf) -> Outcome {
    need(&[Tool::Cxx, Tool::Clangxx])?;
    let layout = Layout::find()?;
    for compiler in [Tool::Cxx, Tool::Clangxx] {
        for standard in standards {
            compile::accepts(&layout, compiler, standard, "c++", &file(&layout))?;
        }
    }
    Ok(())
}

#[test]
fn a_program_with_the_static_library_runs_without_the_shared_one() -> Outcome {
    need(&[Tool::Cc, Tool::Readelf, Tool::Rustc])?;
    let layout = Layout::find()?;
    let source = source(&layout, Language::C, "guide");
    let program = compile::program(&layout, Language::C, &source, "c-guide-static", Link::Static)?;
    let needed =
        Run::new(Tool::Readelf.find()?).args(["-d", "-W"]).arg(&program).env("LC_ALL", "C").quiet()?.stdout;
    assert!(needed.contains("(NEEDED)"), "readelf says nothing about what the program needs: {needed}");
    assert!(!needed.contains("libkvreg"), "it needs the shared library: {needed}");
    all_passed(&compile::run(&layout, &source, &program)?.stdout)
}

#[test]
fn a_failing_program_is_noticed() {
    for printed in
        ["", "2 passed", "1 passed, 1 failed", "0 passed, 0 failed", "3 passed, 0 failed\nand more"]
    {
        assert!(all_passed(printed).is_err(), "{printed:?} went through");
    }
    assert!(all_passed("check one\n3 passed, 0 failed\n").is_ok());
}

#[test]
fn a_sources_wishes_are_read() -> Outcome {
    let wishes = Wishes::of("/* A program.\n * flags: -pthread -ldl */\n// args: lib\nint main(void);\n")?;
    assert_eq!(wishes, Wishes { flags: vec!["-pthread".to_string(), "-ldl".to_string()], library: true });
    assert_eq!(Wishes::of("/* It knows no flags: none at all. */\n")?, Wishes::default());
    assert!(Wishes::of("/* args: libs */\n").is_err());
    Ok(())
}

#[test]
fn a_source_that_does_not_compile_is_a_failure() -> Outcome {
    need(&[Tool::Cc])?;
    let layout = Layout::find()?;
    let folder = layout.scratch("broken")?;
    let compiled = |name: &str, text: &str| {
        let file: &Path = &folder.join(name);
        fs::write(file, text).at("write", file)?;
        compile::program(&layout, Language::C, file, &format!("broken/{name}.out"), Link::Shared)
    };
    assert!(
        compiled("good.c", "#include \"kvreg.h\"\nint main(void) { return kvreg_version() == 0; }\n").is_ok()
    );
    assert!(compiled("bad.c", "int main(void) { return kvreg_version() == 0; }\n").is_err());
    Ok(())
}
