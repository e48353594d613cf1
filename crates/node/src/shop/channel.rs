//! Which virtual channel a download pays through: the one it has, its successor, another one; and when to renew it.

use super::buyer::{Broken, Buyer};
use perunika_core::B256;
use perunika_core::info::{VirtualInfo, VirtualStage};
use perunika_core::io::{Command, Fault, Reply};
use perunika_core::params::Side;
use perunika_core::signed::Amount;

/// The smallest stake of a renewal, as a part of the first one: fees do not multiply without end.
const STAKE_PARTS_MAX: Amount = 8;
/// Successors that are followed in one look.
const CHAIN_MAX: usize = 1_024;

impl Buyer {
    pub(super) async fn channel(&self, vc: B256) -> Result<Option<VirtualInfo>, Broken> {
        self.shop.engine.query(move |p| p.virtual_channel(vc)).await.map_err(Broken::never)
    }

    /// The newest of a channel and its successors.
    async fn newest(&self, vc: B256) -> Result<Option<VirtualInfo>, Broken> {
        let follow = move |p: &perunika_core::Participant| {
            let mut info = p.virtual_channel(vc)?;
            for _ in 0..CHAIN_MAX {
                let Some(next) = info.renewed_by.and_then(|next| p.virtual_channel(next)) else { break };
                info = next;
            }
            Some(info)
        };
        self.shop.engine.query(follow).await.map_err(Broken::never)
    }

    /// Whether the channel in use is on its way to its end.
    pub(super) async fn is_ending(&self) -> Result<bool, Broken> {
        let Some(vc) = self.record.tab.vc else { return Ok(false) };
        Ok(self.channel(vc).await?.is_none_or(|info| info.stage != VirtualStage::Active))
    }

    /// With all chunks here: whether something is unpaid that can still be paid.
    pub(super) async fn can_still_pay(&self) -> Result<bool, Broken> {
        let Some(vc) = self.record.tab.vc else { return Ok(false) };
        let Some(old) = self.channel(vc).await? else { return Ok(false) };
        let due = self.due(&old);
        if due == 0 && self.replies.is_empty() {
            return Ok(false);
        }
        let Some(info) = self.newest(vc).await? else { return Ok(false) };
        if info.stage != VirtualStage::Active {
            return if info.renewing {
                Err(Broken::Later("the virtual channel is being renewed".into()))
            } else {
                Ok(false)
            };
        }
        Ok(!self.replies.is_empty() || info.mine >= Some(due))
    }

    /// What is verified and not paid through the channel of the tab.
    fn due(&self, info: &VirtualInfo) -> Amount {
        self.record.tab.due(self.record.offer.price, info.theirs.unwrap_or_default())
    }

    /// Chunks that came through the predecessor of a channel and were not paid when it ended: they are paid here.
    pub(super) async fn owed_through_predecessor(&self, info: &VirtualInfo) -> Result<u64, Broken> {
        let (Some(old), price) = (self.record.tab.vc, self.record.offer.price) else { return Ok(0) };
        if old == info.id || price == 0 || self.newest(old).await?.is_none_or(|newest| newest.id != info.id) {
            return Ok(0);
        }
        let due = self.channel(old).await?.map_or(0, |old| self.due(&old));
        Ok(u64::try_from(due.div_ceil(price)).unwrap_or_default())
    }

    /// The channel of the last attempt or its successor, else the caller's wish or its successor, else any free one with the
    /// seller; among those of this node's own making also one that has to be renewed before it can pay.
    pub(super) async fn choose_channel(&mut self) -> Result<VirtualInfo, Broken> {
        let (mut current, mut wished) = (None, None);
        if let Some(vc) = self.record.tab.vc {
            current = self.newest(vc).await?;
        }
        if let Some(vc) = self.record.wished {
            wished = Some(self.newest(vc).await?.map_or(vc, |info| info.id));
        }
        if let Some(info) = current.as_ref().filter(|info| info.stage != VirtualStage::Active && info.renewing) {
            return Err(Broken::Later(format!("the virtual channel {} is being renewed", info.id)));
        }
        let current = current.map(|info| info.id);
        let all = self.shop.engine.query(|p| p.virtuals()).await.map_err(Broken::never)?;
        let mut usable: Vec<&VirtualInfo> = all.iter().filter(|info| self.fits(info)).collect();
        if let Some(wished) = wished {
            usable.retain(|info| info.id == wished);
        }
        let needed = |info: &VirtualInfo| {
            let next = if self.missing.is_empty() { 0 } else { self.record.offer.price };
            if current == Some(info.id) && self.record.tab.vc == current { next.max(self.due(info)) } else { next }
        };
        usable.retain(|info| info.mine >= Some(needed(info)) || self.renews(info));
        usable.sort_by_key(|info| {
            let poor = info.mine < Some(needed(info));
            (current != Some(info.id), poor, std::cmp::Reverse(info.mine))
        });
        let none = match wished {
            Some(id) => {
                format!(
                    "the virtual channel {id} cannot be used: it is not active, of another asset than the price, has not enough left, or is in use"
                )
            }
            None => {
                let seller = self.record.offer.seller;
                let asset = self.record.offer.asset;
                let of = if asset.is_zero() { "ETH".to_owned() } else { format!("the token {asset}") };
                format!("there is no free virtual channel of {of} with {seller} that has enough left; open one")
            }
        };
        let chosen = usable.into_iter().find(|info| self.shop.claim_channel(info.id, &self.cell));
        chosen.cloned().ok_or(Broken::Never(none))
    }

