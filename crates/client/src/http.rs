//! The client itself.

use crate::stream;
use crate::types::{
    Ack, AddPeer, AnswerNano, Approve, Asset, Channel, Close, CloseNano, Deposit, Done, ErrorBody, Estimate,
    EstimateWish, Event, Evidence, Fetch, FundVault, HandNano, Health, Info, Job, MadeToken, Nano, NewToken, Offer,
    OpenChannel, OpenNano, OpenVirtual, PAGE_MAX, Page, PageQuery, Pay, Peer, PrepareNano, Quote, QuoteWish,
    RenewVirtual, Reveal, Serve, StepNano, Token, Transaction, VaultBalance, Virtual, Withdraw, WithdrawVault,
};
use futures::Stream;
use perunika_core::B256;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// Longer than the longest wait of a call.
const TIMEOUT: Duration = Duration::from_secs(660);

/// Why a call gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// No node there.
    #[error("no node answers at {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// In words.
        reason: String,
    },
    /// The connection broke before there was an answer. The node may have got the call.
    #[error("the connection to {url} broke before the answer: {reason}")]
    Broken {
        /// Where.
        url: String,
        /// In words.
        reason: String,
    },
    /// The node refused.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// For programs: an [`ErrorCode`](crate::types::ErrorCode) as text.
        code: String,
        /// For people.
        message: String,
    },
    /// What answers is no node of this version.
    #[error("the answer of {url} cannot be read: {reason}")]
    Unreadable {
        /// Where.
        url: String,
        /// In words.
        reason: String,
    },
}

/// A node's API. Clones share connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

/// A fresh idempotency key. Whoever may have to repeat a call keeps it.
pub fn fresh_key() -> String {
    let mut bytes = [0u8; 16];
    // INVARIANT: a system without randomness cannot have made the node's keys either.
    #[allow(clippy::expect_used)]
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    hex::encode(bytes)
}

impl Client {
    /// For the node at `base`, such as `http://127.0.0.1:9736`, with the contents of its `api.token`,
    /// which never goes to a proxy.
    pub fn new(base: &str, token: &str) -> Self {
        let base = base.trim_end_matches('/').to_string();
        // INVARIANT: building fails only without a TLS backend or resolver, and none is configured here.
        #[allow(clippy::expect_used)]
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client is built");
        Self { http, base, token: token.trim().to_string() }
    }

    /// Whether the node runs.
    pub async fn health(&self) -> Result<Health, ClientError> {
        self.get("/v1/health").await
    }

    /// About the node.
    pub async fn info(&self) -> Result<Info, ClientError> {
        self.get("/v1/info").await
    }

    /// Known and connected peers.
    pub async fn peers(&self) -> Result<Vec<Peer>, ClientError> {
        self.all("/v1/peers").await
    }

    /// Remembers a peer, `0x<key>@host:port`, and stays connected with it.
    pub async fn add_peer(&self, address: &str) -> Result<Peer, ClientError> {
        self.post("/v1/peers", &AddPeer { address: address.to_string() }).await
    }

    /// All ledger channels.
    pub async fn channels(&self) -> Result<Vec<Channel>, ClientError> {
        self.all("/v1/channels").await
    }

    /// One ledger channel.
    pub async fn channel(&self, id: B256) -> Result<Channel, ClientError> {
        self.get(&format!("/v1/channels/{id}")).await
    }

    /// Opens a ledger channel.
    pub async fn open_channel(&self, body: &OpenChannel, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/channels", body, key).await
    }

    /// Pays through a ledger channel.
    pub async fn pay_channel(&self, id: B256, body: &Pay, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/channels/{id}/pay"), body, key).await
    }

    /// Ends a ledger channel.
    pub async fn close_channel(&self, id: B256, body: &Close, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/channels/{id}/close"), body, key).await
    }

    /// Adds to this node's deposit in an open ledger channel.
    pub async fn deposit_channel(&self, id: B256, body: &Deposit, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/channels/{id}/deposit"), body, key).await
    }

    /// Takes part of this node's deposit out of an open ledger channel.
    pub async fn withdraw_channel(&self, id: B256, body: &Withdraw, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/channels/{id}/withdraw"), body, key).await
    }

    /// ETH and the tokens that the node takes, and what its owner holds of them.
    pub async fn assets(&self) -> Result<Vec<Asset>, ClientError> {
        self.all("/v1/assets").await
    }

    /// Lets the Adjudicator take so much of a token.
    pub async fn approve(&self, body: &Approve, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/assets/approve", body, key).await
    }

    /// What is in the owner's vault.
    pub async fn vault(&self) -> Result<Vec<VaultBalance>, ClientError> {
        self.all("/v1/vault").await
    }

    /// Pays into the owner's vault.
    pub async fn fund_vault(&self, body: &FundVault, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/vault/fund", body, key).await
    }

