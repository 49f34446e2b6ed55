//! The directory: objects of the caller's under composite keys.

use super::types::*;
use super::{guard, name, optional, options, output, owner};
use crate::directory::{Entry, Object, Raw, Register, Registration};
use crate::error::Error;
use crate::registry::Registry;
use core::ffi::{c_char, c_void};
use core::ptr;

const NO_OBJECT: kvreg_object = kvreg_object { pointer: ptr::null_mut(), retain: None, release: None };

/// Registers an object under a kind and a key: see the rules about the directory above.
///
/// With `KVREG_OK` there is a new entry, which has taken over one of the caller's references to the object. With any
/// other answer it has not. `KVREG_EXISTS` if the key is taken; `*out` is then the entry that has it. (With
/// `KVREG_REGISTER_DUPLICATE` it is taken only by an entry that is no duplicate.) `KVREG_DEAD` if `options->owner` was
/// closed. The object's pointer must not be NULL, and it has both functions or none. NULL options are the defaults:
/// unique, and nobody's. Cost: O(1), of duplicates O(log n).
///
/// @thread any; may block for an instant while another thread uses the directory
/// @owner on KVREG_OK one reference is the entry's; kind, key and the struct are copied
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_register(
    registry: kvreg_registry,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    object: *const kvreg_object,
    options: *const kvreg_register_options,
    out: *mut kvreg_entry,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (out, kind, key) = unsafe { (output(out, 0)?, name(kind, kind_len)?, name(key, key_len)?) };
        // SAFETY: as above.
        let (options, object) = unsafe { (register(options::read(options)?)?, import(object)?) };
        let mut object = Some(object);
        let result = Registry::from_id(registry).try_register(kind, key, &mut object, options);
        object.map(Object::into_raw); // still the caller's
        let (entry, done) = match result? {
            Registration::New(entry) => (entry, Ok(())),
            Registration::Taken(entry) => (entry, Err(Error::Exists)),
        };
        *out = entry.id();
        done
    })
}

/// Finds what is registered under a kind and a key, of duplicates the oldest: `KVREG_NOT_FOUND` if there is nothing.
///
/// `*object` is the object with a reference of the caller's own, to be given back with kvreg_object_release: retain was
/// called for it, in this thread and without any lock, and the object is kept meanwhile. Both results may be NULL; if
/// `object` is, nothing is retained.
///
/// @thread any; may block for an instant while another thread uses the directory
/// @owner the caller, of one reference to the object
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_whereis(
    registry: kvreg_registry,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    object: *mut kvreg_object,
    entry: *mut kvreg_entry,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (object, entry) = unsafe { (optional(object, NO_OBJECT), optional(entry, 0)) };
        // SAFETY: as above.
        let (kind, key) = unsafe { (name(kind, kind_len)?, name(key, key_len)?) };
        let (found, held) = Registry::from_id(registry).find_entry(kind, key)?.ok_or(Error::NotFound)?;
        if let Some(object) = object {
            *object = export((*held).clone());
        }
        if let Some(entry) = entry {
            *entry = found.id();
        }
        Ok(())
    })
}

/// Takes an entry out of the directory: when the call returns, nobody finds it. `KVREG_DEAD` if it was taken out before.
///
/// Its reference to the object is given back (release is called, exactly once for each entry) by this call, in this
/// thread; or, if others use the entry at this moment in a kvreg_whereis, kvreg_entry_object or kvreg_dispatch, by the
/// last of them, in its thread. Cost: O(1), of duplicates O(log n).
///
/// @thread any; may block for an instant while another thread uses the directory
/// @owner gives back what kvreg_register took over
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_unregister(entry: kvreg_entry) -> kvreg_status {
    guard(|| Entry::from_id(entry).unregister())
}

/// Tells whether an entry is registered: `KVREG_OK`, `KVREG_DEAD`, or `KVREG_BAD_HANDLE` if it never was one.
///
/// @thread any; wait-free
/// @owner nobody
/// @fork works in the child, as it was at the fork
/// @since 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn kvreg_entry_check(entry: kvreg_entry) -> kvreg_status {
    guard(|| Entry::from_id(entry).check())
}

/// Gives the object of an entry, with a reference of the caller's own, as kvreg_whereis does.
///
/// @thread any; may block for an instant while another thread uses the directory
/// @owner the caller, of one reference to the object
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_entry_object(entry: kvreg_entry, out: *mut kvreg_object) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let out = unsafe { output(out, NO_OBJECT)? };
        *out = export(Entry::from_id(entry).object()?);
        Ok(())
    })
}

