//! What can go wrong: one list for the codes, the names and the sentences.

use core::ffi::CStr;

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $message:literal;)*) => {
        /// Why a call could not do what it was asked. The numbers are those of `kvreg_status` in C.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(i32)]
        pub enum Error { $($(#[$doc])* $variant = $code,)* }

        impl Error {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [Error] = &[$(Error::$variant,)*];

            /// The error with this code.
            pub fn from_code(code: i32) -> Option<Error> {
                match code { $($code => Some(Error::$variant),)* _ => None }
            }

            /// The name of the status in C, such as `KVREG_NOT_FOUND`.
            pub fn name(self) -> &'static CStr {
                match self { $(Error::$variant => $name,)* }
            }

            /// What it means, in one plain sentence.
            pub fn message(self) -> &'static CStr {
                match self { $(Error::$variant => $message,)* }
            }
        }
    };
}

errors! {
    /// No such name or key.
    NotFound = -1, c"KVREG_NOT_FOUND", c"There is no such name or key.";
    /// The key is there already, or the process-wide name is taken.
    Exists = -2, c"KVREG_EXISTS", c"The key is there already, or a registry with this process-wide name is running.";
    /// An argument is outside of what the call accepts.
    InvalidArgument = -3, c"KVREG_INVALID_ARGUMENT", c"An argument is NULL, too long, not UTF-8, not well-formed, or has an unknown flag or option.";
    /// Not a handle of this kind, or never given out.
    BadHandle = -4, c"KVREG_BAD_HANDLE", c"The handle is of another kind, or was never given out.";
    /// The bucket exited, or the snapshot, batch or owner was closed.
    Dead = -5, c"KVREG_DEAD", c"The bucket has exited, or the snapshot, batch or owner was closed.";
    /// The registry was stopped.
    Stopped = -6, c"KVREG_STOPPED", c"The registry was stopped.";
    /// The value has another type.
    WrongType = -7, c"KVREG_WRONG_TYPE", c"The value has another type than the one asked for.";
    /// The key has another revision or value than the one expected.
    Conflict = -8, c"KVREG_CONFLICT", c"The key has another revision or value than the one expected.";
    /// A counter would leave its range.
    OutOfRange = -9, c"KVREG_OUT_OF_RANGE", c"The number would leave its range.";
    /// The call would wait for itself.
    Deadlock = -10, c"KVREG_DEADLOCK", c"The call would wait for itself for ever.";
    /// The time given was not enough.
    TimedOut = -11, c"KVREG_TIMED_OUT", c"The time given was not enough.";
    /// The call would have to wait, and was asked not to.
    WouldBlock = -12, c"KVREG_WOULD_BLOCK", c"The call would have to wait, and was asked not to.";
    /// A change was asked for in the child of a fork.
    Forked = -13, c"KVREG_FORKED", c"This process was forked from one in which kvreg ran; here it can be read but not changed.";
    /// The handle does not allow it.
    AccessDenied = -14, c"KVREG_ACCESS_DENIED", c"The handle does not allow this.";
    /// A defect inside kvreg was caught.
    Panicked = -15, c"KVREG_PANICKED", c"A defect inside kvreg was caught before it could do harm; please report it.";
    /// No memory.
    OutOfMemory = -16, c"KVREG_OUT_OF_MEMORY", c"There is not enough memory; nothing was changed.";
    /// The system refused an input or output operation.
    Io = -17, c"KVREG_IO", c"The system refused an operation.";
    /// Stored data is damaged.
    Corrupt = -18, c"KVREG_CORRUPT", c"The stored data is damaged.";
    /// Not available in this build or on this system.
    Unsupported = -19, c"KVREG_UNSUPPORTED", c"This is not available in this build or on this system.";
    /// A function of the program's own failed.
    Failed = -20, c"KVREG_FAILED", c"A function that the program gave to kvreg failed.";
}

impl Error {
    /// The code in C: negative.
    pub fn code(self) -> i32 {
        self as i32
    }
}

impl From<Error> for i32 {
    fn from(error: Error) -> i32 {
        error.code()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message().to_str().expect("the list above is text"))
    }
}

impl std::error::Error for Error {}
