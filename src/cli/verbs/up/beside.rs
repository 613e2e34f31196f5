//! The Secrets and ConfigMaps that a stack's files travel in: there before the stack names them, owned by it, gone when it names them no more.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use kube::api::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::{ComposeStack, keys};
use crate::cli::error::Error;
use crate::cli::pack::Packed;
use crate::cli::target::Target;
use crate::cluster::client::Class;
use crate::cluster::{Reference, ReferenceKind};
use crate::controller::source;

/// An object that holds files.
trait Holds: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + PartialEq {
    const KIND: ReferenceKind;
    /// Whether both hold the same.
    fn holds(&self, other: &Self) -> bool;
    /// Nobody changes what its name stands for.
    fn fix(&mut self);
}

impl Holds for Secret {
    const KIND: ReferenceKind = ReferenceKind::Secret;

    fn holds(&self, other: &Self) -> bool {
        self.data == other.data
    }

    fn fix(&mut self) {
        self.immutable = Some(true);
    }
}

impl Holds for ConfigMap {
    const KIND: ReferenceKind = ReferenceKind::ConfigMap;

    fn holds(&self, other: &Self) -> bool {
        self.data == other.data && self.binary_data == other.binary_data
    }

    fn fix(&mut self) {
        self.immutable = Some(true);
    }
}

/// Makes what isn't there yet, owned by the stack if that is there; whether there was something to make.
pub async fn bring(target: &Target, packed: &Packed, stack: Option<&ComposeStack>) -> Result<bool, Error> {
    let mut brought = false;
    for secret in &packed.secrets {
        brought |= bring_one(target, secret, stack).await?;
    }
    for config_map in &packed.config_maps {
        brought |= bring_one(target, config_map, stack).await?;
    }
    Ok(brought)
}

async fn bring_one<K: Holds>(target: &Target, object: &K, stack: Option<&ComposeStack>) -> Result<bool, Error> {
    let name = object.meta().name.clone().unwrap_or_default();
    if let Some(there) = target.session.find::<K>(&name).await? {
        return check(target, object, &there, name).map(|()| false);
    }
    let mut object = object.clone();
    object.meta_mut().labels = Some(labels(&target.name));
    object.meta_mut().owner_references = stack.and_then(owner).map(|owner| vec![owner]);
    object.fix();
    match target.session.create(&object).await {
        // Somebody called `up` at the same time.
        Err(error) if error.class() == Class::Conflict => match target.session.find::<K>(&name).await? {
            Some(there) => check(target, &object, &there, name).map(|()| false),
            None => Err(error.into()),
        },
        made => Ok(made.map(|()| true)?),
    }
}

/// The name stands for the content: another content is somebody else's.
fn check<K: Holds>(target: &Target, object: &K, there: &K, name: String) -> Result<(), Error> {
    let is_made_for = |(key, value): (&String, &String)| there.meta().labels.as_ref().and_then(|labels| labels.get(key)) == Some(value);
    let is_ours = object.holds(there) && labels(&target.name).iter().all(is_made_for);
    if is_ours { Ok(()) } else { Err(Error::Taken { kind: K::KIND.as_str(), name }) }
}

fn labels(stack: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(keys::MANAGED_BY.to_owned(), keys::PLUGIN.to_owned()), (keys::STACK.to_owned(), stack.to_owned())])
}

/// The reference by which the stack owns what travels beside it: with the stack it goes.
fn owner(stack: &ComposeStack) -> Option<OwnerReference> {
    let owner = stack.owner_ref(&())?;
    Some(OwnerReference { controller: None, block_owner_deletion: Some(false), ..owner })
}

/// Gives the stack what it names.
pub async fn own(target: &Target, packed: &Packed, stack: &ComposeStack) -> Result<(), Error> {
    let Some(owner) = owner(stack) else { return Ok(()) };
    for secret in &packed.secrets {
        own_one(target, secret, stack, &owner).await?;
    }
    for config_map in &packed.config_maps {
        own_one(target, config_map, stack, &owner).await?;
    }
    Ok(())
}

async fn own_one<K: Holds>(target: &Target, object: &K, stack: &ComposeStack, owner: &OwnerReference) -> Result<(), Error> {
    let name = object.meta().name.as_deref().unwrap_or_default();
    match target.session.give::<K>(name, owner).await {
        // It went with an earlier stack of this name, just now.
        Err(error) if error.class() == Class::Missing => bring_one(target, object, Some(stack)).await.map(|_| ()),
        given => Ok(given?),
    }
}

/// Removes what earlier calls have brought for this stack and it no longer names.
pub async fn tidy(target: &Target, stack: &ComposeStack) -> Result<(), Error> {
    tidy_kind::<Secret>(target, stack).await?;
    tidy_kind::<ConfigMap>(target, stack).await
}

async fn tidy_kind<K: Holds>(target: &Target, stack: &ComposeStack) -> Result<(), Error> {
    let named = source::references(&stack.spec);
    let is_named = |meta: &ObjectMeta| named.contains(&Reference::new(K::KIND, meta.name.clone().unwrap_or_default()));
    for old in target.session.made_for::<K>(&target.name).await?.iter().filter(|meta| !is_named(meta)) {
        match target.session.remove::<K>(old).await {
            // The next call finds it again.
            Err(error) if error.class() == Class::Conflict => {}
            removed => removed?,
        }
    }
    Ok(())
}
