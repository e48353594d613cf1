//! The chain driver.
