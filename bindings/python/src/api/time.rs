//! Times to live, in milliseconds; -1 stands for ever.

use super::{Status, Value, done, parts, plain};
use crate::core::table;

pub(crate) fn expire(bucket: u64, ttl: i64) -> Result<(), Status> {
    // SAFETY: takes any numbers.
    done(unsafe { (table().bucket_expire)(bucket, ttl) })
}

pub(crate) fn touch(bucket: u64) -> Result<(), Status> {
    // SAFETY: takes any number.
    done(unsafe { (table().bucket_touch)(bucket) })
}

pub(crate) fn remaining(bucket: u64) -> Result<i64, Status> {
    let mut left = 0;
    // SAFETY: takes any number, and the pointer is valid during the call.
    done(unsafe { (table().bucket_remaining)(bucket, &raw mut left) }).map(|()| left)
}

pub(crate) fn put_for(bucket: u64, key: &[u8], value: Value<'_>, ttl: i64) -> Result<(), Status> {
    let ((key, len), value) = (parts(key), plain(value)?);
    // SAFETY: all pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().bucket_put_for)(bucket, key, len, &raw const value, ttl) })
}

pub(crate) fn expire_key(bucket: u64, key: &[u8], ttl: i64) -> Result<(), Status> {
    let (key, len) = parts(key);
    // SAFETY: the pointer is valid during the call, which does not keep it.
    done(unsafe { (table().bucket_expire_key)(bucket, key, len, ttl) })
}

pub(crate) fn touch_key(bucket: u64, key: &[u8]) -> Result<(), Status> {
    let (key, len) = parts(key);
    // SAFETY: the pointer is valid during the call, which does not keep it.
    done(unsafe { (table().bucket_touch_key)(bucket, key, len) })
}

pub(crate) fn remaining_key(bucket: u64, key: &[u8]) -> Result<i64, Status> {
    let ((key, len), mut left) = (parts(key), 0);
    // SAFETY: both pointers are valid during the call, which keeps none of them.
    done(unsafe { (table().bucket_remaining_key)(bucket, key, len, &raw mut left) }).map(|()| left)
}
