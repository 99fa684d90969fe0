//! Names of other tools, where they parse and mean nothing: references, words, templates, attributes,
//! functions.

use super::write;

/// A reference by another tool's rules.
struct Reference {
    /// Its steps; `<x>` takes any, `x_*` one that begins so.
    form: &'static str,
    message: &'static str,
    label: &'static str,
    /// When `<name>`, or the variable of a repetition, is there,
    help: &'static str,
    /// and when it is not.
    otherwise: &'static str,
}

const fn row(
    form: &'static str,
    message: &'static str,
    label: &'static str,
    help: &'static str,
    otherwise: &'static str,
) -> Reference {
    Reference { form, message, label, help, otherwise }
}

static REFERENCES: &[Reference] = &[
    row(
        "var.<name>",
        "a param is named without `var`",
        "this is HCL",
        "write `<name>`",
        "declare it, `param <name>: String;`, and write `<name>`",
    ),
    row(
        "local.<name>",
        "what stands at the top is named without `local`",
        "this is HCL",
        "write `<name>`",
        "set it at the top, `<name> ...;`, and write `<name>`",
    ),
    row(
        "module.<name>",
        "a component is named without `module`",
        "this is HCL",
        "write `<name>`",
        "make it, `<name> extends TEMPLATE { ... }`, and write `<name>`",
    ),
    row(
        "data.<type>.<name>",
        "what exists already is a component too, and named without `data`",
        "this is HCL",
        "write `<name>`",
        "make it, `<name> extends TEMPLATE { startActions []; ... }`, and write `<name>`",
    ),
    row(
        "aws_*.<name>",
        "a component is named without its type",
        "this is HCL",
        "write `<name>`",
        "make it, `<name> extends TEMPLATE { ... }`, and write `<name>`",
    ),
    row(
        "each.<part>",
        "what a repetition runs over has a name of its own, not `each`",
        "this is HCL",
        "write `<variable>`",
        "name it before `in`, `name[key in xs] extends ...`, and write `key`",
    ),
    row(
        "count.index",
        "what a repetition runs over has a name of its own, not `count`",
        "this is HCL",
        "write `<variable>`",
        "name it before `in`, `name[i in 0..3] extends ...`, and write `i`",
    ),
    row(
        "self.<name>",
        "the component itself is `this`",
        "this is another language",
        "write `<name>`",
        "write `this.<name>`",
    ),
    row(
        "terraform.workspace",
        "the environment is the param `env`",
        "this is HCL",
        "write `env`",
        "declare it, `param env: String = \"dev\";`, and write `env`",
    ),
    row(
        "process.env.<name>",
        "nothing is taken from the environment by itself",
        "this is TypeScript",
        "write `<name>`",
        "declare it, `param <name>: String;`, and write `<name>`",
    ),
];

/// What to say of a reference by another tool's rules.
pub struct Foreign {
    pub message: &'static str,
    pub label: &'static str,
    pub help: String,
}

/// What to say of a path whose first name means nothing here. `known` tells which names are there,
/// `variable` is that of the repetition around.
pub fn reference(path: &[&str], known: impl Fn(&str) -> bool, variable: Option<&str>) -> Option<Foreign> {
    REFERENCES.iter().find_map(|row| {
        let steps: Vec<&str> = row.form.split('.').collect();
        let fits = |(step, word): (&&str, &&str)| match step.strip_suffix('*') {
            Some(start) => word.starts_with(start),
            None => step.starts_with('<') || step == word,
        };
        if path.len() < steps.len() || !steps.iter().zip(path).all(fits) {
            return None;
        }
        let name = steps.iter().position(|step| *step == "<name>").map_or("env", |at| path[at]);
        let there = if row.help.contains("<variable>") { variable.is_some() } else { known(name) };
        let help = if there { row.help } else { row.otherwise };
        let rest = path[steps.len()..].join(".");
        // The id of a component is what its name alone stands for.
        let whole = if rest.is_empty() || rest == "id" { "`<name>`".into() } else { format!("`<name>.{rest}`") };
        let help = help.replace("`<name>`", &whole).replace("<name>", name);
        Some(Foreign {
            message: row.message,
            label: row.label,
            help: help.replace("<variable>", variable.unwrap_or("key")),
        })
    })
}

/// Whether a path that begins with this word may be a reference by another tool's rules.
pub fn begins_reference(word: &str) -> bool {
    REFERENCES.iter().any(|row| {
        let first = row.form.split('.').next().unwrap_or("");
        first.strip_suffix('*').map_or(first == word, |start| word.starts_with(start))
    })
}

