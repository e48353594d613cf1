//! When to stop.

/// Returns when the user or the system asks this process to end.
pub(crate) async fn stop() {
    Signals::listen().next().await;
}

/// Hears every request to end from the moment it is made: what comes before it is waited for is not lost.
#[cfg(unix)]
pub(crate) struct Signals(Option<[tokio::signal::unix::Signal; 3]>);

#[cfg(unix)]
impl Signals {
    /// Must be called within a runtime.
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // Without a handler the system's default applies, which ends the process too.
        Self(match kinds.map(signal) {
            [Ok(interrupt), Ok(terminate), Ok(hangup)] => Some([interrupt, terminate, hangup]),
            _ => None,
        })
    }

    /// Returns at the next request.
    pub(crate) async fn next(&mut self) {
        let Some([interrupt, terminate, hangup]) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Hears requests to end.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> Self {
        Self
    }

    /// Returns at the next request.
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Returns when whoever holds the other end of the standard input is gone; never, if `wanted` is false.
pub(crate) async fn parent_gone(wanted: bool) {
    if !wanted {
        std::future::pending::<()>().await;
    }
    let (gone, waiting) = tokio::sync::oneshot::channel();
    // A thread of its own: a read of the standard input cannot be cancelled, and a runtime would wait for it at its end.
    std::thread::spawn(move || {
        // End of input and a broken pipe mean the same here.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = gone.send(());
    });
    // The sender is dropped only after it has sent.
    let _ = waiting.await;
}
