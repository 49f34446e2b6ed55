//! Where things lie: the sources, the target folder, the library that cargo built for this very run.

use super::failure::{At, Failure, Outcome};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The names under which programs find the library: at link time, and at run time (its SONAME).
const LINKS: [&str; 2] = ["libkvreg.so", "libkvreg.so.0"];

/// The folders of one build.
pub(crate) struct Layout {
    /// The project's folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// `debug` or `release` in the target folder.
    pub(crate) profile: PathBuf,
}

impl Layout {
    /// Derives the folders from the running program: tests are in `<profile>/deps`, examples in
    /// `<profile>/examples`. So CARGO_TARGET_DIR and its relatives need not be asked for.
    pub(crate) fn find() -> Outcome<Self> {
        let program = std::env::current_exe().map_err(|error| Failure::new(format!("who am I? {error}")))?;
        let folder = program.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        let profile = program.ancestors().nth(2);
        match (folder, profile, profile.and_then(Path::parent)) {
            (Some("deps" | "examples"), Some(profile), Some(target)) => Ok(Self {
                root: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
                target: target.to_path_buf(),
                profile: profile.to_path_buf(),
            }),
            _ => Err(Failure::new(format!(
                "{} is not where cargo puts tests and examples, so the library cannot be found from it; run it \
                 with `cargo test` or `cargo run --example`",
                program.display()
            ))),
        }
    }

    /// The folder of `kvreg.h` and `kvreg.hpp`.
    pub(crate) fn include(&self) -> PathBuf {
        self.root.join("include")
    }

    /// The shared library.
    pub(crate) fn library(&self) -> Outcome<PathBuf> {
        self.built("libkvreg.so")
    }

    /// The static library.
    pub(crate) fn archive(&self) -> Outcome<PathBuf> {
        self.built("libkvreg.a")
    }

    /// `cargo test` and `cargo run --example` leave the library in `deps` only. What lies one folder above is a
    /// link that `cargo build` made and that may be older, so it comes second.
    fn built(&self, name: &str) -> Outcome<PathBuf> {
        let places = [self.profile.join("deps").join(name), self.profile.join(name)];
        let found = places.iter().find(|place| place.is_file()).ok_or_else(|| {
            Failure::new(format!(
                "{name} is neither in {} nor in its `deps`; is \"cdylib\" or \"staticlib\" gone from Cargo.toml?",
                self.profile.display()
            ))
        })?;
        found.canonicalize().at("resolve", found)
    }

    /// A folder that holds the library under both its names, for `-L` and for rpath. Programs are put there too.
    pub(crate) fn native(&self) -> Outcome<PathBuf> {
        let folder = self.profile.join("native");
        fs::create_dir_all(&folder).at("create", &folder)?;
        let library = self.library()?;
        for name in LINKS {
            place_link(&library, &folder.join(name))?;
        }
        Ok(folder)
    }

    /// An empty folder of its own for one test, below [`Layout::native`].
    pub(crate) fn scratch(&self, name: &str) -> Outcome<PathBuf> {
        let folder = self.native()?.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("empty", &folder),
            _ => fs::create_dir_all(&folder).at("create", &folder),
        }?;
        Ok(folder)
    }

    /// A path as people want to read it: from the project's folder where that is possible.
    pub(crate) fn short(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// Renamed into place, because tests run in parallel and a program must never see the link missing.
fn place_link(library: &Path, link: &Path) -> Outcome {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    if fs::read_link(link).is_ok_and(|there| there == library) {
        return Ok(());
    }
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let fresh = link.with_file_name(format!("link-{}-{serial}", std::process::id()));
    symlink(library, &fresh).at("create", &fresh)?;
    fs::rename(&fresh, link).at("create", link)
}
