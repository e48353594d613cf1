//! `POST /v1/tokens`, `GET /v1/tokens` and `DELETE /v1/tokens/{id}`

use super::endpoint::Endpoint;
use super::error::ApiError;
use super::extract::{Asked, Name, Sent, page};
use super::token_book::{Record, budget_id};
use super::{Api, Shared};
use axum::Json;
use axum::extract::State;
use perunika_client::types::{MadeToken, NewToken, Page, PageQuery, Scope, Token, Wei};
use perunika_core::B256;
use perunika_core::budget::Limits;
use perunika_core::io::{Command, Reply};
use std::collections::BTreeSet;

pub(super) fn make() -> Endpoint {
    let summary = "Makes a token with scopes and spending limits. Its secret is shown this once.";
    Endpoint::post("/v1/tokens", summary, new).needs(Scope::Admin).takes::<NewToken>().answers::<MadeToken>()
}

pub(super) fn all() -> Endpoint {
    let summary = "Tokens in order of their ids, without their secrets and without the root token.";
    Endpoint::get("/v1/tokens", summary, list).needs(Scope::Admin).pages::<Token>()
}

pub(super) fn revoke() -> Endpoint {
    let summary = "Revokes a token. Payments on its account that are not signed yet are refused.";
    Endpoint::delete("/v1/tokens/{id}", summary, remove).needs(Scope::Admin).named().answers::<Token>()
}

async fn new(State(api): Shared, Sent { wish, .. }: Sent<NewToken>) -> Result<Json<MadeToken>, ApiError> {
    let (id, secret, record) = api.tokens.draw(wish)?;
    // The token comes first: without a budget it can spend nothing, and a budget without a token is forgotten at the next start.
    api.tokens.keep(&api.store, &id, record.clone()).await?;
    if let Err(error) = set_budget(&api, &id, Some(record.limits.clone())).await {
        api.tokens.drop(&api.store, &id).await?;
        return Err(error);
    }
    Ok(Json(MadeToken { secret: format!("{id}_{secret}"), token: show(&api, id, record).await? }))
}

async fn list(State(api): Shared, Asked(asked): Asked<PageQuery>) -> Result<Json<Page<Token>>, ApiError> {
    let Page { items, next } = page(api.tokens.all(), &asked, |(id, _)| id.clone())?;
    let mut shown = Vec::with_capacity(items.len());
    for (id, record) in items {
        shown.push(show(&api, id, record).await?);
    }
    Ok(Json(Page { items: shown, next }))
}

async fn remove(State(api): Shared, Name(id): Name) -> Result<Json<Token>, ApiError> {
    let Some(record) = api.tokens.get(&id) else {
        return Err(ApiError::not_found("there is no such token"));
    };
    let shown = show(&api, id.clone(), record).await?;
    // The budget goes first: downloads that spend on it are refused from now on, and whatever happens in between, the token is
    // still there to be revoked again.
    set_budget(&api, &id, None).await?;
    api.tokens.drop(&api.store, &id).await?;
    Ok(Json(shown))
}

/// Ends the budgets of tokens that do not exist.
pub(crate) async fn forget_orphans(api: &Api) -> Result<(), ApiError> {
    let budgets = api.engine.query(|participant| participant.budgets()).await?;
    // Read after the budgets: a token is kept before its budget is made.
    let owned: BTreeSet<B256> = api.tokens.all().iter().map(|(id, _)| budget_id(id)).collect();
    for budget in budgets.into_iter().filter(|budget| !owned.contains(budget)) {
        change(api, Command::SetBudget { budget, limits: None }).await?;
    }
    Ok(())
}

async fn set_budget(api: &Api, id: &str, limits: Option<Limits>) -> Result<(), ApiError> {
    change(api, Command::SetBudget { budget: budget_id(id), limits }).await
}

async fn change(api: &Api, command: Command) -> Result<(), ApiError> {
    match api.engine.command(command).await? {
        Reply::Refused(fault) => Err(fault.into()),
        _ => Ok(()),
    }
}

async fn show(api: &Api, id: String, record: Record) -> Result<Token, ApiError> {
    let budget = budget_id(&id);
    let spent = api.engine.query(move |participant| participant.budget(budget).map(|budget| budget.spent)).await?;
    let Record { name, scopes, limits, created, .. } = record;
    Ok(Token {
        id,
        name,
        scopes,
        per_payment: limits.per_payment.map(Wei),
        per_peer: limits.per_peer.map(Wei),
        per_day: limits.per_day.map(Wei),
        peers: limits.peers,
        asset: limits.asset,
        expires: limits.expires,
        created,
        spent: spent.unwrap_or_default().into(),
    })
}
