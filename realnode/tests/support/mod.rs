//! Nodes by hand, for tests: they are what `cargo run -p realnode` gives.

use std::fs;
use std::process::Command;

use realnode::Layout;

/// A pod that notes each of its starts on a volume, and is published.
pub const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: pod, labels: {app: pod}}
spec:
  containers: [{name: main, image: "busybox:1", command: [sh, -c, "echo $(hostname) >>/data/starts; httpd -f -p 8000 -h /data"], volumeMounts: [{name: data, mountPath: /data}]}]
  securityContext: {runAsUser: 1000, runAsNonRoot: true}
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: pod}
spec: {type: NodePort, selector: {app: pod}, ports: [{port: 80, targetPort: 8000, nodePort: 30080}]}
"#;

/// A node that stays up until this is dropped.
pub struct Named(String);

impl Named {
    pub fn up(name: &str) -> Self {
        let node = Self(unique(name));
        let output = node.command(&["up"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        node
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        realnode(&self.0, arguments)
    }

    pub fn layout(&self) -> Layout {
        Layout::new(&self.0).unwrap()
    }

    pub fn apply(&self, manifests: &str) {
        let file = std::env::temp_dir().join(&self.0);
        fs::write(&file, manifests).unwrap();
        self.kubectl(&["apply", "--filename", file.to_str().unwrap()]);
        fs::remove_file(file).unwrap();
    }

    pub fn kubectl(&self, arguments: &[&str]) {
        let output = self.command(&["kubectl"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn published(&self) -> String {
        let url = "http://10.10.0.1:30080/starts";
        let words = ["outside", "curl", "--silent", "--fail", "--retry", "20", "--retry-all-errors", "--retry-delay", "1", url];
        let output = self.command(&words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        assert!(self.command(&["down"]).status().unwrap().success());
    }
}

/// A name that no other test has.
pub fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// The program, for this node.
pub fn realnode(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_realnode"));
    command.args(["--name", name]).args(arguments);
    command
}
