//! Code whose step wastes its gas and leaves the storage as it is, but for the first byte.

/// Runtime code. Gives A nothing and lets A move on.
pub(crate) fn echo() -> Vec<u8> {
    let waste = "5f5f60015f60095afa50" /* a wrong call of a precompile: nearly all gas */;
    let head = "60805f52" /* offset 128 */;
    let steps = "600160843503606052" /* stepsLeft - 1 */;
    let at = "61010435600401" /* where the storage's length stands */;
    let length = "803580608052";
    let copy = "808260200160a037";
    let change = "60605160a053" /* the first byte: stepsLeft - 1 */;
    let end = "60a0015ff3";
    hex::decode([waste, head, steps, at, length, copy, change, end].concat()).unwrap()
}
