//! The owner that a thread has for itself.

use super::Owner;
use crate::error::Error;
use crate::fork;
use crate::leave as leaving;
use crate::sync::local;
use std::cell::Cell;

local! {
    // Without a destructor, so that it can be used while others run.
    static OWN: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn own() -> Result<Owner, Error> {
    fork::check()?;
    let own = Owner(OWN.with(Cell::get));
    if own.check().is_ok() {
        return Ok(own);
    }
    // There is none yet, or somebody closed it.
    if !leaving::arrange() {
        return Err(Error::Dead);
    }
    let own = Owner::open()?;
    OWN.with(|place| place.set(own.0));
    Ok(own)
}

/// Closes the thread's owner. Called when the thread ends; what is tied may run foreign code, which may ask for an owner
/// again: that one ends with the next pass.
pub(crate) fn leave() {
    let own = Owner(OWN.with(|own| own.replace(0)));
    if own.0 != 0 {
        let _ = own.close(); // somebody may have closed it, and there is nobody to tell
    }
}
