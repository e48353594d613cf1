//! One call of the API: its route and its place in the document come from the same value.

use super::{Api, LARGE_BODY_MAX, auth};
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{self, MethodRouter};
use perunika_client::types::{ErrorCode, Page, PageQuery, Scope};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::sync::Arc;

/// Makes the schema of a type, or a reference to it.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What is to be filled into a path: for `{id}` unless it says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathId {
    /// Of a channel, ledger or virtual: 32 bytes in hexadecimal.
    Channel,
    /// Of something that this node named.
    Name,
    /// Not one but two, `{channel}` and `{nid}`: a nanocontract.
    Nano,
}

/// A call.
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    /// What the token must allow; no token is needed if none.
    pub(super) scope: Option<Scope>,
    pub(super) id: Option<PathId>,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<SchemaOf>,
    pub(super) answer: Option<SchemaOf>,
    /// The answer may also be a stream of server-sent events, each with this as its data.
    pub(super) stream: Option<SchemaOf>,
    pub(super) moves_money: bool,
    large: bool,
    pub(super) codes: Vec<ErrorCode>,
    route: MethodRouter<Arc<Api>>,
}

impl Endpoint {
    pub(super) fn get<H, T>(path: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        Self::new("get", path, summary, routing::get(handler))
    }

    pub(super) fn post<H, T>(path: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        Self::new("post", path, summary, routing::post(handler))
    }

    pub(super) fn delete<H, T>(path: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Api>>,
        T: 'static,
    {
        Self::new("delete", path, summary, routing::delete(handler))
    }

    fn new(method: &'static str, path: &'static str, summary: &'static str, route: MethodRouter<Arc<Api>>) -> Self {
        Self {
            method,
            path,
            summary,
            scope: None,
            id: None,
            query: None,
            body: None,
            answer: None,
            stream: None,
            moves_money: false,
            large: false,
            codes: Vec::new(),
            route,
        }
    }

    /// Needs a token with this scope.
    pub(super) fn needs(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self.may(&[ErrorCode::Unauthorized, ErrorCode::Forbidden, ErrorCode::Stopping, ErrorCode::Internal])
    }

    /// `{id}` names a channel.
    pub(super) fn channel(mut self) -> Self {
        self.id = Some(PathId::Channel);
        self.may(&[ErrorCode::BadRequest, ErrorCode::NotFound])
    }

    /// `{id}` names something of this node.
    pub(super) fn named(mut self) -> Self {
        self.id = Some(PathId::Name);
        self.may(&[ErrorCode::BadRequest, ErrorCode::NotFound])
    }

    /// `{channel}` and `{nid}` name a nanocontract.
    pub(super) fn nano(mut self) -> Self {
        self.id = Some(PathId::Nano);
        self.may(&[ErrorCode::BadRequest, ErrorCode::NotFound])
    }

    /// Its body may be larger than others.
    pub(super) fn large(mut self) -> Self {
        self.large = true;
        self
    }

    pub(super) fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(<T as JsonSchema>::json_schema);
        self.may(&[ErrorCode::BadRequest])
    }

    pub(super) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(SchemaGenerator::subschema_for::<T>);
        self.may(&[ErrorCode::BadRequest, ErrorCode::TooLarge, ErrorCode::UnsupportedMediaType])
    }

    pub(super) fn answers<T: JsonSchema>(mut self) -> Self {
        self.answer = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// Answers a list in pages.
    pub(super) fn pages<T: JsonSchema>(self) -> Self {
        self.query::<PageQuery>().answers::<Page<T>>()
    }

    pub(super) fn streams<T: JsonSchema>(mut self) -> Self {
        self.stream = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// Needs an idempotency key, and happens once under it.
    pub(super) fn moves_money(mut self) -> Self {
        self.moves_money = true;
        self.may(&[ErrorCode::BadRequest, ErrorCode::Conflict, ErrorCode::Refused, ErrorCode::Peer, ErrorCode::Chain])
            .may(&[ErrorCode::Unknown, ErrorCode::Limit])
    }

    /// Refusals that it may give.
    pub(super) fn may(mut self, codes: &[ErrorCode]) -> Self {
        self.codes.extend(codes);
        self.codes.sort_unstable();
        self.codes.dedup();
        self
    }

    /// The route, behind the check of the token.
    pub(super) fn route(self, api: &Arc<Api>) -> (&'static str, MethodRouter<Arc<Api>>) {
        let route = match self.large {
            true => self.route.route_layer(DefaultBodyLimit::max(LARGE_BODY_MAX)),
            false => self.route,
        };
        let route = match self.scope {
            Some(scope) => route.route_layer(from_fn_with_state((Arc::clone(api), scope), auth::authorize)),
            None => route,
        };
        (self.path, route)
    }
}
