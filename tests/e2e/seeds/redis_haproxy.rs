//! A Redis master with two slaves, two Django applications, HAProxy in front, tied together by links.

use crate::support::{Seed, until};

#[tokio::test]
async fn redis_haproxy_replicates_and_balances() {
    let mut seed = Seed::apply("redis-haproxy").await;
    seed.ready().await;
    let space = &seed.space;

    // The slaves find their master under its alias `master`.
    let info = "redis-cli info replication | tr -d '\\r'";
    until("the master has two slaves", async || {
        let info = space.try_sh("redis-master", info).await?;
        if info.contains("role:master") && info.contains("connected_slaves:2") { Ok(()) } else { Err(info) }
    })
    .await;
    let slave = space.sh_until("redis-slave1", &format!("{info} | tee /dev/stderr | grep -q link_status:up && {info}")).await;
    for line in ["role:slave", "master_host:master", "master_port:6379", "master_link_status:up"] {
        assert!(slave.lines().any(|found| found == line), "{line} in {slave}");
    }
    space.sh("redis-master", "redis-cli set master 1").await;
    for slave in ["redis-slave1", "redis-slave2"] {
        assert_eq!(space.sh_until(slave, "redis-cli get master | grep .").await, "1\n", "{slave} has what was set on the master");
    }

    // The links resolve where they are written.
    space.sh_until("ubuntu1", "readlink /proc/1/fd/0 | grep pts && nc -z redis-master 6379").await;
    assert_eq!(space.restarts("ubuntu1").await, 0, "an open terminal keeps the shell up");
    for app in ["app1", "app2"] {
        space.sh_until(app, "nc -z db 6379").await;
        assert_eq!(space.restarts(app).await, 0, "an open terminal keeps the shell up");
        // As the document does by hand.
        space.sh(app, "cd /usr/src/app; nohup python manage.py runserver 0.0.0.0:8001 >/tmp/log 2>&1 &").await;
    }
    space.sh("haproxy", "nohup haproxy -f /tmp/haproxy.cfg >/dev/null 2>&1 &").await;
    seed.answers("HAProxy", 6301, "/", "app").await;
    for app in ["app1", "app2", "app1", "app2"] {
        seed.asks("HAProxy", 6301, "/", &[], app).await;
    }
    let address = seed.space.published(&seed.name, "HAProxy", 6301).await;
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(crate::support::curl(&[&format!("http://{address}/")]).await.unwrap());
    }
    assert!(answers[0] != answers[1] && answers[0] == answers[2] && answers[1] == answers[3], "by turns: {answers:?}");
    seed.close().await;
}
