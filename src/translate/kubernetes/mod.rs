//! `x-kubernetes`: what a file says of Kubernetes that Compose has no attribute for, and the labels by which Kompose's users say it.

mod check;
mod declared;
mod keys;
mod kompose;
mod overlay;
mod pod;
mod port;
mod scale;
mod service;
mod value;

use std::collections::BTreeMap;

use crate::compose::model::{Project, Service};
use crate::compose::path::Path;

use super::report::Report;
use super::settings::{Facts, Settings};

pub use declared::{FileExtension, NetworkExtension, VolumeExtension};
pub use pod::extend;
pub use port::{Expose, GatewayRoute, Host, IngressRule, PortExtension, Tls};
pub use scale::{Amount, Autoscale, Disruption};
pub use service::{ServiceExtension, Shape};

pub use value::{KEY, is_to_be_had};

use keys::Keys;

/// What the whole project says by the extension.
#[derive(Debug, Default)]
pub struct Extensions {
    services: BTreeMap<String, ServiceExtension>,
    ports: BTreeMap<String, Vec<PortExtension>>,
    volumes: BTreeMap<String, VolumeExtension>,
    networks: BTreeMap<String, NetworkExtension>,
    files: BTreeMap<(&'static str, String), FileExtension>,
}

/// Whether the extension is read at this place.
pub fn is_read_at(path: &Path) -> bool {
    matches!(
        path.parts().as_slice(),
        [KEY]
            | ["services", _, "ports", "[]", KEY]
            | ["services", _, "healthcheck", KEY]
            | ["services" | "networks" | "volumes" | "configs" | "secrets", _, KEY]
    )
}

/// Reads all of it; what is wrong is refused.
pub fn read(project: &Project, settings: &Settings, facts: &Facts, report: &mut Report) -> Extensions {
    let mut all = Extensions::default();
    let top = Keys::open(project.extensions.get(KEY), &Path::of(&[KEY]), service::DEFAULTS, report);
    for (key, service) in &project.services {
        let path = super::project::service_path(key);
        let keys = Keys::open(service.extensions.get(KEY), &path.key(KEY), &service::KEYS, report).over(&top);
        let mut extension = service::read(&keys, service, &path, settings, report);
        let at = path.key("healthcheck").key(KEY);
        let check = service.healthcheck.as_ref().and_then(|check| check.extensions.get(KEY));
        let check = Keys::open(check, &at, &["liveness"], report);
        if extension.pod.liveness.is_none() {
            extension.pod.liveness = check::read(&check, "liveness", report);
        }
        let mut ports = ports(service, &path, report);
        kompose::extend(service, &path, &mut extension, &mut ports, report);
        service::consolidate(&mut extension, service, &path, settings, facts, report);
        all.services.insert(key.clone(), extension);
        all.ports.insert(key.clone(), ports);
    }
    for (key, volume) in &project.volumes {
        let path = Path::of(&["volumes", key]);
        let mut extension = declared::volume(volume.extensions.get(KEY), &path, report);
        kompose::extend_volume(volume, &path, &mut extension, report);
        all.volumes.insert(key.clone(), extension);
    }
    kompose::extend_volumes_of_services(project, &mut all.volumes, report);
    for (key, network) in &project.networks {
        let extension = declared::network(network.extensions.get(KEY), &Path::of(&["networks", key]), report);
        all.networks.insert(key.clone(), extension);
    }
    for (section, objects) in [("configs", &project.configs), ("secrets", &project.secrets)] {
        for (key, object) in objects {
            let extension = declared::file(object.extensions.get(KEY), &Path::of(&[section, key]), report);
            all.files.insert((section, key.clone()), extension);
        }
    }
    all
}

fn ports(service: &Service, path: &Path, report: &mut Report) -> Vec<PortExtension> {
    let path = path.key("ports");
    let each = service.ports.iter().enumerate();
    each.map(|(index, port)| port::read(port.extensions.get(KEY), &path.index(index).key(KEY), report)).collect()
}

impl Extensions {
    pub fn service(&self, key: &str) -> &ServiceExtension {
        static NOTHING: ServiceExtension = ServiceExtension::NOTHING;
        self.services.get(key).unwrap_or(&NOTHING)
    }

    pub fn port(&self, service: &str, index: usize) -> &PortExtension {
        static NOTHING: PortExtension = PortExtension::NOTHING;
        self.ports.get(service).and_then(|ports| ports.get(index)).unwrap_or(&NOTHING)
    }

    pub fn volume(&self, key: &str) -> VolumeExtension {
        self.volumes.get(key).cloned().unwrap_or_default()
    }

    pub fn network(&self, key: &str) -> NetworkExtension {
        self.networks.get(key).cloned().unwrap_or_default()
    }

    /// `section`: `configs` or `secrets`.
    pub fn file(&self, section: &'static str, key: &str) -> FileExtension {
        self.files.get(&(section, key.to_owned())).cloned().unwrap_or_default()
    }
}

/// The value of the extension at a node of the canonical tree, for inputs.
pub fn without(node: &mut serde_json::Value) {
    if let Some(object) = node.as_object_mut() {
        object.remove(KEY);
    }
}
