//! The Python interpreter, and the virtual environment that holds what the module is built and tested with.

use super::failure::{At, Failure, Outcome};
use super::layout::Layout;
use super::lock::Lock;
use super::run::Run;
use super::stamp::{self, Sum};
use super::tool::Tool;
use std::fs;
use std::path::{Path, PathBuf};

/// What Debian splits off into a package of its own is `ensurepip`: `venv` is there and fails half-way.
const VENV_PROBE: &str = "import venv, ensurepip";

/// Whether this interpreter can make a virtual environment with pip in it.
pub(crate) fn has_venv(python: &Path) -> bool {
    Run::new(python).args(["-c", VENV_PROBE]).captured().is_ok_and(|(status, _)| status.success())
}

/// A virtual environment. While this value lives, no other process changes what is installed in it.
pub(crate) struct Venv {
    folder: PathBuf,
    pub(super) lock: Lock,
}

impl Venv {
    /// Makes `target/venv` and installs the tests' requirements, if that has not been done yet.
    pub(crate) fn ready(layout: &Layout) -> Outcome<Self> {
        let requirements = layout.root.join("bindings/python/tests/requirements.txt");
        let python = Tool::Python.find()?;
        let mut lock = Lock::shared(&layout.target.join("venv.lock"))?;
        let folder = layout.target.join("venv");
        let stamp = folder.join("requirements.stamp");
        let sum = sum(&python, &requirements)?;
        if !stamp::is_fresh(&stamp, &sum) {
            lock = lock.alone()?;
            // Another process may have made it while this one waited.
            if !stamp::is_fresh(&stamp, &sum) {
                make(&python, &folder, &requirements)?;
                stamp::write(&stamp, &sum)?;
            }
            lock = lock.share()?;
        }
        Ok(Self { folder, lock })
    }

    /// A program in it, such as `python`.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }

    /// A run of its Python, unaffected by what the user's environment says about modules.
    pub(crate) fn python(&self) -> Run {
        Run::new(self.program("python")).env("PYTHONNOUSERSITE", "1").env("PYTHONPATH", "")
    }

    /// A file in it, for stamps.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder of the installed modules.
    pub(crate) fn site_packages(&self) -> Outcome<PathBuf> {
        let code = "import sysconfig; print(sysconfig.get_path('platlib'))";
        Ok(PathBuf::from(self.python().args(["-c", code]).quiet()?.stdout.trim()))
    }
}

/// The interpreter counts too: a virtual environment of a Python that was replaced is broken.
fn sum(python: &Path, requirements: &Path) -> Outcome<String> {
    let code = "import sys; print(sys.version, sys.base_prefix)";
    let version = Run::new(python).args(["-c", code]).quiet()?.stdout;
    Ok(Sum::default().text(&version).file(requirements)?.finish())
}

fn make(python: &Path, folder: &Path, requirements: &Path) -> Outcome {
    if !has_venv(python) {
        return Tool::Venv.find().map(|_| ());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).at("remove", folder)?;
    }
    Run::new(python).args(["-m", "venv"]).arg(folder).quiet()?;
    Run::new(folder.join("bin/python"))
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "-r"])
        .arg(requirements)
        .quiet()
        .map_err(|failure| {
            Failure::new(format!("the Python tools could not be installed (is there a network?)\n{failure}"))
        })?;
    Ok(())
}
