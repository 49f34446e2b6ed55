//! The harness that the tests and the tour share: where the built library lies, which tools this machine has, how C
//! and C++ are compiled against the library, how the Python module is made, and how Python is embedded.
//!
//! It uses the standard library only, so that nothing but Rust is needed to be told what else is needed.

// Every test file takes in the whole harness and uses a part of it.
#![allow(dead_code)]

pub(crate) mod compile;
pub(crate) mod embed;
pub(crate) mod failure;
pub(crate) mod header;
pub(crate) mod layout;
pub(crate) mod lock;
pub(crate) mod python;
pub(crate) mod run;
pub(crate) mod sanitizer;
pub(crate) mod stamp;
pub(crate) mod tool;
pub(crate) mod wheel;
