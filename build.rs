//! Makes the C header from the sources of the C interface, and gives the shared library its name.
//!
//! The header goes to OUT_DIR, never into the source tree; a test compares it with `include/kvreg.h`. With
//! `KVREG_BLESS=1` in the environment it is written there as well.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The name that programs record and the loader looks for. It changes only when an older program would break.
const SONAME: &str = "libkvreg.so.0";
/// In the order of the manual.
const SOURCES: [&str; 22] = [
    "types",
    "types/event",
    "types/table",
    "status",
    "registry",
    "load",
    "bucket",
    "owner",
    "entry",
    "typed",
    "change",
    "value",
    "bulk",
    "snapshot",
    "cursor",
    "batch",
    "time",
    "event",
    "handler",
    "supervisor",
    "stats",
    "api",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/capi");
    println!("cargo::rerun-if-env-changed=KVREG_BLESS");
    sanitizer();
    if env::var_os("CARGO_FEATURE_CAPI").is_some() {
        header();
    }
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
        // Two copies in one process are two cores: neither may call into the other.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-Bsymbolic");
        // Never unmapped: the registry's thread runs in it, and thread-local destructors point into it.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,now");
    }
}

/// Tells the sources and tests whether they are built for a sanitizer (`kvreg_sanitize`) and for which
/// (`kvreg_sanitize = "address"` or `"thread"`). rustc's own `cfg(sanitize)` is not for stable compilers.
fn sanitizer() {
    println!("cargo::rustc-check-cfg=cfg(kvreg_sanitize, values(none(), \"address\", \"thread\"))");
    let active = env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
    for name in active.split(',').filter(|name| ["address", "thread"].contains(name)) {
        println!("cargo::rustc-cfg=kvreg_sanitize");
        println!("cargo::rustc-cfg=kvreg_sanitize=\"{name}\"");
    }
}

fn header() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut config =
        cbindgen::Config::from_file(root.join("src/capi/cbindgen.toml")).expect("src/capi/cbindgen.toml");
    config.header = Some(read(&root, "src/capi/header.h"));
    config.after_includes = Some(after_includes());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(format!("src/capi/{source}.rs")));
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("kvreg.h");
    let bindings = builder.generate().expect("the C interface must be readable to cbindgen");
    bindings.write_to_file(&out);
    if env::var_os("KVREG_BLESS").is_some_and(|bless| bless == "1") {
        fs::copy(&out, root.join("include/kvreg.h")).expect("include/kvreg.h must be writable");
    }
}

fn read(root: &Path, file: &str) -> String {
    println!("cargo::rerun-if-changed={file}");
    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn after_includes() -> String {
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}")).expect("cargo sets it");
    let (major, minor, patch) = (part("MAJOR"), part("MINOR"), part("PATCH"));
    format!(
        "\n/** The version of this header; kvreg_version() is that of the library that runs. */\n\
         #define KVREG_VERSION_MAJOR {major}\n\
         #define KVREG_VERSION_MINOR {minor}\n\
         #define KVREG_VERSION_PATCH {patch}\n\
         #define KVREG_VERSION \"{major}.{minor}.{patch}\"\n\n\
         #ifndef KVREG_API\n\
         #define KVREG_API extern\n\
         #endif\n\n\
         /** Sets the size and the defaults: `kvreg_options options = KVREG_OPTIONS_INIT;` */\n\
         #define KVREG_OPTIONS_INIT {{sizeof(kvreg_options), NULL, 0, 0, 3, 5000, -1}}\n\n\
         /** The same for `kvreg_load_options`: waits for ever. */\n\
         #define KVREG_LOAD_OPTIONS_INIT {{sizeof(kvreg_load_options), -1}}\n\n\
         /** The same for `kvreg_add_options`: from 0 on, and as far as an int64_t goes. */\n\
         #define KVREG_ADD_OPTIONS_INIT {{sizeof(kvreg_add_options), 0, INT64_MIN, INT64_MAX, 0}}\n\n\
         /** The same for `kvreg_subscribe_options`: all events from now on. */\n\
         #define KVREG_SUBSCRIBE_OPTIONS_INIT {{sizeof(kvreg_subscribe_options), KVREG_EVENTS_CREATE | \
         KVREG_EVENTS_EXIT, KVREG_OF_ALL, NULL, 0, 0, 1024, KVREG_OVERFLOW_DROP, KVREG_START_NOW, 1000, 0, 0, 0}}\n\n\
         /** The same for `kvreg_handler_options`: all events, synchronously. */\n\
         #define KVREG_HANDLER_OPTIONS_INIT {{sizeof(kvreg_handler_options), KVREG_EVENTS_CREATE | \
         KVREG_EVENTS_EXIT, KVREG_OF_ALL, NULL, 0, 0, KVREG_HANDLER_SYNC, 0, 5000, 65536, 0}}\n\n\
         /** The same for `kvreg_bucket_options`: public, nobody's, and without an end. */\n\
         #define KVREG_BUCKET_OPTIONS_INIT {{sizeof(kvreg_bucket_options), 0, 0, KVREG_ACCESS_PUBLIC, 0, -1, -1}}\n\n\
         /** The same for `kvreg_register_options`: unique, and nobody's. */\n\
         #define KVREG_REGISTER_OPTIONS_INIT {{sizeof(kvreg_register_options), 0, 0}}\n\n\
         /** The same for `kvreg_supervisor_options`: one_for_one, no more than 3 restarts in 5 s, no parent. */\n\
         #define KVREG_SUPERVISOR_OPTIONS_INIT {{sizeof(kvreg_supervisor_options), NULL, 0, 0, 3, 5000, 0, 0}}\n\n\
         /** The same for `kvreg_worker_options`: permanent, waited for during 5 s. */\n\
         #define KVREG_WORKER_OPTIONS_INIT {{sizeof(kvreg_worker_options), NULL, 0, 5000, 0}}\n\n\
         /** For `kvreg_supervisor_stats`: the size, and nothing. */\n\
         #define KVREG_SUPERVISOR_INFO_INIT {{sizeof(kvreg_supervisor_info), 0, 0, 0, 0, 0, 0}}\n\n\
         /** For `kvreg_worker_stats`: the size, and nothing. */\n\
         #define KVREG_WORKER_INFO_INIT {{sizeof(kvreg_worker_info), 0, 0, 0, 0}}\n\n\
         /** For `kvreg_registry_stats`: the size, and nothing. */\n\
         #define KVREG_STATS_INIT \
         {{sizeof(kvreg_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}\n\n\
         /** Where a snapshot begins: `kvreg_cursor cursor = KVREG_CURSOR_INIT;` */\n\
         #define KVREG_CURSOR_INIT {{{{0, 0}}}}\n"
    )
}