/// What a word of another language is here.
pub fn word(name: &str) -> Option<&'static str> {
    Some(match name {
        "yes" | "on" | "Yes" | "On" | "YES" | "ON" => "true",
        "no" | "off" | "No" | "Off" | "NO" | "OFF" => "false",
        "None" | "none" | "nil" | "NIL" | "undefined" => "null",
        "self" => "this",
        _ => return None,
    })
}

/// What to write where a template is called by a name of another tool.
pub fn template(name: &str) -> Option<String> {
    let help = match name {
        "Prim" => "a thing that is deployed extends a template of the library, such as `TransientS3Bucket`",
        "DATA" => "write `name { ... }` for a map; values with attributes of their own extend `Data`",
        "Workflow" | "Sequence" | "Parallel" => "a group of components extends `Compound`",
        _ => {
            let known = write::template(name);
            return (known != "TEMPLATE" && known != name).then(|| format!("write `{known}`"));
        }
    };
    Some(help.into())
}

/// A template of that name, for what the library has none of.
pub fn own_template(name: &str) -> String {
    let bare = name.strip_prefix("aws_").unwrap_or(name);
    let template = write::camel(bare, true);
    let text = format!("{template} extends Resource {{ kind \"acme.{template}\"; name: String, identity; }}");
    let then = if template == name { String::new() } else { format!(", and extend `{template}`") };
    format!(
        "the library has none: `tadpole docs` lists its templates; write one, `{text}`{then}, to try it in the sandbox"
    )
}

/// What to write where an attribute is called by a name of another tool that no spelling leads from.
pub fn attribute(name: &str, template: &str) -> Option<String> {
    Some(match name {
        "count" => format!("write `name[i in 0..2] extends {template} {{ ... }}` for several of them"),
        "for_each" | "forEach" => format!("write `name[key in xs] extends {template} {{ ... }}` for several of them"),
        "lifecycle" => "write `terminateActions [];` to keep it, `updateActions [];` to have it never changed".into(),
        "provider" | "providers" => "write `region` and `profile` to say where it lives".into(),
        "ami" | "image" => "write `imageID`".into(),
        "import" => "write it at the top of the file: `import \"lib.cloud\";`".into(),
        "output" => "write it at the top of the file: `output name = ...;`".into(),
        "assert" => "write it at the top of the file: `assert ... : \"...\";`".into(),
        _ => return None,
    })
}

