//! Whether the published ports of the stacks answer, where pods are containers.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answers::{Answer, until_answered};
use crate::stacks::Followed;

/// Time that a container has to listen once its pod is ready.
const IN_TIME: Duration = Duration::from_secs(30);

/// Stacks and services that run a shell, in which somebody starts the server: as their author wants it, nothing answers before.
const BY_HAND: [(&str, &str); 1] = [("redis-haproxy", "HAProxy")];

/// Asks every published TCP port of the stacks, until each answers or time is up. Leaves all as it is where pods are statuses only.
pub async fn ask(stacks: &mut [Followed], address: &str) {
    let Some(node) = std::env::var_os("REALNODE") else { return };
    let deadline = Instant::now() + IN_TIME;
    let mut asked = JoinSet::new();
    for (index, stack) in stacks.iter().enumerate() {
        for (service, endpoint) in stack.endpoints() {
            let Some((published, _)) = endpoint.split_once("->").filter(|(_, target)| target.ends_with("/tcp")) else { continue };
            let by_hand = BY_HAND.contains(&(stack.namespace.as_str(), service));
            let (node, url, endpoint) = (node.clone(), published.replace('*', address), endpoint.to_owned());
            let deadline = if by_hand { Instant::now() } else { deadline };
            asked.spawn(async move { (index, endpoint, until_answered(node, url, deadline).await, by_hand) });
        }
    }
    while let Some(Ok((index, endpoint, answer, by_hand))) = asked.join_next().await {
        let answer = if by_hand && answer == Answer::Nothing { Answer::ByHand } else { answer };
        stacks[index].answers.insert(endpoint, answer);
    }
}
