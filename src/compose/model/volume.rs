use indexmap::IndexMap;

use super::Extensions;

/// Top-level `volumes`.
#[derive(Clone, Debug, Default)]
pub struct Volume {
    /// Engine-wide name: the written one, or `<project>_<key>`.
    pub name: String,
    /// Whether the file writes `name` itself.
    pub explicit_name: bool,
    pub driver: Option<String>,
    pub driver_opts: IndexMap<String, String>,
    pub external: bool,
    pub labels: IndexMap<String, String>,
    pub extensions: Extensions,
}

/// Kind of an entry of `services.*.volumes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MountKind {
    Bind,
    #[default]
    Volume,
    Tmpfs,
    Image,
    Npipe,
    Cluster,
}

/// `services.*.volumes[]` in its long form.
#[derive(Clone, Debug, Default)]
pub struct Mount {
    pub kind: MountKind,
    /// Volume key, path or image; `None` for an anonymous volume and for tmpfs.
    pub source: Option<String>,
    /// Absolute path in the container, cleaned.
    pub target: String,
    pub read_only: bool,
    pub consistency: Option<String>,
    pub bind_propagation: Option<String>,
    pub bind_create_host_path: bool,
    pub bind_recursive: Option<String>,
    pub bind_selinux: Option<String>,
    pub volume_nocopy: bool,
    pub volume_subpath: Option<String>,
    pub volume_labels: IndexMap<String, String>,
    /// Bytes.
    pub tmpfs_size: Option<i64>,
    pub tmpfs_mode: Option<u32>,
    pub image_subpath: Option<String>,
    pub extensions: Extensions,
}
