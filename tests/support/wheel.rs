//! Builds the Python module as users get it, a wheel that brings its own copy of the library, and installs it.

use super::failure::{At, Failure, Outcome};
use super::layout::Layout;
use super::python::Venv;
use super::run::Run;
use super::stamp::{self, Sum};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of bindings/python that do not go into the wheel.
const NOT_SOURCES: [&str; 7] =
    ["_core", "__pycache__", "target", "tests", ".mypy_cache", ".pytest_cache", ".venv"];

/// The virtual environment with the module of the present sources and library installed in it.
pub(crate) fn installed(layout: &Layout) -> Outcome<Venv> {
    let mut venv = Venv::ready(layout)?;
    let stamp = venv.file("wheel.stamp");
    let sum = sum(layout)?;
    if !stamp::is_fresh(&stamp, &sum) {
        venv.lock = venv.lock.alone()?;
        // Another process may have built it while this one waited.
        if !stamp::is_fresh(&stamp, &sum) {
            stamp::clear(&stamp)?;
            let wheel = build(layout, &venv)?;
            install(&venv, &wheel)?;
            stamp::write(&stamp, &sum)?;
        }
        venv.lock = venv.lock.share()?;
    }
    Ok(venv)
}

fn folder(layout: &Layout) -> PathBuf {
    layout.root.join("bindings/python")
}

fn sum(layout: &Layout) -> Outcome<String> {
    let mut sum = Sum::default();
    sum.folder(&folder(layout), &NOT_SOURCES)?
        .file(&layout.root.join("src/capi/types.rs"))?
        .file(&layout.root.join("src/capi/types/table.rs"))?
        .file(&layout.library()?)?;
    Ok(sum.finish())
}

fn build(layout: &Layout, venv: &Venv) -> Outcome<PathBuf> {
    let source = folder(layout);
    let core = source.join("python/kvreg/_core");
    fs::create_dir_all(&core).at("create", &core)?;
    replace(&layout.library()?, &core.join("libkvreg.so.0"))?;
    let wheels = layout.target.join("wheels");
    let interpreter = venv.program("python");
    Run::new(venv.program("maturin"))
        .folder(&source)
        .env("CARGO_TARGET_DIR", layout.target.join("python"))
        // A repair would rename the library, and two names are two cores in one process.
        .args(["build", "--release", "--auditwheel", "skip", "--interpreter"])
        .arg(&interpreter)
        .arg("-o")
        .arg(&wheels)
        .quiet()?;
    newest(&wheels)
}

fn install(venv: &Venv, wheel: &Path) -> Outcome {
    venv.python()
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"])
        .args(["--force-reinstall", "--no-deps", "--no-index"])
        .arg(wheel)
        .quiet()
        .map(|_| ())
}

/// Copied beside its place and renamed: a process that has the old file mapped keeps the old file.
fn replace(from: &Path, to: &Path) -> Outcome {
    let fresh = to.with_extension("fresh");
    fs::copy(from, &fresh).at("copy", from)?;
    fs::rename(&fresh, to).at("create", to)
}

fn newest(wheels: &Path) -> Outcome<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(wheels).at("list", wheels)? {
        let path = entry.at("list", wheels)?.path();
        if path.extension().is_some_and(|ending| ending == "whl") {
            let time = path.metadata().and_then(|meta| meta.modified()).at("read", &path)?;
            found.push((time, path));
        }
    }
    let newest = found.into_iter().max().map(|(_, path)| path);
    newest.ok_or_else(|| Failure::new(format!("maturin left no wheel in {}", wheels.display())))
}
