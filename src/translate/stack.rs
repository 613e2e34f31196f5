//! What every part of translation reads: the project, the settings, the facts, and the names that services got.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::model::{Project, Service};

use super::kubernetes::{self, Extensions, ServiceExtension};
use super::names::ObjectName;
use super::project::{awaited, engine_network, networks_of, service_path};
use super::report::Report;
use super::settings::{Facts, Settings};

/// A project under translation.
pub struct Stack<'a> {
    pub project: &'a Project,
    pub settings: &'a Settings,
    pub facts: &'a Facts,
    /// What the file says by `x-kubernetes`.
    pub extensions: Extensions,
    names: BTreeMap<&'a str, ObjectName>,
    takers: BTreeMap<ObjectName, &'a str>,
    members: BTreeMap<&'a str, BTreeSet<&'a str>>,
    hosts: BTreeMap<&'a str, &'a str>,
    guests: BTreeMap<&'a str, BTreeSet<&'a str>>,
    awaited: BTreeSet<&'a str>,
}

impl<'a> Stack<'a> {
    /// Names the services; a name that nothing legal is left of, and two that become one, are refused.
    pub fn new(project: &'a Project, settings: &'a Settings, facts: &'a Facts, report: &mut Report) -> Self {
        let mut names = BTreeMap::new();
        let mut takers: BTreeMap<ObjectName, &'a str> = BTreeMap::new();
        for key in project.services.keys() {
            let path = service_path(key);
            let Some(name) = ObjectName::of_service(key) else {
                report.refuse(
                    "illegal-name",
                    &path,
                    format!("{key:?} holds no letter or digit that the name of an object could be made of"),
                );
                continue;
            };
            if let Some(other) = takers.get(&name) {
                report.refuse("name-collision", &path, format!("becomes \"{name}\" like {}", service_path(other)));
                continue;
            }
            takers.insert(name.clone(), key);
            names.insert(key.as_str(), name);
        }
        let hosts = super::joins::hosts(project, report);
        let mut guests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (guest, host) in &hosts {
            guests.entry(host).or_default().insert(guest);
        }
        let extensions = kubernetes::read(project, settings, facts, report);
        let mut stack = Self {
            project,
            settings,
            facts,
            extensions,
            names,
            takers,
            members: BTreeMap::new(),
            hosts,
            guests,
            awaited: awaited(project),
        };
        let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for key in stack.names.keys() {
            for network in stack.networks(key) {
                members.entry(network).or_default().insert(key);
            }
        }
        stack.members = members;
        stack
    }

    /// The service whose pod a service runs in: its own, unless it shares another's.
    pub fn host<'k>(&self, key: &'k str) -> &'k str
    where
        'a: 'k,
    {
        self.hosts.get(key).copied().unwrap_or(key)
    }

    /// The services that share the pod of this one, by key.
    pub fn guests(&self, host: &str) -> impl Iterator<Item = &'a str> {
        self.guests.get(host).into_iter().flatten().copied()
    }

    /// The object name that a service's pods are labelled with.
    pub fn pod_name(&self, key: &str) -> Option<&ObjectName> {
        self.name_of(self.host(key))
    }

    /// Whether another service waits for this one to complete.
    pub fn is_awaited(&self, key: &str) -> bool {
        self.awaited.contains(key)
    }

    /// Whether the containers of a service's pod see each other's processes.
    pub fn shares_processes(&self, key: &str) -> bool {
        let host = self.host(key);
        let mut services = std::iter::once(host).chain(self.guests(host)).filter_map(|key| self.project.services.get(key));
        services.any(|service| service.init == Some(true) || super::joins::shares_processes(service))
    }

    /// The networks that a service is on, by key, sorted: those of its pod.
    pub fn networks(&self, key: &str) -> Vec<&'a str> {
        self.project.services.get(self.host(key)).map(networks_of).unwrap_or_default()
    }

    /// Whether a service's pods have a network.
    pub fn has_network(&self, key: &str) -> bool {
        self.project.services.get(self.host(key)).is_some_and(|service| !self.is_without_network(service))
    }

    /// The active services that have a name, in the order of the file.
    pub fn services(&self) -> impl Iterator<Item = (&'a str, &'a Service, &ObjectName)> {
        self.project.services.iter().filter_map(|(key, service)| Some((key.as_str(), service, self.names.get(key.as_str())?)))
    }

    /// What a service says by `x-kubernetes`.
    pub fn extension(&self, service: &str) -> &ServiceExtension {
        self.extensions.service(service)
    }

    /// Whether a service runs here, and not somewhere else.
    pub fn runs_here(&self, service: &str) -> bool {
        self.extension(service).external.is_none()
    }

    /// The object name of an active service.
    pub fn name_of(&self, service: &str) -> Option<&ObjectName> {
        self.names.get(service)
    }

    /// The service whose object name this is.
    pub fn named(&self, name: &ObjectName) -> Option<&'a str> {
        self.takers.get(name).copied()
    }

    /// The services that are on a network, by key, those that share a pod among them.
    pub fn members(&self, network: &str) -> impl Iterator<Item = &'a str> {
        self.members.get(network).into_iter().flatten().copied()
    }

    /// Whether a service is on a network.
    pub fn is_member(&self, network: &str, service: &str) -> bool {
        self.members.get(network).is_some_and(|members| members.contains(service))
    }

    /// An active service that has a name, by its key.
    pub fn service(&self, key: &str) -> Option<(&'a str, &'a Service, &ObjectName)> {
        let (key, service) = self.project.services.get_key_value(key)?;
        Some((key.as_str(), service, self.names.get(key.as_str())?))
    }

    /// Whether the stack, or this one of its services, is stopped.
    pub fn is_stopped(&self, service: &str) -> bool {
        self.settings.stopped || self.settings.services.get(service).is_some_and(|service| service.stopped)
    }

    /// Whether a service is on its node's network: by `network_mode`, or by a network that stands for it.
    pub fn is_on_host_network(&self, service: &Service) -> bool {
        service.network_mode.as_deref() == Some("host") || self.has_network_of(service, "host")
    }

    /// Whether a service has no network: by `network_mode`, or by a network that stands for it.
    pub fn is_without_network(&self, service: &Service) -> bool {
        service.network_mode.as_deref() == Some("none") || self.has_network_of(service, "none")
    }

    fn has_network_of(&self, service: &Service, driver: &str) -> bool {
        let of_driver =
            |network: &String| self.project.networks.get(network).is_some_and(|declared| engine_network(declared) == Some(driver));
        service.networks.keys().any(of_driver)
    }

    /// Replicas that the file or the spec asks for, stopped or not.
    pub fn replicas(&self, key: &str, service: &Service) -> i32 {
        let written = self.settings.services.get(key).and_then(|service| service.replicas);
        let of_file = || service.deploy.as_ref().and_then(|deploy| deploy.replicas).or(service.scale).unwrap_or(1);
        written.unwrap_or_else(|| i32::try_from(of_file()).unwrap_or(i32::MAX))
    }
}

/// Whether a service is on a network that asks for IPv6.
pub fn wants_ipv6(stack: &Stack, key: &str) -> bool {
    stack
        .networks(key)
        .iter()
        .any(|network| stack.project.networks.get(*network).is_some_and(|declared| declared.enable_ipv6 == Some(true)))
}
