//! The directory of a registry.

use super::{Status, done, parts};
use crate::core::table;
use crate::types::*;
use std::ptr;

/// A reference to an object of any language, given back on drop.
pub(crate) struct Object(kvreg_object);

// SAFETY: references are counted and given back in any thread (kvreg.h, kvreg_count_function).
unsafe impl Send for Object {}
// SAFETY: as above; nobody looks at the object through this.
unsafe impl Sync for Object {}

const NONE: kvreg_object = kvreg_object { pointer: ptr::null_mut(), retain: None, release: None };

impl Object {
    pub(crate) fn raw(&self) -> &kvreg_object {
        &self.0
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: a reference that the core gave, once.
        unsafe { (table().object_release)(&raw mut self.0) };
    }
}

/// A kind and a key.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) kind: &'a [u8],
    pub(crate) key: &'a [u8],
}

/// Registers an object, of which it takes a reference over if that succeeds.
pub(crate) fn register(
    registry: u64,
    at: Key<'_>,
    object: &kvreg_object,
    owner: u64,
    duplicate: bool,
) -> Result<u64, Status> {
    let ((kind, kind_len), (key, key_len), mut id) = (parts(at.kind), parts(at.key), 0);
    let flags = if duplicate { KVREG_REGISTER_DUPLICATE } else { 0 };
    let options = kvreg_register_options { size: size_of::<kvreg_register_options>(), owner, flags };
    let register = table().register;
    // SAFETY: all pointers are valid during the call, which keeps none of them but the object's.
    done(unsafe { register(registry, kind, kind_len, key, key_len, object, &raw const options, &raw mut id) })
        .map(|()| id)
}

/// The oldest entry and its object.
pub(crate) fn whereis(registry: u64, at: Key<'_>) -> Result<Object, Status> {
    let ((kind, kind_len), (key, key_len), mut object) = (parts(at.kind), parts(at.key), Object(NONE));
    let entry = ptr::null_mut();
    // SAFETY: all pointers are valid during the call, which keeps none of them; the last may be NULL.
    done(unsafe { (table().whereis)(registry, kind, kind_len, key, key_len, &raw mut object.0, entry) })
        .map(|()| object)
}

pub(crate) fn object(entry: u64) -> Result<Object, Status> {
    let mut object = Object(NONE);
    // SAFETY: takes any number, and the pointer is valid during the call.
    done(unsafe { (table().entry_object)(entry, &raw mut object.0) }).map(|()| object)
}

pub(crate) fn unregister(entry: u64) -> Result<(), Status> {
    done((table().unregister)(entry))
}

pub(crate) fn check(entry: u64) -> Result<(), Status> {
    done((table().entry_check)(entry))
}

/// All entries of a key.
pub(crate) fn list(registry: u64, at: Key<'_>) -> Result<Vec<u64>, Status> {
    let ((kind, kind_len), (key, key_len)) = (parts(at.kind), parts(at.key));
    let mut entries = Vec::new();
    loop {
        let (room, mut count) = (entries.len(), 0);
        // SAFETY: all pointers are valid during the call, which writes `room` entries at most.
        done(unsafe {
            let out = entries.as_mut_ptr();
            (table().entry_list)(registry, kind, kind_len, key, key_len, out, room, &raw mut count)
        })?;
        entries.resize(count, 0);
        if count <= room {
            return Ok(entries);
        }
    }
}