    /// Takes money out of the owner's vault.
    pub async fn withdraw_vault(&self, body: &WithdrawVault, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/vault/withdraw", body, key).await
    }

    /// What a call would cost on the chain.
    pub async fn estimate(&self, body: &EstimateWish) -> Result<Estimate, ClientError> {
        self.post("/v1/estimates", body).await
    }

    /// All virtual channels.
    pub async fn virtuals(&self) -> Result<Vec<Virtual>, ClientError> {
        self.all("/v1/virtual").await
    }

    /// One virtual channel.
    pub async fn virtual_channel(&self, id: B256) -> Result<Virtual, ClientError> {
        self.get(&format!("/v1/virtual/{id}")).await
    }

    /// What this node could show the chain for a virtual channel.
    pub async fn evidence(&self, id: B256) -> Result<Evidence, ClientError> {
        self.get(&format!("/v1/virtual/{id}/evidence")).await
    }

    /// Opens a virtual channel.
    pub async fn open_virtual(&self, body: &OpenVirtual, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/virtual", body, key).await
    }

    /// What the hubs would charge for a virtual channel.
    pub async fn quote(&self, body: &QuoteWish) -> Result<Quote, ClientError> {
        self.post("/v1/quotes", body).await
    }

    /// Pays through a virtual channel.
    pub async fn pay_virtual(&self, id: B256, body: &Pay, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/virtual/{id}/pay"), body, key).await
    }

    /// Ends a virtual channel.
    pub async fn close_virtual(&self, id: B256, body: &Close, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/virtual/{id}/close"), body, key).await
    }

    /// Replaces a virtual channel that this node opened by a successor; the answer names it.
    pub async fn renew_virtual(&self, id: B256, body: &RenewVirtual, key: &str) -> Result<Done, ClientError> {
        self.move_money(&format!("/v1/virtual/{id}/renew"), body, key).await
    }

    /// All nanocontracts, offers included.
    pub async fn nanos(&self) -> Result<Vec<Nano>, ClientError> {
        self.all("/v1/nanos").await
    }

    /// One nanocontract.
    pub async fn nano(&self, channel: B256, nid: B256) -> Result<Nano, ClientError> {
        self.get(&format!("/v1/nanos/{channel}/{nid}")).await
    }

    /// Offers a nanocontract to the other party of a channel; the answer names it.
    pub async fn open_nano(&self, body: &OpenNano, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/nanos", body, key).await
    }

    /// Agrees to an offer, or does not.
    pub async fn answer_nano(&self, name: NanoName, body: &AnswerNano, key: &str) -> Result<Done, ClientError> {
        self.move_money(&name.path("answer"), body, key).await
    }

    /// Makes a step.
    pub async fn step_nano(&self, name: NanoName, body: &StepNano, key: &str) -> Result<Done, ClientError> {
        self.move_money(&name.path("step"), body, key).await
    }

    /// Keeps inputs for a dispute.
    pub async fn prepare_nano(&self, name: NanoName, body: &PrepareNano, key: &str) -> Result<Done, ClientError> {
        self.move_money(&name.path("prepare"), body, key).await
    }

    /// Hands the peer an input for its own next step.
    pub async fn hand_nano(&self, name: NanoName, body: &HandNano, key: &str) -> Result<Done, ClientError> {
        self.move_money(&name.path("hand"), body, key).await
    }

    /// Closes a nanocontract at what its newest version says.
    pub async fn close_nano(&self, name: NanoName, body: &CloseNano, key: &str) -> Result<Done, ClientError> {
        self.move_money(&name.path("close"), body, key).await
    }

    /// Publishes a secret in the registry of the chain.
    pub async fn reveal(&self, body: &Reveal, key: &str) -> Result<Done, ClientError> {
        self.move_money("/v1/secrets", body, key).await
    }

    /// Offers a file.
    pub async fn serve(&self, body: &Serve) -> Result<Offer, ClientError> {
        self.post("/v1/serve", body).await
    }

    /// Files on offer.
    pub async fn offers(&self) -> Result<Vec<Offer>, ClientError> {
        self.all("/v1/offers").await
    }

    /// Starts, or resumes, a download.
    pub async fn fetch(&self, body: &Fetch, key: &str) -> Result<Job, ClientError> {
        self.move_money("/v1/fetch", body, key).await
    }

    /// All downloads.
    pub async fn jobs(&self) -> Result<Vec<Job>, ClientError> {
        self.all("/v1/jobs").await
    }

    /// Where a download stands.
    pub async fn job(&self, id: &str) -> Result<Job, ClientError> {
        self.get(&format!("/v1/jobs/{id}")).await
    }

    /// What the node sent to the chain.
    pub async fn transactions(&self) -> Result<Vec<Transaction>, ClientError> {
        self.all("/v1/transactions").await
    }

