//! A lock between processes, so that two test programs do not build one thing at the same time.

use super::failure::{At, Failure, Outcome};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

const LOCK_SH: i32 = 1;
const LOCK_EX: i32 = 2;

// std's own `File::lock` is younger than the oldest Rust that builds kvreg.
unsafe extern "C" {
    fn flock(fd: i32, operation: i32) -> i32;
}

/// A held lock on a file. The system takes it back when the process ends, however it ends, so none is ever stale.
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Waits until nobody builds, and holds off those who want to.
    pub(crate) fn shared(path: &Path) -> Outcome<Self> {
        Self::open(path)?.turn(LOCK_SH)
    }

    /// Waits until nobody builds or uses; then this is the only one.
    pub(crate) fn alone(self) -> Outcome<Self> {
        self.turn(LOCK_EX)
    }

    /// Lets others use what was built.
    pub(crate) fn share(self) -> Outcome<Self> {
        self.turn(LOCK_SH)
    }

    fn open(path: &Path) -> Outcome<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).at("create", folder)?;
        }
        // Never removed: a second file of that name would be another lock.
        let file = File::options().create(true).append(true).open(path).at("open", path)?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    fn turn(self, operation: i32) -> Outcome<Self> {
        loop {
            // SAFETY: flock takes two numbers, and the file is open for as long as `self` lives.
            if unsafe { flock(self.file.as_raw_fd(), operation) } == 0 {
                return Ok(self);
            }
            let error = std::io::Error::last_os_error();
            if error.kind() != std::io::ErrorKind::Interrupted {
                return Err(Failure::new(format!("cannot lock {}: {error}", self.path.display())));
            }
        }
    }
}
