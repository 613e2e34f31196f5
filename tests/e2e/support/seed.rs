//! The stacks of `examples/`, applied as they are.

use std::time::{Duration, Instant};

use compose_operator::api::ComposeStack;
use serde_json::{Value, json};

use super::examples::Example;
use super::measures;
use super::node::answer;
use super::space::Space;

/// An applied example, and how long it took to answer.
pub struct Seed {
    pub space: Space,
    /// Name of the stack.
    pub name: String,
    file: String,
    began: Instant,
    answered: Option<Duration>,
}

impl Seed {
    /// Applies `examples/<file>.yaml` in a namespace with the labels that the file gives its own.
    pub async fn apply(file: &str) -> Self {
        let (labels, stack) = Example::read(file);
        Self::create(file, labels, stack).await
    }

    /// The same with a further Compose file merged over it.
    pub async fn apply_with(file: &str, over: &str) -> Self {
        let (labels, mut stack) = Example::read(file);
        let spec = stack["spec"].as_object_mut().unwrap();
        if let Some(text) = spec.remove("compose") {
            spec.insert("composeFiles".to_owned(), json!(["compose.yaml"]));
            spec.entry("files").or_insert(json!({}))["compose.yaml"] = text;
        }
        spec["composeFiles"].as_array_mut().unwrap().push(json!("over.yaml"));
        spec["files"]["over.yaml"] = json!(over);
        Self::create(file, labels, stack).await
    }

    /// Applies it in a namespace without labels.
    pub async fn apply_without_labels(file: &str) -> Self {
        Self::create(file, json!({}), Example::read(file).1).await
    }

    /// Where ordinary containers are allowed and nothing more.
    async fn create(file: &str, mut labels: Value, stack: Value) -> Self {
        labels["pod-security.kubernetes.io/enforce"] = json!("baseline");
        let space = Space::open_labelled(file, labels).await;
        let name = stack["metadata"]["name"].as_str().unwrap().to_owned();
        let began = Instant::now();
        space.create_spec(&name, stack["spec"].clone()).await;
        Self { space, name, file: file.to_owned(), began, answered: None }
    }

    /// Waits until the stack is Ready.
    pub async fn ready(&self) -> ComposeStack {
        self.space.ready(&self.name).await
    }

    /// The first answer of a service's published port that holds these words.
    pub async fn answers(&mut self, service: &str, target: u16, path: &str, words: &str) -> String {
        let text = self.asks(service, target, path, &[], words).await;
        self.answered();
        text
    }

    /// The same with further arguments of curl.
    pub async fn asks(&self, service: &str, target: u16, path: &str, arguments: &[&str], words: &str) -> String {
        let url = format!("http://{}{path}", self.space.published(&self.name, service, target).await);
        let arguments: Vec<&str> = arguments.iter().copied().chain([&*url]).collect();
        answer(&arguments, &format!("with {words:?}"), |text| text.contains(words)).await
    }

    /// The stack does now what it is for.
    pub fn answered(&mut self) {
        self.answered.get_or_insert(self.began.elapsed());
    }

    /// Judges the operator and notes the stack's figures.
    pub async fn close(self) {
        measures::note(&self.space, &self.file, self.answered);
        self.space.close().await;
    }
}
