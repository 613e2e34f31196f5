//! Flags of `kubectl compose`: those of docker compose, at the places where docker compose has them.

mod cluster;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::api::{NetworkPolicyMode, PublishMode};
use crate::translate::Policy;

use super::operator::named;
use super::policy;
pub use cluster::{ClusterFlags, ClusterFlagsInWords};

/// What stands before the verb.
#[derive(Args, Debug, Default)]
pub struct GlobalFlags {
    #[command(flatten)]
    pub project: ProjectFlags,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Which project: docker compose's flags before the verb.
#[derive(Args, Debug, Default)]
pub struct ProjectFlags {
    /// Compose file, repeatable; - for standard input.
    #[arg(short, long = "file", value_name = "FILE")]
    pub file: Vec<String>,
    /// Project name.
    #[arg(short, long, value_name = "NAME")]
    pub project_name: Option<String>,
    /// Profile to enable, repeatable; * for all.
    #[arg(long = "profile", value_name = "PROFILE")]
    pub profile: Vec<String>,
    /// File with variables for interpolation, repeatable; default is .env.
    #[arg(long, value_name = "FILE")]
    pub env_file: Vec<String>,
    /// Directory that relative paths start from; default is that of the first Compose file.
    #[arg(long, value_name = "DIRECTORY")]
    pub project_directory: Option<String>,
    /// Include resources that no service uses.
    #[arg(long)]
    pub all_resources: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Yaml,
    Json,
}

#[derive(Args, Debug, Default)]
pub struct ConfigFlags {
    /// Services to print, with those that they depend on; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    /// Default is YAML; for --variables a table.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    #[command(flatten)]
    pub list: ListFlags,
    /// Only check the project.
    #[arg(short, long)]
    pub quiet: bool,
    /// Save to a file.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Leave variables as they are written.
    #[arg(long)]
    pub no_interpolate: bool,
    /// Leave the model as it is written.
    #[arg(long)]
    pub no_normalize: bool,
    /// Leave paths as they are written.
    #[arg(long)]
    pub no_path_resolution: bool,
    /// Leave env_file as it is written.
    #[arg(long)]
    pub no_env_resolution: bool,
    /// Don't check that what is used is declared.
    #[arg(long)]
    pub no_consistency: bool,
    /// Refused: digests are a registry's to tell, and none is asked here.
    #[arg(long)]
    pub resolve_image_digests: bool,
    /// Refused: digests are a registry's to tell, and none is asked here.
    #[arg(long)]
    pub lock_image_digests: bool,
}

/// Print a part alone; where several are asked for, the first of these.
#[derive(Args, Debug, Default)]
pub struct ListFlags {
    /// Print the services' names, one a line.
    #[arg(long)]
    pub services: bool,
    /// Print the volumes' names, one a line.
    #[arg(long)]
    pub volumes: bool,
    /// Print the networks' names, one a line.
    #[arg(long)]
    pub networks: bool,
    /// Print the models, one a line.
    #[arg(long)]
    pub models: bool,
    /// Print a hash of each of these services, separated by commas, one a line; * for all.
    #[arg(long, value_name = "SERVICES")]
    pub hash: Option<String>,
    /// Print the profiles' names, one a line.
    #[arg(long)]
    pub profiles: bool,
    /// Print the images, one a line.
    #[arg(long)]
    pub images: bool,
    /// Print the variables that the files use, with their defaults.
    #[arg(long)]
    pub variables: bool,
    /// Print the variables that interpolation takes its values from.
    #[arg(long)]
    pub environment: bool,
}

#[derive(Args, Debug, Default)]
pub struct ConvertFlags {
    /// Services to convert, with those that they depend on; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Save to a file (.yaml, .yml, .json), or to a directory: one file an object, and a kustomization.yaml.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Print a ComposeStack with the project's files in it instead, and what it names.
    #[arg(long)]
    pub as_stack: bool,
    #[command(flatten)]
    pub settings: SettingFlags,
}

#[derive(Args, Debug, Default)]
pub struct ReportFlags {
    /// Services to report on, with those that they depend on; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Exit 1 where a key is dropped, approximated or refused.
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub settings: SettingFlags,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[default]
    Text,
    Json,
}

#[derive(Args, Debug, Default)]
pub struct GraphFlags {
    /// Services to show, with those that they depend on; default is all.
    #[arg(value_name = "SERVICE")]
    pub service: Vec<String>,
    #[arg(long, value_enum, default_value_t)]
    pub format: GraphFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    #[default]
    Text,
    Dot,
    Mermaid,
}

/// What the admin, or the stack's spec, settles elsewhere. Defaults are those that the operator is shipped with.
#[derive(Args, Clone, Debug, Default)]
pub struct SettingFlags {
    /// Namespace to write into the objects.
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    #[command(flatten)]
    pub stack: StackFlags,
    /// Image of the init containers that pods may need: the operator's; default is compose-operator of this version.
    #[arg(long, value_name = "IMAGE")]
    pub helper_image: Option<String>,
    /// Drop all capabilities, and the way to more, of services that add none.
    #[arg(long)]
    pub least_privilege: bool,
    /// The administrator's policy, as the operator reads it.
    #[arg(long, value_name = "FILE", value_parser = policy::read)]
    pub policy: Option<Policy>,
}

/// What a stack says of the cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct StackFlags {
    /// How published ports leave the cluster: LoadBalancer, NodePort or ClusterIP.
    #[arg(long, value_name = "HOW", value_parser = named::<PublishMode>)]
    pub publish: Option<PublishMode>,
    /// Which networks become policies: Declared, Isolated or Disabled.
    #[arg(long, value_name = "WHICH", value_parser = named::<NetworkPolicyMode>)]
    pub network_policy: Option<NetworkPolicyMode>,
    /// Storage class of claims.
    #[arg(long, value_name = "NAME")]
    pub storage_class: Option<String>,
    /// Size of claims.
    #[arg(long, value_name = "SIZE")]
    pub volume_size: Option<String>,
    /// Access mode of claims.
    #[arg(long, value_name = "MODE")]
    pub volume_access_mode: Option<String>,
}
