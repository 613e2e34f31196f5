//! The operator on a node, installed as the README says.

use std::path::Path;
use std::process::Command;

use devcluster::Progress;

use crate::error::Error;
use crate::node::Node;
use crate::operator_image::OperatorImage;
use crate::shell;

/// Namespace, release and account.
const NAME: &str = "compose-operator";

/// Puts the image into the node's registry, with one to upgrade to, and installs the source tree's chart from there, or upgrades what is
/// installed. Its namespace takes only pods that keep to the strictest of Kubernetes' standards.
pub fn install(node: &Node, image: &OperatorImage, source: &Path) -> Result<(), Error> {
    let mut progress = Progress::new();
    progress.passing("installing the operator");
    push(node, image, source)?;
    image.push_next(node)?;
    let kubectl = |words: &[&str]| shell::run(node.joined("kubectl").args(words));
    let is_upgrade = kubectl(&["get", "namespace", NAME]).is_ok();
    if is_upgrade {
        forget_images(node)?;
    } else {
        kubectl(&["create", "namespace", NAME])?;
    }
    kubectl(&["label", "--overwrite", "namespace", NAME, "pod-security.kubernetes.io/enforce=restricted"])?;
    let mut helm: Command = node.joined("helm");
    helm.args(["upgrade", "--install", "--reset-values", NAME]).arg(source.join("charts").join(NAME)).args(["--namespace", NAME]);
    shell::run(&mut helm)?;
    if is_upgrade {
        kubectl(&["--namespace", NAME, "rollout", "restart", "deployment", NAME])?;
    }
    let roll_out = ["--namespace", NAME, "rollout", "status", "deployment", NAME, "--timeout=5m"];
    if let Err(error) = kubectl(&roll_out) {
        let why = kubectl(&["--namespace", NAME, "describe", "pods"]).unwrap_or_default();
        return Err(Error::Start(format!("the operator isn't available: {error}\n{why}")));
    }
    progress.done(if is_upgrade { "the operator is upgraded" } else { "the operator is installed" });
    Ok(())
}

/// The tags stay the same from build to build: what the node has pulled under them is not what the registry has now.
fn forget_images(node: &Node) -> Result<(), Error> {
    let ctr = |words: &[&str]| shell::run(node.inside("ctr")?.args(["--namespace", "k8s.io", "images"]).args(words));
    let images = ctr(&["list", "--quiet"])?;
    for image in images.lines().filter(|image| image.contains("/compose-operator:")) {
        ctr(&["remove", image])?;
    }
    Ok(())
}

/// Puts the image into the node's registry, with the tag that the chart gives it: pods of stacks need it too.
pub fn push(node: &Node, image: &OperatorImage, source: &Path) -> Result<(), Error> {
    let chart = source.join("charts").join(NAME).join("Chart.yaml");
    let description = std::fs::read_to_string(&chart).map_err(Error::file("read", chart))?;
    image.push(node, app_version(&description))
}

/// Installs the chart on the cluster of the current kubeconfig, with an image that it can pull; or upgrades what is installed there.
pub fn install_image(image: &str, source: &Path) -> Result<(), Error> {
    let cluster = devcluster::Cluster::current()?;
    let (repository, tag) = split(image);
    let mut helm = cluster.helm();
    helm.args(["upgrade", "--install", NAME]).arg(source.join("charts").join(NAME));
    helm.args(["--namespace", NAME, "--create-namespace", "--wait", "--timeout=5m"]);
    helm.args([format!("--set=image.repository={repository}"), format!("--set=image.tag={tag}")]);
    shell::run(&mut helm)?;
    Ok(())
}

/// Repository and tag of an image; a colon before a slash is a registry's port.
fn split(image: &str) -> (&str, &str) {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, "latest"),
    }
}

/// What the chart takes as the image's tag.
fn app_version(chart: &str) -> &str {
    chart.lines().find_map(|line| line.strip_prefix("appVersion:")).map_or("latest", |version| version.trim().trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_has_the_tag_that_the_chart_asks_for() {
        assert_eq!(app_version("name: x\nversion: 1.0.0\nappVersion: 2.3.4\n"), "2.3.4");
        assert_eq!(app_version("appVersion: \"2.3\"\n"), "2.3");
    }

    #[test]
    fn an_image_is_a_repository_and_a_tag() {
        assert_eq!(split("registry.example:5000/team/operator:1.2"), ("registry.example:5000/team/operator", "1.2"));
        assert_eq!(split("registry.example:5000/team/operator"), ("registry.example:5000/team/operator", "latest"));
    }
}
