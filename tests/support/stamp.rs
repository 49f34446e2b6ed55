//! Remembers what a thing was built from, so that it is built again only when that changed.

use super::failure::{At, Outcome};
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

/// A sum over files' names and contents. Times are left out: a fresh checkout has new times and old contents.
#[derive(Default)]
pub(crate) struct Sum {
    hasher: DefaultHasher,
}

impl Sum {
    /// Adds a text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.hasher.write_usize(text.len());
        self.hasher.write(text.as_bytes());
        self
    }

    /// Adds a file's content.
    pub(crate) fn file(&mut self, path: &Path) -> Outcome<&mut Self> {
        let content = fs::read(path).at("read", path)?;
        self.hasher.write_usize(content.len());
        self.hasher.write(&content);
        Ok(self)
    }

    /// Adds a folder with all below it, but for the entries of the names in `skip`.
    pub(crate) fn folder(&mut self, folder: &Path, skip: &[&str]) -> Outcome<&mut Self> {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .at("list", folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .at("list", folder)?;
        entries.sort();
        for entry in entries {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if skip.contains(&name.as_str()) {
                continue;
            }
            self.text(&name);
            if entry.is_dir() {
                self.folder(&entry, skip)?
            } else {
                self.file(&entry)?
            };
        }
        Ok(self)
    }

    /// The sum so far, as text.
    pub(crate) fn finish(&self) -> String {
        format!("{:016x}", self.hasher.finish())
    }
}

/// Whether the stamp says that the thing was built from just this.
pub(crate) fn is_fresh(stamp: &Path, sum: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|text| text == sum)
}

/// Stamps a thing that was built. Call it last: a build that broke off must not look done.
pub(crate) fn write(stamp: &Path, sum: &str) -> Outcome {
    fs::write(stamp, sum).at("write", stamp)
}

/// Takes the stamp away before the thing is changed.
pub(crate) fn clear(stamp: &Path) -> Outcome {
    match fs::remove_file(stamp) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).at("remove", stamp),
        _ => Ok(()),
    }
}