/// Lists the entries of a kind and a key in the order in which they were registered: `*count` tells how many there are,
/// and the first `capacity` of them are written. `out` may be NULL if `capacity` is 0. None is no error.
///
/// @thread any; may block for an instant while another thread uses the directory
/// @owner nobody: an id needs no release
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_entry_list(
    registry: kvreg_registry,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    out: *mut kvreg_entry,
    capacity: usize,
    count: *mut usize,
) -> kvreg_status {
    guard(|| {
        // SAFETY: the caller passes NULL or valid pointers, as this function's comment in the header demands.
        let (count, kind, key) = unsafe { (output(count, 0)?, name(kind, kind_len)?, name(key, key_len)?) };
        if out.is_null() && capacity != 0 {
            return Err(Error::InvalidArgument);
        }
        let mut at = 0;
        *count = Registry::from_id(registry).list_entries(kind, key, capacity, |entry| {
            // SAFETY: not more than `capacity` are written, for which there is room.
            unsafe { out.add(at).write(entry.id()) };
            at += 1;
        })?;
        Ok(())
    })
}

/// Calls a function for every entry of a kind and a key, in this thread, one after the other, in the order in which they
/// were registered; `*count` tells for how many, and may be NULL. None is no error.
///
/// Entries that are unregistered meanwhile are left out, and so are those that are registered meanwhile. While the
/// function runs nothing is locked: it may make every call, also unregister its entry and stop the registry, and the
/// object is kept until it returns. It must return: an exception that leaves it ends the process. `destroy(data)` is
/// called exactly once, before this call returns, also on every error; it may be NULL.
///
/// @thread any; may block for an instant while another thread uses the directory
/// @owner the objects stay their entries'; data is given to destroy
/// @fork KVREG_FORKED in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_dispatch(
    registry: kvreg_registry,
    kind: *const c_char,
    kind_len: usize,
    key: *const c_char,
    key_len: usize,
    function: kvreg_dispatch_function,
    data: *mut c_void,
    destroy: kvreg_destroy_function,
    count: *mut u64,
) -> kvreg_status {
    let status = guard(|| {
        // SAFETY: the caller passes NULL or a valid pointer, as this function's comment in the header demands.
        let count = unsafe { optional(count, 0) };
        let function = function.ok_or(Error::InvalidArgument)?;
        // SAFETY: as above.
        let (kind, key) = unsafe { (name(kind, kind_len)?, name(key, key_len)?) };
        let number = Registry::from_id(registry).dispatch(kind, key, |entry, object| {
            // SAFETY: the caller's function, called as its type says; an exception that leaves it ends the process.
            unsafe { function(data, entry.id(), object.pointer()) };
        })?;
        if let Some(count) = count {
            *count = number;
        }
        Ok(())
    });
    super::destroy(destroy, data);
    status
}

/// Gives a reference back that kvreg_whereis or kvreg_entry_object gave, and leaves the struct empty, so that a second
/// time does nothing. NULL does nothing. The same as calling `object->release(object->pointer)` if that is there.
///
/// @thread any
/// @owner ends the caller's reference
/// @fork works in the child
/// @since 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvreg_object_release(object: *mut kvreg_object) {
    let _ = guard(|| {
        // SAFETY: NULL, or a struct that the caller got from this library, or an empty one.
        let Some(object) = (unsafe { object.as_mut() }) else { return Ok(()) };
        if let kvreg_object { pointer, release: Some(release), .. } = core::mem::replace(object, NO_OBJECT) {
            // SAFETY: the object's own function, for a reference of the caller's, once.
            unsafe { release(pointer) };
        }
        Ok(())
    });
}

fn register(options: kvreg_register_options) -> Result<Register, Error> {
    let kvreg_register_options { owner, flags, .. } = options;
    if flags & !KVREG_REGISTER_DUPLICATE != 0 {
        return Err(Error::InvalidArgument);
    }
    Ok(Register { owner: owner::some(owner), duplicate: flags & KVREG_REGISTER_DUPLICATE != 0 })
}

/// # Safety
/// `object` is NULL or points to an object of the caller's, of which this is a reference.
unsafe fn import(object: *const kvreg_object) -> Result<Object, Error> {
    // SAFETY: readable by this function's contract.
    let kvreg_object { pointer, retain, release } =
        *unsafe { object.as_ref() }.ok_or(Error::InvalidArgument)?;
    if pointer.is_null() || retain.is_some() != release.is_some() {
        return Err(Error::InvalidArgument);
    }
    // SAFETY: the header says what the functions must be good for.
    Ok(unsafe { Object::from_raw(Raw { pointer, count: retain.zip(release) }) })
}

fn export(object: Object) -> kvreg_object {
    let Raw { pointer, count } = object.into_raw();
    kvreg_object {
        pointer,
        retain: count.map(|(retain, _)| retain),
        release: count.map(|(_, release)| release),
    }
}
