//! How a `kvreg.Bucket` is watched, and how it fails.

use super::Bucket;
use crate::api::event as api;
use crate::errors;
use crate::subscription::{Monitor, Subscription};
use pyo3::prelude::*;
use pyo3::types::PyString;

#[pymethods]
impl Bucket {
    /// Let a subscription know when the bucket exits, and why: one `Down`, whatever else it hears of.
    ///
    /// If the bucket has exited it comes at once; its reason is "gone" if that is not remembered. Both must be of one
    /// registry.
    ///
    /// >>> with registry.subscribe(events=()) as subscription:
    /// ...     monitor = shopping.monitor(subscription)
    /// ...     shopping.crash("no milk")
    /// ...     subscription.next().message
    /// 'no milk'
    fn monitor(&self, subscription: &Bound<'_, PyAny>) -> PyResult<Monitor> {
        let py = subscription.py();
        let subscription = subscription.cast_exact::<Subscription>().map_err(|_| {
            let text = format!(
                "a subscription must be a kvreg.Subscription, not {}",
                errors::type_name(subscription)
            );
            errors::wrong_type(py, text)
        })?;
        let subscription = subscription.get().number();
        py.detach(|| Monitor::set(self.id, subscription)).map_err(|status| self.error(py, status))
    }

    /// End the bucket as one that failed: the event of its exit has the reason "crash" and this message.
    ///
    /// >>> shopping.crash("no milk")
    /// >>> shopping.alive
    /// False
    #[pyo3(signature = (message=None), text_signature = "($self, message='')")]
    fn crash(&self, py: Python<'_>, message: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let empty = PyString::new(py, "").into_any();
        let message = crate::convert::message(message.unwrap_or(&empty))?;
        py.detach(|| api::crash(self.id, &message)).map_err(|status| self.error(py, status))
    }
}
