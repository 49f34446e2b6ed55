//! What `kvreg.Bucket` does to keys in one step, besides put and delete.

use super::Bucket;
use super::access::Item;
use crate::api::change::{self, Bounds};
use crate::bulk::{self, Packed};
use crate::convert::{self, Maybe};
use crate::{api, errors, turn, update};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

#[pymethods]
impl Bucket {
    /// Give the value of a key; if there is none, put the default and give that.
    ///
    /// >>> shopping.setdefault("milk", 7), shopping.setdefault("tea", 7)
    /// (1, 7)
    #[pyo3(signature = (key, default=None))]
    fn setdefault<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let default = default.unwrap_or_else(|| key.py().None().into_bound(key.py()));
        loop {
            if let Some(value) = self.find(key)? {
                return Ok(value);
            }
            if self.put_new(key, &default)? {
                return Ok(default);
            }
        }
    }

    /// Put a value if there is no such key, and tell whether that was done.
    ///
    /// Of many threads that do this at once, one gets True.
    ///
    /// >>> shopping.put_new("tea", 7), shopping.put_new("tea", 8), shopping["tea"]
    /// (True, False, 7)
    fn put_new(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let (py, key, value) = (key.py(), convert::key(key)?, convert::value(value)?);
        turn::change(py, || change::put_new(self.id, &key, value)).map_err(|status| self.error(py, status))
    }

    /// Put a value, and give the one that was there, or the default.
    ///
    /// >>> shopping.swap("milk", 2), shopping.swap("tea", 7)
    /// (1, None)
    #[pyo3(signature = (key, value, default=None))]
    fn swap<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, key, value) = (key.py(), convert::key(key)?, convert::value(value)?);
        let old = turn::change(py, || change::swap(self.id, &key, value));
        match old.map_err(|status| self.error(py, status))? {
            Some(old) => convert::object(py, old.value()).map(Some),
            None => Ok(default),
        }
    }

    /// Delete a key and give its value; if there is none, give the default or raise KeyError.
    ///
    /// Of many threads that do this at once, one gets the value.
    ///
    /// >>> shopping.pop("milk"), shopping.pop("milk", None)
    /// (1, None)
    #[pyo3(signature = (key, default=Maybe::Missing))]
    fn pop<'py>(&self, key: &Bound<'py, PyAny>, default: Maybe<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (py, bytes) = (key.py(), convert::key(key)?);
        let taken = turn::change(py, || change::take(self.id, &bytes));
        match (taken.map_err(|status| self.error(py, status))?, default) {
            (Some(held), _) => convert::object(py, held.value()),
            (None, Maybe::Given(default)) => Ok(default),
            (None, Maybe::Missing) => Err(errors::not_found(key)),
        }
    }

    /// Delete any one key, and give it with its value; KeyError if there is none.
    ///
    /// >>> key, value = shopping.popitem()
    /// >>> key in shopping
    /// False
    fn popitem<'py>(&self, py: Python<'py>) -> PyResult<Item<'py>> {
        self.take_any(py)?
            .ok_or_else(|| errors::not_found(&PyString::new(py, "popitem(): the bucket is empty")))
    }

    /// Give the value of a key and the key's revision, which belong together; the default and 0 if there is none.
    ///
    /// A key's revision is that of its bucket at the key's last change.
    ///
    /// >>> value, revision = shopping.get_with_revision("milk")
    /// >>> value, shopping.get_with_revision("tea")
    /// (1, (None, 0))
    #[pyo3(signature = (key, default=None))]
    fn get_with_revision<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Option<Bound<'py, PyAny>>, u64)> {
        let (py, key) = (key.py(), convert::key(key)?);
        match change::get_revision(self.id, &key).map_err(|status| self.error(py, status))? {
            Some((held, revision)) => Ok((Some(convert::object(py, held.value())?), revision)),
            None => Ok((default, 0)),
        }
    }

    /// Put a value if nobody has changed the key since this revision, and give the new one; else ConflictError.
    ///
    /// Revision 0 stands for a key that is not there.
    ///
    /// >>> value, seen = shopping.get_with_revision("milk")
    /// >>> now = shopping.put_if_revision("milk", seen, value + 1)
    /// >>> shopping.put_if_revision("milk", seen, value + 1)
    /// Traceback (most recent call last):
    /// kvreg.ConflictError: ...
    fn put_if_revision(
        &self,
        key: &Bound<'_, PyAny>,
        revision: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        let (py, key, value) = (key.py(), convert::key(key)?, convert::value(value)?);
        let revision = convert::revision(revision)?;
        let put = turn::change(py, || change::put_if_revision(self.id, &key, revision, value));
        put.map_err(|status| self.error(py, status))
    }

    /// Put a value if the key has the one that is expected; else ConflictError, also if there is no such key.
    ///
    /// It must be of the same type, and of floats have the same bits: 1 is neither 1.0 nor True here.
    ///
    /// >>> shopping.put_if_equal("milk", 1, 2)
    /// >>> shopping.put_if_equal("milk", 1, 2)
    /// Traceback (most recent call last):
    /// kvreg.ConflictError: ...
    fn put_if_equal(
        &self,
        key: &Bound<'_, PyAny>,
        expected: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (py, key) = (key.py(), convert::key(key)?);
        let (expected, value) = (convert::value(expected)?, convert::value(value)?);
        let put = turn::change(py, || change::put_if_equal(self.id, &key, expected, value));
        put.map_err(|status| self.error(py, status))
    }

    /// Delete a key if nobody has changed it since this revision; else ConflictError, also if there is no such key.
    ///
    /// >>> value, seen = shopping.get_with_revision("milk")
    /// >>> shopping.delete_if_revision("milk", seen)
    /// >>> "milk" in shopping
    /// False
    fn delete_if_revision(&self, key: &Bound<'_, PyAny>, revision: &Bound<'_, PyAny>) -> PyResult<()> {
        let (py, key, revision) = (key.py(), convert::key(key)?, convert::revision(revision)?);
        let deleted = turn::change(py, || change::delete_if_revision(self.id, &key, revision));
        deleted.map_err(|status| self.error(py, status))
    }

    /// Add to an int, and give the sum. A key that is not there counts as `initial`.
    ///
    /// If the sum would be less than `min` or more than `max`, or need more than 64 bits, that is an OverflowError and
    /// nothing is changed; with `clamp` it becomes the limit.
    ///
    /// >>> shopping.add("milk"), shopping.add("eggs", -2), shopping.add("tea", 5, initial=10)
    /// (2, 10, 15)
    /// >>> shopping.add("eggs", -20, min=0, clamp=True)
    /// 0
    #[pyo3(signature = (key, by=Maybe::Missing, *, initial=Maybe::Missing, min=None, max=None, clamp=false),
        text_signature = "($self, key, by=1, *, initial=0, min=None, max=None, clamp=False)")]
    fn add(
        &self,
        key: &Bound<'_, PyAny>,
        by: Maybe<'_>,
        initial: Maybe<'_>,
        min: Option<&Bound<'_, PyAny>>,
        max: Option<&Bound<'_, PyAny>>,
        clamp: bool,
    ) -> PyResult<i64> {
        let (py, key) = (key.py(), convert::key(key)?);
        let number = |name, given: Option<&Bound<'_, PyAny>>, otherwise| {
            given.map_or(Ok(otherwise), |given| convert::number(name, given))
        };
        let by = number("by", by.given(), 1)?;
        let bounds = Bounds {
            initial: number("initial", initial.given(), 0)?,
            min: number("min", min, i64::MIN)?,
            max: number("max", max, i64::MAX)?,
            clamp,
        };
        turn::change(py, || change::add(self.id, &key, by, &bounds)).map_err(|status| self.error(py, status))
    }

    /// Put all items of a mapping or of an iterable of pairs, then those given by keyword.
    ///
    /// The items of a dict, a bucket or a snapshot are put as one change, as are those given by keyword. Those of
    /// anything else are put one after the other, as they come.
    ///
    /// >>> shopping.update({"milk": 2}, bread=1)
    /// >>> sorted(shopping.items())
    /// [('bread', 1), ('eggs', 12), ('milk', 2)]
    #[pyo3(signature = (other=Maybe::Missing, /, **items))]
    fn update<'py>(&self, other: Maybe<'py>, items: Option<&Bound<'py, PyDict>>) -> PyResult<()> {
        if let Maybe::Given(other) = other {
            self.put_all(&other)?;
        }
        items.map_or(Ok(()), |items| self.put_all(items))
    }

    /// Put all items of a mapping or of an iterable of pairs as one change: all of them or, on an error, none.
    ///
    /// >>> shopping.put_many([("milk", 2), ("tea", 7)])
    /// >>> shopping == {"milk": 2, "eggs": 12, "tea": 7}
    /// True
    fn put_many(&self, items: &Bound<'_, PyAny>) -> PyResult<()> {
        let packed = match update::packed(items)? {
            Some(packed) => packed,
            None => {
                let mut packed = Packed::default();
                update::each_item(items, |key, value| packed.item(key, value))?;
                packed
            }
        };
        self.put_packed(items.py(), &packed)
    }

    /// Give a dict of those of many keys that are there, and their values.
    ///
    /// Each value is that of some moment of the call; for all at one moment, ask a snapshot.
    ///
    /// >>> shopping.get_many(["milk", "tea"])
    /// {'milk': 1}
    fn get_many<'py>(&self, keys: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let get = |keys: &[u8], buffer: &mut [_]| api::bulk::get_many(self.id, keys, buffer);
        bulk::get_many(keys, get, |status| self.error(keys.py(), status))
    }

    /// Delete all keys, as one change.
    ///
    /// >>> shopping.clear(); len(shopping)
    /// 0
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        turn::change(py, || change::clear(self.id)).map_err(|status| self.error(py, status))
    }
}
