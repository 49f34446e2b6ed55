//! The model: plain maps of plain values.

use kvreg::{Value, ValueRef};
use std::collections::BTreeMap;

/// A value that shares nothing with the library.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Plain {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
}

impl Plain {
    pub(crate) fn of(value: &Value) -> Plain {
        match value {
            Value::Nil => Plain::Nil,
            Value::Bool(x) => Plain::Bool(*x),
            Value::Int(x) => Plain::Int(*x),
            Value::Float(x) => Plain::Float(*x),
            Value::Str(x) => Plain::Str(x.to_string()),
            Value::Bytes(x) => Plain::Bytes(x.to_vec()),
        }
    }

    pub(crate) fn to_ref(&self) -> ValueRef<'_> {
        match self {
            Plain::Nil => ValueRef::Nil,
            Plain::Bool(x) => ValueRef::Bool(*x),
            Plain::Int(x) => ValueRef::Int(*x),
            Plain::Float(x) => ValueRef::Float(*x),
            Plain::Str(x) => ValueRef::Str(x),
            Plain::Bytes(x) => ValueRef::Bytes(x),
        }
    }
}

pub(crate) fn plain(value: Option<Value>) -> Option<Plain> {
    value.as_ref().map(Plain::of)
}

pub(crate) fn plain_with_revision(found: Option<(Value, u64)>) -> Option<(Plain, u64)> {
    found.map(|(value, revision)| (Plain::of(&value), revision))
}

/// A bucket's keys with their values and revisions, and its own revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    pub(crate) items: BTreeMap<Vec<u8>, (Plain, u64)>,
    pub(crate) revision: u64,
}

impl Contents {
    pub(crate) fn value(&self, key: &[u8]) -> Option<&Plain> {
        self.items.get(key).map(|(value, _)| value)
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Plain) {
        self.revision += 1;
        self.items.insert(key.to_vec(), (value, self.revision));
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> Option<Plain> {
        let (value, _) = self.items.remove(key)?;
        self.revision += 1;
        Some(value)
    }
}

/// What a registry, or its snapshot, shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Names {
    pub(crate) buckets: BTreeMap<Vec<u8>, (u64, Contents)>,
    pub(crate) revision: u64,
}
