//! In the place of `leave.rs` under a model checker, whose threads are none of the system's: the models call
//! `leave_record` themselves.

pub(crate) fn arrange() -> bool {
    true
}
