//! The tokens of the API: who has which scopes and which budget. Only their hashes are kept.

use super::auth::Caller;
use super::error::ApiError;
use alloy_primitives::keccak256;
use perunika_client::types::{NewToken, Scope};
use perunika_core::B256;
use perunika_core::budget::{Limits, MAX_BUDGETS};
use perunika_store::{Store, StoreError, WriteBatch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use subtle::ConstantTimeEq as _;

const PREFIX: &[u8] = b"api/token/";
/// Longest name, characters.
const NAME_MAX: usize = 64;
/// Most peers that a token names.
const PEERS_MAX: usize = 256;

/// What is durable about a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    hash: B256,
    pub(super) scopes: Vec<Scope>,
    pub(super) limits: Limits,
    pub(super) created: u64,
}

/// All tokens.
pub(crate) struct Tokens {
    root: String,
    made: Mutex<BTreeMap<String, Record>>,
}

impl Tokens {
    /// Those of earlier runs, and the root's.
    pub(super) fn open(store: &Store, root: String) -> Result<Self, StoreError> {
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            Some((String::from_utf8(key[PREFIX.len()..].to_vec()).ok()?, postcard::from_bytes(&value).ok()?))
        };
        let made = store.scan_prefix(PREFIX)?.into_iter().filter_map(read).collect();
        Ok(Self { root, made: Mutex::new(made) })
    }

    /// Whose token it is, and what it allows.
    pub(super) fn find(&self, token: &str) -> Option<(Caller, Vec<Scope>)> {
        if bool::from(token.as_bytes().ct_eq(self.root.as_bytes())) {
            return Some((Caller { token: None, budget: None, admin: true }, vec![Scope::Admin]));
        }
        let (id, secret) = token.split_once('_')?;
        let made = self.made();
        let record = made.get(id)?;
        let fits = bool::from(keccak256(secret).ct_eq(record.hash.as_slice()));
        let fresh = record.limits.expires.is_none_or(|expires| wall_s() <= expires);
        let admin = record.scopes.contains(&Scope::Admin);
        let caller = Caller { token: Some(id.to_string()), budget: Some(budget_id(id)), admin };
        (fits && fresh).then(|| (caller, record.scopes.clone()))
    }

    /// A fresh token: its id, its secret and what is kept of it. Nobody may use it before [`Self::keep`].
    pub(super) fn draw(&self, wish: NewToken) -> Result<(String, String, Record), ApiError> {
        check(&wish)?;
        if self.made().len() >= MAX_BUDGETS {
            return Err(ApiError::bad_request(format!("there are {MAX_BUDGETS} tokens already; revoke some")));
        }
        let mut bytes = [0u8; 40];
        getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(error.to_string()))?;
        let (id, secret) = (hex::encode(&bytes[..8]), hex::encode(&bytes[8..]));
        let limits = Limits {
            per_payment: wish.per_payment.map(|wei| wei.0),
            per_peer: wish.per_peer.map(|wei| wei.0),
            per_day: wish.per_day.map(|wei| wei.0),
            peers: wish.peers,
            expires: wish.expires,
            asset: wish.asset,
        };
        let hash = keccak256(&secret);
        let (name, scopes) = (wish.name, wish.scopes);
        Ok((id, secret, Record { name, hash, scopes, limits, created: wall_s() }))
    }

    /// From now on it is valid, durably.
    pub(super) async fn keep(&self, store: &Store, id: &str, record: Record) -> Result<(), ApiError> {
        let bytes = postcard::to_stdvec(&record).map_err(|error| ApiError::internal(error.to_string()))?;
        store.commit(WriteBatch::new().put(key(id), bytes)).await?;
        self.made().insert(id.to_string(), record);
        Ok(())
    }

    /// One of them; the root's has no record.
    pub(super) fn get(&self, id: &str) -> Option<Record> {
        self.made().get(id).cloned()
    }

    /// From now on it is not valid any more, durably.
    pub(super) async fn drop(&self, store: &Store, id: &str) -> Result<(), ApiError> {
        store.commit(WriteBatch::new().delete(key(id))).await?;
        self.made().remove(id);
        Ok(())
    }

    /// All but the root's, in order of their ids.
    pub(super) fn all(&self) -> Vec<(String, Record)> {
        self.made().iter().map(|(id, record)| (id.clone(), record.clone())).collect()
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the spending of a token is counted.
pub(super) fn budget_id(id: &str) -> B256 {
    keccak256([b"token ", id.as_bytes()].concat())
}

fn check(wish: &NewToken) -> Result<(), ApiError> {
    let letters = wish.name.chars().count();
    if !(1..=NAME_MAX).contains(&letters) || wish.name.contains(char::is_control) {
        return Err(ApiError::bad_request(format!("the name of a token has 1 to {NAME_MAX} printable characters")));
    }
    if wish.scopes.is_empty() {
        return Err(ApiError::bad_request("a token without scopes allows nothing"));
    }
    if wish.peers.len() > PEERS_MAX {
        return Err(ApiError::bad_request(format!("a token names at most {PEERS_MAX} peers")));
    }
    let limited = wish.per_payment.or(wish.per_peer).or(wish.per_day).is_some() || !wish.peers.is_empty();
    if limited && wish.scopes.contains(&Scope::Admin) {
        return Err(ApiError::bad_request(
            "the scope `admin` allows to make tokens without limits, so it has none itself",
        ));
    }
    Ok(())
}

fn key(id: &str) -> Vec<u8> {
    [PREFIX, id.as_bytes()].concat()
}

fn wall_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
