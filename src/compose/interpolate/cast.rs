use crate::yaml::{Value, parse_float};

/// The type that a text gets after interpolation, because the schema wants it at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    Bool,
    Int,
    /// Octal with a leading 0 or `0o`.
    Umask,
    Float,
    /// A float of single precision.
    Float32,
}

impl Cast {
    /// The cast at a path, whose list items are written `[]`.
    pub fn at(path: &[&str]) -> Option<Self> {
        match path {
            ["networks", _, "external" | "internal" | "attachable" | "enable_ipv4" | "enable_ipv6"]
            | ["volumes" | "secrets" | "configs", _, "external"] => Some(Self::Bool),
            ["services", _, "pre_start", _, rest @ ..] if container(rest).is_some() => container(rest),
            ["services", _, rest @ ..] => container(rest).or_else(|| workload(rest)).or_else(|| service(rest)),
            ["jobs", _, rest @ ..] => container(rest).or_else(|| workload(rest)),
            _ => None,
        }
    }

    /// The value that a text is, and the words `true` and `false` where YAML 1.1's were used instead.
    ///
    /// # Errors
    /// What is wanted instead.
    pub fn apply(self, text: &str) -> Result<(Value, Option<&'static str>), &'static str> {
        let int = || -> Option<i64> { text.parse().ok() };
        let float = |single: bool| parse_float(text).map(|value| if single { single_precision(value) } else { value });
        match self {
            Self::Bool => boolean(text).ok_or("true or false"),
            Self::Int => int().map(|value| (Value::Int(value), None)).ok_or("an integer"),
            Self::Umask => umask(text).map(|value| (Value::Int(value), None)).ok_or("an octal number of up to 32 bits such as 0022"),
            Self::Float | Self::Float32 => float(self == Self::Float32).map(|value| (Value::Float(value), None)).ok_or("a number"),
        }
    }
}

/// A number with the digits that single precision leaves of it: 0.1 stays 0.1.
pub fn single_precision(value: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the loss of precision is asked for")]
    let single = value as f32;
    single.to_string().parse().unwrap_or(value)
}

fn container(path: &[&str]) -> Option<Cast> {
    match path {
        ["cpu_count" | "cpu_period" | "cpu_quota" | "cpu_rt_period" | "cpu_rt_runtime" | "cpu_shares" | "oom_score_adj" | "pids_limit"]
        | ["ulimits", _]
        | ["ulimits", _, "hard" | "soft"] => Some(Cast::Int),
        ["cpu_percent"] => Some(Cast::Float),
        ["cpus"] => Some(Cast::Float32),
        ["init" | "oom_kill_disable" | "privileged" | "read_only"]
        | ["networks", _, "use_service_name_alias"]
        | ["volumes", "[]", "read_only"]
        | ["volumes", "[]", "volume", "nocopy"] => Some(Cast::Bool),
        ["umask"] => Some(Cast::Umask),
        _ => None,
    }
}

fn workload(path: &[&str]) -> Option<Cast> {
    match path {
        ["depends_on", _, "required" | "restart"] | ["healthcheck", "disable"] | ["stdin_open" | "tty"] => Some(Cast::Bool),
        ["healthcheck", "retries"] | ["ports", "[]", "target"] => Some(Cast::Int),
        _ => None,
    }
}

fn service(path: &[&str]) -> Option<Cast> {
    match path {
        ["scale"] => Some(Cast::Int),
        ["deploy", rest @ ..] => match rest {
            ["replicas"]
            | ["update_config" | "rollback_config", "parallelism"]
            | ["restart_policy", "max_attempts"]
            | ["placement", "max_replicas_per_node"] => Some(Cast::Int),
            ["update_config" | "rollback_config", "max_failure_ratio"] => Some(Cast::Float),
            _ => None,
        },
        _ => None,
    }
}

fn boolean(text: &str) -> Option<(Value, Option<&'static str>)> {
    match text.to_lowercase().as_str() {
        "true" => Some((true.into(), None)),
        "false" => Some((false.into(), None)),
        "y" | "yes" | "on" => Some((true.into(), Some("true"))),
        "n" | "no" | "off" => Some((false.into(), Some("false"))),
        _ => None,
    }
}

fn umask(text: &str) -> Option<i64> {
    let value = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => u32::from_str_radix(&text[2..], 16),
        [b'0', b'o' | b'O', ..] => u32::from_str_radix(&text[2..], 8),
        [b'0', b'b' | b'B', ..] => u32::from_str_radix(&text[2..], 2),
        [b'0', _, ..] => u32::from_str_radix(&text[1..], 8),
        [b'+', ..] => return None,
        _ => text.parse(),
    };
    value.ok().map(i64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn at(path: &str, expected: Option<Cast>) {
        assert_eq!(Cast::at(&path.split('.').collect::<Vec<_>>()), expected, "{path}");
    }

    #[test]
    fn the_schema_decides_by_path() {
        at("services.web.cpus", Some(Cast::Float32));
        at("services.web.scale", Some(Cast::Int));
        at("services.web.pre_start.[].privileged", Some(Cast::Bool));
        at("services.web.pre_start.[].tty", None);
        at("services.web.ulimits.nofile.soft", Some(Cast::Int));
        at("services.web.volumes.[].read_only", Some(Cast::Bool));
        at("services.web.environment.cpus", None);
        at("volumes.data.external", Some(Cast::Bool));
        at("networks.a.internal", Some(Cast::Bool));
        at("name", None);
    }

    #[track_caller]
    fn apply(cast: Cast, text: &str, expected: Result<impl Into<Value>, &'static str>) {
        assert_eq!(cast.apply(text).map(|(value, _)| value), expected.map(Into::into), "{cast:?} {text}");
    }

    #[test]
    fn text_becomes_what_the_schema_wants_or_is_refused() {
        apply(Cast::Int, "-12", Ok(-12));
        apply(Cast::Int, "+1", Ok(1));
        apply(Cast::Int, "1_0", Err::<i64, _>("an integer"));
        apply(Cast::Int, "", Err::<i64, _>("an integer"));
        apply(Cast::Float, "0.5", Ok(0.5));
        apply(Cast::Float, "half", Err::<f64, _>("a number"));
        apply(Cast::Float32, "0.1", Ok(0.1));
        apply(Cast::Float32, "0.123456789", Ok(0.123_456_79));
        apply(Cast::Umask, "077", Ok(63));
        apply(Cast::Umask, "77", Ok(77));
        apply(Cast::Umask, "0o77", Ok(63));
        apply(Cast::Bool, "True", Ok(true));
        apply(Cast::Bool, "1", Err::<bool, _>("true or false"));
        assert_eq!(Cast::Bool.apply("yes"), Ok((true.into(), Some("true"))));
        assert_eq!(Cast::Bool.apply("OFF"), Ok((false.into(), Some("false"))));
    }
}
