//! Which core this process uses.
//!
//! A process should have one core, however many languages look at it. So a core that the process already holds wins
//! over the copy that the module brought along, and one that is found but does not fit is an error: working on a
//! second core in silence would mean two registries of one name that do not know of each other.

mod dl;

use crate::types::{KVREG_ABI_MAJOR, KVREG_ABI_MINOR, kvreg_api};
use dl::Library;
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyCapsule, PyType};
use std::env;
use std::ffi::{CStr, OsString, c_char, c_void};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::OnceLock;

/// The SONAME of the core.
const SONAME: &CStr = c"libkvreg.so.0";
/// What every core exports.
const ENTRY: &CStr = c"kvreg_api_get";
/// Where a host offers the core that it is linked with, and under which name.
const OFFER: (&str, &CStr) = ("__kvreg_host_api__", c"kvreg.host_api.v1");
/// The version of this module.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The core in use.
struct Core {
    table: &'static kvreg_api,
    source: &'static str,
    path: PathBuf,
    version: String,
}
// SAFETY: the table is never written, its functions may be called from any thread, and its text is a constant.
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

static CORE: OnceLock<Core> = OnceLock::new();

/// The function table of the core in use.
#[inline(always)]
pub(crate) fn table() -> &'static kvreg_api {
    CORE.get().expect("the module was imported").table
}

/// Finds the core, once per process.
pub(crate) fn resolve(py: Python<'_>) -> PyResult<()> {
    if CORE.get().is_none() {
        let core = check(find(py)?)?;
        CORE.get_or_init(|| core);
    }
    Ok(())
}

/// `kvreg.core_info()`.
pub(crate) fn info(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let core = CORE.get().expect("the module was imported");
    let abi = (core.table.abi_major, core.table.abi_minor);
    CLASS.import(py, "kvreg._info", "CoreInfo")?.call1((
        core.source,
        core.path.as_os_str(),
        &core.version,
        abi,
        core.table.instance_id,
    ))
}

