//! What a C++ program needs to embed Python: the header, the library, and how to link it.

use super::failure::{Failure, Outcome};
use super::run::Run;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One `name=value` per line. Unset ones are empty.
const QUESTIONS: &str = "
import sys, sysconfig
for name in ('INCLUDEPY', 'LIBDIR', 'LIBPL', 'MULTIARCH', 'LDVERSION', 'LINKFORSHARED', 'MODLIBS', 'LIBS', 'SYSLIBS'):
    print(name, sysconfig.get_config_var(name) or '', sep='=')
print('HOME', sys.base_prefix if sys.base_prefix == sys.base_exec_prefix
      else sys.base_prefix + ':' + sys.base_exec_prefix, sep='=')
";

/// How to compile, link and start a program with Python inside.
#[derive(Debug)]
pub(crate) struct Embedding {
    /// For the compiler.
    pub(crate) compile: Vec<String>,
    /// For the linker, after the sources.
    pub(crate) link: Vec<String>,
    /// Where Python's own modules are; the program passes it on as `PyConfig.home`.
    pub(crate) home: String,
}

/// Asks an interpreter, or a virtual environment's, for what its base needs.
pub(crate) fn ask(python: &Path) -> Outcome<Embedding> {
    let printed = Run::new(python).args(["-c", QUESTIONS]).quiet()?.stdout;
    from_answers(&printed)
}

/// Whether the header and a library are there.
pub(crate) fn is_possible(python: &Path) -> bool {
    ask(python).is_ok()
}

fn from_answers(printed: &str) -> Outcome<Embedding> {
    let answers: HashMap<&str, &str> = printed.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |name: &str| answers.get(name).copied().unwrap_or("");
    let include = get("INCLUDEPY");
    if !Path::new(include).join("Python.h").is_file() {
        return Err(absent("Python.h"));
    }
    Ok(Embedding {
        compile: vec![format!("-I{include}")],
        link: linking(&get)?,
        home: get("HOME").to_string(),
    })
}

/// The shared library if there is one, else the static one. The files decide, not what the interpreter says about
/// itself: Debian's is linked statically and comes with a shared library all the same.
fn linking<'a>(get: &impl Fn(&str) -> &'a str) -> Outcome<Vec<String>> {
    let version = get("LDVERSION");
    let folders =
        [PathBuf::from(get("LIBDIR")), Path::new(get("LIBDIR")).join(get("MULTIARCH")), get("LIBPL").into()];
    let with = |file: String| folders.iter().find(|folder| folder.join(&file).is_file());
    if let Some(folder) = with(format!("libpython{version}.so")) {
        let folder = folder.display();
        return Ok(vec![format!("-L{folder}"), format!("-lpython{version}"), format!("-Wl,-rpath,{folder}")]);
    }
    let archive = format!("libpython{version}.a");
    let folder = with(archive.clone()).ok_or_else(|| absent("libpython"))?;
    // Some builds of the archive cannot be moved in memory, as programs are by default; all can be linked in place.
    let mut flags = vec!["-no-pie".to_string(), folder.join(archive).display().to_string()];
    // Extension modules look for the interpreter's functions in the program, so it must export them: all of them,
    // also those that the program itself does not call (LINKFORSHARED says how).
    for name in ["LINKFORSHARED", "MODLIBS", "LIBS", "SYSLIBS"] {
        flags.extend(get(name).split_whitespace().map(str::to_string));
    }
    if !flags.iter().any(|flag| flag.contains("export-dynamic") || flag == "-rdynamic") {
        flags.push("-rdynamic".to_string());
    }
    Ok(flags)
}

fn absent(what: &str) -> Failure {
    Failure::new(format!("missing: {what} (apt-get install python3-dev)"))
}
