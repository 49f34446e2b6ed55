//! Times to live of `kvreg.Bucket` and its keys.

use super::Bucket;
use crate::api::{self, Status};
use crate::types::KVREG_NOT_FOUND;
use crate::{convert, errors, time, turn};
use pyo3::prelude::*;

#[pymethods]
impl Bucket {
    /// Give the bucket a time to live from now on: seconds, or a timedelta; None is for ever.
    ///
    /// When it has passed, the bucket exits, without any call, with the reason "expired".
    ///
    /// >>> shopping.expire(3600)
    /// >>> 3599 < shopping.remaining() <= 3600
    /// True
    /// >>> shopping.expire(None)
    #[pyo3(signature = (ttl))]
    fn expire(&self, py: Python<'_>, ttl: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let ttl = time::milliseconds("ttl", ttl)?;
        py.detach(|| api::time::expire(self.id, ttl)).map_err(|status| self.error(py, status))
    }

    /// Let the bucket's time to live begin again, if it has one, and the time that it may be unused.
    ///
    /// >>> shopping.touch()
    fn touch(&self, py: Python<'_>) -> PyResult<()> {
        api::time::touch(self.id).map_err(|status| self.error(py, status))
    }

    /// Tell how many seconds the bucket will live if nobody uses it; None: for ever.
    ///
    /// >>> print(shopping.remaining())
    /// None
    fn remaining(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        api::time::remaining(self.id).map(time::left).map_err(|status| self.error(py, status))
    }

    /// Give a key a time to live from now on, or none: as for `expire`. Tells whether there is such a key.
    ///
    /// When it has passed, the key is deleted, without any call. Value and revision stay until then. `put` and all that
    /// deletes the key end the time; what changes the value in one step keeps it: `add`, `update_with`,
    /// `put_if_revision`, `put_if_equal`.
    ///
    /// >>> shopping.expire_key("milk", 60), shopping.expire_key("tea", 60)
    /// (True, False)
    /// >>> shopping.add("milk") and 59 < shopping.remaining_key("milk") <= 60
    /// True
    #[pyo3(signature = (key, ttl))]
    fn expire_key(&self, key: &Bound<'_, PyAny>, ttl: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let (py, key, ttl) = (key.py(), convert::key(key)?, time::milliseconds("ttl", ttl)?);
        self.is_there(py, turn::change(py, || api::time::expire_key(self.id, &key, ttl)))
    }

    /// Let a key's time to live begin again, if it has one. Tells whether there is such a key.
    ///
    /// >>> shopping.touch_key("milk"), shopping.touch_key("tea")
    /// (True, False)
    fn touch_key(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (py, key) = (key.py(), convert::key(key)?);
        self.is_there(py, turn::change(py, || api::time::touch_key(self.id, &key)))
    }

    /// Tell how many seconds a key will be there; None: for ever. NotFoundError if there is no such key.
    ///
    /// >>> print(shopping.remaining_key("milk"))
    /// None
    fn remaining_key(&self, key: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
        match api::time::remaining_key(self.id, &convert::key(key)?) {
            Err(Status(KVREG_NOT_FOUND)) => Err(errors::not_found(key)),
            left => left.map(time::left).map_err(|status| self.error(key.py(), status)),
        }
    }
}

impl Bucket {
    pub(super) fn put_for(
        &self,
        key: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        ttl: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let (py, ttl) = (key.py(), time::milliseconds("ttl", ttl)?);
        let (key, value) = (convert::key(key)?, convert::value(value)?);
        turn::change(py, || api::time::put_for(self.id, &key, value, ttl))
            .map_err(|status| self.error(py, status))
    }

    fn is_there(&self, py: Python<'_>, done: Result<(), Status>) -> PyResult<bool> {
        match done {
            Ok(()) => Ok(true),
            Err(Status(KVREG_NOT_FOUND)) => Ok(false),
            Err(status) => Err(self.error(py, status)),
        }
    }
}