    /// Part of a list, such as `/v1/channels`.
    pub async fn page<T: DeserializeOwned>(&self, path: &str, asked: &PageQuery) -> Result<Page<T>, ClientError> {
        let limit = asked.limit.map(|limit| format!("limit={limit}"));
        let after = asked.after.as_ref().map(|after| format!("after={after}"));
        let query: Vec<String> = limit.into_iter().chain(after).collect();
        self.get(&format!("{path}?{}", query.join("&"))).await
    }

    /// A whole list, page by page.
    async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut asked = PageQuery { limit: Some(PAGE_MAX as u16), after: None };
        loop {
            let page: Page<T> = self.page(path, &asked).await?;
            all.extend(page.items);
            asked.after = page.next;
            if asked.after.is_none() {
                return Ok(all);
            }
        }
    }

    /// A page of events behind `after`, or of all that are not acknowledged.
    pub async fn events_page(&self, after: Option<u64>, limit: Option<u16>) -> Result<Page<Event>, ClientError> {
        let after = after.map(|after| format!("after={after}"));
        let limit = limit.map(|limit| format!("limit={limit}"));
        let query: Vec<String> = after.into_iter().chain(limit).collect();
        let request = self.request(Method::GET, &format!("/v1/events?{}", query.join("&")));
        self.call(request.header("accept", "application/json")).await
    }

    /// Everything behind `after` (or all that is not acknowledged), then whatever happens. The stream ends with the first
    /// error; go on from the last cursor then.
    pub async fn events(
        &self,
        after: Option<u64>,
    ) -> Result<impl Stream<Item = Result<Event, ClientError>> + use<>, ClientError> {
        let query = after.map(|after| format!("?after={after}")).unwrap_or_default();
        let request = self.http.get(format!("{}/v1/events{query}", self.base)).bearer_auth(&self.token);
        let response = request.header("accept", "text/event-stream").send().await;
        let response = response.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        Ok(stream::events(self.base.clone(), response))
    }

    /// This event and all before it need not be kept; the highest number that is acknowledged.
    pub async fn acknowledge(&self, cursor: u64) -> Result<u64, ClientError> {
        let ack: Ack = self.post("/v1/events/ack", &Ack { cursor }).await?;
        Ok(ack.cursor)
    }

    /// Makes a token; its secret is shown this once.
    pub async fn make_token(&self, body: &NewToken) -> Result<MadeToken, ClientError> {
        self.post("/v1/tokens", body).await
    }

    /// All tokens but the root's.
    pub async fn tokens(&self) -> Result<Vec<Token>, ClientError> {
        self.all("/v1/tokens").await
    }

    /// Revokes a token: nothing more is signed on its account.
    pub async fn revoke_token(&self, id: &str) -> Result<Token, ClientError> {
        self.call(self.request(Method::DELETE, &format!("/v1/tokens/{id}"))).await
    }

    /// The OpenAPI document of the node.
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get("/openapi.json").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(self.request(Method::GET, path)).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let request = self.with_body(self.request(Method::POST, path), body)?;
        self.call(request).await
    }

    async fn move_money<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: &str,
    ) -> Result<T, ClientError> {
        let request = self.request(Method::POST, path).header("idempotency-key", key);
        self.call(self.with_body(request, body)?).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token).timeout(TIMEOUT)
    }

    fn with_body(&self, request: RequestBuilder, body: &impl Serialize) -> Result<RequestBuilder, ClientError> {
        let json = serde_json::to_vec(body).map_err(|error| self.unreadable(error))?;
        Ok(request.header("content-type", "application/json").body(json))
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&bytes).map_err(|error| self.unreadable(error))
    }

    async fn refusal(&self, response: reqwest::Response) -> ClientError {
        let status = response.status().as_u16();
        let body = match response.bytes().await {
            Ok(bytes) => serde_json::from_slice::<ErrorBody>(&bytes),
            Err(error) => return self.unreachable(&error),
        };
        match body {
            Ok(ErrorBody { error }) => {
                ClientError::Refused { status, code: error.code.as_str().into(), message: error.message }
            }
            Err(_) => self.unreadable(format!("status {status} without a reason")),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        let (url, reason) = (self.base.clone(), root_cause(error));
        if error.is_connect() { ClientError::Unreachable { url, reason } } else { ClientError::Broken { url, reason } }
    }

    fn unreadable(&self, error: impl fmt::Display) -> ClientError {
        ClientError::Unreadable { url: self.base.clone(), reason: error.to_string() }
    }
}

/// Names a nanocontract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NanoName {
    /// Its channel, ledger or virtual.
    pub channel: B256,
    /// Its name within the channel.
    pub nid: B256,
}

impl NanoName {
    fn path(self, call: &str) -> String {
        format!("/v1/nanos/{}/{}/{call}", self.channel, self.nid)
    }
}

/// What the system said, without the layers above it.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
