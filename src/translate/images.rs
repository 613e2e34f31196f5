//! Ports that well-known images listen on (`EXPOSE` of their Dockerfiles). No registry is asked, so that translation stays pure.

use crate::compose::model::{Project, Service};

/// Images without a namespace, by name: Docker's official ones.
const OFFICIAL: &[(&str, &[u16])] = &[
    ("adminer", &[8080]),
    ("arangodb", &[8529]),
    ("caddy", &[80, 443, 2019]),
    ("cassandra", &[7000, 7001, 7199, 9042, 9160]),
    ("chronograf", &[8888]),
    ("clickhouse", &[8123, 9000, 9009]),
    ("consul", &[8300, 8301, 8302, 8500, 8600]),
    ("couchbase", &[8091, 8092, 8093, 8094, 8095, 8096, 11207, 11210, 11211, 18091, 18092, 18093, 18094, 18095, 18096]),
    ("couchdb", &[4369, 5984, 9100]),
    ("crate", &[4200, 4300, 5432]),
    ("drupal", &[80]),
    ("eclipse-mosquitto", &[1883]),
    ("elasticsearch", &[9200, 9300]),
    ("emqx", &[1883, 4370, 5369, 8083, 8084, 8883, 18083]),
    ("flink", &[6123, 8081]),
    ("ghost", &[2368]),
    ("grafana", &[3000]),
    ("httpd", &[80]),
    ("influxdb", &[8086]),
    ("jenkins", &[8080, 50000]),
    ("jetty", &[8080]),
    ("joomla", &[80]),
    ("kapacitor", &[9092]),
    ("kibana", &[5601]),
    ("kong", &[8000, 8001, 8443, 8444]),
    ("logstash", &[5044, 9600]),
    ("mariadb", &[3306]),
    ("matomo", &[80]),
    ("mediawiki", &[80]),
    ("memcached", &[11211]),
    ("mongo", &[27017]),
    ("mongo-express", &[8081]),
    ("mysql", &[3306]),
    ("nats", &[4222, 6222, 8222]),
    ("neo4j", &[7473, 7474, 7687]),
    ("nextcloud", &[80]),
    ("nginx", &[80]),
    ("odoo", &[8069, 8071, 8072]),
    ("orientdb", &[2424, 2480]),
    ("percona", &[3306, 33060]),
    ("phpmyadmin", &[80]),
    ("postgres", &[5432]),
    ("rabbitmq", &[4369, 5671, 5672, 15671, 15672, 15691, 15692, 25672]),
    ("redis", &[6379]),
    ("redmine", &[3000]),
    ("registry", &[5000]),
    ("rethinkdb", &[8080, 28015, 29015]),
    ("solr", &[8983]),
    ("sonarqube", &[9000]),
    ("telegraf", &[8092, 8094, 8125]),
    ("tomcat", &[8080]),
    ("traefik", &[80]),
    ("valkey", &[6379]),
    ("varnish", &[80, 8443]),
    ("vault", &[8200]),
    ("wordpress", &[80]),
    ("yourls", &[80]),
    ("zookeeper", &[2181, 2888, 3888, 8080]),
];

/// Images of well-known vendors, by repository and, where it isn't Docker's, registry.
const VENDORS: &[(&str, &[u16])] = &[
    ("apache/kafka", &[9092]),
    ("bitnami/kafka", &[9092]),
    ("bitnami/mariadb", &[3306]),
    ("bitnami/mongodb", &[27017]),
    ("bitnami/mysql", &[3306]),
    ("bitnami/postgresql", &[5432]),
    ("bitnami/rabbitmq", &[4369, 5551, 5552, 5671, 5672, 15671, 15672, 25672]),
    ("bitnami/redis", &[6379]),
    ("bitnami/zookeeper", &[2181, 2888, 3888, 8080]),
    ("confluentinc/cp-kafka", &[9092]),
    ("confluentinc/cp-zookeeper", &[2181, 2888, 3888]),
    ("docker.elastic.co/elasticsearch/elasticsearch", &[9200, 9300]),
    ("docker.elastic.co/kibana/kibana", &[5601]),
    ("docker.elastic.co/logstash/logstash", &[5044, 9600]),
    ("dpage/pgadmin4", &[80, 443]),
    ("gitea/gitea", &[22, 3000]),
    ("grafana/grafana", &[3000]),
    ("grafana/loki", &[3100]),
    ("hashicorp/consul", &[8300, 8301, 8302, 8500, 8600]),
    ("hashicorp/vault", &[8200]),
    ("jenkins/jenkins", &[8080, 50000]),
    ("keycloak/keycloak", &[8080, 8443]),
    ("mcr.microsoft.com/azure-sql-edge", &[1433]),
    ("mcr.microsoft.com/mssql/server", &[1433]),
    ("minio/minio", &[9000]),
    ("opensearchproject/opensearch", &[9200, 9300, 9600, 9650]),
    ("phpmyadmin/phpmyadmin", &[80]),
    ("pihole/pihole", &[53, 67, 80, 443]),
    ("plexinc/pms-docker", &[32400]),
    ("portainer/portainer-ce", &[8000, 9000, 9443]),
    ("prom/alertmanager", &[9093]),
    ("prom/prometheus", &[9090]),
    ("quay.io/keycloak/keycloak", &[8080, 8443]),
    ("valkey/valkey", &[6379]),
    ("vaultwarden/server", &[80]),
];

