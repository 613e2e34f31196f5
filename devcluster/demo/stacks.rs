//! The stacks of `examples/`: what they are, and what has become of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use compose_operator::api::{ComposeStack, keys::condition, keys::reason};
use k8s_openapi::api::core::v1::Namespace;
use kube::ResourceExt;
use serde::Deserialize;
use tokio::time::Instant;

use crate::Error;
use crate::answers::Answer;
use crate::cost::Writes;

/// One file of `examples/`. It is applied in a namespace that is called as the file is.
pub struct Example {
    pub namespace: String,
    /// Labels that the file gives its namespace.
    pub labels: BTreeMap<String, String>,
    pub stack: ComposeStack,
    /// Whether the operator has to refuse it.
    pub refused: bool,
}

/// Reads the examples: those that run, then those that are to be refused.
pub fn read(directory: &Path) -> Result<Vec<Example>, Error> {
    let mut examples = Vec::new();
    for (folder, refused) in [(directory.to_owned(), false), (directory.join("refused"), true)] {
        let mut files = fs::read_dir(&folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
        files.sort();
        for file in files {
            examples.push(example(&file, refused)?);
        }
    }
    Ok(examples)
}

fn example(file: &Path, refused: bool) -> Result<Example, Error> {
    let namespace = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (mut labels, mut stack) = (BTreeMap::new(), None);
    for document in serde_yaml::Deserializer::from_str(&fs::read_to_string(file)?) {
        let value = serde_json::Value::deserialize(document)?;
        if value["kind"] == "Namespace" {
            labels = serde_json::from_value::<Namespace>(value)?.metadata.labels.unwrap_or_default();
        } else {
            stack = Some(serde_json::from_value::<ComposeStack>(value)?);
        }
    }
    let mut stack = stack.ok_or_else(|| Error::Text(format!("{} holds no ComposeStack", file.display())))?;
    stack.metadata.namespace = Some(namespace.clone());
    Ok(Example { namespace, labels, stack, refused })
}

/// An applied example and what the cluster says of it.
pub struct Followed {
    pub namespace: String,
    pub name: String,
    pub refused: bool,
    /// When it was applied; not yet.
    pub applied: Option<Instant>,
    pub live: Option<ComposeStack>,
    /// How long it took to become what it should.
    pub took: Option<Duration>,
    /// What the operator wrote for it; unknown on a cluster without an audit log of ours.
    pub writes: Option<Writes>,
    /// What its published ports answer, by the text of the status; nothing where they weren't asked.
    pub answers: BTreeMap<String, Answer>,
}

impl Followed {
    pub fn new(example: &Example) -> Self {
        let (namespace, name) = (example.namespace.clone(), example.stack.name_any());
        Self { namespace, name, refused: example.refused, applied: None, live: None, took: None, writes: None, answers: BTreeMap::new() }
    }

    pub fn observe(&mut self, live: ComposeStack) {
        self.live = Some(live);
        if self.took.is_none() && self.is_as_expected() {
            self.took = self.applied.map(|applied| applied.elapsed());
        }
    }

    /// Ready at the current generation; or, where it is to be refused, Stalled for that reason.
    fn is_as_expected(&self) -> bool {
        let current = self
            .live
            .as_ref()
            .is_some_and(|live| live.status.as_ref().is_some_and(|status| status.observed_generation == live.metadata.generation));
        let (wanted, why) = if self.refused { (condition::STALLED, reason::INVALID_SPEC) } else { (condition::READY, reason::READY) };
        current && self.condition(wanted).is_some_and(|(status, reason, _)| status == "True" && reason == why)
    }

    /// Status, reason and message of a condition.
    pub fn condition(&self, type_: &str) -> Option<(&str, &str, &str)> {
        let conditions = &self.live.as_ref()?.status.as_ref()?.conditions;
        let found = conditions.iter().find(|condition| condition.type_ == type_)?;
        Some((&found.status, &found.reason, &found.message))
    }

    /// `2/3`, or a dash as long as there is none.
    pub fn summary(&self) -> &str {
        let status = self.live.as_ref().and_then(|live| live.status.as_ref());
        status.and_then(|status| status.summary.as_deref()).unwrap_or("-")
    }

    /// `es 1/1, web 1/1`.
    pub fn services(&self) -> String {
        let status = self.live.as_ref().and_then(|live| live.status.as_ref());
        let services = status.iter().flat_map(|status| &status.services);
        let services = services.map(|service| format!("{} {}/{}", service.name, service.ready, service.desired)).collect::<Vec<_>>();
        if services.is_empty() { "none".to_owned() } else { services.join(", ") }
    }

    /// Services and where their published ports are: `web`, `*:31080->80/tcp`.
    pub fn endpoints(&self) -> Vec<(&str, &str)> {
        let status = self.live.as_ref().and_then(|live| live.status.as_ref());
        let services = status.iter().flat_map(|status| &status.services);
        services.flat_map(|service| service.endpoints.iter().map(|endpoint| (service.name.as_str(), endpoint.as_str()))).collect()
    }

    /// The same in words, with what they answer: `web *:31080->80/tcp answers with HTTP 200`.
    pub fn published(&self) -> Vec<String> {
        let words = |(service, endpoint): (&str, &str)| {
            let answer = self.answers.get(endpoint).map(|answer| format!(" {answer}")).unwrap_or_default();
            format!("{service} {endpoint}{answer}")
        };
        self.endpoints().into_iter().map(words).collect()
    }

    /// `2 Deployments, 3 Services`, or nothing.
    pub fn made(&self) -> String {
        let mut counts = BTreeMap::<&str, usize>::new();
        for object in self.live.iter().filter_map(|live| live.status.as_ref()).flat_map(|status| &status.objects) {
            *counts.entry(&object.kind).or_default() += 1;
        }
        let made = counts.into_iter().map(|(kind, count)| plural(kind, count)).collect::<Vec<_>>();
        if made.is_empty() { "nothing".to_owned() } else { made.join(", ") }
    }
}

fn plural(kind: &str, count: usize) -> String {
    match (count, kind.strip_suffix('y')) {
        (1, _) => format!("1 {kind}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {kind}s"),
    }
}
