//! All targets under libFuzzer. One binary, so that it is linked once; `PERUNIKA_FUZZ` names the target.
#![no_main]

use perunika_fuzzing::{Target, is_finding, target};
use std::ffi::{c_char, c_int};
use std::sync::OnceLock;

static TARGET: OnceLock<&Target> = OnceLock::new();

/// Called by libFuzzer, once.
#[unsafe(no_mangle)]
extern "C" fn LLVMFuzzerInitialize(_: *const c_int, _: *const *const *const c_char) -> c_int {
    // Every panic counts, in tasks and threads too.
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_finding(panic) {
            show(panic);
            std::process::abort();
        }
    }));
    let name = std::env::var("PERUNIKA_FUZZ").unwrap_or_default();
    let target = target(&name).unwrap_or_else(|| panic!("PERUNIKA_FUZZ names no target: `{name}`"));
    // What all runs share is made now, so that the first one is not slower than the others.
    (target.run)(&[]);
    TARGET.set(target).expect("set once");
    0
}

/// Called by libFuzzer for every input.
#[unsafe(no_mangle)]
extern "C" fn LLVMFuzzerTestOneInput(bytes: *const u8, length: usize) -> c_int {
    // SAFETY: libFuzzer gives an array that lives until this returns; an empty one may have any address.
    let bytes = if length == 0 { &[] } else { unsafe { std::slice::from_raw_parts(bytes, length) } };
    if let Some(target) = TARGET.get() {
        (target.run)(bytes);
    }
    0
}
