//! The report's costs against those of the contract: upper bounds, and not far above.

mod support;

use alloy_primitives::{B256, keccak256};
use perunika_core::chain::{Call, ForcedStep};
use perunika_core::signed::Entry;
use perunika_nano::report::{Bounds, Report};
use support::echo::echo;
use support::ground::Ground;
use support::{APPS, app};

fn entry(bounds: Bounds, state: &[u8]) -> Entry {
    Entry {
        nid: B256::repeat_byte(0xee),
        born: 2,
        total: 100,
        da0: 10,
        mover0: 0,
        code_hash: keccak256(echo()),
        gas: bounds.gas,
        k_max: bounds.k_max,
        storage0: keccak256(state),
    }
}

/// Gas of registering and of one step at the bounds, on the chain, in a transaction with the gas that the report wants.
fn forced(bounds: Bounds, limit: u64) -> (u64, u64) {
    let mut ground = Ground::new();
    let state = vec![0xff; bounds.storage];
    let entry = entry(bounds, &state);
    let (_, registration) = ground.dispute(&[entry]);
    let (code, input) = (ground.deploy(&echo()), vec![0xff; bounds.input]);
    let step = ForcedStep { code, storage: state, input, auth: None };
    ground.gas_limit = limit;
    let sent = ground.execute(&entry, step, 0, &[]);
    assert!(sent.result.is_success(), "{sent:?}");
    (registration, sent.result.tx_gas_used())
}

/// `bound` holds, and is not more than `percent` above.
fn assert_close(what: &str, measured: u64, bound: u64, percent: u64) {
    println!("{what}: {measured} measured, {bound} reported");
    assert!(
        measured <= bound && bound <= measured * (100 + percent) / 100,
        "{what}: {measured} measured, {bound} reported"
    );
}

#[test]
fn a_step_costs_what_is_reported() {
    for gas in [300_000, 3_000_000] {
        for (storage, input) in [(1, 0), (32, 32), (1_000, 0), (0, 1_000), (16_384, 0), (0, 16_384), (16_384, 16_384)] {
            let bounds = Bounds { gas, k_max: 9, storage, input };
            let report = Report::new(&echo(), bounds);
            let (registration, step) = forced(bounds, report.step_limit);
            assert_close(&format!("step {gas} {storage} {input}"), step, report.step, 5);
            assert_close("registration", registration, report.registration, 8);
        }
    }
}

#[test]
fn deploying_costs_what_is_reported() {
    let codes = APPS.map(app).into_iter().chain([vec![0x5b; 24_576], vec![0; 24_576], vec![0x5b]]);
    for code in codes {
        let bounds = Bounds { gas: 100_000, k_max: 1, storage: 0, input: 0 };
        let call = Call::Deploy { code: code.clone() };
        let sent = Ground::new().call(0, &call, &[], None);
        assert!(sent.result.is_success());
        assert_close("deploy", sent.result.tx_gas_used(), Report::new(&code, bounds).deployment, 5);
    }
}
