//! Lists come in pages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Elements of a page if the caller does not say.
pub const PAGE_DEFAULT: usize = 100;
/// Most elements of a page.
pub const PAGE_MAX: usize = 1_000;

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// Most elements of the answer; 100 by default, at most 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u16>,
    /// Only what comes after this element: `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub after: Option<String>,
}

/// Part of a list, in an order that does not change: a list that is read page by page misses nothing that was in it all the
/// time, and shows nothing twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Page<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Give it as `after` for the next page; none behind the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
