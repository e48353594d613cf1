//! For fuzzing only: the driver, step by step, against whatever answers.

use crate::config::ChainConfig;
use crate::follow::Follower;
use crate::handle::{ChainOutput, Following, Request};
use crate::rpc::Rpc;
use crate::send::Sender;
use crate::wallet::OwnerKey;
use alloy::rpc::client::RpcClient;
use perunika_core::chain::{Block, Call, TxKey, Watch};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Outputs that are kept; the rest is thrown away.
const OUTPUTS_MAX: usize = 1_024;

/// Looks at the chain and sends, `rounds` times each, with `client` as the node; what it told.
pub async fn drive(
    client: RpcClient,
    config: ChainConfig,
    owner: OwnerKey,
    watches: Vec<Watch>,
    calls: Vec<(TxKey, Call)>,
    rounds: usize,
) -> Vec<ChainOutput> {
    let rpc = Rpc::over(client, config.adjudicator, config.batch_max);
    let config = Arc::new(config);
    let (outputs, mut heard) = mpsc::channel(OUTPUTS_MAX);
    let (head_out, head) = watch::channel(Block::default());
    let mut follower = Follower::new(rpc.clone(), Arc::clone(&config), outputs.clone(), head_out);
    let mut sender = Sender::new(rpc.clone(), config, owner, outputs, head);
    watches.into_iter().for_each(|watch| follower.add(Following::Watch(watch)));
    calls.into_iter().for_each(|(key, call)| sender.add(Request { key, call, deadline: None }));
    let mut told = Vec::new();
    for _ in 0..rounds {
        let result = follower.look().await;
        follower.tell(result).await;
        // Without an answer the next round tries again.
        let _ = sender.round().await;
        while let Ok(output) = heard.try_recv() {
            told.push(output);
        }
    }
    // What programs ask for by themselves.
    let _ = (rpc.suggested_fees().await, rpc.balance(rpc.adjudicator()).await);
    told
}
