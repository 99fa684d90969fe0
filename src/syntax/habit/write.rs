//! How what stands in the file is written here: values, types, names.

use std::sync::LazyLock;

use regex::Regex;

use crate::syntax::around::token;

/// A name, and what it makes of a text.
type Change = (&'static str, fn(&str) -> String);

/// How what the user wrote is turned into what is written here.
pub(super) const CHANGES: &[Change] = &[
    ("camel", |text| camel(text, false)),
    ("Camel", |text| camel(text, true)),
    ("template", template),
    ("value", value),
    ("trim", |text| text.trim().to_string()),
    ("short", |text| if text.trim_end().len() > 60 { " ...".into() } else { text.trim_end().into() }),
    ("settings", settings),
    ("bucket", |body| called(body, &[("bucket", "bucket")])),
    ("instance", |body| called(body, &[("ami", "imageID"), ("instance_type", "instanceType")])),
    ("source", |body| {
        setting(body, "source")
            .map_or("lib.cloud".into(), |source| format!("{}.cloud", source.trim_matches(['"', '\''])))
    }),
    ("output", |body| setting(body, "value").map_or("...".into(), |of| value(&of))),
    ("param", param),
    ("made", |body| made(body).map_or("name".into(), |(name, _)| name.into())),
    ("extended", |body| made(body).map_or("TEMPLATE".into(), |(_, template)| template.into())),
    ("reference", |text| REFERENCE.replace_all(text, "$1$2").into()),
    ("cloud", |path| format!("{}.cloud", path.rsplit_once('.').map_or(path, |(stem, _)| stem))),
    ("typed", typed),
    ("typeof", |text| type_of(text).into()),
    ("type", type_named),
    ("items", |text| {
        let items = text.lines().filter_map(|line| line.trim().strip_prefix('-'));
        items.map(scalar).collect::<Vec<_>>().join(", ")
    }),
    ("scalar", scalar),
    ("operand", |text| {
        let first = first_value(text);
        let end = match first.strip_prefix('"') {
            Some(text) => text.find('"').map(|at| at + 2),
            None => first.find(' '),
        };
        first[..end.unwrap_or(first.len())].to_string()
    }),
    ("pairs", pairs),
    ("key", |key| if is_name(key) { key.into() } else { format!("\"{key}\"") }),
    ("text", |text| {
        text.trim_end_matches(['“', '”', '„', '‟', '«', '»', '‘', '’']).replace('\\', "\\\\").replace('"', "\\\"")
    }),
    ("python", |text| text.replace('{', "${")),
    ("function", function_of),
    ("more", |args| if args.trim().is_empty() { String::new() } else { format!(", {}", value_list(args)) }),
    ("percent", |text| text.parse::<f64>().map_or_else(|_| "0.5".into(), |percent| format!("{:?}", percent / 100.0))),
    ("grouped", |text| text.replace(',', "_")),
];

/// `web-server` or `web_server` as `webServer`, or with a capital.
pub(super) fn camel(text: &str, capital: bool) -> String {
    let mut out = String::new();
    let mut upper = capital;
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() {
            upper = capital || !out.is_empty();
            continue;
        }
        let first = out.is_empty();
        out.push(if upper {
            c.to_ascii_uppercase()
        } else if first {
            c.to_ascii_lowercase()
        } else {
            c
        });
        upper = false;
    }
    if out.is_empty() { "name".into() } else { out }
}

