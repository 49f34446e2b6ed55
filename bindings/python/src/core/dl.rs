//! The dynamic loader, behind functions that are safe to call.

use libc::{RTLD_DEFAULT, RTLD_LOCAL, RTLD_NOLOAD, RTLD_NOW, c_int, c_void};
use std::ffi::{CStr, CString, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::NonNull;

/// Looks up the library's symbols before those of the process, so that a second core calls itself and not the first.
#[cfg(target_env = "gnu")]
pub(super) const OWN_SYMBOLS_FIRST: c_int = libc::RTLD_DEEPBIND;
/// The C library knows no such thing.
#[cfg(not(target_env = "gnu"))]
pub(super) const OWN_SYMBOLS_FIRST: c_int = 0;

/// A library that stays loaded at least as long as this exists.
pub(super) struct Library(NonNull<c_void>);

impl Library {
    /// Loads the file, or says in the loader's words why not.
    pub(super) fn open(path: &OsStr, more_flags: c_int) -> Result<Library, String> {
        let name = CString::new(path.as_bytes()).map_err(|_| "the path contains a NUL byte".to_owned())?;
        dlopen(&name, RTLD_NOW | RTLD_LOCAL | more_flags).ok_or_else(last_error)
    }

    /// The library if this process already holds it, by path or by SONAME.
    pub(super) fn loaded(name: &CStr) -> Option<Library> {
        dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD)
    }

    /// The address of a symbol, in the library itself or in one that it needs.
    pub(super) fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>> {
        dlsym(self.0.as_ptr(), name)
    }

    /// Leaves the library loaded for the rest of the process.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle came from dlopen, and is given back once.
        unsafe { libc::dlclose(self.0.as_ptr()) };
    }
}

/// The address of a symbol that the whole process sees.
pub(super) fn global_symbol(name: &CStr) -> Option<NonNull<c_void>> {
    dlsym(RTLD_DEFAULT, name)
}

/// The paths of all loaded objects in load order, without the program itself (which has no path here).
#[cfg(target_os = "linux")]
pub(super) fn objects() -> Vec<CString> {
    unsafe extern "C" fn note(info: *mut libc::dl_phdr_info, _size: usize, paths: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid record, and what `objects` gave it: its own list.
        let (info, paths) = unsafe { (&*info, &mut *paths.cast::<Vec<CString>>()) };
        if !info.dlpi_name.is_null() {
            // SAFETY: a name that is not NULL is C text, valid during the call.
            let path = unsafe { CStr::from_ptr(info.dlpi_name) };
            if !path.is_empty() {
                paths.push(path.to_owned());
            }
        }
        0
    }
    let mut paths: Vec<CString> = Vec::new();
    // The paths are only noted here: the loader's lock is held, so nothing may be opened.
    // SAFETY: `note` has the demanded signature, and `paths` outlives the call, which alone uses it.
    unsafe { libc::dl_iterate_phdr(Some(note), (&raw mut paths).cast()) };
    paths
}

/// Not known how on this system.
#[cfg(not(target_os = "linux"))]
pub(super) fn objects() -> Vec<CString> {
    Vec::new()
}

/// The file that an address belongs to.
pub(super) fn path_of(address: *const c_void) -> Option<PathBuf> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked for; `info` is writable, and zero is a valid record.
    let info = unsafe {
        if libc::dladdr(address, info.as_mut_ptr()) == 0 { None } else { Some(info.assume_init()) }
    };
    let name = info.map(|info| info.dli_fname).filter(|name| !name.is_null())?;
    // SAFETY: a name that is not NULL is C text, valid while the object is loaded, and copied at once.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

fn dlopen(name: &CStr, flags: c_int) -> Option<Library> {
    // SAFETY: the name is C text. Loading a library runs its initialisers: whoever names one, trusts it.
    NonNull::new(unsafe { libc::dlopen(name.as_ptr(), flags) }).map(Library)
}

fn dlsym(handle: *mut c_void, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the handle is RTLD_DEFAULT or that of a library that is still open; the name is C text.
    NonNull::new(unsafe { libc::dlsym(handle, name.as_ptr()) })
}

fn last_error() -> String {
    // SAFETY: no arguments; the text, if any, is valid until this thread's next call to the loader.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "the loader gives no reason".to_owned();
    }
    // SAFETY: not NULL, so it is C text, and it is copied at once.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
