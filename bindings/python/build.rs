//! Keeps the module's symbols to itself: `PyInit__kvreg` is all that it exports.
//!
//! The module looks for `kvreg_api_get` in the whole process. Whatever it exported under such a name would be found
//! there, and taken for a core of the host.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Whether the interpreter has a GIL matters to `src/turn.rs`.
    pyo3_build_config::use_pyo3_cfgs();
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,now");
    }
}