/// Templates of the library, and what other tools call them: without capitals, `_` and the word `aws`.
const TEMPLATES: &[(&str, &[&str])] = &[
    ("TransientS3Bucket", &["s3bucket", "bucket", "bucketv2", "storagebucket"]),
    ("S3File", &["s3object", "s3bucketobject", "bucketobject", "bucketobjectv2"]),
    ("S3BucketPolicy", &["s3bucketpolicy", "bucketpolicy"]),
    ("ImageInstance", &["instance", "ec2instance", "ec2", "server", "virtualmachine", "vm", "computeinstance"]),
    ("LaunchTemplate", &["launchtemplate", "ec2launchtemplate", "launchconfiguration"]),
    ("Image", &["ami", "ec2ami", "machineimage"]),
    ("TransientVolume", &["ebsvolume", "ebs", "ec2volume", "disk"]),
    ("VolumeAttachment", &["volumeattachment", "ebsattachment"]),
    ("Snapshot", &["ebssnapshot"]),
    ("ElasticIp", &["eip", "elasticipaddress", "elasticip", "ec2eip"]),
    ("KeyPair", &["keypair", "ec2keypair", "sshkey"]),
    ("SecurityGroup", &["securitygroup", "ec2securitygroup"]),
    ("Vpc", &["vpc", "ec2vpc", "virtualnetwork"]),
    ("Subnet", &["subnet", "ec2subnet", "privatesubnet", "publicsubnet"]),
    ("InternetGateway", &["internetgateway", "igw"]),
    ("NatGateway", &["natgateway"]),
    ("RouteTable", &["routetable"]),
    ("Route", &["route"]),
    ("TransientDbInstance", &["dbinstance", "rdsinstance", "database", "databaseinstance", "rds"]),
    ("DbSubnetGroup", &["dbsubnetgroup", "rdssubnetgroup"]),
    ("DbParameterGroup", &["dbparametergroup", "rdsparametergroup"]),
    ("DbSnapshot", &["dbsnapshot"]),
    ("Distribution", &["cloudfrontdistribution", "cloudfront", "cdn"]),
    ("CachePolicy", &["cloudfrontcachepolicy"]),
    ("OriginAccessControl", &["cloudfrontoriginaccesscontrol", "originaccesscontrol"]),
    ("Function", &["cloudfrontfunction"]),
];

/// The template of the library for what other tools call a type.
pub(super) fn template(name: &str) -> String {
    let last = name.rsplit(['.', ' ', ':']).next().unwrap_or(name);
    let plain = last.to_lowercase().replace('_', "");
    let plain = plain.strip_prefix("aws").unwrap_or(&plain);
    let known = TEMPLATES.iter().find(|(_, names)| names.contains(&plain));
    known.map_or("TEMPLATE", |(template, _)| template).into()
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// References of HCL: `var.x`, `local.x`, `aws_s3_bucket.x.id`.
static REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    super::regex(
        r"(?-u:\b)(?:(?:var|local)\.([A-Za-z_][A-Za-z0-9_]*)|aws_[a-z0-9_]+\.([A-Za-z_][A-Za-z0-9_]*)(?:\.id(?-u:\b))?)",
    )
});

/// The first value of a text, as it is written here.
fn value(text: &str) -> String {
    let first = first_value(text.trim_start());
    let inner = first.strip_prefix("toset(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(first);
    let text = match inner {
        "" => "...",
        "True" => "true",
        "False" => "false",
        "None" | "nil" | "undefined" => "null",
        other => other,
    };
    match text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(inner) => format!("\"{}\"", inner.replace('"', "\\\"")),
        None => REFERENCE.replace_all(text, "$1$2").into(),
    }
}

/// Up to the `,`, `;` or bracket that ends a value; `...` for one that ends on another line.
fn first_value(text: &str) -> &str {
    let mut depth = 0;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n') => return if depth == 0 { text[..at].trim_end() } else { "..." },
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') if depth == 0 => return text[..at].trim_end(),
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',' | ';') if depth == 0 => return text[..at].trim_end(),
            (None, '#') => return text[..at].trim_end(),
            (None, _) => {}
        }
    }
    if depth == 0 { text.trim_end() } else { "..." }
}

/// What follows the first key of an object of JSON: `1, "b": 2}` as `1; b 2;`.
fn pairs(text: &str) -> String {
    let first = first_value(text.trim_start());
    let mut out = format!("{};", value(first));
    let mut rest = text.trim_start()[first.len()..].trim_start();
    while let Some((key, behind)) = rest.strip_prefix(',').and_then(|rest| rest.split_once(':')) {
        let key = key.trim().trim_matches('"');
        let first = first_value(behind.trim_start());
        out.push_str(&format!(" {} {};", if is_name(key) { key.into() } else { format!("\"{key}\"") }, value(first)));
        rest = behind.trim_start()[first.len()..].trim_start();
    }
    out
}

fn value_list(text: &str) -> String {
    text.split(',').map(value).collect::<Vec<_>>().join(", ")
}

/// What a block sets a name to, without a change.
fn setting(body: &str, name: &str) -> Option<String> {
    body.lines().find_map(|line| {
        let rest = line.trim_start().strip_prefix(name)?.trim_start();
        Some(first_value(rest.strip_prefix('=')?.trim_start()).to_string())
    })
}

