//! Why a bucket exits.

#[cfg(feature = "capi")]
use crate::error::Error;

/// Why a bucket exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum Reason {
    /// It was done.
    Normal = 0,
    /// It was told to, as part of an ordered end.
    Shutdown = 1,
    /// It was ended by force.
    Killed = 2,
    /// It failed.
    Crash = 3,
    /// Its owner ended.
    OwnerClosed = 4,
    /// Its time to live ran out.
    Expired = 5,
    /// It had exited before anybody asked, and why is not remembered.
    Gone = 6,
}

impl Reason {
    /// A reason that a caller may give: the others are kvreg's own.
    #[cfg(feature = "capi")]
    pub(crate) fn from_caller(number: u32) -> Result<Reason, Error> {
        [Reason::Normal, Reason::Shutdown, Reason::Killed, Reason::Crash]
            .into_iter()
            .find(|&reason| reason as u32 == number)
            .ok_or(Error::InvalidArgument)
    }
}
