//! Tells a service manager that the node is up, or on its way down (the protocol of `sd_notify`).

/// The node answers.
pub(crate) const READY: &str = "READY=1";
/// The node finishes what is under way.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Sends a state to whoever `NOTIFY_SOCKET` names; without it nobody wants to know.
pub(crate) fn notify(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(&socket, state.as_bytes()) {
        tracing::warn!(%error, "the service manager was not told");
    }
}

#[cfg(unix)]
fn send(socket: &std::ffi::OsStr, state: &[u8]) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let address = match socket.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state, &address).map(drop)
}

#[cfg(not(unix))]
fn send(_: &std::ffi::OsStr, _: &[u8]) -> std::io::Result<()> {
    Ok(())
}
