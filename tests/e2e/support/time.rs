//! How long things take, whatever else the machine does meanwhile.

use std::time::{Duration, Instant};

/// What comes within seconds on a machine with nothing else to do: a busy one may take so long for it. What is only noticed by chance comes
/// minutes later, or never.
pub const SOON: Duration = Duration::from_mins(1);

/// By how much something comes after what it follows from, both as an admin sees them, and what it is then.
pub async fn lag<C, E>(cause: impl Future<Output = C>, effect: impl Future<Output = E>) -> (Duration, E) {
    let at = async { (cause.await, Instant::now()).1 };
    let (caused, (effect, told)) = tokio::join!(at, async { (effect.await, Instant::now()) });
    (told.saturating_duration_since(caused), effect)
}
