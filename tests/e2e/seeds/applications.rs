//! The stacks that are web applications.

use kube::ResourceExt;
use serde_json::json;

use k8s_openapi::api::core::v1::Pod;

use crate::support::{Connection, Seed, answer, greeting, until};

#[tokio::test]
async fn foodtrucks_web_finds_es_and_is_started_again_until_it_does() {
    // Stand-ins for Elasticsearch and the application, which gives up when it doesn't find the other in time.
    let mut seed = Seed::apply("foodtrucks").await;
    seed.answers("web", 5000, "/", "food trucks, found by 6.3.2").await;
    let page = seed.asks("es", 9200, "/", &[], "6.3.2").await;
    assert!(page.contains("You Know, for Search"), "{page}");
    let transport = seed.space.published(&seed.name, "es", 9300).await;
    let connected = crate::support::curl(&[&format!("telnet://{transport}")]).await;
    assert!(connected.is_ok(), "9300: {connected:?}");
    seed.ready().await;

    let space = &seed.space;
    space.sh("es", "tr '\\0' '\\n' </proc/1/environ | grep -x discovery.type=single-node").await;
    space.patch(&seed.name, json!({"services": {"es": {"replicas": 0}}})).await;
    space.until_pods("es", 0).await;
    let web = space.pod("web").await.name_any();
    space.delete::<Pod>(&web).await;
    space.until::<Pod>(&web, "gone", |pod| pod.is_none()).await;
    let gives_up = |said: &str| said.matches("Unable to connect to ES").count() == 3 && said.ends_with("Out of retries. Bailing out...\n");
    space.logs_until("web", "that it gives up", gives_up).await;
    until("it is started again", async || if space.restarts("web").await > 0 { Ok(()) } else { Err("no restart".to_owned()) }).await;
    space.patch(&seed.name, json!({"services": {"es": {"replicas": 1}}})).await;
    seed.asks("web", 5000, "/", &[], "food trucks, found by 6.3.2").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn myfirstapp_answers_on_its_published_port() {
    // A stand-in: the document has no source.
    let mut seed = Seed::apply("myfirstapp").await;
    seed.answers("myfirstapp", 5000, "/", "Hello").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn wordpress_shows_its_installation_page() {
    let mut seed = Seed::apply("wordpress").await;
    let page = seed.answers("wordpress_container", 80, "/wp-admin/install.php?step=1", "Installation").await;
    let title = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title.trim());
    assert_eq!(title.map(|title| title.replace("&rsaquo;", "›")).as_deref(), Some("WordPress › Installation"));
    let lines = seed.space.sh("wordpress-container", "getent hosts mysql_container").await;
    assert!(lines.contains("mysql_container"), "{lines}");
    let mysql = seed.space.published(&seed.name, "mysql_container", 3306).await;
    greeting(&mysql, "MariaDB").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn pack_reaches_mysql_and_redis_by_both_of_their_names() {
    // Stand-ins: the images are built from sources that the document doesn't print.
    let mut seed = Seed::apply("pack").await;
    let page = seed.answers("nginx", 80, "/", "visits").await;
    assert!(page.contains("databases: mysql mysql-server"), "{page}");
    let counts = |page: &str| page.trim().rsplit(' ').map_while(|word| word.parse::<u32>().ok()).collect::<Vec<_>>();
    let (through_nginx, directly) = (counts(&page), counts(&seed.asks("flask", 8080, "/", &[], "visits").await));
    // The later count comes first.
    assert_eq!(through_nginx[0], through_nginx[1] + 1, "both names of redis lead to one");
    assert!(directly[1] > through_nginx[0], "{through_nginx:?}, {directly:?}");
    let mysql = seed.space.published(&seed.name, "mysql", 3306).await;
    greeting(&mysql, "MariaDB").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn web_db_starts_web_after_db_which_it_finds_by_its_name() {
    let mut seed = Seed::apply("web-db").await;
    seed.answers("web", 80, "/", "Welcome to nginx").await;
    seed.space.sh_until("web", "nc -z -w 1 db 3306").await;
    seed.ready().await;
    let (web, db) = (seed.space.pod("web").await, seed.space.pod("db").await);
    let containers = db.status.unwrap().container_statuses.unwrap();
    let started = containers[0].state.as_ref().unwrap().running.as_ref().unwrap().started_at.clone();
    assert!(web.metadata.creation_timestamp >= started, "web was made at {:?}, db started at {started:?}", web.metadata.creation_timestamp);
    seed.close().await;
}

#[tokio::test]
async fn run_after_db_init_keeps_web_waiting_and_never_restarts_it() {
    let mut seed = Seed::apply("run-after-db-init").await;
    let space = &seed.space;
    space.sh_until("web", "python3 -c \"import urllib.request as r; print(r.urlopen('http://web:8000').read())\"").await;
    assert_eq!(space.restarts("web").await, 0);
    space.sh("web", "readlink /proc/1/fd/0 | grep pts").await;
    seed.answers("nginx", 80, "/", "Welcome to nginx").await;
    let stack = seed.ready().await;
    let published = stack.status.unwrap().services.into_iter().filter(|service| !service.endpoints.is_empty()).map(|service| service.name);
    assert_eq!(published.collect::<Vec<_>>(), ["db", "nginx"], "only nginx leads in, and the database for debugging");
    let mysql = seed.space.published(&seed.name, "db", 3306).await;
    greeting(&mysql, "MariaDB").await;

    // A script that must wait goes on waiting: the database is gone while it starts anew.
    let space = &seed.space;
    space.patch(&seed.name, json!({"services": {"db": {"replicas": 0}}})).await;
    space.until_pods("db", 0).await;
    let old = space.pod("web").await;
    space.delete::<Pod>(&old.name_any()).await;
    until("web waits", async || {
        let pod = space.pods("web").await.into_iter().find(|pod| pod.uid() != old.uid()).ok_or("no new pod")?;
        space.try_sh_in(&pod.name_any(), "grep -q run-after-db-init.sh /proc/1/cmdline && ! nc -z -w 1 127.0.0.1 8000").await
    })
    .await;
    space.patch(&seed.name, json!({"services": {"db": {"replicas": 1}}})).await;
    space.sh_until("web", "nc -z -w 1 127.0.0.1 8000").await;
    assert_eq!(space.restarts("web").await, 0);

    // A change of the code reaches its users alone.
    let (redis, nginx) = (space.pod("redis").await, space.pod("nginx").await);
    let stack = space.api::<compose_operator::api::ComposeStack>().get(&seed.name).await.unwrap();
    let code = stack.spec.files["app.py"].replace("the database is up", "changed");
    space.patch(&seed.name, json!({"files": {"app.py": code}})).await;
    space.sh_until("web", "python3 -c \"import urllib.request as r; print(r.urlopen('http://web:8000').read())\" | grep changed").await;
    seed.ready().await;
    assert_eq!((space.pod("redis").await.uid(), space.pod("nginx").await.uid()), (redis.uid(), nginx.uid()));
    seed.close().await;
}

#[tokio::test]
async fn flask_single_says_hello() {
    let mut seed = Seed::apply("flask-single").await;
    seed.answers("test", 80, "/", "Hello World from Flask!").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn flask_redis_counts_its_visitors_on_when_redis_is_lost() {
    let mut seed = Seed::apply("flask-redis").await;
    seed.answers("flask", 80, "/", "访问").await;
    let space = &seed.space;
    assert_eq!(space.sh("flask", "readlink /proc/1/cwd").await, "/app\n");
    for name in ["redis", "myredis"] {
        assert_eq!(space.connect("flask", name, 6379).await, Connection::Open, "{name}");
    }
    let url = format!("http://{}/", space.published(&seed.name, "flask", 80).await);
    let count = |text: &str| text.split("访问").nth(1).and_then(|rest| rest.split('次').next()).and_then(|n| n.parse::<u32>().ok());
    let visit = async || count(&answer(&[&url], "with a number", |text| count(text).is_some()).await).unwrap();
    let first = visit().await;
    assert_eq!(visit().await, first + 1);
    let redis = space.pod("redis").await;
    space.delete::<Pod>(&redis.name_any()).await;
    until("redis is another one", async || {
        let pods = space.pods("redis").await;
        if pods.iter().any(|pod| pod.uid() != redis.uid()) { Ok(()) } else { Err("the old one".to_owned()) }
    })
    .await;
    let again = visit().await;
    assert_eq!(visit().await, again + 1, "it counts on");
    seed.ready().await;
    seed.close().await;
}
