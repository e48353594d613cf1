//! What an author is told.

mod support;

use alloy_primitives::keccak256;
use perunika_nano::report::{Bounds, Report};
use support::app;

const SMALL: Bounds = Bounds { gas: 100_000, k_max: 10, storage: 128, input: 64 };

fn report(bounds: Bounds) -> Report {
    Report::new(&app("HashLock"), bounds)
}

#[test]
fn a_dispute_is_registration_deployment_and_all_steps() {
    let (one, ten) = (report(Bounds { k_max: 1, ..SMALL }), report(SMALL));
    assert_eq!(ten.dispute() - one.dispute(), 9 * ten.step);
    assert_eq!(one.dispute(), one.deployment + one.registration + one.step);
    assert!(ten.step > 100_000 && ten.step < 200_000, "{}", ten.step);
    assert_eq!((ten.code_hash, ten.bytes), (keccak256(app("HashLock")), app("HashLock").len()));
}

#[test]
fn the_smallest_stake_follows_the_gas_price() {
    let report = report(SMALL);
    assert_eq!(report.smallest_stake(0), 0);
    assert_eq!(report.smallest_stake(1_000_000_000), u128::from(report.dispute()) * 1_000_000_000);
    assert_eq!(report.smallest_stake(u128::MAX), u128::MAX, "without wrapping around");
}

#[test]
fn what_no_transaction_can_carry_is_not_enforceable() {
    assert!(report(SMALL).is_enforceable());
    assert!(report(Bounds { storage: 16_384, input: 16_384, gas: 10_000_000, ..SMALL }).is_enforceable());
    let cannot = [
        Bounds { gas: 16_777_216, ..SMALL },
        Bounds { gas: 16_450_000, ..SMALL },
        Bounds { gas: u32::MAX, ..SMALL },
        Bounds { storage: 16_385, ..SMALL },
        Bounds { input: 16_385, ..SMALL },
    ];
    for bounds in cannot {
        let report = report(bounds);
        assert!(!report.is_enforceable(), "{bounds:?}");
        assert!(report.to_string().contains("can NOT be forced"));
    }
}

#[test]
fn the_page_says_whether_the_filter_lets_it_through() {
    let page = report(SMALL).to_string();
    assert!(page.contains("filter         admitted") && page.contains("it fits"), "{page}");
    let refused = Report::new(&[0x54], SMALL).to_string();
    assert!(refused.contains("REFUSED: offset 0: SLOAD is not allowed"), "{refused}");
}
