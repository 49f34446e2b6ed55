//! In the place of `epoch/current.rs` under a model checker: a thread-local variable of one of its threads. The
//! models end their threads with `leave_record`.

use super::Record;
use crate::sync::local;
use std::cell::Cell;
use std::ptr;

local! {
    static CURRENT: Cell<*const Record> = const { Cell::new(ptr::null()) };
}

pub(super) fn get() -> *const Record {
    CURRENT.with(Cell::get)
}

pub(super) fn set(record: *const Record) {
    CURRENT.with(|current| current.set(record));
}
