//! What a transaction offers for a unit of gas (EIP-1559), in wei.

/// The two numbers of an EIP-1559 transaction, in wei for a unit of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fees {
    /// Most that is paid, tip included.
    pub(crate) max: u128,
    /// Tip.
    pub(crate) tip: u128,
}

impl Fees {
    /// What usually gets in: twice the base fee, so that it may rise for a few blocks, and the median of the tips that others paid.
    /// A node may say any numbers here: they saturate.
    pub(crate) fn usual(base_fee: u128, rewards: &[Vec<u128>]) -> Self {
        let mut tips: Vec<u128> =
            rewards.iter().filter_map(|block| block.first().copied()).filter(|tip| *tip > 0).collect();
        tips.sort_unstable();
        let tip = tips.get(tips.len() / 2).copied().unwrap_or(1);
        Self { max: base_fee.saturating_mul(2).saturating_add(tip), tip }
    }

    /// Never above `cap`, and the tip never above the whole.
    pub(crate) fn capped(self, cap: u128) -> Self {
        let max = self.max.min(cap);
        Self { max, tip: self.tip.min(max) }
    }

    /// What replaces a transaction that offered `self`: nodes ask for an eighth more in both numbers. `None` if `cap` forbids it.
    pub(crate) fn outbid(self, suggested: Self, cap: u128) -> Option<Self> {
        let eighth_more = |wei: u128| wei.saturating_add(wei / 8).saturating_add(1);
        let max = eighth_more(self.max).max(suggested.max);
        let tip = eighth_more(self.tip).max(suggested.tip).min(max);
        (max <= cap).then_some(Self { max, tip }).or_else(|| {
            let least = Self { max: eighth_more(self.max), tip: eighth_more(self.tip) };
            (least.max <= cap && least.tip <= least.max).then_some(least)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: u128 = 1_000;

    #[test]
    fn outbids_by_an_eighth() {
        let old = Fees { max: 800, tip: 80 };
        let new = old.outbid(Fees { max: 1, tip: 1 }, CAP);
        assert_eq!(new, Some(Fees { max: 901, tip: 91 }));
    }

    #[test]
    fn follows_the_market_up_to_the_cap() {
        let old = Fees { max: 100, tip: 10 };
        assert_eq!(old.outbid(Fees { max: 500, tip: 50 }, CAP), Some(Fees { max: 500, tip: 50 }));
        assert_eq!(old.outbid(Fees { max: 5_000, tip: 50 }, CAP), Some(Fees { max: 113, tip: 12 }));
        assert_eq!(Fees { max: 900, tip: 10 }.outbid(Fees { max: 1, tip: 1 }, CAP), None);
    }

    #[test]
    fn the_cap_holds_for_both() {
        assert_eq!(Fees { max: 5_000, tip: 2_000 }.capped(CAP), Fees { max: CAP, tip: CAP });
    }

    #[test]
    fn the_usual_fee_is_twice_the_base_fee_and_the_median_tip() {
        let rewards = [vec![3], vec![0], vec![], vec![9], vec![5]];
        assert_eq!(Fees::usual(7, &rewards), Fees { max: 19, tip: 5 });
        assert_eq!(Fees::usual(7, &[]), Fees { max: 15, tip: 1 });
    }

    #[test]
    fn a_node_that_claims_absurd_fees_stops_nobody() {
        let top = u128::MAX;
        assert_eq!(Fees::usual(top, &[vec![top], vec![top]]), Fees { max: top, tip: top });
    }

    #[test]
    fn nothing_overflows() {
        let top = Fees { max: u128::MAX, tip: u128::MAX };
        assert_eq!(top.outbid(top, u128::MAX), Some(top));
    }
}
