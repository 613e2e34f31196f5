//! `kubectl compose volumes`: the stack's claims, also those of a stack that is down.

use std::process::ExitCode;

use clap::Args;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::api::keys;
use crate::cli::args::{ClusterFlags, GlobalFlags};
use crate::cli::error::Error;
use crate::cli::project::Surroundings;
use crate::cli::target::Target;
use crate::cli::{output, table};

use super::Format;

/// Width of a column at least.
const COLUMN: usize = 20;

#[derive(Args, Debug, Default)]
pub struct Flags {
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Print the claims' names alone.
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub cluster: ClusterFlags,
}

/// Prints the claims.
pub async fn run(flags: &Flags, global: &GlobalFlags, around: &Surroundings) -> Result<ExitCode, Error> {
    let target = Target::of(global, &flags.cluster, around).await?;
    let mut claims: Vec<PersistentVolumeClaim> = target.session.of_stack("PersistentVolumeClaim", &target.name).await?;
    claims.retain(|claim| claim.annotations().get(keys::STACK) == Some(&target.name));
    output::write(&text(&claims, flags), None)?;
    Ok(ExitCode::SUCCESS)
}

fn text(claims: &[PersistentVolumeClaim], flags: &Flags) -> String {
    if flags.quiet {
        return claims.iter().map(|claim| claim.name_any() + "\n").collect();
    }
    let class = |claim: &PersistentVolumeClaim| claim.spec.as_ref().and_then(|spec| spec.storage_class_name.clone()).unwrap_or_default();
    let status = |claim: &PersistentVolumeClaim| claim.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
    let size = |claim: &PersistentVolumeClaim| {
        let got = claim.status.as_ref().and_then(|status| status.capacity.as_ref());
        let asked = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
        got.or(asked).and_then(|sizes| Some(sizes.get("storage")?.0.clone())).unwrap_or_default()
    };
    let volume = |claim: &PersistentVolumeClaim| claim.annotations().get(keys::VOLUME).cloned().unwrap_or_default();
    if flags.format == Format::Json {
        let one = |claim: &PersistentVolumeClaim| {
            let (class, size, status) = (class(claim), size(claim), status(claim));
            json!({"Name": claim.name_any(), "Volume": volume(claim), "Driver": class, "Size": size, "Status": status})
        };
        return claims.iter().map(|claim| Value::to_string(&one(claim)) + "\n").collect();
    }
    let row = |claim: &PersistentVolumeClaim| vec![class(claim), claim.name_any(), volume(claim), size(claim), status(claim)];
    let rows: Vec<Vec<String>> = claims.iter().map(row).collect();
    table::lines(COLUMN, &["DRIVER", "VOLUME NAME", "VOLUME", "SIZE", "STATUS"], &rows)
}
