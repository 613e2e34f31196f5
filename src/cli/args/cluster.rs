//! kubectl's flags: they may stand before the verb and after it.

use std::path::PathBuf;

use clap::Args;

use crate::cluster::session::Access;

/// Which cluster and namespace.
#[derive(Args, Clone, Debug, Default)]
pub struct ClusterFlags {
    /// Namespace of the stack; default is that of the context.
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig; default is the current one.
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig; default is $KUBECONFIG, then ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

impl ClusterFlags {
    /// What these flags say, and those before the verb where these say nothing.
    pub fn access(&self, before: &Self) -> Access {
        Access {
            kubeconfig: self.kubeconfig.clone().or_else(|| before.kubeconfig.clone()),
            context: self.context.clone().or_else(|| before.context.clone()),
            namespace: self.namespace.clone().or_else(|| before.namespace.clone()),
        }
    }
}

/// The same after a verb where `-n` is docker compose's.
#[derive(Args, Clone, Debug, Default)]
pub struct ClusterFlagsInWords {
    /// Namespace of the stack; default is that of the context.
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig; default is the current one.
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,
    /// The kubeconfig; default is $KUBECONFIG, then ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

impl ClusterFlagsInWords {
    pub fn flags(&self) -> ClusterFlags {
        ClusterFlags { namespace: self.namespace.clone(), context: self.context.clone(), kubeconfig: self.kubeconfig.clone() }
    }
}
