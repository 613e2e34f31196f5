//! The stacks that are web applications.

use kube::ResourceExt;
use serde_json::json;

use crate::support::{Seed, answer, until};

#[tokio::test]
async fn foodtrucks_web_finds_es_and_both_answer() {
    // Stand-ins for Elasticsearch and the application, which gives up when it doesn't find the other in time.
    let mut seed = Seed::apply("foodtrucks").await;
    seed.answers("web", 5000, "/", "food trucks, found by 6.3.2").await;
    let page = seed.asks("es", 9200, "/", &[], "6.3.2").await;
    assert!(page.contains("You Know, for Search"), "{page}");
    let transport = seed.space.published(&seed.name, "es", 9300).await;
    let connected = crate::support::curl(&[&format!("telnet://{transport}")]).await;
    assert!(connected.is_ok(), "9300: {connected:?}");
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
    let greeting = crate::support::curl(&["--http0.9", "--output", "/dev/null", &format!("http://{mysql}")]).await;
    assert!(greeting.is_ok() || greeting.as_ref().is_err_and(|why| !why.contains("connect")), "3306: {greeting:?}");
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
    assert!(directly.last() > through_nginx.first(), "both names of redis lead to one: {through_nginx:?}, {directly:?}");
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn web_db_resolves_db_by_its_name() {
    let mut seed = Seed::apply("web-db").await;
    seed.answers("web", 80, "/", "Welcome to nginx").await;
    seed.space.sh_until("web", "nc -z -w 1 db 3306").await;
    seed.ready().await;
    seed.close().await;
}

#[tokio::test]
async fn run_after_db_init_keeps_web_waiting_and_never_restarts_it() {
    let mut seed = Seed::apply("run-after-db-init").await;
    let space = &seed.space;
    space.sh_until("web", "python3 -c \"import urllib.request as r; print(r.urlopen('http://web:8000').read())\"").await;
    assert_eq!(space.restarts("web").await, 0);
    seed.answers("nginx", 80, "/", "Welcome to nginx").await;
    seed.ready().await;

    // A script that must wait goes on waiting: the database is gone while it starts anew.
    let space = &seed.space;
    space.patch(&seed.name, json!({"services": {"db": {"replicas": 0}}})).await;
    space.until_pods("db", 0).await;
    let old = space.pod("web").await;
    space.delete::<k8s_openapi::api::core::v1::Pod>(&old.name_any()).await;
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
    let url = format!("http://{}/", space.published(&seed.name, "flask", 80).await);
    let count = |text: &str| text.split("访问").nth(1).and_then(|rest| rest.split('次').next()).and_then(|n| n.parse::<u32>().ok());
    let visit = async || count(&answer(&[&url], "with a number", |text| count(text).is_some()).await).unwrap();
    let first = visit().await;
    assert_eq!(visit().await, first + 1);
    let redis = space.pod("redis").await;
    space.delete::<k8s_openapi::api::core::v1::Pod>(&redis.name_any()).await;
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
