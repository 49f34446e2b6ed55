//! What a listener wants to hear.

use super::{EventKind, Record};
use crate::bucket::{Bucket, access, checked};
use crate::error::Error;
use crate::registry::Registry;

/// Which events a listener wants. The default is those of all creates and exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Those of creates.
    pub creates: bool,
    /// Those of exits.
    pub exits: bool,
    /// Those of keys whose time to live ran out; of a private bucket's keys only with [`Of::Bucket`] and a handle that
    /// reads, else [`Error::AccessDenied`].
    pub keys: bool,
    /// Only of the buckets that it tells.
    pub of: Of<'a>,
}

/// Whose events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// All buckets.
    All,
    /// Those of this name, one after the other.
    Name(&'a [u8]),
    /// Those whose names begin with this.
    Prefix(&'a [u8]),
    /// This one.
    Bucket(Bucket),
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Filter { creates: true, exits: true, keys: false, of: Of::All }
    }
}

/// A filter that is kept.
#[derive(Debug)]
pub(super) struct Wish {
    creates: bool,
    exits: bool,
    keys: bool,
    pub(super) of: Whose,
}

#[derive(Debug)]
pub(super) enum Whose {
    All,
    Name(Box<[u8]>),
    Prefix(Box<[u8]>),
    Bucket(u64),
}

impl Wish {
    pub(super) fn new(registry: Registry, filter: Filter<'_>) -> Result<Wish, Error> {
        let of = match filter.of {
            Of::All => Whose::All,
            Of::Name(name) => Whose::Name(checked(name)?.into()),
            Of::Prefix(prefix) => Whose::Prefix(checked(prefix)?.into()),
            Of::Bucket(bucket) => {
                let full = checked_bucket(registry, bucket)?;
                if filter.keys {
                    access::may_read(bucket.id())?;
                }
                Whose::Bucket(full)
            }
        };
        Ok(Wish { creates: filter.creates, exits: filter.exits, keys: filter.keys, of })
    }

    /// Whether it can ever be fulfilled.
    pub(super) fn is_any(&self) -> bool {
        self.creates || self.exits || self.keys
    }

    pub(super) fn wants(&self, event: &Record) -> bool {
        let kind = match event.kind {
            EventKind::Create => self.creates,
            EventKind::Exit => self.exits,
            EventKind::KeyExpired => self.keys && self.may_read(event),
            _ => true,
        };
        kind && match &self.of {
            Whose::All => true,
            Whose::Name(name) => event.name == *name,
            Whose::Prefix(prefix) => event.name.starts_with(prefix),
            Whose::Bucket(bucket) => access::full(event.bucket) == *bucket,
        }
    }

    /// Whether it may know a bucket's keys: of a private one, if it was made for that bucket.
    fn may_read(&self, event: &Record) -> bool {
        matches!(self.of, Whose::Bucket(_)) || access::may_read(event.bucket).is_ok()
    }
}

/// The full handle of a bucket, which may have exited. [`Error::InvalidArgument`] if it is another registry's.
fn checked_bucket(registry: Registry, bucket: Bucket) -> Result<u64, Error> {
    match bucket.registry() {
        Ok(own) if own != registry => Err(Error::InvalidArgument),
        Err(error @ Error::BadHandle) => Err(error),
        _ => Ok(access::full(bucket.id())),
    }
}