/// `kvreg._C_API`: the table, for other extension modules (`PyCapsule_Import("kvreg._C_API", 0)`).
pub(crate) fn capsule(py: Python<'_>) -> PyResult<Bound<'_, PyCapsule>> {
    let pointer = NonNull::from(table()).cast();
    // SAFETY: the table lives as long as the process, and its users read it as what the capsule's name says.
    unsafe { PyCapsule::new_with_pointer(py, pointer, c"kvreg._C_API") }
}

type Entry = unsafe extern "C" fn(u32) -> *const kvreg_api;

/// A core that was found, and is yet to be checked.
enum Found {
    Table(&'static str, *const kvreg_api),
    Entry(&'static str, Entry),
}

fn find(py: Python<'_>) -> PyResult<Found> {
    if setting("KVREG_PRIVATE").is_some_and(|value| value != "0") {
        return bundled(dl::OWN_SYMBOLS_FIRST);
    }
    if let Some(path) = setting("KVREG_LIBRARY") {
        return open("KVREG_LIBRARY", Path::new(&path), 0);
    }
    if let Some(found) = offered(py)? {
        return Ok(found);
    }
    // The SONAME before the symbol: a name is a promise, whereas any object may export a symbol.
    if let Some(found) = Library::loaded(SONAME).and_then(|library| entry_of("soname", library)) {
        return Ok(found);
    }
    if let Some(symbol) = dl::global_symbol(ENTRY) {
        return Ok(entry("symbol", symbol));
    }
    // A core inside another shared object that was loaded for itself alone.
    let mut objects = dl::objects().into_iter().filter_map(|path| Library::loaded(&path));
    if let Some(found) = objects.find_map(|library| entry_of("scan", library)) {
        return Ok(found);
    }
    bundled(0)
}

/// The core that a host put into `sys`, because nothing else leads to it (see `include/kvreg_python.h`).
fn offered(py: Python<'_>) -> PyResult<Option<Found>> {
    let (attribute, name) = OFFER;
    let Some(offer) = py.import("sys")?.getattr_opt(attribute)? else { return Ok(None) };
    let pointer = offer.cast::<PyCapsule>().ok().and_then(|capsule| capsule.pointer_checked(Some(name)).ok());
    let refused = || PyImportError::new_err(format!("sys.{attribute} is not a capsule of the name {name:?}"));
    Ok(Some(Found::Table("capsule", pointer.ok_or_else(refused)?.as_ptr().cast_const().cast())))
}

/// The copy that this module brought along.
fn bundled(more_flags: i32) -> PyResult<Found> {
    open("bundled", &bundled_path(), more_flags)
}

fn open(source: &'static str, path: &Path, more_flags: i32) -> PyResult<Found> {
    let refuse = |reason: String| {
        PyImportError::new_err(format!(
            "cannot use {} as the core of kvreg ({source}): {reason}",
            path.display()
        ))
    };
    let library = Library::open(path.as_os_str(), more_flags).map_err(refuse)?;
    entry_of(source, library).ok_or_else(|| refuse("it does not export kvreg_api_get".to_owned()))
}

/// The entry point of a library, which then stays loaded.
fn entry_of(source: &'static str, library: Library) -> Option<Found> {
    let symbol = library.symbol(ENTRY)?;
    library.keep();
    Some(entry(source, symbol))
}

fn entry(source: &'static str, symbol: NonNull<c_void>) -> Found {
    // SAFETY: whatever exports `kvreg_api_get` means the function of this name in kvreg.h; its type never changes.
    Found::Entry(source, unsafe { std::mem::transmute::<*mut c_void, Entry>(symbol.as_ptr()) })
}

/// The part of a table that is the same in all versions.
struct Head {
    abi: (u32, u32),
    size: usize,
    version: String,
}

fn check(found: Found) -> PyResult<Core> {
    let (source, table, path) = match found {
        Found::Table(source, table) => (source, table, dl::path_of(table.cast())),
        Found::Entry(source, entry) => {
            // A core answers to its own number only; which one that is, the message has to say.
            let majors =
                [KVREG_ABI_MAJOR].into_iter().chain((0..64).filter(|&major| major != KVREG_ABI_MAJOR));
            // SAFETY: the function takes any number, and answers with NULL or a table that lives for ever.
            let table = majors.map(|major| unsafe { entry(major) }).find(|table| !table.is_null());
            (source, table.unwrap_or(std::ptr::null()), dl::path_of(entry as *const c_void))
        }
    };
    let path = path.unwrap_or_else(|| "unknown file".into());
    // SAFETY: NULL, or a table; its head is the same in all versions.
    let head = unsafe { head(table) };
    match head {
        Some(head) if head.abi.0 == KVREG_ABI_MAJOR && head.size >= size_of::<kvreg_api>() => {
            // SAFETY: the table has every field that this module knows, and lives as long as the process.
            Ok(Core { table: unsafe { &*table }, source, path, version: head.version })
        }
        head => Err(PyImportError::new_err(misfit(source, &path, head))),
    }
}

/// # Safety
/// `table` is NULL or points to a table of any version.
unsafe fn head(table: *const kvreg_api) -> Option<Head> {
    if table.is_null() {
        return None;
    }
    // Field by field: a reference to the whole would promise more memory than an older table has.
    // SAFETY: not NULL, and these fields are in every table.
    let (major, minor, size, version) =
        unsafe { ((*table).abi_major, (*table).abi_minor, (*table).size, (*table).version) };
    // SAFETY: NULL or C text that lives as long as the table.
    Some(Head { abi: (major, minor), size, version: unsafe { text(version) } })
}

/// # Safety
/// `pointer` is NULL or C text.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "unknown".to_owned();
    }
    // SAFETY: not NULL, and C text by this function's own contract.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

fn misfit(source: &str, path: &Path, head: Option<Head>) -> String {
    let (path, module, own) = (path.display(), module_path(), bundled_path());
    let (module, own, need) = (module.display(), own.display(), size_of::<kvreg_api>());
    let is = head.map_or("of an unknown version".to_owned(), |head| {
        let Head { abi: (major, minor), size, version } = head;
        format!("version {version} with ABI {major}.{minor} and a function table of {size} bytes")
    });
    format!(
        "the kvreg core {path} (found by: {source}) is {is}; the Python module {module} is version {VERSION} and \
         needs ABI {KVREG_ABI_MAJOR}.{KVREG_ABI_MINOR} with a function table of at least {need} bytes. Use versions \
         that fit, so that the process has one core. (KVREG_PRIVATE=1 in the environment makes the module use its \
         own copy, {own}, which shares no registry with the other core.)"
    )
}

fn setting(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn module_path() -> PathBuf {
    dl::path_of(table as *const c_void).unwrap_or_default()
}

fn bundled_path() -> PathBuf {
    module_path().with_file_name("_core").join("libkvreg.so.0")
}
