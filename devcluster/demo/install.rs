//! The cluster of the demo, and what is put on it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use compose_operator::api::ComposeStack;
use devcluster::{Cluster, Companion, Options};
use k8s_openapi::api::core::v1::{Namespace, Node};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Config, CustomResourceExt, ResourceExt};
use serde::Deserialize;

use crate::Error;
use crate::cost::{self, Writes};
use crate::stacks::Example;

/// Name of the release, and of the operator's namespace.
const NAME: &str = "compose-operator-demo";
/// Label of the namespaces that the demo makes; others are left alone.
const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", NAME);

/// The cluster, and what the demo has made there.
pub struct Stage {
    cluster: Cluster,
    client: Client,
    /// Whether the cluster is somebody else's, so that the demo has to clean up.
    foreign: bool,
    namespaces: Vec<String>,
    /// What the chart became, where it was applied.
    rendered: Option<String>,
    /// Whether the resource definition was not there before.
    defined: bool,
}

impl Stage {
    /// Starts a control plane, or takes the current kubeconfig's where `TEST_CLUSTER=current`.
    pub async fn start() -> Result<Self, Error> {
        // Known from the start, it is known to the garbage collector too.
        let options = Options { custom_resources: vec![serde_json::to_value(ComposeStack::crd())?], ..Options::default() };
        let cluster =
            tokio::task::spawn_blocking(move || Cluster::for_tests(&options)).await.map_err(|error| Error::Text(error.to_string()))??;
        let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(cluster.admin())?, &KubeConfigOptions::default()).await?;
        let (client, foreign) = (Client::try_from(config)?, cluster.is_foreign());
        Ok(Self { cluster, client, foreign, namespaces: Vec::new(), rendered: None, defined: false })
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What makes `kubectl` in the viewer's shell speak to this cluster; nothing where it does anyway.
    pub fn alias(&self) -> Option<String> {
        if let (Ok(node), Ok(name)) = (std::env::var("REALNODE"), std::env::var("REALNODE_NAME")) {
            return Some(format!("alias kubectl='{node} --name {name} kubectl'"));
        }
        let command = self.cluster.kubectl();
        let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
        (!self.foreign).then(|| format!("alias kubectl='KUBECONFIG={} {}'", self.cluster.admin().display(), words.join(" ")))
    }

    /// Installs the chart without its Deployment: the operator runs here, as the chart's account. Gives the kubeconfig of that account.
    pub async fn install(&mut self, root: &Path) -> Result<PathBuf, Error> {
        let definitions = Api::<CustomResourceDefinition>::all(self.client.clone());
        self.defined = definitions.get_opt(ComposeStack::crd_name()).await?.is_none();
        self.namespace(NAME, &BTreeMap::new()).await?;
        let chart = root.join("charts/compose-operator");
        let rendered = self.cluster.run(self.cluster.helm().args(["template", NAME, "--namespace", NAME]).arg(chart))?;
        let rendered = without_deployment(&rendered)?;
        self.cluster.apply(&rendered)?;
        self.rendered = Some(rendered);
        let established = await_condition(definitions, ComposeStack::crd_name(), conditions::is_crd_established());
        match tokio::time::timeout(Duration::from_mins(1), established).await {
            Ok(Ok(_)) => Ok(self.cluster.service_account(NAME, NAME)?),
            _ => Err(Error::Text("the resource definition was not taken into use".to_owned())),
        }
    }

    /// Makes a namespace, or takes one that an earlier demo has made.
    async fn namespace(&mut self, name: &str, labels: &BTreeMap<String, String>) -> Result<(), Error> {
        let namespaces = Api::<Namespace>::all(self.client.clone());
        let found = namespaces.get_opt(name).await?;
        if found.is_some_and(|found| found.labels().get(PART_OF.0).is_none_or(|value| value != PART_OF.1)) {
            return Err(Error::Text(format!("the namespace {name} exists already and isn't the demo's")));
        }
        self.namespaces.push(name.to_owned());
        let mut labels = labels.clone();
        labels.insert(PART_OF.0.to_owned(), PART_OF.1.to_owned());
        let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        namespaces.patch(name, &PatchParams::apply(NAME).force(), &Patch::Apply(&namespace)).await?;
        Ok(())
    }

