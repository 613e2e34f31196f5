//! Directories that well-known images declare as volumes (`VOLUME` of their Dockerfiles). No registry is asked, so that translation stays pure.
//!
//! Docker makes an anonymous volume of each where nothing is mounted. A container runtime of a cluster keeps what is there for as long as the
//! container, or not even that.

use std::ops::RangeInclusive;

use crate::compose::model::{Mount, MountKind, Service};

use super::images;
use super::stack::Stack;

/// Any version.
const ANY: RangeInclusive<u32> = 0..=u32::MAX;

/// What an image declares.
struct Image {
    /// Repository; Docker's official ones go without a namespace, images of other registries by their host.
    name: &'static str,
    /// Major versions. A tag without one is the newest.
    versions: RangeInclusive<u32>,
    /// Directories that hold what the program is run for.
    data: &'static [&'static str],
    /// Others: logs, and what can be made anew.
    others: &'static [&'static str],
    /// Whether the image has content there, or runs as a user to whom the directories belong.
    filled: bool,
}

const fn empty(name: &'static str, data: &'static [&'static str]) -> Image {
    Image { name, versions: ANY, data, others: &[], filled: false }
}

const fn filled(name: &'static str, data: &'static [&'static str]) -> Image {
    Image { filled: true, ..empty(name, data) }
}

const POSTGRES: [&str; 1] = ["/var/lib/postgresql/data"];
const MATTERMOST: [&str; 4] = ["/mattermost/data", "/mattermost/config", "/mattermost/plugins", "/mattermost/client/plugins"];
const MATTERMOST_OTHERS: [&str; 1] = ["/mattermost/logs"];

/// As the projects that publish the images declare them in the Dockerfiles of their repositories: Docker's official images, and those of Apache,
/// Confluent, HashiCorp, InfluxData, Prometheus, Jenkins, GitLab, SonarSource, Sonatype, Elastic, MinIO and the others by their own name. An image
/// that declares its volumes by another (`FROM postgres`) has those of that one.
const IMAGES: &[Image] = &[
    Image { others: &["/etc/kafka/secrets", "/mnt/shared/config"], ..filled("apache/kafka", &["/var/lib/kafka/data"]) },
    Image { others: &["/var/lib/arangodb3-apps"], ..empty("arangodb", &["/var/lib/arangodb3"]) },
    empty("bde2020/hadoop-namenode", &["/hadoop/dfs/name"]),
    empty("cassandra", &["/var/lib/cassandra"]),
    Image { others: &["/var/lib/letsencrypt"], ..empty("certbot/certbot", &["/etc/letsencrypt"]) },
    empty("chronograf", &["/var/lib/chronograf"]),
    empty("clickhouse", &["/var/lib/clickhouse"]),
    empty("clickhouse/clickhouse-server", &["/var/lib/clickhouse"]),
    Image { others: &["/etc/kafka/secrets"], ..filled("confluentinc/cp-kafka", &["/var/lib/kafka/data"]) },
    Image {
        others: &["/var/lib/zookeeper/log", "/etc/zookeeper/secrets"],
        ..filled("confluentinc/cp-zookeeper", &["/var/lib/zookeeper/data"])
    },
    empty("consul", &["/consul/data"]),
    filled("couchbase", &["/opt/couchbase/var"]),
    empty("couchdb", &["/opt/couchdb/data"]),
    empty("crate", &["/data"]),
    filled("dpage/pgadmin4", &["/var/lib/pgadmin"]),
    Image { others: &["/mosquitto/log"], ..empty("eclipse-mosquitto", &["/mosquitto/data"]) },
    Image { versions: 5..=5, ..empty("elasticsearch", &["/usr/share/elasticsearch/data"]) },
    Image { others: &["/opt/emqx/log"], ..filled("emqx", &["/opt/emqx/data"]) },
    Image { others: &["/opt/emqx/log"], ..filled("emqx/emqx", &["/opt/emqx/data"]) },
    filled("ghost", &["/var/lib/ghost/content"]),
    empty("gitea/gitea", &["/data"]),
    Image { others: &["/var/log/gitlab"], ..empty("gitlab/gitlab-ce", &["/etc/gitlab", "/var/opt/gitlab"]) },
    Image { others: &["/var/log/gitlab"], ..empty("gitlab/gitlab-ee", &["/etc/gitlab", "/var/opt/gitlab"]) },
    empty("gogs/gogs", &["/data"]),
    filled("graylog/graylog", &["/usr/share/graylog/data"]),
    empty("hashicorp/consul", &["/consul/data"]),
    Image { others: &["/vault/logs"], ..empty("hashicorp/vault", &["/vault/file"]) },
    Image { versions: 1..=1, ..empty("influxdb", &["/var/lib/influxdb"]) },
    Image { versions: 2..=2, others: &["/etc/influxdb2"], ..empty("influxdb", &["/var/lib/influxdb2"]) },
    empty("itzg/minecraft-server", &["/data"]),
    Image { others: &["/cache"], ..empty("jellyfin/jellyfin", &["/config"]) },
    filled("jenkins/jenkins", &["/var/jenkins_home"]),
    empty("joomla", &["/var/www/html"]),
    empty("kapacitor", &["/var/lib/kapacitor"]),
    empty("linuxserver/mariadb", &["/config"]),
    empty("louislam/uptime-kuma", &["/app/data"]),
    empty("lscr.io/linuxserver/mariadb", &["/config"]),
    empty("mariadb", &["/var/lib/mysql"]),
    empty("matomo", &["/var/www/html"]),
    Image { others: &MATTERMOST_OTHERS, ..filled("mattermost/mattermost-enterprise-edition", &MATTERMOST) },
    Image { others: &MATTERMOST_OTHERS, ..filled("mattermost/mattermost-team-edition", &MATTERMOST) },
    empty("minio/minio", &["/data"]),
    Image { others: &["/data/configdb"], ..empty("mongo", &["/data/db"]) },
    empty("mysql", &["/var/lib/mysql"]),
    Image { others: &["/logs"], ..empty("neo4j", &["/data"]) },
    empty("nextcloud", &["/var/www/html"]),
    filled("nodered/node-red", &["/data"]),
    Image { others: &["/mnt/extra-addons"], ..filled("odoo", &["/var/lib/odoo"]) },
    empty("owncloud/server", &["/mnt/data"]),
    Image { others: &["/var/log/mysql"], ..filled("percona", &["/var/lib/mysql"]) },
    Image { versions: 0..=17, ..empty("pgvector/pgvector", &POSTGRES) },
    Image { versions: 18..=u32::MAX, ..empty("pgvector/pgvector", &["/var/lib/postgresql"]) },
    Image { others: &["/transcode"], ..empty("plexinc/pms-docker", &["/config"]) },
    empty("portainer/portainer-ce", &["/data"]),
    Image { versions: 0..=17, ..empty("postgis/postgis", &POSTGRES) },
    Image { versions: 18..=u32::MAX, ..empty("postgis/postgis", &["/var/lib/postgresql"]) },
    Image { versions: 0..=17, ..empty("postgres", &POSTGRES) },
    Image { versions: 18..=u32::MAX, ..empty("postgres", &["/var/lib/postgresql"]) },
    filled("prom/alertmanager", &["/alertmanager"]),
    filled("prom/prometheus", &["/prometheus"]),
    empty("quay.io/minio/minio", &["/data"]),
    empty("rabbitmq", &["/var/lib/rabbitmq"]),
    empty("redis", &["/data"]),
    empty("redmine", &["/usr/src/redmine/files"]),
    empty("registry", &["/var/lib/registry"]),
    empty("rethinkdb", &["/data"]),
    filled("rocket.chat", &["/app/uploads"]),
    filled("solr", &["/var/solr"]),
    Image {
        versions: 24..=u32::MAX,
        others: &["/opt/sonarqube/logs", "/opt/sonarqube/temp"],
        ..filled("sonarqube", &["/opt/sonarqube/data", "/opt/sonarqube/extensions"])
    },
    filled("sonatype/nexus3", &["/nexus-data"]),
    empty("syncthing/syncthing", &["/var/syncthing"]),
    empty("valkey", &["/data"]),
    empty("valkey/valkey", &["/data"]),
    empty("vaultwarden/server", &["/data"]),
    filled("verdaccio/verdaccio", &["/verdaccio/storage"]),
    filled("wordpress", &["/var/www/html"]),
    Image { others: &["/logs"], ..empty("zookeeper", &["/data", "/datalog"]) },
];

/// A directory at which a service mounts nothing though its image declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    pub path: &'static str,
    /// Whether it holds what the program is run for.
    pub is_data: bool,
    /// Whether it is to begin as the image has it, with content and owner; the others begin empty, and the programs see to their owner.
    pub filled: bool,
}

impl Directory {
    /// The anonymous volume that Docker makes of it.
    pub fn mount(self) -> Mount {
        Mount { kind: MountKind::Volume, target: self.path.to_owned(), ..Mount::default() }
    }
}

/// The directories of a service's image that nothing is mounted at.
pub fn left_open(stack: &Stack, key: &str, service: &Service) -> Vec<Directory> {
    if stack.extension(key).pod.image_volumes == Some(false) {
        return Vec::new();
    }
    let mounted: Vec<&str> = targets(service).map(|target| target.trim_end_matches('/')).collect();
    let own_user = runs_as_somebody(stack, key, service);
    let open = directories(&images::name(stack.project, key, service), &mounted).into_iter();
    open.map(|directory| Directory { filled: directory.filled || own_user, ..directory }).collect()
}

/// Whether a service runs as another user than root, who can't make a directory its own.
fn runs_as_somebody(stack: &Stack, key: &str, service: &Service) -> bool {
    let user = service.user.as_deref().and_then(|user| user.split(':').next()).unwrap_or_default();
    !matches!(user, "" | "0" | "root") || stack.extension(key).pod.run_as_user.is_some_and(|user| user != 0)
}

/// Where a service mounts something, by its own words.
fn targets(service: &Service) -> impl Iterator<Item = &str> {
    let volumes = service.volumes.iter().map(|mount| mount.target.as_str());
    let memory = service.tmpfs.iter().map(|entry| entry.split(':').next().unwrap_or_default());
    volumes.chain(memory)
}

fn directories(image: &str, mounted: &[&str]) -> Vec<Directory> {
    let repository = images::repository(image);
    let name = repository.strip_prefix("library/").unwrap_or(repository);
    let all = || IMAGES.iter().filter(|known| known.name == name);
    let version = major(image);
    // Where nothing tells the version, a volume for any of them is one for the image's own.
    let for_another = || all().flat_map(|image| image.data).any(|path| mounted.contains(path));
    if version.is_none() && all().count() > 1 && for_another() {
        return Vec::new();
    }
    let Some(image) = all().find(|image| image.versions.contains(&version.unwrap_or(u32::MAX))) else { return Vec::new() };
    let each = image.data.iter().map(|path| (*path, true)).chain(image.others.iter().map(|path| (*path, false)));
    let open = each.filter(|(path, _)| !mounted.contains(path));
    open.map(|(path, is_data)| Directory { path, is_data, filled: image.filled }).collect()
}

/// The major version that an image's tag tells: `16-alpine`, `v2.7`, `latest-pg16`.
fn major(image: &str) -> Option<u32> {
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    let number = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().parse().ok();
    let of_postgres = tag.split('-').find_map(|part| number(part.strip_prefix("pg")?));
    of_postgres.or_else(|| number(tag.strip_prefix('v').unwrap_or(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(image: &str, mounted: &[&str], expected: &[&str]) {
        let open: Vec<&str> = directories(image, mounted).iter().map(|directory| directory.path).collect();
        assert_eq!(open, expected, "{image}");
    }

    #[test]
    fn what_is_mounted_is_not_open() {
        check("redis:7-alpine", &[], &["/data"]);
        check("redis:7-alpine", &["/data"], &[]);
        check("docker.io/library/mongo", &["/data/db"], &["/data/configdb"]);
        check("docker.io/library/mongo", &[], &["/data/db", "/data/configdb"]);
        check("registry:5000/redis", &[], &[]);
        check("someone/app:1", &[], &[]);
    }

    #[test]
    fn a_volume_around_the_directory_is_another_one() {
        check("postgres:16", &["/var/lib/postgresql"], &["/var/lib/postgresql/data"]);
    }

    #[test]
    fn the_directory_is_that_of_the_version() {
        check("postgres:17.2-alpine", &[], &["/var/lib/postgresql/data"]);
        check("postgres:18", &["/var/lib/postgresql/data"], &["/var/lib/postgresql"]);
        check("postgres", &[], &["/var/lib/postgresql"]);
        check("pgvector/pgvector:0.8.0-pg16", &[], &["/var/lib/postgresql/data"]);
        check("influxdb:1.8", &[], &["/var/lib/influxdb"]);
        check("influxdb:2.7-alpine", &["/var/lib/influxdb2"], &["/etc/influxdb2"]);
        check("influxdb:3-core", &[], &[]);
    }

    #[test]
    fn where_nothing_tells_the_version_a_volume_for_any_of_them_will_do() {
        for image in ["postgres", "postgres:alpine", "postgres:latest", "postgres@sha256:0123"] {
            check(image, &["/var/lib/postgresql/data"], &[]);
            check(image, &["/var/lib/postgresql"], &[]);
        }
    }

    #[test]
    fn the_table_is_sorted_and_its_paths_are_clean() {
        assert!(IMAGES.is_sorted_by_key(|image| (image.name, *image.versions.start())));
        let paths = || IMAGES.iter().flat_map(|image| image.data.iter().chain(image.others));
        assert!(paths().all(|path| path.starts_with('/') && !path.ends_with('/')));
    }

    #[test]
    fn the_page_about_storage_has_the_table() {
        let page = include_str!("../../docs/storage.md");
        for image in IMAGES {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", image.name))).unwrap_or_default();
            assert!(image.data.iter().chain(image.others).all(|path| row.contains(&format!("`{path}`"))), "{}: {row:?}", image.name);
        }
    }
}
