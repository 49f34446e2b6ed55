//! Changes that found the turn busy: whoever has it makes them, and answers.

use super::owned::Terms;
use super::turn::NEVER;
use crate::bucket::Reason;
use crate::error::Error;
use crate::sync::channel::{Receiver, Sender, unbounded};
use crate::sync::{Arc, AtomicU64, Ordering};

pub(super) enum Change<'a> {
    /// Answers with the bucket's id. The hash is this registry's; `seen` is a revision in which the name was not there.
    Create { name: &'a [u8], hash: u64, seen: u64, terms: Option<&'a Terms> },
    /// Answers with the bucket's id, which is its full handle.
    Stop { bucket: u64, reason: Reason, message: &'a [u8] },
    /// Makes a bucket that no lookup finds (see `hidden`). Answers with its id.
    Hide { name: &'a [u8] },
    /// Puts a hidden bucket into the table. Answers with the id of the bucket that has its name from now on.
    Show { bucket: u64 },
}

/// A change that waits in the mailbox.
pub(super) struct Request {
    pub(super) registry: u64,
    change: OwnedChange,
    pub(super) answer: Arc<Answer>,
}

impl Request {
    pub(super) fn change(&self) -> Change<'_> {
        self.change.borrow()
    }
}

enum OwnedChange {
    Create { name: Box<[u8]>, hash: u64 },
    Stop { bucket: u64, reason: Reason, message: Box<[u8]> },
    Hide { name: Box<[u8]> },
    Show { bucket: u64 },
}

impl OwnedChange {
    fn new(change: Change<'_>) -> OwnedChange {
        match change {
            Change::Create { name, hash, .. } => OwnedChange::Create { name: name.into(), hash },
            Change::Stop { bucket, reason, message } => {
                OwnedChange::Stop { bucket, reason, message: message.into() }
            }
            Change::Hide { name } => OwnedChange::Hide { name: name.into() },
            Change::Show { bucket } => OwnedChange::Show { bucket },
        }
    }

    fn borrow(&self) -> Change<'_> {
        match self {
            OwnedChange::Create { name, hash } => {
                Change::Create { name, hash: *hash, seen: NEVER, terms: None }
            }
            OwnedChange::Stop { bucket, reason, message } => {
                Change::Stop { bucket: *bucket, reason: *reason, message }
            }
            OwnedChange::Hide { name } => Change::Hide { name },
            &OwnedChange::Show { bucket } => Change::Show { bucket },
        }
    }
}

/// 0 until there is one; then an id, or a negative code. Ids are never 0.
pub(super) struct Answer(AtomicU64);

impl Answer {
    pub(super) fn get(&self) -> Option<Result<u64, Error>> {
        let raw = self.0.load(Ordering::Acquire).cast_signed(); // Acquire: see what the change did
        match raw {
            0 => None,
            id @ 1.. => Some(Ok(id.cast_unsigned())),
            code => Some(Err(Error::from_code(code as i32).unwrap_or(Error::Panicked))),
        }
    }

    pub(super) fn set(&self, result: Result<u64, Error>) {
        let raw = result.unwrap_or_else(|error| i64::from(error.code()).cast_unsigned());
        self.0.store(raw, Ordering::Release); // Release: the change comes before its answer
    }
}

pub(super) struct Mailbox {
    sender: Sender<Request>,
    receiver: Receiver<Request>,
}

impl Mailbox {
    pub(super) fn new() -> Mailbox {
        let (sender, receiver) = unbounded(); // bounded by the callers, who wait
        Mailbox { sender, receiver }
    }

    /// Leaves a change. The place of its answer is the caller's.
    pub(super) fn send(&self, registry: u64, change: Change<'_>) -> Arc<Answer> {
        let change = OwnedChange::new(change);
        let answer = Arc::new(Answer(AtomicU64::new(0)));
        let request = Request { registry, change, answer: Arc::clone(&answer) };
        self.sender.send(request).expect("the receiver is beside the sender");
        answer
    }

    /// The oldest change.
    pub(super) fn take(&self) -> Option<Request> {
        self.receiver.try_recv().ok()
    }

    /// How many changes wait.
    pub(super) fn len(&self) -> usize {
        self.receiver.len()
    }
}
