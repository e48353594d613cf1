//! The node.
mod files;
pub mod keys;
pub mod keystore;
pub mod wire;
