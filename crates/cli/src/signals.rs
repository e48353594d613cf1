//! When to stop.

/// Returns when the user or the system asks this process to end.
pub(crate) async fn stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::terminate(), SignalKind::hangup()];
        if let [Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    // Without a handler the system's default applies, which ends the process too.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
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
