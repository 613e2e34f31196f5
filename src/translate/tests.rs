#![expect(clippy::unwrap_used, reason = "a test that fails says where")]

use indexmap::IndexMap;

use super::*;
use crate::compose::model::{NetworkAttachment, Port, Service};

fn service(image: &str) -> Service {
    Service { image: Some(image.to_owned()), ..Service::default() }
}

#[test]
fn a_service_becomes_a_deployment_and_a_service_of_its_name() {
    let mut web = service("nginx:1");
    web.ports = vec![Port {
        target: 80,
        published: Some("8080".to_owned()),
        protocol: "tcp".to_owned(),
        mode: "ingress".to_owned(),
        ..Port::default()
    }];
    web.networks = IndexMap::from([("default".to_owned(), NetworkAttachment::default())]);
    let project = Project { name: "shop".to_owned(), services: IndexMap::from([("web".to_owned(), web)]), ..Project::default() };
    let (desired, diagnostics) = translate(&project, &Settings::default(), &Facts::default());
    let desired = desired.unwrap();
    let keys: Vec<String> = desired.objects.keys().map(ToString::to_string).collect();
    assert_eq!(keys, ["Service web", "Service web--published", "Deployment web"]);
    assert!(desired.objects.values().all(|object| object.inputs().len() == 16));
    assert_eq!(desired.services[0].endpoints[0].port, 8080);
    assert_eq!(diagnostics.iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>(), ["node-port-chosen"]);
}
