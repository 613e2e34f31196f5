//! The operator's writes, by what they are.

use devcluster::AuditEvent;

/// The operator's namespace, release, account and program.
pub const OPERATOR: &str = "compose-operator";

#[derive(Clone, Copy, Debug, Default)]
pub struct Requests {
    pub objects: usize,
    pub status: usize,
    pub events: usize,
}

impl Requests {
    /// Those of the operator among these.
    pub fn count<'a>(events: impl IntoIterator<Item = &'a AuditEvent>) -> Self {
        let mut counts = Self::default();
        for event in events.into_iter().filter(|event| is_the_operators(event) && event.is_write()) {
            match (event.resource(), event.subresource()) {
                ("events", _) => counts.events += 1,
                ("composestacks", _) => counts.status += 1,
                _ => counts.objects += 1,
            }
        }
        counts
    }

    /// All but Events.
    pub fn writes(&self) -> usize {
        self.objects + self.status
    }
}

pub fn is_the_operators(event: &AuditEvent) -> bool {
    event.user().ends_with(OPERATOR) && event.user_agent.starts_with(OPERATOR)
}
