//! Owners, and what a bucket's handle allows.

use super::{Status, done, parts};
use crate::core::table;
use crate::types::*;

/// How a bucket is made.
pub(crate) struct Terms {
    pub(crate) owner: u64,
    pub(crate) heir: u64,
    pub(crate) access: u32,
    /// In milliseconds; -1 stands for ever. The same for the next.
    pub(crate) ttl: i64,
    pub(crate) idle: i64,
}

/// The bucket, and whether this call made it.
pub(crate) fn create(registry: u64, name: &[u8], terms: &Terms) -> Result<(u64, bool), Status> {
    let ((name, len), mut id, mut created) = (parts(name), 0, false);
    let &Terms { owner, heir, access, ttl: ttl_ms, idle: idle_ms } = terms;
    let size = size_of::<kvreg_bucket_options>();
    let options = kvreg_bucket_options { size, owner, heir, access, flags: 0, ttl_ms, idle_ms };
    let out = (&raw mut id, &raw mut created);
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().create_with)(registry, name, len, &raw const options, out.0, out.1) })
        .map(|()| (id, created))
}

pub(crate) fn open() -> Result<u64, Status> {
    let mut id = 0;
    // SAFETY: the pointer is valid during the call.
    done(unsafe { (table().owner_open)(&raw mut id) }).map(|()| id)
}

pub(crate) fn of_thread() -> Result<u64, Status> {
    let mut id = 0;
    // SAFETY: the pointer is valid during the call.
    done(unsafe { (table().owner_of_thread)(&raw mut id) }).map(|()| id)
}

/// Functions of ids that give nothing.
macro_rules! tell {
    ($($name:ident($($id:ident),*) = $function:ident;)*) => {$(
        pub(crate) fn $name($($id: u64),*) -> Result<(), Status> {
            // SAFETY: takes any numbers.
            done(unsafe { (table().$function)($($id),*) })
        }
    )*};
}
tell! {
    close(owner) = owner_close;
    check(owner) = owner_check;
    give(bucket, owner) = bucket_give;
    set_heir(bucket, heir) = bucket_set_heir;
}

/// Functions that fill one number.
macro_rules! ask {
    ($($name:ident = $function:ident;)*) => {$(
        pub(crate) fn $name(id: u64) -> Result<u64, Status> {
            let mut answer = 0;
            // SAFETY: takes any number as id, and the pointer is valid during the call.
            done(unsafe { (table().$function)(id, &raw mut answer) }).map(|()| answer)
        }
    )*};
}
ask! {
    count = owner_count;
    owner_of = bucket_owner;
    reader = bucket_reader;
}

pub(crate) fn same(bucket: u64, other: u64) -> Result<bool, Status> {
    let mut same = false;
    // SAFETY: takes any numbers, and the pointer is valid during the call.
    done(unsafe { (table().bucket_same)(bucket, other, &raw mut same) }).map(|()| same)
}
