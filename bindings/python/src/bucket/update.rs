//! `kvreg.Bucket.update_with`: Python code that decides, while it has the bucket's turn.

use super::Bucket;
use crate::api::Value;
use crate::api::change::{self, Made, Maker};
use crate::{convert, turn};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

#[pymethods]
impl Bucket {
    /// Let a function make something of a key: it gets the value, or the default, and gives the new one.
    ///
    /// `kvreg.DELETE` instead of a value deletes the key. If it raises, the key stays as it is, and the error comes out
    /// of here. What the function gave is the answer.
    ///
    /// Until the function returns, other changes to this bucket wait, in any thread of any language; readers and other
    /// buckets do not. The function may read everything and change other buckets. A change to its own bucket, or one
    /// that would have to wait for another such function or a batch, raises DeadlockError.
    ///
    /// >>> shopping.update_with("milk", lambda old: old * 10)
    /// 10
    /// >>> shopping.update_with("tea", lambda old: old + 1, default=0)
    /// 1
    /// >>> shopping.update_with("eggs", lambda old: kvreg.DELETE if old > 10 else old)
    /// kvreg.DELETE
    #[pyo3(signature = (key, function, default=None))]
    fn update_with<'py>(
        &self,
        key: &Bound<'py, PyAny>,
        function: &Bound<'py, PyAny>,
        default: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, key) = (key.py(), convert::key(key)?);
        let function = function.clone().unbind();
        let default = default.map_or_else(|| py.None(), |default| default.clone().unbind());
        let mut call = Call { function, default, answer: None };
        let update = turn::Update::begin(py);
        let done = py.detach(|| change::update(self.id, &key, &mut call));
        drop(update);
        match call.answer {
            // What the function did comes first: after its error the core has nothing to say.
            Some(Answer::Panicked(panic)) => resume_unwind(panic),
            Some(Answer::Raised(error)) => Err(error),
            Some(Answer::Gave(new)) => {
                done.map_err(|status| self.error(py, status)).map(|()| new.into_bound(py))
            }
            None => Err(match done {
                Err(status) => self.error(py, status),
                Ok(()) => pyo3::exceptions::PyRuntimeError::new_err("the interpreter is ending"),
            }),
        }
    }
}

/// A call of the function, and what came of it.
struct Call {
    function: Py<PyAny>,
    default: Py<PyAny>,
    answer: Option<Answer>,
}

enum Answer {
    Gave(Py<PyAny>),
    Raised(PyErr),
    Panicked(Box<dyn std::any::Any + Send>),
}

impl Maker for Call {
    fn make(&mut self, old: Option<Value<'_>>) -> Made<'_> {
        // An interpreter that is ending lets no thread in any more; then the key stays as it is.
        let called = catch_unwind(AssertUnwindSafe(|| Python::try_attach(|py| self.ask(py, old))));
        let (made, answer) = match called {
            Ok(None) => (Made::Keep, None),
            Ok(Some(Ok((made, new)))) => (made, Some(Answer::Gave(new))),
            Ok(Some(Err(error))) => (Made::Keep, Some(Answer::Raised(error))),
            Err(panic) => (Made::Keep, Some(Answer::Panicked(panic))),
        };
        self.answer = answer;
        made
    }
}

impl Call {
    /// Calls the function. What is made of its answer points into the answer.
    fn ask(&self, py: Python<'_>, old: Option<Value<'_>>) -> PyResult<(Made<'static>, Py<PyAny>)> {
        let old = match old {
            Some(old) => convert::object(py, old)?,
            None => self.default.bind(py).clone(),
        };
        let new = self.function.bind(py).call1((old,))?;
        let made = if is_delete(&new)? {
            Made::Delete
        } else {
            let value = convert::value(&new)?;
            // SAFETY: text and bytes are memory of `new` that never changes, and the caller keeps `new` in
            // `self.answer` until the core's call has returned.
            Made::Put(unsafe { std::mem::transmute::<Value<'_>, Value<'static>>(value) })
        };
        Ok((made, new.unbind()))
    }
}

fn is_delete(answer: &Bound<'_, PyAny>) -> PyResult<bool> {
    static DELETE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = answer.py();
    let delete = DELETE
        .get_or_try_init(py, || Ok::<_, PyErr>(py.import("kvreg._delete")?.getattr("DELETE")?.unbind()))?;
    Ok(answer.is(delete))
}
