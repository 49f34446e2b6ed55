//! The calling thread's record, in a thread-local variable without a destructor.
//!
//! In a shared library `thread_local!` asks the loader for the variable's address by a call (the "general dynamic"
//! model), a fifth of a lookup. On x86-64 Linux the variable is declared in assembly instead, in the "initial exec"
//! model: two loads. Such a variable must find room in the static block of a process that opens the library late; the
//! loader keeps some for just that, and ours is 8 bytes.

use super::Record;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod model {
    use super::Record;
    use std::arch::{asm, global_asm};

    global_asm!(
        ".section .tbss.kvreg_record, \"awT\", @nobits",
        ".p2align 3",
        ".globl __kvreg_record",
        ".hidden __kvreg_record",
        ".type __kvreg_record, @object",
        ".size __kvreg_record, 8",
        "__kvreg_record: .zero 8",
        ".text",
    );

    #[inline(always)]
    pub(crate) fn get() -> *const Record {
        let record;
        // SAFETY: reads the calling thread's 8 bytes, which only `set` writes.
        unsafe {
            asm!(
                "mov {record}, qword ptr [rip + __kvreg_record@GOTTPOFF]",
                "mov {record}, qword ptr fs:[{record}]",
                record = out(reg) record,
                options(nostack, preserves_flags, readonly, pure),
            );
        }
        record
    }

    pub(crate) fn set(record: *const Record) {
        // SAFETY: writes the calling thread's 8 bytes.
        unsafe {
            asm!(
                "mov {offset}, qword ptr [rip + __kvreg_record@GOTTPOFF]",
                "mov qword ptr fs:[{offset}], {record}",
                offset = out(reg) _,
                record = in(reg) record,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod model {
    use super::Record;
    use std::cell::Cell;

    thread_local! {
        static CURRENT: Cell<*const Record> = const { Cell::new(std::ptr::null()) };
    }

    #[inline(always)]
    pub(crate) fn get() -> *const Record {
        CURRENT.get()
    }

    pub(crate) fn set(record: *const Record) {
        CURRENT.set(record);
    }
}

pub(super) use model::{get, set};
