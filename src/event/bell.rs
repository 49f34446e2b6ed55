//! A file descriptor that is readable while there is something to take: for epoll, asyncio, libuv and their like.
//!
//! One end of a pair of sockets: some loops take nothing else that is not a file. A byte lies in it while the bell
//! rings, however much there is to take.

use crate::error::Error;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

#[derive(Debug)]
pub(super) struct Bell {
    /// What callers wait for.
    shown: UnixStream,
    ours: UnixStream,
    rings: bool,
}

impl Bell {
    pub(super) fn new() -> Result<Bell, Error> {
        let (shown, ours) = UnixStream::pair().map_err(|_| Error::Io)?; // not inherited by other programs
        for end in [&shown, &ours] {
            end.set_nonblocking(true).map_err(|_| Error::Io)?;
        }
        Ok(Bell { shown, ours, rings: false })
    }

    pub(super) fn fd(&self) -> i32 {
        self.shown.as_raw_fd()
    }

    pub(super) fn rings(&self) -> bool {
        self.rings
    }

    /// Makes the descriptor readable or not.
    pub(super) fn set(&mut self, rings: bool) {
        if rings != self.rings {
            self.rings = rings;
            // One byte fits always. If its reader took it, which is not its to take, there is none: no matter.
            if rings {
                send(&self.ours);
            } else {
                let _ = self.shown.read(&mut [0; 8]);
            }
        }
    }
}

/// Without the signal that would end the process if somebody has closed the other end, which is not theirs.
fn send(end: &UnixStream) {
    // SAFETY: one byte of ours.
    unsafe { libc::send(end.as_raw_fd(), [1_u8].as_ptr().cast(), 1, libc::MSG_NOSIGNAL) };
}
