//! Nobody notices a change: not of the image, not of a config, not of the operator.

use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use crate::support::{ASK, Alone, OPERATOR_NAMESPACE, Request, Space, Steady, Timeline, alone, finish, installed, node, until};

/// Asks by the service's name from within the stack. A line for each request: when it ended, curl's exit code, and what curl said.
const CLIENT: &str = r#"
until curl -sSf --max-time 30 -o /dev/null http://web/; do sleep 0.1; done 2>/dev/null
while :; do said=$(curl "$@" http://web/ 2>&1); echo $(date +%s.%N) $? $said; sleep 0.05; done
"#;

/// Each answer says from which pod it comes.
const SERVER: &str =
    "server { listen 80; add_header X-Pod $hostname always; location / { root /usr/share/nginx/html; index index.html; } }";

/// What its page says before the change of the config, and after it.
const PAGES: [&str; 2] = ["one", "two"];

fn shop(image: &str, page: &str) -> Value {
    let configs = [("page", "/usr/share/nginx/html/index.html"), ("server", "/etc/nginx/conf.d/default.conf")];
    let web = json!({
        "image": image, "ports": ["8080:80"], "deploy": {"replicas": 3},
        "configs": configs.map(|(source, target)| json!({"source": source, "target": target})),
        "healthcheck": {"test": "curl -sf http://127.0.0.1/", "interval": "1s"},
        // A name for one service alone is written into its pods by the operator's own image: another version's pods are others.
        "links": ["store:warehouse"],
    });
    let words: Vec<String> = ["sh", "-c", CLIENT, "sh"].iter().chain(&ASK).map(|word| word.replace('$', "$$")).collect();
    let client = json!({"image": "debian", "init": true, "command": words, "depends_on": ["web"]});
    let store = json!({"image": "busybox", "init": true, "command": "sleep infinity"});
    let file = json!({"services": {"web": web, "client": client, "store": store}, "configs": {"page": {"content": page}, "server": {"content": SERVER.replace('$', "$$")}}});
    json!({"compose": file.to_string()})
}

/// A shop that is asked all the time, from within and from outside.
struct Asked {
    space: Space,
    steady: Steady,
    timeline: Timeline,
    _alone: Alone,
}

impl Asked {
    async fn open(topic: &str) -> Self {
        let alone = alone().await;
        let space = Space::open(topic).await;
        let timeline = Timeline::of(&space, "web");
        space.create_spec("shop", shop("nginx:1", PAGES[0])).await;
        space.ready("shop").await;
        space.logs_until("client", "that it was answered", |said| said.contains(PAGES[0])).await;
        let url = format!("http://{}", space.published("shop", "web", 80).await);
        crate::support::answer(&[&url], "with its page", |page| page == PAGES[0]).await;
        let steady = Steady::ask(&url, &PAGES);
        steady.more(10).await;
        Self { space, steady, timeline, _alone: alone }
    }

    /// The change is through: some requests later none must have failed.
    async fn close(self) {
        self.steady.more(20).await;
        let within: Vec<Request> = self.space.logs("client").await.lines().map(logged).collect();
        let outside = self.steady.end();
        assert!(within.len() > 20, "{} requests from within", within.len());
        let failures = |requests: &[Request], place: &str| {
            let failed = requests.iter().filter_map(|request| Some((request.at, request.failure.as_ref()?)));
            failed.map(|(at, what)| self.timeline.add(at, format!("FAILED {place}: {what}"))).count()
        };
        let failed = (failures(&within, "from within"), failures(&outside, "from outside"));
        eprintln!("{} requests from within, {} from outside", within.len(), outside.len());
        assert!(
            failed == (0, 0),
            "{} of {} requests from within failed, and {} of {} from outside:\n{}",
            failed.0,
            within.len(),
            failed.1,
            outside.len(),
            self.timeline.tell()
        );
        self.space.close().await;
    }
}

/// A line of the client's.
fn logged(line: &str) -> Request {
    let mut words = line.splitn(3, ' ');
    let [at, code, said] = [(); 3].map(|()| words.next().unwrap_or_default());
    let (seconds, fraction) = at.split_once('.').unwrap_or((at, "0"));
    let at = Timestamp::new(seconds.parse().unwrap(), fraction.parse().unwrap()).unwrap();
    Request::new(at, code == "0", said, &PAGES)
}

#[tokio::test]
async fn a_change_of_the_image_and_one_of_a_config_fail_no_request() {
    let asked = Asked::open("rolled").await;
    asked.timeline.mark("another image");
    asked.space.patch("shop", shop("nginx:2", PAGES[0])).await;
    asked.space.ready("shop").await;
    let images =
        asked.space.pods("web").await.iter().map(|pod| pod.spec.clone().unwrap().containers[0].image.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(images, ["nginx:2"; 3]);
    asked.timeline.mark("another config");
    asked.space.patch("shop", shop("nginx:2", PAGES[1])).await;
    asked.space.ready("shop").await;
    asked.space.sh("web", "grep two /usr/share/nginx/html/index.html").await;
    asked.timeline.mark("all is ready");
    asked.close().await;
}

/// Names of the operator's pods, those too that are ending: they work until they are gone.
async fn operators(space: &Space) -> Vec<String> {
    let pods = Api::<Pod>::namespaced(space.client.clone(), OPERATOR_NAMESPACE);
    let pods = pods.list(&ListParams::default().labels("app.kubernetes.io/name=compose-operator")).await.unwrap();
    pods.items.iter().map(ResourceExt::name_any).collect()
}

/// Waits until the operator is another one, and has taken up its work: it follows a change. Gives what it calls itself.
async fn replaced(asked: &Asked, old: &[String]) -> Option<String> {
    until("the operator is replaced", async || {
        let now = operators(&asked.space).await;
        if now.is_empty() || now.iter().any(|name| old.contains(name)) { Err(format!("{now:?}")) } else { Ok(()) }
    })
    .await;
    let pods: Vec<_> = asked.space.pods("web").await.iter().map(ResourceExt::name_any).collect();
    asked.space.patch("shop", json!({"services": {"client": {"replicas": 2}}})).await;
    asked.space.until_pods("client", 2).await;
    asked.space.ready("shop").await;
    let events = asked.space.writes();
    let changes = events.iter().filter(|event| event.verb != "create" && event.subresource() != "status");
    let writes: Vec<String> = changes.map(devcluster::AuditEvent::summary).collect();
    assert!(writes.iter().all(|write| write.contains("client")), "the new operator writes what needn't be: {writes:?}");
    assert_eq!(asked.space.pods("web").await.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), pods, "nothing is restarted");
    events.last().map(|event| event.user_agent.clone())
}

#[tokio::test]
async fn a_restart_and_an_upgrade_of_the_operator_fail_no_request() {
    let asked = Asked::open("upgraded").await;
    let old = operators(&asked.space).await;
    let pods = Api::<Pod>::namespaced(asked.space.client.clone(), OPERATOR_NAMESPACE);
    asked.timeline.mark("the operator's pod is deleted");
    for name in &old {
        pods.delete(name, &DeleteParams::default()).await.unwrap();
    }
    let program = replaced(&asked, &old).await;

    let old = operators(&asked.space).await;
    let before = generations(&asked.space).await;
    asked.timeline.mark("the operator is upgraded");
    let image = upgrade(&asked.space).await;
    asked.space.patch("shop", json!({"services": {"client": {"replicas": 1}}})).await;
    let upgraded = replaced(&asked, &old).await;
    if node().is_some() {
        assert_ne!(upgraded, program, "another program writes now");
    }
    assert_eq!(generations(&asked.space).await, before, "an upgrade changes no workload of an unchanged service");

    // A stack that is made now has pods of the new version: the old ones stood although they would be rendered otherwise.
    let space = Space::open("upgraded-later").await;
    space.create_spec("shop", shop("nginx:1", "one")).await;
    space.ready("shop").await;
    let helper = |pods: &[Pod]| pods[0].spec.clone().unwrap().init_containers.unwrap()[0].image.clone().unwrap();
    assert_eq!(helper(&space.pods("web").await), image);
    if node().is_some() {
        assert_ne!(helper(&asked.space.pods("web").await), image);
    }
    space.close().await;
    asked.close().await;
}

/// UIDs and generations of the workloads but the client's, which is scaled to see that the operator works.
async fn generations(space: &Space) -> Vec<(Option<String>, Option<i64>)> {
    let workloads = space.list::<Deployment>().await;
    let unchanged = workloads.iter().filter(|workload| workload.name_any() != "client");
    unchanged.map(|workload| (workload.uid(), workload.metadata.generation)).collect()
}

/// Installs the chart's next release as its users do; on a node of ours it comes with another image. Gives the operator's image.
async fn upgrade(space: &Space) -> String {
    let operator = Api::<Deployment>::namespaced(space.client.clone(), OPERATOR_NAMESPACE);
    let image = |found: &Deployment| found.spec.clone().unwrap().template.spec.unwrap().containers[0].image.clone().unwrap();
    let before = operator.get("compose-operator").await.unwrap();
    let charts = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut package = installed().cluster.helm();
    package.args(["package", "--version=99.0.0"]).arg(format!("--destination={}", charts.display()));
    if node().is_some() {
        package.arg("--app-version=next");
    }
    package.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/compose-operator"));
    succeed(package).await;
    let mut helm = installed().cluster.helm();
    helm.args(["upgrade", "compose-operator", "--namespace", OPERATOR_NAMESPACE, "--reset-then-reuse-values"]);
    helm.arg(charts.join("compose-operator-99.0.0.tgz"));
    succeed(helm).await;
    let after = operator.get("compose-operator").await.unwrap();
    assert_ne!(after.metadata.generation, before.metadata.generation);
    if node().is_some() {
        assert_ne!(image(&after), image(&before), "another image");
    }
    image(&after)
}

async fn succeed(command: Command) {
    let output = finish(command).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