fn settings(body: &str) -> String {
    let lines = body.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once('=')?;
        is_name(name.trim()).then(|| format!("{} {};", name.trim(), value(rest)))
    });
    let lines: Vec<String> = lines.take(2).collect();
    if lines.is_empty() { "name value;".into() } else { lines.join(" ") }
}

/// What a block sets some names to, by what these are called here.
fn called(body: &str, names: &[(&str, &str)]) -> String {
    let set = names.iter().filter_map(|(there, here)| Some(format!("{here} {};", value(&setting(body, there)?))));
    let set: Vec<String> = set.collect();
    if set.is_empty() { "...".into() } else { set.join(" ") }
}

/// The type and default of a `variable` of HCL.
fn param(body: &str) -> String {
    let default = setting(body, "default").map(|default| value(&default));
    let ty = match (setting(body, "type"), &default) {
        (Some(ty), _) => type_named(&ty),
        (None, Some(default)) => type_of(default).into(),
        (None, None) => "String".into(),
    };
    default.map_or_else(|| ty.clone(), |default| format!("{ty} = {default}"))
}

/// The first component in a block, and its template.
fn made(body: &str) -> Option<(&str, &str)> {
    let (before, after) = body.split_once(" extends ")?;
    let name = before.rsplit(|c: char| c.is_whitespace() || c == '{' || c == ';').next()?;
    let template = token(after.trim_start());
    (is_name(name) && !template.is_empty()).then_some((name, template))
}

/// `a, b: number = 1` as `a: String, b: Int`.
fn typed(args: &str) -> String {
    let args = args.split(',').map(str::trim).filter(|arg| !arg.is_empty()).map(|arg| {
        let arg = arg.split('=').next().unwrap_or(arg);
        match arg.split_once(':') {
            Some((name, ty)) => format!("{}: {}", name.trim(), type_named(ty.trim())),
            None => format!("{}: String", arg.trim()),
        }
    });
    args.collect::<Vec<_>>().join(", ")
}

/// The type of a literal.
fn type_of(text: &str) -> &'static str {
    let text = text.trim_start();
    let number = text.split([';', ',', ' ']).next().unwrap_or("").trim_end();
    match text.as_bytes().first() {
        _ if text.starts_with("true") || text.starts_with("false") => "Bool",
        Some(b'0'..=b'9' | b'-') if number.parse::<i64>().is_ok() => "Int",
        Some(b'0'..=b'9' | b'-') if number.parse::<f64>().is_ok() => "Number",
        Some(b'[') => "[String]",
        Some(b'{') => "{String: String}",
        _ => "String",
    }
}

/// A type by what other tools call it.
fn type_named(name: &str) -> String {
    if let Some(inner) = ["list(", "set("].iter().find_map(|of| name.strip_prefix(of)?.strip_suffix(')')) {
        return format!("[{}]", type_named(inner));
    }
    if let Some(inner) = name.strip_prefix("map(").and_then(|rest| rest.strip_suffix(')')) {
        return format!("{{String: {}}}", type_named(inner));
    }
    match name {
        "integer" | "int" | "number" => "Int".into(),
        "float" | "double" => "Number".into(),
        "bool" | "boolean" => "Bool".into(),
        "list" => "[String]".into(),
        "map" | "object" => "{String: String}".into(),
        "any" => "Any".into(),
        "duration" => "Duration".into(),
        other if other.starts_with(|c: char| c.is_ascii_uppercase()) => other.into(),
        _ => "String".into(),
    }
}

/// A scalar of YAML.
fn scalar(text: &str) -> String {
    let text = text.trim();
    let text = text.split(" #").next().unwrap_or(text).trim_end_matches([',', ';', ' ']);
    let plain = matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok();
    if plain || text.starts_with(['"', '\'']) { value(text) } else { format!("\"{}\"", text.replace('"', "\\\"")) }
}

/// The function for a method of another language.
fn function_of(method: &str) -> String {
    let name = match method {
        "toUpperCase" | "to_upper" => "upper",
        "toLowerCase" | "to_lower" => "lower",
        "includes" => "contains",
        "size" | "count" | "len" => "length",
        "strip" => "trim",
        "replaceAll" => "replace",
        "startswith" => "startsWith",
        "endswith" => "endsWith",
        other => other,
    };
    name.into()
}