/// TCP ports that an image is known to listen on.
pub fn known_ports(image: &str) -> &'static [u16] {
    let repository = repository(image);
    let official = repository.strip_prefix("library/").unwrap_or(repository);
    let find = |table: &[(&str, &'static [u16])], name: &str| table.iter().find(|(known, _)| *known == name).map(|(_, ports)| *ports);
    find(OFFICIAL, official).or_else(|| find(VENDORS, repository)).unwrap_or(&[])
}

/// An image reference without Docker's own registry, tag and digest.
pub fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let image = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    };
    ["docker.io/", "index.docker.io/", "registry-1.docker.io/"].iter().find_map(|registry| image.strip_prefix(registry)).unwrap_or(image)
}

/// Whether an image reference names no tag, or `latest`, and no digest.
pub fn is_latest(image: &str) -> bool {
    if image.contains('@') {
        return false;
    }
    match image.rsplit_once(':') {
        Some((_, tag)) if !tag.contains('/') => tag == "latest",
        _ => true,
    }
}

/// Whether a text names an image: registry, repository, tag and digest, each of its own letters.
pub fn is_reference(image: &str) -> bool {
    let (image, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let is_hex = |text: &str| text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let digest_ok = digest.is_none_or(|digest| digest.split_once(':').is_some_and(|(kind, hex)| !kind.is_empty() && is_hex(hex)));
    let (name, tag) = match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    };
    let is_tag = |tag: &str| {
        tag.len() <= 128
            && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    let of_registry = |first: &str| first.contains(['.', ':']) || first == "localhost" || first.chars().any(|c| c.is_ascii_uppercase());
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if of_registry(first) => (first, rest),
        _ => ("", name),
    };
    let is_part = |part: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        edge(part.chars().next())
            && edge(part.chars().next_back())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    let registry_ok = registry.chars().all(|c| c.is_ascii_alphanumeric() || ".:-[]".contains(c));
    digest_ok && tag.is_none_or(is_tag) && registry_ok && path.split('/').all(is_part)
}

/// The image that a service runs: what the file says, or what Compose calls what it builds.
pub fn name(project: &Project, key: &str, service: &Service) -> String {
    service.image.clone().filter(|image| !image.is_empty()).unwrap_or_else(|| format!("{}-{}", project.name, key.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_repository_whatever_tag_and_registry_of_docker() {
        for image in ["redis", "redis:7-alpine", "docker.io/library/redis", "library/redis:7", "redis@sha256:00"] {
            assert_eq!(known_ports(image), [6379], "{image}");
        }
        assert_eq!(known_ports("docker.elastic.co/elasticsearch/elasticsearch:6.3.2"), [9200, 9300]);
        for image in ["someone/redis", "registry:5000/redis", "localhost:5000/redis:7", "simple_server", ""] {
            assert_eq!(known_ports(image), [0_u16; 0], "{image}");
        }
    }

    #[test]
    fn references_have_letters_of_their_own() {
        let digest = format!("a/b:1@sha256:{}", "0".repeat(64));
        for image in ["nginx", "a/b:1.2_x-Y", "r.example:5000/a/b-c__d", "localhost/x", "[::1]:5000/x", "UPPER/x", "x:_1", digest.as_str()]
        {
            assert!(is_reference(image), "{image}");
        }
        for image in ["a b", "Nginx", "nginx:", "nginx:a b", "a//b", "/a", "a/", "nginx@sha256:0", "https://r/x", "-a", "a:-1", "é"] {
            assert!(!is_reference(image), "{image}");
        }
    }

    #[test]
    fn latest_is_no_tag_or_that_one() {
        for (image, expected) in
            [("nginx", true), ("nginx:latest", true), ("r:5000/nginx", true), ("nginx:1", false), ("nginx@sha256:0", false)]
        {
            assert_eq!(is_latest(image), expected, "{image}");
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(OFFICIAL.is_sorted_by_key(|(name, _)| *name));
        assert!(VENDORS.is_sorted_by_key(|(name, _)| *name));
    }
}
