//! Which stack a verb is about, and the way to its namespace.

use crate::api::ComposeStack;
use crate::cluster::session::Session;

use super::args::{ClusterFlags, GlobalFlags};
use super::error::Error;
use super::project::Surroundings;
use super::{convert, loading};

/// A stack that may be there.
pub struct Target {
    pub session: Session,
    /// Name of the stack.
    pub name: String,
}

impl Target {
    /// The stack of the project that the flags name, or that the current directory belongs to.
    ///
    /// # Errors
    /// Where there is neither, or the kubeconfig can't be used.
    pub async fn of(global: &GlobalFlags, flags: &ClusterFlags, around: &Surroundings) -> Result<Self, Error> {
        let name = name(global, around)?;
        Ok(Self { session: Session::open(&flags.access(&global.cluster)).await?, name })
    }

    /// The stack, which has to be there.
    ///
    /// # Errors
    /// [`Error::NoStack`] where it isn't; where the cluster refuses.
    pub async fn stack(&self) -> Result<ComposeStack, Error> {
        self.session.stack(&self.name).await?.ok_or_else(|| self.absent())
    }

    /// That the stack isn't there.
    pub fn absent(&self) -> Error {
        Error::NoStack { namespace: self.session.namespace().to_owned(), name: self.name.clone() }
    }
}

/// A name that is given needs no Compose file beside it.
fn name(global: &GlobalFlags, around: &Surroundings) -> Result<String, Error> {
    let given = global.project.project_name.as_deref();
    let given = given.or_else(|| around.environment.get("COMPOSE_PROJECT_NAME").map(String::as_str).filter(|name| !name.is_empty()));
    match given.filter(|_| global.project.file.is_empty()) {
        Some(name) => Ok(convert::stack_name(name)),
        None => Ok(convert::stack_name(&loading::name(&loading::find(&global.project, around)?)?)),
    }
}
