//! What one caller wants written, all of it or nothing.

/// One change to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Store `value` under `key`, whatever was there.
    Put {
        /// The key.
        key: Vec<u8>,
        /// The new value.
        value: Vec<u8>,
    },
    /// Remove `key`; nothing happens if it is absent.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
}

/// An ordered list of changes that become durable together. Of two changes to one key the later one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteBatch {
    ops: Vec<Op>,
}

impl WriteBatch {
    /// An empty batch. Committing it waits for everything submitted before it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a put at the end.
    #[must_use]
    pub fn put(mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.push(Op::Put { key: key.into(), value: value.into() });
        self
    }

    /// Adds a delete at the end.
    #[must_use]
    pub fn delete(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.push(Op::Delete { key: key.into() });
        self
    }

    /// Adds a change at the end.
    pub fn push(&mut self, op: Op) {
        self.ops.push(op);
    }

    /// The changes, in order.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn size_bytes(&self) -> usize {
        self.ops
            .iter()
            .map(|op| match op {
                Op::Put { key, value } => key.len() + value.len(),
                Op::Delete { key } => key.len(),
            })
            .sum()
    }
}

impl FromIterator<Op> for WriteBatch {
    fn from_iter<I: IntoIterator<Item = Op>>(ops: I) -> Self {
        Self { ops: ops.into_iter().collect() }
    }
}

impl Extend<Op> for WriteBatch {
    fn extend<I: IntoIterator<Item = Op>>(&mut self, ops: I) {
        self.ops.extend(ops);
    }
}
