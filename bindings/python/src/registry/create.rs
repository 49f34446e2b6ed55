//! How a `kvreg.Registry` makes buckets.

use super::Registry;
use crate::api::owner::Terms;
use crate::api::{self, Status};
use crate::bucket::Bucket;
use crate::convert::Maybe;
use crate::types::*;
use crate::{convert, errors, owner, time};
use pyo3::prelude::*;
use pyo3::types::PyString;

#[pymethods]
impl Registry {
    /// Give the bucket of this name, and make it first if there is none.
    ///
    /// When the call returns, every thread sees the bucket. Other threads run while it waits for its turn.
    ///
    /// The rest counts only if this call makes the bucket. It exits when its `owner` is closed, or then passes to its
    /// `heir`. `access` is "public", "protected" (others read and do not change it) or "private" (others cannot read it
    /// either): then only the object that this call gives has all rights, and its name leads to a weaker one. It lives as
    /// long as `ttl`, and as `idle` when nobody uses it: seconds, or a timedelta. A use is every call that reads or changes
    /// its contents.
    ///
    /// >>> registry.create("shopping") == registry.create("shopping")
    /// True
    /// >>> config = registry.create("config", access="protected")
    /// >>> config["debug"] = False
    /// >>> registry["config"]["debug"]
    /// False
    /// >>> registry["config"]["debug"] = True
    /// Traceback (most recent call last):
    /// kvreg.AccessDeniedError: ...
    #[pyo3(signature = (name, *, owner=None, heir=None, access=Maybe::Missing, ttl=None, idle=None))]
    #[pyo3(text_signature = "($self, name, *, owner=None, heir=None, access='public', ttl=None, idle=None)")]
    fn create<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
        heir: Option<&Bound<'py, PyAny>>,
        access: Maybe<'py>,
        ttl: Option<&Bound<'py, PyAny>>,
        idle: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Bucket>> {
        let terms = terms(slf.py(), owner, heir, access, ttl, idle)?;
        let create = |registry, name: &[u8]| match terms {
            Terms { owner: 0, heir: 0, access: KVREG_ACCESS_PUBLIC, ttl: -1, idle: -1 } => {
                api::create(registry, name).map(|id| (id, false)) // nobody asks whether
            }
            terms => api::owner::create(registry, name, &terms),
        };
        make(slf, name, create).map(|(bucket, _)| bucket)
    }

    /// As `create`, and tell whether this call made the bucket, so that it is as the options say.
    ///
    /// >>> bucket, created = registry.create_with("session", idle=900)
    /// >>> created, registry.create_with("session") == (bucket, False)
    /// (True, True)
    #[pyo3(signature = (name, *, owner=None, heir=None, access=Maybe::Missing, ttl=None, idle=None))]
    #[pyo3(text_signature = "($self, name, *, owner=None, heir=None, access='public', ttl=None, idle=None)")]
    fn create_with<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
        heir: Option<&Bound<'py, PyAny>>,
        access: Maybe<'py>,
        ttl: Option<&Bound<'py, PyAny>>,
        idle: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, Bucket>, bool)> {
        let terms = terms(slf.py(), owner, heir, access, ttl, idle)?;
        make(slf, name, |registry, name| api::owner::create(registry, name, &terms))
    }
}

fn terms(
    py: Python<'_>,
    owner: Option<&Bound<'_, PyAny>>,
    heir: Option<&Bound<'_, PyAny>>,
    access: Maybe<'_>,
    ttl: Option<&Bound<'_, PyAny>>,
    idle: Option<&Bound<'_, PyAny>>,
) -> PyResult<Terms> {
    Ok(Terms {
        owner: owner::number("an owner", owner)?,
        heir: owner::number("an heir", heir)?,
        access: access_number(py, access)?,
        ttl: time::milliseconds("ttl", ttl)?,
        idle: time::milliseconds("idle", idle)?,
    })
}

/// The bucket, and whether this call made it.
fn make<'py>(
    registry: &Bound<'py, Registry>,
    name: &Bound<'py, PyAny>,
    create: impl FnOnce(u64, &[u8]) -> Result<(u64, bool), Status> + Send,
) -> PyResult<(Bound<'py, Bucket>, bool)> {
    let (py, this, bytes) = (registry.py(), registry.get(), convert::name(name)?);
    let created = py.detach(|| create(this.id, &bytes));
    let (id, made) = created.map_err(|status| this.error(py, status))?;
    Ok((Bucket::make(registry, id, convert::canonical(name, &bytes)?)?, made))
}

/// What others may do with a bucket.
fn access_number(py: Python<'_>, access: Maybe<'_>) -> PyResult<u32> {
    let Maybe::Given(access) = access else { return Ok(KVREG_ACCESS_PUBLIC) };
    let Ok(text) = access.cast::<PyString>() else {
        let text = format!("an access must be str, not {}", errors::type_name(&access));
        return Err(errors::wrong_type(py, text));
    };
    match &*text.to_string_lossy() {
        "public" => Ok(KVREG_ACCESS_PUBLIC),
        "protected" => Ok(KVREG_ACCESS_PROTECTED),
        "private" => Ok(KVREG_ACCESS_PRIVATE),
        _ => Err(errors::invalid(py, "an access must be 'public', 'protected' or 'private'")),
    }
}
