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
    fn nothing_overflows() {
        let top = Fees { max: u128::MAX, tip: u128::MAX };
        assert_eq!(top.outbid(top, u128::MAX), Some(top));
    }
}
