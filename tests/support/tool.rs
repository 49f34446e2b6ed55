//! The tools of this machine. What is missing is collected and told at once, with the command that installs it.

use super::failure::{Failure, Outcome};
use super::{embed, python};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Something that has to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The C compiler.
    Cc,
    /// The C++ compiler.
    Cxx,
    /// The second C compiler, for the headers.
    Clang,
    /// The second C++ compiler, for the headers.
    Clangxx,
    /// Lists a library's symbols.
    Nm,
    /// Lists a library's dynamic section.
    Readelf,
    /// The Rust compiler, asked for the system libraries that a static one needs.
    Rustc,
    /// The Python interpreter.
    Python,
    /// What `python3 -m venv` needs.
    Venv,
    /// What a program needs that embeds Python: `Python.h` and libpython.
    Embedding,
}

impl Tool {
    /// How people call it, the names to look for in PATH, and the Debian package.
    fn card(self) -> (&'static str, &'static [&'static str], &'static str) {
        match self {
            Self::Cc => ("gcc", &["gcc", "cc"], "gcc"),
            Self::Cxx => ("g++", &["g++", "c++"], "g++"),
            Self::Clang => ("clang", &["clang"], "clang"),
            Self::Clangxx => ("clang++", &["clang++"], "clang"),
            Self::Nm => ("nm", &["nm"], "binutils"),
            Self::Readelf => ("readelf", &["readelf"], "binutils"),
            Self::Rustc => ("rustc", &["rustc"], "rustc"),
            Self::Python => ("python3", &["python3"], "python3"),
            Self::Venv => ("python3 venv module", &[], "python3-venv"),
            Self::Embedding => ("Python.h and libpython", &[], "python3-dev"),
        }
    }

    /// Its path. For parts of Python: that of the interpreter which has them.
    pub(crate) fn find(self) -> Outcome<PathBuf> {
        self.look().ok_or_else(|| missing(&[self]))
    }

    fn look(self) -> Option<PathBuf> {
        match self {
            Self::Venv => Self::Python.look().filter(|python| python::has_venv(python)),
            Self::Embedding => Self::Python.look().filter(|python| embed::is_possible(python)),
            _ => self.card().1.iter().find_map(|name| in_path(name)),
        }
    }
}

/// Fails with everything on the list that this machine does not have.
pub(crate) fn need(tools: &[Tool]) -> Outcome {
    let absent: Vec<Tool> = tools.iter().copied().filter(|tool| tool.look().is_none()).collect();
    if absent.is_empty() { Ok(()) } else { Err(missing(&absent)) }
}

fn missing(tools: &[Tool]) -> Failure {
    let cards = tools.iter().map(|tool| tool.card());
    let each: Vec<_> =
        cards.clone().map(|(what, _, package)| format!("{what} (apt-get install {package})")).collect();
    let packages: BTreeSet<_> = cards.map(|(_, _, package)| package).collect();
    let mut text = format!("missing: {}", each.join(", "));
    if packages.len() > 1 {
        let packages: Vec<_> = packages.into_iter().collect();
        text.push_str(&format!("\nall at once: apt-get install {}", packages.join(" ")));
    }
    Failure::new(text)
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
