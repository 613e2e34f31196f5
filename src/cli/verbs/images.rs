//! `kubectl compose images`: which image each container runs.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cli::{output, table};

use super::Format;
use super::containers::{Container, of_pods};

/// Width of a column at least.
const COLUMN: usize = 20;
/// Characters of an image's ID that are shown.
const ID: usize = 12;

#[derive(Args, Debug, Default)]
pub struct Flags {
    /// Services to list; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Print IDs alone.
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Prints the images.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let pods = target.session.pods(&target.name).await?;
    let containers: Vec<Container<'_>> = of_pods(&pods).into_iter().filter(|c| super::is_asked_for(&flags.service, c.service)).collect();
    output::write(&text(&containers, flags), None)?;
    Ok(ExitCode::SUCCESS)
}

fn text(containers: &[Container<'_>], flags: &Flags) -> String {
    if flags.quiet {
        let mut ids: Vec<String> = containers.iter().map(id).filter(|id| !id.is_empty()).collect();
        ids.sort();
        ids.dedup();
        return ids.into_iter().map(|id| id + "\n").collect();
    }
    if flags.format == Format::Json {
        let one = |container: &Container<'_>| {
            let (repository, tag) = parts(container.image());
            json!({"ID": id(container), "ContainerName": container.pod_name(), "Repository": repository, "Tag": tag})
        };
        return Value::from(containers.iter().map(one).collect::<Vec<_>>()).to_string() + "\n";
    }
    let row = |container: &Container<'_>| {
        let (repository, tag) = parts(container.image());
        let short = id(container).chars().take(ID).collect();
        vec![container.pod_name().to_owned(), repository.to_owned(), tag.to_owned(), short]
    };
    let rows: Vec<Vec<String>> = containers.iter().map(row).collect();
    table::lines(COLUMN, &["CONTAINER", "REPOSITORY", "TAG", "IMAGE ID"], &rows)
}

/// The digest of the image that runs, where it runs.
fn id(container: &Container<'_>) -> String {
    let id = container.status.map_or("", |status| status.image_id.as_str());
    id.rsplit_once("sha256:").map_or("", |(_, digest)| digest).to_owned()
}

/// Repository and tag of an image's name; a port is no tag.
fn parts(image: &str) -> (&str, &str) {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ if name.len() < image.len() => (name, "<none>"),
        _ => (name, "latest"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_repository_and_a_tag() {
        #[track_caller]
        fn check(image: &str, expected: (&str, &str)) {
            assert_eq!(parts(image), expected);
        }
        check("nginx", ("nginx", "latest"));
        check("nginx:1.27", ("nginx", "1.27"));
        check("registry.example.com:5000/team/web", ("registry.example.com:5000/team/web", "latest"));
        check("registry.example.com:5000/team/web:2", ("registry.example.com:5000/team/web", "2"));
        check("web@sha256:abc", ("web", "<none>"));
    }
}
