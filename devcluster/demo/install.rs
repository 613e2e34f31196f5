//! The cluster of the demo, and what is put on it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use compose_operator::api::ComposeStack;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig, NamedAuthInfo};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, Config, CustomResourceExt, ResourceExt};

use crate::Error;
use crate::screen;
use crate::stacks::Example;

/// Name of the operator's account, rights and namespace.
const NAME: &str = "compose-operator-demo";
/// Label of the namespaces that the demo makes; others are left alone.
const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", NAME);

/// The cluster that the demo runs on.
pub struct Cluster {
    /// None: the cluster is that of the current kubeconfig.
    own: Option<devcluster::Cluster>,
    kubeconfig: Kubeconfig,
    client: Client,
}

impl Cluster {
    /// Starts a control plane, or takes the current kubeconfig's where `TEST_CLUSTER=current`.
    pub async fn start() -> Result<Self, Error> {
        let own = if std::env::var("TEST_CLUSTER").is_ok_and(|value| value == "current") {
            screen::say("Using the cluster of the current kubeconfig.")?;
            None
        } else {
            Some(devcluster::Cluster::start()?)
        };
        let kubeconfig = match &own {
            Some(cluster) => Kubeconfig::read_from(cluster.kubeconfig())?,
            None => Kubeconfig::read()?,
        };
        let config = Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await?;
        Ok(Self { own, kubeconfig, client: Client::try_from(config)? })
    }

