//! Refusals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Body of every answer with a status of 400 and above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorInfo,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorInfo {
    /// For programs.
    pub code: ErrorCode,
    /// For people, one sentence.
    pub message: String,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $status:literal;)*) => {
        /// For programs: what kind of refusal it is. The list is closed within a major version of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)*
        }

        impl ErrorCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// HTTP status that it comes with.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// In words.
            pub fn describe(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),* }
            }
        }
    };
}

codes! {
    /// The request cannot be read: body, query, path or a header is malformed.
    BadRequest = "bad_request", 400;
    /// The token is missing or not valid.
    Unauthorized = "unauthorized", 401;
    /// The token does not allow this call.
    Forbidden = "forbidden", 403;
    /// The token does not allow this amount or this peer; nothing was signed.
    Limit = "limit", 403;
    /// There is no such thing here.
    NotFound = "not_found", 404;
    /// The call exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", 405;
    /// The idempotency key was used for another call.
    Conflict = "conflict", 409;
    /// The body is too large.
    TooLarge = "too_large", 413;
    /// The body is no `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415;
    /// The caller asked for something impossible; nothing was done.
    Refused = "refused", 422;
    /// A defect of the node, or its disk.
    Internal = "internal", 500;
    /// A peer refused or did not answer.
    Peer = "peer", 502;
    /// The chain is in the way.
    Chain = "chain", 503;
    /// The node is stopping.
    Stopping = "stopping", 503;
    /// It is not known whether it was done.
    Unknown = "unknown", 503;
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_look_the_same_everywhere() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
            assert!((400..600).contains(&code.status()));
        }
    }
}