    /// Makes the namespaces of the examples.
    pub async fn make_room(&mut self, examples: &[Example]) -> Result<(), Error> {
        for example in examples {
            self.namespace(&example.namespace, &example.labels).await?;
        }
        Ok(())
    }

    /// Applies an example in its namespace.
    pub async fn apply(&self, example: &Example) -> Result<(), Error> {
        let stacks = Api::<ComposeStack>::namespaced(self.client.clone(), &example.namespace);
        stacks.patch(&example.stack.name_any(), &PatchParams::apply(NAME).force(), &Patch::Apply(&example.stack)).await?;
        Ok(())
    }

    /// The address of some node, at which ports are published.
    pub async fn node_address(&self) -> Result<String, Error> {
        let nodes = Api::<Node>::all(self.client.clone()).list(&ListParams::default()).await?;
        let statuses = nodes.items.into_iter().filter_map(|node| node.status);
        let address = statuses.flat_map(|status| status.addresses.unwrap_or_default()).find(|address| address.type_ == "InternalIP");
        Ok(address.map(|address| address.address).unwrap_or_default())
    }

    /// What the operator has written so far, by namespace; nothing on a cluster whose audit log isn't ours.
    pub fn writes(&self) -> Result<BTreeMap<String, Writes>, Error> {
        let user = format!("system:serviceaccount:{NAME}:{NAME}");
        self.cluster.audit().map_or_else(|| Ok(BTreeMap::new()), |log| cost::writes(log, &user))
    }

    /// Takes away what was made on a cluster that isn't the demo's own; its garbage collector takes away what the stacks own.
    pub async fn clear(&self) -> Result<(), Error> {
        if !self.foreign {
            return Ok(());
        }
        for name in &self.namespaces {
            Api::<Namespace>::all(self.client.clone()).delete(name, &DeleteParams::background()).await?;
        }
        for (kind, name) in self.rendered.iter().flat_map(|rendered| documents(rendered)).filter_map(|document| named(&document.ok()?)) {
            if kind.starts_with("ClusterRole") || (kind == "CustomResourceDefinition" && self.defined) {
                self.cluster.run(self.cluster.kubectl().args(["delete", "--ignore-not-found", &kind, &name]))?;
            }
        }
        Ok(())
    }
}

fn documents(text: &str) -> impl Iterator<Item = Result<serde_json::Value, serde_yaml::Error>> {
    serde_yaml::Deserializer::from_str(text).map(serde_json::Value::deserialize)
}

fn named(document: &serde_json::Value) -> Option<(String, String)> {
    Some((document["kind"].as_str()?.to_owned(), document["metadata"]["name"].as_str()?.to_owned()))
}

fn without_deployment(rendered: &str) -> Result<String, Error> {
    let mut kept = String::new();
    for document in documents(rendered) {
        let document = document?;
        if !document.is_null() && document["kind"] != "Deployment" {
            kept += "---\n";
            kept += &serde_yaml::to_string(&document)?;
        }
    }
    Ok(kept)
}

/// Starts the operator that cargo has built beside the demo.
pub fn operator(kubeconfig: &Path, log: &Path) -> Result<Companion, Error> {
    let executable = std::env::current_exe()?;
    let program = executable.ancestors().nth(2).unwrap_or(Path::new(".")).join("compose-operator");
    fs::write(log, "")?;
    let variables = [("KUBECONFIG", kubeconfig.as_os_str()), ("COMPOSE_OPERATOR_LISTEN", OsStr::new("127.0.0.1:0"))];
    Ok(Companion::start(&program, &["run"], &variables, log)?)
}