    pub fn is_foreign(&self) -> bool {
        self.own.is_none()
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How the viewer calls kubectl on this cluster.
    pub fn kubectl(&self) -> String {
        match &self.own {
            Some(cluster) => format!("KUBECONFIG={} cargo run -q -p devcluster -- kubectl", cluster.kubeconfig().display()),
            None => "kubectl".to_owned(),
        }
    }

    /// The same cluster, by a bearer token.
    fn with_token(&self, token: String) -> Result<Kubeconfig, Error> {
        let mut kubeconfig = self.kubeconfig.clone();
        let current = kubeconfig.current_context.clone().unwrap_or_default();
        let context = kubeconfig.contexts.iter_mut().find(|context| context.name == current).and_then(|context| context.context.as_mut());
        context.ok_or_else(|| Error::Text("the kubeconfig has no current context".to_owned()))?.user = Some(NAME.to_owned());
        kubeconfig.auth_infos = vec![NamedAuthInfo {
            name: NAME.to_owned(),
            auth_info: Some(AuthInfo { token: Some(token.into()), ..AuthInfo::default() }),
            ..NamedAuthInfo::default()
        }];
        Ok(kubeconfig)
    }
}

/// What the demo has made, to be taken away again on a cluster that isn't its own.
#[derive(Default)]
pub struct Installed {
    namespaces: Vec<String>,
    rights: bool,
    definition: bool,
}

impl Installed {
    /// The resource definition and the operator's account with the chart's rights; gives the kubeconfig of that account.
    pub async fn install(&mut self, cluster: &Cluster, root: &Path) -> Result<PathBuf, Error> {
        let client = cluster.client();
        self.define(client).await?;
        self.namespace(client, NAME, &BTreeMap::new()).await?;
        self.rights = true;
        self.grant(client, &fs::read_to_string(root.join("charts/compose-operator/templates/rbac.yaml"))?).await?;
        let request = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(24 * 60 * 60), ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), NAME);
        let answer = accounts.create_token_request(NAME, &PostParams::default(), &request).await?;
        let token = answer.status.map(|status| status.token).ok_or_else(|| Error::Text("the token request has no answer".to_owned()))?;
        let file = std::env::temp_dir().join(format!("{NAME}-{}.kubeconfig", std::process::id()));
        fs::write(&file, serde_yaml::to_string(&cluster.with_token(token)?)?)?;
        Ok(file)
    }

    async fn define(&mut self, client: &Client) -> Result<(), Error> {
        let definitions = Api::<CustomResourceDefinition>::all(client.clone());
        self.definition = definitions.get_opt(ComposeStack::crd_name()).await?.is_none();
        definitions.patch(ComposeStack::crd_name(), &PatchParams::apply(NAME).force(), &Patch::Apply(ComposeStack::crd())).await?;
        let established = await_condition(definitions, ComposeStack::crd_name(), conditions::is_crd_established());
        match tokio::time::timeout(Duration::from_mins(1), established).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Error::Text("the resource definition was not taken into use".to_owned())),
        }
    }

    async fn grant(&mut self, client: &Client, chart: &str) -> Result<(), Error> {
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        let create = PostParams::default();
        let account = ServiceAccount { metadata: metadata.clone(), ..ServiceAccount::default() };
        Api::namespaced(client.clone(), NAME).create(&create, &account).await?;
        let subject =
            Subject { kind: "ServiceAccount".to_owned(), name: NAME.to_owned(), namespace: Some(NAME.to_owned()), api_group: None };
        let role_ref =
            |kind: &str| RoleRef { api_group: "rbac.authorization.k8s.io".to_owned(), kind: kind.to_owned(), name: NAME.to_owned() };
        let everywhere = ClusterRole { metadata: metadata.clone(), rules: Some(rules(chart, "ClusterRole")?), ..ClusterRole::default() };
        Api::all(client.clone()).create(&create, &everywhere).await?;
        let binding =
            ClusterRoleBinding { metadata: metadata.clone(), role_ref: role_ref("ClusterRole"), subjects: Some(vec![subject.clone()]) };
        Api::all(client.clone()).create(&create, &binding).await?;
        let own = Role { metadata: metadata.clone(), rules: Some(rules(chart, "Role")?) };
        Api::namespaced(client.clone(), NAME).create(&create, &own).await?;
        let binding = RoleBinding { metadata, role_ref: role_ref("Role"), subjects: Some(vec![subject]) };
        Api::namespaced(client.clone(), NAME).create(&create, &binding).await?;
        Ok(())
    }

    /// Makes a namespace, or takes one that an earlier demo has made.
    async fn namespace(&mut self, client: &Client, name: &str, labels: &BTreeMap<String, String>) -> Result<(), Error> {
        let namespaces = Api::<Namespace>::all(client.clone());
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

    /// Applies an example in its namespace.
    pub async fn apply(&mut self, cluster: &Cluster, example: &Example) -> Result<(), Error> {
        self.namespace(cluster.client(), &example.namespace, &example.labels).await?;
        let stacks = Api::<ComposeStack>::namespaced(cluster.client().clone(), &example.namespace);
        stacks.patch(&example.stack.name_any(), &PatchParams::apply(NAME).force(), &Patch::Apply(&example.stack)).await?;
        Ok(())
    }

    /// Takes away what was made; the cluster's garbage collector takes away what the stacks own.
    pub async fn remove(&self, cluster: &Cluster) -> Result<(), Error> {
        let (client, delete) = (cluster.client(), DeleteParams::background());
        for name in &self.namespaces {
            Api::<Namespace>::all(client.clone()).delete(name, &delete).await?;
        }
        if self.rights {
            Api::<ClusterRoleBinding>::all(client.clone()).delete(NAME, &delete).await?;
            Api::<ClusterRole>::all(client.clone()).delete(NAME, &delete).await?;
        }
        if self.definition {
            Api::<CustomResourceDefinition>::all(client.clone()).delete(ComposeStack::crd_name(), &delete).await?;
        }
        Ok(())
    }
}

/// The rules of a role in the chart; they hold no template and are read as they stand.
fn rules(chart: &str, kind: &str) -> Result<Vec<PolicyRule>, Error> {
    let document = chart.split("\n---\n").find(|document| document.contains(&format!("\nkind: {kind}\n")));
    let rules = document.and_then(|document| document.split_once("\nrules:\n")).map(|(_, rules)| rules);
    let rules = rules.ok_or_else(|| Error::Text(format!("the chart has no {kind} with rules")))?;
    let lines: Vec<&str> = rules.lines().filter(|line| !line.starts_with("{{")).collect();
    Ok(serde_yaml::from_str(&lines.join("\n"))?)
}

/// The operator's process; it ends with the demo.
pub struct Operator(Child);

impl Operator {
    /// Starts the operator that cargo has built beside the demo.
    pub fn start(kubeconfig: &Path, log: &Path) -> Result<Self, Error> {
        let executable = std::env::current_exe()?;
        let program = executable.ancestors().nth(2).unwrap_or(Path::new(".")).join("compose-operator");
        let output = fs::File::create(log)?;
        let mut command = Command::new(program);
        command.arg("run").env("KUBECONFIG", kubeconfig).env("COMPOSE_OPERATOR_LISTEN", "127.0.0.1:0");
        Ok(Self(command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).spawn()?))
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        Ok(self.0.try_wait()?)
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