    /// An active channel between this node and the seller, of the asset that the seller wants.
    fn fits(&self, info: &VirtualInfo) -> bool {
        if info.params.asset != self.record.offer.asset {
            return false;
        }
        let (me, seller) = (self.shop.me, self.record.offer.seller);
        let ends = [info.params.end(Side::A), info.params.end(Side::B)];
        (ends == [me, seller] || ends == [seller, me]) && info.stage == VirtualStage::Active
    }

    /// Whether this node can and may renew it when it is spent.
    fn renews(&self, info: &VirtualInfo) -> bool {
        info.index == 0 && self.fee_max(info) > 0
    }

    /// A hundredth of the stakes, unless the caller said otherwise; nothing forbids renewals.
    fn fee_max(&self, info: &VirtualInfo) -> Amount {
        self.record.renew_fee_max.unwrap_or((info.params.total() / 100).max(1))
    }

    /// The same for a renewal with a smaller stake than the first one.
    fn fee_max_for(&self, info: &VirtualInfo, stake: Amount, first: Amount) -> Amount {
        let part = |fee: Amount| fee.checked_mul(stake).map_or(fee, |product| product.div_ceil(first.max(1)));
        match self.record.renew_fee_max {
            Some(fee) => part(fee).min(fee),
            None => (stake.saturating_add(info.params.init_b) / 100).max(1),
        }
    }

    /// This node's stake in the first channel that the download was paid through; remembered, since successors may have less.
    async fn first_stake(&mut self, info: &VirtualInfo) -> Result<Amount, Broken> {
        if let Some(stake) = self.record.first_stake {
            return Ok(stake);
        }
        self.record.first_stake = Some(info.params.init_a);
        self.remember().await?;
        Ok(info.params.init_a)
    }

    /// The channel is spent and chunks are missing: a successor with a fresh stake, as large as the first one or as the rest of
    /// the file needs, or less if the links have less.
    pub(super) async fn refill(&mut self, vc: B256) -> Result<(), Broken> {
        let Some(info) = self.channel(vc).await?.filter(|info| self.renews(info)) else {
            return Err(Broken::Never(
                "this virtual channel has not enough left for another chunk; open another one".into(),
            ));
        };
        let price = self.record.offer.price;
        let rest = price.saturating_mul(self.missing.len() as u128);
        let first = self.first_stake(&info).await?;
        let mut stake = first.min(rest).max(price);
        let least = (first / STAKE_PARTS_MAX).min(stake).max(price);
        loop {
            let stakes = Some([stake, info.params.init_b]);
            let fee_max = self.fee_max_for(&info, stake, first);
            let command = Command::RenewVirtual { vc, stakes, term: None, fee_max };
            match self.shop.engine.command(self.record.counted(command)).await.map_err(Broken::never)? {
                Reply::Opened(next) => {
                    self.cell.hold(next);
                    return Ok(());
                }
                Reply::Refused(fault) => {
                    if self.channel(vc).await?.is_none_or(|info| info.stage != VirtualStage::Active) {
                        return Err(Broken::Later(format!("the virtual channel was not renewed: {}", words(fault))));
                    }
                    if stake == least {
                        return Err(Broken::Never(format!(
                            "the virtual channel is spent and was not renewed: {}",
                            words(fault)
                        )));
                    }
                    stake = (stake / 2).max(least);
                }
                other => return Err(Broken::Later(format!("the virtual channel was not renewed: {other:?}"))),
            }
        }
    }
}

fn words(fault: Fault) -> String {
    match fault {
        Fault::Caller(reason) | Fault::Peer(reason) | Fault::Chain(reason) | Fault::Limit(reason) => reason,
    }
}
