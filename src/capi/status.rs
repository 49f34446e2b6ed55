//! Status codes in words, and the version.

use super::types::*;
use crate::error::Error;
use core::ffi::{CStr, c_char};

/// The name of a status as it stands in this header, such as "KVREG_NOT_FOUND"; "KVREG_?" for a number that is none.
///
/// @thread any; wait-free
/// @owner the library; valid for ever
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_status_name(status: kvreg_status) -> *const c_char {
    let name: &CStr = if status == KVREG_OK {
        c"KVREG_OK"
    } else {
        Error::from_code(status).map_or(c"KVREG_?", Error::name)
    };
    name.as_ptr()
}

/// What a status means, in one plain English sentence.
///
/// @thread any; wait-free
/// @owner the library; valid for ever
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_status_message(status: kvreg_status) -> *const c_char {
    let message: &CStr = if status == KVREG_OK {
        c"Done."
    } else {
        Error::from_code(status).map_or(c"There is no such status.", Error::message)
    };
    message.as_ptr()
}

/// The version of the library that runs, such as "0.1.0"; `KVREG_VERSION` is that of the header.
///
/// @thread any; wait-free
/// @owner the library; valid for ever
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_version() -> *const c_char {
    super::api::VERSION.as_ptr()
}