/// What to write for a function that has another name here, or is none.
pub fn function(name: &str) -> Option<&'static str> {
    Some(match name {
        "not" => "write `!`",
        "len" | "size" | "count" => "write `length`",
        "concat" => "write `[...a, ...b]`, or `a + b`",
        "toset" | "set" => "write the list alone, or `distinct(a)`",
        "unique" | "uniq" => "write `distinct(a)`",
        "tolist" | "list" | "tomap" | "map" => "write the value alone",
        "tostring" | "str" | "String" | "toString" => "write `\"${a}\"`",
        "tonumber" | "toNumber" | "parseFloat" | "float" | "Number" => {
            "write `number(a)`, or `int(a)` for a whole number"
        }
        "parseint" | "parseInt" | "toInt" | "atoi" | "Int" | "trunc" => "write `int(a)`",
        "tobool" | "toBool" | "bool" | "Bool" => "write `a == \"true\"`",
        "element" => "write `a[i % length(a)]`",
        "get" | "getOr" => "write `lookup(a, key, otherwise)`",
        "first" | "head" => "write `a[0]`",
        "last" => "write `a[length(a) - 1]`",
        "one" => "write `a[0]`",
        "index" | "find" | "position" => "write `indexOf(a, item)`",
        "substr" | "mid" | "left" | "slicestr" => "write `substring(a, from, to)`; the second is a place, not a length",
        "regex" => "write `capture(a, pattern)` for what is found, `matches(a, pattern)` for whether anything is",
        "regexall" | "findall" | "findAll" | "matchAll" => "write `captureAll(a, pattern)`",
        "match" | "test" | "like" => "write `matches(a, pattern)`",
        "regexReplace" | "replaceAll" | "gsub" | "sub" | "regexreplace" => "write `replacePattern(a, pattern, new)`",
        "jsondecode" | "fromJson" | "fromJSON" | "parseJson" | "parseJSON" | "loads" => "write `jsonDecode(a)`",
        "yamldecode" | "fromYaml" | "fromYAML" | "parseYaml" | "parseYAML" => "write `yamlDecode(a)`",
        "toJson" | "toJSON" | "dumps" | "stringify" => "write `json(a)`",
        "toYaml" | "toYAML" => "write `yaml(a)`",
        "b64enc" | "toBase64" | "btoa" => "write `base64(a)`",
        "b64dec" | "fromBase64" | "atob" => "write `base64Decode(a)`",
        "base64gzip" | "textencodebase64" | "filebase64" => "there is none; a text in Base64 is `base64(a)`",
        "md5" | "sha1" | "filemd5" | "filesha1" => "write `sha256(a)`; of a file, `asset(\"path\").sha256`",
        "filesha256" | "filebase64sha256" | "base64sha256" => "write `asset(\"path\").sha256`, in hexadecimal digits",
        "fileset" | "glob" | "readDir" => "write `keys(folder(\"path\").files)`",
        "readFile" | "readfile" => "write `file(\"path\")`",
        "compact" => "write `[for x in a if x != null: x]`",
        "setunion" | "union" => "write `distinct([...a, ...b])`",
        "setintersection" | "intersection" => "write `[for x in a if contains(b, x): x]`",
        "setsubtract" | "difference" => "write `[for x in a if !contains(b, x): x]`",
        "product" | "crossProduct" => "write `setProduct(a, b)`",
        "alltrue" | "all" => "write `!contains(a, false)`",
        "anytrue" | "any" | "some" => "write `contains(a, true)`",
        "mapValues" => "write `{for key, value in a: key: value}`",
        "filter" => "write `[for x in a if x > 0: x]`",
        "formatlist" => "write `[for x in a: format(\"...%s\", x)]`",
        "cidrsubnets" => "write `[for i in 0..n: cidrSubnet(range, bits, i)]`",
        "chomp" | "trimend" | "rstrip" | "lstrip" => "write `trim(a)`",
        "trimprefix" | "removePrefix" => "write `trimPrefix(a, start)`",
        "trimsuffix" | "removeSuffix" => "write `trimSuffix(a, end)`",
        "strrev" | "reversed" => "write `reverse(a)`",
        "sorted" => "write `sort(a)`",
        "strcontains" | "includes" | "has" | "hasKey" => "write `contains(a, item)`",
        "basename" => "write `reverse(split(a, \"/\"))[0]`",
        "ceiling" => "write `ceil(a)`",
        "capitalize" => "write `title(a)`",
        "mod" => "write `a % b`",
        "timestamp" | "now" | "plantimestamp" | "uuid" | "random" | "bcrypt" => {
            "a program means the same whenever it is read: give it as a param, `param now: String;`"
        }
        "formatdate" | "strftime" => "write `formatDate(time, \"%Y-%m-%d\")`",
        "uuidv5" => "write `uuid5(namespace, name)`",
        "urlencode" | "encodeURIComponent" | "urlquery" => "write `urlEncode(a)`",
        "env" | "getenv" | "environ" => "declare a param, `param name: String;`; a secret is `secret(\"env:NAME\")`",
        "sensitive" => "declare it as `Secret`",
        "jsonencode" => "write `json`",
        "yamlencode" => "write `yaml`",
        "base64encode" => "write `base64`",
        "templatefile" => "write `template`",
        "trimspace" | "strip" => "write `trim`",
        "toUpperCase" | "uppercase" => "write `upper`",
        "toLowerCase" | "lowercase" => "write `lower`",
        "coalesce" | "coalescelist" | "try" | "default" => "write `a ?? b`",
        "can" => "ask for null: `a?.b != null`",
        "zipmap" => "write `{for at, key in keys: key: values[at]}`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::reference;

    #[test]
    fn references_of_hcl_are_shown_as_they_are_written_here() {
        let help = |path: &[&str], known: bool| reference(path, |_| known, Some("zone")).map(|foreign| foreign.help);
        assert_eq!(help(&["var", "env"], true).as_deref(), Some("write `env`"));
        assert_eq!(help(&["aws_s3_bucket", "media", "id"], true).as_deref(), Some("write `media`"));
        assert_eq!(help(&["aws_s3_bucket", "media", "arn"], true).as_deref(), Some("write `media.arn`"));
        assert_eq!(help(&["each", "key"], false).as_deref(), Some("write `zone`"));
        assert_eq!(help(&["var", "env"], false).as_deref(), Some("declare it, `param env: String;`, and write `env`"));
        assert_eq!(help(&["var"], true), None);
        assert_eq!(help(&["media", "arn"], true), None);
    }
}
