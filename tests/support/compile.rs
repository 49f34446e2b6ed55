//! Compiles C and C++ against the library that cargo built.
//!
//! A source may say in its first lines how it wants to be built and run:
//! `flags: -pthread -ldl` adds flags to the compiler's command, and `args: lib` passes it the library's path.

use super::failure::{At, Failure, Outcome};
use super::layout::Layout;
use super::run::{Printed, Run};
use super::sanitizer;
use super::tool::Tool;
use std::fs;
use std::path::{Path, PathBuf};

/// How many lines of a source are searched for its wishes.
const HEAD_LINES: usize = 12;

/// One of the two languages that the headers are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// C, as C11 unless the source's own flags say otherwise.
    C,
    /// C++, as C++17 unless the source's own flags say otherwise.
    Cpp,
}

impl Language {
    /// Its folder below tests/, which is also the ending of its files.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "cpp",
        }
    }

    /// The compiler for programs in it.
    pub(crate) fn compiler(self) -> Tool {
        match self {
            Self::C => Tool::Cc,
            Self::Cpp => Tool::Cxx,
        }
    }

    fn standard(self) -> &'static str {
        match self {
            Self::C => "-std=c11",
            Self::Cpp => "-std=c++17",
        }
    }
}

/// Which of the two libraries a program takes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// libkvreg.so, found at run time through the rpath.
    Shared,
    /// libkvreg.a, with the system libraries that rustc names.
    Static,
}

/// What a source asks for in its first lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// Flags for the compiler.
    pub(crate) flags: Vec<String>,
    /// Whether the program takes the library's path as its argument.
    pub(crate) library: bool,
}

impl Wishes {
    /// Reads them from a source's text.
    pub(crate) fn of(source: &str) -> Outcome<Self> {
        let mut wishes = Self::default();
        for line in source.lines().take(HEAD_LINES) {
            if let Some(words) = wish(line, "flags:") {
                wishes.flags.extend(words.map(str::to_string));
            } else if let Some(mut words) = wish(line, "args:") {
                // A misspelt wish would silently turn a test into another one.
                match (words.next(), words.next()) {
                    (Some("lib"), None) => wishes.library = true,
                    _ => return Err(Failure::new(format!("`args:` knows `lib` only, in: {}", line.trim()))),
                }
            }
        }
        Ok(wishes)
    }
}

/// The words after a key, up to the end of the line or of the comment. The key stands first in its line, after
/// what begins a comment, so that prose which happens to hold it is not taken for one.
fn wish<'a>(line: &'a str, key: &str) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || c == '/' || c == '*');
    let rest = text.strip_prefix(key)?;
    Some(rest.split("*/").next().unwrap_or(rest).split_whitespace())
}

/// Compiles one source to a program of this name in the layout's native folder.
pub(crate) fn program(
    layout: &Layout,
    language: Language,
    source: &Path,
    name: &str,
    link: Link,
) -> Outcome<PathBuf> {
    let text = fs::read_to_string(source).at("read", source)?;
    let native = layout.native()?;
    let output = native.join(name);
    let run = Run::new(language.compiler().find()?)
        .args([language.standard(), "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"])
        .args(sanitizer::flags())
        .arg("-I")
        .arg(layout.include())
        .arg("-o")
        .arg(&output)
        .arg(source);
    let run = match link {
        Link::Shared => run.args(shared_flags(&native)),
        Link::Static => run.arg(layout.archive()?).args(native_static_libs(layout)?),
    };
    // Last, so that they win: a source may ask for another standard.
    run.args(Wishes::of(&text)?.flags).quiet()?;
    Ok(output)
}

/// What links a program to the shared library and lets it find that again at run time.
pub(crate) fn shared_flags(native: &Path) -> Vec<String> {
    let native = native.display();
    vec![format!("-L{native}"), "-lkvreg".to_string(), format!("-Wl,-rpath,{native}")]
}

/// Runs a program that [`program`] made, with the argument that its source asks for.
pub(crate) fn run(layout: &Layout, source: &Path, program: &Path) -> Outcome<Printed> {
    let text = fs::read_to_string(source).at("read", source)?;
    let run = Run::new(program).folder(&layout.native()?);
    if Wishes::of(&text)?.library { run.arg(layout.library()?) } else { run }.quiet()
}

/// Checks that a header or source is accepted by a compiler without a warning.
pub(crate) fn accepts(layout: &Layout, compiler: Tool, standard: &str, kind: &str, file: &Path) -> Outcome {
    Run::new(compiler.find()?)
        .args(["-x", kind, &format!("-std={standard}")])
        .args(["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-fsyntax-only"])
        .arg("-I")
        .arg(layout.include())
        .arg(file)
        .quiet()
        .map(|_| ())
}

/// The system libraries that a static Rust library needs, in the order that rustc wants them.
fn native_static_libs(layout: &Layout) -> Outcome<Vec<String>> {
    let folder = layout.scratch(&format!("static-libs-{}", std::process::id()))?;
    let (source, list) = (folder.join("probe.rs"), folder.join("list.txt"));
    fs::write(&source, "").at("write", &source)?;
    Run::new(Tool::Rustc.find()?)
        .args(["--crate-type", "staticlib", "--print"])
        .arg(format!("native-static-libs={}", list.display()))
        .arg("-o")
        .arg(folder.join("libprobe.a"))
        .arg(&source)
        .quiet()?;
    let text = fs::read_to_string(&list).at("read", &list)?;
    fs::remove_dir_all(&folder).at("remove", &folder)?;
    let libs: Vec<String> = text.split_whitespace().map(str::to_string).collect();
    // With no flag at all the link might still succeed on some systems, and the check would check nothing.
    if libs.iter().all(|lib| lib.starts_with("-l")) && !libs.is_empty() {
        Ok(libs)
    } else {
        Err(Failure::new(format!("rustc names no native libraries: {text:?}")))
    }
}
