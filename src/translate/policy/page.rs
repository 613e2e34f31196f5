//! The page that tells administrators what each field of the policy opens.

use std::fmt::Write;

use super::Policy;

/// A field: its name, what it takes, what of a file it opens, and what the file's words become then.
type Row = (&'static str, &'static str, &'static str, &'static str);

const ROWS: &[Row] = &[
    ("privileged", "true or false", "`privileged: true`: all rights on the node", "`securityContext.privileged`"),
    (
        "capabilities",
        "capabilities, or `ALL`",
        "`cap_add` beyond what every pod may have (`NET_ADMIN`, `SYS_PTRACE`, `NET_RAW` for `ping`, …)",
        "`capabilities.add`",
    ),
    (
        "securityOpts",
        "entries as `key=value`",
        "the entries of `security_opt` that loosen confinement: `seccomp=unconfined`, `apparmor=unconfined` or a profile that the nodes have, \
         `systempaths=unconfined`, `label=user:…`, `label=role:…`, `label=type:…`",
        "`seccompProfile`, `appArmorProfile`, `procMount: Unmasked` with `hostUsers: false`, `seLinuxOptions`",
    ),
    (
        "unsafeSysctls",
        "names; `net.core.*` for all below",
        "`sysctls` beyond the safe ones. Nodes must allow them too (`--allowed-unsafe-sysctls` of the kubelet), or they reject the pod",
        "the pod's `sysctls`",
    ),
    (
        "hostNetwork",
        "true or false",
        "`network_mode: host` and networks of the driver `host`: every port of the node, and no network policy",
        "`hostNetwork`, with the cluster's DNS",
    ),
    ("hostPID", "true or false", "`pid: host`: every process of the node", "`hostPID`"),
    ("hostIPC", "true or false", "`ipc: host`: the node's shared memory", "`hostIPC`"),
    (
        "hostPorts",
        "ports and ranges",
        "`ports` with `mode: host`: a port of the node that the pod runs on",
        "`hostPort` and `hostIP` of the container",
    ),
    ("maxPorts", "a number", "more published ports of one service", "as many ports of `<service>--published`"),
    (
        "hostPaths",
        "a list of `path` (and all below it) and `readOnly` (true unless said otherwise)",
        "absolute sources of volumes that are not among the stack's files, and `propagation`. The engine's sockets are never given. A \
         directory that can be written to can be filled with links that lead out of it",
        "`hostPath`; `slave` and `shared` become `mountPropagation`, `shared` only of privileged services",
    ),
    ("nfs", "servers", "volumes of `driver_opts.type: nfs`", "an `nfs` volume of the pod"),
    ("volumeDrivers", "storage classes by driver", "volumes of other drivers than `local`", "a claim of that class"),
    (
        "rwxStorageClass",
        "a storage class",
        "nothing; says where volumes that several services mount can be on several nodes",
        "`ReadWriteMany` claims of that class; without it their users share one node. A claim that is there already keeps its mode: it must be made anew, with its data",
    ),
    (
        "devices",
        "resources by the device's path or CDI name",
        "`devices`. A DRA class is named as `deviceclass.resource.kubernetes.io/<class>`",
        "one of that extended resource; where it appears in the container is up to its plugin",
    ),
    (
        "gpuDrivers",
        "resources by driver; `tpu` by capability",
        "`gpus` and `deploy.resources.reservations.devices`",
        "as many of that extended resource",
    ),
    ("genericResources", "resources by kind", "`deploy.resources.reservations.generic_resources`", "as many of that extended resource"),
    ("runtimes", "RuntimeClasses by the runtime's name", "`runtime` other than `runc`", "`runtimeClassName`"),
    (
        "annotations",
        "domains (with all below them), beginnings of keys without a domain",
        "`annotations` that network plugins, service meshes and runtimes may obey. Labels of such keys stay labels",
        "annotations of the pod; without it they are left out, with a warning",
    ),
    (
        "externalNetworks",
        "namespaces",
        "networks with a `name`: pods of those namespaces that join it as `external` may reach its members",
        "a further peer of the network's policy",
    ),
    ("externalLinks", "namespaces", "`external_links: [service.namespace:alias]`", "an ExternalName Service"),
    ("modelEndpoint", "a URL that speaks OpenAI's protocol", "`models`", "the variables that name endpoint and model"),
    (
        "serviceAccounts",
        "names; `team-*` for all that begin so",
        "`x-kubernetes.serviceAccountName`: what that account of the namespace may do, the stack's programs may then",
        "`serviceAccountName`",
    ),
    (
        "podOverlay",
        "true or false",
        "`x-kubernetes.podOverlay`: any field of the pod, whatever else this policy says",
        "merged into the pod",
    ),
];

const INTRODUCTION: &str = "# The administrator's policy

What a stack may ask of the cluster beyond its own pods, claims and Services. `compose-operator run --policy FILE` reads it from a YAML file; the
chart makes that file of its value `policy`. `kubectl compose convert --policy FILE` judges a file as the operator would. What isn't allowed
is refused with its path, its position and the field that would allow it, and nothing of that stack is applied:

    services.web.privileged: all rights on the node: allowed by the administrator's policy.privileged only

An unknown field, or a value that no field takes, ends the operator at its start with its name. Pod security admission
(`pod-security.kubernetes.io/enforce: baseline` on the namespaces of stacks) is the second lock: what the policy opens, it must admit too.

```yaml
privileged: false
capabilities: [NET_ADMIN]
hostPaths:
  - path: /srv/media
  - path: /srv/uploads
    readOnly: false
runtimes:
  kata: kata-qemu
```

A field that is given replaces its default as a whole. A change of the policy restarts the services whose pods it changes, and no others.

| field | takes | default | what it opens | what that becomes |
|---|---|---|---|---|
";

/// The page as Markdown.
pub fn page() -> String {
    let defaults = serde_json::to_value(Policy::default()).unwrap_or_default();
    let mut text = INTRODUCTION.to_owned();
    for (field, takes, opens, becomes) in ROWS {
        // Writing into a String can't fail.
        let _ = writeln!(text, "| `{field}` | {takes} | {} | {opens} | {becomes} |", default(&defaults[*field]));
    }
    text
}

fn default(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "none".to_owned(),
        serde_json::Value::Array(items) if items.is_empty() => "none".to_owned(),
        serde_json::Value::Object(fields) if fields.is_empty() => "none".to_owned(),
        serde_json::Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("`{key}: {}`", value.as_str().unwrap_or_default())).collect::<Vec<_>>().join(", ")
        }
        value => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_field_and_no_other() {
        let defaults = serde_json::to_value(Policy::default()).unwrap_or_default();
        let fields: Vec<&str> = defaults.as_object().into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect();
        assert_eq!(ROWS.iter().map(|row| row.0).collect::<Vec<_>>(), fields);
    }
}
