//! Selling and buying.

use super::{Running, until};
use perunika_client::types::{Job, JobState, Serve, Wei};
use perunika_core::Address;
use std::path::Path;

/// 10,000 bytes for 1,000 wei.
pub async fn offer(seller: &Running, file: &Path) -> String {
    let body = Serve { path: file.display().to_string(), price: Wei(1_000), asset: Address::ZERO, chunk_bytes: 10_000 };
    seller.api.serve(&body).await.unwrap().offer
}

pub async fn some_chunks(buyer: &Running, job: &Job) -> bool {
    let job = buyer.api.job(&job.id).await.unwrap();
    assert_ne!(job.state, JobState::Failed, "{job:?}");
    job.chunks_done >= 10
}

pub async fn finished(buyer: &Running, job: &Job) -> Job {
    until(|| async {
        let state = buyer.api.job(&job.id).await.unwrap().state;
        matches!(state, JobState::Done | JobState::Failed)
    })
    .await;
    buyer.api.job(&job.id).await.unwrap()
}
