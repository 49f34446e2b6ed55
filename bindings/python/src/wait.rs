//! Waiting without the GIL, and in the main thread not without looking for signals: Ctrl-C is answered at once.

use crate::api::Status;
use pyo3::prelude::*;
use std::time::{Duration, Instant};

/// How long the main thread waits before it looks for signals, in milliseconds.
const LOOK: i64 = 50;

/// Asks for something again and again, each time for so many milliseconds; all together so many (-1: for ever). None is
/// what `ask` gives when the time was not enough. The outer error is what a signal's handler raised.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    timeout: i64,
    ask: impl Fn(i64) -> Result<Option<T>, Status> + Sync,
) -> PyResult<Result<Option<T>, Status>> {
    if !is_main_thread(py)? {
        return Ok(py.detach(|| ask(timeout)));
    }
    let end =
        u64::try_from(timeout).ok().and_then(|ms| Instant::now().checked_add(Duration::from_millis(ms)));
    loop {
        let left = end.map_or(LOOK, |end| {
            let left = end.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
            left.min(LOOK.unsigned_abs().into()) as i64
        });
        let answer = py.detach(|| ask(left));
        py.check_signals()?;
        if left == 0 || !matches!(answer, Ok(None)) {
            return Ok(answer);
        }
    }
}

/// Signals are handled in the main thread only.
fn is_main_thread(py: Python<'_>) -> PyResult<bool> {
    let threading = PyModule::import(py, "threading")?;
    let main = threading.call_method0("main_thread")?.getattr("ident")?;
    threading.call_method0("get_ident")?.eq(main)
}
