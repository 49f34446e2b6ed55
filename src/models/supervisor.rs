//! In the place of `supervisor.rs` under a model checker: no threads of kvreg's, so nobody supervises them.

#[allow(unreachable_pub)] // the real one shows them
#[path = "../supervisor/rules.rs"]
mod rules;

pub(crate) use rules::Limits;
