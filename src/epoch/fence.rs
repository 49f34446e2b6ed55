//! How readers and collectors are ordered: either the collector's scan sees the reader's record, or the reader sees
//! what the collector did before.

use crate::sync::{AtomicU8, Ordering, compiler_fence, fence};

/// UNDECIDED until the first record is taken.
static FENCE: AtomicU8 = AtomicU8::new(UNDECIDED);
const UNDECIDED: u8 = 0;
const SYMMETRIC: u8 = 1;
const ASYMMETRIC: u8 = 2;

/// The reader's side, between its store and its loads.
#[inline(always)]
pub(super) fn light_fence() {
    // Relaxed: decided before this thread had a record; see `give_up` for the one change.
    if FENCE.load(Ordering::Relaxed) == ASYMMETRIC {
        compiler_fence(Ordering::SeqCst); // the collector's membarrier does the rest
    } else {
        fence(Ordering::SeqCst); // paired with the fence in `heavy_fence`
    }
}

/// Keeps what came before from moving behind an atomic exchange.
#[inline(always)]
pub(super) fn fence_before_exchange() {
    compiler_fence(Ordering::SeqCst); // if the exchange is no fence to the processor, there will be one after it
}

/// Orders an atomic exchange, and all before it, before the loads that follow.
#[inline(always)]
pub(crate) fn fence_after_exchange() {
    if cfg!(target_arch = "x86_64") {
        compiler_fence(Ordering::SeqCst); // the exchange is a fence to the processor
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The collector's side, between its stores and its scan.
pub(super) fn heavy_fence() {
    fence(Ordering::SeqCst);
    if FENCE.load(Ordering::Relaxed) == ASYMMETRIC {
        if !membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) {
            give_up();
        }
        fence(Ordering::SeqCst);
    }
}

/// The process has forbidden itself a system call that it was registered for (a sandbox that closed late). From now on
/// readers fence. Those that have begun without a fence are past their first loads long before this returns.
#[cold]
fn give_up() {
    FENCE.store(SYMMETRIC, Ordering::SeqCst); // SeqCst: seen before the wait is over
    std::thread::sleep(std::time::Duration::from_millis(10));
}

/// Decides, once.
#[cold]
pub(super) fn choose() {
    if FENCE.load(Ordering::Acquire) != UNDECIDED {
        return;
    }
    let fence = if register() { ASYMMETRIC } else { SYMMETRIC };
    // AcqRel: whoever finds it decided finds the process registered. A second thread decides the same or loses.
    let _ = FENCE.compare_exchange(UNDECIDED, fence, Ordering::AcqRel, Ordering::Acquire);
}

/// Asks the system whether it will do our part of the fences.
fn register() -> bool {
    cfg!(target_os = "linux") && membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
}

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}
