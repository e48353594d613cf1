//! What the network does to messages.

/// What the network does to messages.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// Shortest delay, ms.
    pub delay_min_ms: u64,
    /// Longest delay, ms.
    pub delay_max_ms: u64,
    /// Lost, per mille.
    pub drop: u64,
    /// Delivered twice, per mille.
    pub double: u64,
    /// Whether messages of one connection may overtake each other.
    pub reorder: bool,
}

impl Network {
    /// Every message takes exactly `ms`.
    pub fn steady(ms: u64) -> Self {
        Self { delay_min_ms: ms, delay_max_ms: ms, drop: 0, double: 0, reorder: false }
    }

    /// Drops, doubles, delays and reorders.
    pub fn rough() -> Self {
        Self { delay_min_ms: 1, delay_max_ms: 400, drop: 100, double: 100, reorder: true }
    }
}
